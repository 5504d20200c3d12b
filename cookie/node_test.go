package cookie_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// docs/open.mjs, which readers in JavaScript start from, opens what we seal and
// refuses what we refuse with the same verdict.
func TestNodeOpensTokens(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node is not installed, and HARDTACK_CI=1 asks for every test")
		}
		t.Skip("node is not installed: docs/open.mjs was not tried")
	}
	const name, audience = "__Host-session", "https://app.example"
	ring, codec := keyring.Generate(), newJWE(t, "__Host-session", "https://app.example")
	plaintext := []byte(`{"sid":"AAECAwQFBgcICQoLDA0ODw","d":{"größe":"\u0000"}}`)
	token, err := codec.Seal(ring, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	jwk := ring.Primary().ExportJWK(cookie.SealLabel(name, audience))
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, jwk, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin string, args ...string) (string, string, int) {
		cmd := exec.Command(node, append([]string{"../docs/open.mjs"}, args...)...)
		var out, fault bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &fault
		cmd.Run() // the exit status is looked at below
		return out.String(), strings.TrimSpace(fault.String()), cmd.ProcessState.ExitCode()
	}
	for _, args := range [][]string{{string(jwk), token}, {file, token}} {
		if out, fault, code := run("", args...); out != string(plaintext) || code != 0 {
			t.Errorf("node: %q %q %d", out, fault, code)
		}
	}
	if out, fault, code := run(token+"\n", file); out != string(plaintext) || code != 0 {
		t.Errorf("node, token from stdin: %q %q %d", out, fault, code)
	}
	other, err := codec.Seal(keyring.Generate(), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"x", other, token + "=", token[:len(token)-1], forged(token)} {
		_, err := codec.Open(ring, bad)
		if out, fault, code := run(bad, file); out != "" || code != 1 || fault != cookie.ReasonOf(err).String() {
			t.Errorf("node refuses with %q %q %d, want %v", out, fault, code, cookie.ReasonOf(err))
		}
	}
}
