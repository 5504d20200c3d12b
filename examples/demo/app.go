package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// config is what the flags say.
type config struct {
	DB, Keys     string
	InsecureHTTP bool
	Log          *slog.Logger
}

// app holds everything that lives as long as the process.
type app struct {
	log      *slog.Logger
	users    *users
	keys     *keyring.File
	hasher   *password.Hasher
	accounts *auth.Manager[*User]
	guard    *middleware.Guard[*User]
	pages    pages

	cookieName string
}

// seeds are the users that a new table starts with.
var seeds = []struct {
	Email string
	Staff bool
}{{"ada@example.com", true}, {"bob@example.com", false}}

const seedPassword = "correct horse battery staple"

// newApp opens the files and connects the parts: keys → store → accounts →
// guard. Nothing here is particular to a demo.
func newApp(ctx context.Context, c config) (*app, error) {
	a := &app{log: c.Log}
	var err error
	if a.keys, err = openKeys(c.Keys, a.keyFault); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if a.hasher, err = password.New(password.Config{}); err != nil {
		return nil, err
	}
	if a.pages, err = parsePages(); err != nil {
		return nil, err
	}
	store, err := ssestore.New(ssestore.Config{
		Keys:   a.keys,
		Cookie: cookie.Config{DangerouslyAllowHTTP: c.InsecureHTTP},
	})
	if err != nil {
		return nil, err
	}
	a.cookieName = store.CookieName()
	if a.users, err = openUsers(ctx, c.DB); err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	if err := a.seed(ctx); err != nil {
		a.Close()
		return nil, fmt.Errorf("users: %w", err)
	}
	a.accounts, err = auth.New(auth.Config[*User]{
		UserByID: a.users.ByID,
		ID:       (*User).Key,
		Stamp:    func(u *User) string { return u.Stamp },
		Staff:    func(u *User) bool { return u.Staff },
		OnLogin:  a.loggedIn,
		OnLogout: a.loggedOut,
	})
	if err != nil {
		a.Close()
		return nil, err
	}
	a.guard, err = middleware.New(store, a.accounts, middleware.Config{
		LoginURL:  "/login",
		OnOutcome: noteOutcome,
	})
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Close closes the database. The keyring needs no closing: it has no goroutine.
func (a *app) Close() error { return a.users.Close() }

// seed adds the first users. Several processes may start on one table at once:
// whoever comes second finds the address taken.
func (a *app) seed(ctx context.Context) error {
	for _, s := range seeds {
		if _, err := a.users.ByEmail(ctx, s.Email); !errors.Is(err, auth.ErrNoUser) {
			if err != nil {
				return err
			}
			continue
		}
		hash, err := a.hasher.Hash(ctx, seedPassword)
		if err != nil {
			return err
		}
		if _, err := a.users.Add(ctx, s.Email, hash, s.Staff); err != nil && !errors.Is(err, errEmailTaken) {
			return err
		}
	}
	return nil
}

//go:embed static
var static embed.FS

// Handler is the whole application. Order matters: the log is outermost and
// sees every answer, limits come before anything that reads, and the guard
// brings sessions and refuses cross-origin posts. Assets stay outside of it:
// they are the same for everybody and may be cached by anyone.
func (a *app) Handler() http.Handler {
	site := http.NewServeMux()
	site.Handle("GET /{$}", a.guard.ForAnyone(a.home))
	site.Handle("POST /cart", a.guard.ForAnyone(a.addToCart))
	site.Handle("GET /signup", a.guard.ForAnyone(a.signupForm))
	site.Handle("POST /signup", a.guard.ForAnyone(a.signup))
	site.Handle("GET /login", a.guard.ForAnyone(a.loginForm))
	site.Handle("POST /login", a.guard.ForAnyone(a.login))
	site.Handle("/logout", a.guard.LogoutHandler("/"))
	site.Handle("GET /members", a.guard.ForUser(a.members))
	site.Handle("GET /password", a.guard.ForUser(a.passwordForm))
	site.Handle("POST /password", a.guard.ForUser(a.changePassword))
	site.Handle("GET /session", a.guard.ForAnyone(a.session))
	site.Handle("GET /staff", a.guard.StaffRequired(a.guard.ForUser(a.staff)))
	site.Handle("POST /keys/rotate", a.guard.StaffRequired(http.HandlerFunc(a.rotate)))

	assets, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	root := http.NewServeMux()
	root.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(assets))))
	root.Handle("/", limitBody(a.guard.Handler(routed(site))))
	return a.logged(secured(a.dressed(root)))
}
