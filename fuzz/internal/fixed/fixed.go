// Package fixed has what the fuzz targets, the mutants and the vectors share: keys,
// times and a session that are the same in every run, because a seed must mean the
// same in every run. It implements what docs/FORMAT.md defines a second time,
// independently of the code under test.
package fixed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

const (
	CookieName = "__Host-session"
	Audience   = "fuzz"

	// TicketPurpose is the purpose of all tickets.
	TicketPurpose = "fuzz/ticket"

	AnnsHash = "$argon2id$v=19$m=65536,t=3,p=4$YW5uc2FsdA$YW5uaGFzaA" // the field that Ann is stamped with
)

// Now is the time of every test.
var Now = time.Unix(1_700_000_000, 0).UTC()

var b64 = base64.RawURLEncoding

// Bytes returns 32 bytes derived from a name.
func Bytes(name string) []byte {
	sum := sha256.Sum256([]byte("hardtack fuzz " + name))
	return sum[:]
}

// Kid returns the id of the n-th key. 0 and 1 are in the ring, 2 isn't.
func Kid(n int) string { return [...]string{"fuzz0_A", "fuzz1-A", "fuzz2AA"}[n] }

// Ring makes a ring of numbered keys, the primary first. The lower the number, the
// newer the key.
func Ring(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	var keys []string
	for _, n := range numbers {
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s","use":"enc","created":%d}`,
			Kid(n), b64.EncodeToString(Bytes(fmt.Sprint("root ", n))), Now.UnixMilli()-int64(n+1)*86_400_000))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// LP returns the length-prefixed list of docs/FORMAT.md.
func LP(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// MAC returns HMAC-SHA256 over the parts.
func MAC(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// Stamp returns the stamp of docs/FORMAT.md, computed here rather than by ssestore.
func Stamp(key keyring.Key, id, field string) (stamp [32]byte) {
	copy(stamp[:], MAC(key.Derive(keyring.Label{Purpose: "stamp", Audience: Audience}), LP(id, field)))
	return stamp
}

// GCM returns the standard library's AES-GCM under the seal subkey of a key.
func GCM(t testing.TB, key keyring.Key) cipher.AEAD {
	t.Helper()
	return gcm(t, key, cookie.SealLabel(CookieName, Audience))
}

func gcm(t testing.TB, key keyring.Key, label keyring.Label) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key.Derive(label))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// Token seals a plaintext with an IV derived from what, so that a seed is the same
// each time it is made.
func Token(t testing.TB, key keyring.Key, what string, plaintext []byte) string {
	t.Helper()
	return token(GCM(t, key), key, what, plaintext)
}

// Ticket seals the claims of a ticket in the same way.
func Ticket(t testing.TB, key keyring.Key, what string, plaintext []byte) string {
	t.Helper()
	return token(gcm(t, key, keyring.Label{Purpose: "ticket", Audience: Audience, Name: TicketPurpose}), key, "ticket "+what, plaintext)
}

// Sealed seals a mark or a beat of a fleet in the same way.
func Sealed(t testing.TB, key keyring.Key, purpose string, plaintext []byte) []byte {
	t.Helper()
	return []byte(token(gcm(t, key, keyring.Label{Purpose: purpose, Audience: Audience}), key, purpose, plaintext))
}

func token(aead cipher.AEAD, key keyring.Key, what string, plaintext []byte) string {
	head := b64.EncodeToString(fmt.Appendf(nil, `{"alg":"dir","enc":"A256GCM","kid":"%s"}`, key.ID()))
	iv := Bytes("iv " + what)[:12]
	out := aead.Seal(nil, iv, plaintext, []byte(head))
	tag := len(out) - 16
	return strings.Join([]string{head, "", b64.EncodeToString(iv), b64.EncodeToString(out[:tag]), b64.EncodeToString(out[tag:])}, ".")
}

// Session returns the claims of a session of Ann's under a key. Nothing is due, so a
// request that only reads it writes nothing.
func Session(what string, key keyring.Key) claims.Claims {
	now := Now.Unix()
	return claims.Claims{
		SID: claims.SID(b64.AppendEncode(nil, Bytes("sid " + what)[:16])), Iat: now - 60, AuthTime: now - 60, Exp: now + 43140, Rnw: now - 60,
		Sub: "ann", Stk: claims.KidOf(key.ID()), Stp: Stamp(key, "ann", AnnsHash), D: []byte(`{"cart":["biscuit"]}`),
	}
}

// Transparent is a cipher that does nothing: the ciphertext is the plaintext, and
// every tag is right. It records what it was given. It lets tests reach the code
// behind authentication without forging a tag. It is below fuzz/internal, where no
// program can import it.
type Transparent struct{ Nonce, Tag, AD []byte }

var _ cipher.AEAD = (*Transparent)(nil)

func (a *Transparent) NonceSize() int { return 12 }
func (a *Transparent) Overhead() int  { return 16 }

func (a *Transparent) Open(dst, nonce, ciphertext, ad []byte) ([]byte, error) {
	if len(nonce) != 12 || len(ciphertext) < 16 {
		return nil, errors.New("lengths")
	}
	at := len(ciphertext) - 16
	a.Nonce, a.Tag, a.AD = bytes.Clone(nonce), bytes.Clone(ciphertext[at:]), bytes.Clone(ad)
	return append(dst, ciphertext[:at]...), nil
}

func (a *Transparent) Seal(dst, _, plaintext, _ []byte) []byte {
	return append(append(dst, plaintext...), a.Tag...)
}
