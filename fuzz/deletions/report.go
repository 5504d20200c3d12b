package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A verdict is the result of one deletion.
type verdict string

const (
	killed   verdict = "killed"   // a test failed
	averted  verdict = "averted"  // a test died of the very panic that the guard averts
	accepted verdict = "accepted" // none of the two, and the list says why
	survived verdict = "survived" // every test passed
	panicked verdict = "panicked" // no test failed, but a test process died
	hung     verdict = "hung"     // no test failed, but one did not end
	stale    verdict = "stale"    // an entry of a list does not fit
	broken   verdict = "broken"   // it does not compile, or the test does not run

	chance verdict = "chance" // in the list alone: either survived or killed
)

// verdicts in the order in which a summary counts them.
var verdicts = []verdict{killed, averted, accepted, survived, panicked, hung, stale, broken}

// good says whether a verdict lets the command succeed.
func (v verdict) good() bool { return v == killed || v == averted || v == accepted }

type result struct {
	name    string
	verdict verdict
	detail  string
	took    time.Duration
}

// A reporter prints what is found and counts it.
type reporter struct {
	out      io.Writer
	verbose  bool // prints the killed and the accepted too
	terminal bool // draws the progress

	mu       sync.Mutex
	expected int
	results  []result
}

// expect announces further results.
func (r *reporter) expect(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected += n
}

// progress says what is going on, but only on a terminal.
func (r *reporter) progress(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draw(what)
}

func (r *reporter) draw(what string) {
	if r.terminal {
		fmt.Fprintf(r.out, "\r\x1b[K%.100s", what)
	}
}

// note prints a line.
func (r *reporter) note(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draw("")
	fmt.Fprintln(r.out, line)
}

// result records one result.
func (r *reporter) result(res result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, res)
	if r.verbose || !res.verdict.good() {
		word := string(res.verdict)
		if !res.verdict.good() {
			word = strings.ToUpper(word)
		}
		r.draw("")
		fmt.Fprintf(r.out, "%-8s %s  %s\n", word, res.name, res.detail)
	}
	r.draw(fmt.Sprintf("%d of %d: %s", len(r.results), r.expected, res.name))
}

// summary prints the figures, and reports whether all is well.
func (r *reporter) summary(title string, results []result, took time.Duration) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draw("")
	count := map[verdict]int{}
	ok = len(results) > 0
	for _, res := range results {
		count[res.verdict]++
		ok = ok && res.verdict.good()
	}
	fmt.Fprintf(r.out, "%-10s %4d deletions:", title, len(results))
	for i, v := range verdicts {
		if i > 0 {
			fmt.Fprint(r.out, ",")
		}
		fmt.Fprintf(r.out, " %d %s", count[v], v)
	}
	fmt.Fprintf(r.out, " (%s)\n", took.Round(time.Second))
	return ok
}

var (
	failLine    = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	timeoutLine = regexp.MustCompile(`(?m)^panic: test timed out`)
	runningLine = regexp.MustCompile(`(?m)^\t+(\w+)[^\n ]* \([\d.hms]+\)$`)
	hangLine    = regexp.MustCompile(`(?m)^(panic: deadlock: |fatal error: all goroutines are asleep)`)
	deathLine   = regexp.MustCompile(`(?m)^(panic: |fatal error: |unexpected fault address|SIG[A-Z]+: )`)
	diedIn      = regexp.MustCompile(`_test\.((?:Test|Fuzz|Example)\w*)[.(]`)
)

// read says how the tests that didn't pass ended, and which of them are to blame.
func read(out string) (v verdict, tests []string) {
	tests = redTests(out)
	switch {
	case timeoutLine.MatchString(out):
		for _, m := range runningLine.FindAllStringSubmatch(out, -1) {
			tests = append(tests, m[1])
		}
		v = hung
	case hangLine.MatchString(out):
		v = hung
	case deathLine.MatchString(out):
		v = panicked
	case len(tests) > 0:
		return killed, tests
	default:
		return broken, nil
	}
	for _, m := range diedIn.FindAllStringSubmatch(out, -1) {
		tests = append(tests, m[1])
	}
	return v, slices.Compact(slices.Sorted(slices.Values(tests)))
}

const module = "github.com/hardtack-go/hardtack/"

var (
	runtimeError = regexp.MustCompile(`(?m)^panic: runtime error: (invalid memory address|index out of range|slice bounds out of range)`)
	stackFrame   = regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(module) + `([\w/]+)\.([^\s]+)\(.*$`)
	notInName    = regexp.MustCompile(`\(\*|\)|\[[^]]*\]|\.func\d.*$`)
)

// culprit is the function of ours, as in "keyring File.At", in which a test died of a
// nil pointer or an index out of range; "" if it did not.
func culprit(out string) string {
	if !runtimeError.MatchString(out) {
		return ""
	}
	// Behind the last panic of the first goroutine: before it are those who
	// recovered and panicked again.
	first, _, _ := strings.Cut(out, "\n\ngoroutine ")
	_, stack, ok := strings.Cut(out[len(first):], "\n\ngoroutine ")
	if !ok {
		return ""
	}
	stack, _, _ = strings.Cut(stack, "\n\n")
	if i := strings.LastIndex(stack, "\npanic("); i >= 0 {
		stack = stack[i:]
	}
	m := stackFrame.FindStringSubmatch(stack)
	if m == nil {
		return ""
	}
	return m[1] + " " + notInName.ReplaceAllString(m[2], "")
}

// redTests returns the top-level tests that failed.
func redTests(out string) (names []string) {
	for _, m := range failLine.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}
