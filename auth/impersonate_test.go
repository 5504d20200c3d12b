package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// impersonating is a site whose hooks write down both ids, and a browser in which user 2
// became user 1 ten minutes after their login.
func impersonating(t *testing.T, numbers ...int) (*site, browser) {
	t.Helper()
	x, b := newSite(t, ring(t, numbers...)), browser{}
	behind := func(ctx context.Context, s *ssestore.Session) string {
		if u, err := x.users.Actor(ctx, s); err == nil {
			return " by " + u.ID
		}
		return ""
	}
	x.users = x.manager(func(c *auth.Config[*user]) {
		c.OnLogin = func(ctx context.Context, s *ssestore.Session, u *user) {
			x.events = append(x.events, "login "+u.ID+behind(ctx, s))
		}
		c.OnLogout = func(ctx context.Context, s *ssestore.Session, u *user, ok bool) {
			x.events = append(x.events, fmt.Sprint("logout ", u.ID, " ", ok, behind(ctx, s)))
		}
	})
	x.login(b, "2")
	x.add(b, "the administrator's")
	x.now = t0.Add(10 * time.Minute)
	x.visit(b, func(s *ssestore.Session) { same(t, "Impersonate", x.users.Impersonate(bg, s, x.rows["1"]), nil) })
	return x, b
}

// after moves the clock, to where no session is young any more.
func (x *site) after(d time.Duration) { x.now = x.now.Add(d) }

func (x *site) actor(s *ssestore.Session) string {
	u, err := x.users.Actor(bg, s)
	if err != nil {
		return err.Error()
	}
	return u.ID
}

// TestF506_Impersonation: an administrator sees the site as a user, and comes back.
func TestF506_Impersonation(t *testing.T) {
	x, b := impersonating(t, 1)
	same(t, "events", x.events, "[login 2 login 1 by 2]")
	thief := b.copy()
	x.events = nil
	out := x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		same(t, "actor", x.actor(s), "2")
		same(t, "calls for two users", x.calls.Swap(0) > 0, true)
		same(t, "the administrator's data", cart.Get(s), "")
		same(t, "names", len(s.Names()), 0)
		same(t, "recent login", x.users.RecentLogin(bg, s, 24*time.Hour), false)
		_, err := x.users.Authorize(bg, s, x.users.Staff)
		same(t, "staff", err, auth.ErrNotStaff)
		same(t, "nested", x.users.Impersonate(bg, s, x.rows["2"]), auth.ErrImpersonation)
		same(t, "nested again", x.users.Impersonate(bg, s, x.rows["1"]), auth.ErrImpersonation)
		i := s.Info()
		same(t, "login time", i.AuthTime.Equal(t0), true)
		same(t, "deadline", i.Expires.Equal(t0.Add(12*time.Hour)), true)
		if sum := claims(t, b)["d"].(map[string]any)["-act"].(map[string]any)["stp"].(string); len(sum) != 43 || strings.Contains(string(i.Claims), sum) {
			t.Errorf("Info shows the actor's stamp: %s", i.Claims)
		}
	})
	same(t, "Impersonated", out.Impersonated, true)
	x.add(b, "the user's")
	before := claims(t, b)["sid"]

	out = x.visit(b, func(s *ssestore.Session) {
		same(t, "EndImpersonation", x.users.EndImpersonation(bg, s), nil)
		same(t, "user", x.who(s), "2")
		same(t, "actor", x.actor(s), auth.ErrNoUser)
		same(t, "again", x.users.EndImpersonation(bg, s), auth.ErrImpersonation)
	})
	same(t, "Impersonated", out.Impersonated, false)
	same(t, "events", x.events, "[logout 1 true by 2]")
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "2")
		same(t, "the user's data", cart.Get(s), "")
		same(t, "recent login: their own", x.users.RecentLogin(bg, s, 10*time.Minute), true)
		same(t, "recent login: not later", x.users.RecentLogin(bg, s, 10*time.Minute-time.Second), false)
		same(t, "deadline", s.Info().Expires.Equal(t0.Add(12*time.Hour)), true)
	})
	c := claims(t, b)
	if _, data := c["d"]; data || c["sid"] == before {
		t.Errorf("claims afterwards: %v", c)
	}
	// The barrier names the session that was left.
	late := b.copy()
	late[sessionName] = thief[sessionName]
	id, out := x.whoami(late)
	same(t, "a late response", id, "")
	same(t, "refused", out.Refused, cookie.ReasonEnded)
}

// Both are checked at every request.
func TestF506_EitherStampEnds(t *testing.T) {
	for id, name := range map[string]string{"1": "the user", "2": "the administrator"} {
		x, b := impersonating(t, 1)
		x.rows[id].Hash = "new"
		young := b.copy()
		got, out := x.whoami(young)
		same(t, name+": user", got, "")
		same(t, name+": young", len(out.SetCookie), 0)
		x.after(2 * time.Minute)
		got, out = x.whoami(b)
		same(t, name+": user", got, "")
		same(t, name, out.Refused, cookie.ReasonStampMismatch)
		deleted(t, b, out)
	}
	for id, name := range map[string]string{"1": "the user", "2": "the administrator"} {
		x, b := impersonating(t, 1)
		gone := x.rows[id]
		delete(x.rows, id)
		got, out := x.whoami(b)
		same(t, name+" is gone: user", got, "")
		silent(t, out)
		x.visit(b, func(s *ssestore.Session) {
			same(t, "EndImpersonation", x.users.EndImpersonation(bg, s), auth.ErrNotLoggedIn)
		})
		x.rows[id] = gone
		got, _ = x.whoami(b)
		same(t, name+" is back: user", got, "1")
		x.fail = func(_ context.Context, asked string) (*user, error) {
			if asked == id {
				return nil, errors.New("down")
			}
			return x.rows[asked], nil
		}
		x.visit(b, func(s *ssestore.Session) {
			_, err := x.users.GetUser(bg, s)
			same(t, name+": store down", errors.Is(err, auth.ErrUserStore), true)
			same(t, "EndImpersonation", errors.Is(x.users.EndImpersonation(bg, s), auth.ErrUserStore), true)
			same(t, "Impersonate", errors.Is(x.users.Impersonate(bg, s, x.rows["1"]), auth.ErrUserStore), true)
		})
	}
}

// Both stamps move to a new primary together, and neither to an older one.
func TestF506_Rotation(t *testing.T) {
	x, b := impersonating(t, 1)
	both := func() [3]any {
		c := claims(t, b)
		return [3]any{c["kid"], c["stk"], c["d"].(map[string]any)["-act"].(map[string]any)["stk"]}
	}
	y := x.on(ring(t, 2, 1))
	y.after(2 * time.Minute)
	id, out := y.whoami(b)
	same(t, "user", id, "1")
	same(t, "restamped", out.Restamped, true)
	same(t, "kids", both(), [3]any{kid(2), kid(2), kid(2)})
	id, out = y.whoami(b)
	same(t, "user", id, "1")
	silent(t, out)
	z := x.on(ring(t, 2))
	z.now = y.now
	id, _ = z.whoami(b)
	same(t, "user without the old key", id, "1")
	behind := x.on(ring(t, 1, 2))
	behind.now = y.now.Add(10 * time.Minute)
	id, out = behind.whoami(b)
	same(t, "user at an instance that is behind", id, "1")
	silent(t, out)
	unknown := x.on(ring(t, 3))
	unknown.now = y.now
	_, out = unknown.whoami(b.copy())
	silent(t, out)

	// RefreshStamp makes the user's stamp newer than the actor's; that one follows.
	x, b = impersonating(t, 1)
	y = x.on(ring(t, 2, 1))
	y.after(2 * time.Minute)
	y.visit(b, func(s *ssestore.Session) {
		s.Limit(ssestore.WritesSolicited)
		same(t, "user", y.who(s), "1")
		y.rows["1"].Hash = "changed by the administrator"
		same(t, "RefreshStamp", y.users.RefreshStamp(bg, s, y.rows["1"]), nil)
		same(t, "actor", y.actor(s), "2")
	})
	same(t, "kids", both(), [3]any{kid(2), kid(2), kid(1)})
	id, _ = y.whoami(b)
	same(t, "user", id, "1")
	same(t, "kids", both(), [3]any{kid(2), kid(2), kid(2)})
	b2 := b.copy()
	id, _ = y.whoami(b2)
	same(t, "user", id, "1")
}

// A login ends it, whoever logs in, and takes over nothing; a logout ends both.
func TestF506_LoginAndLogout(t *testing.T) {
	for _, id := range []string{"1", "2"} {
		x, b := impersonating(t, 1)
		x.add(b, "left by the administrator")
		x.events = nil
		x.login(b, id)
		same(t, "events", x.events, "[login "+id+"]")
		x.visit(b, func(s *ssestore.Session) {
			same(t, "user", x.who(s), id)
			same(t, "actor", x.actor(s), auth.ErrNoUser)
			same(t, "cart", cart.Get(s), "")
			same(t, "recent login", x.users.RecentLogin(bg, s, time.Minute), true)
		})
	}
	x, b := impersonating(t, 1)
	x.events = nil
	out := x.visit(b, func(s *ssestore.Session) { same(t, "Logout", x.users.Logout(bg, s), nil) })
	deleted(t, b, out)
	same(t, "events", x.events, "[logout 1 true by 2]")
	same(t, "Impersonated", out.Impersonated, false)
}

// After every error the session is as it was, and no hook runs.
func TestF506_Refused(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.visit(browser{}, func(s *ssestore.Session) {
		same(t, "nobody", x.users.Impersonate(bg, s, x.rows["1"]), auth.ErrNotLoggedIn)
		same(t, "nobody to end", x.users.EndImpersonation(bg, s), auth.ErrNotLoggedIn)
		_, err := x.users.Actor(bg, s)
		same(t, "actor of nobody", err, auth.ErrNoUser)
	})
	same(t, "no session", x.users.Impersonate(bg, nil, x.rows["1"]), auth.ErrNoSession)
	same(t, "no session to end", x.users.EndImpersonation(bg, nil), auth.ErrNoSession)
	var none *auth.Manager[*user]
	s := x.store.Load(nil, t0)
	for name, err := range map[string]error{"Impersonate": none.Impersonate(bg, s, x.rows["1"]), "EndImpersonation": none.EndImpersonation(bg, s)} {
		same(t, "nil manager: "+name, errors.Is(err, auth.ErrUserStore), true)
	}
	x.login(b, "2")
	x.add(b, "biscuits")
	x.events = nil
	before := b.copy()
	out := x.visit(b, func(s *ssestore.Session) {
		same(t, "nil", x.users.Impersonate(bg, s, nil), auth.ErrNoUser)
		same(t, "oneself", x.users.Impersonate(bg, s, x.rows["2"]), auth.ErrImpersonation)
		same(t, "no id", x.users.Impersonate(bg, s, &user{}), auth.ErrBadID)
		same(t, "nothing to end", x.users.EndImpersonation(bg, s), auth.ErrImpersonation)
		same(t, "user", x.who(s), "2")
		same(t, "cart", cart.Get(s), "biscuits")
	})
	silent(t, out)
	same(t, "cookie", b[sessionName], before[sessionName])
	s = x.store.Load(b.lines(), x.now)
	x.who(s)
	s.Commit(200)
	same(t, "committed", x.users.Impersonate(bg, s, x.rows["1"]), ssestore.ErrCommitted)
	same(t, "events", x.events, "[]")
}

// Without stamps nothing but the ids is kept.
func TestF506_WithoutStamps(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "2")
	x.visit(b, func(s *ssestore.Session) { same(t, "Impersonate", x.users.Impersonate(bg, s, x.rows["1"]), nil) })
	same(t, "d", claims(t, b)["d"], "map[-act:map[sub:2]]")
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		same(t, "actor", x.actor(s), "2")
		same(t, "EndImpersonation", x.users.EndImpersonation(bg, s), nil)
		same(t, "user", x.who(s), "2")
	})
	id, _ := x.whoami(b)
	same(t, "user", id, "2")
}

// An actor that can't be read, by a faulty or a newer writer, opens nothing.
func TestF506_UnreadableActor(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	c := claims(t, b)
	for _, d := range []string{
		`{"-act":null}`, `{"-act":1}`, `{"-act":{}}`, `{"-act":{"sub":""}}`, `{"-act":{"sub":"2","stk":"x","stp":"x"}}`,
		`{"-act":{"sub":"2"}}`, `{"-act":{"sub":"2","stk":"test1AA"}}`, `{"-act":{"sub":"2","stp":"AAAA"}}`, `{"-act":{"sub":"2"},"-act":{"sub":"1"}}`,
		`{"-act":{"sub":"2","stk":"test1AA","stp":"` + strings.Repeat("A", 43) + `"}}`,
		`{"-act":{"sub":"2","stk":"x","stp":"` + strings.Repeat("A", 43) + `"}}`,
		`{"-act":{"sub":"2","stk":"test9AA","stp":"AAAA"}}`,
		`{"-act":{"sub":"\u0001","stk":"test1AA","stp":"` + strings.Repeat("A", 43) + `"}}`,
	} {
		forged := forge(t, 1, fmt.Sprintf(`{"sid":%q,"iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"sub":"1","stk":%q,"stp":%q,"d":%s}`, c["sid"], c["stk"], c["stp"], d))
		x.now = t0.Add(2 * time.Minute)
		out := x.visit(forged, func(s *ssestore.Session) { same(t, d, x.who(s), "") })
		deleted(t, forged, out)
	}
	// No key of the application can name it.
	s := x.store.Load(nil, t0)
	same(t, "NewKey", ssestore.NewKey[map[string]string]("-act").Set(s, map[string]string{"sub": "2"}), ssestore.ErrBadName)
	same(t, "reserved", ssestore.NewKey[int]("-other").Set(s, 1), ssestore.ErrBadName)
	same(t, "not reserved", ssestore.NewKey[int]("a-").Set(s, 1), nil)
}

// TestF506_Overtaken: what a hook, or another goroutine, does to the session in the
// middle of the call isn't undone.
func TestF506_Overtaken(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(x *site, s *ssestore.Session)
		user string
	}{
		"a logout":         {func(_ *site, s *ssestore.Session) { s.Principal().End() }, ""},
		"another login":    {func(x *site, s *ssestore.Session) { x.users.Login(bg, s, x.rows["2"]) }, "2"},
		"the user's login": {func(x *site, s *ssestore.Session) { x.users.Login(bg, s, x.rows["1"]) }, "1"},
		"of somebody else": {func(x *site, s *ssestore.Session) {
			x.users.EndImpersonation(bg, s)
			x.users.Impersonate(bg, s, x.rows["3"])
		}, "3"},
		"by somebody else": {func(x *site, s *ssestore.Session) {
			x.users.Login(bg, s, x.rows["3"])
			x.users.Impersonate(bg, s, x.rows["1"])
		}, "1"},
	} {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.rows["3"] = &user{ID: "3", Hash: "hash of three"}
		armed := false
		x.users = x.manager(func(c *auth.Config[*user]) {
			c.OnLogout = func(_ context.Context, s *ssestore.Session, _ *user, _ bool) {
				if armed {
					armed = false
					row.do(x, s)
				}
			}
		})
		x.login(b, "2")
		x.visit(b, func(s *ssestore.Session) {
			same(t, name+": Impersonate", x.users.Impersonate(bg, s, x.rows["1"]), nil)
			armed = true
			same(t, name+": EndImpersonation", x.users.EndImpersonation(bg, s), auth.ErrNotLoggedIn)
			same(t, name+": user", x.who(s), row.user)
		})
	}
	// Impersonate asks for the user's id in between.
	for name, row := range map[string]struct {
		do   func(x *site, s *ssestore.Session)
		user string
	}{
		"a logout":      {func(_ *site, s *ssestore.Session) { s.Principal().End() }, ""},
		"another login": {func(x *site, s *ssestore.Session) { x.users.Login(bg, s, x.rows["3"]) }, "3"},
	} {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.rows["3"] = &user{ID: "3", Hash: "hash of three"}
		var during *ssestore.Session
		x.users = x.manager(func(c *auth.Config[*user]) {
			c.ID = func(u *user) string {
				if s := during; s != nil && u.ID == "1" {
					during = nil
					row.do(x, s)
				}
				return u.ID
			}
		})
		x.login(b, "2")
		x.visit(b, func(s *ssestore.Session) {
			same(t, name+": user", x.who(s), "2")
			during = s
			same(t, name+": Impersonate", x.users.Impersonate(bg, s, x.rows["1"]), auth.ErrNotLoggedIn)
			same(t, name+": user after", x.who(s), row.user)
			same(t, name+": nobody is behind it", s.Principal().Identity().Actor == nil, true)
		})
	}
}
