package keyring_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// hkdf32 is HKDF-SHA256 for one block of output, straight from RFC 5869 §2:
// extract with a salt of zeros, expand with the counter 1.
func hkdf32(secret []byte, info string) string {
	extract := hmac.New(sha256.New, make([]byte, 32))
	extract.Write(secret)
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write([]byte(info + "\x01"))
	return hex.EncodeToString(expand.Sum(nil))
}

func lp(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return string(b)
}

// The test's own HKDF against RFC 5869 A.3 (empty salt and info), first block.
func TestDerive_OracleKnowsRFC5869(t *testing.T) {
	secret, _ := hex.DecodeString(strings.Repeat("0b", 22))
	if got := hkdf32(secret, ""); got != "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d" {
		t.Error(got)
	}
}

// Known answers: they are the wire format. A change here logs everybody out.
func TestDerive_KnownAnswers(t *testing.T) {
	k := key(t, "AAAAAAA", 1, ms0, 0)
	for _, row := range []struct {
		label keyring.Label
		want  string
	}{
		{keyring.Label{Purpose: "seal", Name: "__Host-session"}, "ad48d8a41583d577aa50661812fd39e5d43b4231a32d86979657cca1ad58490c"},
		{keyring.Label{Purpose: "stamp"}, "b18b5c4ea85d7a89e41ea4b207197db5a3529e2e2e1c1dbe147b0904ca1c3a96"},
		{keyring.Label{Purpose: "seal", Audience: "shop", Name: "session"}, "c383db305a68e828e0da371f9b311e4b4d79fdd9a3b31f43611dcbf5c24b660d"},
		{keyring.Label{}, "d1170f9a342cc084bcd9345d03054badb965df82505cfe12bad4a3a87e901cb6"},
	} {
		got := hexOf(k.Derive(row.label))
		if got != row.want {
			t.Errorf("%+v: %s, want %s", row.label, got, row.want)
		}
		if want := hkdf32(bytesOf(1), lp("hardtack/v1", row.label.Purpose, row.label.Audience, row.label.Name)); got != want {
			t.Errorf("%+v: %s, but RFC 5869 gives %s", row.label, got, want)
		}
	}
}

// J11: every label has its own subkey, above all those that concatenate to the
// same text. All N×N swaps.
func TestJ11_LabelsAreInjective(t *testing.T) {
	parts := []string{"", "a", "b", "ab", "aa", "a\x00", "\x00a", "\x00\x00\x00\x01a", "seal", "hardtack/v1"}
	k := key(t, "AAAAAAA", 1, ms0, 0)
	seen := map[string]keyring.Label{}
	for _, p := range parts {
		for _, a := range parts {
			for _, n := range parts {
				l := keyring.Label{Purpose: p, Audience: a, Name: n}
				sub := string(k.Derive(l))
				if len(sub) != 32 {
					t.Fatalf("%d bytes", len(sub))
				}
				if other, ok := seen[sub]; ok {
					t.Errorf("%+q and %+q have one subkey", l, other)
				}
				seen[sub] = l
			}
		}
	}
	if string(key(t, "AAAAAAA", 2, ms0, 0).Derive(keyring.Label{})) == string(k.Derive(keyring.Label{})) {
		t.Error("two keys have one subkey")
	}
}

// The caller owns what Derive returns.
func TestDerive_ReturnsAFreshSlice(t *testing.T) {
	k, l := keyring.NewKey(), keyring.Label{Purpose: "seal"}
	want := string(k.Derive(l))
	clear(k.Derive(l))
	k.Cache(l, func(sub []byte) any { clear(sub); return 1 })
	if string(k.Derive(l)) != want {
		t.Error("the subkey changed")
	}
}

func TestCache(t *testing.T) {
	k := keyring.NewKey()
	a, b := keyring.Label{Purpose: "a"}, keyring.Label{Purpose: "b"}
	calls := 0
	build := func(sub []byte) any { calls++; return string(sub) }
	for range 3 {
		for _, l := range []keyring.Label{a, b} {
			if got := k.Cache(l, build); got != string(k.Derive(l)) {
				t.Error("not what build made of this label's subkey")
			}
		}
	}
	if calls != 2 {
		t.Errorf("built %d times, want once per label", calls)
	}
	other := k
	if other.Cache(a, build); calls != 2 {
		t.Error("a copy of the key builds again")
	}
	nothing := func([]byte) any { calls++; return nil }
	c := keyring.Label{Purpose: "c"}
	if first, second := k.Cache(c, nothing), k.Cache(c, nothing); first != nil || second != nil || calls != 4 {
		t.Error("nil was remembered")
	}
}

// build may use the cache itself, as a codec does that needs two subkeys.
func TestCache_Nested(t *testing.T) {
	k := keyring.NewKey()
	got := k.Cache(keyring.Label{Purpose: "outer"}, func([]byte) any {
		return k.Cache(keyring.Label{Purpose: "inner"}, func([]byte) any { return "inner" })
	})
	if got != "inner" {
		t.Error(got)
	}
}

// Of two builds at a time the first to end wins, and both callers get its result.
func TestCache_FirstResultWins(t *testing.T) {
	k, l := keyring.NewKey(), keyring.Label{Purpose: "seal"}
	got := k.Cache(l, func([]byte) any {
		k.Cache(l, func([]byte) any { return "first" })
		return "second"
	})
	if got != "first" || k.Cache(l, func([]byte) any { return "third" }) != "first" {
		t.Error(got)
	}
}

// A label that holds request data must not fill the memory.
func TestCache_Bounded(t *testing.T) {
	k := keyring.NewKey()
	calls := 0
	build := func([]byte) any { calls++; return calls }
	label := func(i int) keyring.Label { return keyring.Label{Name: strconv.Itoa(i)} }
	for range 2 {
		for i := range 1060 {
			k.Cache(label(i), build)
		}
	}
	if calls != 1024+2*36 {
		t.Errorf("built %d times: want 1,024 remembered, and 36 built each time", calls)
	}
}

// TestF508_LabelsOfManyStores: a store for each of many customers costs no more than
// one, because the key caches the subkeys of them all.
func TestF508_LabelsOfManyStores(t *testing.T) {
	k := keyring.NewKey()
	built := map[keyring.Label]int{}
	for range 2 {
		for customer := range 100 {
			for _, purpose := range []string{"seal", "nonce", "stamp", "id", "barrier", "log"} {
				l := keyring.Label{Purpose: purpose, Audience: strconv.Itoa(customer), Name: "__Secure-session"}
				got := k.Cache(l, func(sub []byte) any { built[l]++; return string(sub) })
				if got != string(k.Derive(l)) {
					t.Fatalf("%v: another label's value", l)
				}
			}
		}
	}
	for l, n := range built {
		if n != 1 {
			t.Errorf("%v: built %d times", l, n)
		}
	}
	last := keyring.Label{Purpose: "stamp", Audience: "99", Name: "__Secure-session"}
	if n := testing.AllocsPerRun(100, func() { k.Cache(last, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCache_OneResultForAll(t *testing.T) {
	k := keyring.NewKey()
	var results [32]any
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = k.Cache(keyring.Label{Name: strconv.Itoa(i % 4)}, func([]byte) any { return new(int) })
		})
	}
	wg.Wait()
	for i, r := range results {
		if r == nil || r != results[i%4] {
			t.Errorf("goroutine %d has a result of its own", i)
		}
	}
}

func TestCounters(t *testing.T) {
	k := keyring.NewKey()
	if k.Counters() != (keyring.Counters{}) {
		t.Error("a new key was used")
	}
	k.CountSeal()
	k.CountOpen(at(ms0 + 999))
	other := k
	other.CountOpen(at(ms0 - 5000)) // a late request, or a clock set back
	want := keyring.Counters{Sealed: 1, Opened: 2, LastOpened: at(ms0).UTC()}
	if got := k.Counters(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	k.CountOpen(at(ms0 + 1000))
	if got := k.Counters().LastOpened; !got.Equal(at(ms0 + 1000)) {
		t.Errorf("last opened %v", got)
	}
}

// SP 800-38D §8.3 allows 2^32; we warn at half of it.
func TestCounters_WornAt2To31Seals(t *testing.T) {
	k := keyring.NewKey()
	keyring.CountSeals(k, 1<<31-1)
	if k.Counters().Worn {
		t.Error("worn too early")
	}
	k.CountSeal()
	if !k.Counters().Worn {
		t.Error("not worn")
	}
}

func TestCounters_Concurrent(t *testing.T) {
	k := keyring.NewKey()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				k.CountSeal()
				k.CountOpen(at(ms0).Add(time.Duration(i+j) * time.Second))
			}
		})
	}
	wg.Wait()
	if c := k.Counters(); c.Sealed != 800 || c.Opened != 800 {
		t.Errorf("%+v", c)
	}
}

func BenchmarkKey(b *testing.B) {
	for _, n := range []int{1, 16} {
		keys := manyKeys(n)
		r, _ := keyring.New(keys...)
		b.Run(strconv.Itoa(n)+"keys", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := r.Key(keys[i%n].ID()); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkAt(b *testing.B) {
	now := at(ms0)
	for _, active := range []int64{0, ms0 + day} {
		r := parse(b, jwk("AAAAAAA", 1, ms0, active), jwk("BBBBBBA", 2, ms0, 0))
		b.Run("active="+strconv.FormatInt(active, 10), func(b *testing.B) {
			for b.Loop() {
				r.At(now)
			}
		})
	}
}

// BenchmarkCache asks for the third of four labels, as every request does: with the
// strings that the entry was made with, and with copies of them.
func BenchmarkCache(b *testing.B) {
	k := keyring.NewKey()
	build := func(sub []byte) any { return &sub }
	label := func(purpose string) keyring.Label {
		return keyring.Label{Purpose: purpose, Audience: "shop", Name: "__Host-session"}
	}
	for _, purpose := range []string{"seal", "nonce", "stamp", "id"} {
		k.Cache(label(purpose), build)
	}
	own := label("stamp")
	for name, l := range map[string]keyring.Label{
		"own strings": own,
		"copies":      {Purpose: strings.Clone(own.Purpose), Audience: strings.Clone(own.Audience), Name: strings.Clone(own.Name)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if k.Cache(l, build) == nil {
					b.Fatal("nothing")
				}
			}
		})
	}
}

func BenchmarkDerive(b *testing.B) {
	k, l := keyring.NewKey(), keyring.Label{Purpose: "seal", Name: "__Host-session"}
	for b.Loop() {
		k.Derive(l)
	}
}

// Run with -cpu 1,2: what counting costs when cores share a key.
func BenchmarkCountOpen(b *testing.B) {
	k := keyring.NewKey()
	b.RunParallel(func(pb *testing.PB) {
		now := at(ms0)
		for pb.Next() {
			k.CountOpen(now)
		}
	})
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
