package main

import (
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
)

// A full ring gives up its oldest key and no other.
func TestRotatedDropsTheOldest(t *testing.T) {
	ring := keyring.Generate()
	var order []string // oldest first
	for range 40 {
		order = append(order, ring.Primary().ID())
		next, err := rotated(ring, 0)
		if err != nil {
			t.Fatal(err)
		}
		ring = next
	}
	order = append(order, ring.Primary().ID())
	keys := ring.Keys()
	if len(keys) != 16 {
		t.Fatalf("%d keys", len(keys))
	}
	for i, k := range keys {
		if want := order[len(order)-1-i]; k.ID() != want {
			t.Errorf("place %d: %s, not %s", i, k.ID(), want)
		}
	}
}
