package legacy_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// What the other systems seal, written once more from their formats, so that the tests can
// alter every detail. Package examples/takeover has the same from the libraries themselves.

const (
	secret = "a secret of forty characters, or of more than that"
	former = "the secret before it, which has as many characters"
)

var b64 = base64.RawURLEncoding

// codec makes the codec of a Legacy, as ssestore.New does.
func codec(t testing.TB, l ssestore.Legacy) cookie.Codec {
	t.Helper()
	c, err := l.Format(l.Cookie.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// opens fails the test unless the value opens to a text.
func opens(t *testing.T, c cookie.Codec, value, want string) cookie.Opened {
	t.Helper()
	o, err := c.Open(nil, value)
	if err != nil || string(o.Plaintext) != want {
		t.Fatalf("%q, %v (%v), want %q", o.Plaintext, err, cookie.ReasonOf(err), want)
	}
	return o
}

// refuses fails the test unless the value is refused for this reason.
func refuses(t *testing.T, c cookie.Codec, what, value string, want cookie.Reason) {
	t.Helper()
	o, err := c.Open(nil, value)
	if got := cookie.ReasonOf(err); got != want || o.Plaintext != nil {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// iron is a sealed value (Fe26.2), part by part.
type iron struct {
	secret     string
	rounds     int
	prefix     string
	id         string
	salt, mac  string // the salts
	iv         []byte
	plaintext  string
	padding    []byte // nil: PKCS #7
	expiration string
}

func newIron(plaintext string) iron {
	return iron{secret: secret, rounds: 1, prefix: "Fe26.2", id: "1", salt: strings.Repeat("5a", 32),
		mac: strings.Repeat("3c", 32), iv: []byte("sixteen bytes iv"), plaintext: plaintext,
		expiration: fmt.Sprint(time.Now().Add(time.Hour).UnixMilli())}
}

func (v iron) key(salt string) []byte {
	return must(pbkdf2.Key(sha1.New, v.secret, []byte(salt), v.rounds, 32))
}

// String seals the value.
func (v iron) String() string {
	block := must(aes.NewCipher(v.key(v.salt)))
	padded := []byte(v.plaintext)
	if v.padding == nil {
		n := 16 - len(padded)%16
		padded = append(padded, strings.Repeat(string(rune(n)), n)...)
	}
	padded = append(padded, v.padding...)
	cipher.NewCBCEncrypter(block, v.iv).CryptBlocks(padded, padded)
	signed := strings.Join([]string{v.prefix, v.id, v.salt, b64.EncodeToString(v.iv), b64.EncodeToString(padded), v.expiration}, "*")
	return v.sign(signed)
}

// sign adds the salt and the MAC of a text.
func (v iron) sign(signed string) string {
	m := hmac.New(sha256.New, v.key(v.mac))
	m.Write([]byte(signed))
	return signed + "*" + v.mac + "*" + b64.EncodeToString(m.Sum(nil))
}

// keygrip signs a value as Keygrip does, and joins the two as ssestore does.
func keygrip(key, name, value string) string {
	m := hmac.New(sha1.New, []byte(key))
	m.Write([]byte(name + "=" + value))
	return value + ";" + b64.EncodeToString(m.Sum(nil))
}

// must is for what can't fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// expand is HKDF-SHA256.
func expand(secret, salt, info string, n int) []byte {
	return must(hkdf.Key(sha256.New, []byte(secret), []byte(salt), info, n))
}

// jwe encrypts claims with a key of 32 or 64 bytes.
func jwe(key []byte, claims string) string {
	enc := jose.A256GCM
	if len(key) == 64 {
		enc = jose.A256CBC_HS512
	}
	e := must(jose.NewEncrypter(enc, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil))
	return must(must(e.Encrypt([]byte(claims))).CompactSerialize())
}

// newStore makes a store that takes over l.
func newStore(l ssestore.Legacy) (*ssestore.Store, error) {
	l.Until = time.Now().Add(time.Hour)
	l.Migrate = func(s *ssestore.Session, _ []byte) error { return errors.New("not today") }
	return ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{l}})
}
