package howto

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// readKeys returns the keys that a reader needs, as a JWK Set. Whoever has them can read
// every session and make new ones, so they go into the edge's secrets.
func readKeys(ring *keyring.Keyring) string {
	barrier := keyring.Label{Purpose: "barrier", Name: cookie.DefaultName}
	var keys []string
	for _, key := range ring.Keys() {
		keys = append(keys, string(key.ExportJWK(cookie.SealLabel(cookie.DefaultName, ""))), string(key.ExportJWK(barrier)))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// TestReadKeys: the set has two keys for each key of the ring, under its id. Package matrix
// gives such keys to the reader.
func TestReadKeys(t *testing.T) {
	ring, err := keyring.Generate().Rotate()
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct{ Kid, Alg, K string }
	}
	if err := json.Unmarshal([]byte(readKeys(ring)), &set); err != nil {
		t.Fatal(err)
	}
	algs := map[string]string{}
	for _, k := range set.Keys {
		algs[k.Kid] += k.Alg + " "
	}
	for _, k := range ring.Keys() {
		if algs[k.ID()] != "A256GCM HS256 " {
			t.Errorf("kid %s: %q", k.ID(), algs[k.ID()])
		}
	}
	if len(set.Keys) != 4 {
		t.Errorf("%d keys", len(set.Keys))
	}
}
