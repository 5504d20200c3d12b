package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A told is an Ender that only counts.
type told int

func (e *told) End(context.Context, marks.Mark) error { *e++; return nil }

// reading is a site beside a system that goes on to write its sessions.
func reading(t *testing.T, changes ...func(*auth.Config[*user])) (*site, browser) {
	x := newSite(t, ring(t, 1), changes...)
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Legacy: []ssestore.Legacy{{
		Cookie: cookie.Config{Name: "old"},
		Format: func(string, string) (cookie.Codec, error) { return oldFormat{}, nil },
		Until:  t0.AddDate(0, 1, 0),
		Migrate: func(s *ssestore.Session, plaintext []byte) error {
			return errors.Join(cart.Set(s, "biscuits"), s.Adopt(string(plaintext)))
		},
		ReadOnly: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return x, browser{"old": "1"}
}

// TestH14_Manager: whatever would change a session that another system writes is refused,
// before a hook runs or a mark is published.
func TestH14_Manager(t *testing.T) {
	for name, change := range map[string]func(x *site, s *ssestore.Session) error{
		"Login":                    func(x *site, s *ssestore.Session) error { return x.users.Login(bg, s, x.rows["1"]) },
		"Login of another":         func(x *site, s *ssestore.Session) error { return x.users.Login(bg, s, x.rows["2"]) },
		"Logout":                   func(x *site, s *ssestore.Session) error { return x.users.Logout(bg, s) },
		"Logout, and nobody asked": func(x *site, s *ssestore.Session) error { return new(auth.Manager[*user]).Logout(bg, s) },
		"LogoutEverywhere":         func(x *site, s *ssestore.Session) error { return x.users.LogoutEverywhere(bg, s) },
		"LogoutOthers":             func(x *site, s *ssestore.Session) error { return x.users.LogoutOthers(bg, s) },
		"Impersonate":              func(x *site, s *ssestore.Session) error { return x.users.Impersonate(bg, s, x.rows["2"]) },
		"RefreshStamp":             func(x *site, s *ssestore.Session) error { return x.users.RefreshStamp(bg, s, x.rows["1"]) },
	} {
		for _, verified := range []bool{true, false} {
			if name == "RefreshStamp" && !verified {
				continue // which is ErrNotLoggedIn, as ever
			}
			published := new(told)
			x, b := reading(t, func(c *auth.Config[*user]) { c.Ender = published })
			out := x.visit(b, func(s *ssestore.Session) {
				if verified {
					same(t, name+": user", x.who(s), "1")
				}
				same(t, name, change(x, s), ssestore.ErrReadOnly)
				same(t, name+": user afterwards", x.who(s), "1")
				same(t, name+": cart", cart.Get(s), "biscuits")
				same(t, name+": is told", s.Late(), ssestore.ErrReadOnly)
			})
			silent(t, out)
			same(t, name+": events", fmt.Sprint(x.events), "[]")
			same(t, name+": published", int(*published), 0)
			same(t, name+": cookies", fmt.Sprint(b), "map[old:1]")
		}
	}
}

// TestH13_GetUser: the store is asked in each request, and the date of the last password
// is all that can tell of a new one.
func TestH13_GetUser(t *testing.T) {
	x, b := reading(t)
	for range 3 {
		id, out := x.whoami(b)
		same(t, "user", id, "1")
		silent(t, out)
		same(t, "restamped", out.Restamped, false)
	}
	same(t, "asked", x.calls.Load(), 3)
	x.rows["1"].Hash = "new hash"
	id, _ := x.whoami(b)
	same(t, "user, with a new password", id, "1")
	x.users = x.manager(func(c *auth.Config[*user]) { c.PasswordChanged = func(*user) time.Time { return t0 } })
	id, out := x.whoami(b)
	same(t, "user, and its date is known", id, "")
	same(t, "verdict", out.Refused, cookie.ReasonStampMismatch)
	silent(t, out)
	x.visit(b, func(s *ssestore.Session) {
		same(t, "recent", x.users.RecentLogin(bg, s, 2*time.Hour), false)
	})
	x.users = x.manager()
	delete(x.rows, "1")
	id, out = x.whoami(b)
	same(t, "user, deleted", id, "")
	silent(t, out)
	x.fail = func(context.Context, string) (*user, error) { return nil, errDown }
	out = x.visit(b, func(s *ssestore.Session) {
		_, err := x.users.GetUser(bg, s)
		same(t, "store down", errors.Is(err, auth.ErrUserStore), true)
	})
	silent(t, out)
	same(t, "cookies", fmt.Sprint(b), "map[old:1]")
}

// TestH13_Recheck asks again, for as long as the other system's session lives.
func TestH13_Recheck(t *testing.T) {
	x, b := reading(t)
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		for _, at := range []time.Duration{time.Minute, 20 * 24 * time.Hour} {
			u, err := x.users.Recheck(bg, s, t0.Add(at))
			if err != nil || u.ID != "1" {
				t.Errorf("after %v: %v, %v", at, u, err)
			}
		}
		_, err := x.users.Recheck(bg, s, t0.AddDate(0, 1, 0))
		same(t, "after Until", err, auth.ErrNoUser)
	})
}

// TestH19_GetUser answers as if the user store were down while an earlier system's store
// doesn't answer.
func TestH19_GetUser(t *testing.T) {
	x, b := migrating(t)
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Legacy: []ssestore.Legacy{{
		Cookie:  cookie.Config{Name: "old"},
		Format:  func(string, string) (cookie.Codec, error) { return unsure{}, nil },
		Until:   t0.AddDate(0, 1, 0),
		Migrate: func(*ssestore.Session, []byte) error { return nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	out := x.visit(b, func(s *ssestore.Session) {
		for range 2 {
			_, err := x.users.GetUser(bg, s)
			same(t, "GetUser", errors.Is(err, auth.ErrUserStore), true)
		}
		same(t, "Login", x.users.Login(bg, s, x.rows["1"]), ssestore.ErrHeld)
	})
	silent(t, out)
	same(t, "asked", x.calls.Load(), 0)
	x.visit(b, func(s *ssestore.Session) {
		same(t, "Logout", x.users.Logout(bg, s), error(nil))
		_, err := x.users.GetUser(bg, s)
		same(t, "GetUser after it", err, auth.ErrNoUser)
	})
	same(t, "cookies", len(b), 0)
}

// unsure is the codec of a system whose store doesn't answer.
type unsure struct{ oldFormat }

func (unsure) Open(*keyring.Keyring, string) (cookie.Opened, error) {
	return cookie.Opened{}, cookie.ReasonUnverified.Err()
}
