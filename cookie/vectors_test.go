package cookie_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// The committed vectors are what the generator makes: nobody edits them by hand.
func TestVectorsAreGenerated(t *testing.T) {
	files := makeVectors(t)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range files {
		path := filepath.Join(vectorDir, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the generator makes (%v); run go test ./cookie -run Vectors -update", path, err)
		}
	}
	entries, err := os.ReadDir(vectorDir)
	if err != nil || len(entries) != len(files) {
		t.Errorf("%s has %d entries, the generator makes %d files (%v)", vectorDir, len(entries), len(files), err)
	}
}

func readVectors(t testing.TB) []vectorFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorDir, err)
	}
	var files []vectorFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f vectorFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		files = append(files, f)
	}
	return files
}

// ringOf makes a keyring of root keys as a vector file or FORMAT.md gives them.
func ringOf(t testing.TB, keys ...vectorKey) *keyring.Keyring {
	t.Helper()
	var set []string
	for _, k := range keys {
		root, err := hex.DecodeString(k.Root)
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s","use":"enc","created":%d}`, k.Kid, base64.RawURLEncoding.EncodeToString(root), k.Created))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(set, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

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
	for _, f := range readVectors(t) {
		ring := ringOf(t, f.Ring...)
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
	for _, f := range readVectors(t) {
		ring := ringOf(t, f.Ring...)
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
