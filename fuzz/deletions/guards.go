package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A guard is a condition that decides what the code does, or one operand of it.
// Deleting it makes it false. An operand of a && that is returned becomes true
// instead, so that the other operands decide alone.
type guard struct {
	pkg  string // the package, relative to the root
	fn   string // the function: Find, File.Update
	text string // the condition on one line
	nth  int    // counts equal conditions of one function from 1
	kept bool   // deleted by making it true, not false
	file string // path of the source
	edit []splice
}

// splice replaces src[at:end], which is usually empty, by a text.
type splice struct {
	at, end int
	text    string
	closing bool // comes behind an expression
}

// String returns the address of a guard. It has no line number and no file name, so
// it survives most changes to a source file.
func (g guard) String() string {
	s := g.pkg + " " + g.fn + ": " + g.text
	if g.nth > 1 {
		s += fmt.Sprintf(" #%d", g.nth)
	}
	if g.kept {
		s += " = true"
	}
	return s
}

// A part is a module whose guards are deleted.
type part struct {
	dir     string   // relative to the root
	testers []string // packages elsewhere whose tests may miss a guard of this module
}

// parts has the root module first. What is built on it has to protect its own guards,
// and isn't asked whether it misses one of the root.
var parts = []part{
	{".", []string{"fuzz", "fuzz/advisories", "fuzz/mutants", "fuzz/vectors"}},
	{"signin", []string{"signin/internal/rig"}}, // which has tests of all ways at once
	{"cmd/hardtack", []string{"cmd/hardtack"}},
}

// has reports whether a guard, by its address, is in this module.
func (p part) has(address string) bool {
	for _, other := range parts {
		if other.dir != "." && (strings.HasPrefix(address, other.dir+" ") || strings.HasPrefix(address, other.dir+"/")) {
			return other.dir == p.dir
		}
	}
	return p.dir == "."
}

// A core is the packages of a part as this platform builds them.
type core struct {
	packages []corePackage
}

type corePackage struct {
	path  string   // relative to the root
	name  string   // of the package clause
	dir   string   // absolute
	files []string // absolute, without tests
}

// findCore lists the packages of a module that have code which programs import: no
// commands, and no package that only tests use.
func findCore(ctx context.Context, root string, in part) (core, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=Dir,Name,GoFiles,Imports", "./"+path.Join(in.dir, "..."))
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return core{}, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var c core
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, Name        string
			GoFiles, Imports []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return c, nil
		} else if err != nil {
			return core{}, err
		}
		rel, err := filepath.Rel(root, p.Dir)
		if err != nil {
			return core{}, err
		}
		rel = filepath.ToSlash(rel)
		testing := slices.Contains(p.Imports, "testing")
		if len(p.GoFiles) == 0 || rel == "." || p.Name == "main" || testing {
			continue
		}
		var files []string
		for _, name := range p.GoFiles {
			files = append(files, filepath.Join(p.Dir, name))
		}
		c.packages = append(c.packages, corePackage{rel, p.Name, p.Dir, files})
	}
}

// guards finds every guard of the core, in the order of packages, files and lines.
// The number of a guard is its index plus one.
func (c core) guards() (all []guard, err error) {
	for _, p := range c.packages {
		seen := map[string]int{}
		for _, file := range p.files {
			src, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, d := range tree.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				f := finder{set: set, src: src, number: len(all)}
				ast.Inspect(fn, f.visit)
				for _, g := range f.found {
					g.pkg, g.fn, g.file = p.path, declName(fn), file
					g.nth = 1
					seen[g.String()]++
					g.nth = seen[g.String()]
					all = append(all, g)
				}
			}
		}
	}
	return all, nil
}

// A finder collects the guards of one function.
type finder struct {
	set    *token.FileSet
	src    []byte
	number int // of guards before this function
	found  []guard
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		f.cases(n)
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			if logical(e) != token.ILLEGAL {
				f.operands(e)
			}
		}
	}
	return true
}

// condition finds the guards of a condition: the operands of a ||, or the whole.
func (f *finder) condition(e ast.Expr) {
	if logical(e) == token.LOR {
		f.operands(e)
		return
	}
	f.add(e, false)
}

// operands finds the guards of a || or && that a function returns, and of a ||
// that a statement decides by.
func (f *finder) operands(e ast.Expr) {
	b := ast.Unparen(e).(*ast.BinaryExpr)
	for _, x := range []ast.Expr{b.X, b.Y} {
		if op := logical(x); op == b.Op {
			f.operands(x)
		} else {
			f.add(x, b.Op == token.LAND)
		}
	}
}

func logical(e ast.Expr) token.Token {
	if b, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && (b.Op == token.LOR || b.Op == token.LAND) {
		return b.Op
	}
	return token.ILLEGAL
}

// cases finds the guards of a switch. A switch that compares a value is rewritten
// to one without a value, in which every case is a condition.
func (f *finder) cases(s *ast.SwitchStmt) {
	name := ""
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			if s.Tag == nil {
				f.condition(e)
				continue
			}
			f.add(e, false)
			g := &f.found[len(f.found)-1]
			g.text = f.text(s.Tag) + " == " + g.text
			if name == "" {
				var head splice
				name, head = f.value(s)
				g.edit = append(g.edit, head)
			}
			g.edit[0].text += name + " == "
		}
	}
}

// value gives a name to the value that a switch compares, and removes it from the
// head.
func (f *finder) value(s *ast.SwitchStmt) (name string, head splice) {
	head = splice{at: f.offset(s.Tag.Pos()), end: f.offset(s.Tag.End())}
	if s.Init != nil { // no room for a second statement
		return "(" + f.text(s.Tag) + ")", head
	}
	head.text = "switchValue := " + f.text(s.Tag) + ";"
	return "switchValue", head
}

func (f *finder) add(e ast.Expr, kept bool) {
	after := fmt.Sprintf(") && guardIsOn(%d))", f.number+len(f.found)+1)
	if kept {
		after = fmt.Sprintf(") || !guardIsOn(%d))", f.number+len(f.found)+1)
	}
	pos, end := f.offset(e.Pos()), f.offset(e.End())
	f.found = append(f.found, guard{text: f.text(ast.Unparen(e)), kept: kept, edit: []splice{{pos, pos, "((", false}, {end, end, after, true}}})
}

func (f *finder) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *finder) text(e ast.Expr) string {
	var b strings.Builder
	printer.Fprint(&b, token.NewFileSet(), e)
	return strings.Join(strings.Fields(b.String()), " ")
}

// switched returns every source of the core that has guards, with a switch in each
// of them, and the file of each package that the switches need. No line moves.
func (c core) switched(all []guard) (map[string][]byte, error) {
	splices := map[string][]splice{}
	for _, g := range all {
		splices[g.file] = append(splices[g.file], g.edit...)
	}
	changed := map[string][]byte{}
	for file, list := range splices {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		// If two end at the same place, the inner one, which was found later, is first.
		order := make([]int, len(list))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			a, b := list[i], list[j]
			if a.at == b.at && a.closing && b.closing {
				return cmp.Compare(j, i)
			}
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(i, j))
		})
		var out []byte
		last := 0
		for _, i := range order {
			out = append(append(out, src[last:list[i].at]...), list[i].text...)
			last = list[i].end
		}
		changed[file] = append(out, src[last:]...)
	}
	for _, p := range c.packages {
		changed[filepath.Join(p.dir, "guard_switch.go")] = fmt.Appendf(nil, switchSource, p.name, envOff, envLog, len(all)+1)
	}
	return changed, nil
}
