package mutants_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/ticket"
)

// ticketCount is K2: one million. Under the race detector and with -short it is a
// sample.
func ticketCount() int { return min(mutantCount(), 1_000_000) }

// K2: a million altered tickets, of many lengths, under both keys of a ring, bound and
// not, none of which opens or panics.
func TestK2_MillionTicketMutants(t *testing.T) {
	ring := fixed.Ring(t, 0, 1)
	kind, err := ticket.New[json.RawMessage](ticket.Config{Keys: ring, Purpose: fixed.TicketPurpose, Audience: fixed.Audience, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	field := func(json.RawMessage) ([]string, error) { return []string{"hash"}, nil }
	h := &hunt{families: tokenFamilies(), twice: 4, open: func(token string) error {
		_, err := kind.Open(fixed.Now, token, field)
		if errors.Is(err, ticket.ErrUnbound) {
			_, err = kind.Open(fixed.Now, token, nil)
		}
		return err
	}}
	sum := sha256.Sum256(fixed.LP("hash"))
	for n := range 40 {
		for i, key := range ring.Keys() {
			for _, bnd := range []string{"", `"bnd":"` + b64.EncodeToString(sum[:16]) + `",`} {
				claims := fmt.Appendf(nil, `{"iat":%d,"exp":%d,%s"d":"%s"}`, fixed.Now.Unix(), fixed.Now.Unix()+3600, bnd, strings.Repeat("x", n*7))
				h.sealed = append(h.sealed, fixed.Ticket(t, key, fmt.Sprint("mutants ", n, i, bnd), claims))
			}
		}
	}
	for _, token := range h.sealed {
		if err := h.open(token); err != nil {
			t.Fatalf("what was sealed does not open: %v", err)
		}
	}
	h.count = ticketCount()
	h.none(t, cookie.ReasonForeign, cookie.ReasonUnknownKey, cookie.ReasonMalformed, cookie.ReasonBadTag)
}
