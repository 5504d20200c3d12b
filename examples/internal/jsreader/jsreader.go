// Package jsreader has Node and workerd do tasks with js/reader.js, for tests. drive.mjs
// says which tasks there are.
package jsreader

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
)

// A Task is something for drive.mjs to do: its name is under "do".
type Task map[string]any

// A Result is what a task came to.
type Result struct {
	Verdict   string         `json:"verdict"`
	Session   *Session       `json:"session"`
	Within    bool           `json:"within"`
	Kid       string         `json:"kid"`
	Plaintext string         `json:"plaintext"` // in hexadecimal
	Verdicts  map[string]int `json:"verdicts"`
	Accepted  []string       `json:"accepted"`
	Thrown    []string       `json:"thrown"`
	Content   *Content       `json:"content"`
	Turns     []Turn         `json:"turns"`
}

// A Content is what js/marks.js reads in an object of a snapshot.
type Content struct {
	Sequence uint64      `json:"sequence,string"`
	Time     int64       `json:"time"`
	All      int64       `json:"all"`
	Ended    []uint64    `json:"ended"`
	Timed    [][2]uint64 `json:"timed"`
}

// A Turn is what js/marks.js said of some sessions, how many objects it fetched for that, and
// what it reported.
type Turn struct {
	Verdicts []string `json:"verdicts"`
	Fetched  int      `json:"fetched"`
	Faults   []string `json:"faults"`
}

// A Session is what the reader returns.
type Session struct {
	User       *string                    `json:"user"`
	Actor      *string                    `json:"actor"`
	Created    int64                      `json:"created"`
	AuthTime   *int64                     `json:"authTime"`
	Renewed    int64                      `json:"renewed"`
	Expires    int64                      `json:"expires"`
	Persistent bool                       `json:"persistent"`
	Data       map[string]json.RawMessage `json:"data"`
}

// Each runs a test with the same reader in Node and in workerd.
func Each(t *testing.T, test func(t *testing.T, run func(*testing.T, []Task) []Result)) {
	t.Run("node", func(t *testing.T) { test(t, Node) })
	t.Run("workerd", func(t *testing.T) { test(t, inWorkerd) })
}

// Node does the tasks in one run of Node.
func Node(t *testing.T, tasks []Task) (results []Result) {
	t.Helper()
	node := browser.Program(t, "node", "nodejs")
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	// The driver names the package. Node finds it by its name from within it, through
	// its package.json, as it would below node_modules.
	driver, err := os.ReadFile(filepath.Join(folder(t), "drive.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	main := string(driver) + `
		import { readFileSync } from "node:fs";
		process.stdout.write(JSON.stringify(await run(JSON.parse(readFileSync(0, "utf8")))));`
	cmd := exec.CommandContext(t.Context(), node, "--input-type=module", "--eval", main)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = filepath.Join(workerd.Examples(t), "..", "js"), bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	return complete(t, tasks, results)
}

func inWorkerd(t *testing.T, tasks []Task) (results []Result) {
	t.Helper()
	url := workerd.Start(t, filepath.Join(folder(t), "config.capnp"), nil)
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&results); err != nil || resp.StatusCode != 200 {
		t.Fatalf("workerd: %s, %v", resp.Status, err)
	}
	return complete(t, tasks, results)
}

func complete(t *testing.T, tasks []Task, results []Result) []Result {
	t.Helper()
	if len(results) != len(tasks) {
		t.Fatalf("%d results for %d tasks", len(results), len(tasks))
	}
	return results
}

// folder returns the folder of this package.
func folder(t *testing.T) string {
	t.Helper()
	return filepath.Join(workerd.Examples(t), "internal", "jsreader")
}
