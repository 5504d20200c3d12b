package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/middleware"
)

// serve runs the application. Its clock can be moved ahead.
func serve(t *testing.T) (v *visitor.Visitor, ahead *atomic.Int64) {
	t.Helper()
	ahead = new(atomic.Int64)
	handler, err := app(&user{"ada", "open sesame"}, middleware.Config{
		LoginURL: "/login",
		Now:      func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	return visitor.Serve(t, handler, err), ahead
}

// TestTour sends what htmx sends.
func TestTour(t *testing.T) {
	v, ahead := serve(t)
	htmx := func(path, item string) *visitor.Answer {
		r := v.Request("POST", path, url.Values{"item": {item}})
		r.Header.Set("HX-Request", "true")
		r.Header.Set("HX-Current-URL", v.Base()+"/")
		r.Header.Set("Accept", "*/*")
		return v.Do(r)
	}

	v.Get("/").Want(t, 302, "/login?next=/")
	v.Get("/login").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Welcome back.")
	htmx("/items", "milk").Want(t, 200, "")
	a := htmx("/items", "<bread>").Want(t, 200, "")
	if a.Text != `<ul id="items"><li>milk</li><li>&lt;bread&gt;</li></ul>` {
		t.Errorf("the fragment: %s", a.Text)
	}
	htmx("/items", strings.Repeat("x", 4000)).Want(t, 422, "")
	if a := v.Get("/").Says(t, "<li>milk</li>"); strings.Contains(a.Text, "Welcome back.") {
		t.Error("the message is shown twice")
	}
	htmx("/nowhere", "").Want(t, 404, "")
	if to := htmx("/logout", "").Want(t, 200, "").Header.Get("HX-Redirect"); to != "/login" {
		t.Errorf("logout leads to %q", to)
	}
	v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	ahead.Add(int64(time.Hour))
	if to := htmx("/items", "eggs").Want(t, 401, "").Header.Get("HX-Redirect"); to != "/login?next=/" {
		t.Errorf("after expiry: %q", to)
	}
}

// cdn serves htmx from npm in the place of cdn.jsdelivr.net, and returns its address.
func cdn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	browser.NPM(t, dir, "install", "--no-save", "--prefix", dir, "htmx.org@2.0.11")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		file := strings.TrimPrefix(r.URL.Path, "/npm/htmx.org@2.0.11/")
		http.ServeFile(w, r, filepath.Join(dir, "node_modules", "htmx.org", file))
	}))
	server.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestBrowser clicks: htmx itself sends the requests.
func TestBrowser(t *testing.T) {
	v, ahead := serve(t)
	base := strings.Replace(v.Base(), "127.0.0.1", "localhost", 1)
	ctx := browser.Open(t, "MAP cdn.jsdelivr.net:443 "+cdn(t))
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	logIn := func() {
		t.Helper()
		do(chromedp.WaitVisible(chromedp.CSS("#submit")),
			chromedp.SendKeys(chromedp.CSS("[name=password]"), "open sesame"),
			chromedp.Click(chromedp.CSS("#submit")),
			chromedp.WaitVisible(chromedp.CSS("#add")))
	}
	add := func(item string) {
		t.Helper()
		do(chromedp.SendKeys(chromedp.CSS("[name=item]"), item), chromedp.Click(chromedp.CSS("#add")))
	}

	do(chromedp.Navigate(base + "/"))
	logIn()
	add("milk")
	do(chromedp.WaitVisible(chromedp.CSS("#items li"))) // without a new page
	do(chromedp.Click(chromedp.CSS("#logout")))
	logIn()
	ahead.Add(int64(time.Hour)) // the session ends while the page is open
	add("eggs")
	logIn()
	at, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname"))
	if err != nil || at != "/" {
		t.Errorf("back at %q, %v", at, err)
	}
}
