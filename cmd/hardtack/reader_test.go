package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
)

// readerScript reads {keys, cookie, ended, now} and says what the JavaScript reader makes of them.
const readerScript = `
import { text } from "node:stream/consumers";
const { reader } = await import(process.argv[1]);
const { keys, requests, now } = JSON.parse(await text(process.stdin));
const sessions = await reader(keys);
const found = [];
for (const header of requests) {
  const { verdict, session } = await sessions.read(header, now);
  found.push(verdict + " " + (session?.user ?? ""));
}
console.log(JSON.stringify(found));
`

// The reader in JavaScript takes what export prints, opens cookies under every key of the
// file with it, and sees which sessions have ended.
func TestE57_ReaderTakesTheExport(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node is not installed, and HARDTACK_CI=1 asks for every test")
		}
		t.Skip("node is not installed: the exported keys were not tried")
	}
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(keySet), 0o600); err != nil {
		t.Fatal(err)
	}
	exported := call("", "keys", "export", keys)
	if exported.code != exitDone {
		t.Fatalf("%+v", exported)
	}
	const name = cookie.DefaultName
	good := name + "=" + sealed(t, keySet, name, "", session())
	input, err := json.Marshal(map[string]any{"keys": exported.out, "now": created + 3600, "requests": []string{
		good,
		name + "=" + sealed(t, `{"keys":[`+fallback+`]}`, name, "", session()),
		good + "; " + name + "-ended=" + entry(t, fmt.Sprint(created+12*3600)),
		name + "=" + sealed(t, otherSet, name, "", session()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Abs(filepath.Join("..", "..", "js", "reader.js"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "--input-type=module", "--eval", readerScript, "file://"+filepath.ToSlash(module))
	var fault bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &fault
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &fault)
	}
	want := fmt.Sprintf(`["ok %s","ok %s","ended ","unknown-key "]`, user, user)
	if got := string(bytes.TrimSpace(out)); got != want {
		t.Errorf("the reader found %s, want %s", got, want)
	}
}
