package jose_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
)

func TestJWE_NeedsAName(t *testing.T) {
	if c, err := jose.JWE("", "shop"); err == nil || c != nil {
		t.Error("a codec without a name")
	}
}

// Two implementations of one format: each opens what the other seals, for every
// length that fits, the empty plaintext included.
func TestCodec_BothWaysWithJWE(t *testing.T) {
	ring := keyring.Generate()
	ours, theirs := newJWE(t, "s", "shop"), newCodec(t, "s", "shop")
	for n := 0; ours.Size(n) <= 4096; n += 1 + n/40 {
		want := random(n)
		for what, pair := range map[string][2]cookie.Codec{"go-jose opens": {ours, theirs}, "go-jose seals": {theirs, ours}} {
			value := mustSeal(t, pair[0], ring, want)
			if len(value) != theirs.Size(n) || len(value) != ours.Size(n) {
				t.Fatalf("%s %d bytes: %d characters, Size says %d", what, n, len(value), theirs.Size(n))
			}
			opened, err := pair[1].Open(ring, value)
			if err != nil {
				t.Fatalf("%s %d bytes: %v", what, n, err)
			}
			same(t, opened.Plaintext, want)
			if opened.Key.ID() != ring.Primary().ID() || !opened.Issued.IsZero() {
				t.Fatalf("%s: key %q, issued %v", what, opened.Key.ID(), opened.Issued)
			}
		}
	}
}

func TestSeal_TooLong(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	n := 1
	for c.Size(n+1) <= 4096 {
		n++
	}
	if _, err := c.Open(ring, mustSeal(t, c, ring, random(n))); err != nil {
		t.Errorf("the longest value does not open: %v", err)
	}
	value, err := c.Seal(ring, random(n+1))
	var tooLong *cookie.SizeError
	if !errors.As(err, &tooLong) || tooLong.Limit != 4096 || tooLong.Size != c.Size(n+1) || value != "" {
		t.Errorf("one byte more: %v", err)
	}
}

func TestSeal_OnlyThePrimary(t *testing.T) {
	now := time.Now()
	waiting, err := keyring.New(keyring.NewKeyAt(now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	c := newCodec(t, "s", "")
	for what, ring := range map[string]*keyring.Keyring{"nil": nil, "no active key": waiting.At(now)} {
		if v, err := c.Seal(ring, []byte("x")); !errors.Is(err, cookie.ErrNoPrimary) || v != "" {
			t.Errorf("%s: %v, want ErrNoPrimary", what, err)
		}
	}
	first := keyring.Generate()
	second, err := first.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	value := mustSeal(t, c, second, []byte("x"))
	refused(t, c, first, value, cookie.ReasonUnknownKey)
	opened, err := c.Open(second, mustSeal(t, c, first, []byte("x")))
	if err != nil || opened.Key.ID() != first.Primary().ID() {
		t.Errorf("a fallback does not open: %v", err)
	}
}

// J13, and that this codec and the default one never disagree about anything.
func TestJ13_MutantsAndTheSameVerdictsAsJWE(t *testing.T) {
	ring := keyring.Generate()
	ours, theirs := newJWE(t, "s", ""), newCodec(t, "s", "")
	rnd := rand.New(rand.NewPCG(13, 2)) // the same mutants in every run
	perValue := 20_000
	if race.Enabled {
		perValue = 500
	}
	for _, n := range []int{0, 1, 33, 221, 600} {
		value := mustSeal(t, theirs, ring, random(n))
		for range perValue {
			mutant := mutate(rnd, value)
			if mutant == value {
				continue
			}
			_, err := theirs.Open(ring, mutant)
			if err == nil {
				t.Fatalf("a mutant of a token of %d bytes opens: %q of %q", n, mutant, value)
			}
			if _, want := ours.Open(ring, mutant); cookie.ReasonOf(err) != cookie.ReasonOf(want) {
				t.Fatalf("verdict %v, JWE says %v: %q", cookie.ReasonOf(err), cookie.ReasonOf(want), mutant)
			}
		}
	}
}

// mutate changes a token in one of the ways that lax parsers overlook.
func mutate(rnd *rand.Rand, token string) string {
	b := []byte(token)
	at := rnd.IntN(len(b))
	parts := strings.Split(token, ".")
	switch rnd.IntN(11) {
	case 0:
		b[at] ^= 1 << rnd.IntN(8)
	case 1: // the last characters of a segment, where unused bits are
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		i := rnd.IntN(len(parts))
		if n := len(parts[i]); n > 0 {
			parts[i] = parts[i][:n-1] + string(alphabet[rnd.IntN(64)])
		}
		return strings.Join(parts, ".")
	case 2:
		b = b[:at]
	case 3:
		b = append(b[:at:at], append([]byte{"\r\n =\t.AB"[rnd.IntN(8)]}, b[at:]...)...)
	case 4:
		b = append(b[:at:at], b[min(at+1+rnd.IntN(5), len(b)):]...)
	case 5: // swap case
		b[at] ^= 0x20
	case 6: // move ciphertext into the tag, or tag into the ciphertext
		joined := parts[3] + parts[4]
		cut := rnd.IntN(len(joined) + 1)
		parts[3], parts[4] = joined[:cut], joined[cut:]
		return strings.Join(parts, ".")
	case 7: // an encrypted key, which dir ignores
		parts[1] = b64.EncodeToString(b[:at%40])
		return strings.Join(parts, ".")
	case 8: // swap two segments
		i, j := rnd.IntN(len(parts)), rnd.IntN(len(parts))
		parts[i], parts[j] = parts[j], parts[i]
		return strings.Join(parts, ".")
	case 9: // one segment more or less
		i := rnd.IntN(len(parts))
		return strings.Join(append(parts[:i:i], parts[min(i+rnd.IntN(3), len(parts)):]...), ".")
	case 10:
		b = append(b, b[:at]...)
	}
	return string(b)
}

// J11: name and audience are bound.
func TestJ11_Swaps(t *testing.T) {
	ring := keyring.Generate()
	type id struct{ name, audience string }
	ids := []id{{"s", ""}, {"s", "a"}, {"sa", ""}, {"a", "s"}, {"S", "a"}}
	for _, from := range ids {
		value := mustSeal(t, newCodec(t, from.name, from.audience), ring, []byte("hello"))
		for _, to := range ids {
			c := newCodec(t, to.name, to.audience)
			if from != to {
				refused(t, c, ring, value, cookie.ReasonBadTag)
			} else if _, err := c.Open(ring, value); err != nil {
				t.Error(err)
			}
		}
	}
}

// Both codecs of one format remember things in the same keys.
func TestCodec_SharesKeysWithJWE(t *testing.T) {
	for _, order := range [][]func(testing.TB, string, string) cookie.Codec{{newJWE, newCodec}, {newCodec, newJWE}} {
		ring := keyring.Generate()
		for _, make := range order {
			c := make(t, "s", "")
			if _, err := c.Open(ring, mustSeal(t, c, ring, []byte("x"))); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	ring := keyring.Generate()
	c := newCodec(t, "s", "")
	token := forge(key64, cbcHeader, `{"sub":"42"}`).String()
	foreign := opener(t, key32, key64)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				want := random(50)
				value, err := c.Seal(ring, want)
				if err != nil {
					t.Error(err)
					return
				}
				opened, err := c.Open(ring, value)
				if err != nil || !bytes.Equal(opened.Plaintext, want) {
					t.Error(err)
					return
				}
				if _, err := foreign.Open(nil, token); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// Under GODEBUG=fips140=only AES-GCM takes no nonce from outside. The setting is
// read when a program starts, so the test runs itself again.
func TestFIPS_IsAConstructionError(t *testing.T) {
	if os.Getenv("HARDTACK_TEST_FIPS") == "" {
		again := exec.Command(os.Args[0], "-test.run=^TestFIPS_IsAConstructionError$", "-test.v")
		again.Env = append(os.Environ(), "HARDTACK_TEST_FIPS=1", "GODEBUG=fips140=only")
		out, err := again.CombinedOutput()
		if bytes.Contains(out, []byte("incompatible with the purego build tag")) {
			t.Skip("the standard library has no FIPS mode with -tags purego")
		}
		if err != nil || !bytes.Contains(out, []byte("PASS: TestFIPS")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if _, err := jose.JWE("s", ""); !errors.Is(err, cookie.ErrFIPS) {
		t.Errorf("JWE: %v, want ErrFIPS", err)
	}
	if _, err := jose.WithKeys(key32)("s", ""); !errors.Is(err, cookie.ErrFIPS) {
		t.Errorf("WithKeys for A256GCM: %v, want ErrFIPS", err)
	}
	if _, err := jose.WithKeys(key64)("s", ""); err != nil {
		t.Errorf("WithKeys for A256CBC-HS512: %v", err)
	}
}
