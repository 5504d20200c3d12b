package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
)

// The ways to ask, in the order in which they are judged.
var (
	asBrowser = []string{"Accept", "text/html,*/*;q=0.8", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	asFetch   = []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"}
	asAPI     = []string{"Accept", "application/json"}
	asInertia = []string{"X-Inertia", "true", "X-Requested-With", "XMLHttpRequest", "Accept", "text/html, application/xhtml+xml", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"}
	asTurbo   = []string{"Accept", "text/vnd.turbo-stream.html, text/html, application/xhtml+xml", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"}
	asHTMX    = []string{"HX-Request", "true", "Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"}
)

// guarded adds one page behind each kind of guard.
func guarded(a *app) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") })
	a.mux.Handle("/members", a.guard.LoginRequired(ok))
	a.mux.Handle("/staff", a.guard.StaffRequired(ok))
	a.mux.Handle("/check", a.guard.Check(func(_ context.Context, u *user) error {
		if u.ID == "root" {
			return nil
		}
		return auth.Forbidden("You're not <special>!")
	}, ok))
	a.mux.Handle("/foruser", a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) { io.WriteString(w, "passed") }))
}

// TestS5_1_Access is the table of row S5.1.
func TestS5_1_Access(t *testing.T) {
	pages := []string{"/members", "/staff", "/check", "/foruser"}
	for _, tt := range []struct {
		who, as string
		headers []string
		noLogin bool // no login URL
		want    [4]int
	}{
		{who: "", as: "HTML", headers: asBrowser, want: [4]int{302, 302, 302, 302}},
		{who: "", as: "nothing said", want: [4]int{302, 302, 302, 302}},
		{who: "", as: "fetch", headers: asFetch, want: [4]int{401, 401, 401, 401}},
		{who: "", as: "API", headers: asAPI, want: [4]int{401, 401, 401, 401}},
		{who: "", as: "htmx", headers: asHTMX, want: [4]int{401, 401, 401, 401}},
		{who: "", as: "HTML", headers: asBrowser, noLogin: true, want: [4]int{403, 403, 403, 403}},
		{who: "", as: "fetch", headers: asFetch, noLogin: true, want: [4]int{401, 401, 401, 401}},
		{who: "", as: "API", headers: asAPI, noLogin: true, want: [4]int{401, 401, 401, 401}},
		{who: "", as: "htmx", headers: asHTMX, noLogin: true, want: [4]int{401, 401, 401, 401}},
		{who: "ann", as: "HTML", headers: asBrowser, want: [4]int{200, 404, 403, 200}},
		{who: "ann", as: "API", headers: asAPI, want: [4]int{200, 404, 403, 200}},
		{who: "ann", as: "htmx", headers: asHTMX, want: [4]int{200, 404, 403, 200}},
		{who: "root", as: "HTML", headers: asBrowser, want: [4]int{200, 200, 200, 200}},
	} {
		t.Run(fmt.Sprintf("%q as %s, login URL %v", tt.who, tt.as, !tt.noLogin), func(t *testing.T) {
			a := newApp(t, func(s *setup) {
				if tt.noLogin {
					s.guard.LoginURL = ""
				}
			})
			guarded(a)
			c := a.browser()
			if tt.who != "" {
				a.login(c, tt.who)
			}
			for i, path := range pages {
				r := a.do(c, "GET", path, tt.headers...)
				expect(t, path, r.status, tt.want[i])
				if passed := r.body == "passed"; passed != (r.status == 200) {
					t.Errorf("%s: status %d and body %q", path, r.status, r.body)
				}
				a.checkRefusal(path, r, tt.headers, tt.noLogin)
			}
		})
	}
}

// checkRefusal checks what every refusal has in common.
func (a *app) checkRefusal(path string, r reply, headers []string, noLogin bool) {
	a.t.Helper()
	h := head(headers...)
	htmx := h.Get("HX-Request") != ""
	script := !htmx && (h.Get("Sec-Fetch-Mode") == "cors" || h.Get("Accept") == "application/json")
	if r.status == 200 {
		if cc := r.header.Get("Cache-Control"); cc != "private, no-store" {
			a.t.Errorf("%s: a guarded page with Cache-Control %q", path, cc)
		}
		return
	}
	if cc := r.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") || strings.Contains(cc, "public") {
		a.t.Errorf("%s: a refusal with Cache-Control %q", path, cc)
	}
	if r.header.Get("Vary") != "Cookie" {
		a.t.Errorf("%s: a refusal with Vary %q", path, r.header.Get("Vary"))
	}
	location, wantLocation := r.header.Get("Location"), ""
	if r.status == 302 {
		wantLocation = "/login?next=" + path
	}
	if location != wantLocation {
		a.t.Errorf("%s: Location %q, want %q", path, location, wantLocation)
	}
	hx, wantHX := r.header.Get("HX-Redirect"), ""
	if htmx && !noLogin && r.status == 401 {
		wantHX = "/login"
	}
	if hx != wantHX {
		a.t.Errorf("%s: HX-Redirect %q, want %q", path, hx, wantHX)
	}
	if script {
		var problem struct {
			Title, Detail string
			Status        int
		}
		if err := json.Unmarshal([]byte(r.body), &problem); err != nil || problem.Status != r.status || problem.Title != http.StatusText(r.status) || r.header.Get("Content-Type") != "application/problem+json" {
			a.t.Errorf("%s: not a problem+json: %q %q", path, r.header.Get("Content-Type"), r.body)
		}
		if path == "/check" && r.status == 403 && problem.Detail != "You're not <special>!" {
			a.t.Errorf("%s: detail %q", path, problem.Detail)
		}
	} else if r.status != 302 {
		if ct := r.header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") || r.header.Get("X-Content-Type-Options") != "nosniff" {
			a.t.Errorf("%s: a text for people as %q", path, ct)
		}
		if path == "/check" && r.status == 403 && !noLogin && !strings.Contains(r.body, "You're not <special>!") {
			a.t.Errorf("%s: body %q", path, r.body)
		}
	}
}

// TestS5_2_Order: login, then staff, then the rules, each once.
func TestS5_2_Order(t *testing.T) {
	a := newApp(t, nil)
	calls := 0
	rule := func(context.Context, *user) error { calls++; return nil }
	a.mux.Handle("/both", a.guard.StaffRequired(a.guard.Check(rule, a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		io.WriteString(w, u.ID)
	}))))
	c := a.browser()
	a.do(c, "GET", "/both")
	a.login(c, "ann")
	a.do(c, "GET", "/both")
	expect(t, "the rule ran for nobody and for ann", calls, 0)
	a.login(c, "root")
	expect(t, "body", a.do(c, "GET", "/both").body, "root")
	expect(t, "the rule ran for root", calls, 1)
}

// TestS5_3_RuleErrors: what a rule may say.
func TestS5_3_RuleErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
	}{
		{"public text", auth.Forbidden("no"), 403},
		{"wrapped public text", fmt.Errorf("rule: %w", auth.Forbidden("no")), 403},
		{"empty public text", auth.Forbidden(""), 403},
		{"not staff", auth.ErrNotStaff, 404},
		{"log in again", auth.ErrNoUser, 302},
		{"store down", fmt.Errorf("teams: %w", auth.ErrUserStore), 503},
		{"anything else", errors.New("secret detail"), 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, nil)
			a.mux.Handle("/rule", a.guard.Check(func(context.Context, *user) error { return tt.err }, http.NotFoundHandler()))
			c := a.browser()
			a.login(c, "ann")
			r := a.do(c, "GET", "/rule")
			expect(t, "status", r.status, tt.status)
			if strings.Contains(r.body, "secret") {
				t.Errorf("the body echoes the error: %q", r.body)
			}
			if e := a.seen("/rule"); len(e) != 1 || !errors.Is(e[0].err, tt.err) {
				t.Errorf("reported %+v, want %v once", e, tt.err)
			}
		})
	}
	a := newApp(t, nil)
	a.mux.Handle("/nil", a.guard.Check(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("passed") })))
	c := a.browser()
	a.login(c, "root")
	expect(t, "a nil rule", a.do(c, "GET", "/nil").status, 500)
}

// TestR6_UserStoreDown: 503 with Retry-After on every guard, nothing is sent,
// and afterwards the session is as good as before.
func TestR6_UserStoreDown(t *testing.T) {
	for _, down := range []error{errors.New("connection refused"), context.DeadlineExceeded, context.Canceled} {
		a := newApp(t, nil)
		guarded(a)
		a.mux.Handle("/form", a.guard.LoginHandler("/who", http.NotFoundHandler()))
		c := a.browser()
		a.login(c, "ann")
		a.advance(20 * time.Minute) // a renewal is due
		a.users.fail(down)
		for _, path := range []string{"/members", "/staff", "/check", "/foruser", "/who", "/form"} {
			for _, as := range [][]string{asBrowser, asFetch, asAPI, asHTMX} {
				r := a.do(c, "GET", path, as...)
				expect(t, path, r.status, 503)
				expect(t, path+" Retry-After", r.header.Get("Retry-After"), "5")
				expect(t, path+" Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
				expect(t, path+" Location", r.header.Get("Location")+r.header.Get("HX-Redirect"), "")
				expect(t, path+" Cache-Control", strings.Contains(r.header.Get("Cache-Control"), "no-store"), true)
				if strings.Contains(r.body, "refused") {
					t.Errorf("%s: the body echoes the error: %q", path, r.body)
				}
			}
		}
		a.users.fail(nil)
		expect(t, "who", a.who(c), "ann")
		// A logout works all the same.
		a.users.fail(down)
		r := a.do(c, "POST", "/logout")
		expect(t, "logout", r.status, 303)
		a.users.fail(nil)
		expect(t, "who after the logout", a.who(c), "nobody")
	}
}

// TestR6_UserStorePanics: the panic passes through every guard and nothing is
// sent; afterwards the session is as good as before.
func TestR6_UserStorePanics(t *testing.T) {
	broken := true
	a := newApp(t, func(s *setup) {
		find := s.auth.UserByID
		s.auth.UserByID = func(ctx context.Context, id string) (*user, error) {
			if broken {
				panic("user store")
			}
			return find(ctx, id)
		}
	})
	guarded(a)
	c := a.browser()
	a.login(c, "ann")
	a.advance(20 * time.Minute)
	for _, path := range []string{"/members", "/staff", "/check", "/foruser", "/who"} {
		if r := a.do(c, "GET", path); r.err == nil {
			t.Errorf("%s: answered %d", path, r.status)
		}
	}
	broken = false
	expect(t, "who", a.who(c), "ann")
}

// ForUser calls its handler for a user and for nobody else, and hands over that
// very user.
func TestForUser_OnlyUsers(t *testing.T) {
	a := newApp(t, nil)
	entered := 0
	a.mux.Handle("/mine", a.guard.ForUser(func(w http.ResponseWriter, _ *http.Request, u *user) {
		entered++
		io.WriteString(w, u.ID)
	}))
	b := a.browser()
	expect(t, "nobody", a.do(b, "GET", "/mine").status, http.StatusFound)
	expect(t, "garbage", a.do(b, "GET", "/mine", "Cookie", a.store.CookieName()+"=garbage").status, http.StatusFound)
	expect(t, "entered", entered, 0)
	a.login(b, "ann")
	expect(t, "ann", a.do(b, "GET", "/mine").body, "ann")
	a.users.fail(errors.New("down"))
	expect(t, "store down", a.do(b, "GET", "/mine").status, http.StatusServiceUnavailable)
	a.users.fail(nil)
	a.users.setPassword("ann", "changed")
	expect(t, "password changed", a.do(b, "GET", "/mine").status, http.StatusFound)
	expect(t, "entered", entered, 1)
}
