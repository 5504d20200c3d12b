package enginetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// A writer stores one thing after another, whatever happens in between.
type writer struct {
	acknowledged atomic.Int64
	mu           sync.Mutex
	appended     []string          // names
	swapped      map[uint64]string // values of ring by revision
}

// crash: what was acknowledged is there after a crash, at every watcher.
func (s *suite) crash() {
	if s.Crash == nil {
		s.Skip("this storage has no Crash")
	}
	const instances, crashes, each = 3, 2, 15
	ctx, stop := context.WithCancel(s.Context())
	defer stop()
	swapper := &writer{swapped: map[uint64]string{}} // all of them together: one may never win
	writers := []*writer{swapper}
	var followers []*watcher
	var running sync.WaitGroup
	for i := range instances {
		e := s.open()
		w := s.follow(e)
		followers = append(followers, w)
		appender := &writer{}
		writers = append(writers, appender)
		running.Go(func() { s.keepAppending(ctx, e, i, appender) })
		running.Go(func() { s.keepSwapping(ctx, e, i, swapper, w) })
	}
	more := func(when string) {
		s.Helper()
		for _, w := range writers {
			enough := w.acknowledged.Load() + each
			for began := time.Now(); w.acknowledged.Load() < enough; s.pause(5 * time.Millisecond) {
				if time.Since(began) > s.Patience {
					s.Fatalf("%s: a writer got %d of its %d writes acknowledged within %s", when, w.acknowledged.Load(), enough, s.Patience)
				}
			}
		}
	}
	more("before the first crash")
	for i := range crashes {
		s.Crash(s.T) // in the middle of everything
		more(fmt.Sprintf("after crash %d", i+1))
	}
	stop()
	running.Wait()

	followers = append(followers, s.follow(s.open()))
	last := uint64(0)
	for rev := range swapper.swapped {
		last = max(last, rev)
	}
	for i, f := range followers {
		events := f.await(fmt.Sprintf("everything that was acknowledged (watcher %d of %d)", i+1, len(followers)), func(events []fleet.Event) bool {
			got := values(events)
			for _, w := range writers {
				for _, name := range w.appended {
					if got[name] != name {
						return false
					}
				}
			}
			return newest(events, "ring").Revision >= last
		})
		for _, ev := range events {
			if value, ok := swapper.swapped[ev.Revision]; ok && ev.Name == "ring" && value != string(ev.Value) {
				s.Errorf("revision %d was acknowledged for %q, and is told as %q", ev.Revision, value, ev.Value)
			}
		}
	}
}

// lose: after everything was lost, Watch tells what is there now, and doesn't wait for
// more than there was before.
func (s *suite) lose() {
	if s.Lose == nil {
		s.Skip("this storage has no Lose")
	}
	a, b := s.open(), s.open()
	rev := s.mustSwap(a, "ring", "first", 0)
	rev = s.mustSwap(a, "ring", "second", rev)
	for i := range 10 {
		s.mustAppend(a, fmt.Sprintf("m.lost-%d", i), "v")
	}
	w := s.follow(b)
	w.has("m.lost-9", "v")
	s.Lose(s.T)
	s.mustConflict(a, "ring", "third", rev)
	rev = s.mustSwap(a, "ring", "new", 0)
	s.mustAppend(a, "m.new", "v")
	w.end()
	again := s.watch(b, nil).synced()
	w.mu.Lock()
	events := append(w.events, again...) // it goes on, or begins again
	w.mu.Unlock()
	if !slices.ContainsFunc(events, func(ev fleet.Event) bool {
		return ev.Name == "ring" && string(ev.Value) == "new" && ev.Revision == rev
	}) {
		s.Errorf("ring was stored at revision %d after everything was lost, and wasn't told", rev)
	}
	if !told(events, "m.new", "v") {
		s.Error("m.new was stored after everything was lost, and wasn't told")
	}
	for i := range 10 {
		if name := fmt.Sprintf("m.lost-%d", i); told(again, name, "v") {
			s.Errorf("%s was lost, and told all the same", name)
		}
	}
	s.mustSwap(b, "ring", "newer", rev)
}

// keepAppending appends a name until it is acknowledged, and then the next one.
func (s *suite) keepAppending(ctx context.Context, e fleet.Engine, instance int, w *writer) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("m.%d-%d", instance, n)
		for ctx.Err() == nil {
			call, cancel := context.WithTimeout(ctx, s.Patience/4)
			err := e.Append(call, name, []byte(name), time.Hour)
			cancel()
			if err == nil {
				w.mu.Lock()
				w.appended = append(w.appended, name)
				w.mu.Unlock()
				w.acknowledged.Add(1)
				break
			}
			s.pause(10 * time.Millisecond)
		}
		s.pause(time.Millisecond)
	}
}

// keepSwapping swaps from what its watcher has heard of.
func (s *suite) keepSwapping(ctx context.Context, e fleet.Engine, instance int, w *writer, from *watcher) {
	known := uint64(0)
	for n := 0; ctx.Err() == nil; n++ {
		from.mu.Lock()
		known = max(known, newest(from.events, "ring").Revision)
		from.mu.Unlock()
		value := fmt.Sprintf("%d/%d", instance, n)
		call, cancel := context.WithTimeout(ctx, s.Patience/4)
		rev, err := e.Swap(call, "ring", []byte(value), known)
		cancel()
		if err != nil {
			s.pause(10 * time.Millisecond)
			continue
		}
		known = rev
		w.mu.Lock()
		if before, ok := w.swapped[rev]; ok {
			s.Errorf("both %q and %q were acknowledged as revision %d", before, value, rev)
		}
		w.swapped[rev] = value
		w.mu.Unlock()
		w.acknowledged.Add(1)
		s.pause(time.Millisecond)
	}
}
