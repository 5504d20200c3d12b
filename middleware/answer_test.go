package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
)

// answerRow is a row of the table "Every answer of the guard" in docs/BEHAVIOUR.md.
type answerRow struct {
	request, who string
	cells        [5]string
}

// answerMethods are the columns of the table.
var answerMethods = [5][]string{{"GET", "HEAD"}, {"POST"}, {"PUT", "PATCH", "DELETE"}, {"OPTIONS"}, {"CONNECT", "PROPFIND"}}

// answerCallers are the ways in which the second column's words ask.
var answerCallers = map[string][][]string{
	"a person":     {asBrowser, asTurbo, nil},
	"htmx":         {asHTMX},
	"Inertia":      {asInertia},
	"a program":    {asFetch, asAPI},
	"anyone":       {asBrowser, asTurbo, nil, asHTMX, asInertia, asFetch, asAPI},
	"anybody else": {asHTMX, asInertia, asFetch, asAPI},
}

// sharedCaches are fields that a shared cache reads instead of Cache-Control.
var sharedCaches = []string{"CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"}

func answerTable(t *testing.T) (rows []answerRow) {
	t.Helper()
	page, err := os.ReadFile("../docs/BEHAVIOUR.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| the request | asked by | GET, HEAD | POST | PUT, PATCH, DELETE | OPTIONS | CONNECT, others |\n|---|---|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("docs/BEHAVIOUR.md has no table of every answer")
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(cells) != 7 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, answerRow{cells[0], cells[1], [5]string(cells[2:])})
	}
	return rows
}

// TestF303_EveryAnswer holds that table: each answer of the guard, for each method.
func TestF303_EveryAnswer(t *testing.T) {
	passed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") })
	type g = *middleware.Guard[*user]
	login := func(g g) http.Handler { return g.LoginRequired(passed) }
	rule := func(err error) func(g g) http.Handler {
		return func(g g) http.Handler {
			return g.Check(func(context.Context, *user) error { return err }, passed)
		}
	}
	requests := map[string][]struct {
		who     string // who is logged in
		setup   func(*setup)
		handler func(g g) http.Handler
		headers []string
		bare    bool // without Handler around it
		down    bool // the user store
	}{
		"nobody is logged in": {{handler: login}, {who: "ann", handler: rule(auth.ErrNoUser)}},
		"nobody, and no login page, or this is it": {
			{handler: login, setup: func(s *setup) { s.guard.LoginURL = "" }},
			{handler: login, setup: func(s *setup) { s.guard.LoginURL = "/x?from=guard" }},
			{handler: login, setup: func(s *setup) { s.guard.LoginURL = "https://testserver:443/x" }},
		},
		"not staff":                              {{who: "ann", handler: func(g g) http.Handler { return g.StaffRequired(passed) }}},
		"a rule refuses":                         {{who: "ann", handler: rule(auth.Forbidden("no"))}},
		"the user store is down":                 {{who: "ann", handler: login, down: true}, {who: "ann", handler: rule(auth.ErrUserStore)}},
		"a rule breaks; or Handler is missing":   {{who: "ann", handler: rule(errors.New("x"))}, {handler: login, bare: true}},
		"a change of the session can't be saved": {{handler: changing(passed), setup: noPrimary(t)}},
		"another site sent it":                   {{handler: func(g) http.Handler { return passed }, headers: []string{"Sec-Fetch-Site", "cross-site"}}},
		"in early data":                          {{handler: func(g) http.Handler { return passed }, headers: []string{"Early-Data", "1"}}},
		"the login page, by a user":              {{who: "ann", handler: func(g g) http.Handler { return g.LoginHandler("/home", passed) }}},
		"the logout handler":                     {{who: "ann", handler: func(g g) http.Handler { return g.LogoutHandler("/home") }}, {handler: func(g g) http.Handler { return g.LogoutHandler("/home") }}},
	}
	seen := map[string]bool{}
	for _, row := range answerTable(t) {
		seen[row.request] = true
		if requests[row.request] == nil || answerCallers[row.who] == nil {
			t.Errorf("no test of %q by %q", row.request, row.who)
		}
		for _, req := range requests[row.request] {
			a := newApp(t, req.setup)
			var h http.Handler = req.handler(a.guard)
			if !req.bare {
				h = a.guard.Handler(h)
			}
			cookies := ""
			if req.who != "" {
				cookies = a.cookieOf(req.who)
			}
			if req.down {
				a.users.fail(errors.New("down"))
			}
			for _, headers := range answerCallers[row.who] {
				for column, methods := range answerMethods {
					for _, method := range methods {
						r := httptest.NewRequest("GET", "/x", nil)
						r.Method, r.Host, r.Header = method, "testserver", head(headers...)
						for k, v := range head(req.headers...) {
							r.Header[k] = v
						}
						r.Header.Set("Referer", "https://testserver/form")
						if cookies != "" {
							r.Header.Set("Cookie", cookies)
						}
						rec := httptest.NewRecorder()
						for _, name := range sharedCaches { // set by middleware further out
							rec.Header().Set(name, "max-age=600")
						}
						h.ServeHTTP(rec, r)
						what := fmt.Sprintf("%s, %s by %s %q", row.request, method, row.who, headers)
						expect(t, what, answerCell(t, what, r, rec), row.cells[column])
					}
				}
			}
		}
	}
	for request := range requests {
		if !seen[request] {
			t.Errorf("the table has no row %q", request)
		}
	}
}

// TestF305_Refuse: the application writes the pages of refusals, each with its reason,
// and can't turn one into something else.
func TestF305_Refuse(t *testing.T) {
	type call struct {
		status int
		form   string
		err    error
	}
	var calls []call
	plainPage := func(w http.ResponseWriter, status int) { fmt.Fprintf(w, "page of %d", status) }
	write := plainPage
	refuse := func(w http.ResponseWriter, r *http.Request, status int, err error) {
		calls = append(calls, call{status, w.Header().Get("Content-Type"), err})
		write(w, status)
	}
	passed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") })
	a := newApp(t, func(s *setup) { s.guard.Refuse = refuse })
	unsealed := newApp(t, func(s *setup) { noPrimary(t)(s); s.guard.Refuse = refuse })
	rule := func(err error) http.Handler {
		return a.guard.Check(func(context.Context, *user) error { return err }, passed)
	}
	broken := errors.New("broken")
	ann := a.cookieOf("ann")
	for _, tt := range []struct {
		name    string
		g       *middleware.Guard[*user]
		h       http.Handler
		method  string
		headers []string
		status  int
		err     error
		header  string // one that the status requires
	}{
		{"a program, not logged in", a.guard, a.guard.LoginRequired(passed), "GET", asAPI, 401, auth.ErrNoUser, "WWW-Authenticate"},
		{"a WebSocket", a.guard, a.guard.LoginRequired(passed), "GET", []string{"Upgrade", "websocket"}, 401, auth.ErrNoUser, "WWW-Authenticate"},
		{"not staff", a.guard, a.guard.StaffRequired(passed), "GET", []string{"Cookie", ann}, 404, auth.ErrNotStaff, ""},
		{"a rule", a.guard, rule(auth.Forbidden("no")), "GET", []string{"Cookie", ann}, 403, auth.Forbidden("no"), ""},
		{"a broken rule", a.guard, rule(broken), "GET", []string{"Cookie", ann}, 500, broken, ""},
		{"the user store", a.guard, rule(auth.ErrUserStore), "GET", []string{"Cookie", ann}, 503, auth.ErrUserStore, "Retry-After"},
		{"GET of the logout", a.guard, a.guard.LogoutHandler("/"), "GET", nil, 405, middleware.ErrMethod, "Allow"},
		{"another site", a.guard, passed, "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403, middleware.ErrCrossOrigin, ""},
		{"early data", a.guard, passed, "POST", []string{"Early-Data", "1"}, 425, middleware.ErrTooEarly, ""},
		{"not saved", unsealed.guard, changing(passed)(unsealed.guard), "POST", nil, 500, cookie.ErrNoPrimary, ""},
	} {
		for what, tricks := range map[string]func(w http.ResponseWriter, status int){
			"writes": plainPage,
			"another status": func(w http.ResponseWriter, status int) {
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusOK)
				fmt.Fprintf(w, "page of %d", status)
			},
			"flushes": func(w http.ResponseWriter, status int) {
				http.NewResponseController(w).Flush()
				fmt.Fprintf(w, "page of %d", status)
			},
			"declines": func(http.ResponseWriter, int) {},
		} {
			calls, write = nil, tricks
			r := httptest.NewRequest("GET", "/x", nil)
			r.Method, r.Header = tt.method, head(tt.headers...)
			rec := httptest.NewRecorder()
			tt.g.Handler(tt.h).ServeHTTP(rec, r)
			what = tt.name + ", " + what
			expect(t, what, rec.Code, tt.status)
			if len(calls) != 1 || calls[0].status != tt.status || !errors.Is(calls[0].err, tt.err) {
				t.Errorf("%s: calls %+v, want one of %v", what, calls, tt.err)
				continue
			}
			form, plain := "text/html; charset=utf-8", "text/plain; charset=utf-8"
			if middleware.CallerOf(r) == "script" {
				form = "application/problem+json"
				plain = form
			}
			expect(t, what+", the form offered", calls[0].form, form)
			res := rec.Result()
			if strings.HasSuffix(what, "declines") {
				expect(t, what+", Content-Type", res.Header.Get("Content-Type"), plain)
				expect(t, what+", our body", strings.Contains(rec.Body.String(), http.StatusText(tt.status)), true)
			} else {
				expect(t, what+", Content-Type", res.Header.Get("Content-Type"), form)
				expect(t, what+", body", rec.Body.String(), fmt.Sprintf("page of %d", tt.status))
			}
			expect(t, what+", no-store", strings.Contains(res.Header.Get("Cache-Control"), "no-store"), true)
			if tt.header != "" && res.Header.Get(tt.header) == "" {
				t.Errorf("%s: no %s", what, tt.header)
			}
		}
	}
	// What leads to another page isn't asked about.
	calls = nil
	for _, headers := range [][]string{asBrowser, asTurbo, asHTMX, asInertia} {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/x", nil)
			r.Header = head(headers...)
			a.guard.Handler(a.guard.LoginRequired(passed)).ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	expect(t, "calls for redirects", len(calls), 0)
}

// TestF312_EarlyData: a request that a proxy took before the TLS handshake was over may
// be a replay. If its method isn't safe it's refused before anything runs; any
// Early-Data counts (RFC 8470 section 5.1).
func TestF312_EarlyData(t *testing.T) {
	a := newApp(t, nil)
	c := a.browser()
	for n, values := range [][]string{{"1"}, {"0"}, {""}, {"1", "1"}} {
		var headers []string
		for _, v := range values {
			headers = append(headers, "Early-Data", v)
		}
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 200, "POST": 425, "PUT": 425, "PATCH": 425, "DELETE": 425, "PROPFIND": 425} {
			r := a.do(c, method, fmt.Sprintf("/set?v=%s%d", method, n), headers...)
			expect(t, fmt.Sprint(method, values), r.status, want)
			expect(t, fmt.Sprint(method, values, " sets a cookie"), len(r.header["Set-Cookie"]) > 0, want == 200)
		}
	}
	expect(t, "login", a.do(c, "POST", "/login?id=ann", "Early-Data", "1").status, 425)
	expect(t, "who", a.who(c), "nobody")
	for _, e := range a.seen("/login") {
		if !errors.Is(e.err, middleware.ErrTooEarly) {
			t.Errorf("told %v", e.err)
		}
	}
	a.login(c, "ann")
}

// changing is a handler that changes its session.
func changing(h http.Handler) func(*middleware.Guard[*user]) http.Handler {
	return func(g *middleware.Guard[*user]) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			note.Set(g.Session(r), "x")
			h.ServeHTTP(w, r)
		})
	}
}

// noPrimary is the setup of an application whose only key isn't active yet: nothing
// can be sealed.
func noPrimary(t *testing.T) func(*setup) {
	t.Helper()
	ring, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return func(s *setup) { s.ring = ring }
}

// cookieOf logs a user in and returns the Cookie header that a browser would send.
func (a *app) cookieOf(id string) string {
	a.t.Helper()
	c := a.browser()
	a.login(c, id)
	req, err := http.NewRequest("GET", a.server.URL, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, cookie := range c.Jar.Cookies(req.URL) {
		req.AddCookie(cookie)
	}
	return req.Header.Get("Cookie")
}

// answerCell writes a response as a cell of the table, and checks what no cell says:
// the page to come back to, the form of the body and the headers that every answer of
// one kind has.
func answerCell(t *testing.T, what string, r *http.Request, rec *httptest.ResponseRecorder) string {
	t.Helper()
	res := rec.Result()
	body := rec.Body.String()
	if body == "passed" {
		return "passes"
	}
	if cc := res.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") || strings.Contains(cc, "public") {
		t.Errorf("%s: Cache-Control %q", what, cc)
	}
	for _, name := range sharedCaches {
		expect(t, what+", "+name, res.Header.Get(name), "")
	}
	cell := fmt.Sprint(res.StatusCode)
	to := ""
	for _, name := range []string{"Location", "HX-Redirect", "X-Inertia-Location", "Allow", "Retry-After"} {
		v := res.Header.Get(name)
		switch {
		case v == "":
			continue
		case name == "Allow", name == "Retry-After":
			cell += " " + name
			continue
		case to != "":
			t.Errorf("%s: two places to go, %s and %s", what, to, v)
		}
		to = v
		switch {
		case v == "/home":
			cell += " next"
		case strings.HasPrefix(v, "/login"):
			cell += " login"
		default:
			t.Errorf("%s: leads to %s", what, v)
		}
		if name != "Location" {
			cell += ", " + name
		}
		if v != "/home" {
			back := map[bool]string{true: "/x", false: "/form"}[r.Method == "GET" || r.Method == "HEAD"]
			if name == "HX-Redirect" {
				expect(t, what+", next", v, "/login") // there was no HX-Current-URL
			} else {
				expect(t, what+", next", v, "/login?next="+back)
			}
		}
	}
	if challenge := res.Header.Get("WWW-Authenticate"); (challenge != "") != (res.StatusCode == 401) {
		t.Errorf("%s: status %d, WWW-Authenticate %q", what, res.StatusCode, challenge)
	}
	if to != "" && res.StatusCode != 401 {
		expect(t, what+", body", body, "")
		return cell
	}
	expect(t, what+", X-Content-Type-Options", res.Header.Get("X-Content-Type-Options"), "nosniff")
	expect(t, what+", Content-Length", res.Header.Get("Content-Length"), fmt.Sprint(len(body)))
	form := `^\d{3} [A-Z][^\n]*\n([^\n]+\n)?$`
	contentType := "text/plain; charset=utf-8"
	if middleware.CallerOf(r) == "script" {
		form = `^\{"title":"[^"]+","status":\d{3}(,"detail":"[^"]+")?\}$`
		contentType = "application/problem+json"
	}
	expect(t, what+", Content-Type", res.Header.Get("Content-Type"), contentType)
	if !regexp.MustCompile(form).MatchString(body) {
		t.Errorf("%s: body %q", what, body)
	}
	return cell
}
