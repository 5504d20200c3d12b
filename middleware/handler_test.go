package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF501_HandlersAskTheGuard: a handler needs nothing but the guard and the
// request to log in, to know the user and the session, and to log out.
func TestF501_HandlersAskTheGuard(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		u, _ := a.users.find(r.Context(), "ann")
		if err := errors.Join(note.Set(a.guard.Session(r), "kept"), a.guard.Login(r, u)); err != nil {
			t.Error(err)
		}
	})
	a.mux.HandleFunc("POST /out", func(w http.ResponseWriter, r *http.Request) {
		if err := a.guard.Logout(r); err != nil {
			t.Error(err)
		}
	})
	a.mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		u, err := a.guard.User(r)
		switch {
		case err == nil:
			fmt.Fprint(w, u.ID, " ", note.Get(a.guard.Session(r)))
		case u != nil:
			t.Errorf("%v with the user %v", err, u)
		case errors.Is(err, auth.ErrNoUser):
			io.WriteString(w, "nobody")
		case errors.Is(err, auth.ErrUserStore):
			io.WriteString(w, "down")
		default:
			t.Error(err)
		}
	})
	c := a.browser()
	me := func(want string) {
		t.Helper()
		expect(t, "/me", a.do(c, "GET", "/me").body, want)
	}
	me("nobody")
	a.do(c, "POST", "/in")
	me("ann kept")
	a.users.fail(errors.New("down"))
	me("down")
	a.users.fail(nil)
	me("ann kept")
	a.do(c, "POST", "/out")
	me("nobody")
}

// TestF501_OwnSession: of two nested guards each gives its own session and user,
// where middleware.Session gives the inner one's.
func TestF501_OwnSession(t *testing.T) {
	outer, inner := newApp(t, nil), newApp(t, func(s *setup) { s.store.Cookie.Name = "inner" })
	ann, bob := &user{ID: "ann", Password: "pw-ann"}, &user{ID: "bob", Password: "pw-bob"}
	passed := false
	h := outer.guard.Handler(inner.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed = true
		if err := errors.Join(outer.guard.Login(r, ann), inner.guard.Login(r, bob)); err != nil {
			t.Fatal(err)
		}
		for want, g := range map[string]*middleware.Guard[*user]{"ann": outer.guard, "bob": inner.guard} {
			if u, err := g.User(r); err != nil || u.ID != want {
				t.Errorf("%v, %v, want %s", u, err, want)
			}
		}
		if middleware.Session(r) != inner.guard.Session(r) || outer.guard.Session(r) == inner.guard.Session(r) {
			t.Error("the sessions of two guards are mixed up")
		}
	})))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if !passed || rec.Code != 200 {
		t.Errorf("passed %v, status %d", passed, rec.Code)
	}
}

// TestF501_NoSession: without Handler, without a guard and without a request there
// is an error, never a panic and never a user.
func TestF501_NoSession(t *testing.T) {
	ann := &user{ID: "ann", Password: "pw-ann"}
	for name, g := range map[string]*middleware.Guard[*user]{"no Handler": newApp(t, nil).guard, "nil": nil, "zero": new(middleware.Guard[*user])} {
		for _, r := range []*http.Request{nil, httptest.NewRequest("GET", "/", nil)} {
			u, err := g.User(r)
			for call, err := range map[string]error{"User": err, "Login": g.Login(r, ann), "Logout": g.Logout(r)} {
				if !errors.Is(err, auth.ErrNoSession) || !errors.Is(err, ssestore.ErrNoSession) {
					t.Errorf("%s: %s: %v", name, call, err)
				}
			}
			if u != nil || g.Session(r) != nil {
				t.Errorf("%s: user %v, session %v", name, u, g.Session(r))
			}
		}
	}
}

// TestF502_HandlerFuncs: what the guard makes of a function can be registered where
// a router wants a function: chi's r.Get, ServeMux.HandleFunc.
func TestF502_HandlerFuncs(t *testing.T) {
	a := newApp(t, nil)
	get := func(pattern string, h http.HandlerFunc) { a.mux.HandleFunc("GET "+pattern, h) } // as chi's r.Get
	get("/user", a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) { io.WriteString(w, u.ID) }))
	get("/anyone", a.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) { fmt.Fprint(w, ok) }))
	get("/form", a.guard.LoginHandler("/user", http.NotFoundHandler()))
	a.mux.HandleFunc("POST /bye", a.guard.LogoutHandler("/anyone"))
	c := a.browser()
	a.login(c, "ann")
	expect(t, "/user", a.do(c, "GET", "/user").body, "ann")
	expect(t, "/anyone", a.do(c, "GET", "/anyone").body, "true")
	expect(t, "/form", a.do(c, "GET", "/form").header.Get("Location"), "/user")
	expect(t, "/bye", a.do(c, "POST", "/bye").header.Get("Location"), "/anyone")
	expect(t, "/anyone", a.do(c, "GET", "/anyone").body, "false")
}

// TestF502_Require: Require fits a router's Use, asks its rules in order, and stops
// at the first that refuses.
func TestF502_Require(t *testing.T) {
	a := newApp(t, nil)
	var asked string
	rule := func(name, admits string) auth.Rule[*user] {
		return func(_ context.Context, u *user) error {
			asked += name
			if admits == "" || u.ID == admits {
				return nil
			}
			return auth.Forbidden(name + " says no")
		}
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") })
	use := func(path string, around func(http.Handler) http.Handler) { a.mux.Handle(path, around(ok)) } // as chi's r.Use
	rules := []auth.Rule[*user]{rule("1", ""), rule("2", "root"), rule("3", "")}
	use("/three", a.guard.Require(rules...))
	use("/staff", a.guard.Require(a.accounts.Staff))
	use("/none", a.guard.Require())
	use("/nil", a.guard.Require(nil...))
	use("/nilrule", a.guard.Require(nil, rule("4", "")))
	rules[1] = rule("5", "") // no longer the guard's
	for _, tt := range []struct {
		who, path string
		status    int
		asked     string
	}{
		{"", "/three", 302, ""}, {"", "/staff", 302, ""}, {"", "/none", 302, ""}, {"", "/nil", 302, ""}, {"", "/nilrule", 302, ""},
		{"ann", "/three", 403, "12"}, {"ann", "/staff", 404, ""}, {"ann", "/none", 200, ""}, {"ann", "/nil", 200, ""}, {"ann", "/nilrule", 500, ""},
		{"root", "/three", 200, "123"}, {"root", "/staff", 200, ""}, {"root", "/none", 200, ""},
	} {
		c := a.browser()
		if tt.who != "" {
			a.login(c, tt.who)
		}
		asked = ""
		r := a.do(c, "GET", tt.path)
		what := fmt.Sprintf("%q at %s", tt.who, tt.path)
		expect(t, what, r.status, tt.status)
		expect(t, what+": rules asked", asked, tt.asked)
		if tt.status == 403 {
			expect(t, what, r.body, "403 Forbidden\n2 says no\n")
		}
		expect(t, what+": passed", r.body == "passed", tt.status == 200)
	}
	for name, g := range map[string]*middleware.Guard[*user]{"nil": nil, "zero": new(middleware.Guard[*user])} {
		rec := httptest.NewRecorder()
		g.Require()(ok).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		expect(t, name, rec.Code, 500)
	}
}
