package ticket_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/cryptotest"

	"github.com/hardtack-go/hardtack/cookie"
)

// TestK14_NoTicketTwice: two tickets of one value, sealed at one time, differ.
func TestK14_NoTicketTwice(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	seen := map[string]bool{}
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	for range n {
		iv := seal(t, k, "ada")[62:78]
		if seen[iv] {
			t.Fatalf("IV %s twice", iv)
		}
		seen[iv] = true
	}
}

// TestK14_ClonedMachine: where the random source repeats, two different plaintexts
// still don't share an IV. The IV is what docs/FORMAT.md says.
func TestK14_ClonedMachine(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	subkey := derive(root(1), "ticket-nonce", "", "reset")
	seen := map[string]string{}
	for seed := range uint64(20) {
		cryptotest.SetGlobalRandom(t, seed)
		random := make([]byte, 32)
		rand.Read(random)
		for n := range 5 {
			cryptotest.SetGlobalRandom(t, seed)
			v := fmt.Sprint("user ", n)
			token := seal(t, k, v)
			mac := hmac.New(sha256.New, subkey)
			mac.Write(random)
			mac.Write(lp(token[:60]))
			mac.Write([]byte(claimsText(t0.Unix(), t0.Unix()+3600, "", `"`+v+`"`)))
			iv := token[62:78]
			if want := b64.EncodeToString(mac.Sum(nil)[:12]); iv != want {
				t.Errorf("IV %s, want %s", iv, want)
			}
			if other, twice := seen[iv]; twice {
				t.Errorf("%q and %q share an IV", v, other)
			}
			seen[iv] = v
		}
	}
}

// A kind has a nonce key of its own: that of a cookie with the purpose's name makes
// other IVs.
func TestK14_NonceKeyOfItsOwn(t *testing.T) {
	r := ring(t, 1)
	k := newKind[string](t, r)
	codec, err := cookie.JWE("reset", "")
	if err != nil {
		t.Fatal(err)
	}
	cryptotest.SetGlobalRandom(t, 1)
	token := seal(t, k, "ada")
	cryptotest.SetGlobalRandom(t, 1)
	value, err := codec.Seal(r, []byte(claimsText(t0.Unix(), t0.Unix()+3600, "", `"ada"`)))
	if err != nil || value[62:78] == token[62:78] {
		t.Errorf("both have IV %s (%v)", token[62:78], err)
	}
}
