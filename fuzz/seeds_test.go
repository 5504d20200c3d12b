package fuzz_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The generator of testdata/fuzz. Seeds are written by
//
//	go test ./fuzz -run TestSeeds -update
//
// and are files, not calls of F.Add, so that a reader sees what there is, and a
// target that lost its seeds is noticed. The lists are in seeds_list_test.go. A
// failure that a fuzzer found has a name of 16 hexadecimal digits, which Go gave
// it, and stays there by hand.

var update = flag.Bool("update", false, "write testdata/fuzz anew")

const (
	corpusDir = "testdata/fuzz"
	leastAll  = 200 // seeds over all targets, issue 4
	leastEach = 15  // seeds of any target
)

// A corpus is the seeds of one target: name to arguments.
type corpus map[string][]any

// entry writes a seed in the corpus format of package testing.
func entry(args []any) string {
	var b strings.Builder
	b.WriteString("go test fuzz v1\n")
	for _, a := range args {
		switch a := a.(type) {
		case string:
			fmt.Fprintf(&b, "string(%q)\n", a)
		case []byte:
			fmt.Fprintf(&b, "[]byte(%q)\n", a)
		case uint8:
			fmt.Fprintf(&b, "byte(%q)\n", rune(a))
		case int, int64:
			fmt.Fprintf(&b, "%T(%d)\n", a, a)
		case bool:
			fmt.Fprintf(&b, "bool(%v)\n", a)
		default:
			panic(fmt.Sprintf("no corpus form for %T", a))
		}
	}
	return b.String()
}

// targets are the functions Fuzz… of this directory, by their source.
func targets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	declared := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestSeeds: the committed seeds are the ones that the lists make, every target has
// some, and no directory is left from a target that is gone. `go test` replays them. A
// target without seeds would pass by running nothing.
func TestSeeds(t *testing.T) {
	lists := seedLists(t)
	found := regexp.MustCompile(`^[0-9a-f]{16}$`)
	if *update {
		for target, seeds := range lists {
			dir := filepath.Join(corpusDir, target)
			old, _ := os.ReadDir(dir)
			for _, e := range old {
				if !found.MatchString(e.Name()) {
					os.Remove(filepath.Join(dir, e.Name()))
				}
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for name, args := range seeds {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(entry(args)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	names, total := targets(t), 0
	if len(names) != 16 {
		t.Errorf("%d targets in this directory, want 16: %v", len(names), names)
	}
	for _, target := range names {
		dir := filepath.Join(corpusDir, target)
		entries, _ := os.ReadDir(dir)
		if len(entries) < leastEach {
			t.Errorf("%s has %d committed seeds, want at least %d", target, len(entries), leastEach)
		}
		total += len(entries)
		for _, e := range entries {
			if _, listed := lists[target][e.Name()]; !listed && !found.MatchString(e.Name()) {
				t.Errorf("%s/%s is no seed of the lists; run with -update", target, e.Name())
			}
		}
		for name, args := range lists[target] {
			have, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || string(have) != entry(args) {
				t.Errorf("%s/%s is not what the lists make (%v); run with -update", target, name, err)
			}
		}
		t.Logf("%-18s %3d seeds", target, len(entries))
	}
	if total < leastAll {
		t.Errorf("%d seeds over all, want at least %d", total, leastAll)
	}
	t.Logf("%-18s %3d seeds", "in all", total)
	entries, err := os.ReadDir(corpusDir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%s has %d directories for %d targets: %v", corpusDir, len(entries), len(names), err)
	}
}
