package cookie_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// A header whose key id decodes to one that the ring has, but is not written in
// base64url, is no header of ours: the verdict is foreign, which deletes nothing.
// The kid is chosen so that its segment has an A, whose bits are those that a
// careless decoder gives to a character outside of the alphabet.
func TestJ9_KidAlphabet(t *testing.T) {
	secret := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	ring, err := keyring.Parse(`{"keys":[{"kty":"oct","kid":"aP1bP1A","k":"` + secret + `","use":"enc","created":1}]}`)
	if err != nil {
		t.Fatal(err)
	}
	codec := newJWE(t, "session", "")
	token, err := codec.Seal(ring, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	const prefix, header = 48, 60
	i := strings.IndexByte(token[prefix:header], 'A')
	if i < 0 {
		t.Fatalf("no A in %q: the test shows nothing", token[prefix:header])
	}
	for _, c := range []string{"!", "=", "+", "/", ".", " ", "\n", "\x00", "\x80"} {
		altered := token[:prefix+i] + c + token[prefix+i+1:]
		if _, err := codec.Open(ring, altered); cookie.ReasonOf(err) != cookie.ReasonForeign {
			t.Errorf("%q in the key id: %v", c, cookie.ReasonOf(err))
		}
	}
}
