package frameworks_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ ID string }

// flash is a message that is shown once, count a number that grows.
var (
	flash = ssestore.NewKey[string]("flash")
	count = ssestore.NewKey[int]("count")
)

// site is what all wirings share: a guard, and what it told.
type site struct {
	t        *testing.T
	guard    *middleware.Guard[*user]
	server   *httptest.Server
	mu       sync.Mutex
	outcomes []error
	mistakes []error
}

// newSite serves what wire makes of the guard.
func newSite(t *testing.T, wire func(s *site) http.Handler) *site {
	t.Helper()
	s := &site{t: t}
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		ID:       func(u *user) string { return u.ID },
		Stamp:    func(u *user) string { return "password of " + u.ID },
	})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var err error
	s.guard, err = middleware.New(store, accounts, middleware.Config{
		LoginURL: "/",
		Log:      slog.New(slog.DiscardHandler),
		OnOutcome: func(_ *http.Request, _ ssestore.Outcome, err error) {
			s.mu.Lock()
			s.outcomes = append(s.outcomes, err)
			s.mu.Unlock()
		},
		OnMistake: func(_ *http.Request, err error) {
			s.mu.Lock()
			s.mistakes = append(s.mistakes, err)
			s.mu.Unlock()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewUnstartedServer(wire(s))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

// told returns what was told since the last call.
func (s *site) told() (outcomes, mistakes []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	outcomes, mistakes = s.outcomes, s.mistakes
	s.outcomes, s.mistakes = nil, nil
	return outcomes, mistakes
}

// The site's pages, as far as they don't depend on the framework.

// home names the user and shows the flash and the count.
func (s *site) home(r *http.Request) string {
	who := "nobody"
	if u, err := s.guard.User(r); err == nil {
		who = u.ID
	}
	session := s.guard.Session(r)
	text, _ := flash.Pop(session)
	return strings.Join([]string{who, text, strings.Repeat("|", count.Get(session))}, ",")
}

// login logs ann in and leaves a flash.
func (s *site) login(r *http.Request) {
	if err := s.guard.Login(r, &user{"ann"}); err != nil {
		s.t.Error(err)
	}
	s.set(flash.Set(s.guard.Session(r), "welcome"))
}

// more counts, in a session that lasts.
func (s *site) more(r *http.Request) {
	session := s.guard.Session(r)
	s.set(count.Set(session, count.Get(session)+1))
}

func (s *site) set(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// browser is a client with a cookie jar that doesn't follow redirects.
type browser struct {
	s *site
	c *http.Client
}

func (s *site) browser() browser {
	jar, _ := cookiejar.New(nil)
	return browser{s, &http.Client{
		Transport: s.server.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends a request and returns the status, the body and the header.
func (b browser) do(method, path string, headers ...string) (int, string, http.Header) {
	b.s.t.Helper()
	r, err := http.NewRequest(method, b.s.server.URL+path, nil)
	if err != nil {
		b.s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.c.Do(r)
	if err != nil {
		return 0, err.Error(), http.Header{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Errorf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(body), res.Header
}

// expect sends a request and compares the status and the body; "*" is any body.
func (b browser) expect(method, path string, status int, body string, headers ...string) http.Header {
	b.s.t.Helper()
	gotStatus, gotBody, header := b.do(method, path, headers...)
	if gotStatus != status || body != "*" && gotBody != body {
		b.s.t.Errorf("%s %s: %d %q, want %d %q", method, path, gotStatus, gotBody, status, body)
	}
	return header
}
