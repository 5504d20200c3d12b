package fleettest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// TestTraces: what is hidden is found, wherever it begins, and nothing else is.
func TestTraces(t *testing.T) {
	ring := keyring.Generate()
	var tr fleettest.Traces
	tr.Key(t, ring)
	mark := marks.Mark{Kind: marks.User, ID: "anna@shop.example", Before: 5, Until: 7}
	tr.Mark(mark)
	sum := sha256.Sum256([]byte(mark.ID))
	_, key, _ := strings.Cut(string(ring.JWKSet()), `"k":"`)
	key, _, _ = strings.Cut(key, `"`)
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(raw) != 32 {
		t.Fatalf("a key of %d bytes: %v", len(raw), err)
	}
	for what, secret := range map[string][]byte{"key": raw, "id": []byte(mark.ID), "hash": sum[:], "cut": sum[:16]} {
		for before := range 4 {
			padding := strings.Repeat("x", before)
			text := padding + string(secret) + "yyy"
			for form, hidden := range map[string]string{
				"raw": text, "hex": hex.EncodeToString([]byte(text)), "HEX": fmt.Sprintf("%X", text),
				"base64": base64.StdEncoding.EncodeToString([]byte(text)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(text)),
			} {
				if len(tr.In([]byte("before"+hidden+"after"))) == 0 {
					t.Errorf("%s after %d bytes in %s isn't found", what, before, form)
				}
			}
		}
	}
	other := keyring.Generate()
	if found := tr.In([]byte(string(other.JWKSet()) + hex.EncodeToString(sum[8:24]))); len(found) != 0 {
		t.Errorf("found %v where nothing is", found)
	}
}
