package policy_test

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unused are exported names that nobody outside their package uses, with the reason why
// they are exported all the same.
var unused = map[string]string{
	"ssestore ErrMigrate":         "for those who write an authentication package; docs/BEHAVIOUR.md has when",
	"marks ErrMisplaced":          "what Reader.Refresh returns, for logs",
	"marks ErrRollback":           "the same",
	"marks ErrStale":              "the same",
	"marks ErrNoNews":             "what Snapshotter.Publish returns, for logs",
	"fleet/natskv ErrBucket":      "what New's engine returns, for logs",
	"fleet/natskv ErrGap":         "what ends a Watch, for logs",
	"fleet/sqlkv DefaultInterval": "what the zero field means",
	"fleet/sqlkv DefaultTable":    "the same",
	"metrics/prometheus Describe": "of prometheus.Collector, which registries call",
}

// TestEveryNameIsUsed: each exported name is used outside its package, or in a runnable
// Example of its own, which says who needs it. Others should go. The test compares names
// and not what they stand for, so it finds most of those that nobody needs and not all.
func TestEveryNameIsUsed(t *testing.T) {
	// The directories in which a name is used, but for tests of its own package.
	used := map[string][]string{}
	use := func(dir string, n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.IsExported() && !slices.Contains(used[id.Name], dir) {
				used[id.Name] = append(used[id.Name], dir)
			}
			return true
		})
	}
	for _, s := range goSources(t) {
		use(s.dir(), s.file)
		if !s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") || strings.Contains(path.Base(s.path), "example") {
				use("an example of "+s.dir(), d)
			}
		}
	}
	field := regexp.MustCompile(`^type \S.* struct, ([A-Z]\w*)`)
	method := regexp.MustCompile(`^method \([^)]*\) ([A-Z]\w*)`)
	other := regexp.MustCompile(`^(?:type|func|var|const) ([A-Z]\w*)`)
	seen := map[string]bool{}
	for _, pkg := range frozen {
		text, err := os.ReadFile(filepath.Join(root, "docs", "api", strings.ReplaceAll(pkg, "/", "-")+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name := ""
			for _, form := range []*regexp.Regexp{field, method, other} {
				if m := form.FindStringSubmatch(line); m != nil {
					name = m[1]
					break
				}
			}
			full := pkg + " " + name
			if name == "" || seen[full] {
				continue
			}
			seen[full] = true
			outside := slices.ContainsFunc(used[name], func(dir string) bool { return dir != pkg })
			switch why := unused[full]; {
			case !outside && why == "":
				t.Errorf("%s: nobody outside uses it, and no Example; give it one, or take it away", full)
			case outside && why != "":
				t.Errorf("%s is used now: shorten the list", full)
			}
		}
	}
	for full := range unused {
		if !seen[full] {
			t.Errorf("%s doesn't exist", full)
		}
	}
}
