package policy_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// moduleDirs are the directories of all modules of the repository, "." first.
func moduleDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.Name() == "go.mod" && !d.IsDir() {
			dirs = append(dirs, inRoot(filepath.Dir(path)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return dirs
}

// nested reports whether a file belongs to a nested module.
func nested(path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

// TestEveryModuleIsInTheWorkspace keeps `go test work` from passing because a
// module was forgotten.
func TestEveryModuleIsInTheWorkspace(t *testing.T) {
	var work struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal([]byte(goCommand(t, nil, "work", "edit", "-json")), &work); err != nil {
		t.Fatal(err)
	}
	var used []string
	for _, u := range work.Use {
		used = append(used, filepath.ToSlash(filepath.Clean(u.DiskPath)))
	}
	slices.Sort(used)
	if dirs := moduleDirs(t); !slices.Equal(used, dirs) {
		t.Errorf("go.work uses %v, the repository holds the modules %v", used, dirs)
	}
}

// TestModulesAgreeOnGo holds the Go floor in one place: every module names the
// same one, and none asks for a toolchain of its own.
func TestModulesAgreeOnGo(t *testing.T) {
	type gomod struct {
		Go, Toolchain string
		Require       []struct{ Path, Version string }
		Replace       []struct {
			Old, New struct{ Path, Version string }
		}
	}
	read := func(dir string) (m gomod) {
		name := filepath.Join(dir, "go.mod")
		if _, err := os.ReadFile(filepath.Join(root, name)); err != nil { // for the test cache, as in goCommand
			t.Fatal(err)
		}
		out := goCommand(t, nil, "mod", "edit", "-json", name)
		if err := json.Unmarshal([]byte(out), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	floor := read(".").Go
	for _, line := range []string{goCommand(t, nil, "work", "edit", "-json"), goCommand(t, nil, "mod", "edit", "-json", "tools.mod")} {
		var m gomod
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if release(m.Go) != release(floor) || m.Toolchain != "" {
			t.Errorf("go.work or tools.mod says go %s, toolchain %q; the root module says go %s", m.Go, m.Toolchain, floor)
		}
	}
	for _, dir := range moduleDirs(t) {
		m := read(dir)
		if release(m.Go) != release(floor) || m.Toolchain != "" {
			t.Errorf("%s/go.mod says go %s, toolchain %q; the root module says go %s", dir, m.Go, m.Toolchain, floor)
		}
		replaced := map[string]bool{}
		for _, r := range m.Replace {
			replaced[r.Old.Path] = true
			if !strings.HasPrefix(r.Old.Path, modulePath) || !strings.HasPrefix(r.New.Path, ".") {
				t.Errorf("%s/go.mod replaces %s by %s: only modules of this repository may be replaced", dir, r.Old.Path, r.New.Path)
			}
		}
		// internal/release gives these a version, and drops the replace lines.
		for _, r := range m.Require {
			if _, ours := short(r.Path); ours && (r.Version != "v0.0.0" || !replaced[r.Path]) {
				t.Errorf("%s/go.mod requires %s %s: between releases it's v0.0.0 with a replace line", dir, r.Path, r.Version)
			}
		}
		if dir == "." && len(m.Replace) != 0 {
			t.Error("the root go.mod has a replace line, which its users would not get")
		}
	}
}

// release cuts the patch number off a Go version: 1.26.0 and 1.26 are one floor.
func release(v string) string {
	parts := strings.SplitN(v, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
