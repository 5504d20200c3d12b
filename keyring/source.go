package keyring

import (
	"sync/atomic"
	"time"
)

// A Source returns the ring as of a given time. A session store asks it once per
// request, and uses that ring throughout. [*Keyring] (which is fixed), [*Holder],
// [*File] and [*Schedule] are Sources. A Source must be safe for concurrent use. It
// returns nil if it has no ring or if now is the zero time. A store then treats every
// session as anonymous and writes none.
//
// A store also uses two other methods, if a Source has them:
//
//	Refresh(now time.Time) *Keyring
//
// is called when a well-formed cookie names a key that isn't in the ring. It should
// look for new keys right away. Anybody can send such a cookie, so a store lets only
// one request at a time call it, at most once in 50 milliseconds, and each request at
// most once. It may block. Only requests with an unknown key wait for it.
//
//	Window() time.Duration
//
// returns how long a token can be opened at least after it was sealed. A store
// refuses to start if that is shorter than its longest session life. What is said here
// of a store and its requests goes for a kind of ticket and its calls too; see package
// ticket.
type Source interface {
	At(now time.Time) *Keyring
}

var (
	_ Source = (*Keyring)(nil)
	_ Source = (*Holder)(nil)
)

// A Holder is a Source whose ring the program sets, for example from a secret store
// that it polls. It is safe for concurrent use and must not be copied. The zero
// Holder and a nil *Holder have no ring: they open nothing and seal nothing, and a
// session store refuses them. Set the first ring before making the store.
type Holder struct {
	ring atomic.Pointer[Keyring]
}

// Set makes r the ring for all later calls of At. A key that was also in the previous
// ring keeps its counters and its [Key.Cache], so a program can parse its keys again
// each time it polls them. A nil ring closes the Holder, and the counters of the
// previous ring are gone. On a nil *Holder, Set does nothing.
func (h *Holder) Set(r *Keyring) {
	if h == nil {
		return
	}
	// If there are two calls at once, the later one inherits from the earlier one.
	for {
		before := h.ring.Load()
		if h.ring.CompareAndSwap(before, r.inherit(before)) {
			return
		}
	}
}

// At returns the ring that was set last, as of now. It returns nil if there is none
// or now is the zero time. It neither blocks nor allocates.
func (h *Holder) At(now time.Time) *Keyring {
	if h == nil {
		return nil
	}
	return h.ring.Load().At(now)
}
