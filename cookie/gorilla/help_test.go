package gorilla_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
)

// Keys such as an application of gorilla/sessions has in its configuration.
var (
	hashKey  = []byte("0123456789abcdef0123456789abcdef")
	blockKey = []byte("fedcba9876543210fedcba9876543210")
)

func newCodec(t testing.TB, name, audience string) cookie.Codec {
	t.Helper()
	c, err := gorilla.SecureCookie(name, audience)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withKeys(t testing.TB, name string, pairs ...[]byte) cookie.Codec {
	t.Helper()
	c, err := gorilla.WithKeys(pairs...)(name, "")
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

// library is securecookie itself, with the keys that SecureCookie derives.
func library(key keyring.Key, name, audience string) *securecookie.SecureCookie {
	hash := key.Derive(keyring.Label{Purpose: "gorilla-hash", Audience: audience, Name: name})
	block := key.Derive(keyring.Label{Purpose: "gorilla-block", Audience: audience, Name: name})
	return securecookie.New(hash, block).SetSerializer(securecookie.NopEncoder{})
}

// craft makes a value by hand, so that a test can choose its parts. It is also a
// second description of the format, independent of the library.
func craft(hash, block []byte, name, date string, plaintext []byte) string {
	payload := plaintext
	if block != nil {
		b, err := aes.NewCipher(block)
		if err != nil {
			panic(err)
		}
		iv := make([]byte, 16)
		rand.Read(iv)
		payload = append(iv, make([]byte, len(plaintext))...)
		cipher.NewCTR(b, iv).XORKeyStream(payload[16:], plaintext)
	}
	return craftRaw(hash, name, date, base64.URLEncoding.EncodeToString(payload))
}

func craftRaw(hash []byte, name, date, payload string) string {
	mac := hmac.New(sha256.New, hash)
	fmt.Fprintf(mac, "%s|%s|%s", name, date, payload)
	return base64.URLEncoding.EncodeToString(mac.Sum([]byte(date + "|" + payload + "|")))
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
