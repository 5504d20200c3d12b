package takeover

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// The code of docs/MIGRATING.md for Rails, Django and Flask.

func moveRails() ssestore.Legacy {
	old := legacy.Rails(cookie.Config{Name: "_app_session"}, os.Getenv("SECRET_KEY_BASE"))
	old.Issued = moved // a constant, as the format has no date
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			Warden []json.RawMessage `json:"warden.user.user.key"` // [[id], the salt of the password]
			Colour string
		}
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if len(session.Warden) != 2 {
			return errors.New("nobody is logged in")
		}
		var ids []json.RawMessage
		if err := json.Unmarshal(session.Warden[0], &ids); err != nil {
			return err
		}
		if len(ids) != 1 {
			return errors.New("no single id in the key of Devise")
		}
		id := strings.Trim(string(ids[0]), `"`) // a number, or a text such as a UUID
		return errors.Join(colourKey.Set(s, session.Colour), s.Adopt(id))
	}
	return old
}

func moveDjango() ssestore.Legacy {
	old := legacy.Django(cookie.Config{}, os.Getenv("DJANGO_SECRET_KEY"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			UserID string `json:"_auth_user_id"`
			Colour string
		}
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

func moveFlask() ssestore.Legacy {
	old := legacy.Flask(cookie.Config{}, os.Getenv("FLASK_SECRET_KEY"))
	old.Until = deadline
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct {
			UserID string `json:"_user_id"`
			Colour string
		}
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

// TestH40_MigratingPageOfWebFrameworks: the code of the page takes real sessions over.
func TestH40_MigratingPageOfWebFrameworks(t *testing.T) {
	for _, variable := range []string{"SECRET_KEY_BASE", "DJANGO_SECRET_KEY", "FLASK_SECRET_KEY"} {
		t.Setenv(variable, secret)
	}
	entries := map[string]func() ssestore.Legacy{"rails": moveRails, "django": moveDjango, "flask": moveFlask}
	eachWeb(t, func(t *testing.T, sys system) {
		x := newSite(t, sys, func(l *ssestore.Legacy) { *l = entries[sys.name]() }, secret)
		page, out, _ := x.visit(mintWeb(t, ann(sys.name))...)
		want := map[string]string{"django": "1 teal"}[sys.name]
		if want == "" {
			want = "ann teal"
		}
		if page != want || !out.Migrated {
			t.Errorf("%q, %v, %v", page, out.Refused, out.NotMigrated)
		}
	})
}

// TestMigratingNamesTheField: if a user's id is of another type than the page says, the error
// says so, and not that nobody is logged in.
func TestMigratingNamesTheField(t *testing.T) {
	for claims, moves := range map[string][]func() ssestore.Legacy{
		`{"sub":7}`:                           {moveAuthJS, moveNextAuth},
		`{"user":{"sub":7}}`:                  {moveNextJSAuth0},
		`{"id_token":7}`:                      {moveExpressOpenIDConnect},
		`{"id_token":"e30.eyJzdWIiOjd9.sig"}`: {moveExpressOpenIDConnect}, // {"sub":7}
		`{"user":{"id":7}}`:                   {moveBetterAuth, moveIronSession},
		`{"data":{"userId":7}}`:               {moveH3},
		`{"userId":7}`:                        {moveCookieSession},
		`{"warden.user.user.key":7}`:          {moveRails},
		`{"warden.user.user.key":[7,"salt"]}`: {moveRails},
		`{"_auth_user_id":7}`:                 {moveDjango},
		`{"_user_id":7}`:                      {moveFlask},
	} {
		for _, move := range moves {
			err := move().Migrate(nil, []byte(claims))
			if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
				t.Errorf("%s: %v", claims, err)
			}
		}
	}
}
