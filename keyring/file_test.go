package keyring_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

var (
	textA  = jwkSet(jwk("AAAAAAA", 1, ms0, 0)) + "\n"
	textAB = jwkSet(jwk("BBBBBBA", 2, ms0+1, 0), jwk("AAAAAAA", 1, ms0, 0)) + "\n"
)

// write puts text at path as an atomic replacement, which is a new inode.
func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path+".new", []byte(text), 0o600))
	err := os.Rename(path+".new", path)
	for runtime.GOOS == "windows" && err != nil { // somebody has it open
		err = os.Rename(path+".new", path)
	}
	must(t, err)
}

// notFound is what the system says of a file that doesn't exist, in small letters.
func notFound() string { return strings.ToLower(syscall.ENOENT.Error()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKeyFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// chmod and symlink are the calls of os; tests that need what WASI and Windows do not
// have (file modes, links to absolute paths) skip there.
func chmod(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	if runtime.GOOS == "wasip1" || runtime.GOOS == "windows" {
		t.Skip("no file modes")
	}
	must(t, os.Chmod(path, mode))
}

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if runtime.GOOS == "wasip1" && filepath.IsAbs(target) {
		t.Skip("WASI has no links to absolute paths")
	}
	if runtime.GOOS == "windows" {
		t.Skip("a link takes a privilege")
	}
	must(t, os.Symlink(target, path))
}

func openFile(t testing.TB, path string, onError func(error)) *keyring.File {
	t.Helper()
	f, err := keyring.OpenFile(path, onError)
	must(t, err)
	return f
}

// record is an onError that keeps what it hears.
func record(list *[]error) func(error) {
	return func(err error) { *list = append(*list, err) }
}

// seconds is a time n seconds into the test.
func seconds(n int) time.Time { return at(ms0).Add(time.Duration(n) * time.Second) }

// A fault is something that can happen to a key file; undo makes way for a good one.
type fault struct {
	name string
	do   func(t *testing.T, path string)
	want string // part of the report
}

// faults of R2. Truncation has a test of its own.
func faults() []fault {
	text := func(s string) func(*testing.T, string) {
		return func(t *testing.T, path string) { write(t, path, s) }
	}
	return []fault{
		{"empty", text(""), "the file is empty"},
		{"braces", text("{}"), "member keys is missing"},
		{"no keys", text(`{"keys":[]}`), "no keys"},
		{"garbage tail", text(textA + "garbage"), "something follows"},
		{"a second set", text(textA + textAB), "something follows"},
		{"duplicate kid", text(jwkSet(jwk("AAAAAAA", 1, ms0, 0), jwk("AAAAAAA", 2, ms0, 0))), "kid appears twice"},
		{"a megabyte", text(strings.Repeat(" ", 1<<20)), "too long"},
		{"missing", func(t *testing.T, path string) { must(t, os.Remove(path)) }, notFound()},
		{"directory", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, "not a regular file"},
		{"writable by all", func(t *testing.T, path string) { chmod(t, path, 0o606) }, "writable by its group or by everyone"},
		{"writable by the group", func(t *testing.T, path string) { chmod(t, path, 0o620) }, "writable by its group or by everyone"},
		{"not readable", func(t *testing.T, path string) {
			if os.Geteuid() == 0 {
				t.Skip("root reads everything")
			}
			chmod(t, path, 0)
		}, "permission denied"},
		{"dangling symlink", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			symlink(t, path+".gone", path)
		}, notFound()},
		{"symlink to itself", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			symlink(t, filepath.Base(path), path)
		}, ""},
		{"symlink to a device", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			symlink(t, os.DevNull, path)
		}, "not a regular file"},
	}
}

// R2: on any fault the last good ring stays, and one report is made, however
// often the file is looked at. When it is whole again, it is in use at once, and
// the same fault is reported anew.
func TestR2_LastGoodRingIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links of Unix")
	}
	for _, row := range faults() {
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, textA)
			var reports []error
			f := openFile(t, path, record(&reports))
			good := f.At(seconds(0))
			for round := range 2 {
				row.do(t, path)
				for i := range 5 {
					if r := f.At(seconds(10*round + 2 + i)); r != good {
						t.Fatalf("round %d, At: %s, want the ring as it was", round, ids(r))
					}
					if r := f.Refresh(seconds(10*round + 2 + i)); r != good {
						t.Fatalf("round %d, Refresh: %s, want the ring as it was", round, ids(r))
					}
				}
				if len(reports) != round+1 {
					t.Fatalf("round %d: reports %v, want one each round", round, reports)
				}
				if !strings.Contains(strings.ToLower(reports[round].Error()), row.want) || !strings.Contains(reports[round].Error(), "keys.json") {
					t.Errorf("report %v", reports[round])
				}
				must(t, os.RemoveAll(path))
				write(t, path, []string{textAB, textA}[round])
				good = f.At(seconds(10*round + 8))
				if len(good.Keys()) != 2-round {
					t.Errorf("the repaired file is not in use: %s", ids(good))
				}
			}
			if len(reports) != 2 {
				t.Errorf("reports %v", reports)
			}
		})
	}
}

func TestR2_TruncatedAtEveryByte(t *testing.T) {
	path := newKeyFile(t, textAB)
	var reports []error
	f := openFile(t, path, record(&reports))
	good := f.At(seconds(0))
	whole := len(textAB) - 1 // without the newline nothing is lost
	for n := range whole {
		write(t, path, textAB[:n])
		reports = nil
		for i := range 2 {
			if r := f.At(seconds(2*n + i + 1)); r != good {
				t.Fatalf("%d bytes: %s", n, ids(r))
			}
			if r := f.Refresh(seconds(2*n + i + 1)); r != good {
				t.Fatalf("%d bytes, refreshed: %s", n, ids(r))
			}
		}
		if len(reports) != 1 {
			t.Fatalf("%d bytes: reports %v, want one", n, reports)
		}
		var parse *keyring.ParseError
		if !errors.As(reports[0], &parse) {
			t.Fatalf("%d bytes: %v", n, reports[0])
		}
	}
}

// Secret mounts: keys.json is a link to ..data/keys.json, and ..data a link that
// is swapped to another directory.
func TestR2_SymlinkSwap(t *testing.T) {
	dir := t.TempDir()
	for version, text := range map[string]string{"v1": textA, "v2": textAB} {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, version, "keys.json"), []byte(text), 0o600))
	}
	swap := func(target string) {
		symlink(t, target, filepath.Join(dir, "..new"))
		must(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
	}
	swap("v1")
	path := filepath.Join(dir, "keys.json")
	symlink(t, "..data/keys.json", path)
	var reports []error
	f := openFile(t, path, record(&reports))
	for i, step := range []struct{ target, want string }{
		{"v2", "*BBBBBBA AAAAAAA"}, {"v3", "*BBBBBBA AAAAAAA"}, {"v1", "*AAAAAAA"}, {"v2", "*BBBBBBA AAAAAAA"},
	} {
		swap(step.target)
		if got := ids(f.At(seconds(i + 1))); got != step.want {
			t.Errorf("step %d, to %s: %s, want %s", i, step.target, got, step.want)
		}
	}
	if len(reports) != 1 || !errors.Is(reports[0], fs.ErrNotExist) {
		t.Errorf("reports %v, want one, of the missing v3", reports)
	}
}

// Two different faults are two reports.
func TestFile_EachFaultIsReported(t *testing.T) {
	path := newKeyFile(t, textA)
	var reports []error
	f := openFile(t, path, record(&reports))
	write(t, path, "{}")
	f.Refresh(seconds(1))
	write(t, path, `{"keys":[]}`)
	f.Refresh(seconds(1))
	f.Refresh(seconds(1))
	if len(reports) != 2 {
		t.Errorf("reports %v, want two", reports)
	}
}

// A file that went away and came back, itself and unchanged, ended a fault: the
// next time that it goes is another one.
func TestFile_ComesBackUnchanged(t *testing.T) {
	path := newKeyFile(t, textA)
	rested := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(path, rested, rested))
	var reports []error
	f := openFile(t, path, record(&reports))
	for range 2 {
		must(t, os.Rename(path, path+".away"))
		f.Refresh(seconds(1))
		must(t, os.Rename(path+".away", path))
		f.Refresh(seconds(2))
	}
	if len(reports) != 2 {
		t.Errorf("reports %v, want two", reports)
	}
}

// At looks once per second of the time it is given; Refresh always.
func TestFile_HowOftenItLooks(t *testing.T) {
	path := newKeyFile(t, textA)
	f := openFile(t, path, nil)
	step := func(name string, r *keyring.Keyring, want string) {
		t.Helper()
		if ids(r) != want {
			t.Errorf("%s: %s, want %s", name, ids(r), want)
		}
	}
	step("first", f.At(seconds(10)), "*AAAAAAA")
	write(t, path, textAB)
	step("the same second", f.At(seconds(10).Add(999*time.Millisecond)), "*AAAAAAA")
	step("a goroutine that read the clock before", f.At(seconds(9)), "*AAAAAAA")
	step("the next second", f.At(seconds(11)), "*BBBBBBA AAAAAAA")
	write(t, path, textA)
	step("refresh in the same second", f.Refresh(seconds(11)), "*AAAAAAA")
	write(t, path, textAB)
	step("the clock was set back", f.At(seconds(-3600)), "*BBBBBBA AAAAAAA")
	if f.At(time.Time{}) != nil || f.Refresh(time.Time{}) != nil {
		t.Error("a ring at the zero time")
	}
}

// At must not wait for a look that is going on, not even a stuck one.
func TestFile_ReadersDoNotWait(t *testing.T) {
	path := newKeyFile(t, textA)
	var f *keyring.File
	entered, leave := make(chan bool), make(chan bool)
	f = openFile(t, path, func(error) { entered <- true; <-leave })
	write(t, path, "{}")
	go f.Refresh(seconds(1))
	<-entered
	// A report is being made, and made outside of any lock.
	if f.At(seconds(2)) == nil || f.Refresh(seconds(3)) == nil {
		t.Error("no ring during a report")
	}
	close(leave)
}

// The file is parsed only if its inode, size, time or mode changed. Proven by a
// change that shows in none of them: it must go unseen when the file has rested,
// and be seen when it was fresh, because a file system's clock has steps.
func TestFile_RereadsOnlyWhatChanged(t *testing.T) {
	other := strings.Replace(textA, "AAAAAAA", "CCCCCCA", 1)
	for _, row := range []struct {
		name string
		age  time.Duration
		want string
	}{
		{"rested", time.Hour, "*AAAAAAA"},
		{"fresh", 0, "*CCCCCCA"},
		{"from the future, which must not mean a read at every look", -time.Hour, "*AAAAAAA"},
	} {
		path := newKeyFile(t, textA)
		mtime := time.Now().Add(-row.age)
		must(t, os.Chtimes(path, mtime, mtime))
		f := openFile(t, path, nil)
		must(t, os.WriteFile(path, []byte(other), 0o600))
		must(t, os.Chtimes(path, mtime, mtime))
		if got := ids(f.Refresh(seconds(1))); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

// What each of the signs of a change is for, with a file that has rested.
func TestFile_NoticesEachSign(t *testing.T) {
	rested := time.Now().Add(-time.Hour)
	other := strings.Replace(textA, "AAAAAAA", "CCCCCCA", 1)
	rest := func(t *testing.T, path string) { must(t, os.Chtimes(path, rested, rested)) }
	for _, row := range []struct {
		name   string
		change func(t *testing.T, path string)
		want   string
	}{
		{"inode", func(t *testing.T, path string) { write(t, path, other); rest(t, path) }, "*CCCCCCA"},
		{"size", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(textAB), 0o600))
			rest(t, path)
		}, "*BBBBBBA AAAAAAA"},
		{"time", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(other), 0o600))
			must(t, os.Chtimes(path, rested.Add(time.Second), rested.Add(time.Second)))
		}, "*CCCCCCA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, textA)
			rest(t, path)
			f := openFile(t, path, nil)
			row.change(t, path)
			if got := ids(f.Refresh(seconds(1))); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
	t.Run("mode", func(t *testing.T) {
		path := newKeyFile(t, textA)
		rest(t, path)
		var reports []error
		f := openFile(t, path, record(&reports))
		chmod(t, path, 0o666)
		f.Refresh(seconds(1))
		chmod(t, path, 0o600)
		f.Refresh(seconds(2))
		chmod(t, path, 0o666)
		f.Refresh(seconds(3))
		if len(reports) != 2 {
			t.Errorf("reports %v, want two: the second after a good load", reports)
		}
	})
}

// Keys that are still there are the same keys: same counters, same subkeys. A
// file with the same keys is the same ring.
func TestFile_KeysLiveOn(t *testing.T) {
	path := newKeyFile(t, textA)
	f := openFile(t, path, nil)
	r := f.At(seconds(0))
	r.Primary().CountSeal()
	r.Primary().CountOpen(seconds(0))
	l := keyring.Label{Purpose: "seal"}
	value := r.Primary().Cache(l, func([]byte) any { return new(int) })

	write(t, path, " "+textA)
	if f.Refresh(seconds(0)) != r {
		t.Error("the same keys make another ring")
	}
	same := func(name string) {
		t.Helper()
		k, ok := f.At(seconds(0)).Key("AAAAAAA")
		if c := k.Counters(); !ok || c.Sealed != 1 || c.Opened != 1 || !c.LastOpened.Equal(seconds(0)) {
			t.Errorf("%s: counters %+v", name, c)
		}
		if k.Cache(l, func([]byte) any { return new(int) }) != value {
			t.Errorf("%s: the subkey is derived again", name)
		}
	}
	write(t, path, textAB)
	f.Refresh(seconds(0))
	same("another ring")
	write(t, path, jwkSet(jwk("BBBBBBA", 2, ms0+1, 0), jwk("AAAAAAA", 1, ms0, ms0+day)))
	f.Refresh(seconds(0))
	same("another activation time")

	// The same kid with other bytes is another key, and must not open with the
	// subkeys of the old one.
	write(t, path, jwkSet(jwk("AAAAAAA", 3, ms0, 0)))
	k := f.Refresh(seconds(0)).Primary()
	if k.Counters().Sealed != 0 || k.Cache(l, func([]byte) any { return new(int) }) == value {
		t.Error("another key of the same id took over")
	}
}

// Readable by others is worth one word for the life of the File, and no refusal.
func TestFile_ReadableByOthers(t *testing.T) {
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604} {
		path := newKeyFile(t, textA)
		chmod(t, path, mode)
		var reports []error
		f := openFile(t, path, record(&reports))
		write(t, path, textAB)
		chmod(t, path, mode)
		if got := ids(f.Refresh(seconds(1))); got != "*BBBBBBA AAAAAAA" {
			t.Error(got)
		}
		if len(reports) != 1 || !strings.Contains(reports[0].Error(), "readable by its group or by everyone") {
			t.Errorf("mode %o: reports %v, want one", mode, reports)
		}
	}
}

func TestOpenFile_Refusals(t *testing.T) {
	for _, row := range faults() {
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, textA)
			row.do(t, path)
			f, err := keyring.OpenFile(path, func(error) { t.Error("onError heard of what OpenFile returns") })
			if f != nil || err == nil || !strings.Contains(strings.ToLower(err.Error()), row.want) {
				t.Errorf("%v, %v", f, err)
			}
			var named *fs.PathError
			if !errors.As(err, &named) {
				t.Errorf("%T does not name the file", err)
			}
		})
	}
}

func TestCreateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	r := keyring.Generate()
	must(t, keyring.CreateFile(path, r))
	info, err := os.Stat(path)
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if got := ids(openFile(t, path, func(err error) { t.Error(err) }).At(seconds(0))); got != ids(r) {
		t.Errorf("%s, want %s", got, ids(r))
	}
	if err := keyring.CreateFile(path, keyring.Generate()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwriting: %v", err)
	}
	if err := keyring.CreateFile(path+"2", nil); !errors.Is(err, keyring.ErrNoKey) {
		t.Errorf("no ring: %v", err)
	}
	if _, err := os.Stat(path + "2"); err == nil {
		t.Error("a file for no ring")
	}
	if err := keyring.CreateFile(filepath.Join(path, "under a file"), r); err == nil {
		t.Error("no error for an impossible path")
	}
}

// Two processes that start at once: one creates the file, and whoever finds it
// there finds all of it. Nothing is left beside it.
func TestCreateFile_AtOnce(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		path := filepath.Join(dir, fmt.Sprint(i))
		var created atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			r := keyring.Generate()
			wg.Go(func() {
				switch err := keyring.CreateFile(path, r); {
				case err == nil:
					created.Add(1)
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
				if _, err := keyring.OpenFile(path, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := created.Load(); n != 1 {
			t.Errorf("%d created it", n)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 100 {
		t.Errorf("%d files, want 100: %v", len(files), err)
	}
}

// The first start makes the file and says so, with a warning about a second machine;
// the next one only opens it.
func TestF503_OpenOrCreateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var told []error
	f, err := keyring.OpenOrCreateFile(path, record(&told))
	must(t, err)
	var created *keyring.Created
	if len(told) != 1 || !errors.As(told[0], &created) || created.Path != path || created.KeyID != f.At(seconds(0)).Primary().ID() {
		t.Fatalf("told %v", told)
	}
	for _, part := range []string{path, created.KeyID, "one machine", "FromSecrets"} {
		if !strings.Contains(created.Error(), part) {
			t.Errorf("%q does not say %q", created, part)
		}
	}
	info, err := os.Stat(path)
	if must(t, err); runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	must(t, f.Update((*keyring.Keyring).Rotate)) // it's a File like any other
	again, err := keyring.OpenOrCreateFile(path, record(&told))
	must(t, err)
	if ids(again.At(seconds(0))) != ids(f.At(seconds(0))) || len(told) != 1 {
		t.Errorf("second start: %s, told %v", ids(again.At(seconds(0))), told)
	}
	if _, err := keyring.OpenOrCreateFile(path+"2", nil); err != nil {
		t.Errorf("nobody listens: %v", err)
	}
}

// Only a file that isn't there is made. One at fault may hold keys.
func TestF503_OpenOrCreateFileRefusals(t *testing.T) {
	fail := func(err error) { t.Errorf("onError heard of %v", err) }
	for _, row := range faults() {
		if row.name == "missing" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			path := newKeyFile(t, textA)
			row.do(t, path)
			before, _ := os.ReadFile(path)
			f, err := keyring.OpenOrCreateFile(path, fail)
			if f != nil || err == nil || !strings.Contains(strings.ToLower(err.Error()), row.want) {
				t.Errorf("%v, %v", f, err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was touched")
			}
		})
	}
	path := filepath.Join(t.TempDir(), "missing", "keys.json")
	f, err := keyring.OpenOrCreateFile(path, fail)
	if f != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+": ") || !strings.Contains(err.Error(), "directory first") {
		t.Errorf("no directory: %v", err)
	}
}

// Two processes that start for the first time at once have one key between them,
// and one of them says that it made it.
func TestF503_OpenOrCreateFileAtOnce(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		path := filepath.Join(dir, fmt.Sprint(i))
		var created atomic.Int32
		var kids sync.Map
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				f, err := keyring.OpenOrCreateFile(path, func(err error) {
					if c := (*keyring.Created)(nil); !errors.As(err, &c) {
						t.Error(err)
					}
					created.Add(1)
				})
				if err != nil {
					t.Error(err)
					return
				}
				kids.Store(ids(f.At(seconds(0))), true)
			})
		}
		wg.Wait()
		n := 0
		kids.Range(func(any, any) bool { n++; return true })
		if n != 1 || created.Load() != 1 {
			t.Errorf("%d rings, made by %d", n, created.Load())
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 100 {
		t.Errorf("%d files, want 100: %v", len(files), err)
	}
}

// A file that cannot be a key file, a log or a disk image by mistake, is refused
// without being read into memory.
func TestFile_ReadsNoMoreThanASet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.CreateFile(path, keyring.Generate()); err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	if err := os.Truncate(path, size); err != nil { // a hole: it takes no disk
		t.Skip("no large files here: ", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := keyring.OpenFile(path, nil)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("OpenFile: %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > size/16 {
		t.Errorf("refusing it took %d MB", n>>20)
	}
}

// Without a time there is no ring, and the file is not looked at either: a clock
// that is not set yet must not cost a request a disk.
func TestFile_NoTimeNoLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.CreateFile(path, keyring.Generate()); err != nil {
		t.Fatal(err)
	}
	faults := 0
	file, err := keyring.OpenFile(path, func(error) { faults++ })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if file.At(time.Time{}) != nil || file.Refresh(time.Time{}) != nil {
		t.Error("a ring at the zero time")
	}
	if faults != 0 {
		t.Error("the file was looked at")
	}
	if file.At(time.Now()) == nil || faults != 1 {
		t.Errorf("at a real time: %d faults; the test shows nothing", faults)
	}
}
