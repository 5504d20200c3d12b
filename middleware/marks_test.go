package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
)

// An ender puts marks into a set, as a fleet.Fleet does.
type ender struct {
	set  *marks.Set
	now  func() time.Time
	fail error
}

func (e *ender) End(_ context.Context, m marks.Mark) error {
	now := e.now()
	if m.Kind != marks.Session && m.Before == 0 {
		m.Before = now.Unix() + 1
	}
	if m.Until == 0 {
		m.Until = now.Unix() + 1000
	}
	e.set.Apply(now, m)
	return e.fail
}

// markedApp is an application whose sessions can be ended.
func markedApp(t *testing.T, p marks.Policy, change func(*setup)) (*app, *ender) {
	t.Helper()
	e := &ender{set: marks.New(p)}
	a := newApp(t, func(s *setup) {
		s.store.Marks, s.auth.Ender = e.set, e
		if change != nil {
			change(s)
		}
	})
	e.now = a.now
	e.set.Fresh(a.now())
	return a, e
}

// callers are the kinds of clients, and what makes one of each.
var callers = map[string][]string{
	"a page":      {"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"},
	"a program":   {"Accept", "application/json"},
	"a fetch":     {"Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"},
	"htmx":        {"Hx-Request", "true"},
	"Inertia":     {"X-Inertia", "true"},
	"EventSource": {"Accept", "text/event-stream"},
	"a WebSocket": {"Upgrade", "websocket", "Connection", "Upgrade"},
}

func TestN28_Fresh(t *testing.T) {
	log := new(logbook)
	a, e := markedApp(t, marks.Policy{}, func(s *setup) { s.guard.Log = log.logger(); s.http1 = true })
	a.mux.Handle("/pay", a.guard.Check(a.guard.Fresh(30*time.Second), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
	c := a.browser()
	for name, headers := range callers {
		if r := a.do(c, "GET", "/pay", headers...); r.status == 200 || r.status >= 500 {
			t.Errorf("%s, without a login: %d", name, r.status)
		}
	}
	a.login(c, "ann")
	expect(t, "at once", a.do(c, "GET", "/pay").status, 200)
	a.advance(30 * time.Second)
	expect(t, "in time", a.do(c, "GET", "/pay").status, 200)
	a.advance(time.Second)
	for name, headers := range callers {
		r := a.do(c, "GET", "/pay", headers...)
		expect(t, name, r.status, 503)
		expect(t, name+": try again", r.header.Get("Retry-After"), "5")
		expect(t, name+": cookies", len(r.cookies(a)), 0)
	}
	seen := a.seen("/pay")
	if err := seen[len(seen)-1].err; !errors.Is(err, auth.ErrUserStore) {
		t.Errorf("OnOutcome: %v", err)
	}
	expect(t, "log", log.words(t), "stale-marks")
	expect(t, "other pages", a.who(c), "ann")
	e.set.Fresh(a.now())
	expect(t, "fresh again", a.do(c, "GET", "/pay").status, 200)
}

// TestN28_NeverFresh: an instance that has heard nothing yet is not fresh.
func TestN28_NeverFresh(t *testing.T) {
	a := newApp(t, func(s *setup) { s.store.Marks = marks.New(marks.Policy{}) })
	a.mux.Handle("/pay", a.guard.Check(a.guard.Fresh(1<<62), http.NotFoundHandler()))
	c := a.browser()
	a.login(c, "ann")
	expect(t, "status", a.do(c, "GET", "/pay").status, 503)
}

// judgeOnly is the least that ssestore.Config.Marks can be.
type judgeOnly struct{}

func (judgeOnly) Judge(marks.About) cookie.Reason { return cookie.ReasonNone }

// TestN28_WithoutMarks: a store that can't say how old the news is makes the rule a
// mistake, which is told. Outside of Handler the rule refuses, too.
func TestN28_WithoutMarks(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"no marks": nil,
		"no age":   func(s *setup) { s.store.Marks = judgeOnly{} },
	} {
		log := new(logbook)
		a := newApp(t, func(s *setup) {
			s.guard.Log = log.logger()
			if change != nil {
				change(s)
			}
		})
		rule := a.guard.Fresh(time.Minute)
		a.mux.HandleFunc("/pay", func(w http.ResponseWriter, r *http.Request) {
			_ = rule(r.Context(), nil) // by hand as well: OnMistake is told once
			a.guard.Check(rule, http.NotFoundHandler()).ServeHTTP(w, r)
		})
		a.mux.Handle("/zero", a.guard.Check(new(middleware.Guard[*user]).Fresh(time.Minute), http.NotFoundHandler()))
		c := a.browser()
		a.login(c, "ann")
		expect(t, name, a.do(c, "GET", "/pay").status, 500)
		expect(t, name+", by a zero guard", a.do(c, "GET", "/zero").status, 500)
		if wrong := a.wrong("/pay"); len(wrong) != 1 || !errors.Is(wrong[0].err, middleware.ErrNoMarks) {
			t.Errorf("%s: mistakes %v", name, wrong)
		}
		if seen := a.seen("/pay"); len(seen) != 1 || !errors.Is(seen[0].err, middleware.ErrNoMarks) {
			t.Errorf("%s: outcomes %v", name, seen)
		}
		expect(t, name+": log", log.words(t), "missing-marks")
		if err := rule(context.Background(), new(user)); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("outside of Handler: %v", err)
		}
	}
	if err := new(middleware.Guard[*user]).Fresh(time.Minute)(context.Background(), new(user)); err == nil {
		t.Error("a zero guard lets pass")
	}
	var none *middleware.Guard[*user]
	if err := none.Fresh(time.Minute)(context.Background(), new(user)); err == nil {
		t.Error("a nil guard lets pass")
	}
}

// TestN29_Unverified: nobody can tell whether the session was ended. Every guard answers
// everybody with 503, and the cookie stays. A logout works.
func TestN29_Unverified(t *testing.T) {
	log := new(logbook)
	a, e := markedApp(t, marks.Policy{MaxStale: 10 * time.Second, FailClosed: true}, func(s *setup) {
		s.guard.Log, s.http1 = log.logger(), true
		s.guard.AllowedHosts = []string{"app.example"}
	})
	never := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s was served", r.URL.Path) })
	routes := map[string]http.Handler{
		"/login-required": a.guard.LoginRequired(never),
		"/staff":          a.guard.StaffRequired(never),
		"/check":          a.guard.Check(func(context.Context, *user) error { return nil }, never),
		"/require":        a.guard.Require()(never),
		"/for-user":       a.guard.ForUser(func(_ http.ResponseWriter, r *http.Request, _ *user) { never(nil, r) }),
		"/for-anyone":     a.guard.ForAnyone(func(_ http.ResponseWriter, r *http.Request, _ *user, _ bool) { never(nil, r) }),
		"/sign-in":        a.guard.LoginHandler("/", never),
		"/renew":          a.guard.RenewHandler(),
	}
	for path, h := range routes {
		a.mux.Handle(path, h)
	}
	for path, nginx := range map[string]bool{"/verify": false, "/verify-nginx": true} {
		h, err := a.guard.ForwardAuth(middleware.ForwardConfig[*user]{Nginx: nginx, Renew: "/renew", Headers: map[string]func(*user) string{
			"X-Auth-User": func(u *user) string { return u.ID },
		}})
		if err != nil {
			t.Fatal(err)
		}
		a.mux.Handle(path, h)
		routes[path] = h
	}
	c := a.browser()
	a.login(c, "root")
	a.advance(11 * time.Second)
	for path := range routes {
		for name, headers := range callers {
			headers = append([]string{"X-Forwarded-Method", "GET", "X-Forwarded-Host", "app.example", "X-Forwarded-Uri", "/"}, headers...)
			r := a.do(c, "GET", path, headers...)
			expect(t, path+" to "+name, r.status, 503)
			expect(t, path+" to "+name+": try again", r.header.Get("Retry-After"), "5")
			if lines := r.header["Set-Cookie"]; len(lines) != 0 {
				t.Errorf("%s to %s: %q", path, name, lines)
			}
			expect(t, path+" to "+name+": user", r.header.Get("X-Auth-User"), "")
		}
		if seen := a.seen(path); seen[0].out.Refused != cookie.ReasonUnverified || !errors.Is(seen[0].err, auth.ErrUserStore) {
			t.Errorf("%s: %v", path, seen[0])
		}
	}
	expect(t, "log", log.words(t), "stale-marks")

	// News arrives, and all is as it was.
	e.set.Fresh(a.now())
	expect(t, "user", a.who(c), "root")

	a.advance(11 * time.Second)
	r := a.do(c, "POST", "/logout")
	expect(t, "logout", r.status, 303)
	if cookies := r.cookies(a); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("logout: %v", cookies)
	}
	expect(t, "anonymous", a.who(c), "nobody")
}

// TestN29_Revoked: whose session was ended is asked to log in, and may be told why. A
// page deletes the cookie, what a page loads doesn't, and a gateway never.
func TestN29_Revoked(t *testing.T) {
	a, e := markedApp(t, marks.Policy{}, func(s *setup) {
		s.guard.ReasonField, s.http1 = "why", true
		s.guard.AllowedHosts = []string{"app.example"}
	})
	a.mux.Handle("/members", a.guard.LoginRequired(http.NotFoundHandler()))
	a.mux.HandleFunc("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(middleware.Reason(r).String()))
	})
	h, err := a.guard.ForwardAuth(middleware.ForwardConfig[*user]{Renew: "/renew"})
	if err != nil {
		t.Fatal(err)
	}
	a.mux.Handle("/verify", h)
	for name, want := range map[string]struct {
		status  int
		deleted bool
	}{
		"a page": {302, true}, "a program": {401, true}, "a fetch": {401, false}, "htmx": {401, true}, "Inertia": {409, true},
		"EventSource": {401, true}, "a WebSocket": {401, true},
	} {
		c := a.browser()
		a.login(c, "ann")
		if err := a.accounts.Kick(context.Background(), "ann"); err != nil {
			t.Fatal(err)
		}
		forwarded := append([]string{"X-Forwarded-Method", "GET", "X-Forwarded-Host", "app.example", "X-Forwarded-Uri", "/"}, callers[name]...)
		r := a.do(c, "GET", "/verify", forwarded...)
		if len(r.header["Set-Cookie"]) != 0 || r.status < 300 || r.status >= 500 {
			t.Errorf("%s, gateway: %d %q", name, r.status, r.header["Set-Cookie"])
		}
		expect(t, name+": reason", a.do(c, "GET", "/sign-in", "Sec-Fetch-Dest", "image").body, "revoked")
		r = a.do(c, "GET", "/members", callers[name]...)
		expect(t, name, r.status, want.status)
		expect(t, name+": deleted", len(r.cookies(a)) == 1 && r.cookies(a)[0].MaxAge < 0, want.deleted)
		if to := r.header.Get("Location"); name == "a page" {
			if !strings.Contains(to, "why=revoked") {
				t.Errorf("%s: %q", name, to)
			}
			expect(t, "carried", a.do(a.browser(), "GET", "/sign-in?why=revoked").body, "revoked")
		}
		a.advance(2 * time.Second)
		e.set.Fresh(a.now())
	}
}

// TestN27_Unpublished: the log says that a mark may not have reached the others.
func TestN27_Unpublished(t *testing.T) {
	log := new(logbook)
	a, e := markedApp(t, marks.Policy{}, func(s *setup) { s.guard.Log = slog.New(slog.NewJSONHandler(&log.Buffer, nil)) })
	c := a.browser()
	a.login(c, "ann")
	e.fail = errors.New("engine: ann's secret")
	expect(t, "logout", a.do(c, "POST", "/logout").status, 303)
	if seen := a.seen("/logout"); len(seen) != 1 || !errors.Is(seen[0].out.Unpublished, e.fail) || seen[0].err != nil {
		t.Errorf("OnOutcome: %v", seen)
	}
	expect(t, "log", log.words(t), "unpublished-mark")
	if strings.Contains(log.String(), "secret") {
		t.Error("the error is in the log")
	}
}
