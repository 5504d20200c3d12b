package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// quiet are the programs that don't answer -h, with the reason.
var quiet = map[string]string{
	"bench/start/empty":       "measures what starting a program takes, so it does nothing",
	"examples/firsthour/shop": "the reader of docs/FIRST-HOUR.md writes it line by line",
}

// TestPrograms: every program of the repository answers -h with an example and status 0,
// and a command line that it doesn't know with status 2. Then it doesn't begin. It prints
// nothing that only a terminal understands, and doesn't panic if nobody reads what it
// prints.
func TestPrograms(t *testing.T) {
	const module = "github.com/hardtack-go/hardtack/"
	out, err := exec.Command("go", "list", "-f", `{{if and (eq .Name "main") .GoFiles}}{{.ImportPath}}{{end}}`, "work").Output()
	if err != nil {
		t.Fatal(err)
	}
	programs := strings.Fields(string(out))
	for name := range quiet {
		i := slices.Index(programs, module+name)
		if i < 0 {
			t.Fatalf("there is no program %s: shorten the list", name)
		}
		programs = slices.Delete(programs, i, i+1)
	}
	// One go command for all, without the tables for a debugger: most of the time goes
	// into linking.
	dir := t.TempDir()
	build := exec.Command("go", append([]string{"build", "-ldflags=-s -w", "-o", dir + string(filepath.Separator)}, programs...)...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	example := regexp.MustCompile(`such as |for example|go (run|generate|build) |(?m)^  hardtack `)
	for _, program := range programs {
		t.Run(strings.TrimPrefix(program, module), func(t *testing.T) {
			t.Parallel()
			bin := filepath.Join(dir, path.Base(program))
			if _, err := os.Stat(bin); err != nil {
				bin += ".exe"
			}
			for _, arg := range []string{"-h", "no-such-argument", "-no-such-flag"} {
				status, text := runProgram(t, bin, nil, arg)
				if arg == "-h" && (status != 0 || !example.MatchString(text)) {
					t.Errorf("-h: status %d, want 0 and an example:\n%s", status, text)
				}
				if arg != "-h" && (status != 2 || text == "") {
					t.Errorf("%s: status %d, want 2 and a reason:\n%s", arg, status, text)
				}
				if strings.ContainsAny(text, "\x1b\r") {
					t.Errorf("%s prints control characters, and not to a terminal:\n%q", arg, text)
				}
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			defer w.Close()
			if _, text := runProgram(t, bin, w, "-h"); strings.Contains(text, "panic") {
				t.Errorf("-h with nobody to read it:\n%s", text)
			}
		})
	}
}

// runProgram runs a program in an empty folder, and returns its status and what it
// printed. If out isn't nil, standard output goes there.
func runProgram(t *testing.T, bin string, out *os.File, args ...string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that begins after all
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir = t.TempDir()
	// The function for Cloud Run wants its secrets before main begins.
	cmd.Env = append(os.Environ(), "SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame")
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if out != nil {
		cmd.Stdout = out
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), b.String()
}
