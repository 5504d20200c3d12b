package e2e_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// doorway is an application that has a login page and a page behind it, and logs as
// every guard does.
type doorway struct {
	log      visitor.Log
	password atomic.Int64
	ahead    atomic.Int64 // seconds that its clock is ahead
	handler  http.Handler
}

func newDoorway(t *testing.T) *doorway {
	t.Helper()
	d := new(doorway)
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*member]{
		UserByID: func(_ context.Context, id string) (*member, error) { return &member{id}, nil },
		ID:       func(m *member) string { return m.id },
		Stamp:    func(*member) string { return fmt.Sprint("password ", d.password.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{
		LoginURL: "/login", ReasonField: "why",
		Now: func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load()) * time.Second) },
		Log: slog.New(slog.NewTextHandler(&d.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		why := middleware.Reason(r)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><link rel=icon href="data:,"><p>why: %s<form method=post action=/login><button id=login>log in</button></form>`, why)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, &member{"ann"}); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/members", http.StatusSeeOther)
	})
	mux.Handle("GET /members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, m *member) {
		io.WriteString(w, "hello "+m.id)
	}))
	d.handler = guard.Handler(mux)
	return d
}

// TestF202_PlainHTTPInChromium: over plain http on a host that isn't this machine the
// right password leads back to the login page, and the log says why.
func TestF202_PlainHTTPInChromium(t *testing.T) {
	d := newDoorway(t)
	server := httptest.NewServer(d.handler)
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")

	b := openBrowser(t, "http://shop.test:"+port)
	b.open("/login")
	b.click("#login")
	b.says("why: none")
	if log := d.log.String(); strings.Count(log, "insecure-cookie") != 1 || !strings.Contains(log, "serve https") || !strings.Contains(log, "host=shop.test:"+port) {
		t.Errorf("the log doesn't say what is wrong:\n%s", log)
	}

	// On this machine Chromium keeps the cookie, and nothing is logged.
	local := newDoorway(t)
	localServer := httptest.NewServer(local.handler)
	defer localServer.Close()
	_, port, _ = strings.Cut(strings.TrimPrefix(localServer.URL, "http://"), ":")
	b = openBrowser(t, "http://localhost:"+port)
	b.open("/login")
	b.click("#login")
	b.says("hello ann")
	if log := local.log.String(); log != "" {
		t.Errorf("a false alarm:\n%s", log)
	}
}

// TestF207_LoginPageSaysWhy: in the browser of somebody whose session has ended.
func TestF207_LoginPageSaysWhy(t *testing.T) {
	d := newDoorway(t)
	server := httptest.NewTLSServer(d.handler)
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	b := openBrowser(t, "https://shop.test:"+port)

	b.open("/members")
	b.says("why: none")
	b.click("#login")
	b.says("hello ann")

	d.ahead.Add(120) // a replica's lag is over
	d.password.Add(1)
	b.open("/members")
	b.says("why: stamp-mismatch")
	b.click("#login")
	b.says("hello ann")

	d.ahead.Add(31 * 60)
	b.open("/members")
	b.says("why: expired")
	b.open("/login")
	b.says("why: none") // the cookie is gone, and with it what was known
	if log := d.log.String(); log != "" {
		t.Errorf("logged:\n%s", log)
	}
}
