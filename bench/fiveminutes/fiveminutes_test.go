package fiveminutes_test

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/bench/fiveminutes"
)

const password = "sesame"

// applications are the five, in the order of the README's table.
var applications = []struct {
	name  string
	files []string // the first is counted, and of the others what is there for a protection
	open  func(*testing.T) *site
	// What follows from the design, and is tried or said in words.
	copyDies bool   // a copied cookie is worth nothing after the logout
	copies   string // what the table says about it
	share    string // what several servers must share
	csrf     string // what the table adds to the lines
}{
	{name: "Hardtack", files: []string{"hardtack.go"}, open: goSite(fiveminutes.Hardtack),
		copies: "with a fleet", share: "the keys"}, // a fleet, which this program doesn't have: docs/FLEET.md
	{name: "scs", files: []string{"scs.go"}, open: goSite(fiveminutes.SCS),
		copyDies: true, copies: "yes", share: "a store, such as Redis"},
	{name: "gorilla/sessions", files: []string{"gorilla.go"}, open: goSite(fiveminutes.Gorilla),
		copies: "no", share: "the keys"},
	{name: "Auth.js", files: []string{"authjs.mjs"}, open: authJSSite,
		copies: "no", share: "the secret", csrf: ", for its own forms"},
	{name: "Django", files: []string{"djangoapp.py", "templates/home.html", "templates/registration/login.html"}, open: djangoSite,
		copyDies: true, copies: "yes", share: "the database"},
}

// A site is an application that runs, with the user ada.
type site struct {
	handler     http.Handler
	cookie      string // the name of the session's cookie
	login       string // the page with the form to log in
	next        string // its parameter for the page to come back to
	logout      string // the page with the form to log out
	sleep       func(time.Duration)
	setPassword func(string)
	now         func() time.Time
}

// goSite opens one that is written in Go, in a bubble whose clock its tests move.
func goSite(application func(*fiveminutes.User) (http.Handler, error)) func(t *testing.T) *site {
	return func(t *testing.T) *site {
		ada := fiveminutes.NewUser("ada", password)
		handler, err := application(ada)
		if err != nil {
			t.Fatal(err)
		}
		return &site{handler: handler, login: "/login", next: "next", logout: "/",
			sleep: time.Sleep, setPassword: ada.SetPassword, now: time.Now}
	}
}

func authJSSite(t *testing.T) *site {
	node := program(t, "node", "nodejs")
	if _, err := os.Stat("node_modules"); err != nil {
		missing(t, "node_modules is missing: run npm ci --ignore-scripts in bench/fiveminutes")
	}
	s := child(t, exec.Command(node, "serve.mjs", password))
	s.cookie, s.login, s.next, s.logout = "__Secure-authjs.session-token", "/auth/signin", "callbackUrl", "/auth/signout"
	return s
}

func djangoSite(t *testing.T) *site {
	// Not the first python3 of the PATH: Debian's Django is there for Debian's Python.
	python := program(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import django").Run(); err != nil {
		missing(t, "Django isn't installed: it is in Debian's python3-django")
	}
	cmd := exec.Command(python, "serve.py", password)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "SECRET_KEY="+rand.Text(), "DATABASE="+filepath.Join(t.TempDir(), "db"))
	s := child(t, cmd)
	s.cookie, s.login, s.next, s.logout = "sessionid", "/login", "next", "/"
	return s
}

// program finds one of these.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, names[0]+" isn't installed")
	return ""
}

// missing skips the test, or fails it where everything has been installed on purpose.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("HARDTACK_CI") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// child starts a program that prints its port, and takes orders from its input.
func child(t *testing.T, cmd *exec.Cmd) *site {
	t.Helper()
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	log := new(strings.Builder)
	cmd.Stderr = log
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("%v\n%s", err, log)
		}
	})
	lines := bufio.NewScanner(out)
	answer := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the program has ended")
		}
		return lines.Text()
	}
	order := func(words ...any) {
		t.Helper()
		if _, err := fmt.Fprintln(in, words...); err != nil || answer() != "done" {
			t.Fatalf("%v: %v", words, err)
		}
	}
	target, err := url.Parse("http://127.0.0.1:" + answer())
	if err != nil {
		t.Fatal(err)
	}
	var moved time.Duration
	return &site{
		handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		}},
		sleep: func(d time.Duration) {
			t.Helper()
			d = d.Truncate(time.Second)
			moved += d
			order("sleep", int(d.Seconds()))
		},
		setPassword: func(p string) { t.Helper(); order("password", p) },
		now:         func() time.Time { return time.Now().Add(moved) },
	}
}

// browser keeps the cookies of one person.
type browser struct {
	t       *testing.T
	site    *site
	cookies map[string]string
	from    string // Sec-Fetch-Site
}

// response is one whose body has been read.
type response struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, form url.Values) response {
	b.t.Helper()
	r := httptest.NewRequest(method, "https://shop.test"+path, strings.NewReader(form.Encode()))
	r.TLS = new(tls.ConnectionState)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://shop.test")
		r.Header.Set("Referer", "https://shop.test/")
		if b.from == "cross-site" {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Referer", "https://evil.example/")
		}
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", b.from)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.site.handler.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 || !c.Expires.IsZero() && !c.Expires.After(b.site.now()) {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return response{res, w.Body.String()}
}

var (
	formTag   = regexp.MustCompile(`(?s)<form(.*?)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	attribute = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
)

// attributes are those of a tag.
func attributes(tag string) map[string]string {
	found := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		found[m[1]] = html.UnescapeString(m[2])
	}
	return found
}

// form reads the form of a page: where it leads, and its hidden fields.
func (b *browser) form(page string) (string, url.Values) {
	b.t.Helper()
	m := formTag.FindStringSubmatch(b.do("GET", page, nil).body)
	if m == nil {
		return "", nil
	}
	at, err1 := url.Parse(page)
	action, err2 := at.Parse(attributes(m[1])["action"])
	if err := errors.Join(err1, err2); err != nil {
		b.t.Fatal(err)
	}
	fields := url.Values{}
	for _, tag := range inputTag.FindAllString(m[2], -1) {
		if a := attributes(tag); a["type"] == "hidden" {
			fields.Set(a["name"], a["value"])
		}
	}
	return action.RequestURI(), fields
}

// submit sends the form of a page with these fields filled in. A page of another site sends
// the same, but for the hidden fields: those it can't read.
func (b *browser) submit(page string, filled url.Values) response {
	b.t.Helper()
	reader := *b
	reader.from = "same-origin"
	action, fields := reader.form(page)
	if action == "" {
		b.t.Fatalf("%s has no form", page)
	}
	if b.from == "cross-site" {
		fields = url.Values{}
	}
	for name, values := range filled {
		fields[name] = values
	}
	return b.do("POST", action, fields)
}

func (b *browser) login(password, next string) response {
	b.t.Helper()
	return b.submit(b.site.login+"?"+url.Values{b.site.next: {next}}.Encode(), url.Values{"username": {"ada"}, "password": {password}})
}

func (b *browser) logout() response { b.t.Helper(); return b.submit(b.site.logout, nil) }

// in says whether the home page greets.
func (b *browser) in() bool {
	b.t.Helper()
	res := b.do("GET", "/", nil)
	return res.StatusCode == http.StatusOK && strings.Contains(res.body, "Hello, ada!")
}

// copied is a thief's browser.
func (b *browser) copied() *browser {
	c := *b
	c.cookies = maps.Clone(b.cookies)
	return &c
}

// leads is where a browser on the site goes from here.
func leads(t *testing.T, res response) *url.URL {
	t.Helper()
	// A browser reads a backslash as a slash.
	to, err := url.Parse(strings.ReplaceAll(res.Header.Get("Location"), `\`, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "https", Host: "shop.test", Path: "/"}).ResolveReference(to)
}

// TestProtections: the applications do one job equally well.
func TestProtections(t *testing.T) {
	for _, a := range applications {
		t.Run(a.name, func(t *testing.T) {
			s := a.open(t) // outside of the bubble below, because a store may start a goroutine
			if strings.HasSuffix(a.files[0], ".go") {
				synctest.Test(t, func(t *testing.T) { protections(t, s, a.copyDies) })
			} else {
				protections(t, s, a.copyDies)
			}
		})
	}
}

func protections(t *testing.T, s *site, copyDies bool) {
	fresh := func(t *testing.T) *browser {
		return &browser{t, s, map[string]string{}, "same-origin"}
	}
	loggedIn := func(t *testing.T) *browser {
		t.Helper()
		b := fresh(t)
		if res := b.login(password, "/"); !b.in() {
			t.Fatalf("login: %s", res.Status)
		}
		return b
	}
	run := func(name string, f func(t *testing.T)) {
		t.Log(name)
		f(t)
	}

	run("job", func(t *testing.T) {
		b := fresh(t)
		if res := b.do("GET", "/", nil); res.StatusCode != http.StatusFound || leads(t, res).Path != s.login || leads(t, res).Query().Get(s.next) != "/" {
			t.Errorf("a stranger: %s to %q", res.Status, res.Header.Get("Location"))
		}
		if res := b.login("guess", "/"); b.in() {
			t.Errorf("a guess: %s", res.Status)
		}
		b = loggedIn(t)
		thief := b.copied()
		if res := b.logout(); b.in() {
			t.Errorf("logout: %s", res.Status)
		}
		if thief.in() == copyDies {
			t.Errorf("a copy of the cookie dies with the logout: %t", !copyDies)
		}
	})
	run("cookie", func(t *testing.T) {
		cookies := fresh(t).login(password, "/").Cookies()
		i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return s.cookie == "" || c.Name == s.cookie })
		if i < 0 {
			t.Fatalf("the session isn't among %v", cookies)
		}
		if c := cookies[i]; !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("%v", c)
		}
	})
	run("csrf", func(t *testing.T) {
		b := loggedIn(t)
		b.from = "cross-site"
		if res := b.logout(); !b.in() {
			t.Errorf("logout: %s", res.Status)
		}
		b = fresh(t)
		b.from = "cross-site"
		if res := b.login(password, "/"); b.in() {
			t.Errorf("login: %s", res.Status)
		}
	})
	run("fixation", func(t *testing.T) {
		b := fresh(t)
		b.do("GET", s.login, nil)
		attacker := b.copied()
		b.login(password, "/")
		if attacker.in() {
			t.Error("the session from before the login is logged in")
		}
		// Nor that of somebody else who was logged in here.
		attacker = b.copied()
		b.login(password, "/")
		if len(b.cookies) == 0 || fmt.Sprint(b.cookies) == fmt.Sprint(attacker.cookies) {
			t.Error("a login leaves the cookie as it was")
		}
	})
	run("idle", func(t *testing.T) {
		b := loggedIn(t)
		s.sleep(20 * time.Minute)
		if !b.in() {
			t.Fatal("out after 20 minutes")
		}
		s.sleep(20 * time.Minute)
		if !b.in() {
			t.Fatal("a visit does not count")
		}
		s.sleep(31 * time.Minute)
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
			s.sleep(10*time.Minute - time.Second)
		}
		s.sleep(3 * time.Minute)
		if b.in() {
			t.Error("in after 12 hours")
		}
	})
	run("password", func(t *testing.T) {
		b := loggedIn(t)
		s.setPassword("changed")
		defer s.setPassword(password)
		s.sleep(2 * time.Minute)
		if b.in() {
			t.Error("in after the password has changed")
		}
	})
	run("cache", func(t *testing.T) {
		got := loggedIn(t).do("GET", "/", nil).Header.Get("Cache-Control")
		if !strings.Contains(got, "private") || !strings.Contains(got, "no-store") {
			t.Errorf("Cache-Control %q", got)
		}
	})
	run("next", func(t *testing.T) {
		if got := leads(t, fresh(t).login(password, "/page?a=1")).String(); got != "https://shop.test/page?a=1" {
			t.Errorf("login leads to %s", got)
		}
		for _, next := range []string{"//evil.example", "https://evil.example/", `/\evil.example`} {
			b := fresh(t)
			if got := leads(t, b.login(password, next)); got.Scheme != "https" || got.Host != "shop.test" || !b.in() {
				t.Errorf("%s leads to %s", next, got)
			}
		}
	})
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

// comment matches the end of a line that is there for protections.
var comment = regexp.MustCompile(`(?://|#|\{#) for: ([a-z, ]+?)(?: #\})?$`)

// TestTable holds the table in the README to what it says of these files.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, row := range rows {
		words[row.word] = true
	}
	total := "| lines of code |"
	copies := "| a logout ends copies of the cookie too |"
	share := "| several servers must share |"
	counts := map[string]string{}
	for _, a := range applications {
		lines, by := 0, map[string]int{}
		for i, file := range a.files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				m := comment.FindStringSubmatch(line)
				if m == nil && strings.Contains(line, "for: ") {
					t.Errorf("%s: %s", file, line)
				}
				if line != "" && !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "#") && (i == 0 || m != nil) {
					lines++
				}
				if m == nil {
					continue
				}
				for word := range strings.SplitSeq(m[1], ", ") {
					by[word]++
					if !words[word] {
						t.Errorf("%s: no row for %q", file, word)
					}
				}
			}
		}
		total += fmt.Sprintf(" %d |", lines)
		copies += " " + a.copies + " |"
		share += " " + a.share + " |"
		for word := range words {
			counts[word] += fmt.Sprintf(" %d", by[word])
			if word == "csrf" {
				counts[word] += a.csrf
			}
			counts[word] += " |"
		}
	}
	want := []string{total, copies, share}
	for _, row := range rows {
		want = append(want, "| "+row.text+" |"+counts[row.word])
	}
	for _, row := range want {
		if !strings.Contains(string(page), "\n"+row+"\n") {
			t.Errorf("the README's table lacks\n%s", row)
		}
	}
}
