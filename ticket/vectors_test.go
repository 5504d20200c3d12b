package ticket_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/ticket"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// The committed vectors are what the generator makes: nobody edits them by hand.
func TestVectorsAreGenerated(t *testing.T) { vectors.Hold(t, vectorDir, makeVectors(t), *update) }

// TestVectors: every vector, in one table that other implementations can run too.
func TestVectors(t *testing.T) {
	count, results := 0, map[string]int{}
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		r := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			count++
			results[v.Result]++
			k, err := ticket.New[json.RawMessage](ticket.Config{Keys: r, Purpose: v.Purpose, Audience: v.Audience, Life: time.Duration(v.Life) * time.Second})
			if err != nil {
				t.Fatalf("%s: %v", v.ID, err)
			}
			var bound func(json.RawMessage) ([]string, error)
			if v.Bound != nil {
				bound = func(json.RawMessage) ([]string, error) { return *v.Bound, nil }
			}
			value, err := k.Open(time.Unix(v.Now, 0), v.Token, bound)
			got := "accepted"
			switch {
			case errors.Is(err, ticket.ErrUnbound):
				got = "unbound"
			case err != nil:
				if !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() {
					t.Errorf("%s: error %v", v.ID, err)
				}
				got = cookie.ReasonOf(err).String()
			}
			if got != v.Result || compactJSON(t, value) != compactJSON(t, v.Value) {
				t.Errorf("%s (%s): %s %s, want %s %s", v.ID, v.Comment, got, value, v.Result, v.Value)
			}
		}
	}
	if count < 100 {
		t.Errorf("%d vectors, want at least 100", count)
	}
	for _, result := range []string{"accepted", "expired", "malformed", "bad-tag", "stamp-mismatch", "foreign"} {
		if results[result] < 5 {
			t.Errorf("%d vectors of result %s", results[result], result)
		}
	}
	t.Logf("%d vectors: %v", count, results)
}

// compactJSON undoes the indentation of the files.
func compactJSON(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if raw == nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
