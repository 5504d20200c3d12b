package middleware_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
)

// TestS5_7_LoginRedirect: the redirect table through HTTP.
func TestS5_7_LoginRedirect(t *testing.T) {
	for _, tt := range []struct {
		login, field, path, want string
		strip                    string
	}{
		{"/login", "", "/protected", "/login?next=/protected", ""},
		{"/login", "", "/protected?x=1&y=2", "/login?next=/protected%3Fx%3D1%26y%3D2", ""},
		{"/login/?pretty=1", "", "/rand", "/login/?pretty=1&next=/rand", ""},
		{"/login/?next=/default/", "", "/rand", "/login/?next=/rand", ""},
		{"/login/#frag", "", "/rand", "/login/?next=/rand#frag", ""},
		{"https://www.remote.example.com/login", "", "/rand", "https://www.remote.example.com/login?next=http%3A//testserver/rand", ""},
		{"http://testserver/login", "", "/rand", "http://testserver/login?next=/rand", ""},
		{"/login", "", "/a+b", "/login?next=/a%2Bb", ""},
		{"/login", "goto", "/a", "/login?goto=/a", ""},
		{"/login", "-", "/a", "/login", ""},
		// What the browser asked for, not what a router made of it.
		{"/login", "", "/app/inner", "/login?next=/app/inner", "/app"},
		// A proxy's spelling of the request line, and no path at all.
		{"/login", "", "http://testserver/a?b", "/login?next=/a%3Fb", ""},
		{"/login", "", "*", "", ""},
		{"/login", "", "/caf%C3%A9", "/login?next=/caf%25C3%25A9", ""},
	} {
		a := newApp(t, plain)
		g, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: tt.login, NextField: tt.field})
		if err != nil {
			t.Fatal(err)
		}
		h := g.Handler(http.StripPrefix(tt.strip, g.LoginRequired(http.NotFoundHandler())))
		r := httptest.NewRequest("GET", tt.path, nil)
		r.Host = "testserver"
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		expect(t, tt.login+" from "+tt.path, rec.Header().Get("Location"), tt.want)
	}
	// A Secure cookie: the browser came by https, and comes back by it.
	a := newApp(t, nil)
	g, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: "https://login.example/"})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	g.Handler(g.LoginRequired(http.NotFoundHandler())).ServeHTTP(rec, httptest.NewRequest("GET", "/a", nil))
	expect(t, "from https", rec.Header().Get("Location"), "https://login.example/?next=https%3A//example.com/a")
}

// TestS5_7_DoubleSlash: a path of two slashes is a path of this site
// here and would be a host when it came back.
func TestS5_7_DoubleSlash(t *testing.T) {
	var a *app
	a = newApp(t, func(s *setup) {
		s.clear = true
		// ServeMux would clean the path, so the guard stands in its place.
		s.inside = func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a.guard.LoginRequired(http.NotFoundHandler()).ServeHTTP(w, r)
			})
		}
	})
	_, br := a.raw("//evil.example/x")
	b := block(t, br)
	if !strings.Contains(b, "Location: /login?next=/%252Fevil.example/x\r\n") {
		t.Errorf("got %q", b)
	}
}

// TestS5_8_Back: where the page to come back to is found.
func TestS5_8_Back(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		headers      []string
		want         string
	}{
		{"GET", "GET", nil, "/login?next=/members%3Fx%3D1"},
		{"HEAD", "HEAD", nil, "/login?next=/members%3Fx%3D1"},
		{"GET ignores Referer", "GET", []string{"Referer", "ORIGIN/elsewhere"}, "/login?next=/members%3Fx%3D1"},
		{"POST without Referer", "POST", nil, "/login"},
		{"POST with own Referer", "POST", []string{"Referer", "ORIGIN/form?a=b#frag"}, "/login?next=/form%3Fa%3Db"},
		{"POST with http Referer (TLS ends before us)", "POST", []string{"Referer", "http://HOST/form"}, "/login?next=/form"},
		{"POST with foreign Referer", "POST", []string{"Referer", "https://evil.example/form"}, "/login"},
		{"POST with look-alike Referer", "POST", []string{"Referer", "ORIGIN.evil.example/form"}, "/login"},
		{"POST with user in Referer", "POST", []string{"Referer", "https://x@HOST/form"}, "/login"},
		{"POST with opaque Referer", "POST", []string{"Referer", "https:HOST/form"}, "/login"},
		{"POST with a Referer of another scheme", "POST", []string{"Referer", "ftp://HOST/form"}, "/login"},
		{"POST with two Referers", "POST", []string{"Referer", "ORIGIN/a", "Referer", "ORIGIN/b"}, "/login"},
		{"DELETE with own Referer", "DELETE", []string{"Referer", "ORIGIN/form"}, "/login?next=/form"},
		{"htmx", "GET", append([]string{"HX-Current-URL", "ORIGIN/page?tab=2"}, asHTMX...), "/login?next=/page%3Ftab%3D2"},
		{"htmx POST", "POST", append([]string{"HX-Current-URL", "ORIGIN/page"}, asHTMX...), "/login?next=/page"},
		{"htmx boosts a link", "GET", append([]string{"HX-Current-URL", "ORIGIN/page", "HX-Boosted", "true"}, asHTMX...), "/login?next=/members%3Fx%3D1"},
		{"htmx boosts a form", "POST", append([]string{"HX-Current-URL", "ORIGIN/page", "HX-Boosted", "true"}, asHTMX...), "/login?next=/page"},
		{"Turbo visits", "GET", append([]string{"Referer", "ORIGIN/page"}, asTurbo...), "/login?next=/members%3Fx%3D1"},
		{"Turbo fills a frame", "GET", append([]string{"Turbo-Frame", "cart", "Referer", "ORIGIN/page"}, asTurbo...), "/login?next=/page"},
		{"Turbo fills a frame without Referer", "GET", append([]string{"Turbo-Frame", "cart"}, asTurbo...), "/login?next=/members%3Fx%3D1"},
		{"Turbo submits in a frame", "POST", append([]string{"Turbo-Frame", "cart"}, asTurbo...), "/login"},
		{"Inertia visits", "GET", append([]string{"Referer", "ORIGIN/page"}, asInertia...), "/login?next=/members%3Fx%3D1"},
		{"Inertia deletes", "DELETE", append([]string{"Referer", "ORIGIN/page"}, asInertia...), "/login?next=/page"},
		{"htmx of another site", "GET", append([]string{"HX-Current-URL", "https://evil.example/page"}, asHTMX...), "/login"},
		{"htmx without its page", "GET", asHTMX, "/login"},
		{"htmx with a script", "GET", append([]string{"HX-Current-URL", "javascript:alert(1)"}, asHTMX...), "/login"},
	} {
		a := newApp(t, nil)
		guarded(a)
		var headers []string
		for _, v := range tt.headers {
			v = strings.ReplaceAll(v, "ORIGIN", a.server.URL)
			headers = append(headers, strings.ReplaceAll(v, "HOST", strings.TrimPrefix(a.server.URL, "https://")))
		}
		r := a.do(a.browser(), tt.method, "/members?x=1", headers...)
		got := r.header.Get("Location")
		if r.status != 302 && r.status != 303 {
			got = r.header.Get("HX-Redirect") + r.header.Get("X-Inertia-Location")
		}
		expect(t, tt.name, got, tt.want)
	}
}

// TestS5_9_NoCircle: a login page that is guarded itself is a mistake
// that must not send browsers in circles.
func TestS5_9_NoCircle(t *testing.T) {
	a := newApp(t, func(s *setup) { s.guard.LoginURL = "/members?from=guard" })
	guarded(a)
	expect(t, "status", a.do(a.browser(), "GET", "/members").status, 403)
}

// TestF304_StripPrefix: what the program takes away itself is in the request's target
// still, so BasePath stays empty.
func TestF304_StripPrefix(t *testing.T) {
	a := newApp(t, nil)
	g, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: "/app/login"})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	h := http.StripPrefix("/app", g.Handler(g.LoginRequired(http.NotFoundHandler())))
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/app/members", nil))
	expect(t, "Location", rec.Header().Get("Location"), "/app/login?next=/app/members")
}

// TestF304_BasePath: what a proxy took away from the path stands before the page to
// come back to, and before nothing else. Forwarded headers are not read.
func TestF304_BasePath(t *testing.T) {
	a := newApp(t, nil)
	g, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: "/app/login", BasePath: "/app"})
	if err != nil {
		t.Fatal(err)
	}
	guardedPage := g.LoginRequired(http.NotFoundHandler())
	ann := []string{"Cookie", a.cookieOf("ann")}
	for _, tt := range []struct {
		name, method, target string
		handler              http.Handler
		headers              []string
		want                 string
	}{
		{"a page", "GET", "/members?x=1", guardedPage, nil, "/app/login?next=/app/members%3Fx%3D1"},
		{"the root", "GET", "/", guardedPage, nil, "/app/login?next=/app/"},
		{"two slashes", "GET", "//evil.example/x", guardedPage, nil, "/app/login?next=/app//evil.example/x"},
		{"absolute form", "GET", "http://testserver/members", guardedPage, nil, "/app/login?next=/app/members"},
		{"forwarded headers", "GET", "/members", guardedPage, []string{"X-Forwarded-Prefix", "/evil", "X-Forwarded-Host", "evil.example"}, "/app/login?next=/app/members"},
		{"a form: Referer is the browser's own", "POST", "/members", guardedPage, []string{"Referer", "https://testserver/app/form"}, "/app/login?next=/app/form"},
		{"htmx: so is its page", "GET", "/part", guardedPage, append([]string{"HX-Current-URL", "https://testserver/app/page"}, asHTMX...), "/app/login?next=/app/page"},
		{"the login page is guarded", "GET", "/login", guardedPage, nil, ""},
		{"a page of the same name is not the login page", "GET", "/app/login", guardedPage, nil, "/app/login?next=/app/app/login"},
		{"logout", "POST", "/logout", g.LogoutHandler(""), nil, "/app/"},
		{"logout to a page", "POST", "/logout", g.LogoutHandler("/app/bye"), nil, "/app/bye"},
		{"logout with next", "POST", "/logout?next=/app/members", g.LogoutHandler(""), nil, "/app/members"},
		{"renewal", "GET", "/renew", g.RenewHandler(), ann, "/app/"},
		{"renewal of the page itself", "GET", "/renew?next=/app/renew", g.RenewHandler(), ann, "/app/"},
		{"renewal with next", "GET", "/renew?next=/app/members", g.RenewHandler(), ann, "/app/members"},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		r.Host, r.Header = "testserver", head(tt.headers...)
		rec := httptest.NewRecorder()
		g.Handler(tt.handler).ServeHTTP(rec, r)
		expect(t, tt.name, rec.Header().Get("Location")+rec.Header().Get("HX-Redirect"), tt.want)
	}
	for base, valid := range map[string]bool{
		"": true, "/app": true, "/a/b-c_d.e~f": true, "/@team": true,
		"/": false, "app": false, "/app/": false, "//app": false, "/a//b": false, "/a/../b": false, "/./a": false, "https://x/app": false,
		"/a?b": false, "/a#b": false, "/a b": false, "/é": false, "/a%20b": false, `/a\b`: false, "/a\nb": false,
	} {
		if _, err := middleware.New(a.store, a.accounts, middleware.Config{BasePath: base}); (err == nil) != valid {
			t.Errorf("BasePath %q: %v", base, err)
		}
	}
}

// TestF306_GuardedLoginPage: a login page is seen to be guarded itself if its URL, or
// the Host of a proxy, has the default port. It redirected to itself for ever.
func TestF306_GuardedLoginPage(t *testing.T) {
	for _, tt := range []struct {
		login, host string
		plain       bool
		want        int
	}{
		{"https://good.test:443/login", "good.test", false, 403},
		{"https://good.test/login", "good.test:443", false, 403},
		{"https://GOOD.test/login", "good.test", false, 403},
		{"https://good.test:8443/login", "good.test", false, 302},
		{"https://other.test/login", "good.test", false, 302},
		{"http://good.test:80/login", "good.test", true, 403},
		{"http://good.test/login", "good.test:80", true, 403},
		{"http://good.test:8080/login", "good.test", true, 302},
	} {
		a := newApp(t, func(s *setup) { s.guard.LoginURL, s.clear = tt.login, tt.plain })
		r := httptest.NewRequest("GET", "/login", nil)
		r.Host = tt.host
		rec := httptest.NewRecorder()
		a.guard.Handler(a.guard.LoginRequired(http.NotFoundHandler())).ServeHTTP(rec, r)
		expect(t, tt.login+" at "+tt.host, rec.Code, tt.want)
	}
	// A login page that sends users on sees itself too, without a scheme in the URL.
	a := newApp(t, nil)
	for to, want := range map[string]int{"//good.test:443/login": 418, "//good.test:8443/login": 303} {
		r := httptest.NewRequest("GET", "/login", nil)
		r.Host = "good.test"
		r.Header.Set("Cookie", a.cookieOf("ann"))
		rec := httptest.NewRecorder()
		form := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
		a.guard.Handler(a.guard.LoginHandler(to, form)).ServeHTTP(rec, r)
		expect(t, to, rec.Code, want)
	}
	// The page of a form is this site's, too.
	for referer, want := range map[string]string{
		"https://good.test:443/form": "/login?next=/form", "https://good.test:8443/form": "/login", "http://good.test:443/form": "/login",
	} {
		r := httptest.NewRequest("POST", "/x", nil)
		r.Host = "good.test"
		r.Header.Set("Referer", referer)
		rec := httptest.NewRecorder()
		a.guard.Handler(a.guard.LoginRequired(http.NotFoundHandler())).ServeHTTP(rec, r)
		expect(t, "Referer "+referer, rec.Header().Get("Location"), want)
	}
}

// TestS5_12_Next: which hosts and fields count.
func TestS5_12_Next(t *testing.T) {
	a := newApp(t, nil)
	hosts := []string{"shop.example:8443"}
	g, err := middleware.New(a.store, a.accounts, middleware.Config{NextField: "goto", AllowedHosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	hosts[0] = "evil.example" // the caller's slice stays the caller's
	off, err := middleware.New(a.store, a.accounts, middleware.Config{NextField: "-"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ query, want string }{
		{"", "/f"},
		{"goto=/x", "/x"},
		{"next=/x", "/f"},
		{"goto=https://testserver/x", "https://testserver/x"},
		{"goto=http://testserver/x", "/f"}, // the cookie is Secure, so the browser came by https
		{"goto=https://shop.example:8443/x", "https://shop.example:8443/x"},
		{"goto=https://shop.example/x", "/f"},
		{"goto=https://evil.example/x", "/f"},
		{"goto=/%5Cevil.example", "/f"},
		{"goto=/a%0d%0ab", "/f"},
		{"goto=/first&goto=/second", "/first"},
		{"goto=%zz", "/f"},
		{"=/unnamed", "/f"},
	} {
		r := httptest.NewRequest("GET", "/login?"+tt.query, nil)
		r.Host = "testserver"
		expect(t, tt.query, g.Next(r, "/f"), tt.want)
		expect(t, tt.query+" switched off", off.Next(r, "/f"), "/f")
	}
	// Over TLS the request is https, also where the cookie would allow http. What
	// a forwarded header says is what anybody may have written.
	insecure := newApp(t, plain)
	for _, over := range []*tls.ConnectionState{nil, {}} {
		r := httptest.NewRequest("GET", "/login?next=http://testserver/x", nil)
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Forwarded", "proto=https")
		r.Host, r.TLS = "testserver", over
		want := "http://testserver/x"
		if over != nil {
			want = "/f"
		}
		expect(t, "http target", insecure.guard.Next(r, "/f"), want)
	}
	// A form that cannot be read gives no next, and no panic.
	r := httptest.NewRequest("POST", "/login?goto=/query", strings.NewReader("goto=%zz"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	expect(t, "broken form", g.Next(r, "/f"), "/query")
}
