// Command minimal is about the least that is useful: it logs one user in, greets her,
// shows a message once, and logs her out.
//
//	go run ./examples/minimal
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
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

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

var flash = ssestore.NewKey[string]("flash") // a message for the next page

var pages = template.Must(template.New("home").Parse(`<!doctype html><title>Home</title>
<p>{{.Flash}}</p><h1>Hello, {{.Name}}!</h1>
<form method="post" action="/logout"><button>Log out</button></form>`))

const loginPage = `<!doctype html><title>Log in</title>
<form method="post"><label>Password <input name="password" type="password"></label> <button>Log in</button></form>`

func app(ada *user) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()}) // to outlive the process: keyring.OpenOrCreateFile
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *user) string { return u.Name },
		Stamp: func(u *user) string { return u.Password }, // a new password ends all sessions
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		message, _ := flash.Pop(guard.Session(r)) // before the first byte of the page
		pages.Execute(w, map[string]string{"Flash": message, "Name": u.Name})
	}))
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, loginPage) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.FormValue("password")), []byte(ada.Password)) != 1 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if err := errors.Join(guard.Login(r, ada), flash.Set(guard.Session(r), "Welcome back.")); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/login"))
	return guard.Handler(mux), nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on, such as localhost:8081")
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ada := &user{"ada", rand.Text()}
	handler, err := app(ada)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/ and the password is %s\n", *addr, ada.Password)
	log.Fatal(http.ListenAndServe(*addr, handler))
}
