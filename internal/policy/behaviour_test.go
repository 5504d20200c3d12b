package policy_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// behaviour reads docs/BEHAVIOUR.md: the ids of its rows, how many rows each has,
// and the sections of the ids S3.1 and so on.
func behaviour(t *testing.T) (rows map[string]int, sections map[string]bool) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "BEHAVIOUR.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, sections = map[string]int{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z][0-9]\S*) \|`).FindAllStringSubmatch(string(page), -1) {
		rows[m[1]]++
	}
	for _, m := range regexp.MustCompile(`(?m)^## (S[0-9])\. `).FindAllStringSubmatch(string(page), -1) {
		sections[m[1]] = true
	}
	if len(rows) < 100 || len(sections) == 0 {
		t.Fatalf("found %d rows and %d sections: the page has another form", len(rows), len(sections))
	}
	return rows, sections
}

// idsOf returns the ids that a test is named after: G6 for TestG6_StampOfOlderKey,
// S4.1 for TestS4_1_ResealUnderPrimary, J6 and J11 for TestJ6_J11_AllSwapsRefused.
func idsOf(name string) (ids []string) {
	id := regexp.MustCompile(`^([A-Z][0-9]+[a-z]?(?:_[0-9]+)?)_`)
	name = strings.TrimPrefix(name, "Test")
	for {
		m := id.FindStringSubmatch(name)
		if m == nil {
			return ids
		}
		ids = append(ids, strings.ReplaceAll(m[1], "_", "."))
		name = name[len(m[0]):]
	}
}

func TestIDsOf(t *testing.T) {
	for name, want := range map[string]string{
		"TestG6_StampOfOlderKey": "G6", "TestG6u_Unknown": "G6u", "TestS4_1_ResealUnderPrimary": "S4.1",
		"TestJ6_J11_AllSwapsRefused": "J6 J11", "TestS5_5_S5_6_CacheHeaders": "S5.5 S5.6", "TestC12_3001Cookies": "C12",
		"TestW12_KeyRemoved": "W12",
		"TestS7_Section":     "S7", "TestF406_ReplaceInOneStep": "F406", "TestRFC7520_Refused": "", "TestG6": "", "TestLayers": "",
	} {
		if got := strings.Join(idsOf(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestBehaviourRowsHaveTests: every row of docs/BEHAVIOUR.md has a test that is
// named after it, and every test that is named after a row has one.
func TestBehaviourRowsHaveTests(t *testing.T) {
	rows, _ := behaviour(t)
	tested := map[string]bool{}
	for _, s := range goSources(t) {
		if !s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			for _, id := range idsOf(fn.Name.Name) {
				tested[id] = true
				if rows[id] == 0 {
					t.Errorf("%s: %s is named after %s, which is no row of docs/BEHAVIOUR.md", s.at(fn.Pos()), fn.Name.Name, id)
				}
			}
		}
	}
	for id, n := range rows {
		if n > 1 {
			t.Errorf("docs/BEHAVIOUR.md has %d rows %s", n, id)
		}
		if !tested[id] {
			t.Errorf("docs/BEHAVIOUR.md: no test is named after %s (Test%s_…)", id, strings.ReplaceAll(id, ".", "_"))
		}
	}
}

// TestBehaviourIDsExist: an id that a comment or a page names is a row, or one of
// the sections S3 to S9, of docs/BEHAVIOUR.md. (C0, as in "C0 controls", is no id.)
func TestBehaviourIDsExist(t *testing.T) {
	rows, sections := behaviour(t)
	named := regexp.MustCompile(`\b(?:S[1-9](?:\.[0-9]+)?|[ABCDEGHJKLMNOPRTWY][1-9][0-9]?[nu]?|F[1-5][0-9]{2})\b`)
	check := func(at, text string) {
		for _, id := range named.FindAllString(text, -1) {
			if rows[id] == 0 && !sections[id] {
				t.Errorf("%s: %s is no row of docs/BEHAVIOUR.md", at, id)
			}
		}
	}
	for _, s := range goSources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				check(s.at(c.Pos()), c.Text)
			}
		}
	}
	for _, page := range markdown(t) {
		if page == "docs/BEHAVIOUR.md" { // it says which ids are not in use
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		check(page, string(text))
	}
}
