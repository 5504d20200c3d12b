package mutants_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

var long = flag.Bool("long", false, "make a million mutants of the formats of other systems")

// A legacyFormat is a format of package legacy, with what makes a value of it.
type legacyFormat struct {
	name       string
	describe   ssestore.Legacy
	seal       func(t testing.TB, claims string) string
	separators string // what is between the segments
	slow       bool   // a forged value takes milliseconds
}

func legacyFormats() []legacyFormat {
	const secret = fixed.LegacySecret
	seal := func(salt, info string, n int) func(testing.TB, string) string {
		return func(t testing.TB, claims string) string {
			enc := gojose.A256GCM
			if n == 64 {
				enc = gojose.A256CBC_HS512
			}
			e, err := gojose.NewEncrypter(enc, gojose.Recipient{Algorithm: gojose.DIRECT, Key: fixed.Expand(t, salt, info, n)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			object, err := e.Encrypt([]byte(claims))
			if err != nil {
				t.Fatal(err)
			}
			token, err := object.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
	}
	iron := func(rounds int, suffix string) func(testing.TB, string) string {
		return func(t testing.TB, claims string) string {
			v := fixed.NewIron(rounds, claims)
			sum := fixed.Bytes(claims)
			v.Salt, v.MACSalt, v.IV = fmt.Sprintf("%x", sum), fmt.Sprintf("%x", fixed.Bytes(claims+"mac")), sum[:16]
			v.Expiration = fmt.Sprint(time.Now().AddDate(1, 0, len(claims)%100).UnixMilli())
			return v.Seal(t) + suffix
		}
	}
	auth := "__Secure-authjs.session-token"
	return []legacyFormat{
		{"AuthJS", legacy.AuthJS(cookie.Config{}, secret), seal(auth, "Auth.js Generated Encryption Key ("+auth+")", 64), ".", false},
		{"AuthJS, A256GCM", legacy.AuthJS(cookie.Config{}, secret), seal(auth, "Auth.js Generated Encryption Key ("+auth+")", 32), ".", false},
		{"NextAuth", legacy.NextAuth(cookie.Config{}, secret), seal("", "NextAuth.js Generated Encryption Key", 32), ".", false},
		{"NextJSAuth0", legacy.NextJSAuth0(cookie.Config{}, secret), seal("", "JWE CEK", 32), ".", false},
		{"ExpressOpenIDConnect", legacy.ExpressOpenIDConnect(cookie.Config{}, secret), seal("", "JWE CEK", 32), ".", false},
		{"BetterAuth", legacy.BetterAuth(cookie.Config{}, secret),
			seal("better-auth-session", "BetterAuth.js Generated Encryption Key", 64), ".", false},
		{"IronSession", legacy.IronSession(cookie.Config{Name: "app"}, time.Hour, secret), iron(1, "~2"), "*~", false},
		{"H3", legacy.H3(cookie.Config{}, secret), iron(8192, ""), "*", true},
		{"H3 before 2", legacy.H3(cookie.Config{}, secret), iron(1, ""), "*", true},
		{"CookieSession", legacy.CookieSession(cookie.Config{}, secret), func(_ testing.TB, claims string) string {
			return fixed.Keygrip("session", base64.StdEncoding.EncodeToString([]byte(claims)))
		}, ";", false},
		{"Flask", legacy.Flask(cookie.Config{}, secret), func(_ testing.TB, claims string) string { return fixed.Flask(claims) }, ".", false},
		{"Django", legacy.Django(cookie.Config{}, secret), func(_ testing.TB, claims string) string { return fixed.Django(claims) }, ":", false},
		{"Rails", legacy.Rails(cookie.Config{Name: "_app"}, secret), func(t testing.TB, claims string) string { return fixed.Rails(t, "_app", claims) }, "-%", false},
	}
}

func (f legacyFormat) codec(t testing.TB) cookie.Codec {
	t.Helper()
	c, err := f.describe.Format(f.describe.Cookie.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// legacyFamilies are the general changes, and those that know where the segments are.
func legacyFamilies(separators string) []family {
	// cut returns where the segments of s begin and end.
	cut := func(s string) (at []int) {
		at = append(at, 0)
		for i := range len(s) {
			if strings.IndexByte(separators, s[i]) >= 0 {
				at = append(at, i, i+1)
			}
		}
		return append(at, len(s))
	}
	segment := func(s string, at []int, i int) string { return s[at[2*i]:at[2*i+1]] }
	return append(generalFamilies(),
		family{"segments", func(r *rand.Rand, dst []byte, s, other string) []byte {
			at, to := cut(s), cut(other)
			i, j := r.IntN(len(at)/2), r.IntN(len(to)/2)
			put := segment(other, to, j)
			switch r.IntN(4) {
			case 0: // the same segment of another value
				if i < len(to)/2 {
					put = segment(other, to, i)
				}
			case 1:
				put = ""
			case 2: // one too many
				put = segment(s, at, i) + separators[:1] + put
			}
			dst = append(dst, s[:at[2*i]]...)
			dst = append(dst, put...)
			return append(dst, s[at[2*i+1]:]...)
		}},
		family{"unused bits", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			at := cut(s)
			i := r.IntN(len(at) / 2)
			text := segment(s, at, i)
			dst = append(dst, s[:at[2*i]]...)
			dst = append(dst, text...)
			if len(text) > 0 {
				dst = unused(r, dst, [...]int{0, 6, 4, 2}[len(text)%4])
			}
			if r.IntN(3) == 0 {
				dst = append(dst, "=="[:1+r.IntN(2)]...)
			}
			return append(dst, s[at[2*i+1]:]...)
		}},
		family{"digits", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			// Dates and salts: another digit, one more, one less.
			dst = append(dst, s...)
			at := r.IntN(len(dst))
			for n := 0; n < len(dst) && (dst[at] < '0' || dst[at] > '9'); n++ {
				at = (at + 1) % len(dst)
			}
			switch r.IntN(3) {
			case 0:
				dst[at] = '0' + byte(r.IntN(10))
			case 1:
				dst = append(dst[:at], append([]byte{'0' + byte(r.IntN(10))}, dst[at:]...)...)
			default:
				dst = append(dst[:at], dst[at+1:]...)
			}
			return dst
		}},
	)
}

// TestH35_MutantsOfOtherSystems: no altered value of another system opens or panics. It is a
// million over all formats with -long, and a sample without.
func TestH35_MutantsOfOtherSystems(t *testing.T) {
	formats := legacyFormats()
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			c := f.codec(t)
			h := &hunt{twice: 4, count: 10_000, families: legacyFamilies(f.separators), open: func(value string) error {
				_, err := c.Open(nil, value)
				return err
			}}
			switch {
			case *long:
				h.count = 1_000_000/len(formats) + 1
			case f.slow || race.Enabled || testing.Short():
				h.count = 1_000
			}
			for n := range 24 {
				size := n * 17
				if n >= 20 {
					size = 8_000 // as long as joined parts get, or nearly
				}
				claims := fmt.Sprintf(`{"sub":"user %d","iat":%d,"createdAt":%d,"filler":"%s"}`, n, time.Now().Unix(), time.Now().UnixMilli(), strings.Repeat("x", size))
				value := f.seal(t, claims)
				if err := h.open(value); err != nil {
					t.Fatalf("what was sealed doesn't open: %v", cookie.ReasonOf(err))
				}
				h.sealed = append(h.sealed, value)
			}
			h.none(t, cookie.ReasonForeign, cookie.ReasonUnknownKey)
		})
	}
}

const (
	longest  = 16384
	mostOnce = 65536
)

// TestH32_NoLargeAllocation: no value of up to 16 KB, whether it opens or not, makes a
// format allocate more than 64 KB at once.
//
// The test runs itself again with every allocation profiled. A record of the profile is of
// one stack and one size, so its mean is the size of each of its allocations.
func TestH32_NoLargeAllocation(t *testing.T) {
	if os.Getenv("HARDTACK_TEST_ALLOC") == "" {
		if race.Enabled {
			t.Skip("the race detector allocates on its own")
		}
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestH32_NoLargeAllocation$", "-test.v")
		again.Env = append(os.Environ(), "HARDTACK_TEST_ALLOC=1", "GODEBUG=memprofilerate=1")
		out, err := again.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		return
	}
	// What the measure has to find: one large allocation among many small ones, at one
	// place in the source.
	for n := range 1000 {
		size := 16
		if n == 500 {
			size = mostOnce + 1
		}
		canary = make([]byte, size)
	}
	r := rand.New(rand.NewPCG(32, 1))
	for _, f := range legacyFormats() {
		c := f.codec(t)
		// The longest value that there may be: bytes of claims are a third more characters.
		value := ""
		for n := longest; ; n -= 16 {
			if value = f.seal(t, `{"iat":1700000000,"filler":"`+strings.Repeat("x", n)+`"}`); len(value) <= longest {
				break
			}
			n -= (len(value) - longest) / 2
		}
		if _, err := c.Open(nil, value); err != nil {
			t.Fatalf("%s: %v", f.name, cookie.ReasonOf(err))
		}
		families := legacyFamilies(f.separators)
		for range 60 {
			c.Open(nil, string(families[r.IntN(len(families))].change(r, nil, value, value)))
		}
		for _, text := range []string{strings.Repeat(f.separators[:1], longest), strings.Repeat("A", longest), "Fe26.2" + strings.Repeat("*", longest-6),
			"Fe26.2**" + strings.Repeat("a", 64) + "*" + strings.Repeat("A", longest-80) + "*", strings.Repeat("-", longest), strings.Repeat("%41", longest/3),
			strings.Repeat("A.", longest/2), "eyJ" + strings.Repeat("bb", longest/2-10) + "...."} {
			c.Open(nil, text)
		}
	}
	runtime.GC() // the profile is that of the last collection but one
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 100_000)
	n, ok := runtime.MemProfile(records, true)
	if !ok {
		t.Fatalf("%d records", n)
	}
	found, largest := false, int64(0)
	for _, rec := range records[:n] {
		if rec.AllocObjects == 0 {
			continue
		}
		stack := stackOf(rec.Stack())
		size := rec.AllocBytes / rec.AllocObjects
		found = found || size > mostOnce && strings.Contains(stack, "TestH32_NoLargeAllocation")
		if !strings.Contains(stack, "hardtack/ssestore/legacy.") && !strings.Contains(stack, "hardtack/cookie/jose.") || strings.Contains(stack, ".codec") {
			continue
		}
		largest = max(largest, size)
		if size > mostOnce {
			t.Errorf("%d bytes at once:\n%s", size, stack)
		}
	}
	if !found {
		t.Error("the measure misses what it has to find")
	}
	t.Logf("the largest allocation has %d bytes", largest)
}

var canary []byte

func stackOf(pcs []uintptr) string {
	var b bytes.Buffer
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n", frame.Function)
		if !more {
			return b.String()
		}
	}
}

// BenchmarkForged is what a forged value costs, of the shape of a genuine one.
func BenchmarkForged(b *testing.B) {
	for _, f := range legacyFormats() {
		b.Run(strings.ReplaceAll(f.name, " ", "_"), func(b *testing.B) {
			c := f.codec(b)
			value := f.seal(b, fmt.Sprintf(`{"iat":%d,"filler":"%s"}`, time.Now().Unix(), strings.Repeat("x", 200)))
			at := len(value) - 12
			forged := value[:at] + string("AB"[(value[at]-'A'+1)%2]) + value[at+1:]
			if forged == value {
				b.Fatal("not forged")
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Open(nil, forged); err == nil {
					b.Fatal("a forged value opens")
				}
			}
		})
	}
}
