package ticket_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// source is a Source that can look, and counts the looks. A look finds next, if there
// is one, and may take time.
type source struct {
	keyring.Holder
	next  atomic.Pointer[keyring.Keyring]
	sleep time.Duration
	looks atomic.Int32
}

func newSource(r *keyring.Keyring) *source {
	s := new(source)
	s.Set(r)
	return s
}

func (s *source) Refresh(now time.Time) *keyring.Keyring {
	s.looks.Add(1)
	if s.sleep > 0 {
		<-time.After(s.sleep)
	}
	if next := s.next.Load(); next != nil {
		s.Set(next)
	}
	return s.At(now)
}

// TestK12_Rotation: a ticket opens for as long as its key is in the ring, whichever key
// is the primary. Tickets are sealed under the primary.
func TestK12_Rotation(t *testing.T) {
	s := newSource(ring(t, 1))
	k := newKind[string](t, s)
	old := seal(t, k, "ada")
	s.Set(ring(t, 2, 1))
	newer := seal(t, k, "bob")
	for _, r := range []*keyring.Keyring{ring(t, 2, 1), ring(t, 3, 2, 1), ring(t, 1, 2)} {
		s.Set(r)
		opens(t, k, t0, old, nil, "ada")
		opens(t, k, t0, newer, nil, "bob")
	}
	s.Set(ring(t, 2))
	refused(t, k, t0, old, nil, cookie.ReasonUnknownKey)
	opens(t, k, t0, newer, nil, "bob")
	s.Set(ring(t, 1))
	opens(t, k, t0, old, nil, "ada")
	refused(t, k, after(time.Second), newer, nil, cookie.ReasonUnknownKey)
}

// TestK12_NewKeyAtAnotherInstance: an instance that hasn't seen the new key looks for
// it, once, and only when a ticket names it.
func TestK12_NewKeyAtAnotherInstance(t *testing.T) {
	s := newSource(ring(t, 1))
	k := newKind[string](t, s)
	newer := seal(t, newKind[string](t, ring(t, 2, 1)), "ada", "hash")
	known := seal(t, k, "bob")
	opens(t, k, t0, known, nil, "bob")
	refused(t, k, t0, newer[1:], nil, cookie.ReasonForeign)
	if n := s.looks.Load(); n != 0 {
		t.Errorf("%d looks for keys that are known", n)
	}
	refused(t, k, t0, newer, fields[string]("hash"), cookie.ReasonUnknownKey)
	if n := s.looks.Load(); n != 1 {
		t.Errorf("%d looks", n)
	}
	s.next.Store(ring(t, 2, 1))
	opens(t, k, after(time.Minute), newer, fields[string]("hash"), "ada")
	opens(t, k, after(2*time.Minute), newer, fields[string]("hash"), "ada")
	if n := s.looks.Load(); n != 2 {
		t.Errorf("%d looks", n)
	}
	if kid := s.At(t0).Primary().ID(); kid != kidOf(t, seal(t, k, "x")) {
		t.Errorf("sealed under another key than %s", kid)
	}
	// A source that can't look doesn't.
	refused(t, newKind[string](t, ring(t, 1)), t0, newer, fields[string]("hash"), cookie.ReasonUnknownKey)
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	header, err := b64.DecodeString(token[:60])
	if err != nil {
		t.Fatal(err)
	}
	return string(header[36:43])
}

// TestK13_FloodOfUnknownKeys: forged tickets share one look in 50 ms. A ticket of a
// known key waits for none, and one of a really new key is found.
func TestK13_FloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource(ring(t, 1))
		s.sleep = 40 * time.Millisecond
		k := newKind[string](t, s, life(24*time.Hour))
		at := func(r *keyring.Keyring) string {
			token, err := newKind[string](t, r, life(24*time.Hour)).Seal(time.Now(), "ada")
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		known, forged, newer := at(ring(t, 1)), at(ring(t, 9)), at(ring(t, 2))
		begin := time.Now()
		var all sync.WaitGroup
		for range 2000 {
			time.Sleep(time.Millisecond)
			all.Go(func() { refused(t, k, time.Now(), forged, nil, cookie.ReasonUnknownKey) })
			all.Go(func() {
				start := time.Now()
				opens(t, k, start, known, nil, "ada")
				if took := time.Since(start); took != 0 {
					t.Errorf("a known key waited for %v", took)
				}
			})
		}
		s.next.Store(ring(t, 2, 1))
		time.Sleep(50 * time.Millisecond)
		opens(t, k, time.Now(), newer, nil, "ada")
		all.Wait()
		if n, most := s.looks.Load(), int32(time.Since(begin)/(50*time.Millisecond))+1; n < 2 || n > most {
			t.Errorf("%d looks in %v, at most %d", n, time.Since(begin), most)
		}
	})
}
