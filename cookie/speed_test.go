package cookie_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
)

// The plaintext of the speed tests: as long as the claims of a real session.
var payload = []byte(strings.Repeat("0123456789abcdef", 14)[:220])

// bench is what every speed test needs: a ring, a codec, a value.
type bench struct {
	ring  *keyring.Keyring
	codec cookie.Codec
	value string
}

func newBench(t testing.TB) bench {
	ring := keyring.Generate()
	codec := newJWE(t, "__Host-session", "")
	value, err := codec.Seal(ring, payload)
	if err != nil {
		t.Fatal(err)
	}
	return bench{ring, codec, value}
}

// bare is AES-256-GCM alone: the same plaintext and the same 60 bytes of
// additional data, into a ready buffer.
type bare struct {
	aead          cipher.AEAD
	nonce, header []byte
	sealed, buf   []byte
}

func newBare(t testing.TB, value string) *bare {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	b := &bare{aead: aead, nonce: make([]byte, 12), header: []byte(value[:60]), buf: make([]byte, 0, 512)}
	b.sealed = aead.Seal(nil, b.nonce, payload, b.header)
	return b
}

func (b *bare) open() { b.aead.Open(b.buf, b.nonce, b.sealed, b.header) }

func (b *bare) seal() {
	rand.Read(b.nonce)
	b.aead.Seal(b.buf, b.nonce, payload, b.header)
}

func forged(value string) string {
	tag := byte('A')
	if value[len(value)-10] == tag {
		tag = 'B'
	}
	return value[:len(value)-10] + string(tag) + value[len(value)-9:]
}

func BenchmarkOpen(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.codec.Open(x.ring, x.value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.codec.Seal(x.ring, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	x := newBench(b)
	k := newCookie(b, cookie.Config{})
	now := time.Unix(1700000000, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Set(x.value, now, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuse(b *testing.B) {
	x := newBench(b)
	for _, c := range refusals(b, x) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.codec.Open(x.ring, c.value)
			}
		})
	}
}

type refusal struct {
	name, value string
	reason      cookie.Reason
	allocs      float64
}

func refusals(t testing.TB, x bench) []refusal {
	other, err := x.codec.Seal(keyring.Generate(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return []refusal{
		{"foreign", "MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFBa180QUFBUVp6ZEhKcGJtY01CUUFEWm05dkJuTjBjbWx1Wnd3RkFBTmlZWEk9fA", cookie.ReasonForeign, 0},
		{"empty", "", cookie.ReasonForeign, 0},
		{"long", strings.Repeat("A", 1<<20), cookie.ReasonForeign, 0},
		{"unknown key", other, cookie.ReasonUnknownKey, 0},
		{"truncated", x.value[:100], cookie.ReasonMalformed, 0},
		{"shape", x.value[:61] + "x" + x.value[62:], cookie.ReasonMalformed, 0},
		{"forged", forged(x.value), cookie.ReasonBadTag, 1},
	}
}

// BenchmarkRatios measures what the targets speak of: ratios inside one run,
// medians of interleaved rounds, because times alone mean nothing on a shared
// machine. Run it with -bench=Ratios -benchtime=1x.
func BenchmarkRatios(b *testing.B) {
	const rounds, batch = 1001, 200
	x := newBench(b)
	p := newBare(b, x.value)
	bad := forged(x.value)
	cases := refusals(b, x)
	work := []func(){
		p.open,
		func() { x.codec.Open(x.ring, x.value) },
		p.seal,
		func() { x.codec.Seal(x.ring, payload) },
		func() { x.codec.Open(x.ring, bad) },
		func() { x.codec.Open(x.ring, cases[0].value) },
		func() { x.codec.Open(x.ring, cases[3].value) },
		func() { x.codec.Open(x.ring, cases[5].value) },
	}
	for b.Loop() {
		times := make([][]float64, len(work))
		for range rounds {
			for i, f := range work {
				start := time.Now()
				for range batch {
					f()
				}
				times[i] = append(times[i], float64(time.Since(start))/batch)
			}
		}
		var m []float64
		for _, t := range times {
			slices.Sort(t)
			m = append(m, t[rounds/2])
		}
		b.ReportMetric(m[0], "ns/bare-open")
		b.ReportMetric(m[1], "ns/open")
		b.ReportMetric(m[1]/m[0], "open/bare")
		b.ReportMetric(m[2], "ns/bare-seal")
		b.ReportMetric(m[3], "ns/seal")
		b.ReportMetric(m[3]/m[2], "seal/bare")
		b.ReportMetric(m[4]/m[1], "forged/open")
		b.ReportMetric(m[5], "ns/foreign")
		b.ReportMetric(m[6], "ns/unknown")
		b.ReportMetric(m[7], "ns/shape")
	}
}

// Allocations are the gate, times are information.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector adds allocations of its own")
	}
	x := newBench(t)
	allocs := func(name string, most float64, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(200, f); n > most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, most)
		}
	}
	allocs("open", 1, func() { x.codec.Open(x.ring, x.value) })
	allocs("seal", 1, func() { x.codec.Seal(x.ring, payload) })
	for _, c := range refusals(t, x) {
		if _, err := x.codec.Open(x.ring, c.value); cookie.ReasonOf(err) != c.reason {
			t.Errorf("%s: reason %v, want %v", c.name, cookie.ReasonOf(err), c.reason)
		}
		allocs("refuse "+c.name, c.allocs, func() { x.codec.Open(x.ring, c.value) })
	}
	k := newCookie(t, cookie.Config{})
	lines := []string{"a=b; __Host-session=" + x.value + "; c=d", "__Host-session=" + x.value}
	allocs("find", 0, func() {
		var dst [cookie.MaxCandidates + 1]string
		if len(k.Find(dst[:0], lines)) != 1 {
			panic("not found")
		}
	})
	now := time.Unix(1700000000, 0)
	allocs("set", 1, func() { k.Set(x.value, now, time.Hour) })
	allocs("delete", 0, func() { k.Delete() })
	allocs("reason", 0, func() { cookie.ReasonOf(cookie.ReasonExpired.Err()) })
}
