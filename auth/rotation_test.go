package auth_test

import (
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The rows S4.1 to S4.8. Instances are sites over one user table with rings of
// their own; a higher number is a newer key.

func TestS4_1_FallbackMovesToThePrimary(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	id, out := x.on(ring(t, 2, 1)).whoami(b)
	same(t, "user", id, "1")
	same(t, "kid of the response", out.KeyID, kid(2))
	c := claims(t, b)
	same(t, "seal and stamp", []any{c["kid"], c["stk"]}, []any{kid(2), kid(2)})
	same(t, "cart", x.on(ring(t, 2)).cartOf(b), "biscuits")
}

func TestS4_2_AfterTheOldKeyIsRetired(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	old := b.copy()
	x.on(ring(t, 2, 1)).whoami(b)
	y := x.on(ring(t, 2))
	id, _ := y.whoami(b)
	same(t, "user of the reissued cookie", id, "1")
	kept := old[sessionName]
	out := y.visit(old, func(s *ssestore.Session) {
		same(t, "user of the old cookie", y.who(s), "")
		same(t, "cart of the old cookie", cart.Get(s), "")
	})
	silent(t, out)
	same(t, "refused", out.Refused, cookie.ReasonUnknownKey)
	same(t, "old cookie", old[sessionName], kept)
}

func TestS4_3_LaterFallbacks(t *testing.T) {
	for n := 1; n <= 4; n++ {
		x, b := newSite(t, ring(t, n)), browser{}
		x.login(b, "1")
		id, _ := x.on(ring(t, 5, 4, 3, 2, 1)).whoami(b)
		same(t, "user", id, "1")
		c := claims(t, b)
		same(t, "seal and stamp", []any{c["kid"], c["stk"]}, []any{kid(5), kid(5)})
	}
}

func TestS4_4_StampUnequalOrUnknown(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.on(ring(t, 2, 1)).add(b, "biscuits") // seal 2, stamp 1
	y := x.on(ring(t, 3, 2))
	out := y.visit(b.copy(), func(s *ssestore.Session) { same(t, "user", y.who(s), "") })
	silent(t, out)
	same(t, "unknown", out.Refused, cookie.ReasonStampUnknownKey)
	z := x.on(ring(t, 3, 2, 1))
	z.now = t0.Add(2 * time.Minute)
	x.rows["1"].Hash = "new hash"
	out = z.visit(b, func(s *ssestore.Session) { same(t, "user", z.who(s), "") })
	deleted(t, b, out)
	same(t, "unequal", out.Refused, cookie.ReasonStampMismatch)
}

func TestS4_5_AnonymousSessionOfAFallback(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.visit(b, func(s *ssestore.Session) {
		if err := s.Remember(true); err != nil {
			t.Fatal(err)
		}
		if err := cart.Set(s, "biscuits"); err != nil {
			t.Fatal(err)
		}
	})
	before := claims(t, b)
	y := x.on(ring(t, 2, 1))
	for _, limit := range []ssestore.Writes{ssestore.WritesNone, ssestore.WritesRenewOnly} {
		silent(t, y.visit(b, func(s *ssestore.Session) {
			s.Limit(limit)
			same(t, "user", y.who(s), "")
			same(t, "cart", cart.Get(s), "biscuits")
		}))
	}
	y.whoami(b)
	after := claims(t, b)
	same(t, "kid", after["kid"], kid(2))
	for _, name := range []string{"sid", "iat", "exp", "per", "d"} {
		same(t, name, after[name], before[name])
	}
}

func TestS4_6_EveryCookieCarriesThePrimary(t *testing.T) {
	var keys keyring.Holder
	keys.Set(ring(t, 1))
	x, b := newSite(t, &keys), browser{}
	for n := 2; n <= 6; n++ {
		step := func(out ssestore.Outcome, want int) {
			t.Helper()
			if len(out.SetCookie) > 0 && b[sessionName] != "" {
				same(t, "kid", claims(t, b)["kid"], kid(want))
				same(t, "kid of the Outcome", out.KeyID, kid(want))
			}
		}
		step(x.login(b, "1"), n-1)
		keys.Set(ring(t, n, n-1)) // the reload
		step(x.add(b, "biscuits"), n)
		_, out := x.whoami(b)
		step(out, n)
		x.now = x.now.Add(10 * time.Minute)
		_, out = x.whoami(b)
		step(out, n)
		step(x.login(b, "1"), n)
	}
}

func TestS4_7_MixedFleet(t *testing.T) {
	behind, ahead := newSite(t, ring(t, 1, 2)), newSite(t, ring(t, 2, 1))
	ahead.rows = behind.rows
	b := browser{}
	ahead.login(b, "1")
	ahead.add(b, "biscuits")
	// Reads, even with a renewal due, do not flap.
	for range 5 {
		for _, x := range []*site{behind, ahead} {
			id, out := x.whoami(b)
			same(t, "user", id, "1")
			silent(t, out)
		}
	}
	behind.now = t0.Add(10 * time.Minute)
	_, out := behind.whoami(b)
	silent(t, out)
	// A solicited write uses the instance's own primary, and says so.
	out = behind.add(b, "more")
	same(t, "kid", claims(t, b)["kid"], kid(1))
	same(t, "OlderPrimary", out.OlderPrimary, true)
	// Its stamp is still the newer one; both instances know the user.
	for _, x := range []*site{behind, ahead} {
		x.now = behind.now
		id, _ := x.whoami(b)
		same(t, "user", id, "1")
		same(t, "cart", x.cartOf(b), "more")
	}
	c := claims(t, b)
	same(t, "seal and stamp in the end", []any{c["kid"], c["stk"]}, []any{kid(2), kid(2)})
}

func TestS4_8_UnverifiedUserIsNeverResealed(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	before := b[sessionName]
	y := x.on(ring(t, 2, 1))
	y.now = t0.Add(10 * time.Minute) // a renewal is due
	out := y.visit(b, func(s *ssestore.Session) { cart.Get(s) })
	silent(t, out)
	same(t, "cookie", b[sessionName], before)
	id, out := y.whoami(b)
	same(t, "user", id, "1")
	same(t, "Resealed, Restamped, Renewed", []any{out.Resealed, out.Restamped, out.Renewed}, []any{true, true, true})
}

// Login on an instance that is behind: seal and stamp of its own primary.
func TestRotation_LoginOnBothSidesOfAMixedFleet(t *testing.T) {
	behind := newSite(t, ring(t, 1, 2))
	ahead := behind.on(ring(t, 2, 1))
	for _, order := range [][2]*site{{behind, ahead}, {ahead, behind}} {
		b := browser{}
		order[0].login(b, "1")
		order[0].add(b, "biscuits")
		order[1].login(b, "1")
		same(t, "cart", order[0].cartOf(b), "biscuits")
		for _, x := range order {
			id, _ := x.whoami(b)
			same(t, "user", id, "1")
		}
	}
}

// reloading gives one ring until it is refreshed, then another.
type reloading struct{ before, after *keyring.Keyring }

func (r *reloading) At(now time.Time) *keyring.Keyring { return r.before.At(now) }
func (r *reloading) Refresh(now time.Time) *keyring.Keyring {
	r.before = r.after
	return r.after.At(now)
}

// To compare the old stamp may refresh the keys. Seal and new stamp are then both
// under the new primary: a stamp of a key that is gone would end the login.
func TestRotation_LoginWhileTheKeysChange(t *testing.T) {
	ahead := newSite(t, ring(t, 2, 1))
	b := browser{}
	ahead.login(b, "1")
	ahead.on(ring(t, 1, 2)).add(b, "biscuits") // sealed under key 1, stamped under 2
	x := ahead.on(&reloading{before: ring(t, 1), after: ring(t, 2)})
	x.login(b, "1")
	c := claims(t, b)
	same(t, "seal and stamp", []any{c["kid"], c["stk"]}, []any{kid(2), kid(2)})
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}
