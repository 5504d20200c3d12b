// Package ops logs each Outcome. The words for reasons don't change between versions, so
// alerts can depend on them.
package ops

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Outcome is for middleware.Config.OnOutcome.
func Outcome(log *slog.Logger) func(*http.Request, ssestore.Outcome, error) {
	return func(r *http.Request, out ssestore.Outcome, err error) {
		level := slog.LevelInfo
		var size *cookie.SizeError
		switch {
		case errors.As(err, &size): // see "A cookie is too large"
			level = slog.LevelError
		case errors.Is(err, auth.ErrNoUser): // somebody is asked to log in
			level = slog.LevelDebug
		case err != nil, out.KeyWorn, out.Unpublished != nil, len(out.Unreadable) > 0:
			level = slog.LevelWarn
		case out.Refused == cookie.ReasonNone && len(out.SetCookie) == 0:
			level = slog.LevelDebug
		}
		log.Log(r.Context(), level, "session", "method", r.Method, "path", r.URL.Path,
			"refused", out.Refused.String(), "kid", out.KeyID, "bytes", out.Bytes,
			"renewed", out.Renewed, "resealed", out.Resealed, "deleted", out.Deleted,
			"older_primary", out.OlderPrimary, "unpublished", out.Unpublished != nil,
			"unreadable", out.Unreadable, "err", err)
	}
}
