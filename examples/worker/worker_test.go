package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/reactor"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
)

var environment = []string{"SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame"}

// TestE70_Reactor: logs in, reads and logs out in wazero, and refuses what the guard of
// package middleware would.
func TestE70_Reactor(t *testing.T) {
	wasm := reactor.Build(t)
	r := reactor.Start(t, wasm, environment...)
	now := time.Now()
	// ask returns the answer's status, its body and what it sets.
	ask := func(method, path, from, password, cookie string) (status, body string, set []string) {
		t.Helper()
		a := r.Do(method, path, fmt.Sprint(now.UnixMilli()), from, password, cookie)
		if len(a) < 4 {
			t.Fatalf("%s %s: %q", method, path, a)
		}
		for _, line := range a[4:] {
			pair, _, _ := strings.Cut(line, ";")
			set = append(set, pair)
		}
		if len(set) > 0 && a[1] != "private" {
			t.Errorf("%s %s sets a cookie and is public", method, path)
		}
		return a[0], a[3], set
	}
	want := func(what, got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	status, _, _ := ask("POST", "/login", "same-origin", "guess", "")
	want("a wrong password", status, "401")
	status, _, _ = ask("POST", "/login", "cross-site", "open sesame", "")
	want("a login from another site", status, "403")
	status, _, in := ask("POST", "/login", "same-origin", "open sesame", "")
	want("a login", status, "303")
	if len(in) == 0 {
		t.Fatal("the login sets no cookie")
	}
	_, body, _ := ask("GET", "/", "", "", in[0])
	want("logged in", body, "Hello, ada!")
	_, body, _ = ask("GET", "/", "", "", "x=1, "+in[0])
	want("the comma attack", body, "<form")
	status, _, out := ask("POST", "/logout", "same-origin", "", in[0])
	if want("a logout", status, "303"); len(out) != 2 {
		t.Fatalf("the logout sets %q", out)
	}
	_, body, _ = ask("GET", "/", "", "", in[0]+"; "+out[1])
	want("after the logout", body, "<form")
	now = now.Add(13 * time.Hour)
	_, body, _ = ask("GET", "/", "", "", in[0])
	want("after its end", body, "<form")
	status, _, _ = ask("GET", "/nowhere", "", "", "")
	want("no such page", status, "404")
	if a := r.Do("GET"); a[0] != "400" {
		t.Errorf("not a request: %q", a)
	}
	// Why it can't start has several lines. They are for the log, and no Set-Cookie.
	if a := reactor.Start(t, wasm).Do("GET", "/", "0", "", "", ""); len(a) != 4 || a[0] != "500" || strings.Contains(a[3], "variable") {
		t.Errorf("without a secret: %q", a)
	}
}

// TestE70_Workerd: the same on the real workerd, over HTTP.
func TestE70_Workerd(t *testing.T) {
	workerd.Program(t) // or skip
	url := reactor.Workerd(t, reactor.Build(t), environment...)
	v := visitor.New(t, url)
	v.Get("/").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login", "password", "open sesame\n").Want(t, 401, "")
	v.Post("/login", "password", strings.Repeat("x", 1001)).Want(t, 413, "")
	r := v.Request("POST", "/login", map[string][]string{"password": {"open sesame"}})
	r.Header.Set("Sec-Fetch-Site", "same-site")
	v.Do(r).Want(t, 403, "")
	in := v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	if lines := in.Header["Set-Cookie"]; len(lines) != 1 || in.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("the login sets %q, with %q", lines, in.Header.Get("Cache-Control"))
	}
	v.Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	mine := v.Cookie()

	// A sibling domain can set a cookie with a comma. Nobody takes it for two cookies,
	// whoever is logged in meanwhile.
	stranger := visitor.New(t, url)
	with := func(lines ...string) *visitor.Answer {
		r := stranger.Request("GET", "/", nil)
		r.Header["Cookie"] = lines
		return stranger.Do(r).Want(t, 200, "")
	}
	with("x=1; __Host-session="+mine).Says(t, "Hello, ada!") // the power check
	with("x=1, __Host-session="+mine).Says(t, "<form")
	with("x=1,__Host-session="+mine).Says(t, "<form")
	with("x=1", "__Host-session="+mine).Says(t, "<form") // workerd joins the lines to that
	with("__Host-session="+mine+"; x=1, __Host-session=theirs").Says(t, "Hello, ada!")

	out := v.Post("/logout").Want(t, 303, "/").Header["Set-Cookie"]
	if len(out) != 2 {
		t.Fatalf("the logout sets %q", out)
	}
	v.Get("/").Want(t, 200, "").Says(t, "<form")
	// A late response brings the session back. The barrier is there.
	v.SetCookie(mine)
	v.Get("/").Want(t, 200, "").Says(t, "<form")
	v.Get("/nowhere").Want(t, 404, "")
}
