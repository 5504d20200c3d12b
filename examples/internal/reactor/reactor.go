// Package reactor builds examples/worker and runs it in wazero, as a host of WebAssembly
// other than workerd does.
package reactor

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Build compiles examples/worker, which is at dir, and returns the path of app.wasm.
func Build(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// A Reactor is the module, loaded and initialised.
type Reactor struct {
	t      *testing.T
	module api.Module
}

// Start loads a module. The environment is name, value pairs.
func Start(t *testing.T, path string, environment ...string) *Reactor {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime := wazero.NewRuntime(ctx)
	t.Cleanup(func() { runtime.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	config := wazero.NewModuleConfig().WithStartFunctions("_initialize").WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().WithStdout(os.Stderr).WithStderr(os.Stderr)
	for i := 0; i < len(environment); i += 2 {
		config = config.WithEnv(environment[i], environment[i+1])
	}
	module, err := runtime.InstantiateWithConfig(ctx, code, config)
	if err != nil {
		t.Fatal(err)
	}
	return &Reactor{t, module}
}

// Do passes the lines of a request and returns those of the answer; examples/worker says
// what they are.
func (r *Reactor) Do(lines ...string) []string {
	r.t.Helper()
	ctx := r.t.Context()
	request := strings.Join(lines, "\n")
	at, err := r.module.ExportedFunction("reserve").Call(ctx, uint64(len(request)))
	if err != nil || !r.module.Memory().WriteString(uint32(at[0]), request) {
		r.t.Fatalf("reserve: %v", err)
	}
	answer, err := r.module.ExportedFunction("handle").Call(ctx)
	if err != nil {
		r.t.Fatalf("handle: %v", err)
	}
	text, ok := r.module.Memory().Read(uint32(answer[0]>>32), uint32(answer[0]))
	if !ok {
		r.t.Fatal("the answer is outside of the memory")
	}
	return strings.Split(string(text), "\n")
}
