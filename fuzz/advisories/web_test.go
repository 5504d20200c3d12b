package advisories_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// dependencies are all packages that a package needs.
func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", pkg).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

func TestAdvisory_CVE_2026_73418_BadCookieIs500(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	good := b.cookies[sessionName]
	values := []string{
		"", "x", "null", "undefined", "{}", "%00", "....", strings.Repeat(".", 4000), strings.Repeat("A", 8000), "\"" + good + "\"",
		good + "=", good[:60], good[:61], good[:102], good + good, strings.ToUpper(good), strings.Repeat("=", 500), "\x80\xff",
	}
	for i := 0; i < len(good); i += 7 {
		values = append(values, good[:i], good[:i]+"."+good[i:], good[:i]+"!"+good[i+1:])
	}
	for _, name := range []string{sessionName, barrierName} {
		for _, v := range values {
			res := s.raw("GET /who HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nCookie: " + name + "=" + v + "\r\n\r\n")
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 || string(body) != "nobody" {
				t.Errorf("%s=%.40q gave %d %q", name, v, res.StatusCode, body)
			}
			res.Body.Close()
		}
	}
	// A bad barrier beside a good session logs nobody out.
	same(t, "a bad barrier", s.send("GET", "/who", sessionName+"="+good+"; "+barrierName+"=garbage").body, "ann")
}

func TestAdvisory_GHSA_9h73_HeaderInjection(t *testing.T) {
	for _, evil := range []string{"a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\x00b", "a;b", "a; Domain=evil.example"} {
		for what, c := range map[string]cookie.Config{
			"name":   {Name: evil},
			"path":   {Name: "session", Path: "/" + evil},
			"domain": {Name: "session", Domain: evil + ".example.com"},
		} {
			if _, err := cookie.New(c); err == nil {
				t.Errorf("%s %q is accepted", what, evil)
			}
		}
		k, err := cookie.New(cookie.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if line, err := k.Set(evil, time.Now(), 0); err == nil {
			t.Errorf("the value %q became %q", evil, line)
		}
	}
	s := newSite(t, nil)
	for _, evil := range []string{"/\r\nSet-Cookie: x=1", "/a\nX-Evil: 1", "/%0d%0aSet-Cookie:%20x=1", "/\u2028", "/é"} {
		b := s.browser()
		r := b.do("POST", "/login?id=ann&next="+url.QueryEscape(evil))
		location := r.header.Get("Location")
		if strings.ContainsAny(location, "\r\n") || r.header.Get("X-Evil") != "" || len(r.header["Set-Cookie"]) != len(r.lines(sessionName)) {
			t.Errorf("next %q gave Location %q, %v", evil, location, r.header["Set-Cookie"])
		}
		r = s.send("GET", "/members?"+url.QueryEscape(evil), "")
		if strings.ContainsAny(r.header.Get("Location"), "\r\n") {
			t.Errorf("Location %q", r.header.Get("Location"))
		}
	}
	// A value of the session's own data never reaches a header in clear.
	b := s.browser()
	r := b.do("GET", "/set?v="+url.QueryEscape("a\r\nX-Evil: 1"))
	if r.header.Get("X-Evil") != "" || b.do("GET", "/get").body != "a\r\nX-Evil: 1" {
		t.Error("a value with line breaks")
	}
}

func TestAdvisory_express_openid_connect_v3_CookieLostOnEarlyFlush(t *testing.T) {
	s := newSite(t, nil)
	change := func(r *http.Request) {
		if err := note.Set(middleware.Session(r), "set"); err != nil {
			t.Error(err)
		}
	}
	for name, send := range map[string]func(w http.ResponseWriter){
		"flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
		"write":       func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"copy":        func(w http.ResponseWriter) { io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}) },
		"status":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
		"early hints": func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(http.StatusOK) },
		"nothing":     func(http.ResponseWriter) {},
	} {
		path := "/early/" + strings.ReplaceAll(name, " ", "-")
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			change(r)
			send(w)
			// Too late now, and said so: not a change that vanishes.
			if name != "nothing" {
				if err := note.Set(middleware.Session(r), "late"); err == nil {
					t.Errorf("%s: a change after the first byte was accepted", name)
				}
			}
		})
		b := s.browser()
		b.do("GET", path)
		same(t, name, b.do("GET", "/get").body, "set")
	}
}
