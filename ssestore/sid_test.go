package ssestore_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

// TestSessionIDs: two sessions of one user that begin at the same moment have
// ids of their own.
func TestSessionIDs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		seen := map[string]bool{}
		for range 100 {
			b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
			id := b.peek(store, t0).Info().LogID
			if id == "" || seen[id] {
				t.Fatalf("session id %q twice", id)
			}
			seen[id] = true
		}
	})
}
