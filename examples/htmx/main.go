// Command htmx is a shopping list whose page is changed by htmx (https://htmx.org). The
// list is in the session. When the session has ended, the next click leads to the login
// page, and from there back to the list: the guard knows htmx's requests.
//
//	go run ./examples/htmx
package main

import (
	"context"
	"crypto/subtle"
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

//go:embed *.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

var (
	flash = ssestore.NewKey[string]("flash")
	items = ssestore.NewKey[[]string]("items")
)

func app(ada *user, cfg middleware.Config) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *user) string { return u.Name },
		Stamp: func(u *user) string { return u.Password },
	})
	guard, err3 := middleware.New(store, accounts, cfg)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		s := guard.Session(r)
		message, _ := flash.Pop(s)
		pages.ExecuteTemplate(w, "home.html", map[string]any{"Flash": message, "Name": u.Name, "Items": items.Get(s)})
	}))
	mux.HandleFunc("POST /items", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		s := guard.Session(r)
		if err := items.Set(s, append(items.Get(s), r.FormValue("item"))); err != nil { // before the first byte
			http.Error(w, "the list is full", http.StatusUnprocessableEntity)
			return
		}
		pages.ExecuteTemplate(w, "items", items.Get(s)) // the fragment that htmx puts into the page
	}))
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { pages.ExecuteTemplate(w, "login.html", nil) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.FormValue("password")), []byte(ada.Password)) != 1 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
		} else if err := errors.Join(guard.Login(r, ada), flash.Set(guard.Session(r), "Welcome back.")); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
		} else {
			http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
		}
	})
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/login")) // htmx gets HX-Redirect
	return guard.Handler(mux), nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on, such as localhost:8081")
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	handler, err := app(&user{"ada", "open sesame"}, middleware.Config{LoginURL: "/login"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/ and the password is %q\n", *addr, "open sesame")
	log.Fatal(http.ListenAndServe(*addr, handler))
}
