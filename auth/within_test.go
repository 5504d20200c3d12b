package auth_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

const window = 10 * time.Minute

// windowed is a site whose renewals say when the user was last verified.
func windowed(t testing.TB, persistent bool, verified time.Duration) *site {
	t.Helper()
	x := newSite(t, ring(t, 1))
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Persistent: persistent, RenewVerified: verified})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// within is what a program without a user store says about the browser's session.
func (x *site) within(b browser, now time.Time) string {
	id, ok := auth.Within(x.store.Load(b.lines(), now))
	if ok != (id != "") {
		x.t.Errorf("Within: %q, %v", id, ok)
	}
	return id
}

// eachProfile runs a test for browser and for persistent sessions.
func eachProfile(t *testing.T, f func(t *testing.T, persistent bool)) {
	for _, persistent := range []bool{false, true} {
		t.Run(fmt.Sprint("persistent=", persistent), func(t *testing.T) { f(t, persistent) })
	}
}

// TestW5_PasswordChanged: whatever the user, and whoever has a copy of the cookie, does
// in the meantime, a reader says yes until the window has passed since the last
// renewal, and no longer. It has passed at the latest that long after the change.
func TestW5_PasswordChanged(t *testing.T) {
	eachProfile(t, func(t *testing.T, persistent bool) {
		for _, changedAt := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, 9 * time.Minute, 25 * time.Minute} {
			x := windowed(t, persistent, window)
			b := browser{}
			x.login(b, "1")
			renewed := t0
			for x.now = t0; x.now.Before(t0.Add(changedAt)); x.now = x.now.Add(time.Minute) {
				if _, out := x.whoami(b); out.Renewed {
					renewed = x.now
				}
				same(t, "before the change", x.within(b, x.now), "1")
			}
			stolen := b.copy()
			x.now = t0.Add(changedAt)
			x.rows["1"].Hash = "another"

			// The origin knows at once; the page that doesn't ask it moves nothing.
			kept := b.copy()
			for x.now = t0.Add(changedAt); x.now.Before(renewed.Add(window + 2*time.Minute)); x.now = x.now.Add(20 * time.Second) {
				x.add(kept, "biscuit")
				x.visit(kept, func(s *ssestore.Session) {
					if err := s.Renew(); err != ssestore.ErrUnconfirmed {
						t.Errorf("Renew: %v", err)
					}
				})
				id, out := x.whoami(stolen.copy())
				same(t, "at the origin", id, "")
				same(t, "renewed", out.Renewed, false)
				who := x.within(kept, x.now)
				same(t, "a page that doesn't ask", who, x.within(stolen, x.now))
			}
			end := renewed.Add(window)
			for sec := -3; sec <= 3; sec++ {
				want := "1"
				if sec > 0 {
					want = ""
				}
				now := end.Add(time.Duration(sec) * time.Second)
				same(t, fmt.Sprintf("%d s after the window, stolen", sec), x.within(stolen, now), want)
				same(t, fmt.Sprintf("%d s after the window, kept", sec), x.within(kept, now), want)
			}
			if end.After(t0.Add(changedAt + window)) {
				t.Errorf("changed after %v, and a reader says yes until %v", changedAt, end.Sub(t0))
			}
		}
	})
}

// TestW5_OnlyTheOwnerIsIn: the session that changed the password goes on everywhere.
func TestW5_OnlyTheOwnerIsIn(t *testing.T) {
	eachProfile(t, func(t *testing.T, persistent bool) {
		x := windowed(t, persistent, window)
		mine, other := browser{}, browser{}
		x.login(mine, "1")
		x.login(other, "1")
		x.now = t0.Add(9 * time.Minute)
		x.visit(mine, func(s *ssestore.Session) {
			same(t, "before", x.who(s), "1")
			x.rows["1"].Hash = "another"
			if err := x.users.RefreshStamp(context.Background(), s, x.rows["1"]); err != nil {
				t.Fatal(err)
			}
			id, _ := auth.Within(s)
			same(t, "in the request that changes it", id, "1")
		})
		same(t, "mine", x.within(mine, x.now.Add(window)), "1")
		same(t, "other", x.within(other, x.now.Add(time.Minute)), "1")
		same(t, "other, later", x.within(other, x.now.Add(time.Minute+time.Second)), "")
	})
}

// TestW6_OldAndNewInstances: instances with and without the window serve one browser
// in turn, with pages that ask for the user and pages that don't. Nobody is logged
// out, and a cookie has no claim that it didn't have.
func TestW6_OldAndNewInstances(t *testing.T) {
	eachProfile(t, func(t *testing.T, persistent bool) {
		old, young := windowed(t, persistent, 0), windowed(t, persistent, window)
		for first, instances := range map[string][2]*site{"old first": {old, young}, "new first": {young, old}} {
			b := browser{}
			instances[0].now = t0
			instances[0].login(b, "1")
			names := slices.Sorted(maps.Keys(claims(t, b)))
			for minute := range 10 * 60 {
				x := instances[minute%2]
				x.now = t0.Add(time.Duration(minute) * time.Minute)
				if minute%3 == 0 {
					x.visit(b, func(s *ssestore.Session) { cart.Get(s) })
					continue
				}
				if id, out := x.whoami(b); id != "1" || out.Deleted {
					t.Fatalf("%s: logged out in minute %d", first, minute)
				}
				same(t, "claims", slices.Sorted(maps.Keys(claims(t, b))), names)
			}
			same(t, "option off", old.within(b, t0), "")
		}
	})
}

// TestW7_Visitor: whoever uses pages that ask for the user is known to a reader all
// the time, and whoever uses other pages only is logged out after the idle time.
func TestW7_Visitor(t *testing.T) {
	x := windowed(t, false, window)
	asking, other := browser{}, browser{}
	x.login(asking, "1")
	x.login(other, "2")
	for minute := range 60 {
		x.now = t0.Add(time.Duration(minute) * time.Minute)
		if minute%5 == 0 {
			x.whoami(asking)
		}
		same(t, "a reader", x.within(asking, x.now), "1")
		x.add(other, fmt.Sprint(minute))
	}
	id, _ := x.whoami(other)
	same(t, "only pages that don't ask", id, "")
}
