package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// oldFormat stands for the cookie of an earlier system: a user id in the clear,
// issued an hour ago.
type oldFormat struct{}

func (oldFormat) Size(n int) int { return n }
func (oldFormat) Seal(*keyring.Keyring, []byte) (string, error) {
	return "", errors.New("never written")
}
func (oldFormat) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	return cookie.Opened{Plaintext: []byte(value), Issued: t0.Add(-time.Hour)}, nil
}

// migrating is a site that takes over sessions of oldFormat.
func migrating(t *testing.T) (*site, browser) {
	x := newSite(t, ring(t, 1))
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Idle: 2 * time.Hour, Legacy: []ssestore.Legacy{{
		Cookie: cookie.Config{Name: "old"},
		Format: func(string, string) (cookie.Codec, error) { return oldFormat{}, nil },
		Until:  t0.AddDate(0, 1, 0),
		Migrate: func(s *ssestore.Session, plaintext []byte) error {
			return errors.Join(cart.Set(s, "biscuits"), s.Adopt(string(plaintext)))
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return x, browser{"old": "1"}
}

func TestAdopt_GetUserMakesTheStamp(t *testing.T) {
	x, b := migrating(t)
	id, out := x.whoami(b)
	same(t, "user", id, "1")
	same(t, "Migrated", out.Migrated, true)
	c := claims(t, b)
	same(t, "stk", c["stk"], kid(1))
	same(t, "auth_time", int64(c["auth_time"].(float64)), t0.Add(-time.Hour).Unix())
	if _, ok := b["old"]; ok {
		t.Error("the old cookie is still there")
	}
	id, _ = x.whoami(b)
	same(t, "user of the new cookie", id, "1")
	same(t, "cart", x.cartOf(b), "biscuits")
	x.visit(b, func(s *ssestore.Session) {
		same(t, "an hour is recent", x.users.RecentLogin(bg, s, time.Hour), true)
		same(t, "59 minutes are", x.users.RecentLogin(bg, s, 59*time.Minute), false)
	})
	x.rows["1"].Hash = "new hash"
	id, _ = x.whoami(b)
	same(t, "user after a password change", id, "")
}

func TestAdopt_UnknownUserAndStoreDown(t *testing.T) {
	for _, err := range []error{auth.ErrNoUser, errDown} {
		x, b := migrating(t)
		x.fail = func(context.Context, string) (*user, error) { return nil, err }
		out := x.visit(b, func(s *ssestore.Session) {
			if u, got := x.users.GetUser(bg, s); u != nil || got == nil {
				t.Errorf("%v: %v, %v", err, u, got)
			}
		})
		silent(t, out)
		same(t, "cookies", b, browser{"old": "1"})
	}
}

// What came with the old session is its user's: login treats it as GetUser does.
func TestAdopt_Login(t *testing.T) {
	for id, want := range map[string]string{"1": "biscuits", "2": ""} {
		x, b := migrating(t)
		x.login(b, id)
		same(t, "cart after the login of "+id, x.cartOf(b), want)
		got, _ := x.whoami(b)
		same(t, "user", got, id)
	}
}

func TestAdopt_RefreshStamp(t *testing.T) {
	x, b := migrating(t)
	x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "1")
		x.rows["1"].Hash = "new hash"
		if err := x.users.RefreshStamp(bg, s, x.rows["1"]); err != nil {
			t.Fatal(err)
		}
	})
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}

// TestF404_AdoptedBeforeThePasswordChanged: the stamp ends no session that has none,
// but the date of the last change does.
func TestF404_AdoptedBeforeThePasswordChanged(t *testing.T) {
	issued := t0.Add(-time.Hour)
	for name, row := range map[string]struct {
		changed time.Time
		user    string
	}{
		"nobody knows":               {time.Time{}, "1"},
		"before the session":         {issued.Add(-time.Second), "1"},
		"in the second it was made":  {issued, ""},
		"later in that second":       {issued.Add(999 * time.Millisecond), ""},
		"after it":                   {issued.Add(time.Second), ""},
		"in this very second":        {t0, ""},
		"by a clock that is ahead":   {t0.Add(time.Hour), ""},
		"before 1970, as some write": {time.Unix(-1, 0), "1"},
	} {
		for _, stamps := range []string{"stamps", "no stamps"} {
			t.Run(name+", "+stamps, func(t *testing.T) {
				x, b := migrating(t)
				x.users = x.manager(func(c *auth.Config[*user]) {
					c.PasswordChanged = func(*user) time.Time { return row.changed }
					c.DangerouslySkipStamp = stamps == "no stamps"
				})
				fetch := x.visit(b, func(s *ssestore.Session) {
					s.Limit(ssestore.WritesSolicited)
					same(t, "user of a fetch", x.who(s), row.user)
				})
				silent(t, fetch)
				id, out := x.whoami(b)
				same(t, "user", id, row.user)
				if row.user != "" {
					same(t, "migrated", out.Migrated, true)
					id, _ = x.whoami(b)
					same(t, "user of the new cookie, which has a stamp", id, row.user)
					return
				}
				same(t, "refused", out.Refused, cookie.ReasonStampMismatch)
				same(t, "last event", x.events[len(x.events)-1], "refused 1 stamp-mismatch")
				same(t, "cookies", len(b), 0)
			})
		}
	}
}

// TestF404_NativeSessions: a session that began here has a stamp to tell by, so a
// change of the password alone, say to a stronger hash of the same, ends none.
func TestF404_NativeSessions(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.users = x.manager(func(c *auth.Config[*user]) {
		c.PasswordChanged = func(*user) time.Time { return t0.Add(time.Hour) }
	})
	x.login(b, "1")
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}

// What lies in such a session doesn't become the user's at a login either.
func TestF404_LoginDropsTheData(t *testing.T) {
	for _, changed := range []time.Time{{}, t0} {
		x, b := migrating(t)
		x.users = x.manager(func(c *auth.Config[*user]) {
			c.PasswordChanged = func(*user) time.Time { return changed }
		})
		x.login(b, "1")
		want := map[bool]string{true: "biscuits", false: ""}[changed.IsZero()]
		same(t, "cart", x.cartOf(b), want)
	}
}
