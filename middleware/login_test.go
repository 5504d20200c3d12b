package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestCSRF: unsafe requests of other origins are refused before the handler,
// by net/http's own protection.
func TestCSRF(t *testing.T) {
	trusted := http.NewCrossOriginProtection()
	if err := trusted.AddTrustedOrigin("https://partner.example"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method string
		headers      []string
		protection   *http.CrossOriginProtection
		status       int
	}{
		{"same origin", "POST", []string{"Sec-Fetch-Site", "same-origin"}, nil, 200},
		{"typed by the user", "POST", []string{"Sec-Fetch-Site", "none"}, nil, 200},
		{"not a browser", "POST", nil, nil, 200},
		{"cross-site POST", "POST", []string{"Sec-Fetch-Site", "cross-site"}, nil, 403},
		{"sibling POST", "POST", []string{"Sec-Fetch-Site", "same-site"}, nil, 403},
		{"cross-site DELETE", "DELETE", []string{"Sec-Fetch-Site", "cross-site"}, nil, 403},
		{"old browser, other origin", "POST", []string{"Origin", "https://evil.example"}, nil, 403},
		{"sandboxed frame", "POST", []string{"Origin", "null"}, nil, 403},
		{"cross-site GET changes nothing by itself", "GET", []string{"Sec-Fetch-Site", "cross-site"}, nil, 200},
		{"trusted", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://partner.example"}, trusted, 200},
		{"not trusted", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, trusted, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, func(s *setup) { s.guard.CrossOrigin = tt.protection })
			c := a.browser()
			a.do(c, "GET", "/set?v=before")
			r := a.do(c, tt.method, "/set?v=after", tt.headers...)
			expect(t, "status", r.status, tt.status)
			want := "after"
			if tt.status == 403 {
				want = "before"
				expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
				if tt.protection == nil {
					expect(t, "Cache-Control", r.header.Get("Cache-Control"), "no-store")
				}
			}
			expect(t, "note", a.do(c, "GET", "/get").body, want)
		})
	}
}

// TestCSRF_Logout: nobody logs a visitor out from another site.
func TestCSRF_Logout(t *testing.T) {
	a := newApp(t, nil)
	c := a.browser()
	a.login(c, "ann")
	expect(t, "status", a.do(c, "POST", "/logout", "Sec-Fetch-Site", "cross-site").status, 403)
	expect(t, "who", a.who(c), "ann")
}

func TestS5_10_LogoutHandler(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		form               url.Values
		headers            []string
		status             int
		location           string
	}{
		{"POST", "POST", "/logout", nil, nil, 303, "/who"},
		{"safe next in the query", "POST", "/logout?next=/bye", nil, nil, 303, "/bye"},
		{"unsafe next in the query", "POST", "/logout?next=//evil.example", nil, nil, 303, "/who"},
		{"the form beats the query", "POST", "/logout?next=/query", url.Values{"next": {"/form"}}, nil, 303, "/form"},
		{"an unsafe form is not rescued by the query", "POST", "/logout?next=/query", url.Values{"next": {"https://evil.example"}}, nil, 303, "/who"},
		{"an empty form value too", "POST", "/logout?next=/query", url.Values{"next": {""}}, nil, 303, "/who"},
		{"next with letters beyond ASCII", "POST", "/logout?next=/?q=gr%C3%BCn", nil, nil, 303, "/?q=gr%C3%BCn"},
		{"htmx", "POST", "/logout", nil, asHTMX, 200, "/who"},
		{"htmx, next with letters beyond ASCII", "POST", "/logout?next=/?q=gr%C3%BCn", nil, asHTMX, 200, "/?q=gr%C3%BCn"},
		{"GET", "GET", "/logout", nil, nil, 405, ""},
		{"HEAD", "HEAD", "/logout", nil, nil, 405, ""},
		{"DELETE", "DELETE", "/logout", nil, nil, 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, func(s *setup) { s.guard.ClearSiteData = []string{"cache", "storage"} })
			c := a.browser()
			a.login(c, "ann")
			r := a.post(c, tt.method, tt.path, tt.form, tt.headers...)
			expect(t, "status", r.status, tt.status)
			carries, other := "Location", "HX-Redirect"
			if tt.status == 200 { // htmx
				carries, other = other, carries
			}
			expect(t, carries, r.header.Get(carries), tt.location)
			expect(t, other, r.header.Get(other), "")
			if !strings.Contains(r.header.Get("Cache-Control"), "no-store") {
				t.Errorf("Cache-Control %q", r.header.Get("Cache-Control"))
			}
			if tt.status == 405 {
				expect(t, "Allow", r.header.Get("Allow"), "POST")
				expect(t, "Clear-Site-Data", r.header.Get("Clear-Site-Data"), "")
				expect(t, "who", a.who(c), "ann")
				return
			}
			expect(t, "Clear-Site-Data", r.header.Get("Clear-Site-Data"), `"cache", "storage"`)
			if list := r.cookies(a); len(list) != 1 || list[0].MaxAge >= 0 || list[0].Value != "" {
				t.Errorf("no deletion: %v", r.header["Set-Cookie"])
			}
			expect(t, "who", a.who(c), "nobody")
		})
	}
}

func TestS5_10_LogoutHandlerAnonymous(t *testing.T) {
	a := newApp(t, nil)
	r := a.do(a.browser(), "POST", "/logout")
	expect(t, "status", r.status, 303)
	expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
	expect(t, "Clear-Site-Data", r.header.Get("Clear-Site-Data"), "")
	r = a.do(a.browser(), "POST", "/logout", asHTMX...) // no cookie is deleted, which would make it private
	expect(t, "Cache-Control for htmx", r.header.Get("Cache-Control"), "no-store")
}

// TestS5_10_LogoutHandlerDefault: without a page of its own it leads to the root.
func TestS5_10_LogoutHandlerDefault(t *testing.T) {
	a := newApp(t, nil)
	rec := httptest.NewRecorder()
	a.guard.Handler(a.guard.LogoutHandler("")).ServeHTTP(rec, httptest.NewRequest("POST", "/logout", nil))
	expect(t, "Location", rec.Header().Get("Location"), "/")
}

// TestS5_11_LoginHandler: who is logged in already is sent on at GET, and never in
// circles; a POST always reaches the form.
func TestS5_11_LoginHandler(t *testing.T) {
	for _, tt := range []struct {
		name, who, method, path, to string
		status                      int
		location                    string
	}{
		{"anonymous", "", "GET", "/form", "/who", 200, ""},
		{"logged in", "ann", "GET", "/form", "/who", 303, "/who"},
		{"HEAD", "ann", "HEAD", "/form", "/who", 303, "/who"},
		{"next", "ann", "GET", "/form?next=/page%3Fx%3D1", "/who", 303, "/page?x=1"},
		{"unsafe next", "ann", "GET", "/form?next=https://evil.example", "/who", 303, "/who"},
		{"POST authenticates", "ann", "POST", "/form?next=/page", "/who", 200, ""},
		{"next that no URL parser reads", "ann", "GET", "/form?next=/%25zz", "/who", 303, "/who"},
		{"next is the form", "ann", "GET", "/form?next=/form", "/who", 303, "/who"},
		{"next is the form, disguised", "ann", "GET", "/form?next=/x/../form/%3Fnext%3D/form", "/who", 303, "/who"},
		{"next is the form, relative", "ann", "GET", "/form?next=form", "/who", 303, "/who"},
		{"next is the form, only a query", "ann", "GET", "/form?next=%3Fa", "/who", 303, "/who"},
		{"next is the form, absolute", "ann", "GET", "/form?next=ORIGIN/form", "/who", 303, "/who"},
		{"the same path elsewhere", "ann", "GET", "/form?next=https://other.example/form", "/who", 303, "https://other.example/form"},
		{"both are the form", "ann", "GET", "/form?next=/form", "/form", 200, ""},
		{"nowhere to go", "ann", "GET", "/form", "", 200, ""},
	} {
		a := newApp(t, func(s *setup) { s.guard.AllowedHosts = []string{"other.example"} })
		a.mux.Handle("/form", a.guard.LoginHandler(tt.to, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "form") })))
		c := a.browser()
		if tt.who != "" {
			a.login(c, tt.who)
		}
		r := a.do(c, tt.method, strings.ReplaceAll(tt.path, "ORIGIN", url.QueryEscape(a.server.URL)))
		expect(t, tt.name, r.status, tt.status)
		expect(t, tt.name+" Location", r.header.Get("Location"), tt.location)
		expect(t, tt.name+" form shown", r.body == "form", tt.status == 200)
	}
}
