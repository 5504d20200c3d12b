package advisories_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// private reports whether no shared cache may keep the response: RFC 9111 section
// 3 and the fields that speak to CDNs alone.
func private(t *testing.T, what string, r reply) {
	t.Helper()
	cc := strings.ToLower(strings.Join(r.header["Cache-Control"], ","))
	var directives []string
	for d := range strings.SplitSeq(cc, ",") {
		directives = append(directives, strings.TrimSpace(d))
	}
	if !slices.Contains(directives, "private") && !slices.Contains(directives, "no-store") {
		t.Errorf("%s: Cache-Control is %q", what, cc)
	}
	for _, d := range directives {
		if d == "public" || strings.HasPrefix(d, "s-maxage") {
			t.Errorf("%s: Cache-Control is %q", what, cc)
		}
	}
	for _, name := range []string{"Expires", "Cdn-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} {
		if v := r.header.Get(name); v != "" {
			t.Errorf("%s: %s is %q", what, name, v)
		}
	}
}

func varies(t *testing.T, what string, r reply) {
	t.Helper()
	if !strings.Contains(strings.ToLower(strings.Join(r.header["Vary"], ",")), "cookie") {
		t.Errorf("%s: Vary is %q", what, r.header["Vary"])
	}
}

// public adds a page that wants to be cached by everybody.
func (s *site) public(path string, status int, touch func(r *http.Request)) {
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		touch(r)
		w.Header().Set("Cache-Control", "public, max-age=60, s-maxage=600")
		w.Header().Set("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")
		w.Header().Set("CDN-Cache-Control", "max-age=600")
		w.Header().Set("Surrogate-Control", "max-age=600")
		w.Header().Set("X-Accel-Expires", "600")
		w.WriteHeader(status)
	})
}

func TestAdvisory_CVE_2025_48947_CachedSetCookie(t *testing.T) {
	s := newSite(t, nil)
	s.public("/page", 200, func(r *http.Request) { s.accounts.GetUser(r.Context(), middleware.Session(r)) })
	b := s.browser()
	private(t, "login", b.login("ann"))
	private(t, "a change", b.do("GET", "/set?v=1"))
	s.advance(10 * time.Minute)
	r := b.do("GET", "/page")
	if len(r.lines(sessionName)) != 1 || !s.outcome().Renewed {
		t.Fatalf("no renewal: %v", r.header["Set-Cookie"])
	}
	private(t, "renewal of a public page", r)
	s.rotate()
	r = b.do("GET", "/page")
	if len(r.lines(sessionName)) != 1 || !s.outcome().Resealed {
		t.Fatalf("no reseal: %v", r.header["Set-Cookie"])
	}
	private(t, "reseal of a public page", r)
	r = b.do("POST", "/logout")
	if len(r.lines(sessionName)) != 1 {
		t.Fatal("no deletion")
	}
	private(t, "logout", r)
}

func TestAdvisory_CVE_2023_30861_RefreshWithoutVary(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.do("GET", "/set?v=1")
	varies(t, "a read", b.do("GET", "/get"))
	s.advance(10 * time.Minute)
	r := b.do("GET", "/get")
	if len(r.lines(sessionName)) != 1 {
		t.Fatal("no renewal: the test shows nothing")
	}
	varies(t, "a renewal", r)
	private(t, "a renewal", r)
	s.rotate()
	r = b.do("GET", "/get")
	if len(r.lines(sessionName)) != 1 {
		t.Fatal("no reseal: the test shows nothing")
	}
	varies(t, "a reseal", r)
	private(t, "a reseal", r)
	s.advance(24 * time.Hour)
	r = b.do("GET", "/get")
	if len(r.lines(sessionName)) != 1 {
		t.Fatal("an expired session was not deleted: the test shows nothing")
	}
	varies(t, "the deletion of an expired session", r)
	private(t, "the deletion of an expired session", r)
}

func TestAdvisory_CVE_2026_27205_ReadWithoutVary(t *testing.T) {
	s := newSite(t, nil)
	reads := map[string]func(r *http.Request, x *ssestore.Session){
		"get":      func(_ *http.Request, x *ssestore.Session) { note.Get(x) },
		"lookup":   func(_ *http.Request, x *ssestore.Session) { note.Lookup(x) },
		"pop":      func(_ *http.Request, x *ssestore.Session) { ssestore.NewKey[string]("none").Pop(x) },
		"delete":   func(_ *http.Request, x *ssestore.Session) { ssestore.NewKey[string]("none").Delete(x) },
		"set":      func(_ *http.Request, x *ssestore.Session) { note.Set(x, "v") }, // as it is: no change
		"names":    func(_ *http.Request, x *ssestore.Session) { x.Names() },
		"info":     func(_ *http.Request, x *ssestore.Session) { x.Info() },
		"identity": func(_ *http.Request, x *ssestore.Session) { x.Principal().Identity() },
		"user":     func(r *http.Request, x *ssestore.Session) { s.accounts.GetUser(r.Context(), x) },
		"recent":   func(r *http.Request, x *ssestore.Session) { s.accounts.RecentLogin(r.Context(), x, time.Hour) },
	}
	for name, read := range reads {
		s.mux.HandleFunc("/read/"+name, func(_ http.ResponseWriter, r *http.Request) { read(r, middleware.Session(r)) })
	}
	s.mux.HandleFunc("/untouched", func(http.ResponseWriter, *http.Request) {})
	b := s.browser()
	b.do("GET", "/set?v=v")
	for name := range reads {
		varies(t, name, b.do("GET", "/read/"+name))
		varies(t, name+" without a cookie", s.send("GET", "/read/"+name, ""))
	}
	if r := b.do("GET", "/untouched"); r.header.Get("Vary") != "" {
		t.Error("a page that reads nothing varies: then the test above shows nothing")
	}
}

func TestAdvisory_CVE_2026_35192_PersonalPageInASharedCache(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	for name, status := range map[string]int{"ok": 200, "found": 302, "unchanged": 304, "missing": 404, "gone": 410, "broken": 500} {
		s.public("/personal/"+name, status, func(r *http.Request) { s.accounts.GetUser(r.Context(), middleware.Session(r)) })
		r := b.do("GET", "/personal/"+name)
		same(t, name, r.status, status)
		if len(r.lines(sessionName)) != 0 {
			t.Fatalf("%s: a Set-Cookie; this is about pages without one", name)
		}
		private(t, name, r)
		varies(t, name, r)
	}
	s.public("/shared", 200, func(*http.Request) {})
	if r := b.do("GET", "/shared"); r.header.Get("Cache-Control") != "public, max-age=60, s-maxage=600" {
		t.Error("a page without a session is not left alone: then the test above shows nothing")
	}
}
