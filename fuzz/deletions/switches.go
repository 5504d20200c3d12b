package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The environment of an instrumented test binary: the guard that is deleted, and
// the file that receives the number of each guard that decides.
const (
	envOff = "HARDTACK_GUARD_OFF"
	envLog = "HARDTACK_GUARD_LOG"
)

// switchSource is added to each package of the core, only in the overlay.
const switchSource = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	guardOff, _ = strconv.Atoi(os.Getenv(%q))
	guardLog    = os.Getenv(%q)
	guardDid    [%d]atomic.Bool
)

func guardIsOn(n int) bool {
	if guardLog != "" {
		guardDecides(n)
	}
	return n != guardOff
}

func guardDecides(n int) {
	if !guardDid[n].CompareAndSwap(false, true) {
		return
	}
	f, err := os.OpenFile(guardLog, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, n)
	f.Close()
}
`

// A binary is the compiled tests of one package, with a switch in every guard.
type binary struct {
	pkg   string // relative to the root
	dir   string
	path  string
	tests []test
}

// A test is one top-level test, alone, on the sources as they are.
type test struct {
	name string
	// decides has the guards that decide in it: what would be false without them
	// was true at least once. A guard that never decides can't be missed.
	decides map[int]bool
	took    time.Duration
}

// A switchboard has the guards of one part and the tests that they decide in.
type switchboard struct {
	part     part
	root     string
	pattern  *regexp.Regexp
	parallel int
	report   *reporter
	guards   []guard
	numbers  []int // of the guards to delete
	binaries []*binary
	red      []string // tests that are red with nothing deleted; these kill nothing
}

// newSwitchboard finds the guards of a part whose line matches, compiles the tests of
// some packages, or of all if none is named, and runs each test once to see which guards
// decide in it.
func newSwitchboard(ctx context.Context, root, temp string, in part, pattern *regexp.Regexp, parallel int, report *reporter, packages ...string) (*switchboard, error) {
	c, err := findCore(ctx, root, in)
	if err != nil {
		return nil, err
	}
	s := &switchboard{part: in, root: root, pattern: pattern, parallel: parallel, report: report}
	if s.guards, err = c.guards(); err != nil {
		return nil, err
	}
	for i, g := range s.guards {
		if pattern.MatchString(g.String()) {
			s.numbers = append(s.numbers, i+1)
		}
	}
	if len(s.numbers) == 0 {
		return s, nil
	}
	changed, err := c.switched(s.guards)
	if err != nil {
		return nil, err
	}
	temp = filepath.Join(temp, "of "+in.dir)
	overlay, err := writeOverlay(filepath.Join(temp, "switches"), changed)
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		for _, p := range c.packages {
			guarded := slices.ContainsFunc(s.guards, func(g guard) bool { return g.pkg == p.path })
			if tests, _ := filepath.Glob(filepath.Join(p.dir, "*_test.go")); guarded && len(tests) > 0 {
				packages = append(packages, p.path)
			}
		}
		packages = append(packages, in.testers...)
	}
	for i, pkg := range packages {
		report.progress("compiling the tests of " + pkg)
		b := &binary{pkg: pkg, dir: filepath.Join(root, pkg), path: filepath.Join(temp, fmt.Sprint(i)+".test")}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay="+overlay, "-o", b.path, "./"+pkg)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s does not compile with switches: %w\n%s", pkg, err, out)
		}
		s.binaries = append(s.binaries, b)
	}
	for _, b := range s.binaries {
		report.progress("the tests of " + b.pkg + " one by one, with nothing deleted")
		if err := s.try(ctx, b); err != nil {
			return nil, err
		}
	}
	if len(s.red) > 0 {
		report.note("red with nothing but the switches in, so they count for nothing: " + strings.Join(s.red, ", "))
	}
	return s, nil
}

// try runs every test of a binary alone and notes which guards decide.
func (s *switchboard) try(ctx context.Context, b *binary) error {
	list := exec.CommandContext(ctx, b.path, "-test.list=^(Test|Fuzz|Example)")
	list.Dir = b.dir
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("the tests of %s: %w", b.pkg, err)
	}
	// A test that counts allocations measures the switches as well.
	names := slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool { return strings.Contains(name, "Alloc") })
	tests := make([]test, len(names))
	red := make([]bool, len(names))
	errs := make([]error, len(names))
	each(s.parallel, len(names), func(i int) {
		log := b.path + "." + names[i]
		begin := time.Now()
		_, err := b.run(ctx, time.Minute, names[i:i+1], envLog+"="+log)
		tests[i] = test{names[i], map[int]bool{}, time.Since(begin)}
		red[i] = err != nil
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs[i] = err
		}
		for _, word := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(word)
			errs[i] = errors.Join(errs[i], err)
			tests[i].decides[n] = true
		}
	})
	for i, t := range tests {
		if red[i] {
			s.red = append(s.red, b.pkg+" "+t.name)
		} else {
			b.tests = append(b.tests, t)
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// run runs some of the binary's tests.
func (b *binary) run(ctx context.Context, timeout time.Duration, tests []string, env string) (out []byte, err error) {
	cmd := exec.CommandContext(ctx, b.path, "-test.short", "-test.failfast", "-test.timeout="+timeout.String(),
		"-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), env)
	return cmd.CombinedOutput()
}

// A test that panics or hangs is left out and the search goes on, for so long. A
// hang costs more than ten seconds.
const (
	maxPanics = 12
	maxHangs  = 2
)

// delete switches one guard off and runs the tests in which it decides something,
// those of its own package first, until one fails.
func (s *switchboard) delete(ctx context.Context, n int) (res result) {
	begin := time.Now()
	g := s.guards[n-1]
	res = result{name: g.String(), verdict: survived, detail: "it decides in no test"}
	defer func() { res.took = time.Since(begin) }()
	panics, hangs := 0, 0
	for _, b := range s.order(g) {
		var names []string
		timeout := 5 * time.Second
		for _, t := range b.tests {
			if t.decides[n] {
				names = append(names, t.name)
				timeout += 4 * t.took
			}
		}
		for len(names) > 0 && panics < maxPanics && hangs < maxHangs {
			out, err := b.run(ctx, timeout, names, fmt.Sprint(envOff, "=", n))
			if err == nil {
				if res.verdict == survived {
					res.detail = ""
				}
				break
			}
			v, tests := read(string(out))
			detail := b.pkg + " " + strings.Join(tests, " ")
			switch v {
			case killed:
				res.verdict, res.detail = killed, detail
				return res
			case panicked:
				if culprit(string(out)) == g.pkg+" "+g.fn {
					res.verdict, res.detail = averted, detail
					return res
				}
				panics++
			case hung:
				hangs++
			default:
				res.verdict, res.detail = broken, detail+"\n"+string(out)
				return res
			}
			if res.verdict == survived {
				res.verdict, res.detail = v, detail
			}
			before := len(names)
			names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(tests, name) })
			if len(names) == before { // we can't tell which test it was
				break
			}
		}
	}
	return res
}

// order returns all binaries, that of the guard's own package first.
func (s *switchboard) order(g guard) []*binary {
	order := slices.Clone(s.binaries)
	slices.SortStableFunc(order, func(a, b *binary) int {
		switch {
		case a.pkg == g.pkg && b.pkg != g.pkg:
			return -1
		case b.pkg == g.pkg && a.pkg != g.pkg:
			return 1
		}
		return 0
	})
	return order
}

// each calls do with 0 to n-1, a few at a time.
func each(parallel, n int, do func(int)) {
	var workers sync.WaitGroup
	next := make(chan int)
	for range parallel {
		workers.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

// run deletes the guards one after the other and compares what happens with the
// list of those that are accepted.
func (s *switchboard) run(ctx context.Context) error {
	list := newAcceptance(survivors)
	s.report.expect(len(s.numbers))
	each(s.parallel, len(s.numbers), func(i int) {
		if ctx.Err() == nil {
			s.report.result(list.judge(s.delete(ctx, s.numbers[i])))
		}
	})
	for _, res := range list.gone(s.guards) {
		if s.part.has(res.name) && s.pattern.MatchString(res.name) {
			s.report.result(res)
		}
	}
	return ctx.Err()
}
