package rig

import (
	"bytes"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A Browser keeps the application's cookies and sends the header fields that real
// browsers send. It follows no redirect by itself. Each goroutine needs its own copy of
// the fields; the jar is safe for concurrent use.
type Browser struct {
	T    testing.TB
	App  *App
	Jar  http.CookieJar
	Site string      // Sec-Fetch-Site: "" means same-origin
	Head http.Header // sent with every request, and may be nil
	Addr string      // the client's address: "" means 192.0.2.1:1234
}

// Browser returns a browser without cookies.
func (a *App) Browser(t testing.TB) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{T: t, App: a, Jar: jar}
}

// An Answer is a response with its body.
type Answer struct {
	*http.Response
	Body string
}

// Get asks for a path, or an absolute URL of the application.
func (b *Browser) Get(path string) *Answer { return b.Do(http.MethodGet, path, "", nil) }

// Post submits a form.
func (b *Browser) Post(path string, form url.Values) *Answer {
	return b.Do(http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// PostJSON sends JSON, as a script of the page does.
func (b *Browser) PostJSON(path string, body []byte) *Answer {
	return b.Do(http.MethodPost, path, "application/json", body)
}

// Do sends any request.
func (b *Browser) Do(method, path, contentType string, body []byte) *Answer {
	b.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.App.URL(path)
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != b.App.host().Host {
		b.T.Fatalf("%s is no URL of the application (%v)", path, err)
	}
	r := httptest.NewRequestWithContext(b.T.Context(), method, path, bytes.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.Site != "" {
		r.Header.Set("Sec-Fetch-Site", b.Site)
	}
	mode, dest := "navigate", "document"
	if contentType == "application/json" {
		mode, dest = "cors", "empty"
	}
	r.Header.Set("Sec-Fetch-Mode", mode)
	r.Header.Set("Sec-Fetch-Dest", dest)
	r.Header.Set("Accept", "text/html,*/*")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for name, values := range b.Head {
		if name == "Host" {
			r.Host = values[0] // net/http keeps it out of Header
			continue
		}
		r.Header[name] = values
	}
	if b.Addr != "" {
		r.RemoteAddr = b.Addr
	}
	for _, c := range b.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.App.ServeHTTP(w, r)
	res := w.Result()
	b.Jar.SetCookies(u, res.Cookies())
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.T.Fatal(err)
	}
	return &Answer{res, string(text)}
}

// AtOnce sends n requests at the same time, and counts the status codes of the answers.
func AtOnce(n int, send func(i int) *Answer) map[int]int {
	codes := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { codes[i] = send(i).StatusCode })
	}
	all.Wait()
	count := map[int]int{}
	for _, code := range codes {
		count[code]++
	}
	return count
}

// Cookie returns the value of a cookie, or "".
func (b *Browser) Cookie(name string) string {
	for _, c := range b.Jar.Cookies(b.App.host()) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Who returns what the home page says: "nobody", or "1 by password".
func (b *Browser) Who() string {
	b.T.Helper()
	return b.Get("/").Body
}

// Location returns where a redirect leads, and "" for anything else.
func (a *Answer) Location() string { return a.Header.Get("Location") }

// Field returns the value of an input of the page, by its name, or "".
func (a *Answer) Field(name string) string {
	for _, tag := range regexp.MustCompile(`<input\b[^>]*>`).FindAllString(a.Body, -1) {
		if attribute(tag, "name") == name {
			return attribute(tag, "value")
		}
	}
	return ""
}

func attribute(tag, name string) string {
	m := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// HeaderLengths returns the length of each header field's values, by name, for
// comparing two answers that must not differ in what they show. The session's and the
// date's random text has fixed lengths.
func (a *Answer) HeaderLengths() map[string][]int {
	lengths := map[string][]int{}
	for name, values := range a.Header {
		for _, v := range values {
			lengths[name] = append(lengths[name], len(v))
		}
	}
	return lengths
}
