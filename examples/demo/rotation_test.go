package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

func TestRotationLogsNobodyOut(t *testing.T) {
	s := start(t, nil)
	boss, crew, guest := s.visitor(t), s.visitor(t), s.visitor(t)
	boss.login(ada, seedPassword)
	crew.login(bob, seedPassword)
	crew.post("/cart", "item", "rope")
	guest.post("/cart", "item", "lime")
	first := crew.sessionView().KeyID
	seen := map[string]bool{}
	// More rotations than the ring has places: the oldest fallback goes.
	for i := range 20 {
		boss.post("/keys/rotate").want(t, 303, "/session")
		primary := boss.sessionView().KeyID // this request moves boss to the new key
		boss.get("/session")
		if now := boss.sessionView(); !now.Primary || seen[now.KeyID] {
			t.Fatalf("rotation %d: sealed under %s (primary: %v), before %s", i, now.KeyID, now.Primary, primary)
		} else {
			seen[now.KeyID] = true
		}
		if crew.who() != bob || boss.who() != ada {
			t.Fatalf("rotation %d logged somebody out", i)
		}
		guest.get("/").says(t, "<li>lime</li>")
	}
	if now := crew.sessionView(); now.KeyID == first || !now.Primary {
		t.Errorf("bob's session did not move: %s, %s", first, now.KeyID)
	}
	crew.get("/").says(t, "<li>rope</li>")
	ring, err := keyring.OpenFile(s.cfg.Keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ring.At(time.Now()).Keys()); n != 16 {
		t.Errorf("%d keys in the file", n)
	}
	if info, err := os.Stat(s.cfg.Keys); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key file: %v, %v", info.Mode(), err)
	}
}

// A key file at fault keeps the last good ring, tells once, and says so without
// repeating what is in it.
func TestBrokenKeyFile(t *testing.T) {
	s := start(t, nil)
	boss := s.visitor(t)
	boss.login(ada, seedPassword)
	good, err := os.ReadFile(s.cfg.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.cfg.Keys, []byte(`{"keys":[{"kty":"canary`), 0o600); err != nil {
		t.Fatal(err)
	}
	boss.post("/keys/rotate").want(t, 500, "")
	if boss.who() != ada {
		t.Error("a broken key file logged somebody out")
	}
	if !strings.Contains(s.log.String(), "level=ERROR msg=rotate") || strings.Contains(s.log.String(), "canary") {
		t.Errorf("the log:\n%s", s.log)
	}
	if err := os.WriteFile(s.cfg.Keys, good, 0o600); err != nil {
		t.Fatal(err)
	}
	boss.post("/keys/rotate").want(t, 303, "/session")
	if boss.who() != ada {
		t.Error("logged out after the file was mended")
	}
}

// A full ring gives up its oldest key and no other.
func TestRotatedDropsTheOldest(t *testing.T) {
	ring := keyring.Generate()
	var order []string // oldest first
	for range 40 {
		order = append(order, ring.Primary().ID())
		next, err := rotated(ring)
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
