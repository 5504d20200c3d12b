package fiveminutes_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/bench/fiveminutes"
)

const password = "open sesame"

// applications are the three, in the order of the README's table.
var applications = []struct {
	name, file string
	make       func(*fiveminutes.User) (http.Handler, error)
	copyDies   bool // a copied cookie is worth nothing after the logout
}{
	{"Hardtack", "hardtack.go", fiveminutes.Hardtack, false},
	{"scs", "scs.go", fiveminutes.SCS, true},
	{"gorilla/sessions", "gorilla.go", fiveminutes.Gorilla, false},
}

// browser keeps the cookies of one person.
type browser struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]string
	site    string // Sec-Fetch-Site
}

func (b *browser) do(method, path string, form url.Values) *http.Response {
	b.t.Helper()
	r := httptest.NewRequest(method, "https://shop.test"+path, strings.NewReader(form.Encode()))
	r.TLS = new(tls.ConnectionState)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", b.site)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return res
}

func (b *browser) login(next string) *http.Response {
	b.t.Helper()
	return b.do("POST", "/login?next="+url.QueryEscape(next), url.Values{"password": {password}})
}

// in says whether the home page greets.
func (b *browser) in() bool { b.t.Helper(); return b.do("GET", "/", nil).StatusCode == http.StatusOK }

// copied is a thief's browser.
func (b *browser) copied() *browser {
	c := *b
	c.cookies = map[string]string{}
	for name, value := range b.cookies {
		c.cookies[name] = value
	}
	return &c
}

// TestProtections: the three applications do one job equally well.
func TestProtections(t *testing.T) {
	for _, a := range applications {
		// Outside of the bubble below, because a store may start a goroutine.
		ada := fiveminutes.NewUser("ada", password)
		handler, err := a.make(ada)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			fresh := func(t *testing.T) *browser {
				return &browser{t, handler, map[string]string{}, "same-origin"}
			}
			loggedIn := func(t *testing.T) *browser {
				t.Helper()
				b := fresh(t)
				if res := b.login("/"); res.StatusCode != http.StatusSeeOther || !b.in() {
					t.Fatalf("login: %s", res.Status)
				}
				return b
			}
			run := func(name string, f func(t *testing.T)) {
				t.Log(a.name, name)
				f(t)
			}

			run("job", func(t *testing.T) {
				b := fresh(t)
				if res := b.do("GET", "/", nil); res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Header.Get("Location"), "/login?next=") {
					t.Errorf("a stranger: %s to %q", res.Status, res.Header.Get("Location"))
				}
				if res := b.do("POST", "/login", url.Values{"password": {"guess"}}); res.StatusCode != http.StatusUnauthorized || b.in() {
					t.Errorf("a guess: %s", res.Status)
				}
				b = loggedIn(t)
				thief := b.copied()
				if res := b.do("POST", "/logout", nil); res.StatusCode != http.StatusSeeOther || b.in() {
					t.Errorf("logout: %s", res.Status)
				}
				if thief.in() == a.copyDies {
					t.Errorf("a copy of the cookie dies with the logout: %t", !a.copyDies)
				}
			})
			run("cookie", func(t *testing.T) {
				c := fresh(t).login("/").Cookies()[0]
				if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
					t.Errorf("%v", c)
				}
			})
			run("csrf", func(t *testing.T) {
				b := loggedIn(t)
				b.site = "cross-site"
				if res := b.do("POST", "/logout", nil); res.StatusCode != http.StatusForbidden {
					t.Errorf("logout: %s", res.Status)
				}
				if res := b.login("/"); res.StatusCode != http.StatusForbidden {
					t.Errorf("login: %s", res.Status)
				}
			})
			run("fixation", func(t *testing.T) {
				b := fresh(t)
				b.do("GET", "/login", nil)
				attacker := b.copied()
				b.login("/")
				if attacker.in() {
					t.Error("the session from before the login is logged in")
				}
				// Nor that of somebody else who was logged in here.
				attacker = b.copied()
				b.login("/")
				if len(b.cookies) == 0 || fmt.Sprint(b.cookies) == fmt.Sprint(attacker.cookies) {
					t.Error("a login leaves the cookie as it was")
				}
			})
			run("idle", func(t *testing.T) {
				b := loggedIn(t)
				time.Sleep(20 * time.Minute)
				if !b.in() {
					t.Fatal("out after 20 minutes")
				}
				time.Sleep(20 * time.Minute)
				if !b.in() {
					t.Fatal("a visit does not count")
				}
				time.Sleep(31 * time.Minute)
				if b.in() {
					t.Error("in after 31 idle minutes")
				}
			})
			run("absolute", func(t *testing.T) {
				b := loggedIn(t)
				for range 6 * 12 {
					if !b.in() {
						t.Fatal("out before 12 hours")
					}
					time.Sleep(10*time.Minute - time.Second/2)
				}
				time.Sleep(2 * time.Minute)
				if b.in() {
					t.Error("in after 12 hours")
				}
			})
			run("password", func(t *testing.T) {
				b := loggedIn(t)
				ada.SetPassword("changed")
				defer ada.SetPassword(password)
				time.Sleep(2 * time.Minute)
				if b.in() {
					t.Error("in after the password has changed")
				}
			})
			run("cache", func(t *testing.T) {
				if got := loggedIn(t).do("GET", "/", nil).Header.Get("Cache-Control"); got != "private, no-store" {
					t.Errorf("Cache-Control %q", got)
				}
			})
			run("next", func(t *testing.T) {
				for next, want := range map[string]string{"/page?a=1": "/page?a=1", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/"} {
					if got := fresh(t).login(next).Header.Get("Location"); got != want {
						t.Errorf("%s leads to %s", next, got)
					}
				}
			})
		})
	}
}

// rows are the rows of the README's table that count lines, and the words that stand
// for them in the comments.
var rows = []struct{ text, word string }{
	{"`HttpOnly`, `Secure`, `SameSite=Lax`", "cookie"},
	{"forms from other sites are refused (CSRF)", "csrf"},
	{"a session planted before login is worthless", "fixation"},
	{"sessions end after 30 idle minutes", "idle"},
	{"sessions end after 12 hours in any case", "absolute"},
	{"a new password ends all sessions", "password"},
	{"personal pages aren't cached", "cache"},
	{"login returns to the requested page, and to no other site", "next"},
}

// TestTable holds the table in the README to what it says of these files.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	total := "| lines of Go |"
	counts := map[string]string{}
	for _, a := range applications {
		text, err := os.ReadFile(a.file)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		total += fmt.Sprintf(" %d |", lines)
		known := 0
		for _, row := range rows {
			n := len(regexp.MustCompile(`(?m)// for: `+row.word+`$`).FindAllString(string(text), -1))
			known += n
			counts[row.word] += fmt.Sprintf(" %d |", n)
		}
		if n := strings.Count(string(text), "// for: "); n != known {
			t.Errorf("%s: %d comments, %d of them with a row", a.file, n, known)
		}
	}
	copies := "| a logout ends copies of the cookie too |"
	for _, a := range applications {
		word := map[bool]string{true: " yes |", false: " no |"}[a.copyDies]
		if !a.copyDies && a.file == applications[0].file {
			word = " with a fleet |" // which these programs don't have; see docs/FLEET.md
		}
		copies += word
	}
	want := []string{total, copies}
	for _, row := range rows {
		want = append(want, "| "+row.text+" |"+counts[row.word])
	}
	for _, row := range want {
		if !strings.Contains(string(page), "\n"+row+"\n") {
			t.Errorf("the README's table lacks\n%s", row)
		}
	}
}
