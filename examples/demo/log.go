package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// record collects what one request did, for one line in the log.
type record struct {
	route   string
	outcome ssestore.Outcome
	err     error  // why the guard answered, or why the session wasn't saved
	event   string // "login", "logout" and so on
	user    string // the user's id
}

// recordKey finds the record in a request's context.
type recordKey struct{}

// note returns the record of a request, or a spare one if there is none.
func note(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return new(record)
}

// noteOutcome is middleware.Config.OnOutcome.
func noteOutcome(r *http.Request, out ssestore.Outcome, err error) {
	rec := note(r.Context())
	rec.outcome, rec.err = out, err
}

// loggedIn and loggedOut are auth.Config.OnLogin and OnLogout.
func (a *app) loggedIn(ctx context.Context, _ *ssestore.Session, u *User) {
	rec := note(ctx)
	rec.event, rec.user = "login", u.Key()
}

func (a *app) loggedOut(ctx context.Context, s *ssestore.Session, u *User, ok bool) {
	rec := note(ctx)
	rec.event = "logout"
	if mark, has := s.Principal().Mark(); has {
		if err := a.users.Unlist(ctx, mark); err != nil {
			a.log.Error("list a logout", "error", err)
		}
	}
	if ok {
		rec.user = u.Key()
	}
}

// logged writes one line for each request: what was asked, what came of it, and what
// happened to the session. It names the route and not the path, and no header, form
// value or cookie. Of what a client sends, only the method reaches the log, and
// net/http has checked that.
func (a *app) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := new(record)
		sw := &statusWriter{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		next.ServeHTTP(sw, r)

		level := slog.LevelInfo
		attrs := make([]slog.Attr, 0, 12)
		attrs = append(attrs, slog.String("method", r.Method), slog.String("route", rec.route),
			slog.Int("status", sw.status), slog.Duration("took", time.Since(start).Round(time.Microsecond)))
		if rec.event != "" {
			attrs = append(attrs, slog.String("event", rec.event), slog.String("user", rec.user))
		}
		attrs = append(attrs, outcomeAttrs(rec.outcome)...)
		if sw.status >= 500 {
			level = slog.LevelError
		}
		if rec.err != nil { // also why a visitor was sent to the login page
			attrs = append(attrs, slog.Any("error", rec.err))
		}
		a.log.LogAttrs(r.Context(), level, "request", attrs...)
	})
}

// routed notes the route that answers.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, note(r.Context()).route = mux.Handler(r)
		mux.ServeHTTP(w, r)
	})
}

// outcomeAttrs says what happened to the session, if anything did.
func outcomeAttrs(out ssestore.Outcome) []slog.Attr {
	var attrs []slog.Attr
	if out.Refused != cookie.ReasonNone {
		attrs = append(attrs, slog.String("refused", out.Refused.String()))
	}
	if out.Unpublished != nil { // a copy of the session may live on
		attrs = append(attrs, slog.Any("unpublished", out.Unpublished))
	}
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"renewed", out.Renewed}, {"resealed", out.Resealed}, {"restamped", out.Restamped},
		{"deleted", out.Deleted}, {"older_primary", out.OlderPrimary}, {"key_worn", out.KeyWorn},
	} {
		if f.is {
			attrs = append(attrs, slog.Bool(f.name, true))
		}
	}
	if len(out.SetCookie) > 0 && !out.Deleted {
		attrs = append(attrs, slog.String("kid", out.KeyID), slog.Int("bytes", out.Bytes))
	}
	return attrs
}

// statusWriter remembers the status of the answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}
