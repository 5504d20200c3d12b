package howto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// User is the application's own type. Hash stands for that of the password.
type User struct {
	ID, Name, Hash string
	Roles          []string
	Changed        time.Time // when the password changed last
}

// site is what every recipe has: one user, a guard, and a clock that can be moved.
type site struct {
	ada      *User
	grace    *User        // whom one recipe needs
	hash     atomic.Value // what the table has now
	ahead    atomic.Int64 // how far the clock is, a time.Duration
	mistake  error        // the one that the test makes on purpose
	accounts *auth.Manager[*User]
	guard    *middleware.Guard[*User]
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *site) userByID(_ context.Context, id string) (*User, error) {
	if s.grace != nil && id == s.grace.ID {
		return s.grace, nil
	}
	if id != s.ada.ID {
		return nil, auth.ErrNoUser
	}
	u := *s.ada
	u.Hash = s.hash.Load().(string)
	return &u, nil
}

// newSite makes a site over two configurations. A mistake in the use of the guard fails
// the test.
func newSite(t *testing.T, sc ssestore.Config, mc middleware.Config) *site {
	t.Helper()
	s := &site{ada: &User{ID: "7", Name: "Ada", Hash: "first"}}
	s.hash.Store("first")
	if sc.Keys == nil {
		sc.Keys = keyring.Generate()
	}
	store, err1 := ssestore.New(sc)
	var err2, err3 error
	s.accounts, err2 = auth.New(auth.Config[*User]{
		UserByID: s.userByID,
		ID:       func(u *User) string { return u.ID },
		Stamp:    func(u *User) string { return u.Hash },

		PasswordChanged: func(u *User) time.Time { return u.Changed },
	})
	if mc.LoginURL == "" {
		mc.LoginURL = "/login"
	}
	mc.Now = s.now
	mc.Log = slog.New(slog.DiscardHandler)
	mc.OnMistake = func(r *http.Request, err error) {
		if s.mistake == nil || !errors.Is(err, s.mistake) {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}
	s.guard, err3 = middleware.New(store, s.accounts, mc)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return s
}

// login is POST /login of every recipe. The password has been checked.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	u, _ := s.userByID(r.Context(), s.ada.ID)
	if err := s.guard.Login(r, u); err != nil {
		http.Error(w, "cannot log in", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, s.guard.Next(r, "/"), http.StatusSeeOther)
}

// members is a page that greets its user.
func members(w http.ResponseWriter, r *http.Request, u *User) { fmt.Fprintf(w, "Hello, %s!", u.Name) }

// serve runs a handler on a real server, and returns somebody who visits it.
func serve(t *testing.T, h http.Handler) *visitor.Visitor {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return visitor.New(t, server.URL)
}

// app is the application of the recipes that are not about routing.
func (s *site) app() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /members", s.guard.ForUser(members))
	mux.HandleFunc("POST /save", s.guard.ForUser(members))
	mux.HandleFunc("POST /logout", s.guard.LogoutHandler("/"))
	return mux
}

// in says whether a visitor is logged in.
func in(v *visitor.Visitor) bool { return v.Get("/members").StatusCode == http.StatusOK }
