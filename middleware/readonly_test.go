package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

const theirLogout = "https://old.example/logout?back=/"

// besideOther is an application beside one that goes on to write its own sessions, in the
// cookie "old", whose value is the user's id.
func besideOther(t *testing.T, change func(*setup)) *app {
	t.Helper()
	a := verifier(t, func(s *setup) {
		s.guard.LogoutURL = theirLogout
		s.guard.ClearSiteData = []string{"cache"}
		s.store.Legacy = []ssestore.Legacy{{
			Cookie:   cookie.Config{Name: "old"},
			Format:   func(string, string) (cookie.Codec, error) { return plainFormat{}, nil },
			Until:    time.Now().AddDate(0, 6, 0),
			Migrate:  func(s *ssestore.Session, id []byte) error { return s.Adopt(string(id)) },
			ReadOnly: true,
		}}
		if change != nil {
			change(s)
		}
	})
	a.mux.HandleFunc("/ignored", func(w http.ResponseWriter, r *http.Request) {
		_ = note.Set(middleware.Session(r), "x")
		note.Pop(middleware.Session(r))
		io.WriteString(w, "done")
	})
	a.mux.Handle("/members", a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) { io.WriteString(w, u.ID) }))
	a.mux.Handle("/form", a.guard.LoginHandler("/who", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "form") })))
	return a
}

// TestH16_LogoutHandler leads to the other system, in the form that suits the caller, and
// says nothing that isn't true.
func TestH16_LogoutHandler(t *testing.T) {
	a := besideOther(t, nil)
	ours := a.cookieOf("bob")
	for _, tt := range []struct {
		name, method string
		headers      []string
		status       int
		carries      string
		location     string
	}{
		{"a form", "POST", nil, 303, "Location", theirLogout},
		{"a next, which is for logouts here", "POST", []string{"Content-Type", "application/x-www-form-urlencoded"}, 303, "Location", theirLogout},
		{"htmx", "POST", asHTMX, 200, "HX-Redirect", theirLogout},
		{"Inertia", "POST", []string{"X-Inertia", "true"}, 409, "X-Inertia-Location", theirLogout},
		{"GET", "GET", nil, 405, "Location", ""},
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403, "Location", ""},
	} {
		for _, cookies := range []string{"old=ann", ours + "; old=ann"} {
			r := a.do(a.browser(), tt.method, "/logout?next=/bye", append(tt.headers, "Cookie", cookies)...)
			expect(t, tt.name, r.status, tt.status)
			expect(t, tt.name+": where", r.header.Get(tt.carries), tt.location)
			expect(t, tt.name+": cookies", len(r.header["Set-Cookie"]), 0)
			expect(t, tt.name+": Clear-Site-Data", r.header.Get("Clear-Site-Data"), "")
			if !strings.Contains(r.header.Get("Cache-Control"), "no-store") {
				t.Errorf("%s: Cache-Control %q", tt.name, r.header.Get("Cache-Control"))
			}
		}
	}
	expect(t, "mistakes", len(a.wrong("/logout")), 0)
	// Whose session is ours is logged out here, whatever else the browser has.
	for _, cookies := range []string{ours, ours + "; old=eve; old=mallory"} {
		r := a.do(a.browser(), "POST", "/logout", "Cookie", cookies)
		expect(t, cookies[:10], r.header.Get("Location"), "/who")
		expect(t, "deleted", len(r.cookies(a)), 1)
		expect(t, "old", strings.Contains(strings.Join(r.header["Set-Cookie"], "\n"), "\nold="), false)
	}
	expect(t, "who has nothing", a.do(a.browser(), "POST", "/logout").header.Get("Location"), "/who")

	section, err := a.guard.WithLogin("/staff/login")
	if err != nil {
		t.Fatal(err)
	}
	a.mux.Handle("/staff/logout", section.LogoutHandler("/"))
	expect(t, "a section", a.do(a.browser(), "POST", "/staff/logout", "Cookie", "old=ann").header.Get("Location"), theirLogout)
}

// TestH16_WithoutURL: nobody can be logged out, so the answer isn't that somebody was.
func TestH16_WithoutURL(t *testing.T) {
	log := new(logbook)
	a := besideOther(t, func(s *setup) { s.guard.LogoutURL, s.guard.Log = "", log.logger() })
	r := a.do(a.browser(), "POST", "/logout", "Cookie", "old=ann")
	expect(t, "status", r.status, 500)
	expect(t, "cookies", len(r.header["Set-Cookie"]), 0)
	expect(t, "Clear-Site-Data", r.header.Get("Clear-Site-Data"), "")
	expect(t, "log", log.words(t), "read-only-session")
	if wrong := a.wrong("/logout"); len(wrong) != 1 || !errors.Is(wrong[0].err, ssestore.ErrReadOnly) {
		t.Errorf("mistakes: %v", wrong)
	}
	if seen := a.seen("/logout"); len(seen) != 1 || !errors.Is(seen[0].err, ssestore.ErrReadOnly) {
		t.Errorf("outcomes: %v", seen)
	}
	for _, bad := range []string{"logout", "//old.example/", "javascript:alert(1)", "https://u@old.example/", "/a b"} {
		_, err := middleware.New(a.store, a.accounts, middleware.Config{LogoutURL: bad})
		var fault *middleware.ConfigError
		if !errors.As(err, &fault) || fault.Field != "LogoutURL" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestH17_Handlers that change such a session are told, with what to do about it. Those
// that read it aren't.
func TestH17_Handlers(t *testing.T) {
	log := new(logbook)
	a := besideOther(t, func(s *setup) { s.guard.Log = log.logger() })
	ask := func(method, path string, headers ...string) reply {
		return a.do(a.browser(), method, path, append(headers, "Cookie", "old=ann")...)
	}
	for _, path := range []string{"/get", "/who", "/members", "/asked", "/untouched", "/verify", "/auth/renew"} {
		ask("GET", path)
		expect(t, path+": mistakes", len(a.wrong(path)), 0)
	}
	expect(t, "log of those that read", log.words(t), "")
	expect(t, "Login", ask("POST", "/login?id=bob").status, 403) // with the error, as that handler answers
	expect(t, "Set", ask("GET", "/set?v=x").status, 500)
	expect(t, "ignored", ask("GET", "/ignored").body, "done")
	for _, path := range []string{"/login", "/set", "/ignored"} {
		wrong := a.wrong(path)
		if len(wrong) != 1 || !errors.Is(wrong[0].err, ssestore.ErrReadOnly) {
			t.Errorf("%s: mistakes %v", path, wrong)
		}
	}
	lines := log.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines within a minute", len(lines))
	}
	if cure, _ := lines[0]["cure"].(string); !strings.Contains(cure, "Session.ReadOnly") || !strings.Contains(cure, "LogoutURL") {
		t.Errorf("cure: %s", cure)
	}
	// A login page sends somebody who is logged in there on, and shows itself to others.
	expect(t, "login page", ask("GET", "/form").header.Get("Location"), "/who")
	expect(t, "login page of nobody", a.do(a.browser(), "GET", "/form", "Cookie", "old=eve").body, "form")
	expect(t, "nobody is asked to log in", a.do(a.browser(), "GET", "/members", "Cookie", "old=eve").header.Get("Location"), "/auth/login?next=/members")
}

// TestH11_Responses: requests of every kind, through a real server, leave the browser's
// cookies alone, and caches away from what is somebody's.
func TestH11_Responses(t *testing.T) {
	a := besideOther(t, nil)
	ours := a.cookieOf("bob")
	n := 0
	for name, headers := range callers {
		for _, path := range []string{"/who", "/members", "/get", "/set?v=x", "/ignored", "/login?id=bob", "/logout", "/form", "/verify", "/nginx", "/auth/renew", "/untouched", "/missing"} {
			for _, method := range []string{"GET", "POST"} {
				for _, cookies := range []string{"old=ann", ours + "; old=ann"} {
					r := a.do(a.browser(), method, path, append(headers, "Cookie", cookies)...)
					n++
					if r.header["Set-Cookie"] != nil {
						t.Errorf("%s, %s %s: %q", name, method, path, r.header["Set-Cookie"])
					}
					switch path {
					case "/who", "/members":
						expect(t, path, r.body, "ann")
						expect(t, path+": Vary", r.header.Get("Vary"), "Cookie")
						expect(t, path+": Cache-Control", r.header.Get("Cache-Control"), "private, no-store")
					case "/get":
						expect(t, path+": Vary", r.header.Get("Vary"), "Cookie")
						expect(t, path+": Cache-Control", r.header.Get("Cache-Control"), "private")
					case "/untouched":
						expect(t, path+": Vary", r.header.Get("Vary"), "")
					}
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("%d requests", n)
	}
	for _, e := range a.seen("/who") {
		expect(t, "told", e.out.ReadOnly, true)
		expect(t, "user", e.out.User, true)
	}
	// From another site, an unsafe request is refused as ever.
	expect(t, "cross-site", a.do(a.browser(), "POST", "/set?v=x", "Cookie", "old=ann", "Sec-Fetch-Site", "cross-site").status, 403)
}

// TestH18_Gateway: the gateway knows the other system's users, and sends nobody to renew
// what isn't renewed here.
func TestH18_Gateway(t *testing.T) {
	a := besideOther(t, nil)
	for _, path := range []string{"/verify", "/nginx"} {
		r := a.do(a.browser(), "GET", path, append(forwarded("GET", "/page"), "Cookie", "old=ann")...)
		expect(t, path, r.status, 200)
		expect(t, path+": user", r.header.Get("X-Auth-User"), "ann")
		a.advance(20 * time.Minute) // more than half of the idle time
	}
	r := a.do(a.browser(), "GET", "/verify", append(forwarded("GET", "/page?session-renewed=1"), "Cookie", "old=ann")...)
	expect(t, "the mark goes", r.header.Get("Location"), "/page")
	expect(t, "nobody", a.do(a.browser(), "GET", "/verify", append(forwarded("GET", "/page"), "Cookie", "old=eve")...).status, 302)
	// Who comes to renew all the same goes back at once.
	r = a.do(a.browser(), "GET", "/auth/renew?next="+url.QueryEscape("/page"), "Cookie", "old=ann", "Accept", "text/html")
	expect(t, "renew", r.status, 303)
	expect(t, "renew: where", r.header.Get("Location"), "/page")
	expect(t, "mistakes", len(a.wrong("/auth/renew")), 0)
}

// noAnswer is the codec of an earlier system whose store doesn't answer.
type noAnswer struct{ plainFormat }

func (noAnswer) Open(*keyring.Keyring, string) (cookie.Opened, error) {
	return cookie.Opened{}, errors.Join(cookie.ReasonUnverified.Err(), errors.New("connection refused"))
}

// TestH19_Responses: while an earlier system's store doesn't answer, its visitors see 503
// and nobody else does, and no cookie changes.
func TestH19_Responses(t *testing.T) {
	log := new(logbook)
	a := besideOther(t, func(s *setup) {
		s.guard.Log = log.logger()
		s.store.Legacy[0].ReadOnly = false
		s.store.Legacy[0].Format = func(string, string) (cookie.Codec, error) { return noAnswer{}, nil }
	})
	for name, headers := range callers {
		for _, path := range []string{"/who", "/members", "/verify"} {
			r := a.do(a.browser(), "GET", path, append(headers, "Cookie", "old=ann")...)
			expect(t, name+path, r.status, 503)
			expect(t, name+path+": cookies", len(r.header["Set-Cookie"]), 0)
		}
	}
	expect(t, "log", log.words(t), "stale-marks")
	expect(t, "a page without a user", a.do(a.browser(), "GET", "/get", "Cookie", "old=ann").status, 200)
	expect(t, "nobody's", a.do(a.browser(), "GET", "/who").body, "nobody")
	expect(t, "ours", a.do(a.browser(), "GET", "/who", "Cookie", a.cookieOf("bob")+"; old=ann").body, "bob")
	expect(t, "logout", a.do(a.browser(), "POST", "/logout", "Cookie", "old=ann").status, 303)
	if seen := a.seen("/get"); seen[0].out.NotMigrated == nil {
		t.Error("OnOutcome doesn't say why")
	}
}

// TestH17_LateUse: a session that is used too late is that mistake, whoever writes it.
func TestH17_LateUse(t *testing.T) {
	a := besideOther(t, nil)
	h := a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		_ = note.Set(s, "x")
		io.WriteString(w, "x")
		_ = note.Set(s, "y")
	}))
	r := httptest.NewRequest("GET", "/late", nil)
	r.Header.Set("Cookie", "old=ann")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if wrong := a.wrong("/late"); len(wrong) != 1 || !errors.Is(wrong[0].err, ssestore.ErrCommitted) {
		t.Errorf("mistakes: %v", wrong)
	}
}
