package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A check is one security check and the test that must miss it.
type check struct {
	what     string  // the check in a few words; unique
	in       string  // the declaration: a package relative to the root, and a name
	old, new string  // old occurs exactly once in it
	also     []edit  // further edits, if one place isn't enough
	pkg      string  // the package of the test, relative to the root
	test     string  // the top-level test that must go red
	dies     verdict // panicked or hung, if the test can't fail in a better way
	ci       bool    // one of the fixed ten
}

// An edit is a replacement in another place.
type edit struct{ in, old, new string }

func (c check) edits() []edit { return append([]edit{{c.in, c.old, c.new}}, c.also...) }

func (c check) String() string { return c.in + ": " + c.what + " (" + c.pkg + " " + c.test + ")" }

// A runner deletes checks and runs tests.
type runner struct {
	sources  *sources
	temp     string
	parallel int
	timeout  time.Duration // of one run of tests; what takes longer hangs
	suite    bool
	report   *reporter
}

func newRunner(root, temp string, report *reporter) *runner {
	return &runner{sources: &sources{root: root}, temp: temp, parallel: 2, timeout: time.Minute, report: report}
}

// run deletes one check after another.
func (r *runner) run(ctx context.Context, list []check) error {
	if !r.suite {
		if err := r.control(ctx, list); err != nil {
			return err
		}
	}
	r.report.expect(len(list))
	each(r.parallel, len(list), func(i int) {
		if ctx.Err() == nil {
			r.report.result(r.delete(ctx, filepath.Join(r.temp, fmt.Sprint("check", i)), list[i]))
		}
	})
	return ctx.Err()
}

// control runs every named test once on the unchanged sources. A test that is red
// anyway would kill everything.
func (r *runner) control(ctx context.Context, list []check) error {
	tests := map[string]map[string]bool{}
	for _, c := range list {
		if tests[c.pkg] == nil {
			tests[c.pkg] = map[string]bool{}
		}
		tests[c.pkg][c.test] = true
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		r.report.progress("the named tests of " + pkg + ", with nothing deleted")
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

// delete removes one check and runs its test.
func (r *runner) delete(ctx context.Context, temp string, c check) result {
	begin := time.Now()
	res := func(v verdict, detail string) result { return result{c.String(), v, detail, time.Since(begin)} }
	files, err := r.sources.without(c)
	if err != nil {
		return res(stale, err.Error())
	}
	overlay, err := writeOverlay(temp, files)
	if err != nil {
		return res(broken, err.Error())
	}
	if r.suite {
		out, err := r.goTest(ctx, c.pkg, overlay)
		if err == nil {
			return res(survived, "")
		}
		v, tests := read(out)
		return res(v, strings.Join(tests, " "))
	}
	out, err := r.goTest(ctx, c.pkg, overlay, c.test)
	if err == nil { // which test would have been the right one to name?
		out, _ = r.goTest(ctx, c.pkg, overlay)
		return res(survived, strings.Join(redTests(out), " "))
	}
	switch v, _ := read(out); {
	case v == broken:
		return res(broken, "\n"+out)
	case v == c.dies:
		return res(killed, string(v)+", as the entry says")
	case v == killed && c.dies != "":
		return res(stale, "the test fails; the entry says "+string(c.dies))
	default:
		return res(v, "")
	}
}

// goTest runs the named tests of one package, or all of them if none is named.
func (r *runner) goTest(ctx context.Context, pkg, overlay string, names ...string) (string, error) {
	args := []string{"test", "-count=1", "-timeout=" + r.timeout.String(), "-vet=off"}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	if len(names) > 0 {
		args = append(args, "-v", "-run=^("+strings.Join(names, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+pkg)...)
	cmd.Dir = r.sources.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
