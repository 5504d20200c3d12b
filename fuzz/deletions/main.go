// Deletions shows that no security check in Hardtack can disappear unnoticed, as one
// did in ASP.NET Core (CVE-2026-40372). It removes each check from the sources in
// turn and runs the tests. If they pass, nothing protects that check. It never writes
// to the tree: all changes are made in an overlay of the go command.
//
//	go run ./fuzz/deletions                     ten written ones, as in CI
//	go run ./fuzz/deletions -all                all of them, with the figures
//	go run ./fuzz/deletions -all -grep stamp    those whose line matches
//	go run ./fuzz/deletions -suite -grep stamp  which tests would miss them?
//
// There are two kinds.
//
// Written deletions are in the files list_….go. An entry has a piece of source that
// occurs exactly once in a function or another declaration, its replacement, and the
// one test that has to fail. They are compiled and run one by one. With -suite, the
// whole package runs instead, and the tests that fail are printed. Use it to find the
// test for a new entry.
//
// Generated deletions cover every condition of an if or a case in the packages of the
// root module, of signin and of cmd/hardtack, and every operand of a || in one, or of a || or && that a
// function returns. Such a guard is deleted by making it false, or true if it is an operand of
// a && that is returned. All of them are compiled at once, each behind a switch that
// an environment variable turns off. A test in the guard's own package must fail, or
// one in a package that uses it. The tests that run are those in which the guard
// decides when nothing is deleted. If you add a check, you don't have to add an entry.
//
// A test that fails kills a deletion. A panic or a hang doesn't, because it says
// nothing about the check, and a program may recover from the panic. There are two
// exceptions. A nil check, or a length in front of an index, stands there to avert a
// panic of the runtime. If a test dies of that panic in the guard's own function, the
// deletion counts as averted. And an entry may say that a test can only die: a written
// one in its field dies, a generated one in accepted_list.go. That list also has the
// guards that may survive, each with a reason. An entry that no longer fits is stale.
//
// The exit status is 1 if anything survived, panicked, hung, is stale, or didn't
// compile.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

const examples = `Usage: go run ./fuzz/deletions [flags]

Takes security checks out of the sources one at a time and runs the tests.

  go run ./fuzz/deletions                         ten written ones, as in CI
  go run ./fuzz/deletions -all                    all, written and generated
  go run ./fuzz/deletions -all -grep 'File.At'    those whose line matches
  go run ./fuzz/deletions -all -v                 with a line for what is killed, too
  go run ./fuzz/deletions -suite -grep 'JWK: kty' which tests fail without this one?

`

func main() {
	all := flag.Bool("all", false, "every check, written and generated")
	generated := flag.Bool("generated", false, "the generated checks alone")
	suite := flag.Bool("suite", false, "run the package's whole suite for each written check and print the tests that fail")
	grep := flag.String("grep", "", "only the checks whose line matches this `regexp`")
	verbose := flag.Bool("v", false, "print the killed and the accepted as well")
	parallel := flag.Int("parallel", 2, "deletions at a time")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), examples)
		flag.PrintDefaults()
	}
	flag.Parse()
	pattern, err := regexp.Compile(*grep)
	if err != nil || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	info, err := os.Stdout.Stat()
	c := command{
		all: *all || *grep != "", generated: *generated, suite: *suite, pattern: pattern, parallel: *parallel,
		report: &reporter{out: os.Stdout, verbose: *verbose || *suite, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0},
	}
	ok, err := c.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

type command struct {
	all, generated, suite bool
	pattern               *regexp.Regexp
	parallel              int
	report                *reporter
}

func (c command) run(ctx context.Context) (ok bool, err error) {
	begin := time.Now()
	root, err := findRoot()
	if err != nil {
		return false, err
	}
	temp, err := os.MkdirTemp("", "deletions")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)

	list := fixed()
	if c.all || c.suite {
		list = everything()
	}
	if !c.generated {
		r := newRunner(root, temp, c.report)
		r.parallel, r.suite = c.parallel, c.suite
		if err := r.run(ctx, matching(list, c.pattern)); err != nil {
			return false, err
		}
		ok = c.report.summary("written", c.report.results, time.Since(begin))
		if !c.all || c.suite {
			return ok, nil
		}
	}
	written, second := len(c.report.results), time.Now()
	for _, p := range parts {
		s, err := newSwitchboard(ctx, root, temp, p, c.pattern, c.parallel, c.report)
		if err != nil {
			return false, err
		}
		if err := s.run(ctx); err != nil {
			return false, err
		}
	}
	c.report.summary("generated", c.report.results[written:], time.Since(second))
	return c.report.summary("together", c.report.results, time.Since(begin)), nil
}

func matching(list []check, pattern *regexp.Regexp) (some []check) {
	for _, c := range list {
		if pattern.MatchString(c.String()) {
			some = append(some, c)
		}
	}
	return some
}

// everything returns the whole list, in the order of the layers.
func everything() []check {
	var list []check
	for _, part := range [][]check{tokens, claims, cookies, keys, rings, tickets, judged, snapshots, ended, fleets, passkeys, oauths, loads, takeovers, writes, users, targets, web, foreign, javascript, webapps, desks, passwords, gateways, commands} {
		list = append(list, part...)
	}
	return list
}

// fixed returns the ten checks that every CI run deletes, one of each kind. The
// whole list would take minutes.
func fixed() []check {
	var list []check
	for _, c := range everything() {
		if c.ci {
			list = append(list, c)
		}
	}
	return list
}
