package function

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/internal/freeport"
)

// Build compiles a command of the examples and returns the binary's path.
func Build(t *testing.T, command string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "function")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, path.Join("github.com/hardtack-go/hardtack/examples", command))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// StartCloudRun runs a binary that Build has made, on a free port until the test ends.
// It returns its address.
func StartCloudRun(t *testing.T, binary string, environment ...string) (url string) {
	t.Helper()
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	start(t, binary, append(environment, "FUNCTION_TARGET=App", "PORT="+port))
	waitForPort(t, addr)
	return "http://" + addr
}

// start runs a binary until the test ends.
func start(t *testing.T, binary string, environment []string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, binary)
	output := new(visitor.Log)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), environment...)
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the function wrote:\n%s", output)
		}
	})
}

// waitForPort returns once somebody listens at addr.
func waitForPort(t *testing.T, addr string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}
