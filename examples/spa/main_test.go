package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

func TestTour(t *testing.T) {
	handler, err := app(&user{"ada", "open sesame"})
	v := visitor.Serve(t, handler, err)
	// fetch sends what the page's fetch does.
	fetch := func(site, method, path, body string) *visitor.Answer {
		r := v.Request(method, path, nil)
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Set("Accept", "*/*")
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Sec-Fetch-Dest", "empty")
		return v.Do(r)
	}
	me := func() (name, message string) {
		var got struct{ Name, Message string }
		if err := json.Unmarshal([]byte(fetch("same-origin", "GET", "/api/me", "").Want(t, 200, "").Text), &got); err != nil {
			t.Error(err)
		}
		return got.Name, got.Message
	}

	v.Get("/").Want(t, 200, "").Says(t, "<script")
	fetch("same-origin", "GET", "/api/me", "").Want(t, 401, "")
	fetch("same-origin", "POST", "/api/login", `{"password": "guess"}`).Want(t, 403, "")
	fetch("cross-site", "POST", "/api/login", `{"password": "open sesame"}`).Want(t, 403, "")
	fetch("same-origin", "POST", "/api/login", `not JSON`).Want(t, 400, "")
	fetch("same-origin", "POST", "/api/login", `{"password": "open sesame"}`).Want(t, 204, "")
	for _, want := range []string{"Welcome back.", ""} {
		if name, message := me(); name != "ada" || message != want {
			t.Errorf("name %q, message %q, want %q", name, message, want)
		}
	}
	fetch("same-origin", "GET", "/api/nothing", "").Want(t, 404, "")
	fetch("same-origin", "POST", "/api/logout", "").Want(t, 303, "/")
	fetch("same-origin", "GET", "/api/me", "").Want(t, 401, "")
}

// TestBrowser clicks in the page itself.
func TestBrowser(t *testing.T) {
	handler, err := app(&user{"ada", "open sesame"})
	base := visitor.Serve(t, handler, err).Base()
	ctx := browser.Open(t, "")
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("the page says %q, %v, want %q", got, err, want)
		}
	}
	password := chromedp.CSS("[name=password]")
	do(chromedp.Navigate(strings.Replace(base, "127.0.0.1", "localhost", 1)),
		chromedp.WaitVisible(password), chromedp.SendKeys(password, "open sesame\r"),
		chromedp.WaitVisible(chromedp.CSS("#home")))
	says("Hello, ada!")
	says("Welcome back.")
	do(chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(password))
	do(chromedp.SendKeys(password, "guess\r"), chromedp.WaitVisible(chromedp.CSS("#message:not(:empty)")))
	says("wrong password")
}
