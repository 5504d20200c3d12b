package e2e_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
)

func TestRotationLogsNobodyOut(t *testing.T) {
	s := launch(t, "-addr", "127.0.0.1:0")
	boss, crew, guest := visitor.New(t, s.url), visitor.New(t, s.url), visitor.New(t, s.url)
	boss.Login(ada, seedPassword)
	crew.Login(bob, seedPassword)
	crew.Post("/cart", "item", "rope")
	guest.Post("/cart", "item", "lime")
	first := sessionOf(crew).KeyID
	seen := map[string]bool{}
	// More rotations than the ring has places: the oldest fallback goes.
	for i := range 20 {
		boss.Post("/keys/rotate").Want(t, 303, "/session")
		primary := sessionOf(boss).KeyID // this request moves boss to the new key
		boss.Get("/session")
		if now := sessionOf(boss); !now.Primary || seen[now.KeyID] {
			t.Fatalf("rotation %d: sealed under %s (primary: %v), before %s", i, now.KeyID, now.Primary, primary)
		} else {
			seen[now.KeyID] = true
		}
		if crew.Who() != bob || boss.Who() != ada {
			t.Fatalf("rotation %d logged somebody out", i)
		}
		guest.Get("/").Says(t, "<li>lime</li>")
	}
	if now := sessionOf(crew); now.KeyID == first || !now.Primary {
		t.Errorf("bob's session did not move: %s, %s", first, now.KeyID)
	}
	crew.Get("/").Says(t, "<li>rope</li>")
	ring, err := keyring.OpenFile(s.keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ring.At(time.Now()).Keys()); n != 16 {
		t.Errorf("%d keys in the file", n)
	}
	if info, err := os.Stat(s.keys); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key file: %v, %v", info.Mode(), err)
	}
}

// A key file at fault keeps the last good ring, tells once, and says so without
// repeating what is in it.
func TestBrokenKeyFile(t *testing.T) {
	s := launch(t, "-addr", "127.0.0.1:0")
	boss := visitor.New(t, s.url)
	boss.Login(ada, seedPassword)
	good, err := os.ReadFile(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.keys, []byte(`{"keys":[{"kty":"canary`), 0o600); err != nil {
		t.Fatal(err)
	}
	boss.Post("/keys/rotate").Want(t, 500, "")
	if boss.Who() != ada {
		t.Error("a broken key file logged somebody out")
	}
	s.logs(t, "level=ERROR msg=rotate")
	if strings.Contains(s.stderr.String(), "canary") {
		t.Errorf("the log:\n%s", s.stderr)
	}
	if err := os.WriteFile(s.keys, good, 0o600); err != nil {
		t.Fatal(err)
	}
	boss.Post("/keys/rotate").Want(t, 303, "/session")
	if boss.Who() != ada {
		t.Error("logged out after the file was mended")
	}
}
