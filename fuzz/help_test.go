package fuzz_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

const endedName = fixed.CookieName + "-ended"

var b64 = base64.RawURLEncoding

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
	ring := fixed.Ring(t, 0, 1)
	first, second, strange := ring.Keys()[0], ring.Keys()[1], fixed.Ring(t, 2).Primary()
	m := tokens{map[string]string{}, map[string]bool{}, map[string]bool{}}
	add := func(name string, key keyring.Key, valid, user bool, change func(*claims.Claims)) {
		c := fixed.Session(name, key)
		if change != nil {
			change(&c)
		}
		v := fixed.Token(t, key, name, c.Append(nil))
		m.values[name] = v
		if valid {
			m.valid[v] = true
		}
		if user {
			m.users[v] = true
		}
	}
	now := fixed.Now.Unix()
	nobody := func(c *claims.Claims) { c.Sub, c.AuthTime, c.Stk, c.Stp = "", 0, claims.Kid{}, [32]byte{} }
	add("V", first, true, true, nil)                                                            // the valid one
	add("W", second, true, true, nil)                                                           // sealed and stamped under the fallback
	add("N", first, true, true, func(c *claims.Claims) { c.D = nil })                           // without data
	add("A", first, true, false, nobody)                                                        // anonymous
	add("S", first, true, false, func(c *claims.Claims) { c.Stp[0] ^= 1 })                      // stamp unequal
	add("M", first, true, false, func(c *claims.Claims) { c.Stk = claims.Kid{} })               // no stamp
	add("U", first, true, false, func(c *claims.Claims) { c.Stk = claims.KidOf(fixed.Kid(2)) }) // stamp under a key we lack
	add("G", first, true, false, func(c *claims.Claims) { c.Sub = "ghost" })                    // user does not exist
	add("O", first, true, false, func(c *claims.Claims) { c.Sub = "bob" })                      // Ann's stamp under another id
	add("X", first, false, false, func(c *claims.Claims) { c.Exp = now })                       // over
	add("I", first, false, false, func(c *claims.Claims) { c.Rnw = now - 1801 })                // idle too long
	add("F", first, false, false, func(c *claims.Claims) { c.Iat = now + 61 })                  // from the future
	add("D", first, false, false, func(c *claims.Claims) { c.End = now })                       // ended early
	add("K", strange, false, false, nil)                                                        // under a key we lack
	add("B", first, true, true, func(c *claims.Claims) { c.D = []byte(`{"a":]}`) })             // data unreadable: reads as empty
	m.values["J"] = fixed.Token(t, first, "J", []byte(`{"sub":"ann"}`))                         // authentic, but no claims of ours
	other, err := aes.NewCipher(first.Derive(cookie.SealLabel("other", fixed.Audience)))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(other)
	if err != nil {
		t.Fatal(err)
	}
	c := fixed.Session("Y", first)
	m.values["Y"] = jwe.PlainSeal(aead, fixed.Bytes("iv Y")[:12], first.ID(), c.Append(nil)) // sealed for another cookie
	v := m.values["V"]
	m.values["T"] = v[:len(v)-1] + string("AQgw"[(strings.IndexByte("AQgw", v[len(v)-1])+1)%4]) // the tag altered
	c = fixed.Session("V", first)
	until := fmt.Sprint(c.Exp)
	sum := fixed.MAC(first.Derive(keyring.Label{Purpose: "barrier", Audience: fixed.Audience, Name: fixed.CookieName}), fixed.LP(c.SID.String(), until))
	m.values["E"] = first.ID() + until + b64.EncodeToString(sum[:16]) // the barrier that names V
	return m
}

// user is what the applications of these tests know of somebody.
type user struct{ id, hash string }

// newManager knows Ann and Bob.
func newManager(t testing.TB) *auth.Manager[*user] {
	t.Helper()
	all := map[string]*user{"ann": {"ann", fixed.AnnsHash}, "bob": {"bob", "another hash"}}
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
	s, err := ssestore.New(ssestore.Config{Keys: ring, Audience: fixed.Audience, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
