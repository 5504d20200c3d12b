package advisories_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The tests of this folder are named for advisories about other people's session
// and token libraries: docs/ADVISORIES.md has a line for each. They see hardtack
// as an application and its visitors do.

const (
	sessionName = "__Host-session"
	barrierName = "__Host-session-ended"
)

var note = ssestore.NewKey[string]("note")

type user struct{ ID, Hash string }

// site is a small application on a real server.
type site struct {
	t        testing.TB
	keys     *keyring.Holder
	store    *ssestore.Store
	accounts *auth.Manager[*user]
	guard    *middleware.Guard[*user]
	mux      *http.ServeMux
	server   *httptest.Server
	clock    atomic.Int64

	mu    sync.Mutex
	users map[string]*user
	down  error
	last  ssestore.Outcome // of the last request that used the session
}

// newSite starts one; change may alter the configuration of the store.
func newSite(t testing.TB, change func(*ssestore.Config)) *site {
	t.Helper()
	s := &site{t: t, keys: new(keyring.Holder), mux: http.NewServeMux(),
		users: map[string]*user{"ann": {"ann", "hash-ann"}, "bob": {"bob", "hash-bob"}}}
	s.clock.Store(time.Now().Unix())
	s.keys.Set(keyring.Generate())
	cfg := ssestore.Config{Keys: s.keys}
	if change != nil {
		change(&cfg)
	}
	var err1, err2, err3 error
	s.store, err1 = ssestore.New(cfg)
	s.accounts, err2 = auth.New(auth.Config[*user]{
		UserByID: s.find,
		ID:       func(u *user) string { return u.ID },
		Stamp:    func(u *user) string { return u.Hash },
	})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	s.guard, err3 = middleware.New(s.store, s.accounts, middleware.Config{
		LoginURL: "/login",
		Now:      func() time.Time { return time.Unix(s.clock.Load(), 0) },
		OnOutcome: func(_ *http.Request, out ssestore.Outcome, _ error) {
			s.mu.Lock()
			s.last = out
			s.mu.Unlock()
		},
	})
	if err3 != nil {
		t.Fatal(err3)
	}
	s.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		u, err := s.find(r.Context(), r.FormValue("id"))
		if err == nil {
			err = s.accounts.Login(r.Context(), middleware.Session(r), u)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, s.guard.Next(r, "/who"), http.StatusSeeOther)
	})
	s.mux.Handle("/logout", s.guard.LogoutHandler("/who"))
	s.mux.Handle("/who", s.guard.ForAnyone(func(w http.ResponseWriter, _ *http.Request, u *user, ok bool) {
		if !ok {
			u = &user{ID: "nobody"}
		}
		io.WriteString(w, u.ID)
	}))
	s.mux.Handle("/members", s.guard.ForUser(func(w http.ResponseWriter, _ *http.Request, u *user) { io.WriteString(w, u.ID) }))
	s.mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		if err := note.Set(middleware.Session(r), r.FormValue("v")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	s.mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, note.Get(middleware.Session(r))) })
	s.server = httptest.NewUnstartedServer(s.guard.Handler(s.mux))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) find(_ context.Context, id string) (*user, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	if u, ok := s.users[id]; ok {
		c := *u
		return &c, nil
	}
	return nil, auth.ErrNoUser
}

func (s *site) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// outcome is that of the last request. net/http may answer a moment before the
// handler returns, but OnOutcome runs before the first byte.
func (s *site) outcome() ssestore.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *site) now() time.Time          { return time.Unix(s.clock.Load(), 0) }
func (s *site) advance(d time.Duration) { s.clock.Add(int64(d / time.Second)) }

// rotate makes a new primary.
func (s *site) rotate() {
	s.t.Helper()
	r, err := s.keys.At(s.now()).Rotate()
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys.Set(r)
}

// browser keeps cookies by name and sends what browsers send.
type browser struct {
	s       *site
	cookies map[string]string
}

func (s *site) browser() *browser { return &browser{s, map[string]string{}} }

func (b *browser) copy() *browser {
	c := b.s.browser()
	for name, value := range b.cookies {
		c.cookies[name] = value
	}
	return c
}

func (b *browser) header() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// reply is a response whose body has been read.
type reply struct {
	status int
	header http.Header
	body   string
}

// lines are the Set-Cookie lines for a cookie.
func (r reply) lines(name string) (lines []string) {
	for _, line := range r.header["Set-Cookie"] {
		if strings.HasPrefix(line, name+"=") {
			lines = append(lines, line)
		}
	}
	return lines
}

// keep does what Set-Cookie lines say.
func (b *browser) keep(h http.Header) {
	for _, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			b.s.t.Fatalf("%q: %v", line, err)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

func (b *browser) do(method, path string, headers ...string) reply {
	b.s.t.Helper()
	r := b.s.send(method, path, b.header(), headers...)
	b.keep(r.header)
	return r
}

// send is one request of a top-level navigation with this Cookie header. headers
// are name, value pairs.
func (s *site) send(method, path, cookies string, headers ...string) reply {
	s.t.Helper()
	req, err := http.NewRequest(method, s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.server.Client().Transport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

func (b *browser) login(id string) reply {
	b.s.t.Helper()
	r := b.do("POST", "/login?id="+id)
	if r.status != http.StatusSeeOther || b.cookies[sessionName] == "" {
		b.s.t.Fatalf("login as %s: %d %s", id, r.status, r.body)
	}
	return r
}

func (b *browser) who() string {
	b.s.t.Helper()
	return b.do("GET", "/who").body
}

// raw writes bytes to the server over TLS and returns the response.
func (s *site) raw(request string) *http.Response {
	s.t.Helper()
	tr := s.server.Client().Transport.(*http.Transport)
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := tr.TLSClientConfig.Clone()
	cfg.ServerName = "example.com" // a name of httptest's certificate
	c := tls.Client(conn, cfg)
	s.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// same compares and says where.
func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
