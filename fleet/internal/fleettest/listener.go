package fleettest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// Patience is how long anything may take on a machine that has much else to do.
const Patience = time.Minute

// Eventually waits until ok.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.After(Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-late:
			t.Fatalf("not within %s: %s", Patience, what)
		case <-tick.C:
		}
	}
}

// A Listener watches an engine, again and again, as a fleet does.
type Listener struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	told   map[string]string // the last value of each name
	times  map[string]int    // how often each name was told
	log    []byte            // everything
	synced int
	ends   []string // when and why Watch returned, the last few
}

// Listen starts a Listener that ends with Stop or with the test.
func Listen(t testing.TB, e fleet.Engine) *Listener {
	ctx, cancel := context.WithCancel(t.Context())
	l := &Listener{cancel: cancel, done: make(chan struct{}), told: map[string]string{}, times: map[string]int{}}
	go func() {
		defer close(l.done)
		for ctx.Err() == nil {
			err := e.Watch(ctx, l.hear)
			l.mu.Lock()
			l.ends = append(l.ends[max(0, len(l.ends)-9):], time.Now().Format("05.000 ")+err.Error())
			l.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		l.Stop()
		l.explain(t)
	})
	return l
}

func (l *Listener) hear(ev fleet.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ev.Synced {
		l.synced++
		return
	}
	l.told[ev.Name] = string(ev.Value)
	l.log = append(append(append(append(l.log, ev.Name...), ' '), ev.Value...), '\n')
	l.times[ev.Name]++
}

// Ended reports whether one of the last calls of Watch returned an error.
func (l *Listener) Ended(reason error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.ends, "\n"), reason.Error())
}

// Stop ends it.
func (l *Listener) Stop() {
	l.cancel()
	<-l.done
}

// Has waits until the last that was told of a name is value.
func (l *Listener) Has(t testing.TB, name, value string) {
	t.Helper()
	Eventually(t, name+" is told", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.told[name] == value
	})
}

// explain logs why the last calls of Watch returned, if the test has failed.
func (l *Listener) explain(t testing.TB) {
	if t.Failed() {
		t.Logf("the last calls of Watch returned:\n%s", strings.Join(l.ends, "\n"))
	}
}

// Synced is how often Synced was told.
func (l *Listener) Synced() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// Times is how often a name was told.
func (l *Listener) Times(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times[name]
}

// All is everything that was told: names and values, one after the other.
func (l *Listener) All() (all []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(all, l.log...)
}
