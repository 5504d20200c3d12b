package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

// scaling measures verify over the size of the data, the number of keys and the
// number of goroutines. Only times in the same table can be compared.
func (b *bench) scaling() error {
	sizes := []int{100, 300, 1000, 2000, 2600}
	payload := report.Table{ID: "scaling-payload", Title: "Verify by size of the application's data", Axis: "bytes of data in the session"}
	var cases []measure.Case
	for _, c := range []contest.Contestant{contest.Hardtack, contest.GolangJWT, contest.SecureCookie, contest.GoJose} {
		for _, n := range sizes {
			one, err := b.opened(c, contest.Options{Data: n})
			if errors.Is(err, contest.ErrTooLarge) {
				b.note("%s: a session of %d bytes of data does not fit its cookie", c.Name, n)
				continue
			}
			if err != nil {
				return err
			}
			cases = append(cases, one)
			payload.X = append(payload.X, float64(n))
		}
	}
	if err := b.measure(payload, cases); err != nil {
		return err
	}

	keys := report.Table{ID: "scaling-keys", Title: "Verify by number of keys in the ring (sealed with the oldest)", Axis: "keys"}
	cases = nil
	for _, c := range []contest.Contestant{contest.Hardtack, contest.SecureCookie} {
		for _, n := range []int{1, 2, 4, 8, 16} {
			one, err := b.opened(c, contest.Options{Keys: n, Oldest: true})
			if err != nil {
				return err
			}
			cases = append(cases, one)
			keys.X = append(keys.X, float64(n))
		}
	}
	if err := b.measure(keys, cases); err != nil {
		return err
	}

	cores := report.Table{ID: "scaling-cores", Title: "Verify by number of goroutines, time for one verify of all", Axis: "goroutines"}
	cases = nil
	for _, c := range []contest.Contestant{contest.Hardtack, contest.GolangJWT} {
		s, err := c.Open(contest.Options{})
		if err != nil {
			return err
		}
		op := verifyOp(s, s.Value(), contest.UserID)
		for n := 1; n <= runtime.NumCPU(); n *= 2 {
			cases = append(cases, measure.Case{Name: c.Name, Batch: func(count int) (time.Duration, error) { return parallel(op, n, count) }})
			cores.X = append(cores.X, float64(n))
		}
	}
	return b.measure(cores, cases)
}

func (b *bench) opened(c contest.Contestant, o contest.Options) (measure.Case, error) {
	s, err := c.Open(o)
	if err != nil {
		return measure.Case{}, fmt.Errorf("%s: %w", c.Name, err)
	}
	return measure.Case{Name: c.Name, Op: verifyOp(s, s.Value(), contest.UserID)}, nil
}

// parallel does count operations on n goroutines.
func parallel(op func() error, n, count int) (time.Duration, error) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for g := range n {
		wg.Go(func() {
			for range max(1, count/n) {
				if err := op(); err != nil {
					errs[g] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start), errors.Join(errs...)
}
