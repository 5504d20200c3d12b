package main

import (
	"fmt"

	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

// markCounts are how many marks are held.
var markCounts = []int{0, 1000, 1_000_000}

// marks measures what a request pays for marks that could end its session.
func (b *bench) marks() error {
	s, err := contest.Hardtack.Open(contest.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	verify := []measure.Case{{Name: "Hardtack, no marks asked", Op: verifyOp(s, s.Value(), contest.UserID)}}
	var judge []measure.Case
	for _, n := range markCounts {
		set := contest.Marked(n)
		s, err := contest.Hardtack.Open(contest.Options{Marks: set})
		if err != nil {
			return err
		}
		defer s.Close()
		verify = append(verify, measure.Case{Name: fmt.Sprintf("with %d marks", n), Op: verifyOp(s, s.Value(), contest.UserID)})
		judge = append(judge, measure.Case{Name: fmt.Sprintf("by %d marks", n), Op: contest.Judge(set, 1)})
		if n == markCounts[len(markCounts)-1] {
			// None of them is in the processor's cache.
			judge = append(judge, measure.Case{Name: fmt.Sprintf("100000 sessions, by %d marks", n), Op: contest.Judge(set, 100_000)})
			b.note("%d marks take %.1f MB", set.Len(), float64(set.Bytes())/1e6)
		}
	}
	if err := b.measure(report.Table{ID: "judge", Title: "Judge a session by marks"}, judge); err != nil {
		return err
	}
	return b.measure(report.Table{ID: "marks", Title: "Verify with marks"}, verify)
}
