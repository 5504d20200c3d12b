// Command release makes the commit and the tags of a release of all modules. It never
// pushes.
//
//	go run ./internal/release -n v0.1.0   check everything and print the plan
//	go run ./internal/release v0.1.0      make the commit and the tags
//
// On main, the modules of this repository find each other through replace lines and
// go.work, so that a checkout builds as one. Users get neither: the go command ignores
// the replace lines of a dependency, and go install refuses a module that has some. So
// the release has one commit on top of main, which drops these lines and makes each
// module require the others at the released version, with their checksums in go.sum.
// The tags of the nested modules (signin/v0.1.0) lead to it, and main never contains
// it. The root module is the same in both. Its tag (v0.1.0) leads to main itself, so
// that git describe and the pseudo-versions of later commits count from there.
//
// The exit status is 1 if something isn't ready, and 2 if the command line is wrong.
// Then nothing was made.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

const usage = `Usage: go run ./internal/release [-n] VERSION

Makes the commit and the tags of a release of all modules. Pushes nothing.

  go run ./internal/release -n v0.1.0   check everything and print the plan
  go run ./internal/release v0.1.0      make the commit and the tags

`

func main() {
	flags := flag.NewFlagSet("release", flag.ExitOnError)
	dry := flags.Bool("n", false, "make nothing, only check and print the plan")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.Parse(os.Args[1:])
	if flags.NArg() != 1 {
		flags.Usage()
		os.Exit(2)
	}
	if err := run(flags.Arg(0), *dry, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		if errors.Is(err, errVersion) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// run makes the release, or only prints the plan.
func run(name string, dry bool, out io.Writer) error {
	v, err := parseVersion(name)
	if err != nil {
		return err
	}
	repo, err := openRepository()
	if err != nil {
		return err
	}
	modules, err := repo.modules()
	if err != nil {
		return err
	}
	tags := make([]string, len(modules))
	for i, m := range modules {
		tags[i] = m.tag(name)
	}
	// All that can be mended is said at once. The tests of the policy come last: they
	// take the longest, and say little about a tree that is not what is released.
	if err := errors.Join(repo.checkMain(), repo.checkTags(v, tags), repo.checkChangelog(v, time.Now())); err != nil {
		return err
	}
	if err := repo.checkPolicy(); err != nil {
		return err
	}
	changed, err := repo.releaseFiles(modules, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, from %s\n", name, repo.head)
	for i, m := range modules {
		where := "main"
		if m.dir != "." {
			where = "the release commit"
		}
		fmt.Fprintf(out, "  tag %-32s %s\n", tags[i], where)
		for _, need := range m.needs {
			fmt.Fprintf(out, "      requires %s %s\n", need, name)
		}
	}
	fmt.Fprintf(out, "  %d files change in the release commit\n", len(changed))
	if dry {
		fmt.Fprintln(out, "Nothing was made.")
		return nil
	}
	commit, err := repo.commit(changed, "Release "+name+"\n\nThe modules require each other at this version. main stays as it is.\n")
	if err != nil {
		return err
	}
	if err := repo.tag(modules, tags, commit, "Hardtack "+name); err != nil {
		return err
	}
	fmt.Fprintf(out, "Made %s. To publish it:\n\n  git push --atomic origin main", commit)
	for _, tag := range tags {
		fmt.Fprintf(out, " %s", tag)
	}
	fmt.Fprintln(out)
	return nil
}
