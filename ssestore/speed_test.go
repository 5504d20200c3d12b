package ssestore_test

import (
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The hot path is Load, Identity and Stamp with the JWE codec: the session is its
// one allocation, and what it keeps of a long plaintext another.

func hot(t testing.TB) (*ssestore.Store, []string) {
	c := codec{"jwe", cookie.JWE, true}
	b := visited(t, newStore(t, c, ring(t, 1)), func(s *ssestore.Session) {
		login(t, s, "user-12345")
		must(t, count.Set(s, 3))
		must(t, ssestore.NewKey[string]("theme").Set(s, "dark"))
	})
	return newStore(t, c, ring(t, 1)), []string{"a=1; theme=x; " + b.lines()[0] + "; _ga=GA1.1.1234567890.1234567890"}
}

func allocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(200, f); n > want {
		t.Errorf("%s: %v allocations, at most %v", what, n, want)
	}
}

func TestAllocs_Verify(t *testing.T) {
	store, lines := hot(t)
	var id ssestore.Identity
	allocs(t, "Load and Identity", 1, func() { id = store.Load(lines, t0).Principal().Identity() })
	same(t, "user", id.ID, "user-12345")
	s := store.Load(lines, t0)
	var st ssestore.Stamp
	allocs(t, "Stamp", 0, func() { st, _ = s.Principal().Stamp(id.ID, hash) })
	same(t, "stamp", st, id.Stamp)
	ok := false
	allocs(t, "Check", 0, func() { _, ok, _ = s.Principal().Check(id.Stamp, id.ID, hash) })
	same(t, "ok", ok, true)
	allocs(t, "Confirm", 0, func() { confirm(s, ssestore.Stamp{}) })
	type key struct{}
	memo := new(int)
	allocs(t, "Load, Memo, Check, Confirm, Commit", 1, func() {
		s := store.Load(lines, t0)
		p := s.Principal()
		p.Memo(key{}, func(who ssestore.Identity, _ any) any {
			p.Check(who.Stamp, who.ID, hash)
			p.Confirm(who, ssestore.Stamp{})
			return memo
		})
		s.Commit(200)
	})
}

// The size of a session is what the collector of garbage sees of a request.
func TestAllocs_Bytes(t *testing.T) {
	if race.Enabled || strconv.IntSize < 64 {
		t.Skip("other sizes")
	}
	store, lines := hot(t)
	store.Load(lines, t0)
	// The runtime allocates too, now and then. It doesn't in every round.
	const rounds, runs = 10, 1000
	least := uint64(math.MaxUint64)
	for range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			store.Load(lines, t0)
		}
		runtime.ReadMemStats(&after)
		least = min(least, (after.TotalAlloc-before.TotalAlloc)/runs)
	}
	if least > 352 {
		t.Errorf("a request takes %d bytes, want at most 352", least)
	}
}

func TestAllocs_Read(t *testing.T) {
	store, lines := hot(t)
	n := 0
	allocs(t, "Load, Identity and one typed key", 1+4, func() {
		s := store.Load(lines, t0)
		s.Principal().Identity()
		n = count.Get(s)
	})
	same(t, "value", n, 3)
}

// TestAllocs_Refuse: what is not ours costs the session and nothing else.
func TestAllocs_Refuse(t *testing.T) {
	store, lines := hot(t)
	unknown := visited(t, newStore(t, codecs[0], ring(t, 9)), set(t, "a")).lines()[0]
	for name, line := range map[string]string{
		"no cookie":   "a=1; b=2",
		"foreign":     sessionName + "=" + strings.Repeat("x", 400),
		"unknown key": unknown,
		"truncated":   lines[0][:strings.LastIndex(lines[0], ";")-5],
	} {
		lines := []string{line}
		allocs(t, name, 1, func() {
			if store.Load(lines, t0).Principal().Identity().ID != "" {
				t.Fatal("accepted")
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	store, lines := hot(b)
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			store.Load(lines, t0)
		}
	})
	b.Run("Load+Identity+Check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := store.Load(lines, t0)
			id := s.Principal().Identity()
			if _, ok, _ := s.Principal().Check(id.Stamp, id.ID, hash); !ok {
				b.Fatal("unequal")
			}
		}
	})
	b.Run("Load+Get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			count.Get(store.Load(lines, t0))
		}
	})
	b.Run("Load+Set+Commit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := store.Load(lines, after(time.Second))
			count.Set(s, 7)
			s.Commit(200)
		}
	})
}

// BenchmarkStages times the steps from a Cookie header to a user one by one, each
// warm and alone. docs/BENCHMARKS.md adds them up.
func BenchmarkStages(b *testing.B) {
	store, lines := hot(b)
	keys := ring(b, 1)
	k, err := cookie.New(cookie.Config{})
	must(b, err)
	codec, err := cookie.JWE(k.Name(), "")
	must(b, err)
	prefix, prefixEnded := k.Name()+"=", k.Name()+"-ended="
	value := k.Find(nil, lines)[0]
	into := codec.(interface {
		OpenInto([]byte, *keyring.Keyring, string) ([]byte, keyring.Key, error)
	})
	buf := make([]byte, jwe.MaxOpen)
	var s *ssestore.Session
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	var now time.Time
	run("time.Now", func() { now = time.Now() })
	_ = now
	run("find the cookie", func() {
		var space [cookie.MaxCandidates + 1]string
		cookieheader.Find(space[:0], lines, prefix, prefixEnded)
	})
	run("open the token", func() { into.OpenInto(buf[:0], keys, value) })
	run("session without cookie", func() { s = store.Load(nil, t0) })
	run("session", func() { s = store.Load(lines, t0) })
	who := s.Principal().Identity()
	run("identity", func() { s.Principal().Identity() })
	run("memo", func() {
		s.Principal().Memo(b, func(ssestore.Identity, any) any { return b })
	})
	run("stamp", func() { s.Principal().Check(who.Stamp, who.ID, hash) })
	run("confirm", func() { confirm(s, ssestore.Stamp{}) })
}
