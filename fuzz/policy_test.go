package fuzz_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The functions of internal/jwe take a cipher from their caller, so that a test
// can hand them one that checks nothing. That is safe as long as no program does:
// these tests read the sources of the whole repository.

const (
	root    = ".."
	jwePath = "github.com/hardtack-go/hardtack/internal/jwe"
)

// goFiles parses every Go file of the repository, tests excepted unless asked for.
func goFiles(t *testing.T, see func(path string, set *token.FileSet, file *ast.File)) (n int) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		n++
		see(filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), set, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// guarded are the functions of internal/jwe that take a cipher, or make one.
func guarded(t *testing.T) (names []string) {
	t.Helper()
	mentions := func(list *ast.FieldList) bool {
		found := false
		if list != nil {
			ast.Inspect(list, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && (id.Name == "AEAD" || id.Name == "Box") {
					found = true
				}
				return true
			})
		}
		return found
	}
	goFiles(t, func(path string, _ *token.FileSet, file *ast.File) {
		if !strings.HasPrefix(path, "internal/jwe/") {
			return
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() && (mentions(f.Type.Params) || mentions(f.Type.Results)) {
				names = append(names, f.Name.Name)
			}
		}
	})
	return append(names, "NewBox", "Box") // NewBox returns an any
}

// TestCipherTakingFunctions_Callers: outside of tests only cookie uses them (and
// cookie/jose may), and nobody uses the plain twins, which exist to be compared.
func TestCipherTakingFunctions_Callers(t *testing.T) {
	names := guarded(t)
	for _, want := range []string{"Open", "Seal", "PlainOpen", "PlainSeal", "NewAEAD"} {
		if !slices.Contains(names, want) {
			t.Fatalf("internal/jwe has no %s that takes or makes a cipher; found %v", want, names)
		}
	}
	uses := map[string]int{}
	n := goFiles(t, func(path string, set *token.FileSet, file *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "internal/jwe" {
			return
		}
		local := ""
		for _, spec := range file.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); p == jwePath {
				local = "jwe"
				if spec.Name != nil {
					local = spec.Name.Name
				}
			}
		}
		if local == "" {
			return
		}
		if local == "." || local == "_" {
			t.Errorf("%s imports internal/jwe as %q", path, local)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			sel, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); !ok || x.Name != local {
				return true
			}
			name := sel.Sel.Name
			at := path + ":" + strconv.Itoa(set.Position(sel.Pos()).Line)
			if slices.Contains(names, name) {
				uses[dir]++
				if dir != "cookie" && dir != "cookie/jose" {
					t.Errorf("%s: jwe.%s takes or makes a cipher, and is for cookie alone", at, name)
				}
			}
			if strings.HasPrefix(name, "Plain") && name != "PlainDecode" {
				t.Errorf("%s: jwe.%s is for tests", at, name)
			}
			return true
		})
	})
	if n < 50 || uses["cookie"] == 0 {
		t.Errorf("%d files read, %d uses found in cookie: the test looks in the wrong place", n, uses["cookie"])
	}
}

// TestNoBuildTagSwitchesCryptoOff: the only build constraints of the core are
// those of operating systems and of the race detector. A file that is compiled
// for fuzzing alone could replace a check by none.
func TestNoBuildTagSwitchesCryptoOff(t *testing.T) {
	allowed := []string{"race", "unix", "linux", "darwin", "windows", "js", "wasip1", "wasm", "plan9", "solaris", "illumos", "aix", "freebsd", "netbsd", "openbsd", "dragonfly", "amd64", "arm64"}
	goFiles(t, func(path string, _ *token.FileSet, file *ast.File) {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if !constraint.IsGoBuild(c.Text) || c.Pos() > file.Package {
					continue
				}
				expr, err := constraint.Parse(c.Text)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				expr.Eval(func(tag string) bool {
					if !slices.Contains(allowed, tag) {
						t.Errorf("%s: build tag %q", path, tag)
					}
					return true
				})
			}
		}
	})
}
