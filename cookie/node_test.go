package cookie_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// node finds the interpreter, or skips the test by saying so.
func node(t *testing.T) string {
	t.Helper()
	if runtime.GOARCH == "wasm" {
		t.Skip("a WebAssembly process cannot start another one")
	}
	path, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node is not installed, and HARDTACK_CI=1 asks for every test")
		}
		t.Skip("node is not installed: docs/open.mjs was not tried")
	}
	return path
}

// docs/open.mjs, which readers in JavaScript start from, opens what we seal and
// refuses what we refuse with the same verdict.
func TestNodeOpensTokens(t *testing.T) {
	node := node(t)
	const name, audience = "__Host-session", "https://app.example"
	ring, codec := keyring.Generate(), newJWE(t, name, audience)
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
	// Few runs: starting node takes longer than all other tests.
	if out, fault, code := run("", string(jwk), token); out != string(plaintext) || code != 0 {
		t.Errorf("node: %q %q %d", out, fault, code)
	}
	if out, fault, code := run(token+"\n", file); out != string(plaintext) || code != 0 {
		t.Errorf("node, token from stdin: %q %q %d", out, fault, code)
	}
	if out, fault, code := run(forged(token), file); out != "" || code != 1 || fault != "bad-tag" {
		t.Errorf("node refuses with %q %q %d", out, fault, code)
	}
}

// The exported barrier key imports into Web Crypto as what its JWK says it is, and
// makes the entry that docs/FORMAT.md shows.
func TestF407_BarrierKeyInWebCrypto(t *testing.T) {
	const driver = `
		import { readFileSync } from "node:fs";
		const { jwk, input } = JSON.parse(readFileSync(0));
		const key = await crypto.subtle.importKey("jwk", jwk, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
		const mac = await crypto.subtle.sign("HMAC", key, Buffer.from(input, "hex"));
		console.log(Buffer.from(mac).subarray(0, 16).toString("base64url"));`
	_, page := readFormat(t)
	ring := ringOf(t, vectorKey{Kid: page["kid"], Root: page["root key"], Created: 1700000000000})
	jwk := ring.Primary().ExportJWK(keyring.Label{Purpose: "barrier", Audience: page["audience"], Name: page["cookie name"]})
	stdin, err := json.Marshal(map[string]any{"jwk": json.RawMessage(jwk), "input": page["barrier input"]})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node(t), "--input-type=module", "--eval", driver)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if got := page["kid"] + page["until"] + strings.TrimSpace(string(out)); err != nil || got != page["entry"] {
		t.Errorf("Web Crypto makes %s (%v), the page has %s", got, err, page["entry"])
	}
}

// The script, written from docs/FORMAT.md alone, gives every vector the verdict
// that the vector names.
func TestNodeVectors(t *testing.T) {
	const driver = `
		import { open } from "./open.mjs";
		import { readFileSync } from "node:fs";
		console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(({ jwk, token }) => {
			try { return "accepted " + open(jwk, token).toString("hex"); } catch (e) { return e.message; }
		})));`
	type task struct {
		JWK   json.RawMessage `json:"jwk"`
		Token string          `json:"token"`
	}
	var tasks []task
	var want, ids []string
	for _, f := range readVectors(t) {
		ring := ringOf(t, f.Ring...)
		for _, v := range f.Vectors {
			key := ring.Primary() // the script has one key, the ring two
			if kid, ok := jwe.Kid(v.Token); ok {
				if k, ok := ring.Key(string(kid[:jwe.KidLen])); ok {
					key = k
				}
			}
			tasks = append(tasks, task{key.ExportJWK(cookie.SealLabel(v.Name, v.Audience)), v.Token})
			ids = append(ids, v.ID)
			if v.Result == "accepted" {
				v.Result += " " + v.Plaintext
			}
			want = append(want, v.Result)
		}
	}
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node(t), "--input-type=module", "-e", driver)
	cmd.Dir, cmd.Stdin = "../docs", bytes.NewReader(input)
	out, err := cmd.Output()
	var got []string
	if err != nil || json.Unmarshal(out, &got) != nil || len(got) != len(want) {
		t.Fatalf("node: %v, %d results for %d vectors", err, len(got), len(want))
	}
	for i, id := range ids {
		if got[i] != want[i] {
			t.Errorf("%s: node says %.80q, want %.80q", id, got[i], want[i])
		}
	}
}
