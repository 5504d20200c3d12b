package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A declaration is a top-level piece of a source file: a function, a type, or what a
// const or var declares.
type declaration struct {
	file     string // absolute
	text     []byte // of the file
	from, to int    // offsets in it
}

// sources finds declarations by name, and parses each package once.
type sources struct {
	root     string
	mu       sync.Mutex
	packages map[string]map[string]declaration
}

// find returns a declaration by its address, as in "keyring File.Update".
func (s *sources) find(address string) (declaration, error) {
	pkg, name, ok := strings.Cut(address, " ")
	if !ok {
		return declaration{}, fmt.Errorf("%q is not a package and a name", address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, ok := s.packages[pkg]
	if !ok {
		var err error
		if all, err = declarations(filepath.Join(s.root, pkg)); err != nil {
			return declaration{}, err
		}
		if s.packages == nil {
			s.packages = map[string]map[string]declaration{}
		}
		s.packages[pkg] = all
	}
	d, ok := all[name]
	if !ok {
		return declaration{}, fmt.Errorf("%s declares no %s", pkg, name)
	}
	return d, nil
}

// declarations returns those of one package, as this platform builds it.
func declarations(dir string) (map[string]declaration, error) {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	all := map[string]declaration{}
	for _, name := range pkg.GoFiles {
		file := filepath.Join(dir, name)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		add := func(name string, n ast.Node) {
			all[name] = declaration{file, text, set.Position(n.Pos()).Offset, set.Position(n.End()).Offset}
		}
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				add(declName(d), d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					var n ast.Node = spec
					if !d.Lparen.IsValid() {
						n = d
					}
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						add(spec.Name.Name, n)
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							add(id.Name, n)
						}
					}
				}
			}
		}
	}
	return all, nil
}

// declName returns the name that addresses a function: Find, File.Update.
func declName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr: // a type parameter
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// without returns the files that a deletion changes, after the change.
func (s *sources) without(c check) (map[string][]byte, error) {
	type change struct {
		at  int
		old string
		new string
	}
	changes := map[string][]change{}
	files := map[string][]byte{}
	for _, e := range c.edits() {
		if e.old == e.new {
			return nil, errors.New("the deletion changes nothing")
		}
		d, err := s.find(e.in)
		if err != nil {
			return nil, err
		}
		files[d.file] = slices.Clone(d.text)
		body := string(d.text[d.from:d.to])
		if n := strings.Count(body, e.old); n != 1 {
			return nil, fmt.Errorf("the text to delete occurs %d times in %s", n, e.in)
		}
		changes[d.file] = append(changes[d.file], change{d.from + strings.Index(body, e.old), e.old, e.new})
	}
	for file, list := range changes {
		// Start at the end, so that the other offsets stay right.
		slices.SortFunc(list, func(a, b change) int { return b.at - a.at })
		for _, c := range list {
			files[file] = slices.Replace(files[file], c.at, c.at+len(c.old), []byte(c.new)...)
		}
	}
	return files, nil
}

// writeOverlay writes the changed files and the JSON for the go command's -overlay
// flag. It returns the path of the JSON.
func writeOverlay(dir string, files map[string][]byte) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for i, path := range slices.Sorted(maps.Keys(files)) {
		changed := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(changed, files[path], 0o600); err != nil {
			return "", err
		}
		overlay.Replace[path] = changed
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o600)
}

// findRoot goes up from the working directory to the workspace.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("deletions: run it inside of the repository (no go.work found)")
		}
		dir = up
	}
}
