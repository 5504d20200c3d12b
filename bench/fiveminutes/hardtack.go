package fiveminutes

import (
	"context"
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Hardtack is the application over Hardtack.
func Hardtack(ada *User) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*User]{
		UserByID: func(_ context.Context, id string) (*User, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *User) string { return u.Name },
		Stamp: func(u *User) string { return u.Hash() }, // for: password
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		Greet(w, u)
	}))
	mux.HandleFunc("GET /login", LoginPage)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if !ada.Check(r.FormValue("password")) {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if err := guard.Login(r, ada); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/login"))
	return guard.Handler(mux), nil
}
