package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// sibling is an interface on api.x.test and a page on app.x.test that uses it, with
// a clock of its own.
type sibling struct {
	*httptest.Server
	app, api string       // the two origins
	ahead    atomic.Int64 // how far the clock is ahead, in minutes
	renewed  atomic.Int64 // how often the session was
}

func startSibling(t *testing.T) *sibling {
	t.Helper()
	s := &sibling{}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*member]{
		UserByID: func(_ context.Context, id string) (*member, error) { return &member{id}, nil },
		ID:       func(m *member) string { return m.id },
		Stamp:    func(m *member) string { return "password" },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.app, s.api = "https://app.x.test:"+port, "https://api.x.test:"+port

	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.app); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{
		CrossOrigin: protection,
		Now:         func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load()) * time.Minute) },
		OnMistake:   func(r *http.Request, err error) { t.Errorf("%s: %v", r.URL.Path, err) },
		OnOutcome: func(_ *http.Request, out ssestore.Outcome, _ error) {
			if out.Renewed {
				s.renewed.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	api := http.NewServeMux()
	api.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, &member{"ann"}); err != nil {
			t.Error(err)
		}
	})
	api.Handle("GET /me", guard.ForUser(func(w http.ResponseWriter, r *http.Request, m *member) { io.WriteString(w, m.id) }))
	api.Handle("GET /poll", guard.ForUser(func(w http.ResponseWriter, r *http.Request, m *member) {
		middleware.Session(r).Limit(ssestore.WritesNone)
		io.WriteString(w, m.id)
	}))
	guarded := guard.Handler(api)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if "https://"+r.Host == s.app {
			fmt.Fprint(w, `<!doctype html><link rel=icon href="data:,"><p>app</p>`)
			return
		}
		// CORS, outside of the guard: a preflight has no cookie.
		h := w.Header()
		h.Add("Vary", "Origin")
		if r.Header.Get("Origin") == s.app {
			h.Set("Access-Control-Allow-Origin", s.app)
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		guarded.ServeHTTP(w, r)
	})
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// TestF101_SiblingInBrowser: a single-page application on a sibling origin, in a real
// browser. With the tab in use the session lives for two hours; without, and with
// nothing but a background poll that says so, it ends after the idle time.
func TestF101_SiblingInBrowser(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	s := startSibling(t)
	b := openBrowser(t, s.app)
	b.open("/")
	fetch := func(method, path string) string {
		t.Helper()
		return eval[string](b, fmt.Sprintf(`fetch(%q, {method: %q, credentials: "include"}).then(async r => r.status + " " + (r.ok ? await r.text() : ""))`, s.api+path, method))
	}
	login := func() {
		t.Helper()
		if got := fetch("POST", "/login"); got != "200 " {
			t.Fatalf("login: %q", got)
		}
	}
	if got := fetch("GET", "/me"); got != "401 " {
		t.Fatalf("before the login: %q", got)
	}
	login()
	for minute := 5; minute <= 120; minute += 5 {
		s.ahead.Add(5)
		if got := fetch("GET", "/me"); got != "200 ann" {
			t.Fatalf("minute %d: %q", minute, got)
		}
	}
	if n := s.renewed.Load(); n < 4 || n > 24 {
		t.Errorf("renewed %d times in two hours", n)
	}
	s.ahead.Add(31)
	if got := fetch("GET", "/me"); got != "401 " {
		t.Errorf("after the idle time: %q", got)
	}

	login()
	n := s.renewed.Load()
	for range 5 { // the test itself may take a while, so not up to the last second
		s.ahead.Add(5)
		if got := fetch("GET", "/poll"); got != "200 ann" {
			t.Fatalf("poll: %q", got)
		}
	}
	s.ahead.Add(6)
	if got := fetch("GET", "/poll"); got != "401 " || s.renewed.Load() != n {
		t.Errorf("a poll after the idle time: %q, renewed %d times", got, s.renewed.Load()-n)
	}
}
