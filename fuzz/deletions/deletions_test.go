package main

import (
	"maps"
	"regexp"
	"slices"

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
	"time"

	"github.com/hardtack-go/hardtack/internal/race"
)

// TestDeletions runs the ten fixed deletions, each with its named test: what
// `go run ./fuzz/deletions` prints.
func TestDeletions(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("compiles ten variants of the sources: runs without -short and without -race")
	}
	if n := len(fixed()); n != 10 {
		t.Errorf("%d fixed deletions, want 10", n)
	}
	var out bytes.Buffer
	c := command{pattern: regexp.MustCompile(""), parallel: 2, report: &reporter{out: &out, verbose: true}}
	ok, err := c.run(t.Context())
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
	const in, old, pkg, test = "keyring Key.ID", "func (k Key) ID() string {", "keyring", "TestNewKey"
	for want, c := range map[verdict]check{
		killed:   {new: old + "\n\treturn \"\""},
		survived: {new: old + "\n\t_ = 0"},
		panicked: {new: old + "\n\tpanic(\"deleted\")"},
		hung:     {new: old + "\n\tselect {}"},
		stale:    {old: "no such text"},
		broken:   {new: old + "\n\tvar x int"},
	} {
		c.what, c.in, c.pkg, c.test = string(want), in, pkg, test
		if c.old == "" {
			c.old = old
		}
		r := newRunner(root(t), t.TempDir(), &reporter{out: io.Discard})
		r.timeout = 10 * time.Second // keyring's other tests, which run when one survives, take longer
		if want == hung {
			r.timeout = 3 * time.Second
		}
		if got := r.delete(t.Context(), r.temp, c); got.verdict != want {
			t.Errorf("%s, want %s: %s", got.verdict, want, got.detail)
		}
		if want != panicked && want != hung {
			continue
		}
		c.dies = want
		if got := r.delete(t.Context(), r.temp, c); got.verdict != killed {
			t.Errorf("%s although the entry says so: %s", got.verdict, got.detail)
		}
	}
}

// TestSummary: nothing but killed, averted and accepted deletions is a success, and no
// deletion at all is none.
func TestSummary(t *testing.T) {
	for _, v := range verdicts {
		r := &reporter{out: io.Discard}
		if ok := r.summary("all", []result{{verdict: killed}, {verdict: v}}, 0); ok != (v == killed || v == averted || v == accepted) {
			t.Errorf("%s counts as success: %t", v, ok)
		}
	}
	if (&reporter{out: io.Discard}).summary("all", nil, 0) {
		t.Error("an empty list counts as success")
	}
}

// TestListFitsTheSources: no entry is stale, none does the same as another, each
// names a test that exists, and every guard that is accepted exists.
func TestListFitsTheSources(t *testing.T) {
	s := &sources{root: root(t)}
	tests := map[string]map[string]bool{}
	what, edits := map[string]bool{}, map[string]string{}
	for _, c := range everything() {
		if _, err := s.without(c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if tests[c.pkg] == nil {
			tests[c.pkg] = testsOf(t, filepath.Join(s.root, c.pkg))
		}
		if !tests[c.pkg][c.test] {
			t.Errorf("%s: no such test", c)
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
	var guards []guard
	for _, p := range parts {
		_, all := guardsOf(t, p)
		guards = append(guards, all...)
	}
	for _, res := range newAcceptance(survivors).gone(guards) {
		t.Errorf("%s: %s", res.name, res.detail)
	}
	listed := map[string]bool{}
	for _, r := range survivors {
		if r.why == "" || r.verdict != survived && r.verdict != panicked && r.verdict != hung && r.verdict != chance {
			t.Errorf("a reason %q for what %s", r.why, r.verdict)
		}
		for _, g := range r.guards {
			if listed[g] {
				t.Errorf("%s is accepted twice", g)
			}
			listed[g] = true
		}
	}
}

// TestGuards: what counts as a guard, how it is addressed and how it is deleted.
func TestGuards(t *testing.T) {
	const source = `package p

func (f *F[T]) do(a, b, c bool, n int) bool {
	if a || b && c {
		return false
	}
	if a {
		return a || (b && !c)
	}
	switch {
	case a, b || c:
		return n == 1
	}
	switch n {
	case 1, 2:
	case 3:
	}
	switch m := n; m {
	case 1:
	}
	for a {
	}
	return b
}
`
	file := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	c := core{[]corePackage{{"p", "p", filepath.Dir(file), []string{file}}}}
	guards, err := c.guards()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range guards {
		got = append(got, strings.TrimPrefix(g.String(), "p F.do: "))
	}
	want := []string{"a", "b && c", "a #2", "a #3", "b && !c", "a #4", "b", "c", "n == 1", "n == 2", "n == 3", "m == 1"}
	if !slices.Equal(got, want) {
		t.Errorf("guards\n%q, want\n%q", got, want)
	}
	changed, err := c.switched(guards)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"\tif ((a) && guardIsOn(1)) || ((b && c) && guardIsOn(2)) {\n",
		"\tif ((a) && guardIsOn(3)) {\n",
		"\t\treturn ((a) && guardIsOn(4)) || (((b && !c)) && guardIsOn(5))\n",
		"\tcase ((a) && guardIsOn(6)), ((b) && guardIsOn(7)) || ((c) && guardIsOn(8)):\n\t\treturn n == 1\n",
		"\tswitch switchValue := n; {\n\tcase ((switchValue == 1) && guardIsOn(9)), ((switchValue == 2) && guardIsOn(10)):\n",
		"\tswitch m := n;  {\n\tcase (((m) == 1) && guardIsOn(12)):\n",
		"\tfor a {\n\t}\n\treturn b\n",
	} {
		if !strings.Contains(string(changed[file]), line) {
			t.Errorf("no line %q in\n%s", line, changed[file])
		}
	}
}

// TestRead: what a failing run of tests says.
func TestRead(t *testing.T) {
	for _, row := range []struct {
		out  string
		want verdict
		test string
	}{
		{"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n    a_test.go:1: no\nFAIL\n", killed, "TestA"},
		{"--- FAIL: TestA (0.00s)\n    a_test.go:1: panic: no\nFAIL\n", killed, "TestA"},
		{"--- FAIL: TestA (0.00s)\npanic: index out of range [recovered]\n", panicked, "TestA"},
		{"panic: no\n\ngoroutine 7 [running]:\nexample.com/p_test.TestA.func1()\n", panicked, "TestA"},
		{"fatal error: stack overflow\n", panicked, ""},
		{"panic: test timed out after 10s\n\trunning tests:\n\t\tTestA/b_c (10s)\n", hung, "TestA"},
		{"panic: deadlock: main bubble goroutine has exited but blocked goroutines remain\n", hung, ""},
		{"fatal error: all goroutines are asleep - deadlock!\n", hung, ""},
		{"FAIL\tp [build failed]\n", broken, ""},
		{"exit status 1\n", broken, ""},
	} {
		v, tests := read(row.out)
		if v != row.want || strings.Join(tests, " ") != row.test {
			t.Errorf("%q reads as %s %q, want %s %q", row.out, v, tests, row.want, row.test)
		}
	}
}

// TestCulprit: where a test died of a nil pointer or an index.
func TestCulprit(t *testing.T) {
	const nothing = "panic: runtime error: invalid memory address or nil pointer dereference"
	for _, row := range []struct{ out, want string }{
		{"--- FAIL: TestA (0.00s)\n" + nothing + " [recovered, repanicked]\n[signal SIGSEGV]\n\ngoroutine 7 [running]:\ntesting.tRunner.func1.2({0x1, 0x2})\n\t/go/testing.go:1 +0x1\n" +
			"github.com/hardtack-go/hardtack/auth.deferred()\n\t/a.go:1\npanic({0x1?, 0x2?})\n\t/go/panic.go:1\nsync.(*Mutex).Lock(...)\n\t/go/mutex.go:1\n" +
			"github.com/hardtack-go/hardtack/cookie/jose.(*opener).Open(0x0, {0x1, 0x2})\n\t/b.go:1\ngithub.com/hardtack-go/hardtack/auth.New(...)\n\n" +
			"goroutine 1 [chan receive]:\ngithub.com/hardtack-go/hardtack/keyring.New()\n", "cookie/jose opener.Open"},
		{nothing + "\n\ngoroutine 7 [running]:\ngithub.com/hardtack-go/hardtack/auth.(*Manager[...]).GetUser.func1(0x0)\n", "auth Manager.GetUser"},
		{"panic: runtime error: index out of range [3] with length 3\n\ngoroutine 7 [running]:\ngithub.com/hardtack-go/hardtack/keyring.pack({0x0, 0x1})\n", "keyring pack"},
		{"panic: a word of our own\n\ngoroutine 7 [running]:\ngithub.com/hardtack-go/hardtack/keyring.pack({0x0, 0x1})\n", ""},
		{"--- FAIL: TestA (0.00s)\n", ""},
	} {
		if got := culprit(row.out); got != row.want {
			t.Errorf("%q: %q, want %q", row.out, got, row.want)
		}
	}
}

// TestSwitchboard deletes guards for real: one that a test misses, and one whose
// deletion no test can see, which the list then has to accept.
func TestSwitchboard(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("compiles the tests of a package: runs without -short and without -race")
	}
	report := &reporter{out: io.Discard}
	s, err := newSwitchboard(t.Context(), root(t), t.TempDir(), parts[0], regexp.MustCompile("^internal/base64url "), 2, report, "internal/base64url")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !report.summary("base64url", report.results, 0) {
		t.Errorf("%v", report.results)
	}
}

// root is the root of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func guardsOf(t *testing.T, in part) (core, []guard) {
	t.Helper()
	c, err := findCore(t.Context(), root(t), in)
	if err != nil {
		t.Fatal(err)
	}
	guards, err := c.guards()
	if err != nil {
		t.Fatal(err)
	}
	return c, guards
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

// TestEveryDeletionCompiles type-checks what each entry leaves of its package, and
// every package with its switches: what does not compile proves nothing, and this
// finds it without running the whole list.
func TestEveryDeletionCompiles(t *testing.T) {
	s := &sources{root: root(t)}
	dirs := map[string]bool{}
	var changes []map[string][]byte
	var names []string
	for _, c := range everything() {
		files, err := s.without(c)
		if err != nil {
			continue // TestListFitsTheSources says so
		}
		changes, names = append(changes, files), append(names, c.String())
	}
	for _, p := range parts {
		c, guards := guardsOf(t, p)
		all, err := c.switched(guards)
		if err != nil {
			t.Fatal(err)
		}
		changes, names = append(changes, all), append(names, "all switches of "+p.dir)
	}
	for _, files := range changes {
		for file := range files {
			dirs["./"+filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), s.root+string(filepath.Separator)))] = true
		}
	}
	fset := token.NewFileSet()
	packages := importerOf(t, fset, s.root, slices.Sorted(maps.Keys(dirs)))
	for i, files := range changes {
		checked := map[string]bool{}
		for file := range files {
			if dir := filepath.Dir(file); !checked[dir] {
				checked[dir] = true
				if err := typeCheck(fset, packages, dir, files); err != nil {
					t.Errorf("%s: %v", names[i], err)
				}
			}
		}
	}
}

// typeCheck checks a package with some of its files changed.
func typeCheck(fset *token.FileSet, packages types.Importer, dir string, changed map[string][]byte) error {
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		return err
	}
	sources := map[string]any{} // nil: as they are on disk
	for _, name := range pkg.GoFiles {
		sources[filepath.Join(dir, name)] = nil
	}
	for name, text := range changed {
		if filepath.Dir(name) == dir {
			sources[name] = text
		}
	}
	var files []*ast.File
	for name, text := range sources {
		f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
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
