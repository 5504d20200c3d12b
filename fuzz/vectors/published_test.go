package vectors_test

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// The vectors that hardtack publishes, as somebody else would read them.

var b64 = base64.RawURLEncoding

// vectorDir is where they are.
const vectorDir = "../../cookie/testdata/vectors"

type vectorFile struct {
	Ring    []vectors.Key `json:"ring"`
	Vectors []vector      `json:"vectors"`
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

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
