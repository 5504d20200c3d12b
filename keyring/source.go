package keyring

import (
	"sync/atomic"
	"time"
)

// A Source gives the ring as it stands at a time. A session store asks it once
// per request and uses that one ring throughout. [*Keyring] (fixed), [*Holder],
// [*File] and [*Schedule] are Sources. It must be safe for concurrent use, and
// answers nil when it has no ring or now is the zero time; a store then treats
// every session as anonymous and writes none.
//
// Two further methods are looked for and used where a Source has them:
//
//	Refresh(now time.Time) *Keyring
//
// is called when a well-formed cookie names a key that the ring lacks: look again,
// now. Anybody can send such a cookie, so a store calls it by one request at a time,
// at most once in 50 milliseconds and once per request. It may block; only requests
// with an unknown key wait for it.
//
//	Window() time.Duration
//
// says for how long at least a token stays openable after it was sealed. A store
// refuses to start if that is shorter than its longest session life.
type Source interface {
	At(now time.Time) *Keyring
}

var (
	_ Source = (*Keyring)(nil)
	_ Source = (*Holder)(nil)
)

// A Holder is a Source whose ring the program sets: from a secret store that it
// polls, say. It is safe for concurrent use and must not be copied. The zero
// Holder and a nil *Holder hold no ring: nothing opens and nothing seals, and a
// session store refuses to be made over them. Set the first ring before.
type Holder struct {
	ring atomic.Pointer[Keyring]
}

// Set makes r the ring of all later calls of At. A key that the ring before had
// too keeps its counters and what [Key.Cache] remembers, so a program may parse
// its keys afresh each time it polls them. A nil ring closes the Holder, and the
// counters go with the ring that was there. On a nil *Holder, Set does nothing.
func (h *Holder) Set(r *Keyring) {
	if h == nil {
		return
	}
	// Of two calls at once the later one inherits from the earlier one.
	for {
		before := h.ring.Load()
		if h.ring.CompareAndSwap(before, r.inherit(before)) {
			return
		}
	}
}

// At returns the ring last set as it stands at now, or nil if there is none or
// now is the zero time. It does not block or allocate.
func (h *Holder) At(now time.Time) *Keyring {
	if h == nil {
		return nil
	}
	return h.ring.Load().At(now)
}
