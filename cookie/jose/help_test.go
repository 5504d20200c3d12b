package jose_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/keyring"
)

// Keys of another system.
var (
	key32 = []byte("a key of 32 bytes for AES-GCM...")
	key64 = []byte("a key of 64 bytes for AES-CBC with HMAC-SHA-512, and that is it.")
)

const (
	gcmHeader = `{"alg":"dir","enc":"A256GCM"}`
	cbcHeader = `{"alg":"dir","enc":"A256CBC-HS512"}`
)

var b64 = base64.RawURLEncoding

// segments are the parts of a token before they are joined.
type segments struct{ header, key, iv, ciphertext, tag []byte }

func (s segments) String() string {
	parts := [][]byte{}
	for _, part := range [][]byte{s.header, s.key, s.iv, s.ciphertext, s.tag} {
		parts = append(parts, []byte(b64.EncodeToString(part)))
	}
	return string(bytes.Join(parts, []byte(".")))
}

// forge encrypts under any header at all, so that a test can show that a token
// is refused for its form although its tag is right. The key's length decides
// the algorithm.
func forge(key []byte, header string, plaintext string) segments {
	var aead cipher.AEAD
	var err error
	tag := 16
	if len(key) == 64 {
		aead, err = josecipher.NewCBCHMAC(key, aes.NewCipher)
		tag = 32
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		panic(err)
	}
	iv := random(aead.NonceSize())
	sealed := aead.Seal(nil, iv, []byte(plaintext), []byte(b64.EncodeToString([]byte(header))))
	n := len(sealed) - tag
	return segments{[]byte(header), nil, iv, sealed[:n:n], sealed[n:]}
}

func newCodec(t testing.TB, name, audience string) cookie.Codec {
	t.Helper()
	c, err := jose.JWE(name, audience)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newJWE(t testing.TB, name, audience string) cookie.Codec {
	t.Helper()
	c, err := cookie.JWE(name, audience)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func opener(t testing.TB, keys ...[]byte) cookie.Codec {
	t.Helper()
	c, err := jose.WithKeys(keys...)("session", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustSeal(t testing.TB, c cookie.Codec, ring *keyring.Keyring, plaintext []byte) string {
	t.Helper()
	value, err := c.Seal(ring, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// refused demands a verdict, the one error text, and nothing besides.
func refused(t testing.TB, c cookie.Codec, ring *keyring.Keyring, value string, want cookie.Reason) {
	t.Helper()
	opened, err := c.Open(ring, value)
	if got := cookie.ReasonOf(err); err == nil || got != want {
		t.Errorf("Open: verdict %v, want %v", got, want)
		return
	}
	if !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() {
		t.Errorf("Open: error %q, want the text of ErrInvalid", err)
	}
	if opened.Plaintext != nil || opened.Key.ID() != "" || !opened.Issued.IsZero() {
		t.Errorf("Open: a refusal gives something back")
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func same(t testing.TB, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes that differ from the %d wanted", len(got), len(want))
	}
}
