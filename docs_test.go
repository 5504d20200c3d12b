package hardtack_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goBlocks returns the contents of all Go code blocks of a Markdown file.
func goBlocks(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// markdown lists the repository's pages.
func markdown(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "*/README.md", "*/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// build makes a module outside the repository in the way the README tells, with
// one file, and runs a go command in it. It returns the module's directory.
func build(t *testing.T, source string, command ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	// With the checksums at hand no checksum server is asked: the reader of the
	// README has one, a closed network has not.
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.sum": string(sums), "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"mod", "init", "example.com/hello"},
		{"mod", "edit", "-require=" + modulePath + "@v0.0.0", "-replace=" + modulePath + "=" + root},
		{"mod", "tidy"},
		command,
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir
}

// TestRotationProgram takes the program out of docs/ROTATION.md and goes through
// the page's steps with it.
func TestRotationProgram(t *testing.T) {
	t.Parallel()
	blocks := goBlocks(t, "docs/ROTATION.md")
	if len(blocks) != 1 {
		t.Fatalf("docs/ROTATION.md has %d programs, want 1", len(blocks))
	}
	if pretty, err := format.Source([]byte(blocks[0])); err != nil || string(pretty) != blocks[0] {
		t.Errorf("the program is not gofmt clean (%v)", err)
	}
	program := filepath.Join(build(t, blocks[0], "build", "-o", "program", "."), "program")
	file := filepath.Join(t.TempDir(), "keys.json")
	run := func(args ...string) (string, bool) {
		out, err := exec.Command(program, append([]string{file}, args...)...).CombinedOutput()
		return string(out), err == nil
	}
	must := func(args ...string) {
		t.Helper()
		if out, ok := run(args...); !ok {
			t.Fatalf("%v: %s", args, out)
		}
	}
	// list returns the ids in order, with "*" before the primary.
	list := func() (ids []string) {
		t.Helper()
		out, ok := run("list")
		if !ok {
			t.Fatalf("list: %s", out)
		}
		for line := range strings.Lines(out) {
			words := strings.Fields(line)
			if words[1] == "primary" {
				words[0] = "*" + words[0]
			}
			ids = append(ids, words[0])
		}
		return ids
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("the ring is %v, want %v", got, want)
		}
	}

	must("create")
	if out, ok := run("create"); ok {
		t.Fatalf("create wrote over a ring: %s", out)
	}
	k1 := strings.TrimPrefix(list()[0], "*")
	must("add")
	k2 := list()[1]
	same(list(), "*"+k1, k2)
	if out, ok := run("retire", k1); ok {
		t.Fatalf("retired the primary: %s", out)
	}
	must("promote", k2)
	same(list(), "*"+k2, k1)
	if out, ok := run("promote", k1); ok {
		t.Fatalf("rolled back to an older key: %s", out)
	}
	must("retire", k1)
	same(list(), "*"+k2)
	must("rotate")
	k3 := strings.TrimPrefix(list()[0], "*")
	same(list(), "*"+k3, k2)
	must("plan") // in front, and not yet primary
	if got := list(); len(got) != 3 || got[1] != "*"+k3 || got[2] != k2 {
		t.Fatalf("after plan the ring is %v", got)
	}
}

// TestDocsCodeParses: a piece of Go in a page that does not even parse was
// never tried.
func TestDocsCodeParses(t *testing.T) {
	for _, page := range markdown(t) {
		for i, b := range goBlocks(t, page) {
			if _, err := format.Source([]byte(b)); err != nil {
				t.Errorf("%s, Go block %d: %v", page, i+1, err)
			}
		}
	}
}

// TestDocsLinks: every relative link of a page leads to a file of the repository.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, page := range markdown(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text = code.ReplaceAll(text, nil)
		for _, m := range link.FindAllSubmatch(text, -1) {
			target, _, _ := strings.Cut(string(m[1]), "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			}
		}
	}
}
