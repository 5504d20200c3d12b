package ssestore_test

import (
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

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
		OpenInto([]byte, *keyring.Keyring, string) (cookie.Opened, error)
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
	who := s.Identity()
	run("identity", func() { s.Identity() })
	run("memo", func() {
		m := s.Memo(b)
		m.Lock()
		m.Set(who, b)
		m.Unlock()
	})
	run("stamp", func() { s.Stamp(who.Stamp.KeyID, who.ID, hash) })
	run("compare", func() { who.Stamp.Equal(who.Stamp) })
	run("confirm", func() { s.Confirm(ssestore.Stamp{}) })
}
