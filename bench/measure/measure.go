// Package measure times short operations side by side on a machine that others may
// be using.
//
// A single figure means little there, because the clock rate varies and neighbours
// come and go. So every case runs a short batch in every round, in an order that
// changes from round to round. It is compared with the base case, which runs a
// shorter batch just before it (or, if the base is another process, once a round). A
// run reports the medians of those ratios. Times are only shown for orientation.
// Allocations are counted, not sampled.
package measure

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A Case is one operation. Op does it once, and returns an error if the answer was
// wrong, which fails the run.
type Case struct {
	Name string
	Op   func() error
	// Batch, if set, replaces the loop around Op. It does the operation n times
	// and returns how long that took by its own clock. Cases in another process
	// use it.
	Batch func(n int) (time.Duration, error)
}

// Options say how long to measure.
type Options struct {
	Rounds int           // how many times every case runs; at least 3
	Batch  time.Duration // how long one batch lasts, about
	// Progress, if not nil, is called after every batch.
	Progress func(done, total int)
}

// A Result says how long a case took. Times are in nanoseconds per operation.
type Result struct {
	Name         string    `json:"name"`
	Rounds       []float64 `json:"rounds_ns"` // one figure a round, in order
	Median       float64   `json:"median_ns"`
	Low          float64   `json:"low_ns"`  // first quartile
	High         float64   `json:"high_ns"` // third quartile
	Ratio        float64   `json:"ratio"`   // median over rounds of this case ÷ the base case beside it
	Allocs       float64   `json:"allocs"`  // per operation; -1 where another process does the work
	BytesPerCall float64   `json:"bytes"`
}

// Run measures the cases against the first, which is the base.
func Run(cases []Case, o Options) ([]Result, error) {
	o.Rounds = max(3, o.Rounds)
	counts := make([]int, len(cases))
	results := make([]Result, len(cases))
	for i, c := range cases {
		n, err := calibrate(c, o.Batch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		counts[i] = n
		results[i] = Result{Name: c.Name, Allocs: -1, BytesPerCall: -1}
		if c.Batch == nil {
			if results[i].Allocs, results[i].BytesPerCall, err = allocations(c); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	order := make([]int, len(cases))
	for i := range order {
		order[i] = i
	}
	base := cases[0]
	ratios := make([][]float64, len(cases))
	for round := range o.Rounds {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for k, i := range order {
			runtime.GC() // nobody pays for the garbage of the one before
			beside := 0.0
			if i > 0 && base.Batch == nil {
				n := counts[0]/4 + 1
				d, err := batch(base, n)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", base.Name, err)
				}
				beside = float64(d) / float64(n)
			}
			d, err := batch(cases[i], counts[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cases[i].Name, err)
			}
			took := float64(d) / float64(counts[i])
			results[i].Rounds = append(results[i].Rounds, took)
			if beside > 0 {
				ratios[i] = append(ratios[i], took/beside)
			}
			if o.Progress != nil {
				o.Progress(round*len(cases)+k+1, o.Rounds*len(cases))
			}
		}
	}
	for i := range results {
		r := &results[i]
		r.Median, r.Low, r.High = Quantile(r.Rounds, 0.5), Quantile(r.Rounds, 0.25), Quantile(r.Rounds, 0.75)
		if ratios[i] == nil {
			for k, took := range r.Rounds {
				ratios[i] = append(ratios[i], took/results[0].Rounds[k])
			}
		}
		r.Ratio = Quantile(ratios[i], 0.5)
	}
	return results, nil
}

// calibrate finds how many operations fill a batch. It is also the warm-up.
func calibrate(c Case, want time.Duration) (int, error) {
	n := 1
	for {
		d, err := batch(c, n)
		if err != nil {
			return 0, err
		}
		if d >= want/2 || n >= 1<<24 {
			return max(1, int(float64(n)*float64(want)/float64(max(d, 1)))), nil
		}
		n *= 2
	}
}

func batch(c Case, n int) (time.Duration, error) {
	if c.Batch != nil {
		return c.Batch(n)
	}
	start := time.Now()
	for range n {
		if err := c.Op(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// allocations counts what one operation allocates, like testing.AllocsPerRun: on one
// processor, over many runs. The division rounds down, because the runtime
// occasionally allocates by itself.
func allocations(c Case) (count, bytes float64, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 256
	if err := c.Op(); err != nil {
		return 0, 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if err := c.Op(); err != nil {
			return 0, 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / runs), float64((after.TotalAlloc - before.TotalAlloc) / runs), nil
}

// Quantile returns the p-quantile of v, interpolated between neighbours if needed.
func Quantile(v []float64, p float64) float64 {
	s := slices.Sorted(slices.Values(v))
	at := p * float64(len(s)-1)
	i := int(at)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}
