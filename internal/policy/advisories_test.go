package policy_test

import (
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testFunctions are the names of the Test functions of one folder.
func testFunctions(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, s := range goSources(t) {
		if !s.test() || s.dir() != dir {
			continue
		}
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				found[fn.Name.Name] = true
			}
		}
	}
	return found
}

// TestEveryAdvisoryHasItsTest: every line of docs/ADVISORIES.md names a test that is named
// after its id, of fuzz/advisories or, about logins, of signin/internal/rig, and every such
// test has a line.
func TestEveryAdvisoryHasItsTest(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "ADVISORIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testFunctions(t, "fuzz/advisories")
	maps.Copy(tests, testFunctions(t, "signin/internal/rig"))
	row := regexp.MustCompile("(?m)^\\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\| `(\\w+)` \\|$")
	notWord := regexp.MustCompile(`\W+`)
	listed, ids := map[string]bool{}, map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		id, test := m[1], m[4]
		if ids[id] || listed[test] {
			t.Errorf("%s or %s has two lines", id, test)
		}
		ids[id], listed[test] = true, true
		if want := "TestAdvisory_" + notWord.ReplaceAllString(id, "_") + "_"; !strings.HasPrefix(test, want) {
			t.Errorf("the test of %s is %s, want %s…", id, test, want)
		}
		if !tests[test] {
			t.Errorf("%s: there is no test %s", id, test)
		}
	}
	for test := range tests {
		if strings.HasPrefix(test, "TestAdvisory_") && !listed[test] {
			t.Errorf("%s has no line in docs/ADVISORIES.md", test)
		}
	}
	// Those that must not go missing; oauth2-proxy, the early flush and
	// EncodeMulti have no number.
	for _, id := range []string{
		"CVE-2026-116586", "CVE-2026-116585", "CVE-2026-34986", "CVE-2025-27144", "CVE-2024-28180", "CVE-2023-37464",
		"CVE-2025-47275", "CVE-2026-40372", "CVE-2026-44351", "CVE-2026-45363", "CVE-2025-47278", "CVE-2026-39324",
		"CVE-2025-32441", "CVE-2025-46336", "CVE-2025-48947", "CVE-2023-30861", "CVE-2026-27205", "CVE-2026-35192",
		"CVE-2025-46344", "CVE-2026-6873", "oauth2-proxy", "CVE-2018-15133", "CVE-2024-55556", "CVE-2023-48309",
		"CVE-2026-73421", "CVE-2026-73418", "CVE-2024-38513", "CVE-2021-41246", "CVE-2021-41268", "GHSA-2vg6",
		"GHSA-9h73", "express-openid-connect v3", "dream#432", "securecookie EncodeMulti",
		"CVE-2026-22818", "CVE-2025-27143", "CVE-2025-47909", "CVE-2025-58186", "CVE-2024-47764", "CVE-2025-12390",
		"GHSA-5jpx-9hw9-2fx4", "CVE-2026-73420", "CVE-2026-26060", "CVE-2026-28268", "CVE-2025-24806", "CVE-2026-73419",
		"CVE-2026-114607", "CVE-2026-81888", "CVE-2026-15612", "CVE-2026-55076", "CVE-2026-18569", "CVE-2026-134320",
		"CVE-2026-126952", "CVE-2026-76214", "CVE-2026-54460", "CVE-2025-64484", "CVE-2026-33433", "CVE-2026-30851",
		"CVE-2026-76835", "CVE-2025-29927", "CVE-2026-54287", "CVE-2026-59897", "CVE-2026-24894", "CVE-2025-29923",
		"CVE-2025-30215",
	} {
		if !ids[id] {
			t.Errorf("%s has no line", id)
		}
	}
	// Lines that the pattern above does not match would be lines without a test.
	if n := len(regexp.MustCompile(`(?m)^\| (CVE|GHSA)-`).FindAllString(string(page), -1)); n > len(ids) {
		t.Errorf("%d lines with an id, %d of the right form", n, len(ids))
	}
}
