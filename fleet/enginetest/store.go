package enginetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// namesAndValues: what Check refuses isn't stored, and everything else comes back as it
// was.
func (s *suite) namesAndValues() {
	e := s.open()
	ctx, cancel := s.limited()
	defer cancel()
	for _, c := range []struct {
		name  string
		value []byte
		want  error
	}{
		{"", []byte("v"), fleet.ErrBadName},
		{strings.Repeat("a", 65), []byte("v"), fleet.ErrBadName},
		{"A", []byte("v"), fleet.ErrBadName},
		{"a_b", []byte("v"), fleet.ErrBadName},
		{"a b", []byte("v"), fleet.ErrBadName},
		{"a/b", []byte("v"), fleet.ErrBadName},
		{"a*", []byte("v"), fleet.ErrBadName},
		{"a.>", []byte("v"), fleet.ErrBadName},
		{"a..b", []byte("v"), fleet.ErrBadName},
		{"a'", []byte("v"), fleet.ErrBadName},
		{"a\x00", []byte("v"), fleet.ErrBadName},
		{"\u00e9", []byte("v"), fleet.ErrBadName},
		{"ok", nil, fleet.ErrBadValue},
		{"ok", []byte{}, fleet.ErrBadValue},
		{"ok", make([]byte, 16385), fleet.ErrBadValue},
	} {
		if _, err := e.Swap(ctx, c.name, c.value, 0); !errors.Is(err, c.want) {
			s.Errorf("Swap of %q with %d bytes: %v, want %v", c.name, len(c.value), err, c.want)
		}
		if err := e.Append(ctx, c.name, c.value, time.Hour); !errors.Is(err, c.want) {
			s.Errorf("Append of %q with %d bytes: %v, want %v", c.name, len(c.value), err, c.want)
		}
	}
	want := map[string]string{
		"a": "\x00", "0": "\xff\xfe", "-": "\r\n", "a-b.c.0-9": "'\";--", "quote": "%s$1?\\",
		strings.Repeat("z", 64): strings.Repeat("\x00\x80'\n", 4096),
	}
	stored := map[string]string{}
	for name, value := range want {
		s.mustSwap(e, name, value, 0)
		stored[name] = value
		if len(name) < 60 {
			s.mustAppend(e, "m."+name, value)
			stored["m."+name] = value
		}
	}
	got := values(s.watch(e, nil).synced())
	for name, value := range stored {
		if got[name] != value {
			s.Errorf("%q holds %d bytes, which aren't the %d that were stored", name, len(got[name]), len(value))
		}
		delete(got, name)
	}
	for name := range got {
		s.Errorf("%q holds something, and nobody stored it", name)
	}
}

// swap: only the current revision opens the way to the next one.
func (s *suite) swap() {
	a, b := s.open(), s.open()
	for _, rev := range []uint64{1, 2, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		s.mustConflict(a, "ring", "too early", rev)
	}
	first := s.mustSwap(a, "ring", "one", 0)
	s.mustConflict(b, "ring", "again", 0)
	s.mustConflict(a, "ring", "again", 0)
	second := s.mustSwap(b, "ring", "two", first)
	for _, rev := range []uint64{0, first, second + 1, second + 1000, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64, second | 1<<63} {
		s.mustConflict(a, "ring", "wrong", rev)
		s.mustConflict(b, "ring", "wrong", rev)
	}
	s.mustConflict(a, "other", "wrong", second) // each name has revisions of its own
	s.mustSwap(a, "other", "fine", 0)
	// The same value is a change, too.
	third := s.mustSwap(a, "ring", "two", second)
	s.mustConflict(b, "ring", "late", second)
	fourth := s.mustSwap(b, "ring", "four", third)

	got := newest(s.watch(a, nil).synced(), "ring")
	if got.Revision != fourth || string(got.Value) != "four" {
		s.Errorf("ring is %q at revision %d, want \"four\" at %d", got.Value, got.Revision, fourth)
	}
}

// swapRace: of many who swap from the same revision, exactly one wins.
func (s *suite) swapRace() {
	const instances, each, rounds = 3, 4, 10
	var engines []fleet.Engine
	for range instances {
		engines = append(engines, s.open())
	}
	type win struct {
		value string
		rev   uint64
	}
	rev, value := uint64(0), ""
	for round := range rounds {
		var mu sync.Mutex
		var wins []win
		var all sync.WaitGroup
		begin := make(chan struct{})
		for i, e := range engines {
			for j := range each {
				all.Go(func() {
					mine := fmt.Sprintf("%d/%d/%d", round, i, j)
					<-begin
					got, err := s.swapSlowly(e, "ring", mine, rev)
					switch {
					case err == nil:
						mu.Lock()
						defer mu.Unlock()
						wins = append(wins, win{mine, got})
					case !errors.Is(err, fleet.ErrConflict):
						s.Errorf("Swap among others: %v", err)
					}
				})
			}
		}
		close(begin)
		all.Wait()
		if len(wins) != 1 {
			s.Fatalf("%d of %d swaps from revision %d won, want 1: %v", len(wins), instances*each, rev, wins)
		}
		if wins[0].rev <= rev {
			s.Fatalf("revision %d came after %d", wins[0].rev, rev)
		}
		rev, value = wins[0].rev, wins[0].value
	}
	got := newest(s.watch(engines[0], nil).synced(), "ring")
	if got.Revision != rev || string(got.Value) != value {
		s.Errorf("ring is %q at revision %d, and the last winner stored %q at %d", got.Value, got.Revision, value, rev)
	}
}

// append: storing the same again is no error, from wherever, and changes nothing.
func (s *suite) append() {
	a, b := s.open(), s.open()
	w := s.watch(b, nil)
	w.synced()
	for range 3 {
		s.mustAppend(a, "m.one", "v1")
		s.mustAppend(b, "m.one", "v1")
	}
	w.has("m.one", "v1")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if err := s.appendSlowly([]fleet.Engine{a, b}[i%2], "m.two", "v2", time.Hour); err != nil {
				s.Errorf("Append at the same time as others: %v", err)
			}
		})
	}
	all.Wait()
	w.has("m.two", "v2")
	for _, ev := range s.watch(s.open(), nil).synced() {
		if ev.Revision != 0 {
			s.Errorf("%s was appended, and has the revision %d", ev.Name, ev.Revision)
		}
	}
}

// appendTTL: nothing is forgotten before its time.
func (s *suite) appendTTL() {
	a, b := s.open(), s.open()
	const short = time.Second
	s.mustAppendFor(a, "m.year", "v", 400*24*time.Hour)
	s.mustAppendFor(a, "m.twice", "v", time.Hour)
	s.mustAppendFor(a, "m.twice", "v", short) // changes nothing
	rev := s.mustSwap(a, "ring", "v", 0)
	began := time.Now()
	s.mustAppendFor(a, "m.short", "v", short)
	events := s.watch(b, nil).synced()
	if time.Since(began) < short && !told(events, "m.short", "v") {
		s.Errorf("m.short was forgotten before it was %s old", short)
	}
	s.pause(short + short/2)
	s.mustAppendFor(b, "m.later", "v", short) // what cleans up when it stores does so now
	events = s.watch(s.open(), nil).synced()
	for _, name := range []string{"m.year", "m.twice", "ring"} {
		if !told(events, name, "v") {
			s.Errorf("%s was forgotten", name)
		}
	}
	s.mustSwap(b, "ring", "w", rev)
}

// copies: an Engine keeps nothing of what its caller may write to, and lets one watcher
// see nothing that another one wrote.
func (s *suite) copies() {
	e := s.open()
	ctx, cancel := s.limited()
	defer cancel()
	scribble := func(ev fleet.Event) {
		for i := range ev.Value {
			ev.Value[i] = 'x'
		}
	}
	w1, w2 := s.watch(e, scribble), s.watch(e, scribble)
	w1.synced()
	w2.synced()
	value := []byte("swapped")
	if _, err := e.Swap(ctx, "ring", value, 0); err != nil {
		s.Fatal(err)
	}
	copy(value, "garbage")
	value = []byte("appended")
	if err := e.Append(ctx, "m.one", value, time.Hour); err != nil {
		s.Fatal(err)
	}
	copy(value, "garbage!")
	for _, w := range []*watcher{w1, w2, s.watch(e, scribble), s.watch(s.open(), nil)} {
		w.has("ring", "swapped")
		w.has("m.one", "appended")
		for name, value := range values(w.synced()) {
			if value != "swapped" && value != "appended" {
				s.Errorf("%s holds %q, which somebody wrote to a slice of his own", name, value)
			}
		}
	}
}
