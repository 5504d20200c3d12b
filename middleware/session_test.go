package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// tooManyCookies is one more than net/http reads; it then reads none.
const tooManyCookies = 3001

// TestMatrixOverHTTP is S8.1 to S8.7 through HTTP.
func TestMatrixOverHTTP(t *testing.T) {
	const t0 = 1700000000
	matrix := func(t *testing.T) *app {
		a := newApp(t, func(s *setup) {
			s.clear = true
			s.store.Cookie.Name = "sessionid"
			s.store.PersistentAbsolute = 14 * 24 * time.Hour
		})
		a.clock.Store(t0)
		a.mux.HandleFunc("/do", func(w http.ResponseWriter, r *http.Request) {
			s := middleware.Session(r)
			status := http.StatusOK
			for _, step := range r.URL.Query()["do"] {
				var err error
				switch step {
				case "persist":
					err = s.Remember(true)
				case "write":
					err = note.Set(s, "x")
				case "other":
					err = ssestore.NewKey[int]("other").Set(s, 1)
				case "delete":
					err = note.Delete(s)
				case "read":
					_ = note.Get(s)
				case "clear":
					err = s.Clear()
				case "300s":
					err = s.ExpireAt(s.Now().Add(300 * time.Second))
				case "404", "500", "503":
					status, err = strconv.Atoi(step)
				}
				if err != nil {
					t.Error(step, err)
				}
			}
			w.WriteHeader(status)
			// The values, for the next request to be compared with.
			io.WriteString(w, strings.Join(s.Names(), ","))
		})
		return a
	}
	const gone = "sessionid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax"
	for _, tt := range []struct {
		name   string
		before string // a request before, whose cookie is sent
		do     string
		cookie string // attributes in any order; T is any value; "" for none
		vary   string
		names  string // what the session holds afterwards
	}{
		{"write, persistent", "", "do=persist&do=write", "sessionid=T; Path=/; Expires=Tue, 28 Nov 2023 22:13:20 GMT; Max-Age=1209600; HttpOnly; SameSite=Lax", "Cookie", "note"},
		{"write, browser session", "", "do=write", "sessionid=T; Path=/; HttpOnly; SameSite=Lax", "Cookie", "note"},
		{"write, override 300 s", "", "do=persist&do=300s&do=write", "sessionid=T; Path=/; Expires=Tue, 14 Nov 2023 22:18:20 GMT; Max-Age=300; HttpOnly; SameSite=Lax", "Cookie", "note"},
		{"read only", "do=write", "do=read", "", "Cookie", "note"},
		{"read without a cookie", "", "do=read", "", "Cookie", ""},
		{"equal write", "do=write", "do=write", "", "Cookie", "note"},
		{"clear", "do=write", "do=clear", gone, "Cookie", ""},
		{"clear without a cookie", "", "do=clear", "", "Cookie", ""},
		{"clear and write", "do=write", "do=clear&do=other", "sessionid=T; Path=/; HttpOnly; SameSite=Lax", "Cookie", "other"},
		{"emptied", "do=write", "do=delete", gone, "Cookie", ""},
		{"write and 404", "", "do=write&do=404", "sessionid=T; Path=/; HttpOnly; SameSite=Lax", "Cookie", "note"},
		{"write and 500", "do=write", "do=other&do=500", "", "Cookie", "note"},
		{"write and 503", "do=write", "do=other&do=503", "", "Cookie", "note"},
		{"clear and 500", "do=write", "do=clear&do=500", gone, "Cookie", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := matrix(t)
			c := a.browser()
			if tt.before != "" {
				a.do(c, "GET", "/do?"+tt.before)
			}
			r := a.do(c, "GET", "/do?"+tt.do)
			got := ""
			if list := r.cookies(a); len(list) == 1 {
				got = spelled(list[0].Raw)
			} else if len(list) > 1 {
				t.Errorf("%d Set-Cookie lines", len(list))
			}
			expect(t, "Set-Cookie", got, spelled(tt.cookie))
			expect(t, "Vary", r.header.Get("Vary"), tt.vary)
			expect(t, "names afterwards", a.do(c, "GET", "/do?do=read").body, tt.names)
		})
	}
	t.Run("touch nothing", func(t *testing.T) {
		a := matrix(t)
		c := a.browser()
		a.do(c, "GET", "/do?do=write")
		for _, path := range []string{"/untouched", "/asked"} {
			h := a.do(c, "GET", path).header
			for _, name := range []string{"Set-Cookie", "Vary", "Cache-Control"} {
				expect(t, path+" "+name, h.Get(name), "")
			}
		}
	})
}

// spelled sorts the attributes of a Set-Cookie line and hides the value.
func spelled(line string) string {
	parts := strings.Split(line, "; ")
	if name, value, ok := strings.Cut(parts[0], "="); ok && value != "" {
		parts[0] = name + "=T"
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "; ")
}

// TestS5_5_S5_6_CacheHeaders: what the handler set, and what leaves, for a
// visitor and for a user.
func TestS5_5_S5_6_CacheHeaders(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		set          []string
		anonymous    string
		user         string
	}{
		{"nothing", "Cache-Control", nil, "", "private, no-store"},
		{"public", "Cache-Control", []string{"public, max-age=60"}, "public, max-age=60", "max-age=60, private"},
		{"no-store", "Cache-Control", []string{"no-store"}, "no-store", "no-store, private"},
		{"s-maxage", "Cache-Control", []string{"s-maxage=600, public"}, "s-maxage=600, public", "private"},
		{"private", "Cache-Control", []string{"private"}, "private", "private"},
		{"no Vary", "Vary", nil, "Cookie", "Cookie"},
		{"Vary", "Vary", []string{"Accept-Encoding"}, "Accept-Encoding, Cookie", "Accept-Encoding, Cookie"},
		{"Vary cookie", "Vary", []string{"cookie"}, "cookie", "cookie"},
		{"Vary *", "Vary", []string{"*"}, "*", "*"},
		{"Expires", "Expires", []string{"Fri, 01 Jan 2100 00:00:00 GMT"}, "Fri, 01 Jan 2100 00:00:00 GMT", ""},
		{"CDN", "CDN-Cache-Control", []string{"max-age=600"}, "max-age=600", ""},
		{"Surrogate", "Surrogate-Control", []string{"max-age=600"}, "max-age=600", ""},
		{"nginx", "X-Accel-Expires", []string{"600"}, "600", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, nil)
			a.mux.Handle("/page", a.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
				for _, v := range tt.set {
					w.Header().Add(tt.header, v)
				}
				io.WriteString(w, "page")
			}))
			c := a.browser()
			got := strings.Join(a.do(c, "GET", "/page").header.Values(tt.header), ", ")
			expect(t, "anonymous", got, tt.anonymous)
			a.login(c, "ann")
			got = strings.Join(a.do(c, "GET", "/page").header.Values(tt.header), ", ")
			expect(t, "user", got, tt.user)
		})
	}
}

// TestAdvisory_CachedSetCookie: no path on which the session is read, renewed,
// resealed, refused or ended gives a response that a shared cache may keep with
// a cookie in it, or hand to somebody else (nextjs-auth0 CVE-2025-48947, Flask
// CVE-2023-30861 and CVE-2026-27205, Django CVE-2026-35192).
func TestAdvisory_CachedSetCookie(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(a *app, c *http.Client) // after ann has logged in
		path    string
		method  string
		cookie  bool // a Set-Cookie is expected
	}{
		{"read data", nil, "/public", "GET", false},
		{"read user", nil, "/publicuser", "GET", false},
		{"renew", func(a *app, c *http.Client) { a.advance(20 * time.Minute) }, "/publicuser", "GET", true},
		{"reseal", func(a *app, c *http.Client) {
			ring, err := a.keys.At(a.now()).Rotate()
			if err != nil {
				a.t.Fatal(err)
			}
			a.keys.Set(ring)
			a.advance(2 * time.Second)
		}, "/publicuser", "GET", true},
		{"refuse: password changed", func(a *app, c *http.Client) { a.advance(2 * time.Minute); a.users.setPassword("ann", "new") }, "/publicuser", "GET", true},
		{"refuse: expired", func(a *app, c *http.Client) { a.advance(13 * time.Hour) }, "/public", "GET", true},
		{"refuse: user gone", func(a *app, c *http.Client) { delete(a.users.byID, "ann") }, "/publicuser", "GET", false},
		{"write", nil, "/publicset", "GET", true},
		{"log out", nil, "/publiclogout", "POST", true},
		{"log in", nil, "/publiclogin", "POST", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, nil)
			public := func(f func(r *http.Request) error) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", "public, max-age=600, s-maxage=600")
					w.Header().Set("Expires", "Fri, 01 Jan 2100 00:00:00 GMT")
					if err := f(r); err != nil && !errors.Is(err, auth.ErrNoUser) {
						t.Error(err)
					}
					io.WriteString(w, "page")
				}
			}
			a.mux.Handle("/public", public(func(r *http.Request) error { _ = note.Get(middleware.Session(r)); return nil }))
			a.mux.Handle("/publicset", public(func(r *http.Request) error { return note.Set(middleware.Session(r), "y") }))
			a.mux.Handle("/publicuser", public(func(r *http.Request) error {
				_, err := a.accounts.GetUser(r.Context(), middleware.Session(r))
				return err
			}))
			a.mux.Handle("/publiclogout", public(func(r *http.Request) error { return a.accounts.Logout(r.Context(), middleware.Session(r)) }))
			a.mux.Handle("/publiclogin", public(func(r *http.Request) error {
				u, _ := a.users.find(r.Context(), "bob")
				return a.accounts.Login(r.Context(), middleware.Session(r), u)
			}))
			c := a.browser()
			a.login(c, "ann")
			if tt.prepare != nil {
				tt.prepare(a, c)
			}
			r := a.do(c, tt.method, tt.path, asBrowser...)
			expect(t, "a Set-Cookie", len(r.header["Set-Cookie"]) > 0, tt.cookie)
			expect(t, "Vary", r.header.Get("Vary"), "Cookie")
			expect(t, "Cache-Control", r.header.Get("Cache-Control"), "max-age=600, private")
			expect(t, "Expires", r.header.Get("Expires"), "")
		})
	}
}

// TestC4_OneSetCookie: login, a flash and a due renewal in one response.
func TestC4_OneSetCookie(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/all", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		note.Set(s, "flash")
		u, _ := a.users.find(r.Context(), "ann")
		if err := a.accounts.Login(r.Context(), s, u); err != nil {
			t.Error(err)
		}
		note.Pop(s)
	})
	c := a.browser()
	a.do(c, "GET", "/set?v=x")
	a.advance(20 * time.Minute)
	expect(t, "Set-Cookie lines", len(a.do(c, "GET", "/all").cookies(a)), 1)
}

// TestC9_CookieLines: several Cookie header lines, and the same name twice in
// either order, come to the same decision.
func TestC9_CookieLines(t *testing.T) {
	a := newApp(t, plain)
	value := func(v string) string { return a.do(a.browser(), "GET", "/set?v="+v).cookies(a)[0].Value }
	one, two := value("one"), value("two")
	for _, tt := range []struct {
		name  string
		lines []string
		body  string
	}{
		{"one line", []string{"a=b; session=" + one + "; c=d"}, "one"},
		{"in the second line", []string{"a=b", "session=" + one}, "one"},
		{"twice the same", []string{"session=" + one, "session=" + one}, "one"},
		{"a bad one before", []string{"session=bad", "session=" + one}, "one"},
		{"a bad one behind", []string{"session=" + one + "; session=bad"}, "one"},
		{"two good ones", []string{"session=" + one, "session=" + two}, ""},
		{"two good ones, turned round", []string{"session=" + two + "; session=" + one}, ""},
		{"split at a comma by nobody", []string{"x=1, session=" + one}, ""},
	} {
		var headers []string
		for _, l := range tt.lines {
			headers = append(headers, "Cookie", l)
		}
		r := a.do(&http.Client{}, "GET", "/get", headers...)
		expect(t, tt.name, r.status, 200)
		expect(t, tt.name, r.body, tt.body)
	}
}

// TestC10_MissingCompanion: the second cookie may be missing or rubbish.
func TestC10_MissingCompanion(t *testing.T) {
	a := newApp(t, plain)
	value := a.do(a.browser(), "GET", "/set?v=x").cookies(a)[0].Value
	for _, rest := range []string{"", "; session-ended=", "; session-ended=rubbish.rubbish", "; session-ended=" + strings.Repeat("x", 3000)} {
		r := a.do(&http.Client{}, "GET", "/get", "Cookie", "session="+value+rest)
		expect(t, "status", r.status, 200)
		expect(t, "note", r.body, "x")
	}
	for _, only := range []string{"session-ended=rubbish", "session=", "session", "=", ";;;", "session=\"\""} {
		r := a.do(&http.Client{}, "GET", "/who", "Cookie", only)
		expect(t, only, r.status, 200)
		expect(t, only, r.body, "nobody")
	}
}

// TestC12_ManyCookies: net/http reads no cookie at all when there are more than
// 3,000. That must not look like a logout that nobody explains.
func TestC12_ManyCookies(t *testing.T) {
	a := newApp(t, plain)
	value := a.do(a.browser(), "GET", "/set?v=x").cookies(a)[0].Value
	filler := strings.Repeat("a=b; ", tooManyCookies)
	r := a.do(&http.Client{}, "GET", "/get", "Cookie", filler+"session="+value)
	expect(t, "ours among them", r.body, "x")

	var many strings.Builder
	for i := range tooManyCookies {
		many.WriteString("session=" + strconv.Itoa(i) + "; ")
	}
	r = a.do(&http.Client{}, "GET", "/get", "Cookie", many.String()+"session="+value)
	expect(t, "too many of ours", r.body, "")
	expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
	list := a.seen("/get")
	expect(t, "the reason in the outcome", list[len(list)-1].out.Refused, cookie.ReasonAmbiguous)
}

// TestS8_10_UnsolicitedWrites: which requests may carry a renewal, a reseal and the
// deletion of a dead cookie.
func TestS8_10_UnsolicitedWrites(t *testing.T) {
	rows := []struct {
		name            string
		headers         []string
		renew, deletion bool
	}{
		{"navigation", asBrowser, true, true},
		{"nothing said", nil, true, true},
		{"fetch of this origin", asFetch, true, false},
		{"image", []string{"Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "same-origin"}, false, false},
		{"fetch of a sibling", []string{"Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-site"}, false, false},
		{"prefetch", []string{"Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch"}, false, false},
	}
	for _, tt := range rows {
		a := newApp(t, nil)
		c := a.browser()
		a.login(c, "ann")
		a.advance(20 * time.Minute)
		r := a.do(c, "GET", "/who", tt.headers...)
		expect(t, tt.name+": user", r.body, "ann")
		expect(t, tt.name+": renewed", len(r.cookies(a)) == 1, tt.renew)
		a.advance(2 * time.Minute)
		a.users.setPassword("ann", "changed")
		r = a.do(c, "GET", "/who", tt.headers...)
		expect(t, tt.name+": user after the change", r.body, "nobody")
		expect(t, tt.name+": deleted", len(r.cookies(a)) == 1, tt.deletion)
	}
}

// TestOutcome: what the application learns of a request.
func TestOutcome(t *testing.T) {
	a := newApp(t, nil)
	c := a.browser()
	a.login(c, "ann")
	kid := a.keys.At(a.now()).Primary().ID()
	last := func(path string) ssestore.Outcome {
		list := a.seen(path)
		if len(list) == 0 {
			t.Fatalf("no outcome for %s", path)
		}
		return list[len(list)-1].out
	}
	a.who(c)
	expect(t, "kid", last("/who").KeyID, kid)
	a.advance(20 * time.Minute)
	a.who(c)
	expect(t, "renewed", last("/who").Renewed, true)
	a.advance(2 * time.Minute)
	a.users.setPassword("ann", "changed")
	a.who(c)
	expect(t, "verdict", last("/who").Refused, cookie.ReasonStampMismatch)
	expect(t, "deleted", last("/who").Deleted, true)
	n := len(a.seen("/untouched"))
	a.do(c, "GET", "/untouched")
	expect(t, "outcomes of a request that never used its session", len(a.seen("/untouched")), n)
}
