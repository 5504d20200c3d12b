package policy_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goBlocks returns the contents of all Go code blocks of a Markdown file.
func goBlocks(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// markdown lists the repository's pages, relative to the root.
func markdown(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "*/README.md", "*/*/README.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range found {
			pages = append(pages, inRoot(page))
		}
	}
	return pages
}

// build makes a module with one file outside the repository, as the README
// describes, and runs a go command in it. It returns the module's directory.
func build(t *testing.T, source string, command ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	// With go.sum in place the go command asks no checksum server. Readers of the
	// README can reach one; a closed network can't.
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
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
		{"mod", "edit", "-require=" + modulePath + "@v0.0.0", "-replace=" + modulePath + "=" + abs},
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

// TestDocsCodeParses: every piece of Go in a page parses. Nobody has ever tried one
// that doesn't.
func TestDocsCodeParses(t *testing.T) {
	for _, page := range markdown(t) {
		for i, b := range goBlocks(t, page) {
			if _, err := format.Source([]byte(b)); err != nil {
				t.Errorf("%s, Go block %d: %v", page, i+1, err)
			}
		}
	}
}

// headings returns the names by which links name the headings of a page: those that
// GitHub, GitLab and Gitea make.
func headings(t *testing.T, page string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllSubmatch(text, -1) {
		name := drop.ReplaceAllString(strings.ToLower(string(m[1])), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestDocsLinks: every relative link of a page leads to a file of the repository, and
// to a heading of it if it names one.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, page := range markdown(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		text = code.ReplaceAll(text, nil)
		for _, m := range link.FindAllSubmatch(text, -1) {
			target, heading, _ := strings.Cut(string(m[1]), "#")
			if target == "" && heading != "" {
				target = filepath.Base(page)
			}
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			} else if heading != "" && !slices.Contains(headings(t, filepath.Join(filepath.Dir(page), target)), heading) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

// TestCitedPagesExist: every Markdown file that a source file or a page names is in
// this repository. It is named by its path from the root, from docs, or from the
// directory of the file that names it.
func TestCitedPagesExist(t *testing.T) {
	cite := regexp.MustCompile(`[\w./-]*\w\.md\b`)
	cited := 0
	check := func(at, dir, text string) {
		for _, name := range cite.FindAllString(text, -1) {
			found := false
			for _, from := range []string{".", "docs", dir} {
				_, err := os.Stat(filepath.Join(root, from, name))
				found = found || err == nil
			}
			cited++
			if !found {
				t.Errorf("%s names %s, which is not in the repository", at, name)
			}
		}
	}
	for _, s := range goSources(t) {
		for i, line := range strings.Split(string(s.text), "\n") {
			check(s.path+":"+strconv.Itoa(i+1), s.dir(), line)
		}
	}
	for _, page := range markdown(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		check(page, filepath.Dir(page), string(text))
	}
	if cited == 0 {
		t.Error("nothing cites a page: the test reads nothing")
	}
}

// TestMapIsWhole: docs/README.md leads to every page, so that nobody has to know that it
// exists, and the README leads to docs/README.md.
func TestMapIsWhole(t *testing.T) {
	text := func(page string) string {
		b, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if !strings.Contains(text("README.md"), "](docs/README.md)") {
		t.Error("README.md doesn't lead to docs/README.md")
	}
	plan := text("docs/README.md")
	for _, page := range markdown(t) {
		if page == "docs/README.md" {
			continue
		}
		from, err := filepath.Rel("docs", page)
		if err != nil {
			t.Fatal(err)
		}
		// The README of a directory is what a link to the directory shows.
		if dir := strings.TrimSuffix(from, "/README.md"); !strings.Contains(plan, "]("+from) && !strings.Contains(plan, "]("+dir+")") {
			t.Errorf("docs/README.md doesn't lead to %s", page)
		}
	}
	if n := strings.Count(text("README.md"), "\n"); n > 200 {
		t.Errorf("README.md has %d lines, and is the first thing that anybody reads: at most 200", n)
	}
}
