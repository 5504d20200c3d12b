package advisories_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
)

const identity = "X-Auth-User"

// named is a configuration of ForwardAuth with these headers, each with the user's id.
func named(names ...string) middleware.ForwardConfig[*user] {
	c := middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{}}
	for _, name := range names {
		c.Headers[name] = func(u *user) string { return u.ID }
	}
	return c
}

// gateway returns the endpoint that a gateway in front of shop.example asks.
func (s *site) gateway(c middleware.ForwardConfig[*user]) http.Handler {
	s.t.Helper()
	guard, err1 := middleware.New(s.store, s.accounts, middleware.Config{LoginURL: "/login", AllowedHosts: []string{"shop.example"}, Now: s.now})
	endpoint, err2 := guard.ForwardAuth(c)
	if err := errors.Join(err1, err2); err != nil {
		s.t.Fatal(err)
	}
	return guard.Handler(endpoint)
}

// asks is what the gateway gets for a GET of the browser's. headers are name, value pairs.
func (b *browser) asks(gateway http.Handler, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "https://auth.internal/check", nil)
	for i, pairs := 0, append([]string{
		"Cookie", b.header(), "Accept", "text/html", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document",
		"X-Forwarded-Method", "GET", "X-Forwarded-Host", "shop.example", "X-Forwarded-Uri", "/",
	}, headers...); i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	gateway.ServeHTTP(w, r)
	return w
}

func TestAdvisory_CVE_2025_64484_UnderscoresInIdentityHeaders(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range []string{"X_Auth_User", "X-Auth_User", "X-Auth_user", "Remote_User", "REMOTE_USER", "X-Auth-User_"} {
		if _, err := s.guard.ForwardAuth(named(name)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for _, name := range []string{identity, "Remote-User"} {
		if _, err := s.guard.ForwardAuth(named(name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAdvisory_CVE_2026_33433_HeaderInAnotherSpelling(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	for _, name := range []string{"x-auth-user", "X-AUTH-USER", "x-Auth-uSer"} {
		w := b.asks(s.gateway(named(name)))
		same(t, "status", w.Code, http.StatusOK)
		if got := w.Header()[identity]; len(got) != 1 || got[0] != "ann" {
			t.Errorf("%s: %v", name, w.Header())
		}
		if _, err := s.guard.ForwardAuth(named(name, identity)); err == nil {
			t.Errorf("%s is accepted beside %s", name, identity)
		}
	}
}

// The gateway keeps a client's own header where the answer has none to put in its place.
func TestAdvisory_CVE_2026_30851_AnswerWithoutTheHeader(t *testing.T) {
	s := newSite(t, nil)
	c := named(identity, "X-Auth-Role")
	c.Headers["X-Auth-Role"] = func(u *user) string { return strings.TrimPrefix(u.Hash, "hash-") }
	s.change(func() {
		s.users["eve"] = &user{"eve", "a role, and another"} // no header has room for a comma
		s.users["ned"] = &user{"ned", "hash-"}               // a user without a role
	})
	refuses := c
	refuses.Rule = func(context.Context, *user) error { return auth.Forbidden("not you") }
	for what, row := range map[string]struct {
		login  string
		config middleware.ForwardConfig[*user]
		header []string
		status int
		user   string
	}{
		"a user":      {"ann", c, nil, http.StatusOK, "ann"},
		"no role":     {"ned", c, nil, http.StatusOK, "ned"},
		"nobody":      {"", c, nil, http.StatusFound, ""},
		"no page":     {"", c, []string{"Accept", "application/json", "Sec-Fetch-Mode", "cors"}, http.StatusUnauthorized, ""},
		"forbidden":   {"ann", refuses, nil, http.StatusForbidden, ""},
		"cross-site":  {"ann", c, []string{"X-Forwarded-Method", "POST", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, ""},
		"early data":  {"ann", c, []string{"X-Forwarded-Method", "POST", "Early-Data", "1"}, http.StatusTooEarly, ""},
		"no identity": {"eve", c, nil, http.StatusInternalServerError, ""},
	} {
		b := s.browser()
		if row.login != "" {
			b.login(row.login)
		}
		w := b.asks(s.gateway(row.config), append([]string{identity, "admin", "X-Auth-Role", "admin"}, row.header...)...)
		same(t, what, w.Code, row.status)
		for _, name := range []string{identity, "X-Auth-Role"} {
			if got := w.Header()[name]; len(got) != 1 || row.user == "" && got[0] != "" || strings.Contains(got[0], "admin") {
				t.Errorf("%s: the answer has %s %q", what, name, got)
			}
		}
		same(t, what, w.Header().Get(identity), row.user)
	}
}

func TestAdvisory_CVE_2026_76835_PathThatSkipsTheCheck(t *testing.T) {
	s := newSite(t, nil)
	s.change(func() { s.users["eve"] = &user{"eve", "hash"} })
	c := named(identity)
	c.Rule = func(_ context.Context, u *user) error {
		if u.ID == "eve" {
			return auth.Forbidden("not you")
		}
		return nil
	}
	gateway := s.gateway(c)
	ann, eve := s.browser(), s.browser()
	ann.login("ann")
	eve.login("eve")
	for _, path := range []string{"/", "/login", "/login?next=/", "/ping", "/healthz", "/favicon.ico", "/static/x.css", "/.well-known/x", "//", "*", "", "https://shop.example/login", "/../login", "/a#/login"} {
		for _, header := range [][]string{
			{"X-Forwarded-Uri", path},
			{"X-Forwarded-Uri", path, "X-Original-Url", path, "X-Rewrite-Url", path},
			{"X-Forwarded-Uri", path, "User-Agent", "GoogleHC/1.0"}, // CVE-2026-34457 of the same project
		} {
			if w := s.browser().asks(gateway, header...); w.Code < 300 {
				t.Errorf("nobody, %v: %d", header, w.Code)
			}
			same(t, "eve", eve.asks(gateway, header...).Code, http.StatusForbidden)
			same(t, "ann", ann.asks(gateway, header...).Code, http.StatusOK)
		}
	}
}

func TestAdvisory_CVE_2025_29927_HeaderThatSkipsTheMiddleware(t *testing.T) {
	s := newSite(t, nil)
	for _, header := range [][]string{
		{"X-Middleware-Subrequest", "middleware"},
		{"X-Middleware-Subrequest", strings.Repeat("src/middleware:", 5)},
		{"X-Middleware-Next", "1", "X-Middleware-Rewrite", "/who"},
		{"X-Forwarded-Uri", "/who", "X-Original-Url", "/who", "X-Rewrite-Url", "/who"},
		{"X-Forwarded-Method", "OPTIONS", "X-Http-Method-Override", "OPTIONS"},
		{identity, "ann", "Remote-User", "ann", "Authorization", "Basic YW5uOmFubg=="},
		{"Purpose", "prefetch", "Sec-Purpose", "prefetch"},
		{"Sec-Fetch-Site", "none", "X-Forwarded-For", "127.0.0.1", "X-Real-Ip", "127.0.0.1"},
		{"Upgrade", "websocket", "Connection", "Upgrade"},
		{"Hx-Request", "true"},
	} {
		if r := s.send("GET", "/members", "", header...); r.status < 300 || strings.Contains(r.body, "ann") {
			t.Errorf("%v: %d %s", header, r.status, r.body)
		}
	}
	b := s.browser()
	b.login("ann")
	same(t, "ann", b.do("GET", "/members").body, "ann")
}

func TestAdvisory_CVE_2025_27143_OpenRedirect(t *testing.T) {
	s := newSite(t, nil)
	for _, to := range []string{
		"//malicious-site.com", "/\\malicious-site.com", "\\\\malicious-site.com", "/%09/malicious-site.com", "/\t/malicious-site.com", "/%0a/malicious-site.com",
		"https:malicious-site.com", "https:/malicious-site.com", "https://example.com@malicious-site.com/", "javascript:alert(1)", "///malicious-site.com", " //malicious-site.com",
	} {
		escaped := strings.NewReplacer("%", "%25", " ", "%20", "\t", "%09", "\\", "%5C", "@", "%40").Replace(to)
		r := s.send("POST", "/login?id=ann&next="+escaped, "")
		// What is escaped stays so: a browser takes /%09/ for a folder of this site.
		if got := r.header.Get("Location"); got != "/who" && !strings.HasPrefix(got, "/%") {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	same(t, "an own page", s.send("POST", "/login?id=ann&next=/members%3Fa=1", "").header.Get("Location"), "/members?a=1")
}

func TestAdvisory_CVE_2025_47909_TrustedOriginOverPlainHTTP(t *testing.T) {
	s := newSite(t, nil)
	trusted := http.NewCrossOriginProtection()
	if err := trusted.AddTrustedOrigin("https://admin.example.net"); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(s.store, s.accounts, middleware.Config{CrossOrigin: trusted})
	if err != nil {
		t.Fatal(err)
	}
	h := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for origin, want := range map[string]int{
		"https://admin.example.net":      http.StatusNoContent,
		"http://admin.example.net":       http.StatusForbidden,
		"https://admin.example.net:8443": http.StatusForbidden,
		"https://admin.example.net.evil": http.StatusForbidden,
		"null":                           http.StatusForbidden,
	} {
		for _, site := range []string{"", "cross-site"} {
			r := httptest.NewRequest("POST", "https://example.com/", nil)
			r.Header.Set("Origin", origin)
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			same(t, origin+" "+site, w.Code, want)
		}
	}
}

func TestAdvisory_CVE_2025_58186_AMillionCookies(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	for _, tiny := range []string{"a=;", "a=b; ", "=;", ";", sessionName + "=;", barrierName + "=; ", sessionName + ".0=x;"} {
		line := strings.Repeat(tiny, 1_000_000/len(tiny))
		for _, path := range []string{"/who", "/get"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Cookie", line)
			if n := allocated(func() { s.server.Config.Handler.ServeHTTP(discard{http.Header{}}, r) }); n > 64<<10 {
				t.Errorf("%q: %s allocates %d bytes", tiny, path, n)
			}
		}
	}
	same(t, "behind many", s.send("GET", "/who", strings.Repeat("a=;", 10_000)+b.header()).body, "ann")
}

// discard is a response that nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
