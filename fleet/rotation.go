package fleet

import (
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/keyring"
)

// The values that zero fields of a Rotation stand for.
const (
	DefaultEvery = 7 * 24 * time.Hour
	DefaultAhead = 24 * time.Hour
)

// maxKeys is how many keys a keyring holds.
const maxKeys = 16

// errClock is returned by Step for a ring whose keys are all active later.
var errClock = errors.New("fleet: no key of the ring is active yet: is the clock right?")

// A Rotation says when keys change. Each is made Ahead of the time at which it begins to
// seal, so that every instance has it by then. It seals for about Every, and opens for
// Keep after that. The zero Rotation means the defaults.
type Rotation struct {
	// Every is how long a key is the primary, at least twice Ahead. 0 means DefaultEvery.
	Every time.Duration
	// Ahead is how long before its activation a key is made. An instance that hears
	// nothing for that long goes on to seal under the key it has, and can't open what the
	// others seal. It is at least ten beats; 0 means DefaultAhead.
	Ahead time.Duration
	// Keep is how long a key can open after it has stopped being the primary, at least
	// as long as a session lives. 0 means Config.Longest.
	Keep time.Duration
	// ReadOnly makes an instance one that follows the others: it writes neither the ring
	// nor the beat, and has no keys if it's alone. It can still End sessions. Step
	// ignores it.
	ReadOnly bool
}

func (r Rotation) withDefaults(longest time.Duration) Rotation {
	if r.Every == 0 {
		r.Every = DefaultEvery
	}
	if r.Ahead == 0 {
		r.Ahead = DefaultAhead
	}
	if r.Keep == 0 {
		r.Keep = longest
	}
	return r
}

func (r Rotation) check(faults *config.Faults) {
	for _, f := range []struct {
		field string
		d     time.Duration
	}{{"Rotation.Every", r.Every}, {"Rotation.Ahead", r.Ahead}, {"Rotation.Keep", r.Keep}} {
		if f.d < time.Millisecond || f.d > 3650*24*time.Hour || f.d%time.Millisecond != 0 {
			faults.Add(f.field, "must be whole milliseconds, at most 3650 days")
			return // or the sums below mean nothing
		}
	}
	if r.Every < 2*r.Ahead {
		faults.Add("Rotation.Every", "must be at least twice Ahead")
	}
	if r.keys() > maxKeys {
		faults.Add("Rotation.Keep", "needs more than 16 keys, one of them for a change by hand: make Every longer")
	}
}

// margin is how long a key is kept beyond Keep, because the clocks of two instances
// differ. They may seal for that much longer under the last one.
func (r Rotation) margin() time.Duration { return min(leeway, r.Ahead) }

// keys returns how many keys a ring has at most: the primary, the next one, those that
// only open, and one more for a change by hand.
func (r Rotation) keys() int64 {
	return 3 + int64((r.Keep+r.margin()+r.Every-1)/r.Every)
}

// Step returns the ring that should follow ring at now, or nil if nothing is to be done.
// It adds the next key and removes those that nobody needs. A nil ring begins with a new
// key. Which key is due depends on its arguments alone; keys are random, and made by
// the system's clock (see [keyring.NewKeyAt]).
//
// A key is removed Keep and a minute after it stopped being the primary. One that was
// followed by a key without an activation time, from a change by hand, stays until a key
// with one has been the primary for that long. A ring of 16 keys which are all needed gets
// none until one can go: Step then returns [keyring.ErrFull], and the ring goes on as it is.
// Step also returns an error if no key is active yet, because the clock must be wrong.
func (r Rotation) Step(ring *keyring.Keyring, now time.Time) (*keyring.Keyring, error) {
	r = r.withDefaults(DefaultLongest)
	if len(ring.Keys()) == 0 {
		return keyring.Generate(), nil
	}
	before := ring.At(now)
	if before.Primary().ID() == "" {
		return nil, errClock
	}
	after := before
	var err error
	for _, id := range r.spent(before, now) {
		if after, err = after.Retire(id); err != nil {
			return nil, err
		}
	}
	if r.due(after, now) {
		next, err := after.Add(keyring.NewKeyAt(now.Add(r.Ahead)))
		if err != nil && after == before {
			return nil, err
		}
		if err == nil {
			after = next
		}
	}
	if after == before {
		return nil, nil
	}
	return after, nil
}

// wants reports whether Step would change the ring, without making a key.
func (r Rotation) wants(ring *keyring.Keyring, now time.Time) bool {
	ring = ring.At(now)
	return ring.Primary().ID() != "" && (r.due(ring, now) || len(r.spent(ring, now)) > 0)
}

// spent returns the keys of the ring, which is as of now, that nobody needs.
func (r Rotation) spent(ring *keyring.Keyring, now time.Time) (ids []string) {
	for _, k := range ring.Keys() {
		if !r.needed(ring, k.ID(), now) {
			ids = append(ids, k.ID())
		}
	}
	return ids
}

// due reports whether the ring, which is as of now, needs its next key.
func (r Rotation) due(ring *keyring.Keyring, now time.Time) bool {
	for _, k := range ring.Keys() {
		if k.Active().After(now) {
			return false // that's the next one
		}
	}
	return !now.Before(since(ring.Primary()).Add(r.Every - r.Ahead))
}

// since returns when a primary began to seal, or before.
func since(k keyring.Key) time.Time {
	if k.Active().IsZero() {
		return k.Created()
	}
	return k.Active()
}

// lasts is how long after its last key was made a ring may have sealed something that is
// still to be opened, if it was gone by until it should have had the next one.
func (r Rotation) lasts() time.Duration { return r.Every + r.Keep + leeway }

// alive reports whether somebody may have gone by a ring so lately that what it sealed
// is still to be opened.
func (r Rotation) alive(ring *keyring.Keyring, now time.Time) bool {
	var last time.Time
	for _, k := range ring.Keys() {
		if k.Created().After(last) {
			last = k.Created()
		}
	}
	return now.Before(last.Add(r.lasts()))
}

// needed reports whether a key of the ring, which is as of now, may have sealed something
// that is still to be opened. It stopped being the primary when the first of those before
// it became active. Nobody knows when that was for one that is active at once, because it
// may have been promoted. A key that never was the primary is counted from its creation.
func (r Rotation) needed(ring *keyring.Keyring, id string, now time.Time) bool {
	if ring.Primary().ID() == id {
		return true
	}
	var stopped time.Time
	for _, k := range ring.Keys() {
		if k.ID() == id {
			if k.Created().After(stopped) && !stopped.IsZero() {
				stopped = k.Created()
			}
			return stopped.IsZero() || now.Before(stopped.Add(r.Keep+r.margin()))
		}
		if t := k.Active(); !t.IsZero() && !t.After(now) && (stopped.IsZero() || t.Before(stopped)) {
			stopped = t
		}
	}
	return false
}
