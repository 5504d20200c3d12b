// Command bench compares designs of web sessions side by side in one run.
//
//	go run ./bench             a full run, under 10 minutes
//	go run ./bench -quick      the same in under a minute, with more noise
//	go run ./bench -edge       instead, cold starts on Lambda and workerd, and a read there
//	go run ./bench -out DIR    results.json, results.csv and charts in DIR too
//
// Every contestant does the same job through its documented API (package
// contest), in interleaved rounds (package measure). Redis, Node and wrk take
// part if they are installed. Otherwise the run says so and goes on. The cases
// also run as ordinary Go benchmarks: go test -bench . ./bench
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

const usage = `Usage: go run ./bench [flags]

  go run ./bench             a full run, under 10 minutes
  go run ./bench -quick      the same in under a minute, with more noise
  go run ./bench -edge       instead, cold starts on Lambda and workerd, and a read there
  go run ./bench -out DIR    results.json, results.csv and charts in DIR too

`

func main() {
	quick := flag.Bool("quick", false, "fewer and shorter rounds: under 60 seconds")
	edge := flag.Bool("edge", false, "measure the examples for Lambda and Workers instead: under two minutes")
	out := flag.String("out", "", "write results.json, results.csv and SVG charts to this `folder`")
	serve := flag.String("serve", "", "used by the program itself: serve `hello` or session, for the load generator")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	if *serve != "" {
		err = serveHello(*serve)
	} else {
		err = run(*quick, *edge, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench is one run.
type bench struct {
	report.Report
	dir     string // of this module, where node/ and start/ are
	options measure.Options
	began   time.Time
	line    measure.Line // progress
}

func run(quick, edge bool, out string) error {
	dir, err := moduleDir()
	if err != nil {
		return err
	}
	// A small server's live heap. With an empty heap Go collects garbage every 4 MB,
	// dozens of times a second. For designs that allocate, the benchmark would then
	// measure how quickly the machine stops and wakes its processors.
	live := make([]byte, 16<<20)
	defer runtime.KeepAlive(live)

	b := &bench{dir: dir, began: time.Now(), line: measure.NewLine(os.Stderr), options: measure.Options{Rounds: 31, Batch: 40 * time.Millisecond}}
	if quick {
		b.options = measure.Options{Rounds: 7, Batch: 8 * time.Millisecond}
	}
	b.Date, b.Quick = time.Now().UTC().Format("2006-01-02 15:04 MST"), quick
	b.Machine = report.Machine{CPU: cpu(), Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	type part struct {
		name string
		do   func() error
	}
	parts := []part{
		{"verify and the other operations", b.contest},
		{"marks", b.marks},
		{"scaling", b.scaling},
		{"net/http", b.http},
		{"start and wasm", b.start},
	}
	if edge {
		parts = []part{{"edge", b.edge}}
	} else {
		b.NotCompared = contest.NotCompared()
	}
	for _, part := range parts {
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.line.Draw("")
	if err := b.Text(os.Stdout); err != nil {
		return err
	}
	fmt.Printf("took %s\n", time.Since(b.began).Round(time.Second))
	if out == "" {
		return nil
	}
	return b.Write(out)
}

// measure runs one table and appends it to the report.
func (b *bench) measure(t report.Table, cases []measure.Case) error {
	o := b.options
	o.Progress = func(done, total int) {
		b.line.Draw("%3.0fs  %s %d/%d", time.Since(b.began).Seconds(), t.ID, done, total)
	}
	rows, err := measure.Run(cases, o)
	if err != nil {
		return err
	}
	if t.Unit == "" {
		t.Unit = "ns"
	}
	t.Rows = rows
	b.Tables = append(b.Tables, t)
	return nil
}

func (b *bench) note(format string, args ...any) {
	b.Notes = append(b.Notes, fmt.Sprintf(format, args...))
}

// moduleDir finds this module's directory from the one that the command was started
// in: the workspace or the module itself.
func moduleDir() (string, error) {
	for _, dir := range []string{"bench", "."} {
		if _, err := os.Stat(filepath.Join(dir, "node", "bench.mjs")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", errors.New("start it in the root of the repository: go run ./bench")
}

func cpu() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, ok := strings.CutPrefix(s.Text(), "model name"); ok {
			return strings.TrimLeft(name, "\t: ")
		}
	}
	return runtime.GOARCH
}

func output(name string, args ...string) string {
	b, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
