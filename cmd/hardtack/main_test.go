package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the test binary under the program's name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hardtack": main})
}

// script runs the scripts in testdata/script whose names begin with prefix.
func script(t *testing.T, prefix string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "script", prefix+"*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts %s: %v", prefix, err)
	}
	s := &stage{t: t}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           s.condition,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			// A script's files are readable by everybody, and a key file must not be.
			keys, _ := filepath.Glob(filepath.Join(e.WorkDir, "*.json"))
			for _, name := range keys {
				if err := os.Chmod(name, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "demo": s.demo, "login": s.login, "who": s.who, "out": s.out, "moved": s.moved,
		},
	})
}

// exits STATUS PROGRAM ARG… runs a program, which must end with this status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = strings.TrimPrefix(exit.String(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// condition [mount] reports whether this user may mount in a namespace of their own.
func (s *stage) condition(name string) (bool, error) {
	if name != "mount" {
		return false, os.ErrInvalid
	}
	out, err := exec.Command("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", s.t.TempDir()).CombinedOutput()
	if err != nil && os.Getenv("HARDTACK_CI") == "1" && os.Geteuid() == 0 {
		s.t.Errorf("root cannot mount here (%v, %s), and HARDTACK_CI=1 asks for every test", err, out)
	}
	return err == nil, nil
}

// called is one run of the program in this process.
type called struct {
	args      []string
	code      int
	out, diag string
}

func call(stdin string, args ...string) called {
	var out, diag bytes.Buffer
	code := run(args, strings.NewReader(stdin), &out, &diag)
	return called{args, code, out.String(), diag.String()}
}

func TestE50_NobodyIsLoggedOut(t *testing.T)     { script(t, "demos") }
func TestE51_OldFileIntact(t *testing.T)         { script(t, "full") }
func TestE52_RotatesAtOnce(t *testing.T)         { script(t, "at_once") }
func TestE53_RetireRefuses(t *testing.T)         { script(t, "retire") }
func TestE56_SecretsAndTerminals(t *testing.T)   { script(t, "terminal") }
func TestE57_ExportForReadersAlone(t *testing.T) { script(t, "export") }
func TestE58_ExitStatus(t *testing.T)            { script(t, "exit") }
func TestE45_PrintIsReadBack(t *testing.T)       { script(t, "print") }
func TestE46_WhatToDoNext(t *testing.T)          { script(t, "next") }
