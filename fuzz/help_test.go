package fuzz_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Everything that the targets have in common is fixed, keys and times included:
// a seed must mean the same in every run.

const (
	cookieName = "__Host-session"
	endedName  = "__Host-session-ended"
	audience   = "fuzz"
	annsHash   = "$argon2id$v=19$m=65536,t=3,p=4$YW5uc2FsdA$YW5uaGFzaA" // the field that Ann is stamped with
)

// t0 is now, for all targets.
var t0 = time.Unix(1_700_000_000, 0).UTC()

var b64 = base64.RawURLEncoding

// bytesOf gives 32 bytes for a name.
func bytesOf(name string) []byte {
	sum := sha256.Sum256([]byte("hardtack fuzz " + name))
	return sum[:]
}

// kidOf is the key id of the n-th key. 0 and 1 are in the ring, 2 is not.
func kidOf(n int) string { return [...]string{"fuzz0_A", "fuzz1-A", "fuzz2AA"}[n] }

// ringOf makes a ring of numbered keys, the primary first; the lower the number,
// the newer the key.
func ringOf(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	var keys []string
	for _, n := range numbers {
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s","use":"enc","created":%d}`,
			kidOf(n), b64.EncodeToString(bytesOf(fmt.Sprint("root ", n))), t0.UnixMilli()-int64(n+1)*86_400_000))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// lp is the length-prefixed list of docs/FORMAT.md.
func lp(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// stampOf is the stamp of docs/FORMAT.md, worked out here and not by ssestore.
func stampOf(key keyring.Key, id, field string) (stamp [32]byte) {
	copy(stamp[:], mac(key.Derive(keyring.Label{Purpose: "stamp", Audience: audience}), lp(id, field)))
	return stamp
}

// gcm is the standard library's, for the seal subkey of a key.
func gcm(t testing.TB, key keyring.Key) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key.Derive(cookie.SealLabel(cookieName, audience)))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// sealed seals a plaintext with an IV that follows from what says, so that a seed
// is the same each time it is made.
func sealed(t testing.TB, key keyring.Key, what string, plaintext []byte) string {
	t.Helper()
	return jwe.PlainSeal(gcm(t, key), bytesOf("iv " + what)[:12], key.ID(), plaintext)
}

// session gives the claims of a session of Ann under a key: nothing is due, so a
// request that only reads it writes nothing.
func session(what string, key keyring.Key) claims.Claims {
	now := t0.Unix()
	return claims.Claims{
		SID: b64.EncodeToString(bytesOf("sid " + what)[:16]), Iat: now - 60, AuthTime: now - 60, Exp: now + 43140, Rnw: now - 60,
		Sub: "ann", Stk: key.ID(), Stp: stampOf(key, "ann", annsHash), D: []byte(`{"cart":["biscuit"]}`),
	}
}

// tokens are cookie values with a name each. Those whose names are in valid open
// as a session; those in users have Ann in it.
type tokens struct {
	values map[string]string
	valid  map[string]bool // by value
	users  map[string]bool // by value
}

// makeTokens seals the same set in every run.
func makeTokens(t testing.TB) tokens {
	t.Helper()
	ring := ringOf(t, 0, 1)
	first, second, strange := ring.Keys()[0], ring.Keys()[1], ringOf(t, 2).Primary()
	m := tokens{map[string]string{}, map[string]bool{}, map[string]bool{}}
	add := func(name string, key keyring.Key, valid, user bool, change func(*claims.Claims)) {
		c := session(name, key)
		if change != nil {
			change(&c)
		}
		v := sealed(t, key, name, c.Append(nil))
		m.values[name] = v
		if valid {
			m.valid[v] = true
		}
		if user {
			m.users[v] = true
		}
	}
	now := t0.Unix()
	nobody := func(c *claims.Claims) { c.Sub, c.AuthTime, c.Stk, c.Stp = "", 0, "", [32]byte{} }
	add("V", first, true, true, nil)                                                // the valid one
	add("W", second, true, true, nil)                                               // sealed and stamped under the fallback
	add("N", first, true, true, func(c *claims.Claims) { c.D = nil })               // without data
	add("A", first, true, false, nobody)                                            // anonymous
	add("S", first, true, false, func(c *claims.Claims) { c.Stp[0] ^= 1 })          // stamp unequal
	add("M", first, true, false, func(c *claims.Claims) { c.Stk = "" })             // no stamp
	add("U", first, true, false, func(c *claims.Claims) { c.Stk = kidOf(2) })       // stamp under a key we lack
	add("G", first, true, false, func(c *claims.Claims) { c.Sub = "ghost" })        // user does not exist
	add("O", first, true, false, func(c *claims.Claims) { c.Sub = "bob" })          // Ann's stamp under another id
	add("X", first, false, false, func(c *claims.Claims) { c.Exp = now })           // over
	add("I", first, false, false, func(c *claims.Claims) { c.Rnw = now - 1801 })    // idle too long
	add("F", first, false, false, func(c *claims.Claims) { c.Iat = now + 61 })      // from the future
	add("D", first, false, false, func(c *claims.Claims) { c.End = now })           // ended early
	add("K", strange, false, false, nil)                                            // under a key we lack
	add("B", first, true, true, func(c *claims.Claims) { c.D = []byte(`{"a":]}`) }) // data unreadable: reads as empty
	m.values["J"] = sealed(t, first, "J", []byte(`{"sub":"ann"}`))                  // authentic, but no claims of ours
	other, err := aes.NewCipher(first.Derive(cookie.SealLabel("other", audience)))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(other)
	if err != nil {
		t.Fatal(err)
	}
	c := session("Y", first)
	m.values["Y"] = jwe.PlainSeal(aead, bytesOf("iv Y")[:12], first.ID(), c.Append(nil)) // sealed for another cookie
	v := m.values["V"]
	m.values["T"] = v[:len(v)-1] + string("AQgw"[(strings.IndexByte("AQgw", v[len(v)-1])+1)%4]) // the tag altered
	c = session("V", first)
	until := fmt.Sprint(c.Exp)
	sum := mac(first.Derive(keyring.Label{Purpose: "barrier", Audience: audience, Name: cookieName}), lp(c.SID, until))
	m.values["E"] = first.ID() + until + b64.EncodeToString(sum[:16]) // the barrier that names V
	return m
}

// user is what the applications of these tests know of somebody.
type user struct{ id, hash string }

// newManager knows Ann and Bob.
func newManager(t testing.TB) *auth.Manager[*user] { return stampManager(t, annsHash) }

// stampManager is newManager with another stamped field for Ann.
func stampManager(t testing.TB, field string) *auth.Manager[*user] {
	t.Helper()
	all := map[string]*user{"ann": {"ann", field}, "bob": {"bob", "another hash"}}
	m, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if u := all[id]; u != nil {
				return u, nil
			}
			return nil, auth.ErrNoUser
		},
		ID:    func(u *user) string { return u.id },
		Stamp: func(u *user) string { return u.hash },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newStore(t testing.TB, ring keyring.Source, format cookie.Format) *ssestore.Store {
	t.Helper()
	s, err := ssestore.New(ssestore.Config{Keys: ring, Audience: audience, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
