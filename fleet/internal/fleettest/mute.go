package fleettest

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// A Mute is an engine whose watch can go silent without an end and without an error, as a
// watch of a real engine does now and then, until it is opened again.
type Mute struct {
	fleet.Engine
	// Lull stands for a fleet without a watchdog. While the watch is silent, it tells the
	// last news again and again, so that nobody notices, and the watch stays silent if it's
	// opened again all the same, because the test stood still for as long as a watchdog waits.
	Lull bool

	mu     sync.Mutex
	silent bool
	last   fleet.Event
}

// Silence makes the watch silent.
func (m *Mute) Silence() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = true
}

// Watch speaks again, but for a Lull.
func (m *Mute) Watch(ctx context.Context, f func(fleet.Event)) error {
	m.mu.Lock()
	m.silent = m.silent && m.Lull
	m.mu.Unlock()
	var one sync.Mutex // f is called by one goroutine at a time
	tell := func(ev fleet.Event) {
		one.Lock()
		defer one.Unlock()
		f(ev)
	}
	ctx, cancel := context.WithCancel(ctx)
	var lull sync.WaitGroup
	defer lull.Wait()
	defer cancel()
	lull.Go(func() {
		every(ctx, 50*time.Millisecond, func() {
			m.mu.Lock()
			again, ev := m.silent && m.Lull && m.last.Name != "", m.last
			m.mu.Unlock()
			if again {
				tell(ev)
			}
		})
	})
	return m.Engine.Watch(ctx, func(ev fleet.Event) {
		m.mu.Lock()
		silent := m.silent
		if !ev.Synced && !silent {
			m.last = ev
			m.last.Value = bytes.Clone(ev.Value)
		}
		m.mu.Unlock()
		if !silent {
			tell(ev)
		}
	})
}
