// Package site is the application of the examples that run in a cloud: one user, who
// logs in, is greeted, and logs out. Its keys come from the environment, so every place
// that runs it opens the sessions of the others.
package site

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

const form = `<!doctype html><title>Log in</title>
<form method="post" action="/login"><label>Password <input name="password" type="password"></label> <button>Log in</button></form>`

const home = `<!doctype html><title>Home</title><h1>Hello, %s!</h1>
<form method="post" action="/logout"><button>Log out</button></form>`

// New returns the application. It reads SESSION_SECRET, SESSION_SECRETS_PREVIOUS (with
// spaces between) and SESSION_SECRET_NEXT, which keyring.FromSecrets explains, and
// PASSWORD, the password of the user ada. Without a password nobody can log in.
func New() (http.Handler, error) {
	keys, err0 := keyring.FromSecrets(keyring.Secrets{
		Primary:  os.Getenv("SESSION_SECRET"),
		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")),
		Next:     os.Getenv("SESSION_SECRET_NEXT"),
	})
	password := os.Getenv("PASSWORD")
	store, err1 := ssestore.New(ssestore.Config{Keys: keys})
	accounts, err2 := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) {
			if id != "ada" {
				return "", auth.ErrNoUser
			}
			return id, nil
		},
		ID:    func(name string) string { return name },
		Stamp: func(string) string { return password }, // a real one is a hash: see signin/password
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{})
	if err := errors.Join(err0, err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, name string, ok bool) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if ok {
			fmt.Fprintf(w, home, name)
		} else {
			fmt.Fprint(w, form)
		}
	}))
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if password == "" || subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(password)) != 1 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if err := guard.Login(r, "ada"); err != nil {
			http.Error(w, "cannot log in", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/"))
	return guard.Handler(mux), nil
}
