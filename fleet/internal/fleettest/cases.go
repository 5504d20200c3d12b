package fleettest

import (
	"context"
	"fmt"
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
			if err := d.Members[i%2].End(t.Context(), m); err != nil {
				t.Fatal(err)
			}
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
