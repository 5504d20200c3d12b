package policy_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedTestsExist: every test that docs/ASVS.md, BEHAVIOUR.md or THREATS.md names
// exists somewhere in the repository.
func TestNamedTestsExist(t *testing.T) {
	exists := map[string]bool{}
	for _, s := range goSources(t) {
		if !s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				exists[fn.Name.Name] = true
			}
		}
	}
	for page, least := range map[string]int{"ASVS.md": 80, "BEHAVIOUR.md": 1, "THREATS.md": 10} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:Test|Fuzz|Example)\\w*)`").FindAllStringSubmatch(string(text), -1)
		if len(named) < least {
			t.Errorf("%s: only %d tests are named", page, len(named))
		}
		for _, m := range named {
			if !exists[m[1]] {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
	}
}

// TestASVSIsWhole: every item of the chapters in docs/ASVS.md has exactly one line,
// which names a test or says whose duty the item is.
func TestASVSIsWhole(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "ASVS.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([0-9.]+) \|.*\|$`).FindAllStringSubmatch(string(page), -1) {
		lines[m[1]]++
		if !strings.Contains(m[0], "`Test") && !regexp.MustCompile(`\| (duty|out)[^|]* \|`).MatchString(m[0]) {
			t.Errorf("%s has neither a test nor somebody whose duty it is", m[1])
		}
	}
	for section, items := range map[string]int{
		"3.3": 5, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2, "9.1": 3, "9.2": 4, "10.5": 5,
		"11.1": 4, "11.2": 5, "11.3": 5, "11.4": 4, "11.5": 2, "11.6": 2, "11.7": 2,
	} {
		for i := range items {
			id := fmt.Sprintf("%s.%d", section, i+1)
			if lines[id] != 1 {
				t.Errorf("%s has %d lines, want one", id, lines[id])
			}
			delete(lines, id)
		}
	}
	for id := range lines {
		t.Errorf("%s is an item that nobody asked for", id)
	}
}

// TestT2_SecretsAreComparedInConstantTime: secrets are compared with crypto/subtle
// or hmac.Equal. Every other comparison of bytes in the packages that hold secrets is
// listed here, with the reason why its timing doesn't matter. A new one fails the
// test until somebody has thought about it. (The test finds calls. It doesn't find
// two arrays compared with ==.)
func TestT2_SecretsAreComparedInConstantTime(t *testing.T) {
	constant := map[string]int{ // file: comparisons in constant time
		"keyring/key.go":            1, // key bytes
		"ssestore/barrier.go":       1, // MACs of the barrier
		"ssestore/stamp.go":         1, // stamps
		"cookie/gorilla/format.go":  1, // MACs
		"ticket/claims.go":          1, // digests of the fields a ticket is bound to
		"ssestore/legacy/iron.go":   1, // MACs
		"ssestore/legacy/signed.go": 1, // MACs
		"marks/object.go":           1, // MACs of snapshots
	}
	variable := map[string]int{
		"ssestore/data.go":                  1, // is Set a change? Both are the visitor's own data
		"internal/equal/equal.go":           2, // would Get return what Set is given? The caller's own values
		"internal/vectors/vectors.go":       1, // published files, in tests
		"cookie/gorilla/withkeys.go":        1, // the configuration's own keys, when the program starts
		"fleet/hear.go":                     1, // what the engine holds, wrapped: is it what it held before?
		"fleet/run.go":                      1, // the same
		"fleet/record.go":                   2, // rings that the wrapper has opened: are they spelled as we spell them, and the same?
		"fleet/internal/fleettest/cases.go": 2, // what a test has found
		"fleet/natskv/kv.go":                1, // sealed values, which the engine sees
	}
	gotConstant, gotVariable := map[string]int{}, map[string]int{}
	for _, s := range goSources(t) {
		top, _, _ := strings.Cut(s.path, "/")
		switch top {
		case "keyring", "cookie", "internal", "ticket", "ssestore", "auth", "middleware", "marks", "fleet":
		default:
			continue
		}
		if s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, _ := sel.X.(*ast.Ident)
			if x == nil {
				return true
			}
			switch x.Name + "." + sel.Sel.Name {
			case "subtle.ConstantTimeCompare", "subtle.ConstantTimeEq", "hmac.Equal":
				gotConstant[s.path]++
			case "bytes.Equal", "bytes.Compare", "bytes.EqualFold", "slices.Equal", "slices.Compare", "reflect.DeepEqual":
				gotVariable[s.path]++
			}
			return true
		})
	}
	if fmt.Sprint(gotConstant) != fmt.Sprint(constant) {
		t.Errorf("comparisons in constant time:\n got %v\nwant %v", gotConstant, constant)
	}
	if fmt.Sprint(gotVariable) != fmt.Sprint(variable) {
		t.Errorf("comparisons that are not:\n got %v\nwant %v", gotVariable, variable)
	}
}
