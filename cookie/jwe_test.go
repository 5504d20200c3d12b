package cookie_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

func seal(t testing.TB, codec cookie.Codec, ring *keyring.Keyring, plaintext []byte) string {
	t.Helper()
	value, err := codec.Seal(ring, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// wantReason checks a refusal: the verdict, the one text (J12), nothing given.
func wantReason(t testing.TB, what string, opened cookie.Opened, err error, want cookie.Reason) {
	t.Helper()
	if cookie.ReasonOf(err) != want || err == nil || !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() {
		t.Errorf("%s: %v (%v), want %v", what, err, cookie.ReasonOf(err), want)
	}
	if opened.Plaintext != nil || opened.Key.ID() != "" || !opened.Issued.IsZero() {
		t.Errorf("%s: refused, and yet it gives something", what)
	}
}

// Every length opens to itself, and takes exactly as much room as Size says.
func TestJWE_RoundTrip(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "__Host-session", "")
	for n := range 2996 {
		plaintext := bytes.Repeat([]byte{byte(n)}, n)
		value := seal(t, codec, ring, plaintext)
		if len(value) != codec.Size(n) || len(value) != 102+(4*n+2)/3 {
			t.Fatalf("%d bytes: %d characters, Size says %d", n, len(value), codec.Size(n))
		}
		opened, err := codec.Open(ring, value)
		if err != nil || !bytes.Equal(opened.Plaintext, plaintext) || opened.Key.ID() != ring.Primary().ID() || !opened.Issued.IsZero() {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if n := codec.Size(220); n != 396 { // 102 + 4/3 of 220, rounded up: docs/FORMAT.md, Token
		t.Errorf("220 bytes take %d characters", n)
	}
}

// What Open would not take, Seal does not make.
func TestJWE_TooLong(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	for n := 2995; n < 3000; n++ {
		value, err := codec.Seal(ring, make([]byte, n))
		var size *cookie.SizeError
		if fits := codec.Size(n) <= 4096; fits != (err == nil) || !fits && (value != "" || !errors.As(err, &size) || size.Size != codec.Size(n) || size.Limit != 4096) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	text := (&cookie.SizeError{Size: 5000, Limit: 3600, Largest: []string{"cart", "prefs"}}).Error()
	if want := "cookie: value of 5000 characters, at most 3600 fit; largest: cart, prefs"; text != want {
		t.Errorf("%q", text)
	}
}

// The plaintext belongs to the caller: writing to it, or appending, reaches
// neither the token nor a later result.
func TestJWE_PlaintextIsTheCallers(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	plaintext := []byte("plaintext")
	value := seal(t, codec, ring, plaintext)
	if string(plaintext) != "plaintext" {
		t.Error("Seal changed its input")
	}
	before := strings.Clone(value)
	for range 2 {
		opened, err := codec.Open(ring, value)
		if err != nil || string(opened.Plaintext) != "plaintext" {
			t.Fatalf("%q %v", opened.Plaintext, err)
		}
		if cap(opened.Plaintext) != len(opened.Plaintext) {
			t.Error("room behind the plaintext")
		}
		clear(append(opened.Plaintext, "more"...))
		clear(opened.Plaintext)
	}
	if value != before {
		t.Error("the token changed")
	}
}

// A fallback opens and does not seal; a ring without an active key opens; nil
// does neither.
func TestJWE_Rings(t *testing.T) {
	codec := newJWE(t, "s", "")
	old := keyring.Generate()
	value := seal(t, codec, old, []byte("x"))
	ring, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := codec.Open(ring, value)
	if err != nil || opened.Key.ID() != old.Primary().ID() {
		t.Errorf("fallback: %v", err)
	}
	fresh := seal(t, codec, ring, []byte("x"))
	if opened, err := codec.Open(ring, fresh); err != nil || opened.Key.ID() != ring.Primary().ID() || opened.Key.ID() == old.Primary().ID() {
		t.Errorf("primary: %v", err)
	}
	opened, err = codec.Open(old, fresh)
	wantReason(t, "a newer key", opened, err, cookie.ReasonUnknownKey)
	opened, err = codec.Open(nil, fresh)
	wantReason(t, "nil ring", opened, err, cookie.ReasonUnknownKey)
	opened, err = codec.Open(&keyring.Keyring{}, fresh)
	wantReason(t, "zero ring", opened, err, cookie.ReasonUnknownKey)

	for name, ring := range map[string]*keyring.Keyring{"nil": nil, "zero": {}, "no active key": sleeping(t)} {
		if value, err := codec.Seal(ring, []byte("x")); value != "" || !errors.Is(err, cookie.ErrNoPrimary) {
			t.Errorf("%s ring seals: %q %v", name, value, err)
		}
	}
}

// sleeping is a ring whose only key is not active yet.
func sleeping(t testing.TB) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.New(keyring.NewKeyAt(t0.AddDate(300, 0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// The verdicts in the order of the checks: whoever fails two is judged by the
// first, so that a value is never deletable because of what comes behind an
// unknown key.
func TestJWE_OrderOfVerdicts(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	known, unknown := seal(t, codec, ring, []byte("abc")), seal(t, codec, keyring.Generate(), []byte("abc"))
	for _, c := range []struct {
		name, value string
		want        cookie.Reason
	}{
		{"too long", known + strings.Repeat("A", 4096), cookie.ReasonForeign},
		{"unknown key, then nothing", unknown[:60], cookie.ReasonUnknownKey},
		{"unknown key, short tag", unknown[:len(unknown)-4], cookie.ReasonUnknownKey},
		{"known key, then nothing", known[:60], cookie.ReasonMalformed},
		{"header cut", known[:59], cookie.ReasonForeign},
		{"short tag", known[:len(known)-4], cookie.ReasonMalformed},
		{"bad base64 and bad tag", forged(known)[:len(known)-1] + "=", cookie.ReasonMalformed},
		{"bad tag", forged(known), cookie.ReasonBadTag},
	} {
		opened, err := codec.Open(ring, c.value)
		wantReason(t, c.name, opened, err, c.want)
	}
}

// J6, J11: purpose, name and audience are bound, and injectively: of N values
// each opens under its own binding alone, also where concatenations are equal.
func TestJ6_J11_AllSwapsRefused(t *testing.T) {
	ring := keyring.Generate()
	bindings := [][2]string{
		{"a", ""}, {"b", ""}, {"a", "b"}, {"b", "a"}, {"ab", ""}, {"ab", "c"}, {"a", "bc"}, {"c", "ab"}, {"A", ""},
		{"a", "\x00"}, {"a", "\x00\x00\x00\x01b"}, {"__Host-session", ""}, {"__Host-session", "session"}, {"session", "__Host-session"}, {"session", "__Host-"},
	}
	var codecs []cookie.Codec
	var values []string
	for _, b := range bindings {
		codec := newJWE(t, b[0], b[1])
		codecs = append(codecs, codec)
		values = append(values, seal(t, codec, ring, []byte("{}")))
	}
	for i, codec := range codecs {
		for j, value := range values {
			opened, err := codec.Open(ring, value)
			if i == j && err != nil {
				t.Errorf("%q does not open its own: %v", bindings[i], err)
			} else if i != j {
				wantReason(t, fmt.Sprintf("%q opens %q", bindings[i], bindings[j]), opened, err, cookie.ReasonBadTag)
			}
		}
	}
}

// J9, J12: an unknown key and a bad tag have the same text, which holds nothing
// of the input (T3).
func TestJ9_J12_T3_OneText(t *testing.T) {
	x := newBench(t)
	for _, c := range refusals(t, x) {
		opened, err := x.codec.Open(x.ring, c.value)
		wantReason(t, c.name, opened, err, c.reason)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, err)
			for i := 0; i+8 <= len(c.value) && i < 4096; i++ {
				if strings.Contains(text, c.value[i:i+8]) {
					t.Fatalf("%s: %s repeats the input", c.name, text)
				}
			}
		}
	}
}

// Under GODEBUG=fips140=only there is no JWE codec, and the error says why. The
// test runs itself in such a process.
func TestFIPSOnly(t *testing.T) {
	if os.Getenv("HARDTACK_FIPS_CHILD") == "1" {
		if _, err := cookie.JWE("s", ""); !errors.Is(err, cookie.ErrFIPS) {
			t.Fatalf("JWE: %v", err)
		}
		return
	}
	if runtime.GOARCH == "wasm" {
		t.Skip("a WebAssembly process cannot start another one")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestFIPSOnly$", "-test.v")
	cmd.Env = append(os.Environ(), "HARDTACK_FIPS_CHILD=1", "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if bytes.Contains(out, []byte("incompatible with the purego build tag")) {
		t.Skip("the standard library has no FIPS mode with -tags purego")
	}
	if err != nil || !bytes.Contains(out, []byte("PASS: TestFIPSOnly")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// intoOpener is what package ssestore asks a codec for.
type intoOpener interface {
	OpenInto(buf []byte, ring *keyring.Keyring, value string) ([]byte, keyring.Key, error)
}

// OpenInto gives what Open gives, in the buffer where that is large enough, and
// MaxOpen always is.
func TestJWE_OpenInto(t *testing.T) {
	codec, ring := newJWE(t, "__Host-session", ""), keyring.Generate()
	into := codec.(intoOpener)
	for _, n := range []int{0, 1, 220, 2995} {
		plaintext := bytes.Repeat([]byte{'x'}, n)
		value, err := codec.Seal(ring, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, 100, 248, jwe.MaxOpen} {
			buf := make([]byte, room)
			got, key, err := into.OpenInto(buf[:0], ring, value)
			if err != nil || !bytes.Equal(got, plaintext) || key.ID() != ring.Primary().ID() {
				t.Fatalf("%d bytes into %d: %v", n, room, err)
			}
			clear(buf)
			inside := n > 0 && got[0] == 0
			if want := n > 0 && n+28 <= room; inside != want {
				t.Errorf("%d bytes into %d: in the buffer %v, want %v", n, room, inside, want)
			}
			if cap(got) != n {
				t.Errorf("%d bytes into %d: an append would reach what follows", n, room)
			}
			if _, _, err := into.OpenInto(buf[:0], ring, forged(value)); !errors.Is(err, cookie.ErrInvalid) {
				t.Errorf("forged: %v", err)
			}
		}
	}
	if value, err := codec.Seal(ring, make([]byte, 2996)); err == nil {
		t.Errorf("a longer plaintext was sealed, into %d characters: is MaxOpen right?", len(value))
	}
}

// A header whose key id decodes to one that the ring has, but is not written in
// base64url, is no header of ours: the verdict is foreign, which deletes nothing.
// The kid is chosen so that its segment has an A, whose bits are those that a
// careless decoder gives to a character outside of the alphabet.
func TestJ9_KidAlphabet(t *testing.T) {
	secret := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	ring, err := keyring.Parse(`{"keys":[{"kty":"oct","kid":"aP1bP1A","k":"` + secret + `","use":"enc","created":1}]}`)
	if err != nil {
		t.Fatal(err)
	}
	codec := newJWE(t, "session", "")
	token, err := codec.Seal(ring, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	const prefix, header = 48, 60
	i := strings.IndexByte(token[prefix:header], 'A')
	if i < 0 {
		t.Fatalf("no A in %q: the test shows nothing", token[prefix:header])
	}
	for _, c := range []string{"!", "=", "+", "/", ".", " ", "\n", "\x00", "\x80"} {
		altered := token[:prefix+i] + c + token[prefix+i+1:]
		if _, err := codec.Open(ring, altered); cookie.ReasonOf(err) != cookie.ReasonForeign {
			t.Errorf("%q in the key id: %v", c, cookie.ReasonOf(err))
		}
	}
}

// iv is the IV segment of a token.
func iv(token string) string { return token[62:78] }

// J14: 2^17 nonces of one key under one plaintext differ.
func TestJ14_NoncesUnique(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	seen := make(map[string]bool, 1<<17)
	for range 1 << 17 {
		v := iv(seal(t, codec, ring, []byte("{}")))
		if seen[v] {
			t.Fatalf("IV %s twice", v)
		}
		seen[v] = true
	}
}

// J14: a clone of a machine has the same random source in the same state. Then
// two plaintexts still never share a nonce; only the same plaintext does, and
// that token tells nothing new. Nor do other names, audiences or keys.
func TestJ14_ClonedRandomSource(t *testing.T) {
	ring, err := keyring.Generate().Rotate()
	if err != nil {
		t.Fatal(err)
	}
	fallback, err := keyring.New(ring.Keys()[1])
	if err != nil {
		t.Fatal(err)
	}
	codec := newJWE(t, "s", "")
	seen := map[string]string{}
	clone := func(what, token string) {
		t.Helper()
		if other, twice := seen[iv(token)]; twice {
			t.Errorf("%s and %s share a nonce", what, other)
		}
		seen[iv(token)] = what
	}
	for i := range 500 {
		cryptotest.SetGlobalRandom(t, 1)
		clone(fmt.Sprint("plaintext ", i), seal(t, codec, ring, fmt.Appendf(nil, `{"n":%d}`, i)))
	}
	cryptotest.SetGlobalRandom(t, 1)
	first := seal(t, codec, ring, []byte("{}"))
	clone("empty object", first)
	cryptotest.SetGlobalRandom(t, 1)
	if again := seal(t, codec, ring, []byte("{}")); again != first {
		t.Error("the same random bytes and the same plaintext give another token: the test does not clone")
	}
	cryptotest.SetGlobalRandom(t, 1)
	clone("another name", seal(t, newJWE(t, "t", ""), ring, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 1)
	clone("another audience", seal(t, newJWE(t, "s", "x"), ring, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 1)
	clone("another key", seal(t, codec, fallback, []byte("{}")))
	cryptotest.SetGlobalRandom(t, 2)
	clone("another seed", seal(t, codec, ring, []byte("{}")))
}
