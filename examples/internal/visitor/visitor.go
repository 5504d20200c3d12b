// Package visitor visits an example like a person, but without a browser. It sends
// forms, keeps cookies, and says what was wrong with an answer. The tests of the
// examples use it.
package visitor

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A Visitor is a client that keeps cookies and doesn't follow redirects.
type Visitor struct {
	t    *testing.T
	base string
	jar  *localJar
	http *http.Client
}

// localJar treats plain HTTP as secure, the way browsers do on localhost.
type localJar struct{ *cookiejar.Jar }

func secure(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

func (j *localJar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(secure(u), c) }
func (j *localJar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(secure(u)) }

// New makes a visitor without cookies.
func New(t *testing.T, base string) *Visitor {
	t.Helper()
	inner, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar := &localJar{inner}
	transport := Transport()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &Visitor{t, base, jar, &http.Client{
		Transport:     transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Transport returns a transport that closes a connection which hasn't been used for a
// second. workerd and Node do so after five, and a form that is sent at that very moment is
// lost.
func Transport() *http.Transport {
	return &http.Transport{ForceAttemptHTTP2: true, IdleConnTimeout: time.Second}
}

// Serve runs a handler on a real server until the test ends, and returns a visitor to
// it. err is what made the handler.
func Serve(t *testing.T, handler http.Handler, err error) *Visitor {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(t, server.URL)
}

// Base returns the address that the visitor visits.
func (v *Visitor) Base() string { return v.base }

// At returns the same visitor, cookies and all, at another address of the same host.
func (v *Visitor) At(base string) *Visitor {
	other := *v
	other.base = base
	return &other
}

// An Answer is a response whose body has been read.
type Answer struct {
	*http.Response
	Text string // the body
}

// Do sends a request and reads the answer.
func (v *Visitor) Do(r *http.Request) *Answer {
	v.t.Helper()
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html")
	}
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return &Answer{resp, string(body)}
}

// Request makes a request, with a form unless that is nil.
func (v *Visitor) Request(method, path string, form url.Values) *http.Request {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// Get asks for a page.
func (v *Visitor) Get(path string) *Answer {
	v.t.Helper()
	return v.Do(v.Request("GET", path, nil))
}

// Post sends name, value, name, value…
func (v *Visitor) Post(path string, pairs ...string) *Answer {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.Do(v.Request("POST", path, form))
}

// Want checks the status and, for a redirect, where it leads.
func (a *Answer) Want(t *testing.T, status int, location string) *Answer {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Location") != location {
		t.Errorf("%s %s: %d to %q, want %d to %q\n%s", a.Request.Method, a.Request.URL.Path,
			a.StatusCode, a.Header.Get("Location"), status, location, a.Text)
	}
	return a
}

// Says checks for a piece of the page.
func (a *Answer) Says(t *testing.T, text string) *Answer {
	t.Helper()
	if !strings.Contains(a.Text, text) {
		t.Errorf("%s %s does not say %q:\n%s", a.Request.Method, a.Request.URL.Path, text, a.Text)
	}
	return a
}

// Login sends the login form. more holds further fields.
func (v *Visitor) Login(email, pw string, more ...string) *Answer {
	v.t.Helper()
	return v.Post("/login", append([]string{"email", email, "password", pw}, more...)...)
}

// Who returns the email that the members' page shows, or "" for nobody.
func (v *Visitor) Who() string {
	v.t.Helper()
	a := v.Get("/members")
	if a.StatusCode == http.StatusFound {
		return ""
	}
	_, after, ok := strings.Cut(a.Text, `<span id="member">`)
	if a.StatusCode != http.StatusOK || !ok {
		v.t.Fatalf("GET /members: %d\n%s", a.StatusCode, a.Text)
	}
	email, _, _ := strings.Cut(after, "<")
	return email
}

// Session reads GET /session as JSON.
func (v *Visitor) Session(into any) {
	v.t.Helper()
	r := v.Request("GET", "/session", nil)
	r.Header.Set("Accept", "application/json")
	a := v.Do(r)
	if err := json.Unmarshal([]byte(a.Text), into); err != nil {
		v.t.Fatalf("GET /session: %d, %v\n%s", a.StatusCode, err, a.Text)
	}
}

// Cookie returns the raw session cookie, or "" if there is none.
func (v *Visitor) Cookie() string { return v.CookieNamed("__Host-session", "session") }

// CookieNamed returns the value of the first cookie with one of the names, or "".
func (v *Visitor) CookieNamed(names ...string) string {
	u, _ := url.Parse(v.base)
	for _, c := range v.jar.Cookies(u) {
		if slices.Contains(names, c.Name) {
			return c.Value
		}
	}
	return ""
}

// SetCookie replaces the visitor's session cookie.
func (v *Visitor) SetCookie(value string) {
	u, _ := url.Parse(v.base)
	v.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-session", Value: value, Path: "/", Secure: true}})
}
