package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// site is the application in this process, on a real server.
type site struct {
	*app
	*httptest.Server
	log *visitor.Log
	cfg config
}

// start runs the application under TLS, so that a cookie jar takes Secure cookies.
func start(t *testing.T, change ...func(*config)) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := fmt.Sprintf("https://localhost:%d", server.Listener.Addr().(*net.TCPAddr).Port)
	dir := t.TempDir()
	log := new(visitor.Log)
	cfg := config{Origin: origin, DB: filepath.Join(dir, "users.db"), Keys: filepath.Join(dir, "keys.json"), Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, f := range change {
		f(&cfg)
	}
	a, err := newApp(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = a.Handler()
	server.Config.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)
	server.StartTLS()
	server.URL = origin
	t.Cleanup(func() {
		server.Close()
		a.Close()
	})
	return &site{a, server, log, cfg}
}

// guest is a visitor who can also read the mailbox.
type guest struct {
	*visitor.Visitor
	t *testing.T
	s *site
}

func (s *site) visitor(t *testing.T) *guest { t.Helper(); return &guest{visitor.New(t, s.URL), t, s} }

// lastMail returns the text of the last mail to somebody.
func (g *guest) lastMail(to string) string {
	g.t.Helper()
	mails, err := g.s.mails.Caught(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, m := range mails {
		if m.To == to {
			return m.Text
		}
	}
	g.t.Fatalf("no mail to %s among %+v", to, mails)
	return ""
}

// follow opens the link of a mail, and the page that it leads to.
func (g *guest) follow(mail string) *visitor.Answer {
	g.t.Helper()
	link := addresses.FindString(mail)
	path, ok := strings.CutPrefix(link, g.s.URL)
	if !ok {
		g.t.Fatalf("no link of this site in %q", mail)
	}
	a := g.Get(path)
	for range 3 {
		to := a.Header.Get("Location")
		if to == "" {
			break
		}
		a = g.Get(to)
	}
	return a
}

// sessionOf is what the session page says to programs.
func sessionOf(v *guest) (s sessionJSON) { v.Session(&s); return s }
