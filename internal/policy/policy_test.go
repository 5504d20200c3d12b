package policy_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// modulePath is the module path of the root module.
const modulePath = "github.com/hardtack-go/hardtack"

// root is the root of the repository. The tests name their files from here
// instead of changing directory: the go command follows a change of directory in
// TestMain only from m.Run on, and would then cache a result without the files
// behind it.
const root = "../.."

// inRoot makes a path below root relative to it, with slashes.
func inRoot(path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		panic(err) // both are relative
	}
	return filepath.ToSlash(rel)
}

// source is one parsed Go file of the repository, nested modules included.
type source struct {
	path  string // relative to the root, with slashes
	text  []byte
	lines int
	file  *ast.File
}

// test reports whether the file is compiled into tests only.
func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// dir is the directory of the file, "." for the root.
func (s source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// at spells a position as path:line, for messages.
func (s source) at(pos token.Pos) string {
	p := fset.Position(pos)
	return s.path + ":" + strconv.Itoa(p.Line)
}

var fset = token.NewFileSet()

// sources parses every Go file of the repository, once for all tests. Build
// constraints are ignored on purpose: a rule holds on every platform.
var sources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != root && (strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{
			path:  inRoot(path),
			text:  text,
			lines: bytes.Count(text, []byte("\n")),
			file:  file,
		})
		return nil
	})
	return all, err
})

// goSources returns the parsed files or ends the test.
func goSources(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go file found: the test runs in the wrong directory")
	}
	return all
}

// goCommand runs the go command in the root directory and returns what it
// printed. env is added to the environment.
func goCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	// The test cache knows only the files that this process opens, not those
	// the go command reads for it.
	goSources(t)
	for _, name := range []string{"go.mod", "go.work", "tools.mod"} {
		if _, err := os.ReadFile(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// short takes the module path off an import path of this repository.
func short(path string) (string, bool) {
	if path == modulePath {
		return "", true
	}
	return strings.CutPrefix(path, modulePath+"/")
}
