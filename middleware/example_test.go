package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A login, a page for members, and a logout: the whole of what most
// applications need.
func Example() {
	type User struct{ Name, Password string }
	ada := &User{"ada", "open sesame"}

	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*User]{
		UserByID: func(_ context.Context, id string) (*User, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *User) string { return u.Name },
		Stamp: func(u *User) string { return u.Password },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") != ada.Password {
			http.Error(w, "wrong password", http.StatusUnauthorized)
		} else if err := guard.Login(r, ada); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
		} else {
			http.Redirect(w, r, guard.Next(r, "/"), http.StatusSeeOther)
		}
	})
	mux.HandleFunc("GET /members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		fmt.Fprintf(w, "Hello, %s!", u.Name)
	}))
	mux.HandleFunc("POST /logout", guard.LogoutHandler("/"))

	server := httptest.NewTLSServer(guard.Handler(mux))
	defer server.Close()
	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	show := func(method, path string, form url.Values) {
		req, _ := http.NewRequest(method, server.URL+path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := browser.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		fmt.Println(strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location"), " ", string(body))))
	}
	show("GET", "/members", nil)
	show("POST", "/login", url.Values{"password": {"open sesame"}, "next": {"/members"}})
	show("GET", "/members", nil)
	show("POST", "/logout", nil)
	show("GET", "/members", nil)
	// Output:
	// 302 /login?next=/members
	// 303 /members
	// 200  Hello, ada!
	// 303 /
	// 302 /login?next=/members
}

// Rules of the application's own. What the user may read is an auth.Forbidden.
func ExampleGuard_Check() {
	type User struct {
		Name  string
		Board bool
	}
	var guard *middleware.Guard[User] // from New
	boardOnly := func(_ context.Context, u User) error {
		if !u.Board {
			return auth.Forbidden("Only members of the board may open this page.")
		}
		return nil
	}
	http.Handle("/minutes", guard.Check(boardOnly, guard.ForUser(func(w http.ResponseWriter, r *http.Request, u User) {
		fmt.Fprintln(w, "Good evening,", u.Name)
	})))
}

// A WebSocket upgrader that writes its own response takes the session's headers
// as an argument.
func ExampleCommit() {
	upgrade := func(w http.ResponseWriter, r *http.Request, extra http.Header) error { return nil } // your upgrader
	http.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		// Whatever changes the session comes first.
		extra, err := middleware.Commit(w)
		if err != nil {
			http.Error(w, "cannot save the session", http.StatusInternalServerError)
			return
		}
		_ = upgrade(w, r, extra)
	})
}

// Wrong: the session is changed after the first byte. The error says so; a
// handler that ignores it loses the change.
func ExampleSession_tooLate() {
	visits := ssestore.NewKey[int]("visits")
	store, _ := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, _ := auth.New(auth.Config[*struct{}]{
		UserByID: func(context.Context, string) (*struct{}, error) { return nil, auth.ErrNoUser },
		ID:       func(*struct{}) string { return "" },
		Stamp:    func(*struct{}) string { return "" },
	})
	guard, err := middleware.New(store, accounts, middleware.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		fmt.Fprintln(w, "visits:", visits.Get(s))
		fmt.Println(visits.Set(s, visits.Get(s)+1)) // should stand before Fprintln
	}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	fmt.Println("cookies sent:", len(rec.Result().Cookies()))
	// Output:
	// ssestore: the session is committed; change it before the response starts
	// cookies sent: 0
}
