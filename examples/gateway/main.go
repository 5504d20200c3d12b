// Command gateway logs people in for an application that knows nothing of sessions. A
// gateway, nginx or Caddy, asks it about each request and passes on who the user is.
// The folders nginx and caddy have the configuration; their READMEs say how to run it.
package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ ID, Name, Password string }

// errGone is what a user store says that is down.
var errGone = errors.New("the user store is down")

// config is what main reads from the environment, and what the test sets.
type config struct {
	keys  keyring.Source
	hosts []string // that the gateway protects, as browsers see them
	users map[string]user
	now   func() time.Time
	down  func() bool // whether the user store is down; nil: never
}

const form = `<!doctype html><title>Log in</title>
<form method="post"><label>Name <input name="id"></label> <label>Password <input name="password" type="password"></label> <button>Log in</button></form>`

func app(c config) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: c.keys})
	accounts, err2 := auth.New(auth.Config[user]{
		UserByID: func(_ context.Context, id string) (user, error) {
			if c.down != nil && c.down() {
				return user{}, errGone
			}
			u, ok := c.users[id]
			if !ok {
				return user{}, auth.ErrNoUser
			}
			return u, nil
		},
		ID:    func(u user) string { return u.ID },
		Stamp: func(u user) string { return u.Password }, // a real one is a hash: see signin/password
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/auth/login", AllowedHosts: c.hosts, Now: c.now})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	// All headers that the application trusts.
	headers := map[string]func(user) string{
		"X-Auth-User": func(u user) string { return u.ID },
		"X-Auth-Name": func(u user) string { return u.Name },
	}
	mux := http.NewServeMux()
	for _, gateway := range []struct {
		pattern string
		config  middleware.ForwardConfig[user]
	}{
		{"/verify", middleware.ForwardConfig[user]{Headers: headers, Renew: "/auth/renew"}},
		{"/verify/nginx", middleware.ForwardConfig[user]{Headers: headers, Renew: "/auth/renew", Nginx: true}},
		{"/verify/ada", middleware.ForwardConfig[user]{Headers: headers, Renew: "/auth/renew", Rule: onlyAda}},
		{"/verify/nginx/ada", middleware.ForwardConfig[user]{Headers: headers, Renew: "/auth/renew", Rule: onlyAda, Nginx: true}},
	} {
		h, err := guard.ForwardAuth(gateway.config)
		if err != nil {
			return nil, err
		}
		mux.Handle(gateway.pattern, h)
	}
	mux.HandleFunc("/auth/renew", guard.RenewHandler())
	mux.HandleFunc("POST /auth/logout", guard.LogoutHandler("/auth/login"))
	mux.HandleFunc("GET /auth/login", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, form) })
	mux.HandleFunc("POST /auth/login", func(w http.ResponseWriter, r *http.Request) {
		u, ok := c.users[r.PostFormValue("id")]
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(u.Password)) != 1 || !ok {
			http.Error(w, "wrong name or password", http.StatusUnauthorized)
			return
		}
		if err := guard.Login(r, u); err != nil {
			http.Error(w, "cannot log in", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
	})
	return guard.Handler(mux), nil
}

// onlyAda is the rule of a section.
func onlyAda(_ context.Context, u user) error {
	if u.ID != "ada" {
		return auth.Forbidden("This is Ada’s.")
	}
	return nil
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: SESSION_SECRET=$(openssl rand -base64 32) PASSWORD='open sesame' go run ./examples/gateway")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	keys, err := keyring.FromSecrets(keyring.Secrets{
		Primary:  os.Getenv("SESSION_SECRET"),
		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")),
		Next:     os.Getenv("SESSION_SECRET_NEXT"),
	})
	if err != nil {
		log.Fatal(err)
	}
	password := os.Getenv("PASSWORD")
	if password == "" {
		log.Fatal("PASSWORD, the password of ada, is not set")
	}
	handler, err := app(config{
		keys:  keys,
		hosts: strings.Fields(cmp.Or(os.Getenv("HOSTS"), "localhost:8080")),
		users: map[string]user{"ada": {"ada", "Ada Lovelace", password}},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8081", handler))
}
