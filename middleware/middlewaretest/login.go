// Package middlewaretest helps test handlers behind a guard of package middleware.
package middlewaretest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
)

// Login logs user in, and gives req the cookies that a browser would send afterwards.
// Serve req with guard.Handler around the handlers, as the application does:
//
//	req := httptest.NewRequest("GET", "/members", nil)
//	middlewaretest.Login(t, guard, req, ada)
//	rec := httptest.NewRecorder()
//	handler.ServeHTTP(rec, req)
//
// This is a real login through the guard, but without a password. Hooks are called, the
// user store must know the user, and a session that req already has is kept or replaced
// as in any other login. Other cookies in req stay. For a client with a cookie jar, put
// req.Cookies() into the jar.
//
// If the login fails, the test fails.
func Login[U any](t testing.TB, guard *middleware.Guard[U], req *http.Request, user U) {
	t.Helper()
	login := req.Clone(req.Context())
	login.Method, login.Body, login.ContentLength = http.MethodGet, http.NoBody, 0
	login.Header = http.Header{"Cookie": req.Header["Cookie"]} // not what req says about its sender
	err := errors.New("the guard is not from middleware.New")
	rec := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err = guard.Login(r, user)
	})).ServeHTTP(rec, login)
	if err != nil {
		t.Fatalf("middlewaretest.Login: %v", err)
	}
	if rec.Code != http.StatusOK {
		t.Fatalf("middlewaretest.Login: the session can't be saved (status %d); the guard's OnOutcome and Log say why", rec.Code)
	}
	set := rec.Result().Cookies()
	replaced := map[string]bool{}
	for _, c := range set {
		replaced[c.Name] = true
	}
	before := req.Cookies()
	req.Header.Del("Cookie")
	for _, c := range before {
		if !replaced[c.Name] {
			req.AddCookie(c)
		}
	}
	for _, c := range set {
		if c.MaxAge >= 0 { // else it was deleted
			req.AddCookie(c)
		}
	}
}
