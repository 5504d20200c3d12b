package fuzz_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
)

// transparent is a cipher that does nothing: ciphertext is plaintext, and every
// tag is right. It notes what it was given. With it, what lies behind
// authentication can be reached without forging a tag. It lives in a test file
// and nowhere else.
type transparent struct{ nonce, tag, ad []byte }

var _ cipher.AEAD = (*transparent)(nil)

func (a *transparent) NonceSize() int { return 12 }
func (a *transparent) Overhead() int  { return 16 }

func (a *transparent) Open(dst, nonce, ciphertext, ad []byte) ([]byte, error) {
	if len(nonce) != 12 || len(ciphertext) < 16 {
		return nil, errors.New("lengths")
	}
	at := len(ciphertext) - 16
	a.nonce, a.tag, a.ad = bytes.Clone(nonce), bytes.Clone(ciphertext[at:]), bytes.Clone(ad)
	return append(dst, ciphertext[:at]...), nil
}

func (a *transparent) Seal(dst, _, plaintext, _ []byte) []byte {
	return append(append(dst, plaintext...), a.tag...)
}

// FuzzTokenOpen: what opens encodes to the same string again (J13). It holds
// for the inner function with the transparent cipher, so for every token that any
// key could open; the codec with its real cipher opens none but those that were
// sealed; and go-jose, though more lenient, reads what we read as the same five
// parts.
func FuzzTokenOpen(f *testing.F) {
	ring, m := ringOf(f, 0, 1), makeTokens(f)
	codec, err := cookie.JWE(cookieName, audience)
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, v := range m.values {
		if _, err := codec.Open(ring, v); err == nil {
			known[v] = true
		}
	}
	header := string(jwe.AppendHeader(nil, kidOf(0)))
	f.Fuzz(func(t *testing.T, token string) {
		for _, token := range []string{fill(token, m), header + "." + token} {
			opened, err := codec.Open(ring, token)
			if err == nil && !known[token] {
				t.Fatalf("forged: %q", token)
			}
			if err != nil && (opened.Plaintext != nil || opened.Key.ID() != "" || err.Error() != cookie.ErrInvalid.Error()) {
				t.Fatalf("a refusal says something: %v", err)
			}
			kid, ok := jwe.Kid(token)
			if !ok {
				if r := cookie.ReasonOf(err); r != cookie.ReasonForeign {
					t.Fatalf("not our header, and the verdict is %v", r)
				}
				continue
			}
			var aead transparent
			plaintext, fault := jwe.Open(nil, &aead, token)
			if fault != jwe.OK {
				if plaintext != nil || fault != jwe.Malformed {
					t.Fatalf("fault %v with %d bytes", fault, len(plaintext))
				}
				continue
			}
			if again := jwe.PlainSeal(&aead, aead.nonce, string(kid[:]), plaintext); again != token {
				t.Fatalf("a second spelling:\n%s\n%s", token, again)
			}
			if string(aead.ad) != token[:60] || cap(plaintext) != len(plaintext) || len(token) != codec.Size(len(plaintext)) {
				t.Fatal("additional data, capacity or length")
			}
			object, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
			if err != nil {
				t.Fatalf("go-jose does not read it: %v", err)
			}
			if object.Header.KeyID != string(kid[:]) || len(object.Header.ExtraHeaders) != 1 || object.Header.Algorithm != "dir" { // enc counts as extra
				t.Fatalf("go-jose reads another header: %+v", object.Header)
			}
		}
	})
}
