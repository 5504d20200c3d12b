package fuzz_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// gorilla/sessions stays out of the root module, so its tests against the real
// library are here.

const name = "my-session"

// sessionsApp is a small application of gorilla/sessions: it counts visits, keeps
// values of several types and shows flashes.
func sessionsApp(store *sessions.CookieStore) http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, f func(s *sessions.Session) string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, name)
			if err != nil {
				http.Error(w, "get: "+err.Error(), http.StatusBadRequest)
				return
			}
			body := f(s)
			if err := s.Save(r, w); err != nil {
				http.Error(w, "save: "+err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, body)
		})
	}
	handle("/visit", func(s *sessions.Session) string {
		n, _ := s.Values["visits"].(int)
		s.Values["visits"] = n + 1
		s.Values[42] = "a key that is no string"
		s.Values["cart"] = []any{"ship's biscuit", 3}
		return fmt.Sprintln(n+1, s.Values[42], s.Values["cart"])
	})
	handle("/flash", func(s *sessions.Session) string {
		s.AddFlash("saved")
		s.AddFlash("and more", "other")
		return "ok"
	})
	handle("/show", func(s *sessions.Session) string {
		return fmt.Sprint(s.Flashes(), s.Flashes("other"), s.IsNew)
	})
	handle("/grow", func(s *sessions.Session) string {
		s.Values["big"] = strings.Repeat("x", 3000)
		return "ok"
	})
	return mux
}

// browser drives an application over HTTP with a cookie jar.
type browser struct {
	t      *testing.T
	client *http.Client
	base   *url.URL
}

func newBrowser(t *testing.T, h http.Handler) *browser {
	t.Helper()
	server := httptest.NewTLSServer(h) // sessions sets Secure cookies
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, client, base}
}

func (b *browser) get(path, want string) {
	b.t.Helper()
	res, err := b.client.Get(b.base.String() + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		b.t.Fatal(err)
	}
	if got := strings.TrimSpace(body.String()); !strings.HasPrefix(got, want) {
		b.t.Errorf("GET %s: %q, want %q", path, got, want)
	}
}

func (b *browser) cookie() string {
	for _, c := range b.client.Jar.Cookies(b.base) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// One assignment puts a keyring under an application that stays as it is.
func TestSessionsCookieStore_OverAKeyring(t *testing.T) {
	var source keyring.Holder
	ring := keyring.Generate()
	source.Set(ring)

	store := sessions.NewCookieStore([]byte("a key that is not used any more"))
	var err error
	if store.Codecs, err = gorilla.Codecs(&source, "", time.Hour); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, sessionsApp(store))

	b.get("/visit", "1 a key that is no string [ship's biscuit 3]")
	b.get("/flash", "ok")
	first := b.cookie()

	// Rotation in the middle of a visit.
	if ring, err = ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	source.Set(ring)
	b.get("/show", "[saved] [and more] false")
	b.get("/show", "[] [] false")
	b.get("/visit", "2 ")
	if b.cookie() == first {
		t.Fatal("the cookie has not changed")
	}

	// The last save was under the new key: the old one can go.
	if ring, err = ring.Retire(ring.Keys()[1].ID()); err != nil {
		t.Fatal(err)
	}
	source.Set(ring)
	b.get("/visit", "3 ")

	// Too much is an error of Save, and the session stays as it was.
	b.get("/grow", "save: ")
	b.get("/visit", "4 ")

	// Without an active key nothing is sealed, under no other key either.
	source.Set(nil)
	b.get("/visit", "get: ")
}

// MaxAge of the store sets securecookie's own limit and must not disturb ours;
// several sessions of one store are told apart.
func TestSessionsCookieStore_NamesAndMaxAge(t *testing.T) {
	store := sessions.NewCookieStore([]byte("unused"))
	var err error
	if store.Codecs, err = gorilla.Codecs(keyring.Generate(), "", time.Hour); err != nil {
		t.Fatal(err)
	}
	store.MaxAge(1)

	save := func(name string) *http.Cookie {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		s, _ := store.New(r, name)
		s.Values["name"] = name
		if err := s.Save(r, w); err != nil {
			t.Fatal(err)
		}
		return w.Result().Cookies()[0]
	}
	a, b := save("a"), save("b")
	load := func(name, value string) (*sessions.Session, error) {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		return store.New(r, name)
	}
	if s, err := load("a", a.Value); err != nil || s.Values["name"] != "a" {
		t.Errorf("%v", err)
	}
	s, err := load("a", b.Value)
	many, ok := err.(securecookie.MultiError)
	if !ok || !many.IsDecode() || cookie.ReasonOf(many[0]) != cookie.ReasonUnknownKey || !s.IsNew || len(s.Values) != 0 {
		t.Errorf("the session of another name: %v", err)
	}
}

// From an application of gorilla/sessions to hardtack: the cookie that the real
// library has set is taken over, and deleted with the same attributes.
func TestSessionsCookieStore_MigrateToHardtack(t *testing.T) {
	type user struct{ id string }
	hashKey, blockKey := securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32)
	visits := ssestore.NewKey[int]("visits")

	for what, pairs := range map[string][][]byte{"encrypted": {hashKey, blockKey}, "signed only": {hashKey}} {
		t.Run(what, func(t *testing.T) {
			old := sessions.NewCookieStore(pairs...)
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			s, _ := old.Get(r, name)
			s.Values["user_id"] = "ann"
			s.Values["visits"] = 7
			s.AddFlash("hello")
			if err := s.Save(r, w); err != nil {
				t.Fatal(err)
			}
			sent := w.Result().Cookies()[0]

			store, err := ssestore.New(ssestore.Config{
				Keys: keyring.Generate(),
				Legacy: []ssestore.Legacy{{
					Cookie: cookie.Config{Name: name, SameSite: cookie.SameSiteNone},
					Format: gorilla.WithKeys(pairs...),
					Until:  time.Now().Add(24 * time.Hour),
					Migrate: func(s *ssestore.Session, plaintext []byte) error {
						var values map[any]any
						if err := gob.NewDecoder(bytes.NewReader(plaintext)).Decode(&values); err != nil {
							return err
						}
						id, ok := values["user_id"].(string)
						if !ok {
							return errors.New("no user")
						}
						n, _ := values["visits"].(int)
						return errors.Join(visits.Set(s, n), s.Adopt(id))
					},
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			accounts, err := auth.New(auth.Config[*user]{
				UserByID: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
				ID:       func(u *user) string { return u.id },
				Stamp:    func(*user) string { return "argon2id hash" },
			})
			if err != nil {
				t.Fatal(err)
			}

			session := store.Load([]string{name + "=" + sent.Value}, time.Now())
			u, err := accounts.GetUser(t.Context(), session)
			if err != nil || u.id != "ann" || visits.Get(session) != 7 {
				t.Fatalf("user %v, visits %d: %v", u, visits.Get(session), err)
			}
			outcome, err := session.Commit(200)
			if err != nil || !outcome.Migrated {
				t.Fatalf("migrated %v: %v", outcome.Migrated, err)
			}
			kept, deleted := "", false
			for _, line := range outcome.SetCookie {
				c, err := http.ParseSetCookie(line)
				switch {
				case err != nil:
					t.Fatal(err)
				case c.Name == store.CookieName():
					kept = c.Value
				case c.Name == name:
					deleted = c.MaxAge < 0 && c.Path == sent.Path && c.Domain == sent.Domain && c.SameSite == sent.SameSite && c.Secure
				}
			}
			if kept == "" || !deleted {
				t.Fatalf("lines %d: new cookie %v, old one deleted %v", len(outcome.SetCookie), kept != "", deleted)
			}

			// The next request has the new cookie alone.
			session = store.Load([]string{store.CookieName() + "=" + kept}, time.Now())
			if u, err := accounts.GetUser(t.Context(), session); err != nil || u.id != "ann" || visits.Get(session) != 7 {
				t.Errorf("after the migration: %v", err)
			}

			// A value that was altered is nobody's.
			session = store.Load([]string{name + "=N" + sent.Value[1:]}, time.Now()) // another date
			if _, err := accounts.GetUser(t.Context(), session); !errors.Is(err, auth.ErrNoUser) {
				t.Errorf("an altered cookie: %v", err)
			}
			if outcome, err := session.Commit(200); err != nil || len(outcome.SetCookie) != 0 {
				t.Errorf("an altered cookie is deleted or replaced: %v", err)
			}
		})
	}
}

// TestF409_FilesystemStoreKeepsTheLimit: the limit of a cookie holds for the files of
// a FilesystemStore too, as the documentation of gorilla.Codecs says.
func TestF409_FilesystemStoreKeepsTheLimit(t *testing.T) {
	codecs, err := gorilla.Codecs(keyring.Generate(), "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	store := sessions.NewFilesystemStore(t.TempDir(), []byte("unused"))
	store.Codecs = codecs
	store.MaxLength(1 << 20)
	for size, fits := range map[int]bool{2000: true, 4096: false} {
		r := httptest.NewRequest("GET", "/", nil)
		s, err := store.New(r, "app")
		if err != nil {
			t.Fatal(err)
		}
		s.Values["text"] = strings.Repeat("x", size)
		err = s.Save(r, httptest.NewRecorder())
		many, _ := err.(securecookie.MultiError)
		var tooLong *cookie.SizeError
		if fits && err != nil || !fits && (len(many) != 1 || !errors.As(many[0], &tooLong)) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
