package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
)

// TestF207_ReasonAtTheLoginPage: the redirect deletes the cookie and carries the
// reason on, if it is one that a visitor may know.
func TestF207_ReasonAtTheLoginPage(t *testing.T) {
	expired := func(a *app, c *http.Client) { a.advance(13 * time.Hour) }
	changed := func(a *app, c *http.Client) {
		a.advance(2 * time.Minute) // a replica's lag is over
		a.users.setPassword("ann", "new")
	}
	ended := func(a *app, c *http.Client) { // a late response brings the cookie back
		u, _ := url.Parse(a.server.URL)
		before := c.Jar.Cookies(u)
		a.do(c, "POST", "/logout")
		c.Jar.SetCookies(u, []*http.Cookie{{Name: a.store.CookieName(), Value: before[0].Value, Path: "/", Secure: true}})
	}
	forged := func(a *app, c *http.Client) {
		u, _ := url.Parse(a.server.URL)
		value := c.Jar.Cookies(u)[0].Value
		flip := byte('A')
		if value[len(value)-5] == flip {
			flip = 'B'
		}
		value = value[:len(value)-5] + string(flip) + value[len(value)-4:]
		c.Jar.SetCookies(u, []*http.Cookie{{Name: a.store.CookieName(), Value: value, Path: "/", Secure: true}})
	}
	for _, tt := range []struct {
		name     string
		field    string
		login    string
		head     []string
		over     func(a *app, c *http.Client)
		location string
		guarded  cookie.Reason // at the page that was refused
		page     string        // at the login page
	}{
		{"expired", "why", "/login", nil, expired, "/login?why=expired&next=/members", cookie.ReasonExpired, "expired"},
		{"logged out elsewhere", "why", "/login", nil, ended, "/login?why=ended&next=/members", cookie.ReasonEnded, "ended"},
		{"password changed", "why", "/login", nil, changed, "/login?why=stamp-mismatch&next=/members", cookie.ReasonStampMismatch, "stamp-mismatch"},
		{"query and fragment kept", "why", "/login?a=b#c", nil, expired, "/login?a=b&why=expired&next=/members#c", cookie.ReasonExpired, "expired"},
		{"htmx", "why", "/login", []string{"HX-Request", "true"}, expired, "/login?why=expired", cookie.ReasonExpired, "expired"},
		{"switched off", "", "/login", nil, expired, "/login?next=/members", cookie.ReasonExpired, "none"},
		{"a forged cookie", "why", "/login", nil, forged, "/login?next=/members", cookie.ReasonBadTag, "none"},
		{"no cookie at all", "why", "/login", nil, func(_ *app, c *http.Client) { c.Jar = nil }, "/login?next=/members", cookie.ReasonNone, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, func(s *setup) { s.guard.ReasonField, s.guard.LoginURL = tt.field, tt.login })
			members := a.guard.LoginRequired(http.NotFoundHandler())
			a.mux.HandleFunc("GET /members", func(w http.ResponseWriter, r *http.Request) {
				members.ServeHTTP(w, r)
				expect(t, "Reason of the guarded request", middleware.Reason(r), tt.guarded)
			})
			a.mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, middleware.Reason(r).String())
			})
			c := a.browser()
			a.login(c, "ann")
			tt.over(a, c)
			r := a.do(c, "GET", "/members", tt.head...)
			location := r.header.Get("Location") + r.header.Get("HX-Redirect")
			expect(t, "login URL", location, tt.location)
			page, _, _ := strings.Cut(location, "#")
			r = a.do(c, "GET", page)
			expect(t, "Reason at the login page", r.body, tt.page)
			expect(t, "Vary", r.header.Get("Vary"), "Cookie")
			expect(t, "mistakes", len(a.wrong("/members"))+len(a.wrong("/login")), 0)
		})
	}
}

// TestF207_OnlyAWord: whatever else stands in the query is none, and never an error.
func TestF207_OnlyAWord(t *testing.T) {
	a := newApp(t, func(s *setup) { s.guard.ReasonField = "why" })
	off := newApp(t, nil)
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, middleware.Reason(r).String()) })
	for query, want := range map[string]string{
		"?why=expired": "expired", "?why=ended": "ended", "?x=1&why=stamp-mismatch": "stamp-mismatch", "?why=%65xpired": "expired",
		"": "none", "?why=": "none", "?why": "none", "?why=none": "none", "?why=EXPIRED": "none", "?why=expired+": "none",
		"?why=bad-tag": "none", "?why=unknown-key": "none", "?why=<b>": "none", "?why=expired&why=ended": "none",
		"?why=expired;": "none", "?why=expired&%zz": "none", "?reason=expired": "none", "?=expired": "none",
	} {
		r := httptest.NewRequest("GET", "/login", nil)
		r.URL.RawQuery = strings.TrimPrefix(query, "?")
		rec := httptest.NewRecorder()
		a.guard.Handler(show).ServeHTTP(rec, r)
		expect(t, query, rec.Body.String(), want)
		rec = httptest.NewRecorder()
		off.guard.Handler(show).ServeHTTP(rec, r)
		expect(t, query+" switched off", rec.Body.String(), "none")
	}
	expect(t, "without Handler", middleware.Reason(httptest.NewRequest("GET", "/?why=expired", nil)), cookie.ReasonNone)
	expect(t, "without a request", middleware.Reason(nil), cookie.ReasonNone)
}

// TestF207_Field: the parameter must be free.
func TestF207_Field(t *testing.T) {
	a := newApp(t, nil)
	for _, tt := range []struct {
		cfg middleware.Config
		ok  bool
	}{
		{middleware.Config{ReasonField: "why"}, true},
		{middleware.Config{ReasonField: "why", NextField: "next", LoginURL: "/login?a=b"}, true},
		{middleware.Config{ReasonField: "next", NextField: "-"}, true},
		{middleware.Config{ReasonField: "next"}, false},
		{middleware.Config{ReasonField: "to", NextField: "to"}, false},
		{middleware.Config{ReasonField: "-"}, false},
		{middleware.Config{ReasonField: "a b"}, false},
		{middleware.Config{ReasonField: "why", LoginURL: "/login?why=x"}, false},
	} {
		_, err := middleware.New(a.store, a.accounts, tt.cfg)
		expect(t, tt.cfg.ReasonField+" "+tt.cfg.NextField, err == nil, tt.ok)
	}
}
