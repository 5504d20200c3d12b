package ssestore_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestBarrier_NewerKey: the logout was at an instance that already seals under a
// new key. One that does not have it yet looks for it, as it does for a session,
// before it believes a session that a late response brought back.
func TestBarrier_NewerKey(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		ended := b[sessionName]
		newer := newStore(t, c, ring(t, 2, 1))
		b.visit(t, newer, t0, func(s *ssestore.Session) { must(t, s.Logout()) })
		b[sessionName] = ended

		keys := &holder{next: ring(t, 2, 1)}
		keys.set(ring(t, 1))
		store := newStore(t, c, keys)
		s := b.peek(store, t0)
		same(t, "user", s.Identity().ID, "")
		out, _ := s.Commit(200)
		same(t, "verdict", out.Refused, cookie.ReasonEnded)
		same(t, "refreshes", keys.refreshes, 1)

		// An entry of a key that is gone for good costs one look a request, and
		// ends nothing.
		b = loggedIn(t, c, 1)
		b[barrierName] = kid(9) + "1800000000" + "AAAAAAAAAAAAAAAAAAAAAA"
		keys = &holder{}
		keys.set(ring(t, 1))
		same(t, "user", b.peek(newStore(t, c, keys), t0).Identity().ID, "1")
		same(t, "refreshes", keys.refreshes, 1)
		// One that is over costs nothing.
		b[barrierName] = kid(9) + "1600000000" + "AAAAAAAAAAAAAAAAAAAAAA"
		same(t, "user", b.peek(newStore(t, c, keys), t0).Identity().ID, "1")
		same(t, "refreshes", keys.refreshes, 1)
	})
}

// TestRefresh_ForgetsWhatTheOldRingOpened: of two values the first opens, the
// second names a new key, and the ring that has it lacks the key of the first.
// Nothing of the first is left.
func TestRefresh_ForgetsWhatTheOldRingOpened(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		old, unknown := loggedIn(t, c, 1)[sessionName], browser{}
		unknown.visit(t, newStore(t, c, ring(t, 3)), t0, set(t, "x"))
		keys := &holder{next: ring(t, 2)}
		keys.set(ring(t, 1))
		s := newStore(t, c, keys).Load([]string{sessionName + "=" + old + "; " + sessionName + "=" + unknown[sessionName]}, t0)
		same(t, "user", s.Identity().ID, "")
		same(t, "key", s.Info().KeyID, "")
		same(t, "data", len(s.Names()), 0)
		out, _ := s.Commit(200)
		same(t, "verdict", out.Refused, cookie.ReasonUnknownKey)
		silent(t, out)
	})
}
