package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/bench/contest"
)

// standard opens a contestant with the standard session.
func standard(b *testing.B, c contest.Contestant) contest.Session {
	b.Helper()
	s, err := c.Open(contest.Options{})
	if errors.Is(err, contest.ErrNoRedis) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func loop(b *testing.B, op func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFloor is the least that an encrypting design with a stamp can do.
func BenchmarkFloor(b *testing.B) {
	floor, err := contest.NewFloor(contest.PlaintextLen(standard(b, contest.Hardtack).Value()))
	if err != nil {
		b.Fatal(err)
	}
	loop(b, floor.Verify)
}

// BenchmarkPipeline is the least that Hardtack can do: its own parts without the
// session object, locks and callbacks around them.
func BenchmarkPipeline(b *testing.B) {
	p, err := contest.NewPipeline()
	if err != nil {
		b.Fatal(err)
	}
	loop(b, verifyOp(p, p.Value(), contest.UserID))
}

// BenchmarkVerify is Hardtack from the raw Cookie header to the trusted user.
func BenchmarkVerify(b *testing.B) {
	s := standard(b, contest.Hardtack)
	loop(b, verifyOp(s, s.Value(), contest.UserID))
}

// BenchmarkContest runs every operation of every contestant.
func BenchmarkContest(b *testing.B) {
	for _, c := range contest.All() {
		b.Run(c.Name, func(b *testing.B) {
			s := standard(b, c)
			anon, err := s.Anonymous()
			if err != nil {
				b.Fatal(err)
			}
			cookies := contest.Header(s.CookieName(), anon)
			b.Run("verify", func(b *testing.B) { loop(b, verifyOp(s, s.Value(), contest.UserID)) })
			b.Run("seal", func(b *testing.B) { loop(b, func() error { _, err := s.Seal(); return err }) })
			b.Run("login", func(b *testing.B) { loop(b, func() error { _, err := s.Login(cookies); return err }) })
			b.Run("forged", func(b *testing.B) { loop(b, verifyOp(s, contest.Forged(s.Value()), "")) })
			b.Run("garbage", func(b *testing.B) { loop(b, verifyOp(s, contest.Garbage(len(s.Value())), "")) })
		})
	}
}

// BenchmarkCodec is the JWE codec alone, and the bare AES-GCM it is held
// against.
func BenchmarkCodec(b *testing.B) {
	cases, err := contest.Codec()
	if err != nil {
		b.Fatal(err)
	}
	floor, err := contest.NewFloor(contest.PlaintextLen(standard(b, contest.Hardtack).Value()))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare open", func(b *testing.B) { loop(b, floor.Open) })
	b.Run("bare seal", func(b *testing.B) { loop(b, floor.Seal) })
	b.Run("seal", func(b *testing.B) { loop(b, cases[0].Seal) })
	for _, c := range cases {
		b.Run(c.Name, func(b *testing.B) { loop(b, c.Op) })
	}
}

// BenchmarkMarks is one judgement by marks that could end a session, and a verify with
// them.
func BenchmarkMarks(b *testing.B) {
	for _, n := range markCounts {
		set := contest.Marked(n)
		b.Run(fmt.Sprintf("judge/%d", n), func(b *testing.B) { loop(b, contest.Judge(set, 1)) })
		b.Run(fmt.Sprintf("judge/%d/sessions=100000", n), func(b *testing.B) { loop(b, contest.Judge(set, 100_000)) })
		s, err := contest.Hardtack.Open(contest.Options{Marks: set})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("verify/%d", n), func(b *testing.B) { loop(b, verifyOp(s, s.Value(), contest.UserID)) })
	}
}

// A contestant that lets anybody else in fails the run.
func TestWrongUserFailsTheRun(t *testing.T) {
	s, err := contest.Hardtack.Open(contest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if verifyOp(s, contest.Forged(s.Value()), contest.UserID)() == nil || verifyOp(s, s.Value(), "")() == nil {
		t.Error("a wrong answer passed")
	}
}

// The report's files and charts hold a row for every result.
func TestReportFiles(t *testing.T) {
	b := &bench{dir: ".", options: optionsForTest, began: time.Now()}
	if err := b.scaling(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := b.Write(dir); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, dir, &b.Report)
}
