package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// names is a guard over users who are only names.
func names(cfg middleware.Config) *middleware.Guard[string] {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) { return id, nil },
		ID:       func(name string) string { return name }, Stamp: func(string) string { return "" },
	})
	guard, err3 := middleware.New(store, accounts, cfg)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	return guard
}

// A section of the site has a login page of its own. The session and the users are the same.
func ExampleGuard_WithLogin() {
	guard := names(middleware.Config{LoginURL: "/login"})
	shop, err := guard.WithLogin("/shop/login")
	if err != nil {
		panic(err)
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("/members", guard.LoginRequired(page))
	mux.Handle("/shop/cart", shop.LoginRequired(page))
	app := guard.Handler(mux)
	for _, path := range []string{"/members", "/shop/cart"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Location"))
	}
	// Output:
	// 302 /login?next=/members
	// 302 /shop/login?next=/shop/cart
}

// LoginHandler shows the form to those who aren't logged in, and sends the others on. A
// logout also has the browser drop what it has cached.
func ExampleGuard_LoginHandler() {
	guard := names(middleware.Config{
		LoginURL:      "/login",
		ClearSiteData: []string{"cache"},
		LogoutURL:     "https://old.example/logout", // for sessions that another system writes
	})
	mux := http.NewServeMux()
	mux.Handle("GET /login", guard.LoginHandler("/members", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<form …>")
	})))
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/"))
	app := guard.Handler(mux)

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/login", nil))
	fmt.Println(w.Code, w.Body)
	w = httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("POST", "/logout", nil))
	fmt.Println(w.Code, w.Header().Get("Location"), w.Header().Get("Clear-Site-Data"))
	// Output:
	// 200 <form …>
	// 303 / "cache"
}

// A rule that asks how fresh the news of ended sessions is needs a store that gets any.
// Without, it's a mistake in the wiring, which is told, and answered with 500.
func ExampleGuard_Fresh_withoutMarks() {
	guard := names(middleware.Config{OnMistake: func(_ *http.Request, err error) {
		fmt.Println("mistake:", errors.Is(err, middleware.ErrNoMarks))
	}})
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { _ = guard.Login(r, "ada") })
	mux.Handle("/pay", guard.Check(guard.Fresh(time.Minute), page))
	app := guard.Handler(mux)
	login := httptest.NewRecorder()
	app.ServeHTTP(login, httptest.NewRequest("GET", "/login", nil))
	r := httptest.NewRequest("GET", "/pay", nil)
	for _, c := range login.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// mistake: true
	// 500
}
