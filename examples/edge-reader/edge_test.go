package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
	"github.com/hardtack-go/hardtack/keyring"
)

const atEdge, atOrigin = "Hello, ada, from the edge!", "Hello, ada, from the origin!"

// serveSite serves the origin, which has published a snapshot.
func serveSite(t *testing.T, ring *keyring.Keyring, password string) (url string) {
	t.Helper()
	e, err := newEnder(ring)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.published.Publish(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	handler, err := app(ring, &user{"ada", password}, e)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// serveEdge serves the Worker in front of an origin. It has no snapshot yet.
func serveEdge(t *testing.T, ring *keyring.Keyring, origin string) (url string) {
	t.Helper()
	return workerd.Start(t, "config.capnp", []string{"SESSION_READ_KEYS=" + readKeys(ring)}, "--external-addr", "origin="+strings.TrimPrefix(origin, "http://"))
}

// TestV6_Edge: the Worker of this example, on the real workerd, in front of the origin.
func TestV6_Edge(t *testing.T) {
	ring := keyring.Generate()
	origin := serveSite(t, ring, "open sesame")
	v := visitor.New(t, serveEdge(t, ring, origin))

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
	changed := serveSite(t, ring, "another")
	v.At(changed).Get("/hello").Want(t, 302, "/login?next=/hello")
	v.At(serveEdge(t, ring, changed)).Get("/hello").Want(t, 200, "").Says(t, atEdge)

	// The keys rotate: first readers learn the new key, then the origin uses it.
	rotated, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	behind, ahead := serveEdge(t, ring, serveSite(t, rotated, "open sesame")), serveEdge(t, rotated, serveSite(t, rotated, "open sesame"))
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

// TestN76_EdgeRefusesEnded: a session that was logged out in one browser has ended at the edge
// in every other, by the snapshot that the origin publishes. Without one, the edge answers
// nothing by itself.
func TestN76_EdgeRefusesEnded(t *testing.T) {
	ring := keyring.Generate()
	origin := serveSite(t, ring, "open sesame")
	first := serveEdge(t, ring, origin)
	v, thief, other := visitor.New(t, first), visitor.New(t, first), visitor.New(t, first)
	for _, v := range []*visitor.Visitor{v, other} {
		v.Post("/login", "password", "open sesame").Want(t, 303, "/hello")
	}
	mine := v.Cookie()
	thief.SetCookie(mine)
	for _, v := range []*visitor.Visitor{v, thief, other} {
		v.Get("/hello").Want(t, 200, "").Says(t, atEdge)
	}
	v.Post("/logout").Want(t, 303, "/login")
	second := serveEdge(t, ring, origin) // its snapshot is that of now
	thief.At(second).Get("/hello").Want(t, 302, "/login?next=/hello")
	thief.At(origin).Get("/hello").Want(t, 302, "/login?next=/hello")
	other.At(second).Get("/hello").Want(t, 200, "").Says(t, atEdge)

	// The origin of another edge knows of no logout. What the first one published shows that
	// it is the edge that refuses.
	elsewhere := serveSite(t, ring, "open sesame")
	thief.SetCookie(mine) // the origin has deleted it
	thief.At(serveEdge(t, ring, elsewhere)).Get("/hello").Want(t, 200, "").Says(t, atEdge)
	mixed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := elsewhere
		if strings.HasPrefix(r.URL.Path, "/snapshot/") {
			to = origin
		}
		u, _ := url.Parse(to)
		httputil.NewSingleHostReverseProxy(u).ServeHTTP(w, r)
	}))
	t.Cleanup(mixed.Close)
	edge := serveEdge(t, ring, mixed.URL)
	thief.At(edge).Get("/hello").Want(t, 200, "").Says(t, atOrigin)
	other.At(edge).Get("/hello").Want(t, 200, "").Says(t, atEdge)

	// Without a snapshot, or with what isn't one, the origin decides.
	for what, snapshot := range map[string]http.Handler{
		"none":   http.NotFoundHandler(),
		"a page": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 500)) }),
	} {
		without := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/snapshot/") {
				snapshot.ServeHTTP(w, r)
				return
			}
			u, _ := url.Parse(elsewhere)
			httputil.NewSingleHostReverseProxy(u).ServeHTTP(w, r)
		}))
		t.Cleanup(without.Close)
		t.Log(what)
		other.At(serveEdge(t, ring, without.URL)).Get("/hello").Want(t, 200, "").Says(t, atOrigin)
	}
}
