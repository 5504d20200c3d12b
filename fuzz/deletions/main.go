// Deletions shows that no security check of hardtack can disappear unseen, as one
// did in ASP.NET Core (CVE-2026-40372). It takes each check out of the sources in
// turn, by go test's -overlay, so that nothing in the tree is written, and runs
// the one test that is named for it. A test that still passes is a survivor: then
// nothing guards that check.
//
//	go run ./fuzz/deletions          ten fixed ones, as in CI
//	go run ./fuzz/deletions -all     every check of the list
//	go run ./fuzz/deletions -all -grep stamp
//	go run ./fuzz/deletions -suite -grep stamp
//
// -suite runs the whole package instead and says which tests went red: for finding
// the name to write into a new entry. The command ends with status 1 if there is a
// survivor, an entry that no longer fits the sources, a deletion that does not
// compile, or a named test that fails even without a deletion.
//
// The list is in the files list_….go. An entry is a piece of source that occurs
// exactly once in its file, what stands there afterwards, and the test. Whoever
// changes a check changes its entry; whoever adds a check adds one.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

func main() {
	all := flag.Bool("all", false, "every check of the list, not only the fixed ten")
	suite := flag.Bool("suite", false, "run each package's whole suite and print the tests that go red")
	grep := flag.String("grep", "", "of the whole list, only the checks whose line matches this `regexp`")
	parallel := flag.Int("parallel", 2, "deletions at a time")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	list := fixed()
	if *all || *suite || *grep != "" {
		list = everything()
	}
	if pattern, err := regexp.Compile(*grep); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	} else {
		list = matching(list, pattern)
	}
	root, err := findRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ok, err := (&runner{root: root, parallel: *parallel, suite: *suite, out: os.Stdout}).run(ctx, list)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

func matching(list []check, pattern *regexp.Regexp) (some []check) {
	for _, c := range list {
		if pattern.MatchString(c.what + " " + c.file + " " + c.pkg + " " + c.test) {
			some = append(some, c)
		}
	}
	return some
}

// everything is the whole list, in the order of the layers.
func everything() []check {
	var list []check
	for _, part := range [][]check{tokens, claims, cookies, keys, sources, loads, writes, users, targets, web, foreign} {
		list = append(list, part...)
	}
	return list
}

// fixed are the ten that every CI run deletes, one of each kind: a run of the
// whole list takes minutes.
func fixed() []check {
	var list []check
	for _, c := range everything() {
		if c.ci {
			list = append(list, c)
		}
	}
	return list
}

// summary prints the figures of a run.
func summary(w io.Writer, results []result, took time.Duration) (ok bool) {
	count := map[verdict]int{}
	for _, r := range results {
		count[r.verdict]++
	}
	dead := count[killed]
	fmt.Fprintf(w, "\n%d of %d deletions killed: %.1f %% (%d survived, %d stale or broken), %s\n",
		dead, len(results), 100*float64(dead)/float64(max(len(results), 1)),
		count[survived], len(results)-dead-count[survived], took.Round(time.Second))
	for _, r := range results {
		if r.verdict != killed {
			fmt.Fprintf(w, "  %-8s %s: %s (%s) %s\n", strings.ToUpper(string(r.verdict)), r.check.file, r.check.what, r.check.test, r.detail)
		}
	}
	return dead == len(results) && len(results) > 0
}
