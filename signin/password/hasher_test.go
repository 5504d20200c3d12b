package password_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/signin/password"
	"golang.org/x/crypto/argon2"
)

// cheap is the least cost that NewHasher accepts, to keep the tests quick.
var cheap = password.HasherConfig{Memory: 7168, Iterations: 5}

func newHasher(t *testing.T, c password.HasherConfig) *password.Hasher {
	t.Helper()
	h, err := password.NewHasher(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t *testing.T, h *password.Hasher, pw string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHashThenVerify(t *testing.T) {
	h := newHasher(t, cheap)
	for _, pw := range []string{"correct horse battery staple", "", "ünïcödé 🔑", "a\x00b", strings.Repeat("x", 1024)} {
		stored := mustHash(t, h, pw)
		if ok, err := h.Verify(t.Context(), pw, stored); !ok || err != nil {
			t.Errorf("%q: %v, %v", pw, ok, err)
		}
		for _, wrong := range []string{pw + "x", "x" + pw, "wrong"} {
			if ok, err := h.Verify(t.Context(), wrong, stored); ok || err != nil {
				t.Errorf("%q for %q: %v, %v", wrong, pw, ok, err)
			}
		}
	}
	if first, second := mustHash(t, h, "same"), mustHash(t, h, "same"); first == second {
		t.Error("two hashes of one password are equal: no salt")
	}
}

// The string must be what every other PHC reader expects: computed here from
// golang.org/x/crypto/argon2 alone, with fixed salt.
func TestVerify_KnownAnswer(t *testing.T) {
	salt := []byte("0123456789abcdef")
	key := argon2.IDKey([]byte("correct horse battery staple"), salt, 3, 9216, 2, 32)
	b64 := base64.RawStdEncoding
	stored := "$argon2id$v=19$m=9216,t=3,p=2$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(key)

	h := newHasher(t, cheap)
	if ok, err := h.Verify(t.Context(), "correct horse battery staple", stored); !ok || err != nil {
		t.Errorf("a hash of other parameters: %v, %v", ok, err)
	}
	// From the reference implementation's command line, as its README prints it
	// (-id -t 2 -k 65536 -p 4 -l 24): only argon2i is shown there, so the variant
	// has to be refused.
	const variant = "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG"
	if ok, err := h.Verify(t.Context(), "password", variant); ok || !errors.Is(err, password.ErrHash) {
		t.Errorf("argon2i: %v, %v", ok, err)
	}
}

func TestNeedsRehash(t *testing.T) {
	now := newHasher(t, cheap)
	for name, c := range map[string]password.HasherConfig{
		"memory":      {Memory: 8192, Iterations: 5},
		"iterations":  {Memory: 7168, Iterations: 6},
		"parallelism": {Memory: 7168, Iterations: 5, Parallelism: 2},
	} {
		stored := mustHash(t, newHasher(t, c), "pw")
		if !now.NeedsRehash(stored) {
			t.Errorf("%s differs, yet no rehash", name)
		}
		if ok, err := now.Verify(t.Context(), "pw", stored); !ok || err != nil {
			t.Errorf("%s: an old hash no longer verifies: %v, %v", name, ok, err)
		}
	}
	if now.NeedsRehash(mustHash(t, now, "pw")) {
		t.Error("a fresh hash needs a rehash")
	}
	huge := strings.Repeat("$", 1<<20)
	if allocs := testing.AllocsPerRun(3, func() { now.NeedsRehash(huge) }); allocs != 0 {
		t.Errorf("a megabyte of junk is parsed before it is refused: %v allocations", allocs)
	}
	for _, s := range []string{"", "junk"} {
		if !now.NeedsRehash(s) {
			t.Errorf("%q needs none", s)
		}
	}
}

// Every row was a panic, a huge allocation, a match with an empty key or a
// second spelling somewhere.
func TestVerify_RefusesStored(t *testing.T) {
	h := newHasher(t, cheap)
	good := mustHash(t, h, "pw")
	tail := good[strings.Index(good, "p=1$")+len("p=1"):]
	salt, key := strings.Split(tail, "$")[1], strings.Split(tail, "$")[2]
	head := "$argon2id$v=19$m=7168,t=5,p=1"
	if head+tail != good {
		t.Fatal("the hash has another form than this test expects")
	}
	rows := map[string]string{
		"plain text":           "pw",
		"space":                " ",
		"argon2i":              strings.Replace(good, "argon2id", "argon2i", 1),
		"argon2d":              strings.Replace(good, "argon2id", "argon2d", 1),
		"upper case":           strings.Replace(good, "argon2id", "Argon2id", 1),
		"version 16":           strings.Replace(good, "v=19", "v=16", 1),
		"version with tail":    strings.Replace(good, "v=19", "v=19x", 1),
		"no version":           strings.Replace(good, "v=19$", "", 1),
		"zero passes":          "$argon2id$v=19$m=7168,t=0,p=1" + tail,
		"zero lanes":           "$argon2id$v=19$m=7168,t=5,p=0" + tail,
		"too many lanes":       "$argon2id$v=19$m=7168,t=5,p=17" + tail,
		"lanes overflow":       "$argon2id$v=19$m=7168,t=5,p=257" + tail,
		"zero memory":          "$argon2id$v=19$m=0,t=5,p=1" + tail,
		"memory below 8 p":     "$argon2id$v=19$m=31,t=5,p=4" + tail,
		"4 GiB":                "$argon2id$v=19$m=4194304,t=1,p=1" + tail,
		"memory just over":     "$argon2id$v=19$m=262145,t=1,p=1" + tail,
		"work just over":       "$argon2id$v=19$m=262144,t=5,p=1" + tail,
		"passes 2^32-1":        "$argon2id$v=19$m=7168,t=4294967295,p=1" + tail,
		"negative":             "$argon2id$v=19$m=-7168,t=5,p=1" + tail,
		"plus sign":            "$argon2id$v=19$m=+7168,t=5,p=1" + tail,
		"leading zero":         "$argon2id$v=19$m=07168,t=5,p=1" + tail,
		"parameters with tail": head + ",x=1" + tail,
		"swapped parameters":   "$argon2id$v=19$t=5,m=7168,p=1" + tail,
		"space in parameters":  "$argon2id$v=19$m=7168, t=5,p=1" + tail,
		"empty salt":           head + "$$" + key,
		"short salt":           head + "$" + salt[:10] + "$" + key,
		"long salt":            head + "$" + strings.Repeat("A", 88) + "$" + key,
		"empty key":            head + "$" + salt + "$",
		"short key":            head + "$" + salt + "$" + key[:20],
		"long key":             head + "$" + salt + "$" + strings.Repeat("A", 88),
		"padded":               good + "=",
		"trailing bits":        good[:len(good)-1] + "B",
		"line feed inside":     head + "$" + salt + "$" + key[:8] + "\n" + key[8:],
		"trailing line feed":   good + "\n",
		"seventh part":         good + "$x",
		"url alphabet":         head + "$" + salt + "$" + strings.Repeat("-", 43),
		"very long":            good + strings.Repeat("A", 1<<20),
	}
	// The first one makes the library panic; others would keep it busy for hours.
	for _, name := range append([]string{"zero passes"}, slices.Sorted(maps.Keys(rows))...) {
		stored := rows[name]
		if stored == good {
			t.Fatalf("%s: the row is the good hash", name)
		}
		ok, err := h.Verify(t.Context(), "pw", stored)
		if ok || !errors.Is(err, password.ErrHash) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if err != nil && strings.Contains(err.Error(), stored) && stored != " " {
			t.Errorf("%s: the error repeats the stored string", name)
		}
	}
	// The bounds themselves are still accepted.
	for _, params := range []string{"m=8,t=1,p=1", "m=262144,t=4,p=1", "m=7168,t=5,p=16"} {
		if testing.Short() && strings.Contains(params, "262144") {
			continue
		}
		if ok, err := h.Verify(t.Context(), "pw", "$argon2id$v=19$"+params+tail); ok || err != nil {
			t.Errorf("%s: %v, %v", params, ok, err)
		}
	}
}

// Argon2 allocates its memory for every computation, so the bytes allocated
// tell, without a clock, whether the work was done.
func TestVerify_SameWorkForUnknownUser(t *testing.T) {
	h := newHasher(t, cheap)
	stored := mustHash(t, h, "pw")
	work := func(pw, stored string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.Verify(t.Context(), pw, stored)
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 1024
	}
	wrong := work("wrong", stored)
	if wrong < 7168 {
		t.Fatalf("a wrong password allocates %d KiB: this test measures nothing", wrong)
	}
	for name, s := range map[string]string{"unknown user": "", "unreadable hash": "$argon2id$v=19$m=7168,t=0,p=1$c2FsdHNhbHQ$"} {
		if got := work("wrong", s); got < wrong*99/100 || got > wrong*101/100 {
			t.Errorf("%s: %d KiB of work, a wrong password takes %d", name, got, wrong)
		}
	}
	// Too long is refused before any work, known or unknown.
	for _, s := range []string{"", stored} {
		if got := work(strings.Repeat("x", 1025), s); got > 100 {
			t.Errorf("an over-long password costs %d KiB", got)
		}
	}
	if ok, err := h.Verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("nobody with no password: %v, %v", ok, err)
	}
}

func TestMaxLength(t *testing.T) {
	h := newHasher(t, password.HasherConfig{Memory: 7168, Iterations: 5, MaxLength: 64})
	long := strings.Repeat("x", 65)
	if _, err := h.Hash(t.Context(), long); !errors.Is(err, password.ErrTooLong) {
		t.Errorf("Hash of 65 bytes: %v", err)
	}
	stored := mustHash(t, newHasher(t, cheap), long)
	if ok, err := h.Verify(t.Context(), long, stored); ok || err != nil {
		t.Errorf("Verify of 65 bytes: %v, %v", ok, err)
	}
	if ok, err := h.Verify(t.Context(), long[:64], mustHash(t, h, long[:64])); !ok || err != nil {
		t.Errorf("64 bytes: %v, %v", ok, err)
	}
}

func TestNewHasher_ReportsEveryError(t *testing.T) {
	if _, err := password.NewHasher(password.HasherConfig{MaxLength: 63}); err == nil {
		t.Fatal("a limit of 63 bytes is accepted")
	}
	_, err := password.NewHasher(password.HasherConfig{Memory: 64, Iterations: 1, Parallelism: 17, MaxLength: 63, Concurrent: -1})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"Memory", "Iterations", "Parallelism", "MaxLength", "Concurrent"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not reported: %v", field, err)
		}
	}
	if ce := new(password.ConfigError); !errors.As(err, &ce) {
		t.Error("no *ConfigError inside")
	}
	for name, c := range map[string]password.HasherConfig{
		"6 MiB, many passes":    {Memory: 7167, Iterations: 100},
		"weaker than any row":   {Memory: 7168, Iterations: 4},
		"a terabyte":            {Memory: 1 << 30},
		"17 lanes":              {Parallelism: 17},
		"a limit of 63 bytes":   {MaxLength: 63},
		"less than one at once": {Concurrent: -1},
	} {
		if _, err := password.NewHasher(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := password.NewHasher(password.HasherConfig{MaxLength: 65537}); err == nil {
		t.Error("a limit of 65537 bytes is accepted")
	}
	if _, err := password.NewHasher(password.HasherConfig{}); err != nil {
		t.Errorf("the zero HasherConfig: %v", err)
	}
}

func TestZeroHasherFailsClosed(t *testing.T) {
	for _, h := range []*password.Hasher{nil, new(password.Hasher)} {
		if s, err := h.Hash(t.Context(), "pw"); s != "" || !errors.Is(err, password.ErrZeroHasher) {
			t.Errorf("Hash: %q, %v", s, err)
		}
		if ok, err := h.Verify(t.Context(), "pw", ""); ok || !errors.Is(err, password.ErrZeroHasher) {
			t.Errorf("Verify: %v, %v", ok, err)
		}
		h.NeedsRehash("") // must not panic
		h.NeedsRehash(mustHash(t, newHasher(t, cheap), "pw"))
	}
}

func TestConcurrent_WaitsNoLongerThanTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.HasherConfig{Memory: 7168, Iterations: 5, Concurrent: 2})
		stored := mustHash(t, h, "pw")
		release := password.Occupy(h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if ok, err := h.Verify(ctx, "pw", stored); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Verify in a full house: %v, %v", ok, err)
		}
		if _, err := h.Hash(ctx, "pw"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Hash in a full house: %v", err)
		}
		release()
		// Now there is room, but the context is over: still refused.
		for range 20 {
			if ok, err := h.Verify(ctx, "pw", stored); ok || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Verify with a context that is over: %v, %v", ok, err)
			}
		}
		if ok, err := h.Verify(t.Context(), "pw", stored); !ok || err != nil {
			t.Errorf("the slots did not come back: %v, %v", ok, err)
		}
	})
}
