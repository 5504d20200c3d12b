package reliability_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
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

// link replaces path by a symbolic link, in one step.
func link(t *testing.T, target, path string) {
	t.Helper()
	if err := errors.Join(os.Symlink(target, path+".new"), os.Rename(path+".new", path)); err != nil {
		t.Error(err)
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
		"group writable":  func() { put(t, path, good, 0o660) },
		"world writable":  func() { put(t, path, good, 0o602) },
		"link to nothing": func() { link(t, path+".nowhere", path) },
		"link to garbage": func() {
			put(t, path+".garbage", "garbage", 0o600)
			link(t, path+".garbage", path)
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

	// The load: four clients that read and write while the file goes bad and
	// comes back.
	const goroutines = 4
	var requests, failed atomic.Int64
	clients := make([]*client, goroutines)
	for g := range clients {
		clients[g] = newClient(t).at(in)
		clients[g].must(t, "POST", fmt.Sprint("/login?id=user", g))
	}
	var load sync.WaitGroup
	start := func() {
		for g, c := range clients {
			id := fmt.Sprint("user", g)
			load.Go(func() {
				for n := range size(2, 20) {
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
	}
	// look lets the clock go on, so that a request looks at the file.
	probe := newClient(t).at(in)
	probe.must(t, "POST", "/set?v=probe")
	look := func() {
		clock.advance(time.Second)
		if r := probe.must(t, "GET", "/get", navigation...); r.body != "probe" {
			failed.Add(1)
		}
		// The one that looks holds up nobody, so it may still be at it. A refresh
		// waits for it, and itself sees the same file.
		file.Refresh(clock.now())
	}
	faults := keyFaults(t, path, good)
	for name, make := range faults {
		// A directory cannot take the place of a file in one step: it may be seen
		// to be missing, which is another fault, on the way there and back.
		most := int64(1)
		if name == "directory" {
			most = 3
		}
		before := reports.Load()
		start()
		make()
		look()
		look()
		if id := file.At(clock.now()).Primary().ID(); id != "tst003A" {
			t.Errorf("%s: the primary is %q", name, id)
		}
		if name == "directory" {
			os.Remove(path)
		}
		put(t, path, good, 0o600)
		look()
		// Whoever met the fault reports it, but only after it has let go of the file,
		// so Refresh may return before.
		load.Wait()
		if got := reports.Load() - before; got < 1 || got > most {
			t.Errorf("%s, and good again: %d reports, the last is %v", name, got, last.Load())
		}
	}
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
	link(t, target(0), path)
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
	// The requests come at the pace of the reloads. Without that, 64 busy
	// goroutines would leave the reloads no processor to happen on.
	const perReload = 4
	work := make(chan struct{}, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		id := fmt.Sprint("user", g)
		wg.Go(func() {
			var lines []string
			for n := 0; ; n++ {
				if _, ok := <-work; !ok {
					return
				}
				load := func() *ssestore.Session {
					loads.Add(1)
					return store.Load(lines, now)
				}
				s := load()
				if n > 0 && (s.Principal().Identity().ID != id || note.Get(s) != fmt.Sprint(n-1)) {
					broken.Add(1)
				}
				stamp, err := s.Principal().Stamp(id, "secret")
				if err != nil || s.Principal().Begin(id, stamp, nil) != nil || note.Set(s, fmt.Sprint(n)) != nil {
					broken.Add(1)
				}
				runtime.Gosched() // let the ring move in the middle of the request
				// The power check: what two requests see is not always the same.
				if other, err := load().Principal().Stamp(id, "secret"); err != nil || other.KeyID != stamp.KeyID {
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
	tick := time.NewTicker(600 * time.Microsecond) // with room for a slow one now and then
	for i := range reloads {
		<-tick.C
		for range perReload {
			select {
			case work <- struct{}{}:
			default: // they are behind
			}
		}
		link(t, target(i%order), path)
		file.Refresh(now)
	}
	took := time.Since(begin)
	tick.Stop()
	close(work)
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
