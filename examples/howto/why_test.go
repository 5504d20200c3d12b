package howto

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF509_Why: the words of the log when a login doesn't last.
func TestF509_Why(t *testing.T) {
	keys := keyring.Generate()
	var log strings.Builder
	slog := slog.New(slog.NewTextHandler(&log, nil))
	var cfg middleware.Config

	cfg.OnOutcome = func(r *http.Request, out ssestore.Outcome, err error) {
		slog.Info("session", "path", r.URL.Path, "refused", out.Refused, "kid", out.KeyID, "err", err)
	}

	for _, row := range []struct {
		refused string
		then    ssestore.Config // of the store that gets the cookie
		change  func(*site)     // before that
	}{
		{"unknown-key", ssestore.Config{Keys: keyring.Generate()}, nil},
		{"bad-tag", ssestore.Config{Keys: keys, Audience: "another"}, nil},
		{"stamp-mismatch", ssestore.Config{Keys: keys}, func(s *site) { s.hash.Store("another") }},
		{"none", ssestore.Config{Keys: keys}, func(s *site) { s.ada.ID = "another" }},
	} {
		t.Run(row.refused, func(t *testing.T) {
			first, then := newSite(t, ssestore.Config{Keys: keys}, cfg), newSite(t, row.then, cfg)
			if row.change != nil {
				row.change(then)
			}
			mux := http.NewServeMux()
			mux.Handle("/", then.guard.Handler(then.app()))
			mux.Handle("/login", first.guard.Handler(first.app()))
			v := serve(t, mux)
			v.Post("/login").Want(t, http.StatusSeeOther, "/")
			log.Reset()
			v.Get("/members").Want(t, http.StatusFound, "/login?next=/members")
			if got := log.String(); !strings.Contains(got, "refused="+row.refused+" ") || strings.Contains(got, `kid=""`) != (row.refused == "unknown-key" || row.refused == "bad-tag") {
				t.Errorf("the log: %s", got)
			}
			log.Reset()
			serve(t, mux).Get("/members")
			if got := log.String(); !strings.Contains(got, `refused=none kid=""`) {
				t.Errorf("the log without a cookie: %s", got)
			}
		})
	}
}

// TestF509_AccessLog: who made a request, in one line.
func TestF509_AccessLog(t *testing.T) {
	var log strings.Builder
	slog := slog.New(slog.NewTextHandler(&log, nil))
	var cfg middleware.Config

	cfg.OnOutcome = func(r *http.Request, _ ssestore.Outcome, err error) {
		if err != nil {
			return // the guard has refused, or the session couldn't be written
		}
		if info := middleware.Session(r).Info(); info.LoggedIn {
			slog.Info("request", "path", r.URL.Path, "user", info.UserID, "session", info.LogID)
		}
	}

	s := newSite(t, ssestore.Config{}, cfg)
	v := serve(t, s.guard.Handler(s.app()))
	v.Get("/members")
	from(v, "https://evil.example", "POST", "/save")
	if log.Len() > 0 {
		t.Errorf("nobody is logged in: %s", log.String())
	}
	v.Post("/login")
	log.Reset()
	v.Get("/members")
	if got := log.String(); !strings.Contains(got, "path=/members user=7 session=") {
		t.Errorf("the log: %s", got)
	}
	log.Reset()
	v.Get("/nowhere")
	if log.Len() > 0 {
		t.Errorf("a page without a session: %s", log.String())
	}
}
