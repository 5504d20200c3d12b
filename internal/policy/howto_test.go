package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHowtoIsCompiled: every piece of Go in a page stands, line by line and whatever its
// indentation, in a test or an example of the repository, so that it is compiled and run.
func TestHowtoIsCompiled(t *testing.T) {
	flat := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return "\n" + strings.Join(lines, "\n") + "\n"
	}
	var sources []string
	for _, s := range goSources(t) {
		if !s.test() && !strings.HasPrefix(s.path, "examples/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, s.path))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, flat(string(text)))
	}
	pages := 0
	for _, page := range markdown(t) {
		if page == "README.md" {
			continue // see TestREADMEProgram
		}
		blocks := goBlocks(t, page)
		if len(blocks) > 0 {
			pages++
		}
		for _, block := range blocks {
			found := false
			for _, text := range sources {
				found = found || strings.Contains(text, flat(block))
			}
			if !found {
				t.Errorf("%s: no test or example has\n%s", page, block)
			}
		}
	}
	if pages < 7 {
		t.Errorf("%d pages have Go: they have another form", pages)
	}
}
