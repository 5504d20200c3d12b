package fuzz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nlnwa/whatwg-url/url"

	"github.com/hardtack-go/hardtack/auth/next"
)

// The hosts that are allowed, in two forms: as they are passed to Safe, and as a
// browser writes them.
var nextHosts = []string{"shop.example", "localhost:8080", "[::1]:8443"}

// place resolves ref as a browser on page does, and reports whether it succeeds.
func place(page, ref string) (*url.Url, bool) {
	u, err := url.ParseRef(page, ref)
	return u, err == nil && u != nil
}

// FuzzNext: if Safe accepts a target, a browser resolves it to the site itself or to a
// listed host, over an allowed scheme and without user information, on pages of
// several sites and depths. The resolver is a WHATWG URL parser that shares no code
// with ours. What LoginURL writes is plain ASCII, stays on the login page's site, and
// carries a next that Safe accepts when it comes back.
func FuzzNext(f *testing.F) {
	f.Fuzz(func(t *testing.T, to, login, path string) {
		for _, https := range []bool{false, true} {
			if !next.Safe(to, nextHosts, https) {
				continue
			}
			scheme := "http"
			if https {
				scheme = "https"
			}
			for _, page := range []string{
				scheme + "://shop.example/login?next=x", scheme + "://elsewhere.example:8080/a/b/c", scheme + "://[::1]:8443/", scheme + "://192.0.2.1/a",
			} {
				base, _ := place(page, "")
				u, ok := place(page, to)
				if !ok {
					t.Fatalf("%q on %s: accepted, and a browser cannot follow it", to, page)
				}
				if u.Username() != "" || u.Password() != "" {
					t.Fatalf("%q on %s: accepted with user information", to, page)
				}
				if u.Scheme() == base.Scheme() && u.Host() == base.Host() {
					continue
				}
				if u.Scheme() != "https" && (https || u.Scheme() != "http") || !slices.Contains(nextHosts, u.Host()) {
					t.Fatalf("%q on %s (https %v): accepted, and leads to %s", to, page, https, u.Href(false))
				}
			}
		}
		checkLoginURL(t, login, path)
	})
}

// checkLoginURL takes a login page on this site, and a path and query that a
// visitor asked for.
func checkLoginURL(t *testing.T, login, path string) {
	t.Helper()
	const site = "https://shop.example"
	to := next.LoginURL(login, site+path, "next")
	if strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Fatalf("LoginURL(%q, %q) = %q", login, path, to)
	}
	// The comparison needs a login page and a request on this site. They come from
	// the application and the server, not from the client. A login page that ends in
	// a space doesn't count: a browser drops the space, LoginURL writes it, and the
	// middleware refuses the page.
	if strings.HasSuffix(login, " ") || !strings.HasPrefix(path, "/") || !strings.HasPrefix(login, "/") || !next.Safe(login, nil, true) {
		return
	}
	page, ok := place(site, login)
	u, ok2 := place(site, to)
	if !ok || !ok2 || u.Host() != page.Host() || u.Scheme() != "https" || u.Pathname() != page.Pathname() {
		t.Fatalf("LoginURL(%q, %q) = %q leads elsewhere", login, path, to)
	}
	values := u.SearchParams().GetAll("next")
	if own := page.SearchParams().GetAll("next"); len(values) == 0 || len(path) >= 600 && slices.Equal(values, own) {
		if len(path) < 600 {
			t.Fatalf("LoginURL(%q, %q) = %q: next is missing", login, path, to)
		}
		return // too long to carry: the login page's own, if it has any
	}
	if len(values) != 1 || !next.Safe(values[0], nil, true) {
		t.Fatalf("LoginURL(%q, %q) carries next %q, which Safe refuses", login, path, values)
	}
}
