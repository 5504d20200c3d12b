package keysource

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// A cookie under an unknown key may come from an instance that learned of a new key
// first, so the source is asked to look again. Anybody can make up such a cookie, and
// a look may take long: a file on a network, a remote store. All requests therefore
// share the looks. Those with a known key never get here and wait for nobody.
//
//   - If no look is under way and the last one began less than lookEvery ago, the
//     request goes on with the keys that are there.
//   - If no look is under way, the request looks itself.
//   - Otherwise it waits for the look under way. That one may have begun before the key
//     was there, so if it brings nothing new, the request waits for the next, which it
//     makes itself if nobody else does.
//
// A request thus waits for at most two looks, lookEvery and two lookPoll, and for other
// requests' looks at most lookPatience.
const (
	// lookEvery is the shortest time between two looks: long enough that a flood of
	// forged cookies costs next to nothing, and shorter than the way of a cookie from
	// an instance with the new key through the browser to this one.
	lookEvery = 50 * time.Millisecond

	// lookPatience bounds how long a request waits for the looks of others, because a
	// source may hang.
	lookPatience = time.Second

	// lookPoll is how often a request that waits looks whether the other one is done.
	// The core has no timers, so that nothing runs in a process that was frozen.
	lookPoll = 5 * time.Millisecond
)

// Looks is what the requests of a store, or the users of a kind of ticket, share about
// looks. It is safe for concurrent use. A nil *Looks never looks.
type Looks struct {
	keys    keyring.Source
	refresh refresher // the same source

	mu     sync.Mutex // never held during a look
	last   *look      // the one that began last; nil: none yet
	busy   bool       // it's under way
	began  time.Time  // when, by the clock of the requests
	latest time.Time  // the time of the latest request that asked
}

// A refresher is a source of keys that can look for newer ones when asked, as
// keyring.File can.
type refresher interface {
	Refresh(now time.Time) *keyring.Keyring
}

// NewLooks returns the looks at a source, or nil if the source can't look.
func NewLooks(keys keyring.Source) *Looks {
	if r, ok := keys.(refresher); ok {
		return &Looks{keys: keys, refresh: r}
	}
	return nil
}

type look struct {
	done atomic.Bool
	ring *keyring.Keyring // once done; nil: none
}

// Newer returns the ring after a look, for a request that has found an unknown key, or
// nil if there was no answer. It may be the ring that the request has. A request calls
// it once.
func (l *Looks) Newer(now time.Time, has *keyring.Keyring) *keyring.Keyring {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	if age := now.Sub(l.latest); age > 0 || clockSetBack(age) {
		l.latest = now
	}
	if !l.busy {
		if age := now.Sub(l.began); age < lookEvery && !clockSetBack(age) {
			l.mu.Unlock()
			return l.keys.At(now)
		}
		return l.look(now)
	}
	under := l.last
	l.mu.Unlock()

	waited, done := under.wait(0)
	if !done {
		return nil
	}
	if ring := under.ring.At(now); ring != has {
		return ring
	}
	if waited += lookEvery; waited > lookPatience {
		return nil
	}
	time.Sleep(lookEvery)
	l.mu.Lock()
	next := l.last
	if next == under {
		return l.look(now)
	}
	l.mu.Unlock()
	if _, done := next.wait(waited); !done {
		return nil
	}
	return next.ring.At(now)
}

// look asks the source. It is called with the lock held, and gives it back.
func (l *Looks) look(now time.Time) *keyring.Keyring {
	mine := new(look)
	l.last, l.busy, l.began = mine, true, l.latest
	l.mu.Unlock()
	defer func() { // also after a panic of the source
		l.mu.Lock()
		l.busy = false
		l.mu.Unlock()
		mine.done.Store(true)
	}()
	mine.ring = l.refresh.Refresh(now)
	return mine.ring
}

// wait waits until the look is done, for a request that has waited before. It returns
// how long the request has waited by now, and whether the look is done.
func (k *look) wait(waited time.Duration) (time.Duration, bool) {
	for !k.done.Load() {
		if waited >= lookPatience {
			return waited, false
		}
		time.Sleep(lookPoll)
		waited += lookPoll
	}
	return waited, true
}

// clockSetBack reports whether an age is negative by more than requests that overtake
// each other explain.
func clockSetBack(age time.Duration) bool { return age < -time.Second }
