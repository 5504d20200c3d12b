package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/race"
)

// TestDeletions runs the ten fixed deletions, each with its named test: what
// `go run ./fuzz/deletions` prints.
func TestDeletions(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("compiles ten variants of the sources: runs without -short and without -race")
	}
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	list := fixed()
	if len(list) != 10 {
		t.Errorf("%d fixed deletions, want 10", len(list))
	}
	var out bytes.Buffer
	ok, err := (&runner{root: root, parallel: 2, out: &out}).run(t.Context(), list)
	t.Logf("\n%s", out.Bytes())
	if !ok || err != nil {
		t.Errorf("not all were killed (%v)", err)
	}
}

// TestSurvivorsAreReported: the command can fail. Each of these entries must get
// the verdict that it deserves.
func TestSurvivorsAreReported(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("compiles variants of the sources: runs without -short and without -race")
	}
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	const file, pkg, test = "cookie/find.go", "cookie", "TestFind_CommaIsNoSeparator"
	for want, c := range map[verdict]check{
		survived: {what: "nothing", file: file, old: "package cookie\n", new: "package cookie // changed\n", pkg: pkg, test: test},
		stale:    {what: "not there", file: file, old: "no such text", pkg: pkg, test: test},
		broken:   {what: "does not compile", file: file, old: "package cookie\n", new: "package cookie\n\nvar x int = \"\"\n", pkg: pkg, test: test},
	} {
		r := &runner{root: root, parallel: 1, out: io.Discard}
		if got := r.delete(t.Context(), t.TempDir(), c); got.verdict != want {
			t.Errorf("%s: %s, want %s", c.what, got.verdict, want)
		}
		if ok := summary(io.Discard, []result{{c, want, "", 0}}, 0); ok {
			t.Errorf("%s counts as success", want)
		}
	}
	if summary(io.Discard, nil, 0) {
		t.Error("an empty list counts as success")
	}
}

// TestListFitsTheSources: no entry is stale, none does the same as another, and
// each names a test that exists.
func TestListFitsTheSources(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]bool{}
	what, edits := map[string]bool{}, map[string]string{}
	for _, c := range everything() {
		if _, err := writeOverlay(root, filepath.Join(t.TempDir(), "x"), c); err != nil {
			t.Errorf("%s: %s: %v", c.file, c.what, err)
		}
		if tests[c.pkg] == nil {
			tests[c.pkg] = testsOf(t, filepath.Join(root, c.pkg))
		}
		if !tests[c.pkg][c.test] {
			t.Errorf("%s: %s has no test %s", c.what, c.pkg, c.test)
		}
		if what[c.what] {
			t.Errorf("two entries are called %q", c.what)
		}
		what[c.what] = true
		key := fmt.Sprint(c.edits())
		if edits[key] != "" {
			t.Errorf("%q does what %q does", c.what, edits[key])
		}
		edits[key] = c.what
	}
	if n := len(everything()); n < 60 {
		t.Errorf("%d entries, want at least 60", n)
	}
}

func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				found[fn.Name.Name] = true // a fuzz target runs its seeds as a test
			}
		}
	}
	return found
}

// TestEveryDeletionCompiles type-checks what each entry leaves of its package: an
// entry that does not compile proves nothing, and this finds it without running
// the whole list.
func TestEveryDeletionCompiles(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]bool{}
	var patterns []string
	for _, c := range everything() {
		for _, e := range c.edits() {
			if dir := filepath.Dir(e.file); !dirs[dir] {
				dirs[dir] = true
				patterns = append(patterns, "./"+dir)
			}
		}
	}
	fset := token.NewFileSet()
	packages := importerOf(t, fset, root, patterns)
	for _, c := range everything() {
		changed := map[string]string{}
		for _, e := range c.edits() {
			if changed[e.file] == "" {
				text, err := os.ReadFile(filepath.Join(root, e.file))
				if err != nil {
					t.Fatal(err)
				}
				changed[e.file] = string(text)
			}
			changed[e.file] = strings.Replace(changed[e.file], e.old, e.new, 1)
		}
		checked := map[string]bool{}
		for file := range changed {
			dir := filepath.Dir(file)
			if checked[dir] {
				continue
			}
			checked[dir] = true
			if err := typeCheck(fset, packages, root, dir, changed); err != nil {
				t.Errorf("%s: %s: %v", c.file, c.what, err)
			}
		}
	}
}

// typeCheck checks a package with some of its files changed.
func typeCheck(fset *token.FileSet, packages types.Importer, root, dir string, changed map[string]string) error {
	pkg, err := build.ImportDir(filepath.Join(root, dir), 0)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		var text any
		if t, ok := changed[dir+"/"+name]; ok {
			text = t
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, dir, name), text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	var errs []error
	conf := types.Config{Importer: packages, Error: func(err error) { errs = append(errs, err) }}
	conf.Check(dir, fset, files, nil)
	return errors.Join(errs...)
}

// importerOf reads the compiled form of everything that the packages import.
func importerOf(t *testing.T, fset *token.FileSet, root string, patterns []string) types.Importer {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-export", "-json=ImportPath,Export"}, patterns...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	exports := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no compiled form of %s", path)
		}
		return os.Open(exports[path])
	})
}
