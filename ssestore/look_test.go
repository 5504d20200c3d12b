package ssestore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// sleeper is a Source whose looks take time, as on a network file system. It sees what
// was there when the look began.
type sleeper struct {
	t     *testing.T
	sleep time.Duration
	there atomic.Pointer[keyring.Keyring] // what a look would see
	keyring.Holder

	looking atomic.Int32
	looks   atomic.Int32
	panics  atomic.Bool
}

func (s *sleeper) Refresh(now time.Time) *keyring.Keyring {
	if s.looking.Add(1) > 1 {
		s.t.Error("two looks at once")
	}
	defer s.looking.Add(-1)
	s.looks.Add(1)
	if s.panics.Load() {
		panic("the source's own")
	}
	found := s.there.Load()
	<-time.After(s.sleep)
	if s.Holder.At(now) != found {
		s.Holder.Set(found)
	}
	return s.Holder.At(now)
}

// underAttack is a store over a sleeper with key 1, a session of key 1, one of key 2,
// and forged cookies of key 9. It runs in a synctest bubble, so time passes only while
// everybody waits.
type underAttack struct {
	*sleeper
	store        *ssestore.Store
	known, newer browser
	forged       browser
	waits        sync.WaitGroup
	slowest      atomic.Int64 // of the forged ones
	honest       atomic.Int64 // of those with a known key
	stop         chan struct{}
}

func newAttack(t *testing.T, c codec, sleep time.Duration) *underAttack {
	one := ring(t, 1)
	a := &underAttack{sleeper: &sleeper{t: t, sleep: sleep}, stop: make(chan struct{})}
	a.there.Store(one)
	a.Holder.Set(one)
	a.store = newStore(t, c, a.sleeper)
	made := func(n int) browser {
		b := browser{}
		b.visit(t, newStore(t, c, ring(t, n)), time.Now(), func(s *ssestore.Session) { login(t, s, "1") })
		return b
	}
	a.known, a.newer, a.forged = made(1), made(2), made(9)
	return a
}

// load is one request at the time it is. It reports the user and how long Load took.
func (a *underAttack) load(b browser) (user string, took time.Duration) {
	start := time.Now()
	s := a.store.Load(b.lines(), start)
	return whoami(a.t, s, hash), time.Since(start)
}

// flood sends a forged cookie and an honest one each millisecond until stop.
func (a *underAttack) flood() {
	send := func(b browser, want string, slowest *atomic.Int64) {
		a.waits.Go(func() {
			user, took := a.load(b)
			same(a.t, "user", user, want)
			for old := slowest.Load(); int64(took) > old && !slowest.CompareAndSwap(old, int64(took)); old = slowest.Load() {
			}
		})
	}
	a.waits.Go(func() {
		for {
			select {
			case <-a.stop:
				return
			case <-time.After(time.Millisecond):
				send(a.forged, "", &a.slowest)
				send(a.known, "1", &a.honest)
			}
		}
	})
}

// TestF405_Flood: forged cookies of an unknown key arrive at full speed while the keys
// are rotated. All share one look per 50 ms, one at a time; requests with a known key
// wait for nothing; and a session under the really new key is found.
func TestF405_Flood(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		if !c.kids {
			t.Skip("without a kid, every value that no key opens is looked for; see TestF405_Between")
		}
		for _, sleep := range []time.Duration{0, 10 * time.Millisecond, 40 * time.Millisecond, 200 * time.Millisecond} {
			t.Run(sleep.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := newAttack(t, c, sleep)
					start := time.Now()
					a.flood()
					time.Sleep(1005 * time.Millisecond)
					a.there.Store(ring(t, 2, 1)) // in the middle of a look, if they are slow
					time.Sleep(lookEvery)
					user, took := a.load(a.newer)
					same(t, "user under the new key", user, "1")
					if bound := 2*sleep + lookEvery + 2*lookPoll; took > bound {
						t.Errorf("it waited for %v, at most %v", took, bound)
					}
					time.Sleep(time.Second)
					close(a.stop)
					a.waits.Wait()
					if most := int32(time.Since(start)/lookEvery) + 1; a.looks.Load() > most || a.looks.Load() < 2 {
						t.Errorf("%d looks in %v", a.looks.Load(), time.Since(start))
					}
					same(t, "the slowest request with a known key", time.Duration(a.honest.Load()), 0)
					if slowest, bound := time.Duration(a.slowest.Load()), 2*sleep+lookEvery+2*lookPoll; slowest > bound {
						t.Errorf("a forged one took %v, at most %v", slowest, bound)
					}
				})
			})
		}
	})
}

const (
	lookEvery = 50 * time.Millisecond
	lookPoll  = 5 * time.Millisecond
)

// about says that a request waited for as long as it should, give or take two polls.
func about(t *testing.T, got, want time.Duration) {
	t.Helper()
	if (got - want).Abs() > 2*lookPoll {
		t.Errorf("it waited for %v, want %v", got, want)
	}
}

// TestF405_NewKeyDuringALook: a look that began before the key was there is no answer
// for a request that came after; the next one is, however many wait for it.
func TestF405_NewKeyDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], 200*time.Millisecond)
		a.waits.Go(func() { a.load(a.forged) })
		time.Sleep(10 * time.Millisecond)
		a.there.Store(ring(t, 2, 1))
		for range 5 {
			a.waits.Go(func() {
				user, took := a.load(a.newer)
				same(t, "user", user, "1")
				about(t, took, 190*time.Millisecond+lookEvery+200*time.Millisecond)
			})
		}
		a.waits.Wait()
		same(t, "looks", a.looks.Load(), 2)
		// Had the look brought it, that would have been enough.
		a.there.Store(ring(t, 3, 2, 1))
		time.Sleep(time.Second)
		third := browser{}
		third.visit(t, newStore(t, codecs[0], ring(t, 3)), time.Now(), func(s *ssestore.Session) { login(t, s, "1") })
		for i := range 5 {
			a.waits.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				user, took := a.load(third)
				same(t, "user", user, "1")
				about(t, took, 200*time.Millisecond-time.Duration(i)*time.Millisecond)
			})
		}
		a.waits.Wait()
		same(t, "looks", a.looks.Load(), 3)
	})
}

// TestF405_Between: after a look, the next one is 50 ms away, whoever asks for what,
// and by the clock of the requests. A clock that was set back stops nothing.
func TestF405_Between(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var keys holder
		keys.set(ring(t, 1))
		store := newStore(t, c, &keys)
		forged := visited(t, newStore(t, c, ring(t, 9)), set(t, "a"))
		known := visited(t, newStore(t, c, ring(t, 1)), set(t, "a"))
		for i, row := range []struct {
			at    time.Duration
			looks int
		}{
			{0, 1}, {0, 1}, {1, 1}, {lookEvery - 1, 1}, {lookEvery, 2}, {lookEvery + 1, 2},
			{lookEvery - time.Second, 2}, {2*lookEvery - 1, 2}, {2 * lookEvery, 3},
			{-time.Hour, 4}, {-time.Hour, 4}, {lookEvery - time.Hour, 5}, {0, 6},
		} {
			forged.peek(store, after(row.at))
			same(t, fmt.Sprint(i, ": looks at ", row.at), keys.refreshes, row.looks)
		}
		// In between, the request sees what the source has by itself.
		keys.set(ring(t, 9, 1))
		same(t, "known by now", note.Get(forged.peek(store, after(1))), "a")
		same(t, "known", note.Get(known.peek(store, after(time.Minute))), "a")
		same(t, "looks", keys.refreshes, 6)
	})
}

// TestF405_TimeOfALook: a look that somebody made after waiting counts from the latest
// request that asked, and not from when the one that waited came.
func TestF405_TimeOfALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], 10*time.Millisecond)
		for _, at := range []time.Duration{0, 5, 40, 82} {
			a.waits.Go(func() {
				time.Sleep(at * time.Millisecond)
				a.load(a.forged)
			})
		}
		a.waits.Wait()
		same(t, "looks", a.looks.Load(), 2)
	})
}

// TestF405_FoundByOthers: what the look of another request found serves this one, too.
func TestF405_FoundByOthers(t *testing.T) {
	var keys holder
	keys.set(ring(t, 1))
	store := newStore(t, codecs[0], &keys)
	s := store.Load(nil, t0)
	keys.next = ring(t, 2, 1)
	newer := visited(t, newStore(t, codecs[0], ring(t, 2)), set(t, "a"))
	same(t, "another request", note.Get(newer.peek(store, t0)), "a")
	_, ok, err := s.Principal().Check(stampUnder(t, 2, "1"), "1", hash)
	same(t, "stamp", ok, true)
	same(t, "this one", err, nil)
	same(t, "looks", keys.refreshes, 1)
}

// TestF405_HangingSource: a source that never answers takes one request with it. The
// others wait for a second, and those with a known key not at all.
func TestF405_HangingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], time.Hour)
		a.waits.Go(func() { a.load(a.forged) })
		time.Sleep(time.Millisecond)
		for range 3 {
			user, took := a.load(a.newer)
			same(t, "user", user, "")
			about(t, took, time.Second)
			user, took = a.load(a.known)
			same(t, "known user", user, "1")
			same(t, "known took", took, 0)
		}
		a.waits.Wait()
		same(t, "looks", a.looks.Load(), 1)
	})
	// Slow ones: patience is for the pause and the second look too.
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], 980*time.Millisecond)
		a.waits.Go(func() { a.load(a.forged) })
		time.Sleep(time.Millisecond)
		_, took := a.load(a.newer)
		about(t, took, 980*time.Millisecond)
		a.waits.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], 600*time.Millisecond)
		for range 3 {
			a.waits.Go(func() {
				time.Sleep(time.Millisecond)
				a.load(a.forged)
			})
		}
		a.load(a.forged)
		a.waits.Wait()
		if looks := a.looks.Load(); looks != 2 {
			t.Errorf("%d looks", looks)
		}
	})
}

// TestF405_PanicInTheSource reaches the request that looked, and nobody else.
func TestF405_PanicInTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttack(t, codecs[0], 0)
		a.panics.Store(true)
		func() {
			defer func() { same(t, "panicked", recover() != nil, true) }()
			a.load(a.newer)
		}()
		a.panics.Store(false)
		a.there.Store(ring(t, 2, 1))
		user, _ := a.load(a.newer)
		same(t, "within 50 ms", user, "")
		time.Sleep(lookEvery)
		user, _ = a.load(a.newer)
		same(t, "afterwards", user, "1")

		// Also if the unknown key is that of the stamp: the session can still be used.
		time.Sleep(lookEvery)
		a.panics.Store(true)
		s := a.store.Load(a.known.lines(), time.Now())
		func() {
			defer func() { same(t, "panicked again", recover() != nil, true) }()
			s.Principal().Check(ssestore.Stamp{KeyID: kid(9)}, "1", hash)
		}()
		s.Principal().Hold()
		_, err := s.Commit(500)
		must(t, err)
	})
}

// BenchmarkUnknownKey compares a forged cookie with an honest one, with a source that
// can look.
func BenchmarkUnknownKey(b *testing.B) {
	var keys holder
	keys.set(ring(b, 1))
	store := newStore(b, codecs[0], &keys)
	for name, n := range map[string]int{"known": 1, "unknown": 9} {
		lines := visited(b, newStore(b, codecs[0], ring(b, n)), set(b, "a")).lines()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				store.Load(lines, t0)
			}
		})
	}
}
