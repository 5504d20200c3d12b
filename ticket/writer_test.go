package ticket_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A second writer of the format, made from docs/FORMAT.md with the standard library
// and without a line of the package. Tests use it to write what Seal never does.

var b64 = base64.RawURLEncoding

func hash(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

// lp writes each part after its length.
func lp(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// derive is the derivation of subkeys.
func derive(root []byte, purpose, audience, name string) []byte {
	k, err := hkdf.Key(sha256.New, root, nil, string(lp("hardtack/v1", purpose, audience, name)), 32)
	if err != nil {
		panic(err)
	}
	return k
}

// bndOf is the digest of the fields that a ticket is bound to, as its claims have it.
func bndOf(fields ...string) string {
	sum := sha256.Sum256(lp(fields...))
	return b64.EncodeToString(sum[:16])
}

// claimsText is the one spelling of the claims. An empty bnd means none.
func claimsText(iat, exp int64, bnd, d string) string {
	if bnd != "" {
		bnd = `"bnd":"` + bnd + `",`
	}
	return fmt.Sprintf(`{"iat":%d,"exp":%d,%s"d":%s}`, iat, exp, bnd, d)
}

// sealUnder writes a token under a subkey, with an IV derived from the rest.
func sealUnder(subkey []byte, kid, plaintext string) string {
	header := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}`))
	block, err := aes.NewCipher(subkey)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	iv := hash("iv " + hex.EncodeToString(subkey) + plaintext)[:12]
	out := gcm.Seal(nil, iv, []byte(plaintext), []byte(header))
	n := len(plaintext)
	return strings.Join([]string{header, "", b64.EncodeToString(iv), b64.EncodeToString(out[:n]), b64.EncodeToString(out[n:])}, ".")
}

// forge writes a ticket for the purpose "reset" under key 1 of these tests.
func forge(plaintext string) string {
	return sealUnder(derive(root(1), "ticket", "", "reset"), kid(1), plaintext)
}

// openUnder is a second reader. It returns the plaintext.
func openUnder(t testing.TB, subkey []byte, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	iv, err := b64.DecodeString(parts[2])
	ct, err2 := b64.DecodeString(parts[3])
	tag, err3 := b64.DecodeString(parts[4])
	block, err4 := aes.NewCipher(subkey)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plaintext, err := gcm.Open(nil, iv, append(ct, tag...), []byte(parts[0]))
	if err != nil {
		t.Fatal(err)
	}
	return string(plaintext)
}
