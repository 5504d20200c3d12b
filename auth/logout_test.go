package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

func (x *site) logout(b browser, status int) ssestore.Outcome {
	x.t.Helper()
	return x.visitStatus(b, status, func(s *ssestore.Session) {
		if err := x.users.Logout(bg, s); err != nil {
			x.t.Fatalf("Logout: %v", err)
		}
		same(x.t, "user after Logout", x.who(s), "")
		same(x.t, "cart after Logout", cart.Get(s), "")
	})
}

func TestS3_1_LogoutClearsAndDeletes(t *testing.T) {
	for _, status := range []int{200, 303, 304, 404, 500, 503} {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.login(b, "1")
		x.add(b, "biscuits")
		x.events = nil
		out := x.logout(b, status)
		deleted(t, b, out)
		// OnLogout ran before, and saw the user and the data.
		same(t, "events", x.events, []string{"logout 1 cart=biscuits"})
		id, _ := x.whoami(b)
		same(t, "user", id, "")
	}
}

func TestS3_2_LogoutAnonymous(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	silent(t, x.logout(b, 200)) // without a cookie there is nothing to delete
	x.add(b, "biscuits")
	deleted(t, b, x.logout(b, 200))
	same(t, "events", x.events, []string{"logout nobody cart=", "logout nobody cart=biscuits"})
}

// A user whose stamp does not match is not the user of the session any more.
func TestS3_1_LogoutAfterPasswordChange(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.rows["1"].Hash = "new hash"
	x.events = nil
	deleted(t, b, x.logout(b, 200))
	same(t, "events", x.events, []string{"refused 1 stamp-mismatch", "logout nobody cart="})
}

// Without a listener the store is not asked.
func TestLogout_DoesNotAskTheStoreForNobody(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.users = x.manager(func(c *auth.Config[*user]) { c.OnLogout = nil })
	deleted(t, b, x.logout(b, 200))
	same(t, "calls", x.calls.Load(), 0)
}

func TestS3_3_LogoutThenLogin(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	x.visit(b, func(s *ssestore.Session) {
		if err := x.users.Logout(bg, s); err != nil {
			t.Fatal(err)
		}
		if err := x.users.Login(bg, s, x.rows["2"]); err != nil {
			t.Fatal(err)
		}
	})
	id, _ := x.whoami(b)
	same(t, "user", id, "2")
	same(t, "cart", x.cartOf(b), "")
}

// OnLogout may change the session; the logout still ends it.
func TestS3_1_ListenerCannotKeepTheSession(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.users = x.manager(func(c *auth.Config[*user]) {
		c.OnLogout = func(ctx context.Context, s *ssestore.Session, u *user, ok bool) {
			same(t, "user within OnLogout", x.who(s), "1")
			if err := cart.Set(s, "set by OnLogout"); err != nil {
				t.Error(err)
			}
		}
	})
	deleted(t, b, x.logout(b, 200))
}

// The nature of stateless sessions, and its three bounds.
func TestS3_4_CopiedCookie(t *testing.T) {
	// thief returns a site and a copy of the session cookie, taken before the
	// logout. Only that cookie: the browser's second one names the end.
	thief := func(t *testing.T) (*site, browser) {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.login(b, "1")
		stolen := browser{sessionName: b[sessionName]}
		x.logout(b, 200)
		return x, stolen
	}
	t.Run("still opens", func(t *testing.T) {
		x, stolen := thief(t)
		id, _ := x.whoami(stolen)
		same(t, "user", id, "1")
	})
	t.Run("ends by the idle timeout", func(t *testing.T) {
		x, stolen := thief(t)
		x.now = t0.Add(ssestore.DefaultIdle + time.Second)
		id, _ := x.whoami(stolen)
		same(t, "user", id, "")
	})
	t.Run("ends by the absolute timeout", func(t *testing.T) {
		x, stolen := thief(t)
		for x.now.Before(t0.Add(ssestore.DefaultAbsolute - 10*time.Minute)) {
			x.now = x.now.Add(10 * time.Minute)
			id, _ := x.whoami(stolen) // and is renewed
			if id != "1" {
				t.Fatalf("ended early, at %v", x.now.Sub(t0))
			}
		}
		x.now = t0.Add(ssestore.DefaultAbsolute)
		id, _ := x.whoami(stolen)
		same(t, "user", id, "")
	})
	t.Run("ends by the stamp", func(t *testing.T) {
		x, stolen := thief(t)
		x.rows["1"].Hash = "new hash"
		id, _ := x.whoami(stolen)
		same(t, "user", id, "")
	})
	t.Run("is refused in the browser that logged out", func(t *testing.T) {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.login(b, "1")
		stale := b[sessionName]
		x.logout(b, 200)
		b[sessionName] = stale // a late response brings it back
		id, _ := x.whoami(b)
		same(t, "user", id, "")
	})
}
