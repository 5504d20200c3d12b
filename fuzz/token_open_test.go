package fuzz_test

import (
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/internal/jwe"
)

// FuzzTokenOpen: a token that opens encodes to the same string again (J13). This holds
// for the inner function with the transparent cipher, and so for every token that any
// key could open. The codec with its real cipher opens only tokens that were sealed.
// And go-jose, though more lenient, finds the same five parts in a token that we
// accept.
func FuzzTokenOpen(f *testing.F) {
	ring, m := fixed.Ring(f, 0, 1), makeTokens(f)
	codec, err := cookie.JWE(fixed.CookieName, fixed.Audience)
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, v := range m.values {
		if _, err := codec.Open(ring, v); err == nil {
			known[v] = true
		}
	}
	header := string(jwe.AppendHeader(nil, fixed.Kid(0)))
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
			var aead fixed.Transparent
			plaintext, fault := jwe.Open(nil, &aead, token)
			if fault != jwe.OK {
				if plaintext != nil || fault != jwe.Malformed {
					t.Fatalf("fault %v with %d bytes", fault, len(plaintext))
				}
				continue
			}
			if again := jwe.PlainSeal(&aead, aead.Nonce, string(kid[:jwe.KidLen]), plaintext); again != token {
				t.Fatalf("a second spelling:\n%s\n%s", token, again)
			}
			if string(aead.AD) != token[:60] || cap(plaintext) != len(plaintext) || len(token) != codec.Size(len(plaintext)) {
				t.Fatal("additional data, capacity or length")
			}
			object, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
			if err != nil {
				t.Fatalf("go-jose does not read it: %v", err)
			}
			if object.Header.KeyID != string(kid[:jwe.KidLen]) || len(object.Header.ExtraHeaders) != 1 || object.Header.Algorithm != "dir" { // enc counts as extra
				t.Fatalf("go-jose reads another header: %+v", object.Header)
			}
		}
	})
}
