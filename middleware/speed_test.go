package middleware_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/middleware"
)

// hello is the least a handler can do.
func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }

// discard is a writer that costs nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header               { return d.h }
func (d discard) Write(p []byte) (int, error)       { return len(p), nil }
func (d discard) WriteString(s string) (int, error) { return len(s), nil }
func (d discard) WriteHeader(int)                   {}

// request has the session cookie of ann among three others.
func (a *app) request() *http.Request {
	c := a.browser()
	a.login(c, "ann")
	u, _ := url.Parse(a.server.URL)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "a=b; theme=dark; "+a.store.CookieName()+"="+c.Jar.Cookies(u)[0].Value+"; z=1")
	return r
}

// TestAllocs_PerRequest: a request that does not use its session costs the
// exchange, in which the copy of the request lies that every context value costs.
func TestAllocs_PerRequest(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	a := newApp(t, func(s *setup) { s.guard.OnOutcome = nil })
	r := a.request()
	w := discard{http.Header{}}
	untouched := a.guard.Handler(http.HandlerFunc(hello))
	if n := testing.AllocsPerRun(100, func() { untouched.ServeHTTP(w, r) }); n > 1 {
		t.Errorf("untouched: %v allocations, want 1", n)
	}
	got := ""
	user := a.guard.Handler(a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) { got = u.ID }))
	// 1 as above; verify is 3 at most; the user of this test's store 1; the
	// merged Vary and Cache-Control headers 4.
	if n := testing.AllocsPerRun(100, func() { clear(w.h); user.ServeHTTP(w, r) }); n > 9 {
		t.Errorf("with a user: %v allocations, want at most 9", n)
	}
	expect(t, "user", got, "ann")
}

// BenchmarkHello is the middleware's share of a request: bare, with the
// middleware around, with the session read, and with the user resolved.
// In-process first, then over real connections.
func BenchmarkHello(b *testing.B) {
	a := newApp(b, func(s *setup) { s.guard.OnOutcome = nil })
	r := a.request()
	rows := []struct {
		name string
		h    http.Handler
	}{
		{"bare", http.HandlerFunc(hello)},
		{"untouched", a.guard.Handler(http.HandlerFunc(hello))},
		{"read", a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = note.Get(middleware.Session(r))
			hello(w, r)
		}))},
		{"user", a.guard.Handler(a.guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) { hello(w, r) }))},
	}
	for _, row := range rows {
		b.Run("process/"+row.name, func(b *testing.B) {
			b.ReportAllocs()
			w := discard{http.Header{}}
			for b.Loop() {
				clear(w.h)
				row.h.ServeHTTP(w, r)
			}
		})
	}
	for _, row := range rows {
		b.Run("server/"+row.name, func(b *testing.B) {
			s := httptest.NewServer(row.h)
			defer s.Close()
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			line := []byte("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + r.Header.Get("Cookie") + "\r\n\r\n")
			buf := make([]byte, 4096)
			for b.Loop() {
				conn.Write(line)
				if n, err := conn.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("hello")) {
					b.Fatal(string(buf[:n]), err)
				}
			}
		})
	}
}
