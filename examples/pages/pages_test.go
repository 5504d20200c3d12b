package pages

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is the root of the repository. The go command keeps a result until a file
// behind it changes, but sees to those of this module only, which it tells by how their
// names begin. So this name begins in this folder, and nothing may shorten it.
var repository = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir + "/../.."
}()

// A block is a fenced block of code.
type block struct {
	page, lang string
	line       int  // of its first line
	indented   bool // in a list, say
	text       string
}

// checkers prove the blocks of a page that are in one language.
var checkers = map[string]func(*testing.T, []block){
	"go":     checkGo,
	"sh":     checkShell,
	"js":     checkScript,
	"ts":     checkScript,
	"python": checkPython,
	"ruby":   checkRuby,
	"sql":    checkSQL,
	"yaml":   checkYAML,
	"nginx":  checkNginx,
	"html":   checkHTML,
	"text":   checkText,
}

// TestBlocks: every block of every page is compiled, or run, or compared with what is run.
func TestBlocks(t *testing.T) {
	unused := map[string]bool{}
	for lang := range checkers {
		unused[lang] = true
	}
	for _, page := range pages(t) {
		var langs []string
		by := map[string][]block{}
		for _, b := range blocks(t, page) {
			if by[b.lang] == nil {
				langs = append(langs, b.lang)
			}
			by[b.lang] = append(by[b.lang], b)
		}
		for _, lang := range langs {
			delete(unused, lang)
			t.Run(page+"/"+lang, func(t *testing.T) {
				check := checkers[lang]
				if check == nil {
					t.Fatalf("%s:%d: nothing proves blocks of the language %q: see the documentation of package pages", page, by[lang][0].line, lang)
				}
				check(t, by[lang])
			})
		}
	}
	for lang := range unused {
		t.Errorf("no page has a block in %s: its check can go", lang)
	}
}

// TestNoCodeByIndentation: code stands between fences, which say its language. Only the
// formulas of docs/FORMAT.md are in no language.
func TestNoCodeByIndentation(t *testing.T) {
	item := regexp.MustCompile(`^(?:[-*]|\d+\.) `)
	for _, page := range pages(t) {
		list, blank, inside := false, true, false
		for i, line := range strings.Split(read(t, page), "\n") {
			if fence.MatchString(line) {
				inside = !inside
			}
			switch {
			case inside || fence.MatchString(line):
			case strings.TrimSpace(line) == "":
				blank = true
				continue
			case !strings.HasPrefix(line, " "):
				list = item.MatchString(line) || list && !blank // the item's second line
			case strings.HasPrefix(line, "    ") && blank && !list && page != "docs/FORMAT.md":
				t.Errorf("%s:%d is code by its indentation: put it between fences", page, i+1)
			}
			blank = false
		}
	}
}

// pages lists all Markdown files of the repository, by their paths from the root.
func pages(t *testing.T) (found []string) {
	t.Helper()
	walk(t, func(path string, _ fs.DirEntry) {
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
	})
	if !slices.Contains(found, "README.md") {
		t.Fatal("no README.md: the test runs in the wrong directory")
	}
	return found
}

// walk visits the files of the repository that people edit.
func walk(t *testing.T, visit func(path string, d fs.DirEntry)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(repository), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		visit(path, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var fence = regexp.MustCompile("^( *)(```+|~~~+) *(.*)$")

// blocks returns the fenced blocks of a page.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	var open []string // the fence that is open
	var b block
	for i, line := range strings.Split(read(t, page), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			open, b = m, block{page: page, lang: m[3], line: i + 2, indented: m[1] != ""}
		case open != nil && m != nil && m[3] == "" && strings.HasPrefix(m[2], open[2]):
			all, open = append(all, b), nil
		case open != nil:
			b.text += strings.TrimPrefix(line, open[1]) + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block doesn't end", page, b.line-1)
	}
	return all
}

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(repository + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holds fails the test unless the file, which has tests, declares one of this name.
func holds(t *testing.T, file, test string) {
	t.Helper()
	if !strings.Contains(read(t, file), "\nfunc "+test+"(t *testing.T) {") {
		t.Errorf("%s has no %s, which proves these blocks", file, test)
	}
}

// checkGo: tests of internal/policy see to it that Go stands in a test or an example.
func checkGo(t *testing.T, blocks []block) {
	holds(t, "internal/policy/howto_test.go", "TestHowtoIsCompiled")
	holds(t, "internal/policy/readme_test.go", "TestREADMEProgram")
	holds(t, "internal/policy/readme_test.go", "TestREADMEFragments")
	for _, b := range blocks {
		if b.indented {
			t.Errorf("%s:%d: those tests don't see a block that is indented", b.page, b.line)
		}
	}
}

var value = regexp.MustCompile(`^[a-z][a-zA-Z ]* = .+$`)

// checkText: text is only for the values in docs/FORMAT.md. The packages compute them.
func checkText(t *testing.T, blocks []block) {
	holds(t, "cookie/format_test.go", "TestFormatPage_Values")
	holds(t, "ticket/format_test.go", "TestFormatPage")
	for _, b := range blocks {
		for i, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
			if b.page != "docs/FORMAT.md" || !value.MatchString(line) {
				t.Errorf("%s:%d: no test computes %q", b.page, b.line+i, line)
			}
		}
	}
}
