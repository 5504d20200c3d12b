package fleet_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/keyring"
)

const day = 24 * time.Hour

var weekly = fleet.Rotation{Every: 7 * day, Ahead: day, Keep: 30 * day}

// step is Step that mustn't fail.
func step(t testing.TB, r fleet.Rotation, ring *keyring.Keyring, now time.Time) *keyring.Keyring {
	t.Helper()
	next, err := r.Step(ring, now)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestY1_FirstKey(t *testing.T) {
	for _, ring := range []*keyring.Keyring{nil, {}} {
		first := step(t, weekly, ring, time.Now())
		if keys := first.Keys(); len(keys) != 1 || !keys[0].Active().IsZero() {
			t.Errorf("the first ring is %v", first)
		}
		if next := step(t, weekly, first, time.Now()); next != nil {
			t.Errorf("the next moment it becomes %v", next)
		}
	}
}

func TestY2_NextKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := step(t, weekly, nil, time.Now())
		first := ring.Primary().ID()
		wait(6*day - time.Second)
		if next := step(t, weekly, ring, time.Now()); next != nil {
			t.Fatalf("too early: %v", next)
		}
		wait(time.Second)
		now := time.Now()
		next := step(t, weekly, ring, now)
		if next == nil {
			t.Fatal("there is no next key")
		}
		fresh := next.Keys()[0]
		if len(next.Keys()) != 2 || !fresh.Active().Equal(now.Add(day)) || next.At(now).Primary().ID() != first {
			t.Errorf("the next ring is %v, active at %v", next, fresh.Active())
		}
		if again := step(t, weekly, next, now.Add(day-1)); again != nil {
			t.Errorf("before it is active, there is one more: %v", again)
		}
		if got := next.At(now.Add(day)).Primary().ID(); got != fresh.ID() {
			t.Errorf("a day later the primary is %s", got)
		}
		// An application that was off for a year goes on with what it has.
		late := step(t, weekly, ring, now.Add(365*day))
		if len(late.Keys()) != 2 || late.At(now.Add(365*day)).Primary().ID() != first {
			t.Errorf("after a year: %v", late)
		}
	})
}

func TestY3_KeysAreKept(t *testing.T) {
	const kept = 30*day + time.Minute // the clocks of two instances differ
	synctest.Test(t, func(t *testing.T) {
		first := keyring.NewKey()
		began := time.Now()
		second, third := keyring.NewKeyAt(began.Add(day)), keyring.NewKeyAt(began.Add(8*day))
		byHand := keyring.NewKey()
		spare := keyring.NewKey() // never a primary
		wait(10 * day)
		late := keyring.NewKey()
		ring := func(keys ...keyring.Key) *keyring.Keyring {
			r, err := keyring.New(keys...)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		// Every is so long that no key is due.
		rotation := fleet.Rotation{Every: 1000 * day, Ahead: day, Keep: 30 * day}
		for _, c := range []struct {
			name string
			ring *keyring.Keyring
			key  keyring.Key
			gone time.Duration // since began; 0: never
		}{
			{"stopped when its follower began", ring(second, first), first, day + kept},
			{"and not when the next one did", ring(third, second, first), first, day + kept},
			{"its follower", ring(third, second, first), second, 8*day + kept},
			{"the last", ring(first), first, 0},
			{"the primary", ring(third, second, first), third, 0},
			{"before one that may have been promoted at any time", ring(byHand, first), first, 0},
			{"until one with a time follows", ring(third, byHand, first), first, 8*day + kept},
			{"one that never was the primary", ring(second, spare), spare, day + kept},
			{"and came when its follower sealed already", ring(second, late), late, 10*day + kept},
		} {
			for at := began.Add(2 * day); at.Before(began.Add(100 * day)); at = at.Add(time.Minute) {
				if c.gone != 0 && at.Before(began.Add(c.gone-time.Hour)) {
					continue
				}
				if c.gone == 0 && at.Before(began.Add(99*day)) {
					continue
				}
				next := step(t, rotation, c.ring, at)
				if next == nil {
					next = c.ring
				}
				_, have := next.Key(c.key.ID())
				if want := c.gone == 0 || at.Before(began.Add(c.gone).Add(-time.Minute)); want && !have {
					t.Errorf("%s: gone after %v, want %v", c.name, at.Sub(began), c.gone)
					break
				}
				if c.gone != 0 && !at.Before(began.Add(c.gone+time.Minute)) {
					if have {
						t.Errorf("%s: still there after %v, want %v", c.name, at.Sub(began), c.gone)
					}
					break
				}
			}
		}
		// To the moment.
		r := ring(second, first)
		if next := step(t, rotation, r, began.Add(day+kept-1)); next != nil {
			t.Errorf("a nanosecond before its time the key is gone")
		}
		if next := step(t, rotation, r, second.Active().Add(kept)); next == nil {
			t.Errorf("at its time the key is still there")
		}
	})
}

func TestY4_StepRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		later, err := keyring.New(keyring.NewKeyAt(now.Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if next, err := weekly.Step(later, now); err == nil || next != nil {
			t.Errorf("no key is active, and Step returns %v, %v", next, err)
		}
		keys := []keyring.Key{keyring.NewKey()}
		for len(keys) < 16 {
			keys = append([]keyring.Key{keyring.NewKey()}, keys...)
		}
		full, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		if next, err := weekly.Step(full, now.Add(7*day)); !errors.Is(err, keyring.ErrFull) || next != nil {
			t.Errorf("16 keys are needed, and Step returns %v, %v", next, err)
		}
	})
}

// TestY5_Years lets instances whose clocks are up to a minute apart, and which hear of
// changes with a delay, seal and step for years, with changes by hand in between.
func TestY5_Years(t *testing.T) {
	for _, r := range []fleet.Rotation{
		weekly,
		{Every: 2 * day, Ahead: day, Keep: 20 * day},
		{Every: 3 * day, Ahead: 12 * time.Hour, Keep: 30 * day},
		{Every: 90 * day, Ahead: 7 * day, Keep: 400 * day},
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("every %v/%d", r.Every, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { years(t, r, rand.New(rand.NewPCG(seed, 1))) })
			})
		}
	}
}

func years(t *testing.T, r fleet.Rotation, random *rand.Rand) {
	const instances = 5
	tick := r.Every / 20
	hears := min(tick/2, r.Ahead/4) // of a change, at the latest
	type view struct {
		clock time.Duration
		ring  *keyring.Keyring
	}
	var views [instances]view
	for i := range views {
		views[i].clock = time.Duration(random.Int64N(int64(time.Minute))) - 30*time.Second
	}
	stored := step(t, r, nil, time.Now())
	until := map[string]time.Time{} // by kid: when all that it sealed is over
	hand := time.Time{}             // the last change by hand
	rotations := 0
	for end := time.Now().Add(60 * r.Every); time.Now().Before(end); {
		for i := range views {
			views[i].ring = stored // everybody has heard by now
		}
		wait(tick - hears)
		// Somebody steps, from what it knows.
		v := &views[random.IntN(instances)]
		if next := step(t, r, v.ring, time.Now().Add(v.clock)); next != nil {
			stored, rotations = next, rotations+1
		} else if random.IntN(60) == 0 && time.Since(hand) > 2*r.Every {
			var err error
			hand = time.Now()
			if random.IntN(2) == 0 {
				stored, err = stored.At(time.Now()).Rotate()
			} else {
				stored, err = stored.At(time.Now()).Add(keyring.NewKey())
			}
			if err != nil {
				t.Fatal(err)
			}
		} else if random.IntN(20) == 0 { // promote one that was added
			at := stored.At(time.Now())
			for _, k := range at.Keys() {
				if promoted, err := at.Promote(k.ID()); err == nil && k.ID() != at.Primary().ID() && !k.Active().After(time.Now()) {
					stored = promoted
					break
				}
			}
		}
		// And in the meantime all others seal with what they knew before.
		wait(hears)
		now := time.Now()
		for i, v := range views {
			at := v.ring.At(now.Add(v.clock))
			primary := at.Primary().ID()
			if primary == "" {
				t.Fatalf("instance %d has no primary in %v", i, at)
			}
			if over := now.Add(r.Keep); over.After(until[primary]) {
				until[primary] = over
			}
			if _, ok := stored.Key(primary); !ok {
				t.Fatalf("instance %d seals under %s, and the newest ring is %v", i, primary, stored)
			}
			// Of those who heard the last ring but one, too.
			for j, other := range views {
				if _, ok := other.ring.Key(primary); !ok {
					t.Fatalf("instance %d seals under %s, which instance %d doesn't have", i, primary, j)
				}
			}
		}
		for kid, over := range until {
			if _, ok := stored.Key(kid); !ok && now.Before(over) {
				t.Fatalf("%s is gone, and what it sealed lives for another %v", kid, over.Sub(now))
			}
			if now.After(over) {
				delete(until, kid)
			}
		}
		if n := len(stored.Keys()); n > 16 {
			t.Fatalf("%d keys", n)
		}
	}
	if rotations < 60 {
		t.Errorf("%d changes in 60 periods", rotations)
	}
	if n := len(until); n < 2 {
		t.Errorf("only %d keys are in use at the end", n)
	}
}
