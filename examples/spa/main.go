// Command spa is a single-page application and its JSON API on one origin. The page is
// index.html. It needs no library and no token of its own: the browser sends the cookie,
// and the guard refuses what another site's page sends.
//
//	go run ./examples/spa
package main

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

//go:embed index.html
var page string

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

var flash = ssestore.NewKey[string]("flash")

func app(ada *user) (http.Handler, error) {
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
	guard, err3 := middleware.New(store, accounts, middleware.Config{}) // no login page: 401 for the page's fetches
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, page) })
	mux.HandleFunc("GET /api/me", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		message, _ := flash.Pop(guard.Session(r))
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"name": u.Name, "message": message})
	}))
	mux.HandleFunc("POST /api/login", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Password string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in); err != nil {
			http.Error(w, "not the JSON that it should be", http.StatusBadRequest)
		} else if subtle.ConstantTimeCompare([]byte(in.Password), []byte(ada.Password)) != 1 {
			http.Error(w, "wrong password", http.StatusForbidden)
		} else if err := errors.Join(guard.Login(r, ada), flash.Set(guard.Session(r), "Welcome back.")); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("POST /api/logout", guard.LogoutHandler("/")) // the page ignores where it leads
	return guard.Handler(mux), nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on, such as localhost:8081")
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	handler, err := app(&user{"ada", "open sesame"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/ and the password is %q\n", *addr, "open sesame")
	log.Fatal(http.ListenAndServe(*addr, handler))
}
