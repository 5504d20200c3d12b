package fuzz_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/ticket"
)

const ticketLife = 3600

// ticketClaims is the one spelling of a ticket's claims, for a reader that isn't the one
// under test.
var ticketClaims = regexp.MustCompile(`^\{"iat":([1-9][0-9]{0,11}),"exp":([1-9][0-9]{0,11})(?:,"bnd":"([A-Za-z0-9_-]{22})")?,"d":((?s:.*))\}$`)

// judgeTicket is the verdict of docs/FORMAT.md on an authentic ticket: "accepted",
// "unbound" or a reason. It returns the value, too.
func judgeTicket(claims string, now int64, bound bool, field string) (value, verdict string) {
	m := ticketClaims.FindStringSubmatch(claims)
	if m == nil {
		return "", "malformed"
	}
	iat, _ := strconv.ParseInt(m[1], 10, 64)
	exp, _ := strconv.ParseInt(m[2], 10, 64)
	bnd, d := m[3], m[4]
	if raw, err := b64.DecodeString(bnd); err != nil || b64.EncodeToString(raw) != bnd || max(iat, exp) > 253402300799 {
		return "", "malformed"
	}
	switch {
	case iat > now+60:
		return "", "future"
	case now >= exp, now >= iat+ticketLife:
		return "", "expired"
	case !json.Valid([]byte(d)) || strings.Trim(d, " \t\r\n") != d:
		return "", "malformed"
	case (bnd != "") != bound:
		return "", "unbound"
	}
	if sum := sha256.Sum256(fixed.LP(field)); bound && b64.EncodeToString(sum[:16]) != bnd {
		return "", "stamp-mismatch"
	}
	return d, "accepted"
}

// FuzzTicketOpen: of an authentic ticket, whatever its claims, Open says what a plain
// reader says. Any other text opens only if it was sealed.
func FuzzTicketOpen(f *testing.F) {
	ring, m := fixed.Ring(f, 0, 1), makeTokens(f)
	kind, err := ticket.New[json.RawMessage](ticket.Config{Keys: ring, Purpose: fixed.TicketPurpose, Audience: fixed.Audience, Life: ticketLife * time.Second})
	if err != nil {
		f.Fatal(err)
	}
	open := func(t *testing.T, token string, now int64, bound bool, field string) (value, verdict string) {
		var fields func(json.RawMessage) ([]string, error)
		asked := 0
		if bound {
			fields = func(json.RawMessage) ([]string, error) { asked++; return []string{field}, nil }
		}
		v, err := kind.Open(time.Unix(now, 0), token, fields)
		switch {
		case err == nil:
			verdict = "accepted"
		case errors.Is(err, ticket.ErrUnbound):
			verdict = "unbound"
		case errors.Is(err, ticket.ErrNoTime):
			verdict = "no time"
		case errors.Is(err, cookie.ErrInvalid) && err.Error() == cookie.ErrInvalid.Error():
			verdict = cookie.ReasonOf(err).String()
		default:
			t.Fatalf("error %v", err)
		}
		if err != nil && v != nil {
			t.Fatalf("%s, with the value %q", verdict, v)
		}
		if want := verdict == "accepted" || verdict == "stamp-mismatch"; bound && (asked == 1) != want || asked > 1 {
			t.Fatalf("%s: asked for the fields %d times", verdict, asked)
		}
		return string(v), verdict
	}
	f.Fuzz(func(t *testing.T, token, claims string, now int64, bound bool, field string) {
		now %= 1 << 38
		if value, verdict := open(t, fill(token, m), now, bound, field); verdict == "accepted" || verdict == "unbound" {
			t.Fatalf("forged: %s, %q", verdict, value)
		}
		if len(claims) > 2900 {
			claims = claims[:2900]
		}
		sealed := fixed.Ticket(t, ring.Keys()[0], fmt.Sprint(len(claims)), []byte(claims))
		value, verdict := open(t, sealed, now, bound, field)
		wantValue, want := judgeTicket(claims, now, bound, field)
		if now < 1 || now > 253402300799-ticketLife {
			wantValue, want = "", "no time"
		}
		if verdict != want || value != wantValue {
			t.Fatalf("%q: %s %q, the plain reader says %s %q", claims, verdict, value, want, wantValue)
		}
	})
}
