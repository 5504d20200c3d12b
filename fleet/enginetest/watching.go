package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// watchAll: first everything, then Synced, then what changes.
func (s *suite) watchAll() {
	a, b := s.open(), s.open()
	rev := s.mustSwap(a, "ring", "one", 0)
	s.mustSwap(a, "beat", "tick", 0)
	for i := range 20 {
		s.mustAppend(a, fmt.Sprintf("m.%d", i), "v")
	}
	var watchers []*watcher
	for _, e := range []fleet.Engine{a, b, b} {
		w := s.watch(e, nil)
		events := w.synced()
		if !told(events, "beat", "tick") {
			s.Error("beat wasn't told before Synced")
		}
		for i := range 20 {
			if !told(events, fmt.Sprintf("m.%d", i), "v") {
				s.Errorf("m.%d wasn't told before Synced", i)
			}
		}
		if got := newest(events, "ring"); got.Revision != rev || string(got.Value) != "one" {
			s.Errorf("before Synced ring is %q at revision %d, want \"one\" at %d", got.Value, got.Revision, rev)
		}
		watchers = append(watchers, w)
	}
	stored := map[uint64]string{rev: "one"}
	for i := range 10 {
		value := fmt.Sprintf("next %d", i)
		rev = s.mustSwap(b, "ring", value, rev)
		stored[rev] = value
		s.mustAppend(a, fmt.Sprintf("m.later-%d", i), "v")
	}
	for _, w := range watchers {
		for i := range 10 {
			w.has(fmt.Sprintf("m.later-%d", i), "v")
		}
		events := w.await("the last ring", func(events []fleet.Event) bool { return newest(events, "ring").Revision == rev })
		for _, ev := range events {
			// It may leave out what was replaced at once, but must not mix two up.
			if ev.Name == "ring" && stored[ev.Revision] != string(ev.Value) {
				s.Errorf("ring was told as %q at revision %d, where %q was stored", ev.Value, ev.Revision, stored[ev.Revision])
			}
		}
	}
	for _, w := range watchers {
		w.stop()
	}
}

// watchEmpty: Synced comes although nothing is stored yet.
func (s *suite) watchEmpty() {
	a, b := s.open(), s.open()
	w := s.watch(b, nil)
	if events := w.synced(); len(events) != 0 {
		s.Errorf("%d events before Synced, and nothing is stored", len(events))
	}
	s.mustAppend(a, "m.first", "v")
	s.mustSwap(a, "ring", "v", 0)
	w.has("m.first", "v")
	w.has("ring", "v")
	w.stop()
}

// watchLosesNothing: while many store, each watcher hears of everything, whenever it
// began.
func (s *suite) watchLosesNothing() {
	const instances, writers, each = 3, 3, 30
	var engines []fleet.Engine
	for range instances {
		engines = append(engines, s.open())
	}
	watchers := []*watcher{s.watch(engines[0], nil)}
	var all sync.WaitGroup
	half := make(chan struct{}, instances*writers)
	for i, e := range engines {
		for j := range writers {
			all.Go(func() {
				rev := uint64(0)
				for k := range each {
					if k == each/2 {
						half <- struct{}{}
					}
					name := fmt.Sprintf("m.%d-%d-%d", i, j, k)
					if err := s.appendSlowly(e, name, name, time.Hour); err != nil {
						s.Errorf("Append: %v", err)
					}
					var err error
					if rev, err = s.swapSlowly(e, fmt.Sprintf("own.%d-%d", i, j), name, rev); err != nil {
						s.Errorf("Swap of a name that nobody else uses: %v", err)
						half <- struct{}{}
						return
					}
				}
			})
		}
	}
	for range instances * writers {
		<-half
		watchers = append(watchers, s.watch(engines[len(watchers)%instances], nil))
	}
	all.Wait()
	watchers = append(watchers, s.watch(s.open(), nil))
	for n, w := range watchers {
		w.await(fmt.Sprintf("everything to watcher %d", n), func(events []fleet.Event) bool {
			got := map[string]bool{}
			for _, ev := range events {
				got[ev.Name+" "+string(ev.Value)] = true
			}
			for i := range instances {
				for j := range writers {
					for k := range each {
						name := fmt.Sprintf("m.%d-%d-%d", i, j, k)
						if !got[name+" "+name] {
							return false
						}
					}
					if !got[fmt.Sprintf("own.%d-%d m.%d-%d-%d", i, j, i, j, each-1)] {
						return false
					}
				}
			}
			return true
		})
	}
	for _, w := range watchers {
		w.stop()
	}
}

// watchAgain: who stopped watching hears of what he missed, over the same Engine and
// over another one.
func (s *suite) watchAgain() {
	a, b := s.open(), s.open()
	rev := s.mustSwap(a, "ring", "0", 0)
	s.mustAppend(a, "m.before", "v")
	for round := range 4 {
		w := s.watch(b, nil)
		w.synced()
		during := fmt.Sprintf("m.during-%d", round)
		s.mustAppend(a, during, "v")
		w.has(during, "v")
		w.stop()

		missed, ring := fmt.Sprintf("m.missed-%d", round), fmt.Sprintf("ring %d", round)
		s.mustAppend(a, missed, "v")
		rev = s.mustSwap(a, "ring", ring, rev)
		again := s.watch(b, nil)
		events := again.synced()
		if !told(events, missed, "v") {
			s.Errorf("%s was stored while nobody watched, and wasn't told before Synced", missed)
		}
		if got := newest(events, "ring"); got.Revision != rev || string(got.Value) != ring {
			s.Errorf("ring was changed while nobody watched, and is told as %q at revision %d, want %q at %d", got.Value, got.Revision, ring, rev)
		}
		beside := s.watch(b, nil).synced()
		for _, name := range []string{"m.before", during, missed} {
			if !told(beside, name, "v") {
				s.Errorf("%s wasn't told to a watcher that began beside another one", name)
			}
		}
		again.stop()
	}
	// Somebody new hears of everything, whatever others have heard before.
	events := s.watch(s.open(), nil).synced()
	for round := range 4 {
		for _, name := range []string{"m.before", fmt.Sprintf("m.during-%d", round), fmt.Sprintf("m.missed-%d", round)} {
			if !told(events, name, "v") {
				s.Errorf("%s wasn't told to a new Engine", name)
			}
		}
	}
}

// watchSlowly: an f that takes its time loses nothing, and keeps nobody else waiting.
func (s *suite) watchSlowly() {
	const n = 200
	a, b := s.open(), s.open()
	hold := make(chan struct{})
	var free sync.Once
	release := func() { free.Do(func() { close(hold) }) }
	defer release()
	slow := s.watch(b, func(ev fleet.Event) {
		if ev.Name == "m.0" {
			<-hold
		}
	})
	quick := s.watch(b, nil)
	slow.synced()
	quick.synced()
	for i := range n {
		s.mustAppend(a, fmt.Sprintf("m.%d", i), "v")
	}
	all := func(events []fleet.Event) bool {
		got := values(events)
		for i := range n {
			if got[fmt.Sprintf("m.%d", i)] != "v" {
				return false
			}
		}
		return true
	}
	quick.await("everything beside a slow watcher", all)
	slow.has("m.0", "v")
	s.mustAppend(b, "m.same-engine", "v")
	release()
	slow.await("everything to a slow watcher", all)
	slow.has("m.same-engine", "v")
}

// useInsideWatch: f may use the Engine that calls it.
func (s *suite) useInsideWatch() {
	e := s.open()
	s.mustAppend(e, "m.one", "v")
	use := func(name string) {
		if _, err := s.swapSlowly(e, name, "inside", 0); err != nil {
			s.Errorf("Swap inside of Watch: %v", err)
		}
		if err := s.appendSlowly(e, "m."+name, "inside", time.Hour); err != nil {
			s.Errorf("Append inside of Watch: %v", err)
		}
	}
	var one, synced, two sync.Once
	w := s.watch(e, func(ev fleet.Event) {
		switch {
		case ev.Name == "m.one":
			one.Do(func() { use("replay") })
		case ev.Synced:
			synced.Do(func() { use("synced") })
		case ev.Name == "m.two":
			two.Do(func() { use("change") })
		}
	})
	w.synced()
	s.mustAppend(e, "m.two", "v")
	for _, name := range []string{"replay", "m.replay", "synced", "m.synced", "change", "m.change"} {
		w.has(name, "inside")
	}
}

// contextEnds: no call goes on without its context, and none harms another.
func (s *suite) contextEnds() {
	e := s.open()
	rev := s.mustSwap(e, "ring", "v", 0)
	other := s.watch(e, nil)
	other.synced()

	ended, cancel := context.WithCancel(s.Context())
	cancel()
	if err := s.reason(ended, e); !errors.Is(err, context.Canceled) {
		s.Errorf("Watch with a context that had ended: %v", err)
	}
	if _, err := e.Swap(ended, "other", []byte("v"), 0); err == nil {
		s.Error("Swap worked with a context that had ended")
	}
	if err := e.Append(ended, "m.other", []byte("v"), time.Hour); err == nil {
		s.Error("Append worked with a context that had ended")
	}
	// In the middle of the replay, while it waits, and from inside of f.
	for i := range 30 {
		s.mustAppend(e, fmt.Sprintf("m.%d", i), "v")
	}
	for range 3 {
		var middle *watcher
		block := make(chan struct{})
		middle = s.watch(e, func(ev fleet.Event) { <-block })
		middle.await("the first event", func(events []fleet.Event) bool { return len(events) > 0 })
		middle.cancel()
		close(block)
		middle.stop()

		idle := s.watch(e, nil)
		idle.synced()
		idle.stop()
	}
	deadline, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.reason(deadline, e); !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("Watch with a deadline: %v", err)
	}
	s.mustSwap(e, "ring", "w", rev)
	other.has("ring", "w")
	other.stop()
}
