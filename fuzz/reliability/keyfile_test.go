package reliability_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// put replaces the key file by one with this text, as a deployment does.
func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(temp, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
}

// keyFaults is everything that can be wrong with a key file, made at path. The
// good text is truncated at every byte besides.
func keyFaults(t *testing.T, path, good string) map[string]func() {
	text := func(s string) func() { return func() { put(t, path, s, 0o600) } }
	faults := map[string]func(){
		"empty":         text(""),
		"{}":            text("{}"),
		"no keys":       text(`{"keys":[]}`),
		"garbage tail":  text(good + "x"),
		"twice":         text(good + good),
		"not JSON":      text(strings.Repeat("\x00", len(good))),
		"duplicate kid": text(strings.Replace(good, "tst002A", "tst001A", 1)),
		"duplicate k":   text(strings.Replace(jwkSet(1, 1), "tst001A", "tst009A", 1)),
		"short k":       text(strings.Replace(good, `"k":"`, `"k":"AA`, 1)),
		"missing":       func() { os.Remove(path) },
		"directory": func() {
			os.Remove(path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"group writable": func() { put(t, path, good, 0o660) },
		"world writable": func() { put(t, path, good, 0o602) },
		"link to nothing": func() {
			os.Remove(path)
			if err := os.Symlink(path+".nowhere", path); err != nil {
				t.Fatal(err)
			}
		},
		"link to garbage": func() {
			put(t, path+".garbage", "garbage", 0o600)
			if err := os.Symlink(path+".garbage", path+".new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for n := range len(good) - 1 { // the last byte is the line's end, which may be missing
		faults[fmt.Sprintf("truncated at byte %d of %d", n, len(good))] = text(good[:n])
	}
	return faults
}

// TestR2_KeyFileFaultsUnderLoad: whatever happens to the key file, the last good
// ring stays, no request fails, and each fault is reported once.
func TestR2_KeyFileFaultsUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	good := jwkSet(3, 2, 1)
	put(t, path, good, 0o600)
	var reports atomic.Int64
	var last atomic.Value
	file, err := keyring.OpenFile(path, func(err error) {
		reports.Add(1)
		last.Store(err.Error())
	})
	if err != nil {
		t.Fatal(err)
	}
	clock := newClock()
	in := newInstance(t, options{keys: file, now: clock.now, store: ssestore.Config{Idle: 24 * time.Hour, Absolute: 48 * time.Hour}})

	// The load: clients that read and write all the time.
	const goroutines = 4
	var requests, failed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range goroutines {
		c := newClient(t).at(in)
		id := fmt.Sprint("user", g)
		c.must(t, "POST", "/login?id="+id)
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				value := fmt.Sprint(n)
				for _, ask := range [][3]string{{"GET", "/who", id}, {"POST", "/set?v=" + value, ""}, {"GET", "/get", value}} {
					r, err := c.do(ask[0], ask[1], navigation...)
					requests.Add(1)
					if err != nil || r.status != http.StatusOK || r.body != ask[2] {
						failed.Add(1)
					}
				}
			}
		})
	}
	// look lets the clock go on, and requests with it, until one of them has
	// looked at the file.
	probe := newClient(t).at(in)
	probe.must(t, "POST", "/set?v=probe")
	look := func() {
		clock.advance(2 * time.Second)
		if r := probe.must(t, "GET", "/get", navigation...); r.body != "probe" {
			failed.Add(1)
		}
		// The one that looks holds up nobody, so it may still be at it. A refresh
		// waits for it, and itself sees the same file.
		file.Refresh(clock.now())
	}
	faults := keyFaults(t, path, good)
	for name, make := range faults {
		before := reports.Load()
		make()
		look()
		look()
		if got := reports.Load() - before; got != 1 {
			t.Errorf("%s: %d reports, the last is %v", name, got, last.Load())
		}
		if id := file.At(clock.now()).Primary().ID(); id != "tst003A" {
			t.Errorf("%s: the primary is %q", name, id)
		}
		os.Remove(path) // also where it is a directory now
		put(t, path, good, 0o600)
		look()
		if got := reports.Load() - before; got != 1 {
			t.Errorf("%s, and good again: %d reports", name, got)
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("R2: %d faults (%d of them truncations), %d reports, %d requests meanwhile: %d failed",
		len(faults), len(good)-1, reports.Load(), requests.Load(), failed.Load())
	if failed.Load() != 0 {
		t.Errorf("%d requests failed", failed.Load())
	}
	// The file is still followed: this is not a ring that never changes.
	put(t, path, jwkSet(4, 3), 0o600)
	look()
	if id := file.At(clock.now()).Primary().ID(); id != "tst004A" {
		t.Errorf("after all the faults a good file is not read: primary %q", id)
	}
}

// snapshots counts how often the store asks for the ring.
type snapshots struct {
	*keyring.File
	asked atomic.Int64
}

func (s *snapshots) At(now time.Time) *keyring.Keyring {
	s.asked.Add(1)
	return s.File.At(now)
}

// TestR3_ReloadStorm: the key file changes a thousand times a second while 64
// goroutines make requests. Each request sees one ring: seal and stamp of a
// login are under the same key. Run it with -race.
func TestR3_ReloadStorm(t *testing.T) {
	const goroutines, order = 64, 8
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	target := func(i int) string { return filepath.Join(dir, fmt.Sprintf("keys%d.json", i)) }
	// The same eight keys, another one first in each: every session opens under
	// each ring, and whoever saw two of them shows it.
	for i := range order {
		var numbers []int
		for j := range order {
			numbers = append(numbers, 1+(i+j)%order)
		}
		put(t, target(i), jwkSet(numbers...), 0o600)
	}
	point := func(i int) {
		if err := errors.Join(os.Symlink(target(i), path+".new"), os.Rename(path+".new", path)); err != nil {
			t.Error(err)
		}
	}
	point(0)
	var reports atomic.Int64
	file, err := keyring.OpenFile(path, func(error) { reports.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	source := &snapshots{File: file}
	store, err := ssestore.New(ssestore.Config{Keys: source})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()

	var requests, loads, broken, torn, moved atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range goroutines {
		id := fmt.Sprint("user", g)
		wg.Go(func() {
			var lines []string
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				load := func() *ssestore.Session {
					loads.Add(1)
					return store.Load(lines, now)
				}
				s := load()
				if n > 0 && (s.Identity().ID != id || note.Get(s) != fmt.Sprint(n-1)) {
					broken.Add(1)
				}
				stamp, err := s.Stamp("", id, "secret")
				if err != nil || s.Begin(id, stamp, nil) != nil || note.Set(s, fmt.Sprint(n)) != nil {
					broken.Add(1)
				}
				// The power check: what two requests see is not always the same.
				if other, err := load().Stamp("", id, "secret"); err != nil || other.KeyID != stamp.KeyID {
					moved.Add(1)
				}
				out, err := s.Commit(http.StatusOK)
				if err != nil || len(out.SetCookie) == 0 || out.Refused != cookie.ReasonNone {
					broken.Add(1)
					continue
				}
				if out.KeyID != stamp.KeyID {
					torn.Add(1)
				}
				value, _, _ := strings.Cut(out.SetCookie[0], ";")
				lines = []string{value}
				requests.Add(1)
			}
		})
	}
	reloads := size(2_000, 30_000)
	begin := time.Now()
	tick := time.NewTicker(time.Millisecond)
	for i := range reloads {
		<-tick.C
		point(i % order)
		file.Refresh(now)
	}
	took := time.Since(begin)
	tick.Stop()
	close(stop)
	wg.Wait()
	t.Logf("R3: %d reloads in %v (%.0f/s), %d requests on %d goroutines: %d errors, %d saw two rings, %d faults of the file; %d times the ring moved during a request",
		reloads, took.Round(time.Millisecond), float64(reloads)/took.Seconds(), requests.Load(), goroutines, broken.Load(), torn.Load(), reports.Load(), moved.Load())
	if broken.Load() != 0 || torn.Load() != 0 || reports.Load() != 0 {
		t.Error("want none of these")
	}
	if source.asked.Load() != loads.Load() {
		t.Errorf("%d requests asked %d times for the ring", loads.Load(), source.asked.Load())
	}
	if moved.Load() == 0 {
		t.Error("the ring never moved during a request: this test proves nothing")
	}
}
