// Package reactor builds examples/worker and runs it, in workerd and in wazero, which
// hosts WebAssembly for Go programs.
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

	"github.com/hardtack-go/hardtack/examples/internal/workerd"
)

// Build compiles examples/worker and returns the path of app.wasm. What else workerd needs
// is beside it.
func Build(t *testing.T) string {
	t.Helper()
	path, dir := filepath.Join(t.TempDir(), "app.wasm"), filepath.Join(workerd.Examples(t), "worker")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, name := range []string{"config.capnp", "worker.mjs", "reactor.mjs"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(path), name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A Reactor is the module, loaded and initialised.
type Reactor struct {
	t      *testing.T
	module api.Module
}

// Workerd runs the worker that Build has made in workerd, until the test ends, and returns
// its address. The environment is as in [exec.Cmd].
func Workerd(t *testing.T, path string, environment ...string) (url string) {
	t.Helper()
	return WorkerdWith(t, path, "127.0.0.1:1", environment...)
}

// WorkerdWith is Workerd with a server of snapshots, at a host and port.
func WorkerdWith(t *testing.T, path, marks string, environment ...string) (url string) {
	t.Helper()
	all := []string{"SESSION_SECRETS_PREVIOUS=", "SESSION_SECRET_NEXT=", "MARKS_MAX_STALE="} // workerd wants each binding to be there
	return workerd.Start(t, filepath.Join(filepath.Dir(path), "config.capnp"), append(all, environment...), "--external-addr", "marks="+marks)
}

// compiled keeps what wazero has compiled, which takes it seconds.
var compiled = wazero.NewCompilationCache()

// Start loads a module into wazero. The environment is as in [exec.Cmd].
func Start(t *testing.T, path string, environment ...string) *Reactor {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled))
	t.Cleanup(func() { runtime.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	config := wazero.NewModuleConfig().WithStartFunctions("_initialize").WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().WithStdout(os.Stderr).WithStderr(os.Stderr)
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		config = config.WithEnv(name, value)
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

// Put passes an object of a snapshot, after Do has returned "fetch" and its name.
func (r *Reactor) Put(name string, object []byte) {
	r.t.Helper()
	ctx := r.t.Context()
	at, err := r.module.ExportedFunction("reserve").Call(ctx, uint64(len(name)+len(object)))
	if err != nil || !r.module.Memory().Write(uint32(at[0]), append([]byte(name), object...)) {
		r.t.Fatalf("reserve: %v", err)
	}
	if _, err := r.module.ExportedFunction("put").Call(ctx, uint64(len(name))); err != nil {
		r.t.Fatalf("put: %v", err)
	}
}
