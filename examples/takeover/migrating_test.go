package takeover

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// The code of docs/MIGRATING.md for the systems in JavaScript. Each function has what its
// section shows.

var (
	colourKey = colour
	deadline  = time.Now().AddDate(0, 3, 0)
	moved     = time.Now().Add(-time.Hour)
)

func moveAuthJS() ssestore.Legacy {
	old := legacy.AuthJS(cookie.Config{}, os.Getenv("AUTH_SECRET"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var token struct{ Sub, Colour string }
		if err := json.Unmarshal(claims, &token); err != nil {
			return err
		}
		if token.Sub == "" {
			return errors.New("no user in the token")
		}
		return errors.Join(colourKey.Set(s, token.Colour), s.Adopt(token.Sub))
	}
	return old
}

func moveNextAuth() ssestore.Legacy {
	old := legacy.NextAuth(cookie.Config{}, os.Getenv("NEXTAUTH_SECRET"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var token struct{ Sub, Colour string }
		if err := json.Unmarshal(claims, &token); err != nil {
			return err
		}
		if token.Sub == "" {
			return errors.New("no user in the token")
		}
		return errors.Join(colourKey.Set(s, token.Colour), s.Adopt(token.Sub))
	}
	return old
}

func moveNextJSAuth0() ssestore.Legacy {
	old := legacy.NextJSAuth0(cookie.Config{}, os.Getenv("AUTH0_SECRET"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct{ User struct{ Sub, Colour string } }
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if session.User.Sub == "" {
			return errors.New("no user: the state of a login, or another thing")
		}
		return errors.Join(colourKey.Set(s, session.User.Colour), s.Adopt(session.User.Sub))
	}
	return old
}

func moveExpressOpenIDConnect() ssestore.Legacy {
	old := legacy.ExpressOpenIDConnect(cookie.Config{}, os.Getenv("SECRET"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			IDToken string `json:"id_token"`
		}
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		// The cookie is authentic, and so is the ID token in it.
		_, rest, _ := strings.Cut(session.IDToken, ".")
		payload, _, _ := strings.Cut(rest, ".")
		text, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil {
			return err
		}
		var id struct{ Sub, Colour string }
		if err := json.Unmarshal(text, &id); err != nil {
			return err
		}
		if id.Sub == "" {
			return errors.New("no user in the ID token")
		}
		return errors.Join(colourKey.Set(s, id.Colour), s.Adopt(id.Sub))
	}
	return old
}

func moveBetterAuth() ssestore.Legacy {
	old := legacy.BetterAuth(cookie.Config{}, os.Getenv("BETTER_AUTH_SECRET"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var cache struct {
			Session struct {
				UserID    string
				ExpiresAt time.Time
			}
			User struct{ ID, Colour string }
		}
		if err := json.Unmarshal(claims, &cache); err != nil {
			return err
		}
		if cache.User.ID == "" || cache.User.ID != cache.Session.UserID {
			return errors.New("no user in the cache")
		}
		return errors.Join(s.ExpireAt(cache.Session.ExpiresAt), colourKey.Set(s, cache.User.Colour), s.Adopt(cache.User.ID))
	}
	return old
}

func moveIronSession() ssestore.Legacy {
	old := legacy.IronSession(cookie.Config{Name: "app-session"}, legacy.DefaultIronTTL, os.Getenv("SESSION_PASSWORD"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			User   struct{ ID string }
			Colour string
		}
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if session.User.ID == "" {
			return errors.New("nobody is logged in")
		}
		return errors.Join(colourKey.Set(s, session.Colour), s.Adopt(session.User.ID))
	}
	return old
}

func moveH3() ssestore.Legacy {
	old := legacy.H3(cookie.Config{}, os.Getenv("SESSION_PASSWORD"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			Data struct{ UserID, Colour string }
		}
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if session.Data.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return errors.Join(colourKey.Set(s, session.Data.Colour), s.Adopt(session.Data.UserID))
	}
	return old
}

func moveCookieSession() ssestore.Legacy {
	old := legacy.CookieSession(cookie.Config{}, os.Getenv("SESSION_KEY"))
	old.Issued = moved // a constant, as the format has no date
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct{ UserID, Colour string }
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if session.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return errors.Join(colourKey.Set(s, session.Colour), s.Adopt(session.UserID))
	}
	return old
}

// readOnly is the same for routes that move one by one.
func readOnly(old ssestore.Legacy) ssestore.Legacy {
	old.ReadOnly = true // the other application goes on to write the session
	return old
}

// TestMigratingJavaScript runs what docs/MIGRATING.md shows on sessions of the libraries.
func TestMigratingJavaScript(t *testing.T) {
	for name, m := range map[string]struct {
		env  string
		move func() ssestore.Legacy
	}{
		"authjs":               {"AUTH_SECRET", moveAuthJS},
		"nextauth":             {"NEXTAUTH_SECRET", moveNextAuth},
		"nextjsauth0":          {"AUTH0_SECRET", moveNextJSAuth0},
		"expressopenidconnect": {"SECRET", moveExpressOpenIDConnect},
		"betterauth":           {"BETTER_AUTH_SECRET", moveBetterAuth},
		"ironsession":          {"SESSION_PASSWORD", moveIronSession},
		"h3":                   {"SESSION_PASSWORD", moveH3},
		"cookiesession":        {"SESSION_KEY", moveCookieSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(m.env, secret)
			minted := mint(t, task{System: name, Version: "new", Secrets: []string{secret}, User: "ann"})[0]
			sys := system{describe: func(...string) ssestore.Legacy { return m.move() }}
			keep := func(l *ssestore.Legacy) { l.Until, l.Migrate = m.move().Until, m.move().Migrate }
			read := newSite(t, sys, func(l *ssestore.Legacy) { keep(l); *l = readOnly(*l) })
			page, _, lines := read.visit(minted...)
			if !strings.HasSuffix(page, " teal") || page == "nobody" || len(lines) > 0 {
				t.Errorf("read only: %q, %q", page, lines)
			}
			page, out, _ := newSite(t, sys, keep).visit(minted...)
			if !strings.HasSuffix(page, " teal") || !out.Migrated {
				t.Errorf("%q, %v (%v)", page, out.Refused, out.NotMigrated)
			}
		})
	}
}
