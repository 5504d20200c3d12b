package policy_test

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file of code has probably become two things. A test file may
// be longer, because it covers one subject, however many rows that has.
const maxLines = 500

func TestFilesAreShort(t *testing.T) {
	for _, s := range goSources(t) {
		if !s.test() && s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: is it two things?", s.path, s.lines, maxLines)
		}
	}
}

// TestOnePackageDoc asks every package, commands included, for exactly one
// package comment, and a library's for the form that godoc expects.
func TestOnePackageDoc(t *testing.T) {
	type pkg struct{ dir, name string }
	docs := map[pkg][]source{}
	for _, s := range goSources(t) {
		if s.test() {
			continue
		}
		p := pkg{s.dir(), s.file.Name.Name}
		if s.file.Doc != nil && s.file.Doc.Text() != "" {
			docs[p] = append(docs[p], s)
			if p.name != "main" && !strings.HasPrefix(s.file.Doc.Text(), "Package "+p.name+" ") {
				t.Errorf("%s: the package comment does not begin with \"Package %s\"", s.path, p.name)
			}
		} else if _, ok := docs[p]; !ok {
			docs[p] = nil
		}
	}
	for p, with := range docs {
		if len(with) != 1 {
			var names []string
			for _, s := range with {
				names = append(names, s.path)
			}
			t.Errorf("package %s in %s has %d package comments, want 1: %v", p.name, p.dir, len(with), names)
		}
	}
}

// TestNoInit: no code in this repository runs just because it was linked in, but for
// the function for Cloud Run, whose framework wants to be told so.
func TestNoInit(t *testing.T) {
	for _, s := range goSources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && s.path != "examples/cloudrun/function.go" {
				t.Errorf("%s: an init function", s.at(f.Pos()))
			}
		}
	}
}

// TestExportedVariables allows two kinds: errors, and typed session keys.
// Anything else is state that another package can change under us. The rule is
// for packages that users import; bench, fuzz and examples are programs.
func TestExportedVariables(t *testing.T) {
	for _, s := range goSources(t) {
		if s.test() || s.file.Name.Name == "main" || program(s.path) {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, name := range v.Names {
					if !name.IsExported() || strings.HasPrefix(name.Name, "Err") || i < len(v.Values) && isTypedKey(v.Values[i]) {
						continue
					}
					t.Errorf("%s: exported variable %s is neither an error nor a typed key", s.at(name.Pos()), name.Name)
				}
			}
		}
	}
}

// program reports whether a file belongs to a nested module that nobody imports.
func program(path string) bool {
	for _, dir := range []string{"bench/", "cmd/", "fuzz/", "examples/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// isTypedKey reports whether an expression is a call of ssestore.NewKey.
func isTypedKey(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun := call.Fun
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "NewKey"
	case *ast.Ident:
		return f.Name == "NewKey"
	}
	return false
}

// TestCoreStartsNothing: the core starts no goroutine and no timer and reads no
// environment variable, so that it works where a process is frozen between two
// requests and where settings arrive with the request. (time.Sleep is not in the
// list: keyring.File polls a lock file with it, in the caller's own goroutine.)
func TestCoreStartsNothing(t *testing.T) {
	core := map[string]bool{}
	for _, l := range layers {
		core[l.pkg] = l.core
	}
	environment := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv"}
	timers := []string{"NewTicker", "Tick", "AfterFunc", "NewTimer", "After"}
	for _, s := range goSources(t) {
		if s.test() || !core[s.dir()] {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a go statement in the core", s.at(n.Pos()))
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					break
				}
				if (x.Name == "os" || x.Name == "syscall") && slices.Contains(environment, n.Sel.Name) {
					t.Errorf("%s: %s.%s in the core", s.at(n.Pos()), x.Name, n.Sel.Name)
				}
				if x.Name == "time" && slices.Contains(timers, n.Sel.Name) {
					t.Errorf("%s: time.%s in the core", s.at(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestNoSleepInTests: a test that sleeps is slow on a good day and red on a bad
// one. Inside a testing/synctest bubble the same call moves a fake clock and is
// allowed.
func TestNoSleepInTests(t *testing.T) {
	for _, s := range goSources(t) {
		if !s.test() {
			continue
		}
		var bubbles []ast.Node
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isSelector(call.Fun, "synctest", "Test") {
				bubbles = append(bubbles, call)
			}
			return true
		})
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isSelector(call.Fun, "time", "Sleep") {
				return true
			}
			inside := slices.ContainsFunc(bubbles, func(b ast.Node) bool { return b.Pos() <= call.Pos() && call.End() <= b.End() })
			if !inside {
				t.Errorf("%s: time.Sleep in a test", s.at(call.Pos()))
			}
			return true
		})
	}
}

func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// TestFuzzTargetsHaveSeeds: a fuzz target without seeds passes `go test` by
// running nothing. Either testdata/fuzz/NAME holds at least one file, or the
// function itself adds a seed outside every loop, or in a loop over a literal.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	found := 0
	for _, s := range goSources(t) {
		if !s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
				continue
			}
			found++
			files, _ := os.ReadDir(path.Join(root, s.dir(), "testdata", "fuzz", f.Name.Name))
			if len(files) == 0 && !addsSeed(f.Body) {
				t.Errorf("%s: %s has no committed seed and adds none for certain", s.at(f.Pos()), f.Name.Name)
			}
		}
	}
	if found == 0 {
		t.Error("no fuzz target found")
	}
}

// addsSeed reports whether a block calls Add at least once whatever happens:
// not below an if, and below a loop only when it ranges over a literal.
func addsSeed(body *ast.BlockStmt) bool {
	certain := false
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt, *ast.ForStmt, *ast.SwitchStmt, *ast.FuncLit:
				return false
			case *ast.RangeStmt:
				if literal(n.X) {
					walk(n.Body)
				}
				return false
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Add" {
					certain = true
				}
			}
			return true
		})
	}
	walk(body)
	return certain
}

// literal reports whether an expression is a composite literal with elements.
func literal(e ast.Expr) bool {
	c, ok := e.(*ast.CompositeLit)
	return ok && len(c.Elts) > 0
}

// TestExportedNamesAreDocumented asks for a comment on every exported function,
// method and type of a library package, but for Error, which says nothing new.
func TestExportedNamesAreDocumented(t *testing.T) {
	missing := map[string]bool{}
	for _, s := range goSources(t) {
		if s.test() || s.file.Name.Name == "main" || program(s.path) {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Name.Name != "Error" && d.Doc.Text() == "" && receiverExported(d) {
					missing[s.at(d.Pos())+": "+d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() && spec.Doc.Text() == "" && d.Doc.Text() == "" {
							missing[s.at(spec.Pos())+": "+spec.Name.Name] = true
						}
					case *ast.ValueSpec:
						if spec.Names[0].IsExported() && spec.Doc.Text() == "" && spec.Comment.Text() == "" && d.Doc.Text() == "" {
							missing[s.at(spec.Pos())+": "+spec.Names[0].Name] = true
						}
					}
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("%s has no comment", name)
	}
}

// receiverExported reports whether a function is one that other packages see:
// no method, or a method of an exported type.
func receiverExported(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
