package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCensus takes the census of ssestore's own tests. The command takes it of all
// suites.
func TestCensus(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the tests of ssestore")
	}
	var out strings.Builder
	ok, err := run(t.Context(), root(t), suites[:1], &out)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error(out.String())
	}
}

// TestReport_Fails shows that a value that doesn't occur and a contradiction are
// found.
func TestReport_Fails(t *testing.T) {
	e, err := readEnums(filepath.Join(root(t), "ssestore", "state.go"))
	if err != nil {
		t.Fatal(err)
	}
	var everything = map[state]int{}
	for i, enum := range order {
		for v := range e[enum] {
			var s state
			s.enum[i] = uint8(v)
			everything[s]++
		}
	}
	var out strings.Builder
	if report(&out, e, everything) {
		t.Error("states that contradict each other pass")
	}
	for _, want := range []string{
		"CONTRADICTION in 1 commits: data is changed, and there are no values",
		"CONTRADICTION in 1 commits: loaded, and no cookie or no key",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "DOES NOT OCCUR") {
		t.Error("a value that occurs is missed")
	}
	out.Reset()
	if report(&out, e, map[state]int{{time: true}: 1}) {
		t.Error("a census in which values are missing passes")
	}
	if !strings.Contains(out.String(), "originLoaded") || !strings.Contains(out.String(), "DOES NOT OCCUR") {
		t.Errorf("the report doesn't name what is missing:\n%s", out.String())
	}
}
