// Command chi uses the router github.com/go-chi/chi: a group of pages for users, one for
// staff, and a page for what doesn't exist that knows who is logged in.
//
//	go run ./examples/chi
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct {
	Name, Password string // a real one holds a hash: see signin/password
	Staff          bool
}

var flash = ssestore.NewKey[string]("flash")

func app(users map[string]*user) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return users[id], nil }, // nil: no such user
		ID:       func(u *user) string { return u.Name },
		Stamp:    func(u *user) string { return u.Password },
		Staff:    func(u *user) bool { return u.Staff },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(chimiddleware.Recoverer, guard.Handler)
	r.NotFound(guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<!doctype html>There is no such page. <a href="/">Home</a>`)
		if ok {
			fmt.Fprintf(w, " (%s)", html.EscapeString(u.Name))
		}
	}))
	r.Get("/login", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><form method="post"><input name="name" value="ada"> <input name="password" type="password"> <button>Log in</button></form>`)
	})
	r.Post("/login", func(w http.ResponseWriter, r *http.Request) {
		u := users[r.FormValue("name")]
		if u == nil || subtle.ConstantTimeCompare([]byte(r.FormValue("password")), []byte(u.Password)) != 1 {
			http.Error(w, "wrong name or password", http.StatusUnauthorized)
		} else if err := errors.Join(guard.Login(r, u), flash.Set(guard.Session(r), "Welcome back.")); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
		} else {
			http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
		}
	})
	r.Post("/logout", guard.LogoutHandler("/login"))
	r.Group(func(r chi.Router) {
		r.Use(guard.Require())
		r.Get("/", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
			message, _ := flash.Pop(guard.Session(r))
			fmt.Fprintf(w, `<!doctype html><p>%s</p>Hello, %s! <form method="post" action="/logout"><button>Log out</button></form>`, message, html.EscapeString(u.Name))
		}))
	})
	r.With(guard.StaffRequired).Get("/staff", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "staff only") })
	return r, nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on, such as localhost:8081")
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	handler, err := app(map[string]*user{"ada": {"ada", "open sesame", true}, "bob": {"bob", "swordfish", false}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/ is for ada (open sesame) and bob (swordfish)\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, handler))
}
