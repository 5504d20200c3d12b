package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// routes returns the patterns that the methods Handler of the demo register, as its
// source says. A pattern is a string, a sum of strings and constants, or the variable of a
// loop over strings.
func routes(t *testing.T) (all []string) {
	t.Helper()
	fset, texts := token.NewFileSet(), map[string]ast.Expr{}
	var handlers []*ast.FuncDecl
	files, err := filepath.Glob("../demo/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "Handler" {
					handlers = append(handlers, n)
				}
			case *ast.ValueSpec:
				for i := range n.Values {
					texts[n.Names[i].Name] = n.Values[i]
				}
			}
			return true
		})
	}
	// values returns what a string may be: of a loop's variable, there are several.
	var values func(e ast.Expr) []string
	values = func(e ast.Expr) (found []string) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if s, err := strconv.Unquote(e.Value); err == nil {
				found = append(found, s)
			}
		case *ast.Ident:
			if is, ok := texts[e.Name]; ok {
				return values(is)
			}
		case *ast.CompositeLit:
			for _, one := range e.Elts {
				found = append(found, values(one)...)
			}
		case *ast.BinaryExpr:
			for _, x := range values(e.X) {
				for _, y := range values(e.Y) {
					found = append(found, x+y)
				}
			}
		}
		return found
	}
	for _, f := range handlers {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				if name, ok := n.Value.(*ast.Ident); ok {
					texts[name.Name] = n.X
				}
			case *ast.CallExpr:
				to, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || to.Sel.Name != "Handle" && to.Sel.Name != "HandleFunc" {
					return true
				}
				found := values(n.Args[0])
				if len(found) == 0 {
					t.Errorf("%s: what is registered here?", fset.Position(n.Pos()))
				}
				all = append(all, found...)
			}
			return true
		})
	}
	return all
}

// A siteMap is the patterns of the demo, and those that a page was looked at for.
type siteMap struct {
	mux  *http.ServeMux
	seen map[string]bool
}

func newSiteMap(t *testing.T) siteMap {
	m := siteMap{http.NewServeMux(), map[string]bool{}}
	for _, pattern := range routes(t) {
		if _, is := m.seen[pattern]; !is {
			m.seen[pattern] = false
			m.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		}
	}
	return m
}

// see notes a path whose page was looked at. It may have been the answer to a POST.
func (m siteMap) see(t *testing.T, path string) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r, err := http.NewRequest(method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, pattern := m.mux.Handler(r)
		m.seen[pattern] = true
	}
}

// ways returns the names that the packages of module signin give to their pages.
func ways(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	name := regexp.MustCompile(`"((?:password|passlink|oauth|signin)/[a-z]+)"`)
	err := fs.WalkDir(os.DirFS("../../signin"), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(filepath.Join("../../signin", path))
		for _, m := range name.FindAllSubmatch(text, -1) {
			all[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
