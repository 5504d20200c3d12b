// Package enginetest has the tests that every [fleet.Engine] must pass, whatever it
// stores things in. A driver calls [Run] in a test of its own.
package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// A Storage is what engines share: a table, a bucket, a server.
type Storage struct {
	// Open returns an Engine over the storage, as one instance of an application has it.
	// All of them see what any of them stores. Run calls it in the test's goroutine, and
	// leaves closing to t.Cleanup.
	Open func(t *testing.T) fleet.Engine

	// Crash ends the storage without a warning, as kill -9 does, and starts it again.
	// The engines that Open returned must work afterwards, without being opened again.
	// If it is nil, nothing is tested there.
	Crash func(t *testing.T)

	// Lose forgets everything that was stored, without the engines being told: somebody
	// emptied the table, or put an empty server in place of the old one. If it is nil,
	// nothing is tested there.
	Lose func(t *testing.T)

	// Patience is how long a test waits for something that should happen. Nothing waits
	// so long in the good case. 0 means a minute.
	Patience time.Duration
}

// Run runs all tests. Each calls start once, for a storage that is empty:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(t *testing.T) enginetest.Storage {
//			server := startServer(t)
//			return enginetest.Storage{
//				Open:  func(t *testing.T) fleet.Engine { return open(t, server) },
//				Crash: func(t *testing.T) { server.killAndStart(t) },
//			}
//		})
//	}
func Run(t *testing.T, start func(t *testing.T) Storage) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"NamesAndValues", (*suite).namesAndValues},
		{"Swap", (*suite).swap},
		{"SwapRace", (*suite).swapRace},
		{"Append", (*suite).append},
		{"AppendTTL", (*suite).appendTTL},
		{"Copies", (*suite).copies},
		{"WatchAllThenSyncedThenChanges", (*suite).watchAll},
		{"WatchEmpty", (*suite).watchEmpty},
		{"WatchLosesNothing", (*suite).watchLosesNothing},
		{"WatchAgain", (*suite).watchAgain},
		{"WatchSlowly", (*suite).watchSlowly},
		{"UseInsideWatch", (*suite).useInsideWatch},
		{"ContextEnds", (*suite).contextEnds},
		{"Crash", (*suite).crash},
		{"Lose", (*suite).lose},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Storage: start(t)}
			if s.Patience == 0 {
				s.Patience = time.Minute
			}
			test.run(s)
		})
	}
}

// A suite is one test of an empty storage.
type suite struct {
	*testing.T
	Storage
}

func (s *suite) open() fleet.Engine {
	s.Helper()
	e := s.Open(s.T)
	if e == nil {
		s.Fatal("Open returned no Engine")
	}
	return e
}

// limited returns a context for one call.
func (s *suite) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.Context(), s.Patience)
}

// slow is how long a call takes at least whose error is taken for that of a machine with too
// much to do. An engine may return one: then nobody knows whether the value was stored. What
// fails sooner is a fault of the engine.
const slow = time.Second

// swapSlowly swaps until there is an answer, which is a revision or ErrConflict.
func (s *suite) swapSlowly(e fleet.Engine, name, value string, rev uint64) (uint64, error) {
	ctx, cancel := s.limited()
	defer cancel()
	for doubt := false; ; doubt = true {
		began := time.Now()
		got, err := e.Swap(ctx, name, []byte(value), rev)
		if doubt && errors.Is(err, fleet.ErrConflict) {
			// It may have come too late for itself.
			w := s.watch(e, nil)
			there := newest(w.synced(), name)
			w.end()
			if there.Revision > rev && string(there.Value) == value {
				return there.Revision, nil
			}
		}
		if err == nil || errors.Is(err, fleet.ErrConflict) || time.Since(began) < slow || ctx.Err() != nil {
			return got, err
		}
	}
}

// appendSlowly appends until there is an answer.
func (s *suite) appendSlowly(e fleet.Engine, name, value string, ttl time.Duration) error {
	ctx, cancel := s.limited()
	defer cancel()
	for {
		began := time.Now()
		err := e.Append(ctx, name, []byte(value), ttl)
		if err == nil || time.Since(began) < slow || ctx.Err() != nil {
			return err
		}
	}
}

// mustSwap swaps and returns the new revision.
func (s *suite) mustSwap(e fleet.Engine, name, value string, rev uint64) uint64 {
	s.Helper()
	got, err := s.swapSlowly(e, name, value, rev)
	if err != nil {
		s.Fatalf("Swap of %s from revision %d: %v", name, rev, err)
	}
	if got <= rev {
		s.Fatalf("Swap of %s from revision %d made it %d, which isn't greater", name, rev, got)
	}
	return got
}

// mustConflict swaps in vain.
func (s *suite) mustConflict(e fleet.Engine, name, value string, rev uint64) {
	s.Helper()
	if got, err := s.swapSlowly(e, name, value, rev); !errors.Is(err, fleet.ErrConflict) {
		s.Errorf("Swap of %s from revision %d: %d, %v, want ErrConflict", name, rev, got, err)
	}
}

// mustAppend appends for a day.
func (s *suite) mustAppend(e fleet.Engine, name, value string) {
	s.Helper()
	s.mustAppendFor(e, name, value, 24*time.Hour)
}

func (s *suite) mustAppendFor(e fleet.Engine, name, value string, ttl time.Duration) {
	s.Helper()
	if err := s.appendSlowly(e, name, value, ttl); err != nil {
		s.Fatalf("Append of %s for %s: %v", name, ttl, err)
	}
}

// pause waits for a moment before another attempt, or for the test's end.
func (s *suite) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.Context().Done():
	}
}
