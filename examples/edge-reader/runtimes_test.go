package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// A task is something for testdata/drive.mjs to do: its name is under "do".
type task map[string]any

// A result is what a task came to.
type result struct {
	Verdict   string         `json:"verdict"`
	Session   *session       `json:"session"`
	Within    bool           `json:"within"`
	Kid       string         `json:"kid"`
	Plaintext string         `json:"plaintext"` // in hexadecimal
	Verdicts  map[string]int `json:"verdicts"`
	Accepted  []string       `json:"accepted"`
	Thrown    []string       `json:"thrown"`
}

// session is what the reader returns.
type session struct {
	User       *string                    `json:"user"`
	Actor      *string                    `json:"actor"`
	Created    int64                      `json:"created"`
	AuthTime   *int64                     `json:"authTime"`
	Renewed    int64                      `json:"renewed"`
	Expires    int64                      `json:"expires"`
	Persistent bool                       `json:"persistent"`
	Data       map[string]json.RawMessage `json:"data"`
}

// A runtime runs JavaScript.
type runtime struct {
	name string
	run  func(t *testing.T, tasks []task) []result
}

// eachRuntime runs a test with the same file in Node and in workerd.
func eachRuntime(t *testing.T, test func(t *testing.T, run func(t *testing.T, tasks []task) []result)) {
	for _, r := range []runtime{{"node", inNode}, {"workerd", inWorkerd}} {
		t.Run(r.name, func(t *testing.T) {
			test(t, func(t *testing.T, tasks []task) []result {
				t.Helper()
				results := r.run(t, tasks)
				if len(results) != len(tasks) {
					t.Fatalf("%d results for %d tasks", len(results), len(tasks))
				}
				return results
			})
		})
	}
}

func inNode(t *testing.T, tasks []task) (results []result) {
	t.Helper()
	node := browser.Program(t, "node", "nodejs")
	input, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	// The driver names the package. Node finds it by its name from within it, through
	// its package.json, as it would below node_modules.
	driver, err := os.ReadFile(filepath.Join("testdata", "drive.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	main := string(driver) + `
		import { readFileSync } from "node:fs";
		process.stdout.write(JSON.stringify(await run(JSON.parse(readFileSync(0, "utf8")))));`
	cmd := exec.CommandContext(t.Context(), node, "--input-type=module", "--eval", main)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = filepath.Join("..", "..", "js"), bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	return results
}

func inWorkerd(t *testing.T, tasks []task) (results []result) {
	t.Helper()
	url := startWorkerd(t, filepath.Join("testdata", "config.capnp"), nil)
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
	return results
}

// workerdProgram finds the program that npm ci installs in examples, or skips the
// test. .ci/run has installed it.
func workerdProgram(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "node_modules", "@cloudflare", "workerd-*", "bin", "workerd"))
	if err != nil || len(found) == 0 {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("workerd is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("workerd is not installed: run npm ci in examples")
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startWorkerd runs a configuration until the test ends, on a free port, and returns its
// address.
func startWorkerd(t *testing.T, config string, environment []string, args ...string) string {
	t.Helper()
	program := workerdProgram(t)
	events, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	args = append([]string{"serve", config, "--socket-addr", "http=127.0.0.1:0", "--control-fd", "3"}, args...)
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = append(os.Environ(), environment...), []*os.File{theirs}, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("workerd says:\n%s", &stderr)
		}
	})
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var event struct {
			Event, Socket string
			Port          int
		}
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Event == "listen" && event.Socket == "http" {
			return fmt.Sprintf("http://127.0.0.1:%d", event.Port)
		}
	}
	t.Fatal("workerd doesn't start")
	return ""
}
