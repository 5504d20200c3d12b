// Package vectors reads and holds the published test vectors, for the tests of several
// packages. Those files are JSON, in folders testdata/vectors; docs/FORMAT.md describes
// them.
package vectors

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
)

// A Key is a root key of the ring that a file of vectors is about. The first one is the
// primary.
type Key struct {
	Kid     string `json:"kid"`
	Root    string `json:"root_hex"`
	Created int64  `json:"created_ms"`
}

// Ring makes the keyring of a file.
func Ring(t testing.TB, keys ...Key) *keyring.Keyring {
	t.Helper()
	var set []string
	for _, k := range keys {
		root, err := hex.DecodeString(k.Root)
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":%d}`, k.Kid, base64.RawURLEncoding.EncodeToString(root), k.Created))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(set, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// Read returns the files of a folder, of which there must be at least one. F is what the
// caller wants to know of a file.
func Read[F any](t testing.TB, dir string) []F {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	files := make([]F, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &files[i])
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return files
}

// Encode returns a file as it is stored: indented, and without escapes for HTML.
func Encode(t testing.TB, file any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(file); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Hold fails the test if the files of a folder aren't, to the byte, what a generator
// makes, by name: nobody edits them by hand. With update it writes them first.
func Hold(t testing.TB, dir string, made map[string][]byte, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range made {
		path := filepath.Join(dir, name)
		if update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the generator makes (%v); run this package's tests with -run Vectors -update", path, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(made) {
		t.Errorf("%s has %d entries, the generator makes %d files (%v)", dir, len(entries), len(made), err)
	}
}
