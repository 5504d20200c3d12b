package policy_test

import (
	"go/ast"
	"go/build/constraint"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The functions of internal/jwe take a cipher from their caller, so that a test
// can hand them one that checks nothing. That is safe as long as no program does:
// these tests read the sources of the whole repository.

const jwePath = modulePath + "/internal/jwe"

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
	for _, s := range goSources(t) {
		if s.test() || s.dir() != "internal/jwe" {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() && (mentions(f.Type.Params) || mentions(f.Type.Results)) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return append(names, "NewBox", "Box") // NewBox returns an any
}

// TestCipherTakingFunctions_Callers: outside of tests only cookie, ticket and fleet use them
// (and cookie/jose may), and nobody uses the plain twins, which exist to be compared.
// One file of the benchmark does what cookie does, to time the steps alone.
func TestCipherTakingFunctions_Callers(t *testing.T) {
	names := guarded(t)
	for _, want := range []string{"Open", "Seal", "PlainOpen", "PlainSeal", "NewAEAD"} {
		if !slices.Contains(names, want) {
			t.Fatalf("internal/jwe has no %s that takes or makes a cipher; found %v", want, names)
		}
	}
	uses := map[string]int{}
	for _, s := range goSources(t) {
		dir := s.dir()
		if s.test() || dir == "internal/jwe" {
			continue
		}
		local := ""
		for _, spec := range s.file.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); p == jwePath {
				local = "jwe"
				if spec.Name != nil {
					local = spec.Name.Name
				}
			}
		}
		if local == "" {
			continue
		}
		if local == "." || local == "_" {
			t.Errorf("%s imports internal/jwe as %q", s.path, local)
		}
		ast.Inspect(s.file, func(node ast.Node) bool {
			sel, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); !ok || x.Name != local {
				return true
			}
			name := sel.Sel.Name
			if slices.Contains(names, name) {
				uses[dir]++
				if dir != "cookie" && dir != "ticket" && dir != "fleet" && dir != "cookie/jose" && s.path != "bench/contest/pipeline.go" {
					t.Errorf("%s: jwe.%s takes or makes a cipher, and is for cookie, ticket and fleet alone", s.at(sel.Pos()), name)
				}
			}
			if strings.HasPrefix(name, "Plain") && name != "PlainDecode" {
				t.Errorf("%s: jwe.%s is for tests", s.at(sel.Pos()), name)
			}
			return true
		})
	}
	if uses["cookie"] == 0 || uses["ticket"] == 0 {
		t.Error("no use found in cookie or ticket: the test looks in the wrong place")
	}
}

// TestNoBuildTagSwitchesCryptoOff: the only build constraints of the core are
// those of operating systems and of the race detector, and purego where there is
// assembly to leave out. A file that is compiled for fuzzing alone could replace a
// check by none.
func TestNoBuildTagSwitchesCryptoOff(t *testing.T) {
	allowed := []string{"race", "unix", "linux", "darwin", "windows", "js", "wasip1", "wasm", "plan9", "solaris", "illumos", "aix", "freebsd", "netbsd", "openbsd", "dragonfly", "amd64", "arm64"}
	for _, s := range goSources(t) {
		if s.test() {
			continue
		}
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if !constraint.IsGoBuild(c.Text) || c.Pos() > s.file.Package {
					continue
				}
				expr, err := constraint.Parse(c.Text)
				if err != nil {
					t.Errorf("%s: %v", s.path, err)
					continue
				}
				expr.Eval(func(tag string) bool {
					if !slices.Contains(allowed, tag) && (tag != "purego" || s.dir() != "internal/base64url") {
						t.Errorf("%s: build tag %q", s.path, tag)
					}
					return true
				})
			}
		}
	}
}
