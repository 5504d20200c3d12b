package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

// An entrant is an opened contestant.
type entrant struct {
	contest.Contestant
	contest.Session
}

// contest measures every operation of every contestant.
func (b *bench) contest() error {
	var entrants []entrant
	defer func() {
		for _, e := range entrants {
			e.Close()
		}
	}()
	field := []contest.Contestant{contest.Hardtack, sixteen(contest.Hardtack), contest.HardtackGorilla}
	field = append(field, contest.All()[2:]...)
	for _, c := range field {
		s, err := c.Open(contest.Options{})
		if errors.Is(err, contest.ErrNoRedis) {
			b.note("%s: %v", c.Name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		entrants = append(entrants, entrant{c, s})
		b.Entries = append(b.Entries, report.Entry{Name: c.Name, Encrypts: c.Encrypts, Lacks: c.Lacks, Wire: len(s.CookieName()) + 1 + len(s.Value())})
	}
	floor, err := contest.NewFloor(contest.PlaintextLen(entrants[0].Value()))
	if err != nil {
		return err
	}
	pipeline, err := contest.NewPipeline()
	if err != nil {
		return err
	}
	node, err := contest.StartNode(filepath.Join(b.dir, "node"))
	switch {
	case errors.Is(err, contest.ErrNoNode):
		b.note("%v", err)
	case err != nil:
		return err
	default:
		defer node.Close()
		b.Machine.Node = output("node", "--version")
		for _, c := range contest.NodeCases {
			_, wire, err := node.Do(c.Name, "verify", 1, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			b.Entries = append(b.Entries, report.Entry{Name: c.Name, Encrypts: true, Lacks: c.Lacks, Wire: wire})
		}
	}

	verify := []measure.Case{{Name: "floor (AES-GCM + HMAC)", Op: floor.Verify}}
	limit := []measure.Case{{Name: "bare pipeline", Op: verifyOp(pipeline, pipeline.Value(), contest.UserID)}}
	open := []measure.Case{{Name: "bare GCM open", Op: floor.Open}}
	seal := []measure.Case{{Name: "bare GCM seal", Op: floor.Seal}}
	login := []measure.Case{{Name: "bare GCM seal", Op: floor.Seal}}
	forged := []measure.Case{{Name: "floor (AES-GCM + HMAC)", Op: floor.Verify}}
	garbage := []measure.Case{{Name: "floor (AES-GCM + HMAC)", Op: floor.Verify}}
	for _, e := range entrants {
		name := e.Contestant.Name
		verify = append(verify, measure.Case{Name: name, Op: verifyOp(e.Session, e.Value(), contest.UserID)})
		forged = append(forged, measure.Case{Name: name, Op: verifyOp(e.Session, contest.Forged(e.Value()), "")})
		garbage = append(garbage, measure.Case{Name: name, Op: verifyOp(e.Session, contest.Garbage(len(e.Value())), "")})
		seal = append(seal, measure.Case{Name: name, Op: func() error { _, err := e.Seal(); return err }})
		anon, err := e.Anonymous()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		cookies := contest.Header(e.CookieName(), anon)
		login = append(login, measure.Case{Name: name, Op: func() error { _, err := e.Login(cookies); return err }})
	}
	limit = append(limit, verify[0], verify[1])
	codec, err := contest.Codec()
	if err != nil {
		return err
	}
	for _, c := range codec {
		open = append(open, measure.Case{Name: c.Name, Op: c.Op})
	}
	sealCodec := append(seal[:1:1], measure.Case{Name: "Hardtack codec alone", Op: codec[0].Seal})
	seal = append(sealCodec, seal[1:]...)
	if node != nil {
		add := func(to *[]measure.Case, op string) {
			for _, c := range contest.NodeCases {
				*to = append(*to, measure.Case{Name: c.Name, Batch: func(n int) (time.Duration, error) {
					d, _, err := node.Do(c.Name, op, n, 0)
					return d, err
				}})
			}
		}
		add(&verify, "verify")
		add(&seal, "seal")
		add(&forged, "forged")
		add(&garbage, "garbage")
	}
	for _, t := range []struct {
		id, title string
		cases     []measure.Case
	}{
		{"verify", "Verify: from the raw Cookie header to the trusted user", verify},
		{"limit", "Verify against the bare pipeline: the same parts without session object, locks and callbacks", limit},
		{"open", "Codec alone: open, and refuse", open},
		{"seal", "Seal: write the session anew", seal},
		{"login", "Login: an anonymous session becomes a user's", login},
		{"forged", "Refuse a forged cookie (one character changed)", forged},
		{"garbage", "Refuse garbage under the session's name", garbage},
	} {
		if err := b.measure(report.Table{ID: t.id, Title: t.title}, t.cases); err != nil {
			return err
		}
	}
	b.note("verify ÷ floor %.2f, verify ÷ pipeline %.2f", b.Table("verify").Rows[1].Ratio, b.Table("limit").Rows[2].Ratio)
	return nil
}

// A verifier is a contest.Session, or the bare pipeline.
type verifier interface {
	CookieName() string
	Verify(cookies []string) (string, error)
}

// verifyOp is one verify whose answer must be the user want, or nobody.
func verifyOp(s verifier, value, want string) func() error {
	cookies := contest.Header(s.CookieName(), value)
	return func() error {
		id, err := s.Verify(cookies)
		if id != want || (err == nil) != (want != "") {
			return fmt.Errorf("the answer is not the right user: %w", err)
		}
		return nil
	}
}

// sixteen returns a contestant with a full ring, whose newest key seals.
func sixteen(c contest.Contestant) contest.Contestant {
	open := c.Open
	c.Name += " (16 keys)"
	c.Open = func(o contest.Options) (contest.Session, error) {
		o.Keys = 16
		return open(o)
	}
	return c
}
