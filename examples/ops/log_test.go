package ops_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/ops"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestOutcome: the level says whether somebody should look, and the line has what
// docs/RUNBOOK.md searches for.
func TestOutcome(t *testing.T) {
	for _, row := range []struct {
		out  ssestore.Outcome
		err  error
		want string
	}{
		{ssestore.Outcome{}, nil, "level=DEBUG"},
		{ssestore.Outcome{}, auth.ErrNoUser, "level=DEBUG"},
		{ssestore.Outcome{Refused: cookie.ReasonUnknownKey}, nil, "level=INFO|refused=unknown-key"},
		{ssestore.Outcome{Renewed: true, SetCookie: []string{"x"}, KeyID: "AAAAAAA"}, nil, "level=INFO|renewed=true|kid=AAAAAAA"},
		{ssestore.Outcome{KeyWorn: true}, nil, "level=WARN"},
		{ssestore.Outcome{Unpublished: errors.New("x")}, nil, "level=WARN|unpublished=true"},
		{ssestore.Outcome{Unreadable: []string{"cart"}}, nil, "level=WARN|unreadable=[cart]"},
		{ssestore.Outcome{}, auth.ErrUserStore, "level=WARN"},
		{ssestore.Outcome{}, &cookie.SizeError{Size: 5000, Limit: 4096}, "level=ERROR|5000"},
	} {
		var line bytes.Buffer
		log := slog.New(slog.NewTextHandler(&line, &slog.HandlerOptions{Level: slog.LevelDebug}))
		ops.Outcome(log)(httptest.NewRequest("GET", "/cart", nil), row.out, row.err)
		for want := range strings.SplitSeq(row.want+"|method=GET|path=/cart", "|") {
			if !strings.Contains(line.String(), want) {
				t.Errorf("no %q in %s", want, line.String())
			}
		}
	}
}
