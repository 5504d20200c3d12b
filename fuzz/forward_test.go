package fuzz_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/middleware/middlewaretest"
	"github.com/hardtack-go/hardtack/ssestore"
)

type member struct{ id string }

// gateway returns an endpoint for gateways, with the Cookie headers of nobody and of a user,
// and what moves its clock.
func gateway(t testing.TB) (endpoint http.Handler, cookies []http.Header, sleep func(time.Duration)) {
	now := time.Unix(1_800_000_000, 0)
	ada := &member{"ada"}
	store, err := ssestore.New(ssestore.Config{Keys: fixed.Ring(t, 0), Cookie: cookie.Config{}})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*member]{
		UserByID: func(_ context.Context, id string) (*member, error) {
			if id != ada.id {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(m *member) string { return m.id },
		Stamp: func(m *member) string { return "hash" },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{
		LoginURL: "/auth/login", AllowedHosts: []string{"app.example"}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := guard.ForwardAuth(middleware.ForwardConfig[*member]{
		Headers: map[string]func(*member) string{"X-Auth-User": func(m *member) string { return m.id }}, Renew: "/auth/renew",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "https://app.example/", nil)
	middlewaretest.Login(t, guard, r, ada)
	return guard.Handler(h), []http.Header{{}, {"Cookie": r.Header["Cookie"]}}, func(d time.Duration) { now = now.Add(d) }
}

// FuzzForward: whatever a gateway passes on, and whoever makes it up, the endpoint lets
// nobody through but the user, sets no cookie, leads to no other site, and takes a request of
// another site that may change something for what it is.
func FuzzForward(f *testing.F) {
	endpoint, cookies, sleep := gateway(f)
	sleep(20 * time.Minute) // a renewal is due: idle is 30 minutes
	f.Fuzz(func(t *testing.T, method, host, uri, site, origin, mode, accept string) {
		for who, from := range cookies {
			r := httptest.NewRequest("GET", "https://app.example/verify", nil)
			r.Header = from.Clone()
			for name, value := range map[string]string{
				"X-Forwarded-Method": method, "X-Forwarded-Host": host, "X-Forwarded-Uri": uri, "X-Forwarded-Proto": "https",
				"Sec-Fetch-Site": site, "Origin": origin, "Sec-Fetch-Mode": mode, "Accept": accept, "X-Auth-User": "eve",
			} {
				if value != "" {
					r.Header[name] = []string{value}
				}
			}
			w := httptest.NewRecorder()
			endpoint.ServeHTTP(w, r)
			h := w.Result().Header
			if w.Code >= 500 || len(h["Set-Cookie"]) > 0 {
				t.Fatalf("status %d, %v", w.Code, h)
			}
			want := ""
			if w.Code == http.StatusOK {
				want = "ada"
			}
			if who == 0 && w.Code == http.StatusOK || !slices.Equal(h["X-Auth-User"], []string{want}) {
				t.Fatalf("status %d for %q", w.Code, h["X-Auth-User"])
			}
			unsafe := !slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, method) || mode == "websocket"
			if site == "cross-site" && unsafe && w.Code != http.StatusForbidden {
				t.Fatalf("status %d for another site", w.Code)
			}
			for _, name := range []string{"Location", "Hx-Redirect", "X-Inertia-Location"} {
				to := h.Get(name)
				if to == "" {
					continue
				}
				u, ok := place("https://app.example/a/b", to)
				if !ok || u.Host() != "app.example" || u.Scheme() != "https" || u.Username() != "" || strings.ContainsFunc(to, func(c rune) bool { return c <= ' ' || c > '~' }) {
					t.Fatalf("%s: %q", name, to)
				}
			}
		}
	})
}

func forwardSeeds() corpus {
	const page = "text/html,application/xhtml+xml"
	type s struct{ method, host, uri, site, origin, mode, accept string }
	list := []s{
		{"GET", "app.example", "/", "none", "", "navigate", page}, {"GET", "app.example", "/a?b=c&session-renewed=1", "same-origin", "", "navigate", page},
		{"GET", "app.example", "//evil.example/x?session-renewed=1", "none", "", "navigate", page}, {"GET", "app.example", `/\evil.example?session-renewed=1`, "none", "", "navigate", page},
		{"POST", "app.example", "/", "cross-site", "https://evil.example", "navigate", page}, {"POST", "app.example", "/", "same-origin", "https://app.example", "cors", "application/json"},
		{"get", "app.example", "/", "cross-site", "", "navigate", page}, {"", "", "", "", "", "", ""}, {"GET", "evil.example", "/", "none", "", "navigate", page},
		{"GET", "app.example", "https://evil.example/", "none", "", "navigate", page}, {"GET", "app.example", "/a#b?session-renewed=1", "none", "", "navigate", page}, {"GET", "app.example:443", "/", "", "", "", page},
		{"GET", "app.example", "/é\x00\r\nLocation: https://evil.example/", "none", "", "navigate", page}, {"GET", "app.example", "/" + strings.Repeat("a", 600), "none", "", "navigate", page},
		{"GET", "app.example", "/socket", "cross-site", "https://evil.example", "websocket", ""}, {"TRACE", "app.example", "/", "cross-site", "null", "", ""}, {"OPTIONS", "app.example", "/", "cross-site", "https://evil.example", "cors", "*/*"},
		{"GET", "app.example", "/?session-renewed=1", "none", "", "navigate", page}, {"GET", "app.example", "/.//evil.example/?session-renewed=1", "none", "", "navigate", page}, {"GET", "app.example", "/a", "none", "", "navigate", "text/html;q=0, */*"},
	}
	return numbered("request", list, func(x s) []any { return []any{x.method, x.host, x.uri, x.site, x.origin, x.mode, x.accept} })
}
