package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Payments are served only while the news of ended sessions is at most half a minute old.
// Other pages go on without it.
func ExampleGuard_Fresh() {
	type User struct{ Name string }
	ada := &User{"ada"}
	set := marks.New(marks.Policy{}) // or the Marks of a fleet.Fleet, which keeps them fresh
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Marks: set})
	accounts, err2 := auth.New(auth.Config[*User]{
		UserByID: func(context.Context, string) (*User, error) { return ada, nil },
		ID:       func(u *User) string { return u.Name }, Stamp: func(u *User) string { return "" },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{})
	if err := errors.Join(err1, err2, err3); err != nil {
		fmt.Println(err)
		return
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "welcome") })
	mux := http.NewServeMux()
	mux.Handle("/pay", guard.Check(guard.Fresh(30*time.Second), page))
	mux.Handle("/members", guard.LoginRequired(page))
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { _ = guard.Login(r, ada) })
	app := guard.Handler(mux)

	login := httptest.NewRecorder()
	app.ServeHTTP(login, httptest.NewRequest("GET", "/login", nil))
	pair, _, _ := strings.Cut(login.Header().Get("Set-Cookie"), ";")
	show := func(path string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Cookie", pair)
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, r)
		fmt.Println(path, rec.Code)
	}
	show("/pay") // nothing has been heard yet
	show("/members")
	set.Fresh(time.Now()) // the connection is there, and everything has come
	show("/pay")
	// Output:
	// /pay 503
	// /members 200
	// /pay 200
}
