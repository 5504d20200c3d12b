package cookie_test

import (
	"fmt"
	"testing"
	"testing/cryptotest"

	"github.com/hardtack-go/hardtack/keyring"
)

// iv is the IV segment of a token.
func iv(token string) string { return token[62:78] }

// J14: 2^17 nonces of one key under one plaintext differ.
func TestJ14_NoncesUnique(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	seen := make(map[string]bool, 1<<17)
	for range 1 << 17 {
		v := iv(seal(t, codec, ring, []byte("{}")))
		if seen[v] {
			t.Fatalf("IV %s twice", v)
		}
		seen[v] = true
	}
}

// J14: a clone of a machine has the same random source in the same state. Then
// two plaintexts still never share a nonce; only the same plaintext does, and
// that token tells nothing new. Nor do other names, audiences or keys.
func TestJ14_ClonedRandomSource(t *testing.T) {
	ring, err := keyring.Generate().Rotate()
	if err != nil {
		t.Fatal(err)
	}
	fallback, err := keyring.New(ring.Keys()[1])
	if err != nil {
		t.Fatal(err)
	}
	codec := newJWE(t, "s", "")
	seen := map[string]string{}
	clone := func(what, token string) {
		t.Helper()
		if other, twice := seen[iv(token)]; twice {
			t.Errorf("%s and %s share a nonce", what, other)
		}
		seen[iv(token)] = what
	}
	for i := range 500 {
		cryptotest.SetGlobalRandom(t, 1)
		clone(fmt.Sprint("plaintext ", i), seal(t, codec, ring, fmt.Appendf(nil, `{"n":%d}`, i)))
	}
	cryptotest.SetGlobalRandom(t, 1)
	first := seal(t, codec, ring, []byte("{}"))
	clone("empty object", first)
	cryptotest.SetGlobalRandom(t, 1)
	if again := seal(t, codec, ring, []byte("{}")); again != first {
		t.Error("the same random bytes and the same plaintext give another token: the test does not clone")
	}
	cryptotest.SetGlobalRandom(t, 1)
	clone("another name", seal(t, newJWE(t, "t", ""), ring, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 1)
	clone("another audience", seal(t, newJWE(t, "s", "x"), ring, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 1)
	clone("another key", seal(t, codec, fallback, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 2)
	clone("another seed", seal(t, codec, ring, []byte("{}")))
}
