package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// besidePackages are what has an entry in docs/THREATS.md and no surface in docs/api.
var besidePackages = []string{"js", "examples/readers", "cmd/hardtack"}

// TestThreats: docs/THREATS.md has an entry for every package that programs import, and for
// what runs beside one. All are in one form of eight lines, and what they say is held names
// the rows or tests that hold it.
func TestThreats(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "THREATS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, entries, ok := strings.Cut(string(page), "\n## Package by package\n")
	if !ok {
		t.Fatal("there is no section Package by package")
	}
	rows, _ := behaviour(t)
	proof := regexp.MustCompile("`(?:Test|Fuzz)\\w+`|\\b([A-Z][0-9]+(?:\\.[0-9]+)?[a-z]?)\\b")
	questions := []string{"at stake", "attacker", "ways in", "held", "not held", "your part"}
	var have []string
	for _, entry := range strings.Split(entries, "\n### ")[1:] {
		heading, table, _ := strings.Cut(entry, "\n")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(heading, -1) {
			have = append(have, m[1])
		}
		lines := strings.Split(strings.Trim(table, "\n"), "\n")
		if len(lines) != 2+len(questions) || lines[0] != "| | |" || lines[1] != "|---|---|" {
			t.Errorf("%s: %d lines, and not the eight of a table", heading, len(lines))
			continue
		}
		for i, line := range lines[2:] {
			answer, ok := strings.CutPrefix(line, "| "+questions[i]+" | ")
			if !ok || len(answer) < len("x. |") {
				t.Errorf("%s: %q doesn't say what is %s", heading, line, questions[i])
			}
			if questions[i] != "held" {
				continue
			}
			named := proof.FindAllStringSubmatch(answer, -1)
			if len(named) == 0 {
				t.Errorf("%s: no row and no test shows what is held", heading)
			}
			for _, m := range named {
				if m[1] != "" && rows[m[1]] == 0 {
					t.Errorf("%s: there is no row %s", heading, m[1])
				}
			}
		}
	}
	for _, pkg := range slices.Concat(frozen, besidePackages) {
		if !slices.Contains(have, pkg) {
			t.Errorf("%s has no entry", pkg)
		}
	}
	for i, pkg := range have {
		if !slices.Contains(frozen, pkg) && !slices.Contains(besidePackages, pkg) || slices.Contains(have[:i], pkg) {
			t.Errorf("the entry of %s is of no package, or its second", pkg)
		}
	}
}
