package signin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
)

// pages is an application that shows p at /page.
func pages(t *testing.T, p signin.Page, change func(*signin.Config[*rig.User])) *rig.App {
	a := rig.New(t, rig.Options{Desk: change})
	a.Mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("CDN-Cache-Control", "max-age=3600")
		h.Set("Referrer-Policy", r.URL.Query().Get("policy"))
		h.Set("Content-Security-Policy", "default-src *")
		a.Desk.Show(w, r, p)
	})
	return a
}

func TestD13_PlainPage(t *testing.T) {
	res := pages(t, signin.Page{
		Title: `Ask <b>"Ada"</b>`, Problem: "Not & now.", Status: http.StatusGone,
		Body: `<form method="post"><label>Code <input name="code"></label></form>`,
	}, nil).Browser(t).Get("/page?policy=unsafe-url")
	if res.StatusCode != http.StatusGone {
		t.Errorf("status %d", res.StatusCode)
	}
	for _, want := range []string{
		"<!doctype html>\n<html lang=\"en\">", `<meta charset="utf-8">`, `content="width=device-width`,
		"<title>Ask &lt;b&gt;&#34;Ada&#34;&lt;/b&gt;</title>", "<main><h1>Ask &lt;b&gt;",
		`</h1>` + "\n" + `<p role="alert">Not &amp; now.</p>` + "\n" + `<form method="post"><label>Code <input name="code">`,
	} {
		if !strings.Contains(res.Body, want) {
			t.Errorf("the page has no %q:\n%s", want, res.Body)
		}
	}
	_, rest, _ := strings.Cut(res.Body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	for field, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
		"CDN-Cache-Control":       "",
		"Referrer-Policy":         "strict-origin",
		"Content-Security-Policy": "default-src 'none'; style-src " + hash + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := res.Header.Get(field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	if strings.ContainsAny(style, "<&\"'") {
		t.Error("the style has a character that a page could spell in two ways")
	}
}

func TestD13_PlainPageWithoutProblem(t *testing.T) {
	a := pages(t, signin.Page{Title: "Sent"}, nil)
	res := a.Browser(t).Get("/page?policy=no-referrer")
	if res.StatusCode != http.StatusOK || strings.Contains(res.Body, `role="alert"`) {
		t.Errorf("%d: %s", res.StatusCode, res.Body)
	}
	if way := `<p><a href="/">Back to the site</a></p>`; !strings.Contains(res.Body, way) {
		t.Errorf("a page without a body has no way on:\n%s", res.Body)
	}
	if got := res.Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy: %s", got)
	}
	head := a.Browser(t).Do("HEAD", "/page", "", nil)
	if head.StatusCode != http.StatusOK || head.Body != "" || head.Header.Get("Content-Type") == "" {
		t.Errorf("HEAD: %d, %q, %v", head.StatusCode, head.Body, head.Header)
	}
}

func TestD13_PageHook(t *testing.T) {
	var got signin.Page
	a := pages(t, signin.Page{Name: "passlink/sent", Title: "Sent", Fields: map[string]string{"next": "/"}}, func(c *signin.Config[*rig.User]) {
		c.Page = func(w http.ResponseWriter, _ *http.Request, p signin.Page) {
			got = p
			w.WriteHeader(p.Status)
			fmt.Fprint(w, "ours")
		}
	})
	res := a.Browser(t).Get("/page")
	if got.Name != "passlink/sent" || got.Status != http.StatusOK || got.Fields["next"] != "/" {
		t.Errorf("the hook got %+v", got)
	}
	if res.Body != "ours" || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "strict-origin" {
		t.Errorf("%q, %v", res.Body, res.Header)
	}
	if got := res.Header.Get("Content-Security-Policy"); got != "default-src *" {
		t.Errorf("the hook's page has the policy %s", got)
	}
}
