package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// identity is what the gateway's application trusts.
var identity = map[string]func(*user) string{
	"x-auth-user": func(u *user) string { return u.ID },
	"X-Auth-Name": func(u *user) string { return u.Password }, // a free text
}

func banned(context.Context, *user) error { return auth.Forbidden("not you") }

// verifier is an application with the endpoints for a gateway: /verify, /nginx, and
// /staff for staff.
func verifier(t *testing.T, change func(*setup)) *app {
	t.Helper()
	a := newApp(t, func(s *setup) {
		s.guard.LoginURL = "/auth/login"
		s.guard.AllowedHosts = []string{"app.example"}
		if change != nil {
			change(s)
		}
	})
	for path, c := range map[string]middleware.ForwardConfig[*user]{
		"/verify":       {Headers: identity, Renew: "/auth/renew"},
		"/nginx":        {Headers: identity, Renew: "/auth/renew", Nginx: true},
		"/never":        {Headers: identity},
		"/staff":        {Headers: identity, Rule: a.accounts.Staff},
		"/staff-nginx":  {Headers: identity, Rule: a.accounts.Staff, Nginx: true},
		"/banned":       {Headers: identity, Rule: banned},
		"/banned-nginx": {Headers: identity, Rule: banned, Nginx: true},
	} {
		h, err := a.guard.ForwardAuth(c)
		if err != nil {
			t.Fatal(err)
		}
		a.mux.Handle(path, h)
	}
	a.mux.Handle("/auth/renew", a.guard.RenewHandler())
	return a
}

// forwarded is a gateway's question about a request. headers replace its defaults; an
// empty value leaves one out.
func forwarded(method, uri string, headers ...string) []string {
	all := http.Header{
		"X-Forwarded-Method": {method}, "X-Forwarded-Host": {"app.example"}, "X-Forwarded-Uri": {uri}, "X-Forwarded-Proto": {"https"},
		"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"},
	}
	for i := 0; i < len(headers); i += 2 {
		delete(all, headers[i])
	}
	var list []string
	for name, values := range all {
		list = append(list, name, values[0])
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "" {
			list = append(list, headers[i], headers[i+1])
		}
	}
	return list
}

// TestE20_Verify is the table of answers: who asks for what, at an endpoint for gateways
// that follow redirects and at one for nginx.
func TestE20_Verify(t *testing.T) {
	a := verifier(t, nil)
	ann, root, nobody := a.browser(), a.browser(), a.browser()
	a.login(ann, "ann")
	a.login(root, "root")
	page, api := forwarded("GET", "/page?x=1"), forwarded("GET", "/api", "Accept", "application/json", "Sec-Fetch-Mode", "cors")
	form := forwarded("POST", "/form", "Referer", "https://app.example/page")
	const login = "/auth/login?next=/page"
	for _, row := range []struct {
		who      *http.Client
		path     string
		headers  []string
		status   int
		location string
		user     string
	}{
		{ann, "/verify", page, 200, "", "ann"},
		{ann, "/verify", api, 200, "", "ann"},
		{ann, "/verify", form, 200, "", "ann"},
		{ann, "/nginx", page, 200, "", "ann"},
		{nobody, "/verify", page, 302, login + "%3Fx%3D1", ""},
		{nobody, "/verify", api, 401, "", ""},
		{nobody, "/verify", form, 303, login, ""},
		{nobody, "/verify", forwarded("GET", "/page", "X-Inertia", "true"), 409, "", ""},
		{nobody, "/verify", forwarded("GET", "/page", "Hx-Request", "true"), 401, "", ""},
		{nobody, "/nginx", page, 401, login + "%3Fx%3D1", ""},
		{nobody, "/nginx", api, 401, "", ""},
		{nobody, "/nginx", form, 401, login, ""},
		{nobody, "/nginx", forwarded("GET", "/page", "X-Inertia", "true"), 401, "", ""},
		{ann, "/staff", page, 404, "", ""},
		{ann, "/staff-nginx", page, 403, "", ""},
		{root, "/staff", page, 200, "", "root"},
		{root, "/staff-nginx", page, 200, "", "root"},
		{ann, "/banned", page, 403, "", ""},
		{ann, "/banned-nginx", page, 403, "", ""},
		{ann, "/verify", forwarded("GET", "/page", "Early-Data", "1"), 200, "", "ann"},
		{ann, "/verify", forwarded("POST", "/form", "Early-Data", "1"), 425, "", ""},
		{ann, "/nginx", forwarded("POST", "/form", "Early-Data", "1"), 403, "", ""},
	} {
		r := a.do(row.who, "GET", row.path, row.headers...)
		if r.status != row.status || r.header.Get("Location") != row.location {
			t.Errorf("%s %v: %d to %q, want %d to %q", row.path, row.headers, r.status, r.header.Get("Location"), row.status, row.location)
		}
		if r.status == 401 && r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: a 401 without WWW-Authenticate", row.path)
		}
		for name, want := range map[string]string{"X-Auth-User": row.user, "X-Auth-Name": map[bool]string{true: "pw-" + row.user}[row.user != ""]} {
			if got, ok := r.header[name]; !ok || len(got) != 1 || got[0] != want {
				t.Errorf("%s, status %d: %s is %q, want %q", row.path, r.status, name, got, want)
			}
		}
		if r.header["Set-Cookie"] != nil || !strings.Contains(r.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s, status %d: %v", row.path, r.status, r.header)
		}
	}
	a.users.fail(errors.New("down"))
	for _, path := range []string{"/verify", "/nginx"} {
		if r := a.do(ann, "GET", path, page...); r.status != 503 || r.header.Get("Retry-After") == "" || r.header["X-Auth-User"] == nil {
			t.Errorf("%s, user store down: %d %v", path, r.status, r.header)
		}
	}
}

// TestE21_CrossSite: a gateway asks with GET about everything, so the endpoint judges
// the method that the gateway names. One that is missing, doubled or unknown counts as
// POST.
func TestE21_CrossSite(t *testing.T) {
	a := verifier(t, func(s *setup) {
		s.guard.CrossOrigin = http.NewCrossOriginProtection()
		if err := s.guard.CrossOrigin.AddTrustedOrigin("https://friend.example"); err != nil {
			t.Fatal(err)
		}
		s.guard.CrossOrigin.AddInsecureBypassPattern("/open")
	})
	ann := a.browser()
	a.login(ann, "ann")
	for _, row := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"a link from elsewhere", forwarded("GET", "/", "Sec-Fetch-Site", "cross-site"), 200},
		{"HEAD from elsewhere", forwarded("HEAD", "/", "Sec-Fetch-Site", "cross-site"), 200},
		{"OPTIONS from elsewhere", forwarded("OPTIONS", "/", "Sec-Fetch-Site", "cross-site"), 200},
		{"POST from elsewhere", forwarded("POST", "/", "Sec-Fetch-Site", "cross-site"), 403},
		{"PUT from elsewhere", forwarded("PUT", "/", "Sec-Fetch-Site", "cross-site"), 403},
		{"POST from a sibling", forwarded("POST", "/", "Sec-Fetch-Site", "same-site"), 403},
		{"POST from here", forwarded("POST", "/", "Sec-Fetch-Site", "same-origin"), 200},
		{"POST by hand", forwarded("POST", "/", "Sec-Fetch-Site", "none"), 200},
		{"POST of a friend", forwarded("POST", "/", "Sec-Fetch-Site", "cross-site", "Origin", "https://friend.example"), 200},
		{"POST to a path that looks like the bypass", forwarded("POST", "/open", "Sec-Fetch-Site", "cross-site"), 403},
		{"no method", forwarded("", "/", "Sec-Fetch-Site", "cross-site", "X-Forwarded-Method", ""), 403},
		{"no method, from here", forwarded("", "/", "X-Forwarded-Method", ""), 200},
		{"two methods", append(forwarded("GET", "/", "Sec-Fetch-Site", "cross-site"), "X-Forwarded-Method", "GET"), 403},
		{"an unknown method", forwarded("get", "/", "Sec-Fetch-Site", "cross-site"), 403},
		{"an old browser, from here", forwarded("POST", "/", "Sec-Fetch-Site", "", "Origin", "https://app.example"), 200},
		{"an old browser, from elsewhere", forwarded("POST", "/", "Sec-Fetch-Site", "", "Origin", "https://evil.example"), 403},
		{"no host", forwarded("POST", "/", "Sec-Fetch-Site", "", "Origin", "https://app.example", "X-Forwarded-Host", ""), 403},
		{"two hosts", append(forwarded("POST", "/", "Sec-Fetch-Site", "", "Origin", "https://app.example"), "X-Forwarded-Host", "app.example"), 403},
		{"a program", forwarded("POST", "/", "Sec-Fetch-Site", "", "Sec-Fetch-Mode", ""), 200},
		{"a WebSocket of this site", forwarded("GET", "/", "Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-Fetch-Mode", "websocket"), 200},
		{"a WebSocket of a sibling", forwarded("GET", "/", "Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-site"), 403},
		{"one over HTTP/2", forwarded("GET", "/", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-site"), 403},
		{"one of an old browser", forwarded("GET", "/", "Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-Fetch-Mode", "", "Sec-Fetch-Site", "", "Origin", "https://sibling.app.example"), 403},
		{"one of an old browser, from here", forwarded("GET", "/", "Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==", "Sec-Fetch-Mode", "", "Sec-Fetch-Site", "", "Origin", "https://app.example"), 200},
	} {
		for _, path := range []string{"/verify", "/nginx"} {
			r := a.do(ann, "GET", path, row.headers...)
			if r.status != row.status || r.header["X-Auth-User"] == nil || r.header.Get("X-Auth-User") != map[int]string{200: "ann"}[row.status] {
				t.Errorf("%s, %s: %d, user %q", path, row.name, r.status, r.header["X-Auth-User"])
			}
		}
	}
	for _, e := range a.seen("/verify") {
		if e.err != nil && !errors.Is(e.err, middleware.ErrCrossOrigin) {
			t.Errorf("reported %v", e.err)
		}
	}
}

// TestE22_ForgedTarget: somebody who asks the endpoint directly, with headers of their
// own, is sent to no other site.
func TestE22_ForgedTarget(t *testing.T) {
	a := verifier(t, nil)
	ann := a.browser()
	a.login(ann, "ann")
	a.advance(20 * time.Minute) // a renewal is due
	for _, headers := range [][]string{
		forwarded("GET", "/x", "X-Forwarded-Host", "evil.example"),
		forwarded("GET", "/x", "X-Forwarded-Host", "app.example.evil.example"),
		forwarded("GET", "/x", "X-Forwarded-Host", "app.example, evil.example"),
		forwarded("GET", "/x", "X-Forwarded-Host", "APP.example"),
		append(forwarded("GET", "/x"), "X-Forwarded-Host", "evil.example"),
		append(forwarded("GET", "/x"), "X-Forwarded-Uri", "//evil.example"),
		forwarded("GET", "https://evil.example/"),
		forwarded("GET", "evil.example"),
		forwarded("GET", "", "X-Forwarded-Uri", ""),
	} {
		if r := a.do(a.browser(), "GET", "/verify", headers...); r.status != 302 || r.header.Get("Location") != "/auth/login" {
			t.Errorf("%v: %d to %q", headers, r.status, r.header.Get("Location"))
		}
		if r := a.do(ann, "GET", "/verify", headers...); r.status != 200 {
			t.Errorf("%v, to renew: %d to %q", headers, r.status, r.header.Get("Location"))
		}
	}
	for uri, want := range map[string]string{
		"//evil.example/x":             "/%252Fevil.example/x",
		`/\evil.example`:               "/%255Cevil.example",
		"/x?next=//evil":               "/x%3Fnext%3D//evil",
		"/x\x7fy":                      "/x%257Fy",
		"/" + strings.Repeat("p", 999): "/" + strings.Repeat("p", 999),
	} {
		r := a.do(a.browser(), "GET", "/verify", forwarded("GET", uri)...)
		if got := r.header.Get("Location"); got != "/auth/login?next="+want && r.err == nil {
			t.Errorf("%q: %q, want next=%s", uri, got, want)
		}
	}
	// The mark comes off, but only where the rest is a path here.
	fresh := a.browser()
	a.login(fresh, "bob")
	for uri, want := range map[string]string{
		"/x?session-renewed=1":             "/x",
		"/x?a=1&session-renewed=1":         "/x?a=1",
		"//evil.example?session-renewed=1": "",
		`/\evil.example?session-renewed=1`: "",
		"/x?session-renewed=1&a=1":         "",
		"/x?asession-renewed=1":            "",
		"/session-renewed=1":               "",
		"/x?":                              "",
		"/x?a&":                            "",
	} {
		if got := a.do(fresh, "GET", "/verify", forwarded("GET", uri)...).header.Get("Location"); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

// TestE22_NoRenew: without Renew the mark is a parameter like any other.
func TestE22_NoRenew(t *testing.T) {
	a := verifier(t, nil)
	ann := a.browser()
	a.login(ann, "ann")
	expect(t, "status", a.do(ann, "GET", "/never", forwarded("GET", "/x?session-renewed=1")...).status, 200)
}

// TestE23_Renewal: behind a gateway a session lives as long as it is used, and verifying
// never sets a cookie.
func TestE23_Renewal(t *testing.T) {
	for _, path := range []string{"/verify", "/nginx"} {
		a := verifier(t, nil)
		ann := a.browser()
		a.login(ann, "ann")
		detours := 0
		// open follows redirects through the gateway's host, like a browser.
		open := func(uri string) (at string, ok bool) {
			t.Helper()
			for range 5 {
				r := a.do(ann, "GET", path, forwarded("GET", uri)...)
				if r.header["Set-Cookie"] != nil {
					t.Errorf("%s sets %q", path, r.header["Set-Cookie"])
				}
				to := r.header.Get("Location")
				if to == "" {
					return uri, r.status == 200
				}
				if !strings.HasPrefix(to, "/auth/renew?") {
					uri = to
					continue
				}
				detours++
				r = a.do(ann, "GET", to, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site", "Accept", "text/html")
				if r.status != 303 || len(r.cookies(a)) != 1 || r.header.Get("Cache-Control") == "" {
					t.Fatalf("%s: %d %v", to, r.status, r.header)
				}
				uri = r.header.Get("Location")
			}
			t.Fatalf("%s: a redirect loop", path)
			return "", false
		}
		for n := range 12 { // two hours
			uri := fmt.Sprint("/page?n=", n)
			if at, ok := open(uri); !ok || at != uri {
				t.Fatalf("%s, after %d minutes: at %q, let in: %v", path, 10*n, at, ok)
			}
			a.advance(10 * time.Minute)
		}
		expect(t, "detours", detours, 5)
		a.advance(time.Hour)
		if _, ok := open("/page"); ok {
			t.Errorf("%s: it doesn't end at all", path)
		}
		// Without Renew it ends in the middle of its use.
		a.login(ann, "ann")
		last := 0
		for n := range 12 {
			if a.do(ann, "GET", "/never", forwarded("GET", "/")...).status == 200 {
				last = 10 * n
			}
			a.advance(10 * time.Minute)
		}
		expect(t, "minutes without Renew", last, 30)
	}
}

// TestE24_WhenToRenew: only a person who opens a page is sent to renew, not before half
// of the idle time, and never twice in a row.
func TestE24_WhenToRenew(t *testing.T) {
	a := verifier(t, nil)
	ann := a.browser()
	a.login(ann, "ann")
	const renew = "/auth/renew?next=/p%3Fsession-renewed%3D1"
	ask := func(headers ...string) string {
		t.Helper()
		r := a.do(ann, "GET", "/verify", headers...)
		if (r.status == 200) != (r.header.Get("Location") == "") {
			t.Fatalf("%v: %d", headers, r.status)
		}
		return r.header.Get("Location")
	}
	a.advance(15 * time.Minute)
	expect(t, "at half of Idle", ask(forwarded("GET", "/p")...), "")
	a.advance(time.Second)
	expect(t, "a second later", ask(forwarded("GET", "/p")...), renew)
	expect(t, "with a query", ask(forwarded("GET", "/p?a=1")...), "/auth/renew?next=/p%3Fa%3D1%26session-renewed%3D1")
	expect(t, "renewing didn't help", ask(forwarded("GET", "/p?session-renewed=1")...), "")
	expect(t, "POST", ask(forwarded("POST", "/p")...), "")
	expect(t, "HEAD", ask(forwarded("HEAD", "/p")...), "")
	expect(t, "fetch", ask(forwarded("GET", "/p", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")...), "")
	expect(t, "an image", ask(forwarded("GET", "/p", "Sec-Fetch-Mode", "no-cors", "Accept", "image/*")...), "")
	expect(t, "a prefetch", ask(append(forwarded("GET", "/p"), "Sec-Purpose", "prefetch")...), "")
	expect(t, "a frame of a sibling", ask(forwarded("GET", "/p", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-site")...), "")
	expect(t, "a frame of this site", ask(forwarded("GET", "/p", "Sec-Fetch-Dest", "iframe")...), renew)
	expect(t, "htmx", ask(forwarded("GET", "/p", "Hx-Request", "true")...), "")
	expect(t, "an old browser", ask(forwarded("GET", "/p", "Sec-Fetch-Mode", "")...), renew)
	expect(t, "a program", ask(forwarded("GET", "/p", "Sec-Fetch-Mode", "", "Accept", "*/*")...), "")
	expect(t, "a long URL", ask(forwarded("GET", "/"+strings.Repeat("p", 511))...), "/auth/renew?next=/"+strings.Repeat("p", 511)+"%3Fsession-renewed%3D1")
	expect(t, "a longer one", ask(forwarded("GET", "/"+strings.Repeat("p", 512))...), "")

	// The handler itself: methods, strangers, and no way to a foreign site or a loop.
	for _, row := range []struct {
		who          *http.Client
		method, path string
		status       int
		location     string
	}{
		{ann, "POST", "/auth/renew", 405, ""},
		{ann, "HEAD", "/auth/renew?next=/p", 303, "/p"},
		{ann, "GET", "/auth/renew", 303, "/"},
		{ann, "GET", "/auth/renew?next=//evil.example", 303, "/"},
		{ann, "GET", "/auth/renew?next=https://app.example/p", 303, "https://app.example/p"},
		{ann, "GET", "/auth/renew?next=/auth/renew", 303, "/"},
		{a.browser(), "GET", "/auth/renew?next=/p", 302, "/auth/login?next=/auth/renew%3Fnext%3D/p"},
	} {
		r := a.do(row.who, row.method, row.path, "Accept", "text/html")
		if r.status != row.status || r.header.Get("Location") != row.location {
			t.Errorf("%s %s: %d to %q", row.method, row.path, r.status, r.header.Get("Location"))
		}
	}
}

// TestE24_CannotRenew: while no key may seal, everybody who is logged in still gets every
// page. The renewal waits, as it does without a gateway.
func TestE24_CannotRenew(t *testing.T) {
	a := verifier(t, nil)
	ann := a.browser()
	a.login(ann, "ann")
	// The same key, which only opens until the end of time.
	later, err := keyring.Parse(strings.Replace(string(a.keys.At(a.now()).JWKSet()), `,"created"`, `,"active":253402300799000,"created"`, 1))
	if err != nil {
		t.Fatal(err)
	}
	a.keys.Set(later)
	a.advance(20 * time.Minute)
	r := a.do(ann, "GET", "/auth/renew?next=/p%3Fsession-renewed%3D1", forwarded("GET", "")...)
	if r.status != 303 || r.header.Get("Location") != "/p?session-renewed=1" || r.header["Set-Cookie"] != nil {
		t.Errorf("renewing without a primary: %d to %q, sets %q", r.status, r.header.Get("Location"), r.header["Set-Cookie"])
	}
	expect(t, "status", a.do(ann, "GET", "/verify", forwarded("GET", "/p?session-renewed=1")...).status, 200)
}

// TestE24_TooLate: where the session can't be renewed any more, nobody is sent back as if
// it had been.
func TestE24_TooLate(t *testing.T) {
	a := verifier(t, nil)
	renew := a.guard.RenewHandler()
	a.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.guard.User(r); err != nil {
			t.Error(err)
		}
		if _, err := middleware.Commit(w); err != nil {
			t.Error(err)
		}
		renew(w, r)
	})
	ann := a.browser()
	a.login(ann, "ann")
	a.advance(time.Second)
	r := a.do(ann, "GET", "/late?next=/p")
	expect(t, "status", r.status, 500)
	expect(t, "Location", r.header.Get("Location"), "")
}

// TestE24_WhoRenews: a page of another site doesn't keep the session alive by way of
// RenewHandler.
func TestE24_WhoRenews(t *testing.T) {
	a := verifier(t, nil)
	ann := a.browser()
	a.login(ann, "ann")
	a.advance(20 * time.Minute)
	for _, row := range []struct {
		name, mode, dest, site string
		cookies                int
	}{
		{"an image of a sibling", "no-cors", "image", "same-site", 0},
		{"a frame of a sibling", "navigate", "iframe", "same-site", 0},
		{"a page", "navigate", "document", "same-site", 1},
	} {
		r := a.do(ann, "GET", "/auth/renew", "Sec-Fetch-Mode", row.mode, "Sec-Fetch-Dest", row.dest, "Sec-Fetch-Site", row.site, "Accept", "text/html")
		if r.status != 303 || len(r.cookies(a)) != row.cookies {
			t.Errorf("%s: %d, sets %q", row.name, r.status, r.header["Set-Cookie"])
		}
	}
}

// TestE25_NeverACookie: whatever comes in, and whatever there would be to write, the
// endpoint sets no cookie.
func TestE25_NeverACookie(t *testing.T) {
	a := verifier(t, nil)
	login := func(id string) *http.Client {
		c := a.browser()
		a.login(c, id)
		return c
	}
	clients := map[string]*http.Client{"logged out": login("ann"), "password changed": login("bob"), "old key": login("root"), "garbage": a.browser()}
	if r := a.do(clients["logged out"], "POST", "/logout"); r.status != 303 {
		t.Fatal(r.status)
	}
	a.users.setPassword("bob", "another")
	ring, err := keyring.New(append([]keyring.Key{keyring.NewKey()}, a.keys.At(a.now()).Keys()...)...)
	if err != nil {
		t.Fatal(err)
	}
	a.keys.Set(ring)
	for name, c := range clients {
		for _, path := range []string{"/verify", "/nginx"} {
			headers := forwarded("GET", "/")
			if name == "garbage" {
				headers = append(headers, "Cookie", a.store.CookieName()+"=garbage")
			}
			if r := a.do(c, "GET", path, headers...); r.header["Set-Cookie"] != nil || (r.status == 200) != (name == "old key") {
				t.Errorf("%s, %s: %d, sets %q", path, name, r.status, r.header["Set-Cookie"])
			}
		}
	}
}

// plainFormat is that of an earlier system: the value is the user's id.
type plainFormat struct{}

func (plainFormat) Seal(*keyring.Keyring, []byte) (string, error) {
	return "", errors.New("never written")
}

func (plainFormat) Size(plaintext int) int { return plaintext }

func (plainFormat) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	return cookie.Opened{Plaintext: []byte(value), Issued: time.Now().Add(-time.Hour)}, nil
}

// TestE25_Migration: nor does it for a session that would move, from a former place or an
// earlier system, or for one in which somebody looks at the site as another user.
func TestE25_Migration(t *testing.T) {
	before := newApp(t, func(s *setup) { s.store.Cookie.Name = "__Host-before" })
	a := verifier(t, func(s *setup) {
		s.ring = before.keys.At(before.now())
		until := time.Now().AddDate(0, 1, 0)
		s.store.Former = []ssestore.Former{{Cookie: cookie.Config{Name: "__Host-before"}, Until: until}}
		s.store.Legacy = []ssestore.Legacy{{
			Cookie:  cookie.Config{Name: "old"},
			Format:  func(string, string) (cookie.Codec, error) { return plainFormat{}, nil },
			Until:   until,
			Migrate: func(s *ssestore.Session, id []byte) error { return s.Adopt(string(id)) },
		}}
	})
	a.mux.HandleFunc("/as-bob", func(w http.ResponseWriter, r *http.Request) {
		bob, err := a.users.find(r.Context(), "bob")
		if err := errors.Join(err, a.accounts.Impersonate(r.Context(), middleware.Session(r), bob)); err != nil {
			t.Error(err)
		}
	})
	root := a.browser()
	a.login(root, "root")
	a.do(root, "GET", "/as-bob")
	ask := func(c *http.Client, headers ...string) reply {
		t.Helper()
		r := a.do(c, "GET", "/verify", forwarded("GET", "/", headers...)...)
		if r.header["Set-Cookie"] != nil {
			t.Errorf("%v: sets %q", headers, r.header["Set-Cookie"])
		}
		return r
	}
	expect(t, "a former place", ask(a.browser(), "Cookie", before.cookieOf("ann")).header.Get("X-Auth-User"), "ann")
	// A session of an earlier system moves at RenewHandler, with the first page.
	expect(t, "an earlier system", ask(a.browser(), "Cookie", "old=bob", "Sec-Fetch-Mode", "cors").header.Get("X-Auth-User"), "bob")
	to := ask(a.browser(), "Cookie", "old=bob").header.Get("Location")
	expect(t, "where it moves", to, "/auth/renew?next=/%3Fsession-renewed%3D1")
	moved := a.do(a.browser(), "GET", to, append(forwarded("GET", ""), "Cookie", "old=bob")...)
	expect(t, "moved", len(moved.cookies(a)), 1)
	expect(t, "where it couldn't", ask(a.browser(), "Cookie", "old=bob", "X-Forwarded-Uri", "/?session-renewed=1").status, 200)
	expect(t, "nobody of an earlier system", ask(a.browser(), "Cookie", "old=eve").status, 302)
	expect(t, "looking as bob", ask(root).header.Get("X-Auth-User"), "bob")
	a.users.setPassword("root", "another")
	expect(t, "whoever looks has changed", ask(root).status, 302)
}

// TestE26_IdentityValues: a value that would become another on its way is refused, and
// never cut.
func TestE26_IdentityValues(t *testing.T) {
	a := verifier(t, nil)
	for _, row := range []struct {
		value string
		ok    bool
	}{
		{"", true}, {"Zoë O’Hara (staff)", true}, {"a b", true}, {strings.Repeat("x", 256), true},
		{strings.Repeat("x", 257), false}, {"a,b", false}, {" a", false}, {"a ", false}, {"a\tb", false}, {"a\r\nX-Auth-User: root", false}, {"a\x7f", false}, {"a\x00", false}, {"a\u0085", false}, {"a\xff", false},
	} {
		a.users.setPassword("ann", row.value)
		ann := a.browser()
		a.login(ann, "ann")
		r := a.do(ann, "GET", "/verify", forwarded("GET", "/")...)
		if row.ok != (r.status == 200 && r.header.Get("X-Auth-Name") == row.value && r.header.Get("X-Auth-User") == "ann") ||
			!row.ok && (r.status != 500 || r.header.Get("X-Auth-Name")+r.header.Get("X-Auth-User") != "") {
			t.Errorf("%q: %d %q %q", row.value, r.status, r.header["X-Auth-User"], r.header["X-Auth-Name"])
		}
	}
	reported := false
	for _, e := range a.seen("/verify") {
		reported = reported || errors.Is(e.err, middleware.ErrIdentity)
	}
	expect(t, "reported", reported, true)
}

// TestE27_Rotation: two instances in the middle of a rotation don't send a browser back
// and forth.
func TestE27_Rotation(t *testing.T) {
	older, newer := keyring.NewKey(), keyring.NewKey()
	ring := func(keys ...keyring.Key) *keyring.Keyring {
		r, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := verifier(t, func(s *setup) { s.ring = ring(older, newer) }) // has learned the new key
	two := verifier(t, func(s *setup) { s.ring = ring(newer, older) }) // already seals with it
	ann := one.browser()
	one.login(ann, "ann")
	for n := range 40 {
		for _, a := range []*app{one, two} {
			a.advance(4 * time.Minute)
		}
		verify, renew := one, two
		if n%2 == 1 {
			verify, renew = two, one
		}
		uri, hops := "/p", 0
		for ; hops < 5; hops++ {
			r := verify.do(ann, "GET", "/verify", forwarded("GET", uri)...)
			to := r.header.Get("Location")
			if r.status == 200 {
				break
			}
			if strings.HasPrefix(to, "/auth/renew?") {
				uri = renew.do(ann, "GET", to).header.Get("Location")
			} else if uri = to; strings.HasPrefix(to, "/auth/login") {
				t.Fatalf("logged out after %d pages", n)
			}
		}
		if hops > 2 {
			t.Errorf("page %d takes %d redirects", n, hops)
		}
	}
}

// TestE27_OlderInstance: an instance that still seals with the older key renews a session
// under the newer one, so that nobody is logged out even if they meet no other.
func TestE27_OlderInstance(t *testing.T) {
	older, newer := keyring.NewKey(), keyring.NewKey()
	before, err1 := keyring.New(older, newer)
	after, err2 := keyring.New(newer, older)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a := verifier(t, func(s *setup) { s.ring = after })
	ann := a.browser()
	a.login(ann, "ann")
	a.keys.Set(before)
	a.advance(20 * time.Minute)
	if r := a.do(ann, "GET", "/auth/renew", forwarded("GET", "")...); r.status != 303 || len(r.cookies(a)) != 1 {
		t.Errorf("%d, sets %q", r.status, r.header["Set-Cookie"])
	}
}

// TestE28_ForwardConfig: what is wrong with a configuration is said, all at once.
func TestE28_ForwardConfig(t *testing.T) {
	a := newApp(t, nil)
	nameless := newApp(t, func(s *setup) { s.guard.NextField = "-" })
	id := identity["x-auth-user"]
	var none *middleware.Guard[*user]
	for name, row := range map[string]struct {
		guard  *middleware.Guard[*user]
		config middleware.ForwardConfig[*user]
		fields string
	}{
		"nothing":            {a.guard, middleware.ForwardConfig[*user]{}, ""},
		"all of it":          {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"X-Auth-User": id, "remote-user": id}, Renew: "/auth/renew"}, ""},
		"no guard":           {none, middleware.ForwardConfig[*user]{}, "guard"},
		"a zero guard":       {new(middleware.Guard[*user]), middleware.ForwardConfig[*user]{}, "guard"},
		"an underscore":      {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"X_Auth": id, "X-Auth_User": id}}, "Headers Headers"},
		"a header of HTTP":   {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"Location": id}}, "Headers"},
		"a gateway's header": {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"X-Forwarded-User": id}}, "Headers"},
		"no function":        {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"X-Auth": nil}}, "Headers"},
		"twice":              {a.guard, middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{"X-Auth": id, "x-auth": id}}, "Headers"},
		"another site":       {a.guard, middleware.ForwardConfig[*user]{Renew: "//evil.example"}, "Renew"},
		"an absolute URL":    {a.guard, middleware.ForwardConfig[*user]{Renew: "https://evil.example"}, "Renew"},
		"no slash":           {a.guard, middleware.ForwardConfig[*user]{Renew: "renew"}, "Renew"},
		"no next":            {nameless.guard, middleware.ForwardConfig[*user]{Renew: "/renew"}, "Renew"},
	} {
		h, err := row.guard.ForwardAuth(row.config)
		var fields []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				var c *middleware.ConfigError
				if errors.As(e, &c) && c.Package == "middleware" {
					fields = append(fields, c.Field)
				}
			}
		}
		if got := strings.Join(fields, " "); got != row.fields || (h == nil) != (err != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, g := range []*middleware.Guard[*user]{none, new(middleware.Guard[*user])} {
		w := httptest.NewRecorder()
		g.RenewHandler()(w, httptest.NewRequest("GET", "/", nil))
		expect(t, "RenewHandler without a guard", w.Code, 500)
	}
}
