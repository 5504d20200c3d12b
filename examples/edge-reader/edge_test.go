package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
	"github.com/hardtack-go/hardtack/keyring"
)

// TestV6_Edge: the Worker of this example, on the real workerd, in front of the origin.
func TestV6_Edge(t *testing.T) {
	ring := keyring.Generate()
	serve := func(ring *keyring.Keyring, password string) (url string) {
		t.Helper()
		handler, err := app(ring, &user{"ada", password})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	edge := func(ring *keyring.Keyring, origin string) (url string) {
		t.Helper()
		return workerd.Start(t, "config.capnp", []string{"SESSION_READ_KEYS=" + readKeys(ring)}, "--external-addr", "origin="+strings.TrimPrefix(origin, "http://"))
	}
	const atEdge, atOrigin = "Hello, ada, from the edge!", "Hello, ada, from the origin!"
	origin := serve(ring, "open sesame")
	v := visitor.New(t, edge(ring, origin))

	v.Get("/hello").Want(t, 302, "/login?next=/hello")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login?next=/hello", "password", "open sesame").Want(t, 303, "/hello")
	v.Get("/hello").Want(t, 200, "").Says(t, atEdge)
	v.At(origin).Get("/hello").Want(t, 200, "").Says(t, atOrigin)
	if a := v.Get("/hello"); a.Header.Get("Cache-Control") != "private" || len(a.Header["Set-Cookie"]) != 0 {
		t.Errorf("the edge sends %v", a.Header)
	}

	// A sibling domain can set a cookie with a comma. Nobody takes it for two cookies.
	mine := v.Cookie()
	stranger := visitor.New(t, v.Base())
	r := stranger.Request("GET", "/hello", nil)
	r.Header.Set("Cookie", "x=1, __Host-session="+mine)
	stranger.Do(r).Want(t, 302, "/login?next=/hello")
	r = stranger.Request("GET", "/hello", nil)
	r.Header.Set("Cookie", "x=1; __Host-session="+mine)
	stranger.Do(r).Want(t, 200, "").Says(t, atEdge)

	// The password has changed: the origin knows, and within the window the edge doesn't.
	changed := serve(ring, "another")
	v.At(changed).Get("/hello").Want(t, 302, "/login?next=/hello")
	v.At(edge(ring, changed)).Get("/hello").Want(t, 200, "").Says(t, atEdge)

	// The keys rotate: first readers learn the new key, then the origin uses it.
	rotated, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	behind, ahead := edge(ring, serve(rotated, "open sesame")), edge(rotated, serve(rotated, "open sesame"))
	v.At(ahead).Get("/hello").Want(t, 200, "").Says(t, atEdge)
	again := visitor.New(t, ahead)
	again.Post("/login?next=/hello", "password", "open sesame").Want(t, 303, "/hello")
	again.Get("/hello").Want(t, 200, "").Says(t, atEdge)
	again.At(behind).Get("/hello").Want(t, 200, "").Says(t, atOrigin) // it has no key for that yet, and asks

	// A late response brings back a session that was logged out. The barrier is there.
	v.Post("/logout").Want(t, 303, "/login")
	v.Get("/hello").Want(t, 302, "/login?next=/hello")
	v.SetCookie(mine)
	v.Get("/hello").Want(t, 302, "/login?next=/hello")
}
