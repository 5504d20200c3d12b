package keyring_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

func TestUpdate_InEffectAtOnce(t *testing.T) {
	path := newKeyFile(t, textA)
	f := openFile(t, path, func(err error) { t.Error(err) })
	f.At(seconds(0))
	must(t, f.Update((*keyring.Keyring).Rotate))
	r := f.At(seconds(0)) // the same second: no look at the file
	if len(r.Keys()) != 2 || r.Primary().ID() == "AAAAAAA" {
		t.Errorf("the old ring: %s", ids(r))
	}
	if got := ids(openFile(t, path, nil).At(seconds(0))); got != ids(r) {
		t.Errorf("in the file %s, in effect %s", got, ids(r))
	}
	if f.Refresh(seconds(1)) != r {
		t.Error("our own change came back as another ring")
	}
	info, err := os.Stat(path)
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left := leftovers(t, path); left != "keys.json" {
		t.Errorf("in the directory: %s", left)
	}
}

// leftovers are the files next to a key file, but for the lock, which stays only
// where the system has flock.
func leftovers(t *testing.T, path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "keys.json.lock" {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// The ring given to change is the one in the file, not the one last loaded, as
// it stands now: Retire must know which key is primary.
func TestUpdate_ReadsTheFileAfresh(t *testing.T) {
	path := newKeyFile(t, textA)
	f := openFile(t, path, nil)
	f.At(seconds(0)).Primary().CountSeal()
	write(t, path, jwkSet(jwk("BBBBBBA", 2, ms0+1, ms0+2), jwk("AAAAAAA", 1, ms0, 0)))
	must(t, f.Update(func(r *keyring.Keyring) (*keyring.Keyring, error) {
		if ids(r) != "*BBBBBBA AAAAAAA" {
			t.Errorf("change is given %s", ids(r))
		}
		if k, _ := r.Key("AAAAAAA"); k.Counters().Sealed != 1 {
			t.Error("change is given keys without their counters")
		}
		return r.Retire("AAAAAAA")
	}))
	if got := ids(f.At(seconds(1))); got != "*BBBBBBA" {
		t.Error(got)
	}
}

// Two Files on one path: what one is about to write, the other cannot get
// between. Without the lock, the second change would run to its end inside the
// first and be lost.
func TestUpdate_TwoFilesLoseNoKey(t *testing.T) {
	path := newKeyFile(t, textA)
	one, two := openFile(t, path, nil), openFile(t, path, nil)
	done := make(chan error, 1)
	must(t, one.Update(func(r *keyring.Keyring) (*keyring.Keyring, error) {
		go func() { done <- two.Update((*keyring.Keyring).Rotate) }()
		select {
		case err := <-done:
			t.Error("a second Update ran within the first")
			done <- err
		case <-time.After(50 * time.Millisecond): // it waits for us, as it should
		}
		return r.Rotate()
	}))
	must(t, <-done)
	if r := one.Refresh(seconds(0)); len(r.Keys()) != 3 {
		t.Errorf("a key was lost: %s", ids(r))
	}
}

func TestUpdate_ManyAtOnce(t *testing.T) {
	path := newKeyFile(t, textA)
	var made sync.Map
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			f, err := keyring.OpenFile(path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				if err := f.Update(func(r *keyring.Keyring) (*keyring.Keyring, error) {
					next, err := r.Rotate()
					made.Store(next.Primary().ID(), true)
					return next, err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := openFile(t, path, nil).At(seconds(0))
	made.Range(func(id, _ any) bool {
		if _, ok := r.Key(id.(string)); !ok {
			t.Errorf("key %s was lost", id)
		}
		return true
	})
	keys := r.Keys()
	if len(keys) != 16 {
		t.Errorf("%d keys, want 1 + 5×3", len(keys))
	}
	for i := range keys[1:] {
		if keys[i].Compare(keys[i+1]) != 1 {
			t.Error("not in the order in which they were made")
		}
	}
}

// The same between processes: the test runs itself three times.
func TestUpdate_ProcessesLoseNoKey(t *testing.T) {
	if path := os.Getenv("KEYRING_TEST_ROTATE"); path != "" {
		f := openFile(t, path, nil)
		for range 5 {
			must(t, f.Update((*keyring.Keyring).Rotate))
		}
		return
	}
	if runtime.GOARCH == "wasm" {
		t.Skip("WebAssembly starts no processes")
	}
	path := newKeyFile(t, textA)
	var wg sync.WaitGroup
	var foreign atomic.Bool
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestUpdate_ProcessesLoseNoKey$")
		cmd.Env = append(os.Environ(), "KEYRING_TEST_ROTATE="+path)
		wg.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil && strings.Contains(err.Error(), "exec format error") {
				foreign.Store(true)
			} else if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	if foreign.Load() {
		t.Skip("the tests were compiled for another processor, and the system does not know how to run them")
	}
	if n := len(openFile(t, path, nil).At(seconds(0)).Keys()); n != 16 {
		t.Errorf("%d keys, want 1 + 3×5", n)
	}
}

func TestUpdate_Refusals(t *testing.T) {
	fail := errors.New("changed my mind")
	for _, row := range []struct {
		name   string
		text   string
		change func(*keyring.Keyring) (*keyring.Keyring, error)
		want   error
	}{
		{"change fails", textA, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r, fail }, fail},
		{"no ring", textA, func(*keyring.Keyring) (*keyring.Keyring, error) { return nil, nil }, keyring.ErrNoKey},
		{"the ring it was given", textA, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r, nil }, nil},
		{"an operation refuses", textA, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Retire("AAAAAAA") }, keyring.ErrInUse},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, row.text)
			f := openFile(t, path, nil)
			before, err := os.Stat(path)
			must(t, err)
			if err := f.Update(row.change); !errors.Is(err, row.want) {
				t.Errorf("error %v, want %v", err, row.want)
			}
			after, err := os.Stat(path)
			must(t, err)
			if !os.SameFile(before, after) || ids(f.At(seconds(1))) != "*AAAAAAA" {
				t.Error("the file was written")
			}
			must(t, f.Update((*keyring.Keyring).Rotate)) // the lock was given back
		})
	}
}

// A file at fault is not overwritten: somebody may want to know what was in it.
func TestUpdate_FileAtFault(t *testing.T) {
	for _, row := range faults() {
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, textA)
			f := openFile(t, path, nil)
			row.do(t, path)
			before, _ := os.Lstat(path)
			err := f.Update(func(*keyring.Keyring) (*keyring.Keyring, error) {
				t.Error("change was called")
				return keyring.Generate(), nil
			})
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), row.want) {
				t.Errorf("error %v", err)
			}
			after, _ := os.Lstat(path)
			if (before == nil) != (after == nil) || before != nil && !os.SameFile(before, after) {
				t.Error("the file was replaced")
			}
			if got := ids(f.At(seconds(1))); got != "*AAAAAAA" {
				t.Errorf("the ring is %s", got)
			}
			// Next to what is no key file, there is no business to leave a lock.
			// (Not of a device: that directory is everybody's.)
			if target, err := filepath.EvalSymlinks(path); err == nil && target != os.DevNull {
				info, err := os.Stat(target)
				must(t, err)
				if _, err := os.Stat(target + ".lock"); err == nil && !info.Mode().IsRegular() {
					t.Errorf("a lock file next to %v", info.Mode())
				}
			}
		})
	}
}

func TestUpdate_PanicGivesTheLockBack(t *testing.T) {
	f := openFile(t, newKeyFile(t, textA), nil)
	func() {
		defer func() { recover() }()
		f.Update(func(*keyring.Keyring) (*keyring.Keyring, error) { panic("in change") })
	}()
	must(t, f.Update((*keyring.Keyring).Rotate))
}

// Where the lock cannot be taken at all, nothing is changed.
func TestUpdate_NoLock(t *testing.T) {
	path := newKeyFile(t, textA)
	f := openFile(t, path, nil)
	must(t, os.Mkdir(path+".lock", 0o700))
	if err := f.Update((*keyring.Keyring).Rotate); err == nil || !strings.Contains(err.Error(), "keys.json.lock") || strings.Contains(err.Error(), "10 seconds") {
		t.Errorf("error %v", err)
	}
	if got := ids(f.Refresh(seconds(0))); got != "*AAAAAAA" {
		t.Error(got)
	}
}

// A link stays a link; the file behind it is replaced, and locked under its own
// name, so that all links to it share the lock.
func TestUpdate_ThroughASymlink(t *testing.T) {
	target := newKeyFile(t, textA)
	path := filepath.Join(t.TempDir(), "link.json")
	symlink(t, target, path)
	f := openFile(t, path, nil)
	must(t, f.Update((*keyring.Keyring).Rotate))
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if n := len(openFile(t, target, nil).At(seconds(0)).Keys()); n != 2 {
		t.Error("the target was not")
	}
	if _, err := os.Stat(path + ".lock"); err == nil {
		t.Error("the lock is next to the link, where a second link would not see it")
	}
	if left := leftovers(t, target); left != "keys.json" {
		t.Errorf("next to the target: %s", left)
	}
}

// A fault that Update mends is over: the next one of its kind is reported again.
func TestUpdate_AfterAFault(t *testing.T) {
	path := newKeyFile(t, textA)
	var reports []error
	f := openFile(t, path, record(&reports))
	for range 2 {
		write(t, path, "{}")
		f.Refresh(seconds(1))
		write(t, path, textA)
		must(t, f.Update((*keyring.Keyring).Rotate))
	}
	if len(reports) != 2 {
		t.Errorf("reports %v, want two", reports)
	}
}

// A writer that hangs is waited for, and then named. The clock is the test's own.
func TestUpdate_LockTimesOut(t *testing.T) {
	path := newKeyFile(t, textA)
	synctest.Test(t, func(t *testing.T) {
		f := openFile(t, path, nil)
		start := time.Now()
		must(t, f.Update(func(r *keyring.Keyring) (*keyring.Keyring, error) {
			err := openFile(t, path, nil).Update((*keyring.Keyring).Rotate)
			if err == nil || !strings.Contains(err.Error(), "keys.json.lock") {
				t.Errorf("error %v, want one that names the lock file", err)
			}
			return r, nil
		}))
		if waited := time.Since(start); waited < 10*time.Second || waited > 11*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

// R3, short form: a file that changes all the time, against 64 goroutines. Every
// request has a ring, one whole snapshot of it, and never an older one than the
// request before. Run it under -race.
func TestR3_ReloadStorm(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		// One thread: as long as a goroutine can run, Node's event loop does not,
		// and the writer waits for it for ever.
		t.Skip("a storm needs threads")
	}
	path := newKeyFile(t, textA)
	f := openFile(t, path, func(err error) { t.Error(err) })
	var clock atomic.Int64 // a second for each change, so that At looks after each
	var stop atomic.Bool
	var requests atomic.Int64
	label := keyring.Label{Purpose: "seal"}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			last := f.At(seconds(0)).Primary()
			for n := 0; !stop.Load(); n++ {
				requests.Add(1)
				now := seconds(int(clock.Load()))
				r := f.At(now)
				if i%8 == 0 && n%8 == 0 {
					r = f.Refresh(now)
				}
				p := r.Primary()
				if k, ok := r.Key(p.ID()); !ok || k.Compare(p) != 0 || p.ID() == "" {
					t.Error("the primary of a ring is not in it")
				}
				if p.Compare(last) < 0 {
					t.Errorf("from primary %v back to %v", last, p)
				}
				sub := p.Cache(label, func(sub []byte) any { return string(sub) })
				if sub != string(p.Derive(label)) {
					t.Error("a subkey of another key")
				}
				p.CountSeal()
				p.CountOpen(now)
				last = p
				runtime.Gosched() // 64 busy loops on few cores would starve the writer
			}
		})
	}
	r := f.At(seconds(0))
	for range 300 {
		r, _ = r.Rotate()
		if keys := r.Keys(); len(keys) > 3 {
			r, _ = r.Retire(keys[3].ID())
		}
		write(t, path, string(r.JWKSet()))
		f.At(seconds(int(clock.Add(1))))
	}
	stop.Store(true)
	wg.Wait()
	if got := ids(f.Refresh(seconds(0))); got != ids(r) {
		t.Errorf("in the end %s, want %s", got, ids(r))
	}
	t.Logf("%d requests", requests.Load())
}
