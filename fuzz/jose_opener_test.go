package fuzz_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
)

// Keys of a foreign system: one for each content encryption.
func foreignKeys() (gcm32, cbc64 []byte) {
	return fixed.Bytes("foreign gcm"), append(fixed.Bytes("foreign cbc mac"), fixed.Bytes("foreign cbc enc")...)
}

// foreignGCM makes a compact JWE around any header text, with a right tag.
func foreignGCM(t testing.TB, header string, plaintext []byte) string {
	t.Helper()
	key, _ := foreignKeys()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	head, iv := b64.EncodeToString([]byte(header)), fixed.Bytes("iv " + header)[:12]
	out := aead.Seal(nil, iv, plaintext, []byte(head))
	return strings.Join([]string{head, "", b64.EncodeToString(iv), b64.EncodeToString(out[:len(plaintext)]), b64.EncodeToString(out[len(plaintext):])}, ".")
}

// foreignCBC is foreignGCM for A256CBC-HS512, RFC 7518 section 5.2.2.1.
func foreignCBC(t testing.TB, header string, plaintext []byte) string {
	t.Helper()
	_, key := foreignKeys()
	block, err := aes.NewCipher(key[32:])
	if err != nil {
		t.Fatal(err)
	}
	head, iv := b64.EncodeToString([]byte(header)), fixed.Bytes("iv " + header)[:16]
	pad := 16 - len(plaintext)%16
	ct := append(bytes.Clone(plaintext), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ct, ct)
	h := hmac.New(sha512.New, key[:32])
	h.Write([]byte(head))
	h.Write(iv)
	h.Write(ct)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(head))*8))
	return strings.Join([]string{head, "", b64.EncodeToString(iv), b64.EncodeToString(ct), b64.EncodeToString(h.Sum(nil)[:32])}, ".")
}

// theyOpen opens a token with go-jose alone.
func theyOpen(token string) ([]byte, *gojose.JSONWebEncryption) {
	object, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.DIRECT},
		[]gojose.ContentEncryption{gojose.A256GCM, gojose.A256CBC_HS512})
	if err != nil {
		return nil, nil
	}
	gcm32, cbc64 := foreignKeys()
	for _, key := range [][]byte{gcm32, cbc64} {
		if plaintext, err := object.Decrypt(key); err == nil {
			return plaintext, object
		}
	}
	return nil, nil
}

// FuzzJoseOpener: if jose.WithKeys opens a token, go-jose opens it to the same bytes,
// its header has only known members, it has one spelling, and it contains a claims
// set. A token from a well-behaved issuer always opens. The token is made from header
// and plaintext, with the right tag.
func FuzzJoseOpener(f *testing.F) {
	gcm32, cbc64 := foreignKeys()
	codec, err := jose.WithKeys(gcm32, cbc64)("session", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token, header string, plaintext []byte) {
		openBoth(t, codec, token)
		if len(header)+len(plaintext) > 2000 {
			return
		}
		for _, token := range []string{foreignGCM(t, header, plaintext), foreignCBC(t, header, plaintext)} {
			openBoth(t, codec, token)
		}
		// The plain case: nothing in it that could be refused.
		var claims map[string]json.RawMessage
		if json.Unmarshal(plaintext, &claims) != nil || claims == nil || !timeless(plaintext) {
			return
		}
		for _, token := range []string{
			foreignGCM(t, `{"alg":"dir","enc":"A256GCM"}`, plaintext),
			foreignCBC(t, `{"typ":"JWT","enc":"A256CBC-HS512","alg":"dir"}`, plaintext),
		} {
			if got := openBoth(t, codec, token); !bytes.Equal(got, plaintext) {
				t.Fatalf("an ordinary token is refused: claims %q", plaintext)
			}
		}
	})
}

// timeless reports that a claims set has no member about time, and none twice.
func timeless(plaintext []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(plaintext))
	dec.Token()
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		name, _ := tok.(string)
		var v json.RawMessage
		if err != nil || seen[name] || slices.Contains([]string{"iat", "nbf", "exp"}, name) || dec.Decode(&v) != nil {
			return false
		}
		seen[name] = true
	}
	return true
}

// openBoth opens a token with both and returns what we read, nil for a refusal.
func openBoth(t *testing.T, codec cookie.Codec, token string) []byte {
	t.Helper()
	opened, err := codec.Open(nil, token)
	if err != nil {
		if opened.Plaintext != nil || err.Error() != cookie.ErrInvalid.Error() || cookie.ReasonOf(err) == cookie.ReasonBadTag {
			t.Fatalf("a refusal: %v, %v", err, cookie.ReasonOf(err))
		}
		return nil
	}
	theirs, object := theyOpen(token)
	if object == nil || !bytes.Equal(theirs, opened.Plaintext) {
		t.Fatalf("we open %q, go-jose %q", opened.Plaintext, theirs)
	}
	parts := strings.Split(token, ".")
	for _, p := range parts {
		raw, err := b64.Strict().DecodeString(p)
		if err != nil || b64.EncodeToString(raw) != p {
			t.Fatalf("a second spelling of a segment: %q", p)
		}
	}
	if len(parts) != 5 || parts[1] != "" || len(token) > 4096 {
		t.Fatalf("a token of another shape: %q", token)
	}
	head, _ := b64.DecodeString(parts[0])
	var members map[string]any
	if err := json.Unmarshal(head, &members); err != nil {
		t.Fatalf("header: %v", err)
	}
	for name := range members {
		if !slices.Contains([]string{"alg", "enc", "kid", "typ", "cty", "iat", "nbf", "exp", "uat"}, name) {
			t.Fatalf("header member %q", name)
		}
	}
	if enc := members["enc"]; members["alg"] != "dir" || enc != "A256GCM" && enc != "A256CBC-HS512" {
		t.Fatalf("header %v", members)
	}
	var claims map[string]any
	if err := json.Unmarshal(opened.Plaintext, &claims); err != nil || claims == nil {
		t.Fatalf("no claims set: %q", opened.Plaintext)
	}
	for _, m := range []map[string]any{claims, members} {
		if exp, ok := m["exp"].(float64); ok && exp < 1_750_000_000 {
			t.Fatalf("expired at %v, and open", exp)
		}
		if nbf, ok := m["nbf"].(float64); ok && nbf > 253402300799 {
			t.Fatal("not before the end of time, and open")
		}
	}
	if iat, ok := claims["iat"].(float64); ok && opened.Issued.Unix() != int64(iat) {
		t.Fatalf("iat %v, issued %v", iat, opened.Issued)
	}
	return opened.Plaintext
}
