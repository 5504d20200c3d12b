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

// TestEncode holds both encoders to encoding/base64, for every length up to several
// blocks, every byte in every place, and nothing written outside of dst.
func TestEncode(t *testing.T) {
	for name, encode := range map[string]func(dst, src []byte){"Encode": base64url.Encode, "portable": base64url.PortableEncode} {
		check := func(src []byte) {
			t.Helper()
			want := base64.RawURLEncoding.EncodeToString(src)
			whole := bytes.Repeat([]byte{'#'}, len(want)+64)
			dst := whole[32 : 32+len(want) : 32+len(want)]
			encode(dst, bytes.Clone(src))
			edge := strings.Repeat("#", 32)
			if string(whole) != edge+want+edge {
				t.Fatalf("%s of %x: %q, want %q", name, src, whole, want)
			}
			if got := base64url.Append([]byte("kept:"), src); string(got) != "kept:"+want {
				t.Fatalf("Append of %x: %q, want %q", src, got, want)
			}
		}
		r := rand.NewChaCha8([32]byte{1})
		for n := range 200 {
			src := make([]byte, n)
			r.Read(src)
			check(src)
		}
		for place := range 32 {
			for c := range 256 {
				src := make([]byte, 32)
				src[place] = byte(c)
				check(src)
			}
		}
	}
}

// TestEncode_InPlace spreads bytes out from the front of the buffer in whose end they
// are, as jwe.Seal does: as close together as they can be.
func TestEncode_InPlace(t *testing.T) {
	for name, encode := range map[string]func(dst, src []byte){"Encode": base64url.Encode, "portable": base64url.PortableEncode} {
		r := rand.NewChaCha8([32]byte{2})
		for n := range 400 {
			src := make([]byte, n)
			r.Read(src)
			want := base64.RawURLEncoding.EncodeToString(src)
			buf := make([]byte, len(want))
			copy(buf[len(want)-n:], src)
			encode(buf, buf[len(want)-n:])
			if string(buf) != want {
				t.Fatalf("%s of %d bytes in place: %q, want %q", name, n, buf, want)
			}
		}
	}
}

// sameDecode compares both decoders and Canonical with the plain twin.
func sameDecode(t *testing.T, s string) {
	t.Helper()
	want, ok := base64url.PlainDecode(s)
	if got := base64url.Canonical(s); got != ok {
		t.Fatalf("canonical %q: %v, want %v", s, got, ok)
	}
	for name, decode := range map[string]func([]byte, string) bool{"Decode": base64url.Decode, "portable": base64url.PortableDecode} {
		for _, spare := range []int{0, 1, 3, 4, 20} {
			room := base64url.DecodedLen(len(s)) + spare
			whole := bytes.Repeat([]byte{'z'}, room+32)
			dst := whole[:room:room]
			if got := decode(dst, s); got != ok {
				t.Fatalf("%s of %q with %d to spare: %v, want %v", name, s, spare, got, ok)
			}
			if string(whole[room:]) != strings.Repeat("z", 32) {
				t.Fatalf("%s of %q with %d to spare wrote behind dst", name, s, spare)
			}
			if !ok {
				continue
			}
			if !bytes.Equal(dst[:len(want)], want) {
				t.Fatalf("%s of %q: %x, want %x", name, s, dst, want)
			}
			if spare > 4 && string(dst[len(want)+4:]) != strings.Repeat("z", spare-4) {
				t.Fatalf("%s of %q wrote more than four bytes behind the end", name, s)
			}
		}
	}
	if !ok {
		return
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

// The vector code judges and decodes every character in each of its places.
func TestBlocks(t *testing.T) {
	if !base64url.Vector() {
		t.Skip("no vector code for this processor, or none with -tags purego")
	}
	for at := range 48 { // three blocks; the last has no room and goes the other way
		for c := range 256 {
			b := []byte(strings.Repeat("Hardtack", 6))
			b[at] = byte(c)
			sameDecode(t, string(b))
		}
	}
}

// Every length up to four blocks, every character in every place of the last
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
	for n := range 72 {
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

// Three is Decode of four characters, and says by itself where it is none.
func TestThree(t *testing.T) {
	for place := range 4 {
		for c := range 256 {
			s := []byte("b-_9")
			s[place] = byte(c)
			got := base64url.Three(s[0], s[1], s[2], s[3])
			want, ok := base64url.PlainDecode(string(s))
			if (got <= 0xffffff) != ok || ok && got != uint32(want[0])<<16|uint32(want[1])<<8|uint32(want[2]) {
				t.Errorf("%q: %#x, want %x %v", s, got, want, ok)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "AAAAAAAA", "AAAA=", "AA==", "A\nAA", "++//", "-_-_-_-_-_-_", "AAAAAAAAAAAAAAAAAAAA\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { sameDecode(t, s) })
}

// BenchmarkDecode decodes as much as a session has.
func BenchmarkDecode(b *testing.B) {
	s := strings.Repeat("Hardtack", 40)
	dst := make([]byte, len(s))
	b.Run("vector", func(b *testing.B) {
		for b.Loop() {
			base64url.Decode(dst, s)
		}
	})
	b.Run("portable", func(b *testing.B) {
		for b.Loop() {
			base64url.PortableDecode(dst, s)
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			base64url.PlainDecode(s)
		}
	})
}
