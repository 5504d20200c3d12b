package jwe_test

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/jwe"
)

const kid = "AbCdE-8"

func newAEAD(t testing.TB) cipher.AEAD {
	t.Helper()
	aead, err := jwe.NewAEAD(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func newNonces(t testing.TB) *jwe.Nonces {
	t.Helper()
	n, ok := jwe.NewNonces(bytes.Repeat([]byte{9}, 32)).(*jwe.Nonces)
	if !ok {
		t.Fatal("no nonces from 32 bytes")
	}
	return n
}

// same compares the fast way to read a token with the plain one, in all that can
// be seen: key id, fault and plaintext.
func same(t *testing.T, aead cipher.AEAD, token string) {
	t.Helper()
	id, ok := jwe.Kid(token)
	if id2, ok2 := jwe.PlainKid(token); id != id2 || ok != ok2 {
		t.Fatalf("Kid(%q) = %q %v, plain twin: %q %v", token, id, ok, id2, ok2)
	}
	if !ok {
		return // nobody opens it
	}
	plain, fault := jwe.Open(nil, aead, token)
	plain2, fault2 := jwe.PlainOpen(aead, token)
	if fault != fault2 || !bytes.Equal(plain, plain2) {
		t.Fatalf("Open(%q) = %q %v, plain twin: %q %v", token, plain, fault, plain2, fault2)
	}
	if check := jwe.Check(token); (check == jwe.OK) != (fault != jwe.Malformed) {
		t.Fatalf("Check(%q) = %v, Open says %v", token, check, fault)
	}
	if fault == jwe.OK && cap(plain) != len(plain) {
		t.Fatalf("capacity %d beyond length %d reaches the tag", cap(plain), len(plain))
	}
}

// Every length on either side of every group and block, sealed in place, reads
// the same by the twin, and is what the twin writes with the same nonce.
func TestSealEqualsPlainTwin(t *testing.T) {
	aead, nonces := newAEAD(t), newNonces(t)
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 700 {
		plaintext := make([]byte, n)
		for i := range plaintext {
			plaintext[i] = byte(r.Uint32())
		}
		token := jwe.Seal(aead, nonces, kid, plaintext)
		if len(token) != jwe.Size(n) || len(token) != 102+(4*n+2)/3 {
			t.Fatalf("%d bytes: %d characters, Size says %d", n, len(token), jwe.Size(n))
		}
		got, fault := jwe.PlainOpen(aead, token)
		if fault != jwe.OK || !bytes.Equal(got, plaintext) {
			t.Fatalf("%d bytes: plain twin opens %x, %v", n, got, fault)
		}
		iv, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[2])
		if err != nil {
			t.Fatal(err)
		}
		if want := jwe.PlainSeal(aead, iv, kid, plaintext); token != want {
			t.Fatalf("%d bytes:\n%s\n%s", n, token, want)
		}
		same(t, aead, token)
	}
}

// One character of a token replaced by any other, or removed, or doubled: both
// ways to read agree, and none accepts.
func TestOpenEqualsPlainTwin(t *testing.T) {
	aead, nonces := newAEAD(t), newNonces(t)
	for _, n := range []int{0, 1, 2, 3, 16} {
		token := jwe.Seal(aead, nonces, kid, make([]byte, n))
		for i := range token {
			for c := range 256 {
				changed := token[:i] + string([]byte{byte(c)}) + token[i+1:]
				same(t, aead, changed)
				if _, fault := jwe.Open(nil, aead, changed); fault == jwe.OK && changed != token {
					t.Fatalf("accepted with %#x at %d", c, i)
				}
			}
			same(t, aead, token[:i]+token[i+1:])
			same(t, aead, token[:i]+token[i:i+1]+token[i:])
			same(t, aead, token[:i])
		}
	}
	same(t, aead, "")
	same(t, aead, strings.Repeat(".", 1e6))
	same(t, aead, jwe.PlainSeal(aead, make([]byte, 12), kid, make([]byte, 2994)))
	same(t, aead, jwe.PlainSeal(aead, make([]byte, 12), kid, make([]byte, 2996)))
}

func FuzzOpen(f *testing.F) {
	aead := newAEAD(f)
	for _, n := range []int{0, 1, 2, 3, 40} {
		f.Add(jwe.PlainSeal(aead, make([]byte, 12), kid, make([]byte, n)))
	}
	f.Add("")
	f.Add(jwe.Prefix)
	f.Add(string(jwe.AppendHeader(nil, kid)) + "....")
	f.Fuzz(func(t *testing.T, token string) {
		same(t, aead, token)
		same(t, aead, string(jwe.AppendHeader(nil, kid))+"."+token) // get further in
	})
}

func FuzzSeal(f *testing.F) {
	aead, nonces := newAEAD(f), newNonces(f)
	f.Add([]byte(nil))
	f.Add([]byte(`{"sid":"AAAAAAAAAAAAAAAAAAAAAA"}`))
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		token := jwe.Seal(aead, nonces, kid, plaintext)
		if len(token) > jwe.MaxToken {
			return
		}
		got, fault := jwe.PlainOpen(aead, token)
		if fault != jwe.OK || !bytes.Equal(got, plaintext) {
			t.Fatalf("plain twin opens %x, %v; sealed %x", got, fault, plaintext)
		}
		same(t, aead, token)
	})
}

// J4: a key of any length but 32 gives no AEAD, no box and no nonces. AES itself
// would take 16 and 24.
func TestJ4_KeyLength(t *testing.T) {
	for n := range 65 {
		key := make([]byte, n)
		_, err := jwe.NewAEAD(key)
		box, nonces := jwe.NewBox(key), jwe.NewNonces(key)
		if ok := n == 32; (err == nil) != ok || (box != nil) != ok || (nonces != nil) != ok {
			t.Errorf("%d bytes: %v %v %v", n, err, box != nil, nonces != nil)
		}
	}
}

// J9: only what can be a key id of a ring is one: 7 characters of base64url
// whose last two bits are zero.
func TestJ9_KidForm(t *testing.T) {
	for _, c := range []struct {
		kid string
		ok  bool
	}{
		{"AAAAAAA", true}, {"-_-_-_8", true}, {"abcdefg", true},
		{"AAAAAAB", false}, {"AAAAAAC", false}, {"AAAAAAD", false},
		{"AAAA+AA", false}, {"AAAA/AA", false}, {"AAAA\"AA", false}, {`AAAA\"A`, false},
		{"AAA AAA", false}, {"AAAAAA=", false}, {"\x00AAAAAA", false}, {"AAAAA\xc3\xa4", false},
	} {
		token := string(jwe.AppendHeader(nil, c.kid)) + strings.Repeat("x", 80)
		got, ok := jwe.Kid(token)
		if ok != c.ok || ok && string(got[:jwe.KidLen]) != c.kid {
			t.Errorf("%q: %q %v, want %v", c.kid, got, ok, c.ok)
		}
	}
}

// Every byte at each of the 12 places behind the constant part, and every byte at
// each of the 7 places of the key id, reads the same by the twin.
func TestKidEqualsPlainTwin(t *testing.T) {
	both := func(token string) {
		t.Helper()
		id, ok := jwe.Kid(token)
		if id2, ok2 := jwe.PlainKid(token); id != id2 || ok != ok2 {
			t.Errorf("Kid(%q) = %q %v, plain twin: %q %v", token, id, ok, id2, ok2)
		}
	}
	for _, id := range []string{kid, "AAAAAAA", "____---", "zzzzzz8"} {
		header := string(jwe.AppendHeader(nil, id))
		for c := range 256 {
			for i := len(jwe.Prefix); i < jwe.HeaderLen; i++ {
				both(header[:i] + string([]byte{byte(c)}) + header[i+1:])
			}
			for i := range jwe.KidLen {
				both(string(jwe.AppendHeader(nil, id[:i]+string([]byte{byte(c)})+id[i+1:])))
			}
		}
	}
}

// Open and Check hold the length cap themselves: they do not rely on Kid having
// been asked before. The tokens are authentic, so only their length is wrong.
func TestOpen_TooLong(t *testing.T) {
	aead := newAEAD(t)
	iv := make([]byte, jwe.IVLen)
	for n := 2990; n <= 3000; n++ {
		token := jwe.PlainSeal(aead, iv, kid, make([]byte, n))
		want := jwe.OK
		if len(token) > jwe.MaxToken {
			want = jwe.Malformed
		}
		_, fault := jwe.Open(nil, aead, token)
		_, plain := jwe.PlainOpen(aead, token)
		if check := jwe.Check(token); fault != want || plain != want || check != want {
			t.Errorf("%d characters: Open %v, PlainOpen %v, Check %v, want %v", len(token), fault, plain, check, want)
		}
	}
}

func BenchmarkKid(b *testing.B) {
	token := jwe.Seal(newAEAD(b), newNonces(b), kid, make([]byte, 220))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := jwe.Kid(token); !ok {
			b.Fatal("not ours")
		}
	}
}
