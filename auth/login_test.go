package auth_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

var bg = context.Background()

func TestL1_AnonymousDataKept(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.add(b, "biscuits")
	before := claims(t, b)
	x.now = t0.Add(time.Minute)
	out := x.visit(b, func(s *ssestore.Session) {
		same(t, "user before", x.who(s), "")
		if err := x.users.Login(bg, s, x.rows["1"]); err != nil {
			t.Fatal(err)
		}
		same(t, "user in the same request", x.who(s), "1")
		same(t, "cart in the same request", cart.Get(s), "biscuits")
	})
	after := claims(t, b)
	if before["sid"] == after["sid"] {
		t.Error("the session id is the same after the login")
	}
	same(t, "cart", x.cartOf(b), "biscuits")
	same(t, "sub", after["sub"], "1")
	same(t, "stk", after["stk"], kid(1))
	for _, name := range []string{"iat", "auth_time", "rnw"} {
		same(t, name, int64(after[name].(float64)), x.now.Unix())
	}
	same(t, "exp", int64(after["exp"].(float64)), x.now.Add(ssestore.DefaultAbsolute).Unix())
	same(t, "events", x.events, []string{"login 1"})
	same(t, "calls of the store", x.calls.Load(), 0)
	if !out.Private || !out.Vary {
		t.Errorf("the response may be cached: %+v", out)
	}
	if id, out := x.whoami(b); id != "1" || len(out.SetCookie) != 0 {
		t.Errorf("next request: user %q, %+v", id, out)
	}
}

func TestL1_KeepOnLogin(t *testing.T) {
	for _, row := range []struct {
		keep        []string
		cart, theme string
	}{
		{nil, "biscuits", "dark"},
		{[]string{"cart"}, "biscuits", ""},
		{[]string{"theme", "other"}, "", "dark"},
		{[]string{}, "", ""},
	} {
		x, b := newSite(t, ring(t, 1)), browser{}
		list := append(row.keep[:0:0], row.keep...)
		if row.keep != nil && list == nil {
			list = []string{}
		}
		x.users = x.manager(func(c *auth.Config[*user]) { c.KeepOnLogin = list })
		if len(list) > 0 {
			list[0] = "changed by the caller afterwards"
		}
		x.visit(b, func(s *ssestore.Session) {
			if err := errors.Join(cart.Set(s, "biscuits"), theme.Set(s, "dark")); err != nil {
				t.Fatal(err)
			}
		})
		x.login(b, "1")
		s := x.store.Load(b.lines(), x.now)
		if cart.Get(s) != row.cart || theme.Get(s) != row.theme {
			t.Errorf("keep %q: cart %q, theme %q", row.keep, cart.Get(s), theme.Get(s))
		}
		// The list is about anonymous sessions. The user's own data stays.
		x.visit(b, func(s *ssestore.Session) {
			if err := errors.Join(cart.Set(s, "more"), theme.Set(s, "light")); err != nil {
				t.Fatal(err)
			}
		})
		x.login(b, "1")
		s = x.store.Load(b.lines(), x.now)
		if cart.Get(s) != "more" || theme.Get(s) != "light" {
			t.Errorf("keep %q, same user again: cart %q, theme %q", row.keep, cart.Get(s), theme.Get(s))
		}
	}
}

func TestL2_OtherUser(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.add(b, "from before the first login")
	x.login(b, "1")
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		if err := theme.Set(s, "of user 1"); err != nil {
			t.Fatal(err)
		}
	})
	first := claims(t, b)
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		if err := x.users.Login(bg, s, x.rows["2"]); err != nil {
			t.Fatal(err)
		}
		same(t, "user in the same request", x.who(s), "2")
		same(t, "cart in the same request", cart.Get(s), "")
	})
	second := claims(t, b)
	if first["sid"] == second["sid"] {
		t.Error("the session id is the same")
	}
	if second["d"] != nil {
		t.Errorf("data of the other user: %v", second["d"])
	}
	same(t, "events", x.events, []string{"login 1", "login 2"})
}

// Stamping off does not make another user's data ours.
func TestL2_OtherUserWithoutStamps(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")
	x.add(b, "of user 1")
	x.login(b, "2")
	same(t, "cart", x.cartOf(b), "")
}

func TestL3_StampMissing(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	stamping := x.users
	x.users = x.manager(skipStamp)
	x.login(b, "1")
	x.add(b, "biscuits")
	x.users = stamping
	x.login(b, "1")
	same(t, "cart", x.cartOf(b), "")
	same(t, "stk", claims(t, b)["stk"], kid(1))
}

func TestL3_StampUnequal(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "left by whoever knew the old password")
	x.rows["1"].Hash = "new hash"
	x.login(b, "1")
	same(t, "cart", x.cartOf(b), "")
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}

func TestL3_StampOfUnknownKey(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	// A solicited write on the next instance seals under key 2 and carries the
	// old stamp; then key 1 is retired.
	x.on(ring(t, 2, 1)).add(b, "biscuits")
	same(t, "sealed and stamped", []any{claims(t, b)["kid"], claims(t, b)["stk"]}, []any{kid(2), kid(1)})
	y := x.on(ring(t, 2))
	same(t, "cart before", y.cartOf(b), "biscuits")
	y.login(b, "1")
	same(t, "cart", y.cartOf(b), "")
	same(t, "stk", claims(t, b)["stk"], kid(2))
}

func TestL4_SameUser(t *testing.T) {
	for name, change := range map[string]func(*auth.Config[*user]){"stamp equal": func(*auth.Config[*user]) {}, "stamping off": skipStamp} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1), change), browser{}
			x.login(b, "1")
			x.add(b, "biscuits")
			first := claims(t, b)
			x.now = t0.Add(time.Minute)
			x.login(b, "1")
			second := claims(t, b)
			same(t, "cart", x.cartOf(b), "biscuits")
			if first["sid"] == second["sid"] {
				t.Error("the session id is the same")
			}
			same(t, "auth_time", int64(second["auth_time"].(float64)), x.now.Unix())
		})
	}
}

// With stamping off none is stored, and one from before is not looked at.
func TestL4_StampingOffStoresNone(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	x.rows["1"].Hash = "new hash"
	x.users = x.manager(skipStamp)
	x.login(b, "1")
	same(t, "cart", x.cartOf(b), "biscuits")
	c := claims(t, b)
	same(t, "stk, stp", []any{c["stk"], c["stp"]}, []any{nil, nil})
}

func TestL5_StampOfFallback(t *testing.T) {
	for name, keys := range map[string]*keyring.Keyring{"first fallback": ring(t, 2, 1), "second fallback": ring(t, 3, 2, 1), "newer fallback": ring(t, 1, 2)} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			if name == "newer fallback" {
				x = newSite(t, ring(t, 2))
			}
			x.login(b, "1")
			x.add(b, "biscuits")
			y := x.on(keys)
			y.login(b, "1")
			same(t, "cart", y.cartOf(b), "biscuits")
			c := claims(t, b)
			primary := keys.Primary().ID()
			same(t, "sealed and stamped", []any{c["kid"], c["stk"]}, []any{primary, primary})
		})
	}
}

func TestL6_UnparsableID(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.rows["not a number"] = &user{ID: "not a number"}
	x.login(b, "not a number")
	x.add(b, "biscuits")
	x.fail = func(context.Context, string) (*user, error) { return nil, auth.ErrBadID }
	x.login(b, "1") // fails the test on an error
	same(t, "cart", x.cartOf(b), "")
	same(t, "sub", claims(t, b)["sub"], "1")
}

// What every login does, whatever was there before: a fresh deadline of the
// chosen profile, and the primary's kid.
func TestL7_FreshDeadlineOfProfile(t *testing.T) {
	x, b := newSite(t, ring(t, 2, 1)), browser{}
	x.login(b, "1")
	x.now = t0.Add(20 * time.Minute)
	out := x.visit(b, func(s *ssestore.Session) {
		if err := errors.Join(s.Remember(true), x.users.Login(bg, s, x.rows["1"])); err != nil {
			t.Fatal(err)
		}
	})
	c := claims(t, b)
	same(t, "per", c["per"], true)
	same(t, "exp", int64(c["exp"].(float64)), x.now.Add(ssestore.DefaultPersistentAbsolute).Unix())
	same(t, "kid", []any{c["kid"], out.KeyID}, []any{kid(2), kid(2)})
	if !strings.Contains(strings.Join(out.SetCookie, "\n"), "Max-Age=2592000") {
		t.Errorf("no Max-Age of 30 days: %q", out.SetCookie)
	}
}

// After every error the session is as it was.
func TestL8_Refused(t *testing.T) {
	x := newSite(t, ring(t, 1))
	long := strings.Repeat("u", 256)
	for name, row := range map[string]struct {
		user *user
		want error
	}{
		"nil user":          {nil, auth.ErrNoUser},
		"no id":             {&user{Hash: "h"}, auth.ErrBadID},
		"id too long":       {&user{ID: long}, auth.ErrBadID},
		"control in the id": {&user{ID: "a\nb"}, auth.ErrBadID},
		"id is not UTF-8":   {&user{ID: "a\xff"}, auth.ErrBadID},
	} {
		t.Run(name, func(t *testing.T) {
			b := browser{}
			x.events = nil
			x.login(b, "1")
			x.add(b, "biscuits")
			before := b.copy()
			out := x.visit(b, func(s *ssestore.Session) {
				err := x.users.Login(bg, s, row.user)
				if !errors.Is(err, row.want) {
					t.Errorf("error %v, want %v", err, row.want)
				}
				if err != nil && strings.Contains(err.Error(), long) {
					t.Errorf("the error repeats the id: %v", err)
				}
				same(t, "user", x.who(s), "1")
				same(t, "cart", cart.Get(s), "biscuits")
			})
			silent(t, out)
			same(t, "cookie", b[sessionName], before[sessionName])
			same(t, "events", x.events, []string{"login 1"})
		})
	}
}

func TestL8_NoActiveKey(t *testing.T) {
	future, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	x, b := newSite(t, future), browser{}
	out := x.visit(b, func(s *ssestore.Session) {
		if err := x.users.Login(bg, s, x.rows["1"]); err == nil {
			t.Error("a login that cannot be sealed reported no error")
		}
		same(t, "user", x.who(s), "")
	})
	silent(t, out)
	same(t, "events", len(x.events), 0)
}

func TestL8_AfterCommit(t *testing.T) {
	x := newSite(t, ring(t, 1))
	s := x.store.Load(nil, t0)
	if _, err := s.Commit(200); err != nil {
		t.Fatal(err)
	}
	if err := x.users.Login(bg, s, x.rows["1"]); !errors.Is(err, ssestore.ErrCommitted) {
		t.Errorf("error %v", err)
	}
}

// A login after the store failed would not be written: it must say so.
func TestL8_AfterStoreFailure(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	before := b.copy()
	x.visit(b, func(s *ssestore.Session) {
		x.fail = func(context.Context, string) (*user, error) { return nil, errors.New("connection refused") }
		if _, err := x.users.GetUser(bg, s); !errors.Is(err, auth.ErrUserStore) {
			t.Errorf("GetUser: %v", err)
		}
		x.fail = nil
		if err := x.users.Login(bg, s, x.rows["2"]); !errors.Is(err, ssestore.ErrHeld) {
			t.Errorf("Login: %v", err)
		}
	})
	same(t, "cookie", b[sessionName], before[sessionName])
}

func TestL7_OnLoginSeesTheNewSession(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.users = x.manager(func(c *auth.Config[*user]) {
		c.OnLogin = func(ctx context.Context, s *ssestore.Session, u *user) {
			same(t, "user in OnLogin", x.who(s), "2")
			if err := theme.Set(s, "set by OnLogin"); err != nil {
				t.Error(err)
			}
		}
	})
	x.login(b, "2")
	same(t, "theme", theme.Get(x.store.Load(b.lines(), x.now)), "set by OnLogin")
}

// Login waits for an answer under way, so that no verdict about the session
// before can fall on the new one. Right code never fails here; without the lock
// the login is through long before the loop ends.
func TestLogin_WaitsForAnEvaluation(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	var done atomic.Bool
	x.visit(b, func(s *ssestore.Session) {
		var wg sync.WaitGroup
		x.fail = func(context.Context, string) (*user, error) {
			wg.Go(func() {
				if err := x.users.Login(bg, s, x.rows["2"]); err != nil {
					t.Error(err)
				}
				done.Store(true)
			})
			for range 20_000 {
				runtime.Gosched()
			}
			if done.Load() {
				t.Error("the login did not wait")
			}
			return x.rows["1"], nil
		}
		same(t, "user of the call that was first", x.who(s), "1")
		wg.Wait()
		same(t, "user in the end", x.who(s), "2")
	})
}

// TestF401_AskedAgain: somebody logs in or out while the store looks for the user. The
// answer of GetUser is about who is there then.
func TestF401_AskedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(x *site, p ssestore.Principal)
		user string
		asks int32
	}{
		"a logout": {func(_ *site, p ssestore.Principal) { p.End() }, "", 1},
		"another login": {func(x *site, p ssestore.Principal) {
			stamp, err := p.Stamp("2", x.rows["2"].Hash)
			same(t, "Stamp", err, nil)
			same(t, "Begin", p.Begin("2", stamp, nil), nil)
		}, "2", 2},
	} {
		x, b := newSite(t, ring(t, 1)), browser{}
		x.login(b, "1")
		x.visit(b, func(s *ssestore.Session) {
			x.calls.Store(0)
			x.fail = func(_ context.Context, id string) (*user, error) {
				if x.calls.Load() == 1 {
					row.do(x, s.Principal())
				}
				return x.rows[id], nil
			}
			same(t, name+": user", x.who(s), row.user)
			same(t, name+": questions to the store", x.calls.Load(), row.asks)
			x.fail = nil
		})
	}
}

// TestLogin_OvertakenAnswer: what a login leaves behind as the answer of GetUser is
// about whoever is logged in now, not about somebody who has logged out, or been
// replaced, between the login and that note. Only a race can show it, so there are
// many.
func TestLogin_OvertakenAnswer(t *testing.T) {
	x := newSite(t, ring(t, 1), func(c *auth.Config[*user]) { c.OnLogin, c.OnLogout = nil, nil })
	one, two := x.rows["1"], x.rows["2"]
	for i := range 25_000 {
		s := x.store.Load(nil, t0)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { x.users.Login(bg, s, one) })
			all.Go(func() { x.users.Login(bg, s, two) })
		}
		all.Go(func() { x.users.Logout(bg, s) })
		all.Wait()
		who := s.Principal().Identity().ID
		u, err := x.users.GetUser(bg, s)
		if who == "" && !errors.Is(err, auth.ErrNoUser) || who != "" && (err != nil || u.ID != who) {
			t.Fatalf("race %d: %q is logged in, and GetUser says %v, %v", i, who, u, err)
		}
	}
}
