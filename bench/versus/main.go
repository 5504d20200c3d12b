// Command versus compares two revisions of Hardtack: an old one and the working
// tree.
//
//	go run ./bench/versus -old REV
//
// On a shared machine a single time means little, and so do two runs one after the
// other. So each revision is built into a small program (child), and the two
// processes take turns: the old one does an operation for a few milliseconds, then
// the new one does it as often, and in the next round the new one goes first. Each
// round gives one ratio. The report has their median and quartiles. Where a process
// happens to be in memory changes its speed by a few percent for as long as it
// lives, so the pair is started several times.
//
// A revision against itself shows what this machine can tell apart:
//
//	go run ./bench/versus -old HEAD -new HEAD
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hardtack-go/hardtack/bench/measure"
)

// titles are the cases in the order of the report.
var titles = []struct{ id, title string }{
	{"verify", "verify, 1 key"},
	{"verify16", "verify, 16 keys"},
	{"read", "load and read one key"},
	{"write", "load, set, commit"},
	{"login", "login"},
	{"hello", "hello, session untouched"},
	{"hello-user", "hello, user resolved"},
	{"open", "open"},
	{"seal", "seal"},
}

const usage = `Usage: go run ./bench/versus -old REV [flags]

  go run ./bench/versus -old v0.1.0           that revision and the working tree
  go run ./bench/versus -old HEAD -new HEAD   what this machine can tell apart

`

func main() {
	var o options
	flag.StringVar(&o.old, "old", "", "the `revision` to compare with")
	flag.StringVar(&o.new, "new", "", "the `revision` that is compared; the working tree if empty")
	flag.IntVar(&o.rounds, "rounds", 400, "how often each operation runs on either side")
	flag.IntVar(&o.starts, "starts", 10, "how often both processes are started")
	flag.DurationVar(&o.turn, "turn", 5*time.Millisecond, "how long one turn lasts")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	if flag.Parse(); flag.NArg() > 0 || o.old == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx, os.Stdout); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "versus:", err)
		os.Exit(1)
	}
}

type options struct {
	old, new       string
	rounds, starts int
	turn           time.Duration
}

func (o options) run(ctx context.Context, w io.Writer) error {
	tmp, err := os.MkdirTemp("", "hardtack-versus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var bins [2]string
	for i, rev := range []string{o.old, o.new} {
		if bins[i], err = build(ctx, rev, filepath.Join(tmp, []string{"old", "new"}[i])); err != nil {
			return err
		}
	}
	results, err := o.compare(ctx, bins)
	if err != nil {
		return err
	}
	return o.print(w, results)
}

// A result is one row of the report. Times are nanoseconds for one operation.
type result struct {
	ratios        []float64 // new ÷ old, one a round
	times         [2][]float64
	allocs, bytes [2]int
}

// compare runs all cases in all rounds.
func (o options) compare(ctx context.Context, bins [2]string) (map[string]*result, error) {
	line := measure.NewLine(os.Stderr)
	defer line.Draw("")
	results := map[string]*result{}
	for _, t := range titles {
		results[t.id] = new(result)
	}
	for start := range o.starts {
		if err := o.start(ctx, bins, results, func(round int) {
			line.Draw("start %d of %d, round %d of %d", start+1, o.starts, round+1, o.rounds/o.starts)
		}); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// start starts both processes and runs their share of the rounds.
func (o options) start(ctx context.Context, bins [2]string, results map[string]*result, progress func(round int)) error {
	var pair [2]*child
	for i, bin := range bins {
		c, err := startChild(ctx, bin)
		if err != nil {
			return err
		}
		defer c.close()
		pair[i] = c
	}
	counts := map[string]int{}
	for _, t := range titles {
		n, slice, r := 16, o.turn/11, results[t.id] // a turn is 11 slices
		for i, c := range pair {                    // warm up, and find how many fill a turn
			for {
				d, err := c.run(t.id, n)
				if err != nil {
					return err
				}
				if d >= slice/2 {
					n = max(1, int(float64(n)*float64(slice)/float64(d)))
					break
				}
				n *= 2
			}
			var err error
			if r.allocs[i], r.bytes[i], err = c.allocs(t.id); err != nil {
				return err
			}
		}
		counts[t.id] = n
	}
	for round := range max(1, o.rounds/o.starts) {
		progress(round)
		for _, t := range titles {
			var took [2]float64
			for k := range pair {
				i := (k + round) % 2 // the other one first in the next round
				d, err := pair[i].run(t.id, counts[t.id])
				if err != nil {
					return err
				}
				took[i] = float64(d) / float64(counts[t.id])
			}
			r := results[t.id]
			r.ratios = append(r.ratios, took[1]/took[0])
			for i, ns := range took {
				r.times[i] = append(r.times[i], ns)
			}
		}
	}
	return nil
}

func (o options) print(w io.Writer, results map[string]*result) error {
	name := o.new
	if name == "" {
		name = "the working tree"
	}
	fmt.Fprintf(w, "%s → %s · %d rounds of %v, %d starts\n\n", o.old, name, o.rounds, o.turn, o.starts)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tnew ÷ old\tquartiles\told\tnew\tallocs\tbytes\t")
	for _, t := range titles {
		r := results[t.id]
		q := func(p float64) float64 { return measure.Quantile(r.ratios, p) }
		fmt.Fprintf(tw, "%s\t%.3f\t%.3f to %.3f\t%.0f ns\t%.0f ns\t%d → %d\t%d → %d\t\n", t.title, q(0.5), q(0.25), q(0.75),
			measure.Quantile(r.times[0], 0.5), measure.Quantile(r.times[1], 0.5), r.allocs[0], r.allocs[1], r.bytes[0], r.bytes[1])
	}
	return tw.Flush()
}

// git runs git in the repository that the command was started in.
func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if e, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(e.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
