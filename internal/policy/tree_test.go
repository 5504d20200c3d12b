package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryFolderSaysWhatItIs: whoever looks at the tree finds in each folder at the top
// a README.md, or the package comment of its doc.go.
func TestEveryFolderSaysWhatItIs(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" {
			continue
		}
		readme, err := os.ReadFile(filepath.Join(root, e.Name(), "README.md"))
		if err == nil && len(readme) > 0 {
			continue
		}
		said := slices.ContainsFunc(goSources(t), func(s source) bool {
			return s.path == e.Name()+"/doc.go" && s.file.Doc.Text() != ""
		})
		if !said {
			t.Errorf("%s has neither a README.md nor a doc.go that says what is in it", e.Name())
		}
	}
}

// TestREADMEsAreWhole: a README.md that is an index of its folder leads to everything in
// it, and has the command that starts each program.
func TestREADMEsAreWhole(t *testing.T) {
	for _, dir := range []string{"bench", "cmd", "examples", "internal", "metrics"} {
		text, err := os.ReadFile(filepath.Join(root, dir, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := e.Name()
			if !e.IsDir() || name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") {
				continue
			}
			if !regexp.MustCompile(`\]\(` + name + `[/)]`).Match(text) {
				t.Errorf("the README of %s doesn't lead to %s", dir, name)
			}
			program := slices.ContainsFunc(goSources(t), func(s source) bool {
				return s.dir() == dir+"/"+name && s.file.Name.Name == "main" && !s.test()
			})
			// start is a program for the benchmark, worker one for WebAssembly, and lambda is built.
			elsewhere := []string{"start", "worker", "lambda"}
			if program && !slices.Contains(elsewhere, name) && !strings.Contains(string(text), "`go run ./"+dir+"/"+name) {
				t.Errorf("the README of %s doesn't say how to run %s", dir, name)
			}
		}
	}
}
