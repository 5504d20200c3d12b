package cookie_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// The committed vectors are what the generator makes: nobody edits them by hand.
func TestVectorsAreGenerated(t *testing.T) { vectors.Hold(t, vectorDir, makeVectors(t), *update) }

// check runs one vector.
func (v vector) check(t *testing.T, ring *keyring.Keyring) {
	t.Helper()
	opened, err := newJWE(t, v.Name, v.Audience).Open(ring, v.Token)
	if v.Result == "accepted" {
		if err != nil || hex.EncodeToString(opened.Plaintext) != v.Plaintext || opened.Key.ID() != v.Kid {
			t.Errorf("%s (%s): %v %x %s", v.ID, v.Comment, err, opened.Plaintext, opened.Key.ID())
		}
		return
	}
	if got := cookie.ReasonOf(err).String(); got != v.Result {
		t.Errorf("%s (%s): %v, want %s", v.ID, v.Comment, got, v.Result)
	}
	if !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() {
		t.Errorf("%s: error %v", v.ID, err)
	}
	if opened.Plaintext != nil || opened.Key.ID() != "" {
		t.Errorf("%s: refused, and yet it gives something", v.ID)
	}
}

// row runs the vectors whose ids begin with one of the prefixes, of which there
// must be at least n.
func row(t *testing.T, n int, prefixes ...string) {
	t.Helper()
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(v.ID, p) }) {
				v.check(t, ring)
				n--
			}
		}
	}
	if n > 0 {
		t.Errorf("%d vectors too few", n)
	}
}

// The rows of docs/BEHAVIOUR.md that are about single tokens.
func TestJ1_OnlyDirA256GCM(t *testing.T)    { row(t, 16, "header-alg-", "header-enc-") }
func TestJ2_EncryptedKeyEmpty(t *testing.T) { row(t, 3, "shape-key-") }
func TestJ3_IVAndTagLength(t *testing.T)    { row(t, 22, "shape-iv-", "shape-tag-") }
func TestJ5_HeaderCanonical(t *testing.T)   { row(t, 60, "header-") }
func TestJ8_CompactOnly(t *testing.T) {
	row(t, 14, "foreign-json-", "shape-segments-", "shape-dot", "shape-order-")
}
func TestJ10_NoCompression(t *testing.T) { row(t, 1, "header-zip") }

// Every vector, with its class, in one table that other implementations can run
// too.
func TestVectors(t *testing.T) {
	count := 0
	tokens, classes := map[string]string{}, map[string]int{}
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			count++
			classes[v.Result]++
			bound := v.Token + " " + v.Name + " " + v.Audience
			if other, twice := tokens[bound]; twice {
				t.Errorf("%s repeats %s", v.ID, other)
			}
			tokens[bound] = v.ID
			v.check(t, ring)
		}
	}
	if count < 150 {
		t.Errorf("%d vectors, want at least 150", count)
	}
	for _, class := range []string{"accepted", "foreign", "unknown-key", "malformed", "bad-tag"} {
		if classes[class] < 10 {
			t.Errorf("%d vectors of class %s", classes[class], class)
		}
	}
	t.Logf("%d vectors: %v", count, classes)
}
