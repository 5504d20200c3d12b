package policy_test

import (
	"bytes"
	"go/format"
	"io/fs"
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
	return slices.DeleteFunc(files(t), func(path string) bool { return !strings.HasSuffix(path, ".md") })
}

// files lists what people have written, relative to the root.
func files(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			found = append(found, inRoot(path))
		case path != root && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci" || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// page returns the text of a page without its blocks of code.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(string(text), "")
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
// GitHub, GitLab and Gitea make. The second heading of a name is followed by -1.
func headings(t *testing.T, name string) (names []string) {
	t.Helper()
	link := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	times := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page(t, name), -1) {
		name := drop.ReplaceAllString(strings.ToLower(link.ReplaceAllString(m[1], "$1")), "")
		name = strings.ReplaceAll(name, " ", "-")
		times[name]++
		if n := times[name]; n > 1 {
			name += "-" + strconv.Itoa(n-1)
		}
		names = append(names, name)
	}
	return names
}

// TestDocsLinks: every relative link of a page leads to a file of the repository, and
// to a heading of it if it names one. A link to the documentation of a package leads to
// one that is published, and to a name that it exports.
func TestDocsLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)|\b(?:href|src)="([^"]+)"|(?m:^\[[^\]]+\]: *(\S+))|<(https://[^>]+)>`)
	code := regexp.MustCompile("`[^`\n]+`")
	documented := map[string]bool{}
	for _, pkg := range frozen {
		documented[modulePath+"/"+pkg] = true
	}
	seen := 0
	for _, name := range markdown(t) {
		text := code.ReplaceAllString(page(t, name), "``")
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			whole := m[1] + m[2] + m[3] + m[4]
			target, heading, _ := strings.Cut(whole, "#")
			seen++
			if pkg, ok := strings.CutPrefix(target, "https://pkg.go.dev/"); ok && strings.HasPrefix(pkg, modulePath) {
				if !documented[pkg] {
					t.Errorf("%s links to %s, which is no published package", name, whole)
				} else if known := exported(t)[strings.TrimPrefix(pkg, modulePath+"/")]; heading != "" && !known[heading] {
					t.Errorf("%s links to %s, which that package doesn't export", name, whole)
				}
				continue
			}
			if own, ok := strings.CutPrefix(target, "https://"+modulePath+"/blob/main/"); ok {
				target, err := filepath.Rel(filepath.Dir(name), own)
				if err != nil || !leads(t, name, target, heading) {
					t.Errorf("%s links to %s, which does not exist", name, whole)
				}
				continue
			}
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if target == "" {
				target = filepath.Base(name)
			}
			if !leads(t, name, target, heading) {
				t.Errorf("%s links to %s, which does not exist", name, whole)
			}
		}
		if m := regexp.MustCompile(`\]\[[^\]]*\]`).FindString(text); m != "" {
			t.Errorf("%s has a link by reference, %s: its target should stand where it is used", name, m)
		}
	}
	if seen < 300 {
		t.Errorf("%d links: they have another form", seen)
	}
}

// leads reports whether a link from a page, without or with a heading, leads anywhere.
func leads(t *testing.T, from, target, heading string) bool {
	t.Helper()
	path := filepath.Join(filepath.Dir(from), target)
	info, err := os.Stat(filepath.Join(root, path))
	if err != nil || heading == "" {
		return err == nil
	}
	if info.IsDir() {
		path = filepath.Join(path, "README.md")
	}
	if line := regexp.MustCompile(`^L\d+$`); !strings.HasSuffix(path, ".md") {
		return line.MatchString(heading)
	}
	return slices.Contains(headings(t, path), heading)
}

// TestCitedPagesExist: every Markdown file that a source or a page names is in this
// repository, and so is the heading that is named with it. The file is named by its path
// from the root, from docs, or from the directory of the file that names it.
func TestCitedPagesExist(t *testing.T) {
	cite := regexp.MustCompile(`([\w./-]*\w\.md)\b(?:#([\p{L}\p{N}_-]+))?`)
	cited, sections := 0, 0
	for _, name := range files(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 || strings.HasSuffix(name, "package-lock.json") {
			continue // no text, or nobody's
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range cite.FindAllStringSubmatch(line, -1) {
				if strings.HasPrefix(m[1], "//") {
					continue // the rest of a URL
				}
				found := false
				for _, from := range []string{"x", "docs/x", name} {
					found = found || leads(t, from, m[1], m[2])
				}
				cited++
				if m[2] != "" {
					sections++
				}
				if !found {
					t.Errorf("%s:%d names %s, which is not in the repository", name, i+1, m[0])
				}
			}
		}
	}
	if cited < 400 || sections < 30 {
		t.Errorf("%d pages are cited, and %d sections: the test reads nothing", cited, sections)
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
