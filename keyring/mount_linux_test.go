package keyring_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// mount makes source show at target as well, for the rest of this test and for
// nobody else: the test's thread gets mounts of its own, and ends with the test.
func mount(t *testing.T, source, target string) (remount func()) {
	t.Helper()
	runtime.LockOSThread() // and never unlock
	err := syscall.Unshare(syscall.CLONE_NEWNS)
	if err == nil {
		err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	}
	if err == nil {
		err = syscall.Mount(source, target, "", syscall.MS_BIND, "")
	}
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" && os.Geteuid() == 0 {
			t.Fatalf("root cannot mount here (%v), and HARDTACK_CI=1 asks for every test", err)
		}
		t.Skipf("no right to mount (%v): a key file that is mounted by itself was not tried", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(target, syscall.MNT_DETACH)) })
	return func() {
		must(t, syscall.Unmount(target, 0))
		must(t, syscall.Mount(source, target, "", syscall.MS_BIND, ""))
	}
}

// mountedAlone is a key file on a host, and the place in a container where it is
// mounted by itself.
func mountedAlone(t *testing.T) (host, inside string, remount func()) {
	host = newKeyFile(t, textA)
	inside = filepath.Join(t.TempDir(), "keys.json")
	write(t, inside, "")
	return host, inside, mount(t, host, inside)
}

const cure = "mount its directory"

func TestF408_RotationInsideNamesTheCure(t *testing.T) {
	host, inside, _ := mountedAlone(t)
	f := openFile(t, inside, func(err error) { t.Error(err) })
	err := f.Update((*keyring.Keyring).Rotate)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), cure) || !strings.Contains(err.Error(), inside) {
		t.Errorf("error %v", err)
	}
	if left := leftovers(t, inside); left != "keys.json" {
		t.Errorf("left behind: %s", left)
	}
	text, err := os.ReadFile(host)
	if must(t, err); string(text) != textA || ids(f.Refresh(seconds(0))) != "*AAAAAAA" {
		t.Error("a rotation that failed changed something")
	}
}

func TestF408_RotationOutsideIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, inside, remount := mountedAlone(t)
		var told []error
		f := openFile(t, inside, record(&told))
		must(t, openFile(t, host, nil).Update(func(r *keyring.Keyring) (*keyring.Keyring, error) {
			return r.Add(key(t, "BBBBBBA", 2, ms0+1, 0))
		}))
		for range 6 { // seconds of the test's own clock
			if got := ids(f.At(time.Now())); got != "*AAAAAAA" {
				t.Errorf("the ring is %s: was the file not mounted by itself?", got)
			}
			time.Sleep(time.Second)
		}
		if len(told) != 1 || !strings.Contains(told[0].Error(), cure) || !strings.Contains(told[0].Error(), inside) {
			t.Errorf("told %v, want the cure once", told)
		}
		remount() // as a restart of the container does
		if got := ids(f.At(time.Now())); got != "*AAAAAAA BBBBBBA" || len(told) != 1 {
			t.Errorf("mounted again: %s, told %v", got, told)
		}
	})
}

// The cure works: with the directory mounted, rotations reach both sides.
func TestF408_DirectoryMounted(t *testing.T) {
	host := newKeyFile(t, textA)
	dir := t.TempDir()
	mount(t, filepath.Dir(host), dir)
	fail := func(err error) { t.Error(err) }
	outer, inner := openFile(t, host, fail), openFile(t, filepath.Join(dir, filepath.Base(host)), fail)
	for i, f := range []*keyring.File{outer, inner} {
		must(t, f.Update((*keyring.Keyring).Rotate))
		for _, other := range []*keyring.File{outer, inner} {
			if n := len(other.Refresh(seconds(i)).Keys()); n != i+2 {
				t.Errorf("rotation %d: %d keys", i, n)
			}
		}
	}
}

// The same without the right to mount: a path under /proc leads to an open file
// that has lost its name, as the mount does.
func TestF408_FileWithoutAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newKeyFile(t, textA)
		open, err := os.Open(path)
		must(t, err)
		defer open.Close()
		link := fmt.Sprintf("/proc/self/fd/%d", open.Fd())
		var told, never []error
		f := openFile(t, link, record(&told))
		look := func(f *keyring.File) { // for five seconds
			for range 5 {
				f.At(time.Now())
				time.Sleep(time.Second)
			}
		}
		look(f)
		if len(told) != 0 {
			t.Fatalf("told %v of a file that has a name", told)
		}
		must(t, os.Remove(path))
		f.Refresh(time.Now())
		if len(told) != 0 {
			t.Errorf("told %v at once: it may be a rename under way", told)
		}
		look(f)
		if len(told) != 1 || !strings.Contains(told[0].Error(), cure) || ids(f.At(time.Now())) != "*AAAAAAA" {
			t.Errorf("told %v, ring %s", told, ids(f.At(time.Now())))
		}

		// Nothing is known where a file never had a name: some file systems count none.
		look(openFile(t, link, record(&never)))
		if len(never) != 0 {
			t.Errorf("told %v", never)
		}
	})
}
