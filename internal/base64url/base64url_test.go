package base64url_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// The tables say what the alphabet says.
func TestTables(t *testing.T) {
	for place, table := range base64url.Places() {
		for c := range 256 {
			want := uint32(base64url.Bad)
			if i := strings.IndexByte(alphabet, byte(c)); i >= 0 {
				want = uint32(i) << (18 - 6*place)
			}
			if table[c] != want {
				t.Errorf("place %d, character %#x: %#x, want %#x", place, c, table[c], want)
			}
		}
	}
}

// sameDecode compares decode and canonical spelling with the plain twin.
func sameDecode(t *testing.T, s string) {
	t.Helper()
	want, ok := base64url.PlainDecode(s)
	dst := make([]byte, len(s)*6/8+3)
	copy(dst[len(dst)-3:], "xyz")
	if got := base64url.Decode(dst, s); got != ok {
		t.Fatalf("decode %q: %v, want %v", s, got, ok)
	}
	if got := base64url.Canonical(s); got != ok {
		t.Fatalf("canonical %q: %v, want %v", s, got, ok)
	}
	exact := make([]byte, len(s)*6/8)
	if got := base64url.Decode(exact, s); got != ok {
		t.Fatalf("decode %q into exact room: %v, want %v", s, got, ok)
	}
	if !ok {
		return
	}
	if !bytes.Equal(dst[:len(want)], want) || !bytes.Equal(exact, want) {
		t.Fatalf("decode %q: %x and %x, want %x", s, dst[:len(want)], exact, want)
	}
	if dst[len(dst)-1] != 'z' {
		t.Fatalf("decode %q wrote more than two bytes behind the end", s)
	}
	if base64.RawURLEncoding.EncodeToString(want) != s {
		t.Fatalf("%q is accepted and not canonical", s)
	}
	back := make([]byte, len(s))
	base64url.Encode(back, want)
	if string(back) != s {
		t.Fatalf("encode %x: %q, want %q", want, back, s)
	}
}

// Every length up to five words, every character in every place of the last
// group, and every single wrong character in a long string.
func TestDecodeEqualsPlainTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(64)]
		}
		return b
	}
	for n := range 40 {
		for range 20 {
			sameDecode(t, string(random(n)))
		}
		for at := max(0, n-9); at < n; at++ {
			for c := range 256 {
				s := random(n)
				s[at] = byte(c)
				sameDecode(t, string(s))
			}
		}
	}
	for range 2000 {
		b := make([]byte, r.IntN(400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		s := base64.RawURLEncoding.EncodeToString(b)
		sameDecode(t, s)
		if len(s) > 0 {
			at := r.IntN(len(s))
			sameDecode(t, s[:at]+string(rune(r.IntN(128)))+s[at+1:])
			sameDecode(t, s+string("=\n\r A"[r.IntN(5)]))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "AAAAAAAA", "AAAA=", "AA==", "A\nAA", "++//", "-_-_-_-_-_-_", "AAAAAAAAAAAAAAAAAAAA\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { sameDecode(t, s) })
}
