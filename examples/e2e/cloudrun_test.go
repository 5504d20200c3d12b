package e2e_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// TestE4_FunctionsFramework logs in and out through the framework of Cloud Run, running
// as it does there.
func TestE4_FunctionsFramework(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "function")
	if out, err := exec.Command("go", "build", "-o", binary, "../cloudrun/cmd").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, binary)
	output := new(visitor.Log)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), "FUNCTION_TARGET=App", "PORT="+port,
		"SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the function wrote:\n%s", output)
		}
	})
	waitForPort(t, addr)

	v := visitor.New(t, "http://"+addr)
	v.Get("/").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	if lines := v.Post("/logout").Want(t, 303, "/").Header["Set-Cookie"]; len(lines) != 2 {
		t.Errorf("the logout sets %q", lines)
	}
	v.Get("/").Want(t, 200, "").Says(t, "<form")
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
