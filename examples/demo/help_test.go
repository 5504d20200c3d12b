package main

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
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
func start(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	log := new(visitor.Log)
	cfg := config{DB: filepath.Join(dir, "users.db"), Keys: filepath.Join(dir, "keys.json"), Log: slog.New(slog.NewTextHandler(log, nil))}
	a, err := newApp(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(a.Handler())
	server.Config.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)
	server.StartTLS()
	t.Cleanup(func() {
		server.Close()
		a.Close()
	})
	return &site{a, server, log, cfg}
}

func (s *site) visitor(t *testing.T) *visitor.Visitor { t.Helper(); return visitor.New(t, s.URL) }

// sessionOf is what the session page says to programs.
func sessionOf(v *visitor.Visitor) (s sessionJSON) { v.Session(&s); return s }
