// Package workerd runs what Cloudflare's Workers run on, for the tests of the examples.
package workerd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Examples returns the folder of the examples, in which npm ci installs workerd.
func Examples(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "package-lock.json")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("this test isn't below examples")
		}
		dir = up
	}
}

// Program finds the program, or skips the test. .ci/run has installed it.
func Program(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(Examples(t), "node_modules", "@cloudflare", "workerd-*", "bin", "workerd"))
	if err != nil || len(found) == 0 {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("workerd is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("workerd is not installed: run npm ci in examples")
	}
	return found[0]
}

// Start runs a configuration until the test ends, on a free port, and returns its
// address. The environment is as in [exec.Cmd].
func Start(t *testing.T, config string, environment []string, args ...string) string {
	t.Helper()
	program := Program(t)
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
