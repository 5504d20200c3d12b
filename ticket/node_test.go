package ticket_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// A reader in JavaScript, written from docs/FORMAT.md alone, gives every vector the
// verdict that the vector names.
func TestNodeVectors(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("a WebAssembly process cannot start another one")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node is not installed, and HARDTACK_CI=1 asks for every test")
		}
		t.Skip("node is not installed: testdata/open.mjs was not tried")
	}
	type task struct {
		Ring   []vectors.Key `json:"ring"`
		Vector vector        `json:"vector"`
	}
	var tasks []task
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		for _, v := range f.Vectors {
			tasks = append(tasks, task{f.Ring, v})
		}
	}
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "testdata/open.mjs")
	var fault bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &fault
	out, err := cmd.Output()
	var got []string
	if err != nil || json.Unmarshal(out, &got) != nil || len(got) != len(tasks) {
		t.Fatalf("node: %v, %d results for %d vectors\n%s", err, len(got), len(tasks), &fault)
	}
	for i, task := range tasks {
		v := task.Vector
		result, value := got[i], any(nil)
		if text, ok := strings.CutPrefix(result, "accepted "); ok {
			result = "accepted"
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				t.Fatal(err)
			}
		}
		var want any
		if v.Value != nil {
			if err := json.Unmarshal(v.Value, &want); err != nil {
				t.Fatal(err)
			}
		}
		if result != v.Result || !reflect.DeepEqual(value, want) {
			t.Errorf("%s (%s): node says %.80q, want %s %s", v.ID, v.Comment, got[i], v.Result, v.Value)
		}
	}
	t.Logf("node agrees on %d vectors", len(tasks))
}
