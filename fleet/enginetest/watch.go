package enginetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// A watcher notes what Watch tells.
type watcher struct {
	s      *suite
	cancel context.CancelFunc
	done   chan struct{} // closed when Watch has returned, for good
	calls  atomic.Int32  // of Watch
	inside atomic.Bool   // f is running

	mu     sync.Mutex
	err    error         // of the last call of Watch
	news   chan struct{} // closed at the next event
	events []fleet.Event // with values of their own
}

// watch calls Watch once. f, unless nil, is called after each event was noted.
func (s *suite) watch(e fleet.Engine, f func(fleet.Event)) *watcher {
	return s.watching(e, f, false)
}

// follow calls Watch again whenever it fails.
func (s *suite) follow(e fleet.Engine) *watcher {
	return s.watching(e, nil, true)
}

func (s *suite) watching(e fleet.Engine, f func(fleet.Event), again bool) *watcher {
	ctx, cancel := context.WithCancel(s.Context())
	w := &watcher{s: s, cancel: cancel, done: make(chan struct{}), news: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			w.once(ctx, e, f)
			if ctx.Err() != nil || !again {
				return
			}
			s.pause(10 * time.Millisecond)
		}
	}()
	s.Cleanup(func() {
		cancel()
		select {
		case <-w.done:
		case <-time.After(s.Patience):
			s.Error("Watch goes on after its context has ended")
		}
	})
	return w
}

// once calls Watch.
func (w *watcher) once(ctx context.Context, e fleet.Engine, f func(fleet.Event)) {
	w.calls.Add(1)
	var synced, returned atomic.Bool
	err := e.Watch(ctx, func(ev fleet.Event) {
		if !w.inside.CompareAndSwap(false, true) {
			w.s.Error("Watch called f while f was running")
			return
		}
		defer w.inside.Store(false)
		switch {
		case returned.Load():
			w.s.Error("f was called after Watch had returned")
		case !ev.Synced && (len(ev.Value) == 0 || fleet.Check(ev.Name, ev.Value) != nil):
			w.s.Errorf("an event with the name %q and %d bytes", ev.Name, len(ev.Value))
		case ev.Synced && synced.Swap(true):
			w.s.Error("Synced came twice")
		case ev.Synced && (ev.Name != "" || len(ev.Value) != 0 || ev.Revision != 0):
			w.s.Errorf("Synced came with %q, revision %d and %d bytes", ev.Name, ev.Revision, len(ev.Value))
		}
		w.note(ev)
		if f != nil {
			f(ev)
		}
	})
	returned.Store(true)
	if err == nil {
		w.s.Error("Watch returned no reason")
	}
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
}

func (w *watcher) note(ev fleet.Event) {
	ev.Value = slices.Clone(ev.Value)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, ev)
	close(w.news)
	w.news = make(chan struct{})
}

// end ends Watch.
func (w *watcher) end() {
	w.s.Helper()
	w.cancel()
	select {
	case <-w.done:
	case <-time.After(w.s.Patience):
		w.s.Fatal("Watch goes on after its context has ended")
	}
}

// stop ends Watch, which must say that this is why it ends.
func (w *watcher) stop() {
	w.s.Helper()
	w.end()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !errors.Is(w.err, context.Canceled) {
		w.s.Errorf("Watch returned %v when its context had ended", w.err)
	}
}

// reason returns what Watch returns.
func (s *suite) reason(ctx context.Context, e fleet.Engine) error {
	s.Helper()
	reason := make(chan error, 1)
	go func() { reason <- e.Watch(ctx, func(fleet.Event) {}) }()
	select {
	case err := <-reason:
		return err
	case <-time.After(s.Patience):
		s.Fatal("Watch goes on after its context has ended")
		return nil
	}
}

// await waits until the events say enough, and returns them.
func (w *watcher) await(what string, enough func([]fleet.Event) bool) []fleet.Event {
	w.s.Helper()
	late := time.After(w.s.Patience)
	for {
		w.mu.Lock()
		events, news, err := slices.Clip(w.events), w.news, w.err
		w.mu.Unlock()
		if enough(events) {
			return events
		}
		select {
		case <-news:
		case <-w.done:
			w.mu.Lock()
			last := enough(w.events)
			err = w.err
			w.mu.Unlock()
			if !last {
				w.s.Fatalf("Watch ended (%v) before %s was told", err, what)
			}
		case <-late:
			w.s.Fatalf("%s wasn't told within %s (Watch was called %d times, and last returned %v)", what, w.s.Patience, w.calls.Load(), err)
		}
	}
}

// synced waits for Synced, and returns what was told before it.
func (w *watcher) synced() []fleet.Event {
	w.s.Helper()
	events := w.await("Synced", func(events []fleet.Event) bool { return indexOfSynced(events) >= 0 })
	return events[:indexOfSynced(events)]
}

// has waits until a value has been told.
func (w *watcher) has(name, value string) {
	w.s.Helper()
	w.await(name+" with its value", func(events []fleet.Event) bool { return told(events, name, value) })
}

func indexOfSynced(events []fleet.Event) int {
	return slices.IndexFunc(events, func(ev fleet.Event) bool { return ev.Synced })
}

// told reports whether a value was told.
func told(events []fleet.Event, name, value string) bool {
	return slices.ContainsFunc(events, func(ev fleet.Event) bool { return ev.Name == name && string(ev.Value) == value })
}

// newest returns the event with the greatest revision of a name.
func newest(events []fleet.Event, name string) (found fleet.Event) {
	for _, ev := range events {
		if ev.Name == name && ev.Revision > found.Revision {
			found = ev
		}
	}
	return found
}

// values returns what was told of each name, last.
func values(events []fleet.Event) map[string]string {
	last := map[string]string{}
	for _, ev := range events {
		if !ev.Synced {
			last[ev.Name] = string(ev.Value)
		}
	}
	return last
}
