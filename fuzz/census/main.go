// Census shows that every state of a session which ssestore can name occurs in the
// tests, and that no two of its fields ever contradict each other.
//
//	go run ./fuzz/census           the suites that use sessions: about a minute
//	go run ./fuzz/census -short    ssestore alone
//
// It builds the test binaries with a line added to Session.Commit that prints the
// session's state, and counts what they print. The sources are never written to: the
// line lives in an overlay of the go command. The names and values of the enums are
// read from ssestore/state.go, so a new value that no test reaches is found as well.
//
// It exits with status 1 if a value doesn't occur, if fields contradict each other,
// or if a suite fails.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// suites are the packages whose tests commit sessions.
var suites = []string{"ssestore", "auth", "middleware", "fuzz", "fuzz/advisories"}

const usage = `Usage: go run ./fuzz/census [-short]

  go run ./fuzz/census           the suites that use sessions: about a minute
  go run ./fuzz/census -short    ssestore alone

`

func main() {
	short := flag.Bool("short", false, "run the suite of ssestore alone")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	root, err := findRoot()
	list := suites
	if *short {
		list = list[:1]
	}
	ok := false
	if err == nil {
		ok, err = run(context.Background(), root, list, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "census:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// findRoot returns the directory of the root module.
func findRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hardtack-go/hardtack").Output()
	return strings.TrimSpace(string(out)), err
}

// run takes the census of some suites and prints it. It reports whether every value
// occurs and nothing contradicts.
func run(ctx context.Context, root string, suites []string, w io.Writer) (bool, error) {
	enums, err := readEnums(filepath.Join(root, "ssestore", "state.go"))
	if err != nil {
		return false, err
	}
	temp, err := os.MkdirTemp("", "census")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)
	overlay, err := instrument(root, temp)
	if err != nil {
		return false, err
	}
	states := map[state]int{}
	for _, suite := range suites {
		n := len(states)
		cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-short", "-v", "-vet=off", "-overlay="+overlay, "./"+suite)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		failed := regexp.MustCompile(`(?m)^ *--- FAIL: .*`).FindAllString(string(out), -1)
		if err != nil && len(failed) == 0 { // it wasn't built, or broke off
			return false, fmt.Errorf("%s: %w\n%s", suite, err, lastLines(out, 20))
		}
		if len(failed) > 0 { // which is for the suite's own run to judge: it was in the states that it was in
			fmt.Fprintf(w, "%s, while it was counted:\n%s\n", suite, strings.Join(failed, "\n"))
		}
		if err := count(states, out); err != nil {
			return false, err
		}
		fmt.Fprintf(w, "%-16s %5d states not seen before\n", suite, len(states)-n)
	}
	return report(w, enums, states), nil
}

// census is the method that the overlay adds. println writes to standard error and
// needs no import.
const census = `package ssestore

func (p *state) census() {
	r := p.rare
	if r == nil {
		r = new(rare)
	}
	println("\ncensus", p.phase, p.origin, p.ending, p.data, p.proof, p.use, r.wish,
		p.present, p.legacy != 0, p.key.ID() != "", p.c.SID != claimsNoSID, p.c.Sub != "", p.c.Stk != claimsNoKid,
		p.values != nil, p.private, p.sec != 0, r.former != 0)
}

var claimsNoSID, claimsNoKid = (state{}).c.SID, (state{}).c.Stk
`

// instrument writes the overlay and returns its name.
func instrument(root, temp string) (string, error) {
	const commit, before = "commit.go", "\tswitch p.phase {\n\tcase phaseMigrating:\n\t\treturn Outcome{}, ErrMigrate\n"
	source, err := os.ReadFile(filepath.Join(root, "ssestore", commit))
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(before)); n != 1 {
		return "", fmt.Errorf("ssestore/%s: Commit begins %d times as the census expects, want once", commit, n)
	}
	source = bytes.Replace(source, []byte(before), []byte("\tp.census()\n"+before), 1)
	replace := map[string]string{}
	for name, text := range map[string][]byte{commit: source, "census.go": []byte(census)} {
		file := filepath.Join(temp, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, "ssestore", name)] = file
	}
	var b strings.Builder
	for from, to := range replace {
		fmt.Fprintf(&b, "%s%q:%q", map[bool]string{true: ","}[b.Len() > 0], from, to)
	}
	overlay := filepath.Join(temp, "overlay.json")
	return overlay, os.WriteFile(overlay, []byte(`{"Replace":{`+b.String()+`}}`), 0o600)
}

// state is what one line of the census says, in its order.
type state struct {
	enum                           [len(order)]uint8
	present, legacy, key           bool
	sid, sub, stk, values, private bool
	time, former                   bool
}

// order is the order in which the census prints the enums.
var order = [...]string{"phase", "origin", "ending", "data", "proof", "use", "wish"}

func count(states map[state]int, out []byte) error {
	for line := range strings.SplitSeq(string(out), "\n") {
		text, ok := strings.CutPrefix(line, "census ")
		if !ok {
			continue
		}
		fields := strings.Fields(text)
		var s state
		flags := []*bool{&s.present, &s.legacy, &s.key, &s.sid, &s.sub, &s.stk, &s.values, &s.private, &s.time, &s.former}
		if len(fields) != len(order)+len(flags) {
			return fmt.Errorf("a line of the census has %d fields: %q", len(fields), line)
		}
		for i := range order {
			v, err := strconv.ParseUint(fields[i], 10, 8)
			if err != nil {
				return err
			}
			s.enum[i] = uint8(v)
		}
		for i, f := range flags {
			*f = fields[len(order)+i] == "true"
		}
		states[s]++
	}
	return nil
}

// enums are the names of the values of each enum, by its name.
type enums map[string][]string

// readEnums reads the constants of the enums, which begin with iota.
func readEnums(file string) (enums, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	found := enums{}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		first, _ := g.Specs[0].(*ast.ValueSpec)
		typ, ok := first.Type.(*ast.Ident)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			found[typ.Name] = append(found[typ.Name], s.(*ast.ValueSpec).Names[0].Name)
		}
	}
	for _, name := range order {
		if len(found[name]) < 2 {
			return nil, fmt.Errorf("%s: no values of %s", file, name)
		}
	}
	if len(found) != len(order) {
		return nil, fmt.Errorf("%s has the enums %v, and the census counts %v", file, slices.Sorted(maps.Keys(found)), order)
	}
	return found, nil
}

// A rule names two fields that contradict each other.
type rule struct {
	text   string
	broken func(s state, is func(name string) bool) bool
}

var rules = []rule{
	{"data is sealed, and there are values", func(s state, is func(string) bool) bool { return is("dataSealed") && s.values }},
	{"data is changed, and there are no values", func(s state, is func(string) bool) bool { return is("dataChanged") && !s.values }},
	{"something is known of a user, and there is none", func(s state, is func(string) bool) bool { return !is("proofNone") && !s.sub }},
	{"somebody logged in, and nothing is to be written", func(s state, is func(string) bool) bool {
		return (is("proofBegun") || is("proofRestamped")) && !is("useChange")
	}},
	{"the session has ended, and nothing is to be written", func(s state, is func(string) bool) bool { return !is("endingNo") && !is("useChange") }},
	{"there is a user, and no session id", func(s state, is func(string) bool) bool { return s.sub && !s.sid }},
	{"there is a stamp, and no user", func(s state, is func(string) bool) bool { return s.stk && !s.sub }},
	{"loaded, and no cookie or no key", func(s state, is func(string) bool) bool {
		return is("originLoaded") && !((s.present || s.former) && s.key)
	}},
	{"migrated, and no legacy cookie", func(s state, is func(string) bool) bool { return is("originMigrated") && !s.legacy }},
	{"migrated, and a key of ours opened it", func(s state, is func(string) bool) bool { return is("originMigrated") && s.key }},
	// Without a session that came, nobody but Hold holds one, and Hold reads it.
	{"the user store failed, and the session was not read", func(s state, is func(string) bool) bool {
		return is("phaseHeld") && is("useNone") && !is("originLoaded") && !is("originMigrated")
	}},
	{"Migrate runs, and the handler has used the session", func(s state, is func(string) bool) bool {
		return is("phaseMigrating") && !is("useNone")
	}},
	{"no valid time, and a session", func(s state, is func(string) bool) bool { return !s.time && (s.sid || !is("originNew")) }},
}

// report prints how often each value occurs, and every contradiction.
func report(w io.Writer, e enums, states map[state]int) (ok bool) {
	ok = len(states) > 0
	commits := 0
	for _, n := range states {
		commits += n
	}
	fmt.Fprintf(w, "\n%d states in %d commits\n\n", len(states), commits)
	for i, enum := range order {
		for v, name := range e[enum] {
			kinds, n := 0, 0
			for s, times := range states {
				if int(s.enum[i]) == v {
					kinds, n = kinds+1, n+times
				}
			}
			note := ""
			if n == 0 {
				note, ok = "  DOES NOT OCCUR", false
			}
			fmt.Fprintf(w, "%-8s %-16s %5d states %8d commits%s\n", enum, name, kinds, n, note)
		}
	}
	broken := 0
	for s, n := range states {
		is := func(name string) bool {
			for i, enum := range order {
				if v := slices.Index(e[enum], name); v >= 0 {
					return int(s.enum[i]) == v
				}
			}
			panic("no such value: " + name)
		}
		for _, r := range rules {
			if r.broken(s, is) {
				fmt.Fprintf(w, "CONTRADICTION in %d commits: %s: %+v\n", n, r.text, s)
				broken++
			}
		}
	}
	fmt.Fprintf(w, "\n%d contradictions to %d rules\n", broken, len(rules))
	return ok && broken == 0
}

func lastLines(out []byte, n int) string {
	lines := strings.Split(string(out), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
