package advisories_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/keyring"
)

var b64 = base64.RawURLEncoding

// codecs are the two that read JWE, and one that opens other systems' tokens
// under the very same key.
func codecs(t *testing.T, ring *keyring.Keyring) map[string]cookie.Codec {
	t.Helper()
	all := map[string]cookie.Codec{}
	for name, make := range map[string]cookie.Format{
		"cookie.JWE":           cookie.JWE,
		"jose.JWE":             jose.JWE,
		"jose.WithKeys":        jose.WithKeys(ring.Primary().Derive(cookie.SealLabel(sessionName, ""))),
		"gorilla.SecureCookie": gorilla.SecureCookie,
	} {
		c, err := make(sessionName, "")
		if err != nil {
			t.Fatal(err)
		}
		all[name] = c
	}
	return all
}

// sealed is a token with its parts, and the AEAD of its key.
type sealed struct {
	ring  *keyring.Keyring
	parts []string
	aead  cipher.AEAD
}

func seal(t *testing.T) sealed {
	t.Helper()
	ring := keyring.Generate()
	c, err := cookie.JWE(sessionName, "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Seal(ring, []byte(`{"sub":"ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	if o, err := c.Open(ring, token); err != nil || string(o.Plaintext) != `{"sub":"ann"}` {
		t.Fatal("the honest token does not open")
	}
	block, err := aes.NewCipher(ring.Primary().Derive(cookie.SealLabel(sessionName, "")))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return sealed{ring, strings.Split(token, "."), aead}
}

// with makes an authentic token under another header: whoever holds the key of
// one service could write it, or a library that lets the header decide.
func (s sealed) with(header, plaintext string) string {
	h := b64.EncodeToString([]byte(header))
	iv := make([]byte, s.aead.NonceSize())
	out := s.aead.Seal(nil, iv, []byte(plaintext), []byte(h))
	n := len(out) - s.aead.Overhead()
	return h + ".." + b64.EncodeToString(iv) + "." + b64.EncodeToString(out[:n]) + "." + b64.EncodeToString(out[n:])
}

// refused holds a value against every codec.
func (s sealed) refused(t *testing.T, what, value string) {
	t.Helper()
	for name, c := range codecs(t, s.ring) {
		if o, err := c.Open(s.ring, value); !errors.Is(err, cookie.ErrInvalid) || o.Plaintext != nil {
			t.Errorf("%s: %s gave %q, %v", name, what, o.Plaintext, err)
		}
	}
}

// goJose reads the version of go-jose that is built into this very test.
func goJose(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/go-jose/go-jose/v4").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// versionAtLeast compares v4.x.y.
func versionAtLeast(version, least string) bool {
	number := func(s string) (n int) {
		for _, part := range strings.SplitN(strings.TrimPrefix(strings.SplitN(s, "-", 2)[0], "v"), ".", 3) {
			d := 0
			for _, c := range part {
				d = d*10 + int(c-'0')
			}
			n = n*1000 + d
		}
		return n
	}
	return number(version) >= number(least)
}

func TestAdvisory_CVE_2026_116586_ReleaseBelowTheFixedOne(t *testing.T) {
	if v := goJose(t); !versionAtLeast(v, "v4.1.8") {
		t.Errorf("go-jose %s: at least v4.1.8 is required", v)
	}
	if versionAtLeast("v4.1.7", "v4.1.8") || !versionAtLeast("v4.2.0", "v4.1.8") {
		t.Error("the comparison of versions is wrong")
	}
}

func TestAdvisory_CVE_2026_116585_JSONSerialization(t *testing.T) {
	s := seal(t)
	flat := map[string]any{"protected": s.parts[0], "iv": s.parts[2], "ciphertext": s.parts[3], "tag": s.parts[4]}
	text, _ := json.Marshal(flat)
	s.refused(t, "flattened JSON", string(text))
	recipients := make([]map[string]string, 10_000)
	text, _ = json.Marshal(map[string]any{"protected": s.parts[0], "recipients": recipients, "iv": s.parts[2], "ciphertext": s.parts[3], "tag": s.parts[4]})
	s.refused(t, "10,000 recipients", string(text))
}

func TestAdvisory_CVE_2026_34986_KeyWrapWithEmptyKey(t *testing.T) {
	s := seal(t)
	kid := s.ring.Primary().ID()
	for _, alg := range []string{"A128KW", "A192KW", "A256KW", "ECDH-ES+A256KW", "PBES2-HS256+A128KW", "A256GCMKW", "RSA-OAEP", "none", ""} {
		s.refused(t, alg, s.with(`{"alg":"`+alg+`","enc":"A256GCM","kid":"`+kid+`"}`, `{"sub":"ann"}`))
	}
	// The same construction with dir opens, so it is the algorithm that is refused.
	token := s.with(`{"alg":"dir","enc":"A256GCM","kid":"`+kid+`"}`, `{"sub":"ann"}`)
	if o, err := codecs(t, s.ring)["cookie.JWE"].Open(s.ring, token); err != nil || string(o.Plaintext) != `{"sub":"ann"}` {
		t.Errorf("dir: %v", err)
	}
}

func TestAdvisory_CVE_2025_27144_AMillionDots(t *testing.T) {
	s := seal(t)
	for what, value := range map[string]string{
		"dots alone":        strings.Repeat(".", 1_000_000),
		"dots behind":       strings.Join(s.parts, ".") + strings.Repeat(".", 1_000_000),
		"dots between":      s.parts[0] + strings.Repeat(".", 1_000_000) + strings.Join(s.parts[2:], "."),
		"five of a million": strings.Repeat("A", 1_000_000) + "." + strings.Repeat("."+strings.Repeat("A", 1_000_000), 3),
	} {
		s.refused(t, what, value)
		for name, c := range codecs(t, s.ring) {
			if n := allocated(func() { c.Open(s.ring, value) }); n > 16<<10 {
				t.Errorf("%s: refusing %s took %d bytes", name, what, n)
			}
		}
	}
}

// allocated is the heap that f takes, the smallest of some runs: other goroutines
// of the test binary allocate too.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestAdvisory_CVE_2024_28180_DecompressionBomb(t *testing.T) {
	s := seal(t)
	kid := s.ring.Primary().ID()
	s.refused(t, "zip", s.with(`{"alg":"dir","enc":"A256GCM","kid":"`+kid+`","zip":"DEF"}`, "\xab\x56\x2a\x2e\x4d\x52\xb2\x52\x4a\xcc\xcb\x53\xaa\x05\x00"))
	s.refused(t, "zip first", s.with(`{"zip":"DEF","alg":"dir","enc":"A256GCM","kid":"`+kid+`"}`, "x"))
}

// truncations of the tag, cut in bytes (the rest re-encoded) and in characters.
func truncations(s sealed) map[string]string {
	tag, _ := b64.DecodeString(s.parts[4])
	head := strings.Join(s.parts[:4], ".") + "."
	all := map[string]string{}
	for n := range tag {
		all[fmt.Sprint(n, " bytes")] = head + b64.EncodeToString(tag[:n])
	}
	for n := range s.parts[4] {
		all[fmt.Sprint(n, " characters")] = head + s.parts[4][:n]
	}
	return all
}

func TestAdvisory_CVE_2023_37464_TruncatedTag(t *testing.T) {
	s := seal(t)
	for what, token := range truncations(s) {
		s.refused(t, "a tag cut to "+what, token)
	}
	s.refused(t, "no tag segment", strings.Join(s.parts[:4], "."))
	ct := s.parts[3]
	s.refused(t, "the tag moved into the ciphertext", s.parts[0]+".."+s.parts[2]+"."+ct+s.parts[4]+".")
}

func TestAdvisory_CVE_2025_47275_BruteForceableTag(t *testing.T) {
	s := seal(t)
	head := strings.Join(s.parts[:4], ".") + "."
	for b := range 256 { // all tags of one byte: one of them is right for who compares one byte
		s.refused(t, "a tag of one byte", head+b64.EncodeToString([]byte{byte(b)}))
	}
}

func TestAdvisory_CVE_2026_40372_CheckSilentlyGone(t *testing.T) {
	s := seal(t)
	// The tag compare is there, at every position …
	for i := range s.parts[4] {
		tag := []byte(s.parts[4])
		tag[i] ^= 1
		if tag[i] == s.parts[4][i] || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", rune(tag[i])) {
			tag[i] = 'A'
			if s.parts[4][i] == 'A' {
				tag[i] = 'B'
			}
		}
		s.refused(t, "a changed tag", strings.Join(s.parts[:4], ".")+"."+string(tag))
	}
	// … and fuzz/deletions shows that this or another test goes red without it.
}

func TestAdvisory_CVE_2026_44351_EmptyKey(t *testing.T) {
	var zero keyring.Key
	if zero.Derive(keyring.Label{Purpose: "seal"}) != nil || zero.ExportJWK(keyring.Label{Purpose: "seal"}) != nil {
		t.Error("the zero Key derives something")
	}
	if _, err := keyring.New(zero); err == nil {
		t.Error("a ring of the zero Key")
	}
	for _, master := range [][]byte{nil, {}, make([]byte, 31), make([]byte, 32)} {
		if _, err := keyring.NewSchedule(master, 1e18, 1); err == nil {
			t.Errorf("a schedule of %d bytes", len(master))
		}
	}
	for _, key := range [][]byte{nil, {}, make([]byte, 32), make([]byte, 64), []byte("secret")} {
		if _, err := jose.WithKeys(key)(sessionName, ""); err == nil {
			t.Errorf("an opener with %d bytes", len(key))
		}
		if _, err := gorilla.WithKeys(key, nil)(sessionName, ""); err == nil {
			t.Errorf("a key pair with %d bytes", len(key))
		}
	}
	ring := keyring.Generate()
	for name, c := range codecs(t, ring) {
		if name == "jose.WithKeys" {
			continue
		}
		value, err := c.Seal(ring, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, none := range []*keyring.Keyring{nil, new(keyring.Keyring)} {
			if _, err := c.Open(none, value); !errors.Is(err, cookie.ErrInvalid) {
				t.Errorf("%s: no keys opened: %v", name, err)
			}
			if _, err := c.Seal(none, []byte("x")); err == nil {
				t.Errorf("%s: no keys sealed", name)
			}
		}
	}
}

func TestAdvisory_CVE_2026_45363_EmptyKeyInASet(t *testing.T) {
	jwk := func(k string) string {
		return `{"keys":[{"kty":"oct","kid":"test01A","k":"` + k + `","use":"enc","created":1000}]}`
	}
	for _, k := range []string{"", "AA", b64.EncodeToString(make([]byte, 31)), b64.EncodeToString(make([]byte, 32)), b64.EncodeToString([]byte(strings.Repeat("k", 31))), b64.EncodeToString([]byte(strings.Repeat("k", 33)))} {
		if _, err := keyring.Parse(jwk(k)); err == nil {
			t.Errorf("a key of %d characters was loaded", len(k))
		}
	}
	if _, err := keyring.Parse(jwk(b64.EncodeToString([]byte(strings.Repeat("k", 32))))); err != nil {
		t.Errorf("an honest key: %v", err)
	}
	for _, set := range []string{"", "{}", `{"keys":[]}`, `{"keys":null}`, "null"} {
		if r, err := keyring.Parse(set); err == nil || r != nil {
			t.Errorf("%q was loaded", set)
		}
	}
	// An unknown kid never yields a key, least of all an empty one.
	if k, ok := keyring.Generate().Key("test01A"); ok || k.ID() != "" {
		t.Error("an unknown kid gave a key")
	}
}

func TestAdvisory_dream_432_FallbackWithoutAdditionalData(t *testing.T) {
	s := seal(t)
	// A fallback key is tried with the same name and audience as the primary: a
	// value of another cookie does not open under it either.
	older := s.ring
	ring, err := older.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]cookie.Format{"JWE": cookie.JWE, "jose": jose.JWE, "gorilla": gorilla.SecureCookie} {
		ours, _ := make(sessionName, "shop")
		same := func(c cookie.Codec, want bool) {
			value, err := c.Seal(older, []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ours.Open(ring, value); (err == nil) != want {
				t.Errorf("%s: %v, want it to open: %v", name, err, want)
			}
		}
		other, _ := make("__Host-other", "shop")
		elsewhere, _ := make(sessionName, "admin")
		same(ours, true)
		same(other, false)
		same(elsewhere, false)
	}
	// The header is authenticated under a fallback as under the primary.
	newer := ring.Primary().ID()
	moved := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + newer + `"}`))
	s.ring = ring
	s.refused(t, "a token that names another key", moved+"."+strings.Join(s.parts[1:], "."))
}
