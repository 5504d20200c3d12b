package howto

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// An oldStore opens cookies that are only an id: it asks the earlier system's store what
// is behind it.
type oldStore func(value string) (cookie.Opened, error)

func (o oldStore) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) { return o(value) }
func (oldStore) Seal(*keyring.Keyring, []byte) (string, error) {
	return "", errors.New("read only")
}
func (oldStore) Size(int) int { return math.MaxInt }

func (o oldStore) format(name, audience string) (cookie.Codec, error) { return o, nil }

// expressSession asks the table of an express-session application.
func expressSession(db *sql.DB, secret string) oldStore {
	return func(value string) (cookie.Opened, error) {
		value, err := url.PathUnescape(value)
		sid, sum, _ := strings.Cut(strings.TrimPrefix(value, "s:"), ".")
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(sid))
		if err != nil || !hmac.Equal([]byte(sum), []byte(base64.RawStdEncoding.EncodeToString(mac.Sum(nil)))) {
			return cookie.Opened{}, cookie.ReasonBadTag.Err()
		}
		var data []byte
		var expires int64
		err = db.QueryRow("SELECT sess, expire FROM session WHERE sid = ?", sid).Scan(&data, &expires)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && time.Now().Unix() >= expires:
			return cookie.Opened{}, cookie.ReasonExpired.Err()
		case err != nil: // nobody knows: 503, and no cookie is touched
			return cookie.Opened{}, errors.Join(cookie.ReasonUnverified.Err(), err)
		}
		return cookie.Opened{Plaintext: data, Ends: time.Unix(expires, 0)}, nil
	}
}

// scsSession asks the store of an scs application.
func scsSession(manager *scs.SessionManager) oldStore {
	return func(value string) (cookie.Opened, error) {
		data, found, err := manager.Store.Find(value)
		switch {
		case err != nil:
			return cookie.Opened{}, errors.Join(cookie.ReasonUnverified.Err(), err)
		case !found:
			return cookie.Opened{}, cookie.ReasonExpired.Err()
		}
		ends, _, err := manager.Codec.Decode(data)
		if err != nil {
			return cookie.Opened{}, errors.Join(cookie.ReasonMalformed.Err(), err)
		}
		return cookie.Opened{Plaintext: data, Issued: ends.Add(-manager.Lifetime), Ends: ends}, nil
	}
}

// failing is a store of scs that can be down.
type failing struct {
	scs.Store
	down error
}

func (f *failing) Find(token string) ([]byte, bool, error) {
	if f.down != nil {
		return nil, false, f.down
	}
	return f.Store.Find(token)
}

// TestH19_OldStores: sessions of systems that keep them in a database move with their
// users' next request, or stay there and are read.
func TestH19_OldStores(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	t.Cleanup(func() { db.Close() })
	expires := time.Now().Add(time.Hour)
	const sess = `{"cookie":{},"passport":{"user":"7"}}`
	_, err1 := db.Exec("CREATE TABLE session (sid TEXT PRIMARY KEY, sess TEXT NOT NULL, expire INTEGER NOT NULL)")
	_, err2 := db.Exec("INSERT INTO session VALUES ('good', ?, ?), ('over', ?, 1)", sess, expires.Unix(), sess)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	signed := func(sid string) string {
		mac := hmac.New(sha256.New, []byte("keyboard cat"))
		mac.Write([]byte(sid))
		return url.QueryEscape("s:" + sid + "." + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)))
	}
	switchOver, lastDay := time.Now().Add(-time.Hour), time.Now().AddDate(0, 1, 0)
	express := ssestore.Legacy{
		Cookie: cookie.Config{Name: "connect.sid", DangerouslyAllowHTTP: true},
		Format: expressSession(db, "keyboard cat").format,
		Issued: switchOver, // the table doesn't say when a session began
		Until:  lastDay,
		Migrate: func(s *ssestore.Session, data []byte) error {
			var old struct{ Passport struct{ User string } }
			if err := json.Unmarshal(data, &old); err != nil {
				return err
			}
			return s.Adopt(old.Passport.User)
		},
	}

	manager := scs.New()
	stored := &failing{Store: manager.Store}
	manager.Store = stored
	data, err := manager.Codec.Encode(time.Now().Add(manager.Lifetime-time.Hour), map[string]any{"userID": "7"})
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Store.Commit("token", data, expires); err != nil {
		t.Fatal(err)
	}
	fromSCS := ssestore.Legacy{
		Cookie: cookie.Config{Name: "session", DangerouslyAllowHTTP: true},
		Format: scsSession(manager).format,
		Until:  lastDay,
		Migrate: func(s *ssestore.Session, data []byte) error {
			_, old, err := manager.Codec.Decode(data)
			if err != nil {
				return err
			}
			id, _ := old["userID"].(string)
			return s.Adopt(id)
		},
	}

	for name, system := range map[string]struct {
		entry             ssestore.Legacy
		good, over, wrong string
		fail              func()
	}{
		"express-session": {express, signed("good"), signed("over"), signed("good") + "x", func() { db.Close() }},
		"scs":             {fromSCS, "token", "forgotten", "x", func() { stored.down = errors.New("connection refused") }},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(readOnly bool, value string) *visitor.Visitor {
				entry := system.entry
				entry.ReadOnly = readOnly
				s := newSite(t, ssestore.Config{Legacy: []ssestore.Legacy{entry}}, middleware.Config{LogoutURL: "https://old.example/logout"})
				return serve(t, s.guard.Handler(old(entry.Cookie.Name, value, s.app())))
			}
			v := with(false, system.good)
			v.Get("/old-login").Want(t, 200, "")
			for range 2 {
				v.Get("/members").Want(t, 200, "")
			}
			if v.CookieNamed(system.entry.Cookie.Name) != "" {
				t.Error("the old cookie is still there")
			}
			v.Post("/logout").Want(t, 303, "/")
			v.Get("/members").Want(t, 302, "/login?next=/members")

			v = with(true, system.good)
			v.Get("/old-login").Want(t, 200, "")
			v.Get("/members").Want(t, 200, "")
			v.Post("/logout").Want(t, 303, "https://old.example/logout")
			if v.CookieNamed(system.entry.Cookie.Name) != system.good {
				t.Error("a cookie has changed")
			}
			for _, value := range []string{system.over, system.wrong} {
				v = with(false, value)
				v.Get("/old-login").Want(t, 200, "")
				v.Get("/members").Want(t, 302, "/login?next=/members")
			}
			system.fail()
			v = with(false, system.good)
			v.Get("/old-login").Want(t, 200, "")
			v.Get("/members").Want(t, 503, "")
			if v.CookieNamed(system.entry.Cookie.Name) != system.good {
				t.Error("the old cookie is gone while its store is down")
			}
		})
	}
}

// old is an application whose visitors get a cookie of the earlier system at /old-login.
func old(name, value string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old-login" {
			http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
