package vectors_test

import (
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

// The vectors that hardtack publishes, as somebody else would read them.

var b64 = base64.RawURLEncoding

// vectorDir is where they are.
const vectorDir = "../../cookie/testdata/vectors"

type vectorFile struct {
	Ring    []vectorKey `json:"ring"`
	Vectors []vector    `json:"vectors"`
}

type vectorKey struct {
	Kid     string `json:"kid"`
	Root    string `json:"root_hex"`
	Created int64  `json:"created_ms"`
}

type vector struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Audience  string `json:"audience"`
	Token     string `json:"token"`
	Result    string `json:"result"`
	Kid       string `json:"kid"`
	Plaintext string `json:"plaintext_hex"`
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

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f vectorFile) ring(t testing.TB) *keyring.Keyring {
	t.Helper()
	var set []string
	for _, k := range f.Ring {
		set = append(set, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s","use":"enc","created":%d}`,
			k.Kid, b64.EncodeToString(unhex(t, k.Root)), k.Created))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(set, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
