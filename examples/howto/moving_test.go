package howto

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// takeOver logs in whom the old sessions know. old returns auth.ErrNoUser if they know
// nobody. Once the browser has shown that it has the new cookie, forget ends the old one.
func takeOver(guard *middleware.Guard[*User], old func(*http.Request) (*User, error),
	forget func(http.ResponseWriter, *http.Request), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, err := old(r); err == nil {
			switch _, err := guard.User(r); {
			case err == nil:
				forget(w, r)
			case errors.Is(err, auth.ErrNoUser):
				if err := guard.Login(r, u); err != nil {
					http.Error(w, "cannot log in", http.StatusInternalServerError)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// moved visits with an old session: nobody is logged out, and a logout stays one.
func moved(t *testing.T, h http.Handler) {
	t.Helper()
	v := serve(t, h)
	v.Post("/old-login").Want(t, 200, "")
	for range 3 {
		v.Get("/members").Want(t, 200, "")
	}
	v.Post("/logout").Want(t, 303, "/")
	v.Get("/members").Want(t, 302, "/login?next=/members")

	v = serve(t, h)
	v.Post("/old-login").Want(t, 200, "")
	v.Post("/logout").Want(t, 303, "/") // the very first request after the change
	v.Get("/members").Want(t, 302, "/login?next=/members")
}

// copied visits with an old session that is older than the password.
func copied(t *testing.T, s *site, h http.Handler) {
	t.Helper()
	v := serve(t, h)
	v.Post("/old-login").Want(t, 200, "")
	s.ada.Changed = time.Now().Add(time.Minute)
	v.Get("/members").Want(t, 302, "/login?next=/members")
	s.ada.Changed = time.Time{}
}

// TestF509_FromSCS: the old sessions are in a store on the server.
func TestF509_FromSCS(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux, userByID := s.guard, http.NewServeMux(), s.userByID
	mux.HandleFunc("GET /members", guard.ForUser(members))
	manager := scs.New()

	old := func(r *http.Request) (*User, error) {
		id := manager.GetString(r.Context(), "userID")
		if id == "" {
			return nil, auth.ErrNoUser
		}
		return userByID(r.Context(), id)
	}
	forget := func(w http.ResponseWriter, r *http.Request) { manager.Destroy(r.Context()) }
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		forget(w, r) // the old session may be all that this browser has
		guard.LogoutHandler("/")(w, r)
	})
	handler := manager.LoadAndSave(guard.Handler(takeOver(guard, old, forget, mux)))

	outer := http.NewServeMux()
	outer.Handle("POST /old-login", manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "userID", "7")
	})))
	outer.Handle("/", handler)
	manager.Cookie.Secure = true // the visitor's jar believes that this is https
	moved(t, outer)
}

// TestF509_FromJWT: the old session is a signed token in a cookie.
func TestF509_FromJWT(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux, userByID := s.guard, http.NewServeMux(), s.userByID
	mux.HandleFunc("GET /members", guard.ForUser(members))
	secret := []byte("the secret that signs the old tokens")

	old := func(r *http.Request) (*User, error) {
		c, err := r.Cookie("token")
		if err != nil {
			return nil, auth.ErrNoUser
		}
		var claims jwt.RegisteredClaims
		_, err = jwt.ParseWithClaims(c.Value, &claims, func(*jwt.Token) (any, error) { return secret, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		if err != nil || claims.IssuedAt == nil {
			return nil, auth.ErrNoUser
		}
		u, err := userByID(r.Context(), claims.Subject)
		if err == nil && claims.IssuedAt.Before(u.Changed) {
			return nil, auth.ErrNoUser // a new password ends copied tokens too
		}
		return u, err
	}
	forget := func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "token", Path: "/", MaxAge: -1, Secure: true})
	}
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		forget(w, r)
		guard.LogoutHandler("/")(w, r)
	})
	handler := guard.Handler(takeOver(guard, old, forget, mux))

	outer := http.NewServeMux()
	outer.HandleFunc("POST /old-login", func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
			Subject: "7", IssuedAt: jwt.NewNumericDate(time.Now()), ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		}).SignedString(secret)
		if err != nil {
			t.Error(err)
		}
		http.SetCookie(w, &http.Cookie{Name: "token", Path: "/", Secure: true, Value: token})
	})
	outer.Handle("/", handler)
	moved(t, outer)

	copied(t, s, outer)

	v := serve(t, outer)
	r := v.Request("GET", "/members", nil)
	forged, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: "7"}).SignedString([]byte("guess"))
	r.AddCookie(&http.Cookie{Name: "token", Value: forged})
	v.Do(r).Want(t, 302, "/login?next=/members")
}

// TestF509_FromGorilla: the old session is in a cookie that hardtack can open itself.
func TestF509_FromGorilla(t *testing.T) {
	hashKey, blockKey := securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32)
	keys := keyring.Generate()

	cfg := ssestore.Config{
		Keys: keys,
		Legacy: []ssestore.Legacy{{
			Cookie: cookie.Config{Name: "my-session"}, // with the Path and Domain it had
			Format: gorilla.WithKeys(hashKey, blockKey),
			Until:  time.Now().AddDate(0, 1, 0), // as long as old cookies live; write a date
			Migrate: func(s *ssestore.Session, plaintext []byte) error {
				var values map[any]any // session.Values of the old program
				if err := gob.NewDecoder(bytes.NewReader(plaintext)).Decode(&values); err != nil {
					return err
				}
				id, ok := values["user_id"].(string)
				if !ok {
					return errors.New("no user in the old session")
				}
				return s.Adopt(id)
			},
		}},
	}

	s := newSite(t, cfg, middleware.Config{})
	mux := s.app()
	outer := http.NewServeMux()
	outer.HandleFunc("POST /old-login", func(w http.ResponseWriter, r *http.Request) {
		value, err := securecookie.EncodeMulti("my-session", map[any]any{"user_id": "7"}, securecookie.CodecsFromPairs(hashKey, blockKey)...)
		if err != nil {
			t.Error(err)
		}
		http.SetCookie(w, &http.Cookie{Name: "my-session", Path: "/", Secure: true, Value: value})
		io.WriteString(w, "in")
	})
	outer.Handle("/", s.guard.Handler(mux))
	moved(t, outer)
	copied(t, s, outer)
}
