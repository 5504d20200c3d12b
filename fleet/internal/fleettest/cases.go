package fleettest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/marks"
)

// quick are settings with which keys change every two seconds.
func quick(_ int, c *fleet.Config) {
	c.Longest = 20 * time.Second
	c.Beat = 100 * time.Millisecond
	c.Rotation = fleet.Rotation{Every: 2 * time.Second, Ahead: time.Second, Keep: c.Longest}
}

// Endure starts an instance for each engine, on a storage that holds nothing. Then keys
// change, and sessions begin, come back and end, while each round strikes at the engine, and
// mends it once twenty sessions more have ended. The next strike comes after all instances
// have heard news again. Mend may be nil. Nothing may be lost.
func Endure(t *testing.T, engines []fleet.Engine, rounds int, strike, mend func(round int)) {
	d := NewDrill(t, engines, Pace)
	d.Rings()
	d.mustHaveBegunOnce()
	d.Begin()
	for round := range rounds {
		ended := d.Ended()
		strike(round)
		Eventually(t, "sessions end after a strike", func() bool { return d.Ended() > ended+20 })
		if mend != nil {
			mend(round)
		}
		Eventually(t, "the keys change", func() bool { return d.Primaries() > round })
		d.hear()
	}
	Eventually(t, "300 sessions are ended", func() bool { return d.Ended() >= 300 })
	d.End()
	d.Rings()
	d.MustHaveLostNothing()
	d.MustAllBeEnded(300)
}

// RestoredCopy tests a server that is restored from an older copy of its directory: a watch
// that goes on tells what is there now. Both engines are of that server.
func RestoredCopy(t *testing.T, listening, writing fleet.Engine, dir *string, kill, start func()) {
	l := Listen(t, listening)
	store := func(format string, many int) {
		t.Helper()
		for i := range many {
			name := fmt.Sprintf(format, i)
			Eventually(t, name+" is stored", func() bool {
				return writing.Append(t.Context(), name, []byte("v"), time.Hour) == nil
			})
		}
	}
	rev, err := writing.Swap(t.Context(), "ring", []byte("old"), 0)
	if err != nil {
		t.Fatal(err)
	}
	store("m.before-%d", 5)
	kill()
	old := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(old, os.DirFS(*dir)); err != nil {
		t.Fatal(err)
	}
	start()
	Eventually(t, "ring is swapped", func() bool {
		_, err := writing.Swap(t.Context(), "ring", []byte("new"), rev)
		return err == nil || errors.Is(err, fleet.ErrConflict) // stored before, without an answer
	})
	store("m.lost-%d", 5)
	l.Has(t, "m.lost-4", "v")
	l.Has(t, "ring", "new")
	l.Stop()

	kill()
	if err := os.RemoveAll(*dir); err != nil {
		t.Fatal(err)
	}
	*dir = old
	start()
	store("m.after-%d", 20) // past the newest revision that was told
	l = Listen(t, listening)
	for i := range 20 {
		l.Has(t, fmt.Sprintf("m.after-%d", i), "v")
	}
	l.Has(t, "ring", "old") // so that somebody writes the new one back
	l.Stop()
}

// SilentWatch tests that a watch which goes silent does no harm to its instance, and that
// the watchdog of the fleet is why. Start returns what opens engines over a storage that is
// empty.
func SilentWatch(t *testing.T, start func() (open func() fleet.Engine)) {
	for _, watchdog := range []bool{true, false} {
		t.Run(fmt.Sprintf("watchdog=%v", watchdog), func(t *testing.T) {
			open := start()
			mute := &Mute{Engine: open(), Lull: !watchdog}
			d := NewDrill(t, []fleet.Engine{mute, open(), open()}, func(i int, c *fleet.Config) {
				quick(i, c)
				// An instance that writes rings comes too late with one that it hasn't heard
				// of, and finds out like that. This one doesn't.
				c.Rotation.ReadOnly = i == 0
			})
			behind, ahead := d.Members[0], d.Members[1]
			d.Rings()
			mute.Silence()
			before := ahead.Status().Sequence
			// A session under a key that is two rings newer is one that the silent watch
			// hasn't told.
			Eventually(t, "the keys change twice", func() bool { return ahead.Status().Sequence >= before+4 })
			if watchdog {
				d.Rings()
				if behind.Status().Counters.Reopened == 0 {
					t.Error("the watch wasn't opened again")
				}
			} else if got := behind.Status().Sequence; got > before+1 {
				t.Errorf("a watch that is silent told of ring %d after %d", got, before)
			}
			lost := func() bool {
				s, _, err := ahead.start("value")
				if err != nil {
					t.Fatal(err)
				}
				return note.Get(behind.store.Load(s.cookies, time.Now())) != s.value
			}
			// Once is enough: a load at the moment of a change may be lost, or not, if the
			// test stands still for a second.
			Eventually(t, fmt.Sprintf("a session of another instance is opened: %v", watchdog), func() bool { return lost() != watchdog })
		})
	}
}

// SilentConnection tests that a watch whose connection swallows everything ends by itself,
// and that the next one gets through. Only the engine goes through the proxy, and writing
// is another one over the same storage.
func SilentConnection(t *testing.T, engine fleet.Engine, proxy *Proxy, writing fleet.Engine) {
	l := Listen(t, engine)
	Eventually(t, "Synced", func() bool { return l.Synced() > 0 })
	store := func(name string) {
		t.Helper()
		Eventually(t, name+" is stored", func() bool {
			return writing.Append(t.Context(), name, []byte("v"), time.Hour) == nil
		})
		l.Has(t, name, "v")
	}
	for i := range 2 {
		store(fmt.Sprintf("m.before-%d", i))
		proxy.Silence()
		store(fmt.Sprintf("m.after-%d", i))
	}
}

// WhatIsStored tests that what an engine holds, and what it tells, has no trace of keys, of
// users or of sessions. Files returns everything that the storage has on its disk; it may
// stop it.
func WhatIsStored(t *testing.T, open func() fleet.Engine, told *Listener, files func() []byte) {
	var tr Traces
	d := NewDrill(t, []fleet.Engine{open(), open()}, quick)
	d.Rings()
	d.Begin()
	now := time.Now().Unix()
	for i := range 20 {
		for _, m := range []marks.Mark{
			{Kind: marks.User, ID: fmt.Sprintf("user-%d@shop.example", i)},
			{Kind: marks.Link, ID: fmt.Sprintf("sid:https://id.example#08a5-%d", i)},
			{Kind: marks.Session, ID: fmt.Sprintf("Zm9vYmFyYmF6cXV4%06d", i)},
		} {
			if m.Kind != marks.Session {
				m.Before = now
			}
			m.Until = now + 1000
			tr.Mark(m)
			Eventually(t, m.ID+" is ended", func() bool { return d.Members[i%2].End(t.Context(), m) == nil })
		}
	}
	first := d.Members[0].Status().Sequence
	Eventually(t, "the keys change", func() bool {
		tr.Key(t, d.Members[0].At(time.Now()))
		return d.Members[0].Status().Sequence > first+1
	})
	Eventually(t, "sessions end", func() bool { return d.Ended() >= 20 })
	d.End()
	for _, m := range d.Marks() {
		tr.Mark(m)
	}
	// What a fleet would store whose names were hashes without a key is found.
	engine := open()
	if err := engine.Append(context.WithoutCancel(t.Context()), tr.Planted(), []byte("planted"), time.Hour); err != nil {
		t.Fatal(err)
	}
	told.Has(t, tr.Planted(), "planted")
	want := []string{"an unkeyed hash in hexadecimal"}
	if found := tr.In(told.All()); !slices.Equal(found, want) {
		t.Errorf("what the engine tells has %q in it, want %q, which were planted", found, want)
	}
	text := files()
	if found := tr.In(text); !slices.Equal(found, want) {
		t.Errorf("what the engine stores has %q in it, want %q, which were planted", found, want)
	}
	t.Logf("searched %d bytes that were told and %d that were stored for %d things", len(told.All()), len(text), len(tr.needles))
}

// Files returns what all files of a directory hold.
func Files(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
