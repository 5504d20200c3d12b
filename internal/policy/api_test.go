package policy_test

import (
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/api/*.txt from the sources")

// frozen are the packages whose exported surface stands in docs/api, one file
// each. internal packages and commands have none.
var frozen = []string{
	"keyring", "cookie", "cookie/gorilla", "cookie/jose",
	"ticket", "ssestore", "ssestore/legacy", "auth", "auth/next", "middleware", "middleware/middlewaretest", "marks", "serverless",
	"fleet",
	"fleet/enginetest",
	"fleet/natskv",
	"fleet/rediskv",
	"fleet/sqlkv",
	"metrics/prometheus",
	"middleware/echo", "middleware/echo4", "middleware/gin",
	"signin",
	"signin/mail",
	"signin/oauth",
	"signin/passkey",
	"signin/passlink",
	"signin/password",
}

// TestAPI compares the exported surface with docs/api/*.txt, line by line. A
// change of the surface is then a change of a file that a reviewer sees:
//
//	go test ./internal/policy -run TestAPI -update
func TestAPI(t *testing.T) {
	imp := importer.ForCompiler(token.NewFileSet(), "gc", exportData(t))
	for _, pkg := range frozen {
		t.Run(pkg, func(t *testing.T) {
			p, err := imp.Import(modulePath + "/" + pkg)
			if err != nil {
				t.Fatal(err)
			}
			got := surface(p)
			file := filepath.Join(root, "docs", "api", strings.ReplaceAll(pkg, "/", "-")+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			for _, line := range got {
				if !slices.Contains(want, line) {
					t.Errorf("new in the code:      %s", line)
				}
			}
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("gone from the code:   %s", line)
				}
			}
			if t.Failed() {
				t.Log("if that is meant: go test ./internal/policy -run TestAPI -update, and a line in CHANGELOG.md")
			}
		})
	}
}

// TestAPIHasNoStrayFile: a file for a package that is gone, or a package that
// nobody froze, would both look like a promise.
func TestAPIHasNoStrayFile(t *testing.T) {
	var want []string
	for _, pkg := range frozen {
		want = append(want, strings.ReplaceAll(pkg, "/", "-")+".txt")
	}
	files, err := os.ReadDir(filepath.Join(root, "docs", "api"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(want, f.Name()) {
			t.Errorf("docs/api/%s belongs to no frozen package", f.Name())
		}
	}
	list := goCommand(t, nil, "list", "-f", "{{if ne .Name \"main\"}}{{.ImportPath}}{{end}}", "work")
	for line := range strings.Lines(list) {
		pkg := strings.TrimPrefix(strings.TrimSpace(line), modulePath+"/")
		top, _, _ := strings.Cut(pkg, "/")
		switch {
		case pkg == "" || pkg == modulePath, slices.Contains(strings.Split(pkg, "/"), "internal"):
		case slices.Contains([]string{"bench", "examples", "fuzz"}, top): // for readers and machines, not for importing
		case !slices.Contains(frozen, pkg):
			t.Errorf("package %s is public and not frozen", pkg)
		}
	}
}

// exportData asks the go command for the compiled interface of the frozen
// packages and of everything they import, and returns a lookup over it.
func exportData(t *testing.T) importer.Lookup {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, pkg := range frozen {
		args = append(args, modulePath+"/"+pkg)
	}
	files := map[string]string{}
	for line := range strings.Lines(goCommand(t, nil, args...)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		file := files[path]
		if file == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(file)
	}
}

// surface lists what other packages can name, one line each, sorted by name:
// constants with their values, variables, functions, types with their exported
// fields and methods.
func surface(p *types.Package) []string {
	// Names of the package itself stay bare, all others get their package name.
	qualify := func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Name()
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	scope := p.Scope()
	for _, name := range scope.Names() { // sorted
		obj := scope.Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			add("const %s %s = %s", name, types.TypeString(obj.Type(), qualify), obj.Val().ExactString())
		case *types.Var:
			add("var %s %s", name, types.TypeString(obj.Type(), qualify))
		case *types.Func:
			add("func %s%s", name, strings.TrimPrefix(types.TypeString(obj.Type(), qualify), "func"))
		case *types.TypeName:
			lines = append(lines, typeSurface(obj, qualify)...)
		}
	}
	return lines
}

func typeSurface(obj *types.TypeName, qualify types.Qualifier) []string {
	named, ok := types.Unalias(obj.Type()).(*types.Named)
	if obj.IsAlias() || !ok {
		lines := []string{fmt.Sprintf("type %s = %s", obj.Name(), types.TypeString(types.Unalias(obj.Type()), qualify))}
		// Nobody can look up what an internal package has: its promise stands here.
		if ok && strings.HasPrefix(named.Obj().Pkg().Path(), modulePath+"/internal/") {
			lines = append(lines, namedSurface(named, qualify)...)
		}
		return lines
	}
	return namedSurface(named, qualify)
}

func namedSurface(named *types.Named, qualify types.Qualifier) []string {
	name := types.TypeString(named, qualify) // with its type parameters
	var lines []string
	switch u := named.Underlying().(type) {
	case *types.Struct:
		lines = append(lines, "type "+name+" struct")
		for f := range u.Fields() {
			if f.Exported() {
				lines = append(lines, fmt.Sprintf("type %s struct, %s %s", name, f.Name(), types.TypeString(f.Type(), qualify)))
			} else if f.Embedded() {
				lines = append(lines, fmt.Sprintf("type %s struct, embeds %s", name, f.Name()))
			}
		}
		if !types.Comparable(u) {
			lines = append(lines, fmt.Sprintf("type %s struct, not comparable", name))
		}
	default:
		lines = append(lines, fmt.Sprintf("type %s %s", name, types.TypeString(u, qualify)))
	}
	if types.IsInterface(named) {
		return lines
	}
	methods := types.NewMethodSet(types.NewPointer(named))
	value := types.NewMethodSet(named)
	for m := range methods.Methods() {
		f, ok := m.Obj().(*types.Func)
		if !ok || !f.Exported() {
			continue
		}
		recv := "*" + name
		if value.Lookup(f.Pkg(), f.Name()) != nil {
			recv = name
		}
		lines = append(lines, fmt.Sprintf("method (%s) %s%s", recv, f.Name(), strings.TrimPrefix(types.TypeString(f.Type(), qualify), "func")))
	}
	return lines
}
