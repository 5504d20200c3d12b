package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A check is one security check and the test that must miss it.
type check struct {
	what     string // the check in a few words; unique
	file     string // relative to the root of the repository
	old, new string // old occurs exactly once in file
	also     []edit // where one place is not enough
	pkg      string // the package of the test, relative to the root
	test     string // the top-level test that must go red
	ci       bool   // one of the fixed ten
}

// edit is a replacement in a further place.
type edit struct{ file, old, new string }

func (c check) edits() []edit { return append([]edit{{c.file, c.old, c.new}}, c.also...) }

// verdict on one deletion.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "survived"
	stale    verdict = "stale"  // the entry does not fit the sources
	broken   verdict = "broken" // the deletion does not compile, or the test does not run
)

type result struct {
	check   check
	verdict verdict
	detail  string
	took    time.Duration
}

// A runner deletes checks and runs tests.
type runner struct {
	root     string
	parallel int
	suite    bool
	out      io.Writer
}

// run deletes one check after the other, prints a line for each and a summary,
// and reports whether all were killed.
func (r *runner) run(ctx context.Context, list []check) (ok bool, err error) {
	begin := time.Now()
	temp, err := os.MkdirTemp("", "deletions")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)
	if !r.suite {
		if err := r.control(ctx, list); err != nil {
			return false, err
		}
	}
	results := make([]result, len(list))
	var printing sync.Mutex
	var workers sync.WaitGroup
	next := make(chan int)
	for range r.parallel {
		workers.Go(func() {
			for i := range next {
				results[i] = r.delete(ctx, filepath.Join(temp, fmt.Sprint(i)), list[i])
				printing.Lock()
				line(r.out, results[i])
				printing.Unlock()
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return summary(r.out, results, time.Since(begin)), nil
}

func line(w io.Writer, r result) {
	word := string(r.verdict)
	if r.verdict != killed {
		word = strings.ToUpper(word)
	}
	fmt.Fprintf(w, "%-8s  %-34s %s: %s %s\n", word, r.check.pkg+" "+r.check.test, r.check.file, r.check.what, r.detail)
}

// control runs every named test once on the sources as they are. A test that is
// red anyway would kill everything.
func (r *runner) control(ctx context.Context, list []check) error {
	tests := map[string]map[string]bool{}
	for _, c := range list {
		if tests[c.pkg] == nil {
			tests[c.pkg] = map[string]bool{}
		}
		tests[c.pkg][c.test] = true
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		names := slices.Sorted(maps.Keys(tests[pkg]))
		out, err := r.goTest(ctx, pkg, "", names...)
		if err != nil {
			return fmt.Errorf("without any deletion, %s is red: %w\n%s", pkg, err, out)
		}
		for _, name := range names {
			if !regexp.MustCompile(`(?m)^(=== RUN +|--- PASS: )` + regexp.QuoteMeta(name) + `\b`).MatchString(out) {
				return fmt.Errorf("%s has no test %s", pkg, name)
			}
			if regexp.MustCompile(`(?m)^--- SKIP: ` + regexp.QuoteMeta(name) + `\b`).MatchString(out) {
				return fmt.Errorf("%s: %s is skipped here, so it kills nothing", pkg, name)
			}
		}
	}
	return nil
}

// delete takes one check out and runs its test.
func (r *runner) delete(ctx context.Context, temp string, c check) result {
	begin := time.Now()
	res := func(v verdict, detail string) result { return result{c, v, detail, time.Since(begin)} }
	overlay, err := writeOverlay(r.root, temp, c)
	if err != nil {
		return res(stale, err.Error())
	}
	var out string
	if r.suite {
		out, err = r.goTest(ctx, c.pkg, overlay)
	} else {
		out, err = r.goTest(ctx, c.pkg, overlay, c.test)
	}
	if err == nil {
		if !r.suite { // who would have been the right one to name?
			out, _ = r.goTest(ctx, c.pkg, overlay)
		}
		return res(survived, strings.Join(redTests(out), " "))
	}
	red := redTests(out)
	switch {
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return res(broken, "\n"+out)
	case r.suite && len(red) > 0:
		return res(killed, strings.Join(red, " "))
	case slices.Contains(red, c.test):
		return res(killed, "")
	case strings.Contains(out, "panic: test timed out"):
		return res(killed, "(by hanging)")
	case strings.Contains(out, "panic: ") || strings.Contains(out, "fatal error: "):
		return res(killed, "(by panic)")
	}
	return res(broken, "\n"+out)
}

// redTests are the top-level tests that failed.
func redTests(out string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindAllStringSubmatch(out, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// goTest runs tests of one package, all of them if none is named.
func (r *runner) goTest(ctx context.Context, pkg, overlay string, names ...string) (string, error) {
	args := []string{"test", "-count=1", "-timeout=120s", "-vet=off"}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	if len(names) > 0 {
		args = append(args, "-v", "-run=^("+strings.Join(names, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+pkg)...)
	cmd.Dir = r.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// writeOverlay writes the changed files and the JSON that go test reads, and
// returns the path of the latter.
func writeOverlay(root, dir string, c check) (string, error) {
	texts := map[string]string{}
	for _, e := range c.edits() {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		text, ok := texts[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("the text to delete occurs %d times in %s", n, e.file)
		}
		if e.old == e.new {
			return "", errors.New("the deletion changes nothing")
		}
		texts[path] = strings.Replace(text, e.old, e.new, 1)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for i, path := range slices.Sorted(maps.Keys(texts)) {
		changed := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(changed, []byte(texts[path]), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[path] = changed
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o600)
}

// findRoot goes up from the working directory to the workspace.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("deletions: run it inside of the repository (no go.work found)")
		}
		dir = up
	}
}
