package ticket_test

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
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
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
			t.Errorf("%s is not what the generator makes (%v); run go test ./ticket -run Vectors -update", path, err)
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
	r, err := keyring.Parse(`{"keys":[` + strings.Join(set, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVectors: every vector, in one table that other implementations can run too.
func TestVectors(t *testing.T) {
	count, results := 0, map[string]int{}
	for _, f := range readVectors(t) {
		r := ringOf(t, f.Ring...)
		for _, v := range f.Vectors {
			count++
			results[v.Result]++
			k, err := ticket.New[json.RawMessage](ticket.Config{Keys: r, Purpose: v.Purpose, Audience: v.Audience, Life: time.Duration(v.Life) * time.Second})
			if err != nil {
				t.Fatalf("%s: %v", v.ID, err)
			}
			var bound func(json.RawMessage) ([]string, error)
			if v.Bound != nil {
				bound = func(json.RawMessage) ([]string, error) { return *v.Bound, nil }
			}
			value, err := k.Open(time.Unix(v.Now, 0), v.Token, bound)
			got := "accepted"
			switch {
			case errors.Is(err, ticket.ErrUnbound):
				got = "unbound"
			case err != nil:
				if !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() {
					t.Errorf("%s: error %v", v.ID, err)
				}
				got = cookie.ReasonOf(err).String()
			}
			if got != v.Result || compactJSON(t, value) != compactJSON(t, v.Value) {
				t.Errorf("%s (%s): %s %s, want %s %s", v.ID, v.Comment, got, value, v.Result, v.Value)
			}
		}
	}
	if count < 100 {
		t.Errorf("%d vectors, want at least 100", count)
	}
	for _, result := range []string{"accepted", "expired", "malformed", "bad-tag", "stamp-mismatch", "foreign"} {
		if results[result] < 5 {
			t.Errorf("%d vectors of result %s", results[result], result)
		}
	}
	t.Logf("%d vectors: %v", count, results)
}

// compactJSON undoes the indentation of the files.
func compactJSON(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if raw == nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
