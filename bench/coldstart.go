package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

// start measures a process from its start to the first verified cookie, and
// the same program as WebAssembly: its size, and the time of one verify.
func (b *bench) start() error {
	tmp, err := os.MkdirTemp("", "hardtack-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	keys, cookies, err := contest.Ticket()
	if err != nil {
		return err
	}
	args := []string{keys, cookies, contest.PasswordHash}
	native, empty := filepath.Join(tmp, "start"), filepath.Join(tmp, "empty")
	if err := errors.Join(b.build(native, "", "", "./start"), b.build(empty, "", "", "./start/empty")); err != nil {
		return err
	}
	process := func(program, want string) func(int) (time.Duration, error) {
		return func(n int) (time.Duration, error) {
			start := time.Now()
			for range n {
				out, err := exec.Command(program, args...).Output()
				if err != nil || strings.TrimSpace(string(out)) != want {
					return 0, fmt.Errorf("the program did not print the user: %w", err)
				}
			}
			return time.Since(start), nil
		}
	}
	cases := []measure.Case{
		{Name: "empty Go program", Batch: process(empty, "")},
		{Name: "first verified cookie", Batch: process(native, contest.UserID)},
	}
	if err := b.measure(report.Table{ID: "start", Title: "Process start to the end of the program"}, cases); err != nil {
		return err
	}
	rows := b.Table("start").Rows
	b.note("start to first verified cookie, above an empty Go program: %.2f ms (difference of medians)", (rows[1].Median-rows[0].Median)/1e6)
	return b.wasm(tmp, native, args)
}

// wasm times verify natively, under Node and under wazero, in one table. Node
// compiles WebAssembly once quickly and again well, so it has two rows: cold, the
// first 500 verifies of a process, and warm, after 20,000.
func (b *bench) wasm(tmp, native string, args []string) error {
	const cold, warm = 0, 20_000
	printed := func(warmUp int, run func(counts ...string) ([]byte, error)) func(int) (time.Duration, error) {
		return func(n int) (time.Duration, error) {
			count := 500
			if warmUp > 0 {
				count = max(n, 3000)
			}
			out, err := run(strconv.Itoa(count), strconv.Itoa(warmUp)) // the program times itself
			if err != nil {
				return 0, err
			}
			one, err := strconv.Atoi(strings.TrimSpace(string(out)))
			return time.Duration(one * n), err
		}
	}
	cases := []measure.Case{{Name: "native", Batch: printed(warm, func(counts ...string) ([]byte, error) {
		return exec.Command(native, append(args[:3:3], counts...)...).Output()
	})}}

	js := filepath.Join(tmp, "start.js.wasm")
	if err := b.build(js, "js", "wasm", "./start"); err != nil {
		return err
	}
	if node, err := exec.LookPath("node"); err != nil {
		b.note("%v", contest.ErrNoNode)
	} else {
		glue := filepath.Join(output("go", "env", "GOROOT"), "lib", "wasm", "wasm_exec_node.js")
		run := func(counts ...string) ([]byte, error) {
			return exec.Command(node, slices.Concat([]string{"--stack-size=8192", glue, js}, args[:3], counts)...).Output()
		}
		cases = append(cases, measure.Case{Name: "js/wasm under Node, warm", Batch: printed(warm, run)},
			measure.Case{Name: "js/wasm under Node, cold", Batch: printed(cold, run)})
	}

	wasi := filepath.Join(tmp, "start.wasi.wasm")
	if err := b.build(wasi, "wasip1", "wasm", "./start"); err != nil {
		return err
	}
	code, err := os.ReadFile(wasi)
	if err != nil {
		return err
	}
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	module, err := runtime.CompileModule(ctx, code)
	if err != nil {
		return err
	}
	// wazero compiles everything before it starts, and has no second compiler.
	cases = append(cases, measure.Case{Name: "wasip1 under wazero", Batch: printed(cold, func(counts ...string) ([]byte, error) {
		var out bytes.Buffer
		config := wazero.NewModuleConfig().WithName("").WithStdout(&out).WithStderr(os.Stderr).WithSysWalltime().WithSysNanotime().
			WithRandSource(rand.Reader).WithArgs(slices.Concat([]string{"start"}, args[:3], counts)...)
		m, err := runtime.InstantiateModule(ctx, module, config)
		if err != nil {
			return nil, err
		}
		return out.Bytes(), m.Close(ctx)
	})})
	for _, file := range []struct{ name, path string }{{"js/wasm", js}, {"wasip1", wasi}, {"native", native}} {
		b.note("a verifying program, %s: %s", file.name, sizes(file.path))
	}
	return b.measure(report.Table{ID: "wasm", Title: "Verify natively and as WebAssembly"}, cases)
}

func (b *bench) build(out, goos, goarch, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = b.dir
	cmd.Env = os.Environ()
	if goos != "" {
		cmd.Env = append(cmd.Env, "GOOS="+goos, "GOARCH="+goarch)
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	return nil
}

// sizes returns a file's size in megabytes, as it is and gzipped.
func sizes(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	w.Write(b)
	w.Close()
	return fmt.Sprintf("%.2f MB, gzip %.2f MB", float64(len(b))/1e6, float64(z.Len())/1e6)
}
