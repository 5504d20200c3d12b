package ticket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/ticket"
)

// payload is the state of an OAuth login, about as large as tickets get.
type payload struct {
	Provider string `json:"p"`
	Verifier string `json:"v"`
	Next     string `json:"n,omitempty"`
}

type bench struct {
	kind          *ticket.Kind[payload]
	token         string
	bound         func(payload) ([]string, error)
	value         payload
	forged, other string // a bad tag, an unknown key
	foreign       string
}

func newBench(t testing.TB) bench {
	b := bench{kind: newKind[payload](t, ring(t, 2, 1)), value: payload{"google", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "/account"}}
	list := []string{"4mHTbNnKXsVdpmAGJ3vLUyfK5N"}
	b.bound = func(payload) ([]string, error) { return list, nil }
	b.token = seal(t, b.kind, b.value, list...)
	b.forged = b.token[:len(b.token)-22] + strings.Repeat("A", 22) // a tag of zeros
	b.other = seal(t, newKind[payload](t, ring(t, 9)), b.value, list...)
	b.foreign = "ya29.a0AfH6SMBx" + b.token
	return b
}

// TestAllocations: what a ticket costs. Most of it is encoding/json's; a refusal before
// the tag is checked costs nothing.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector changes allocations")
	}
	b := newBench(t)
	for _, c := range []struct {
		what string
		most float64
		do   func() error
	}{
		{"seal", 25, func() error { _, err := b.kind.Seal(t0, b.value, "4mHTbNnKXsVdpmAGJ3vLUyfK5N"); return err }},
		{"open", 12, func() error { _, err := b.kind.Open(t0, b.token, b.bound); return err }},
		{"expired", 1, func() error { b.kind.Open(after(time.Hour), b.token, b.bound); return nil }},
		{"forged", 1, func() error { b.kind.Open(t0, b.forged, b.bound); return nil }},
		{"unknown key", 0, func() error { b.kind.Open(t0, b.other, b.bound); return nil }},
		{"foreign", 0, func() error { b.kind.Open(t0, b.foreign, b.bound); return nil }},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(200, func() { c.do() })
		if n > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.what, n, c.most)
		}
		t.Logf("%s: %v allocations", c.what, n)
	}
}

func BenchmarkOpen(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.kind.Open(t0, x.token, x.bound); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.kind.Seal(t0, x.value, "4mHTbNnKXsVdpmAGJ3vLUyfK5N"); err != nil {
			b.Fatal(err)
		}
	}
}
