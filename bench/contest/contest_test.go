package contest_test

import (
	"errors"
	"os"
	"testing"

	"github.com/hardtack-go/hardtack/bench/contest"
)

// The pipeline does the job: it tells its own value from every other.
func TestPipeline(t *testing.T) {
	p, err := contest.NewPipeline()
	if err != nil {
		t.Fatal(err)
	}
	other, err := contest.NewPipeline()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{
		"forged": contest.Forged(p.Value()), "garbage": contest.Garbage(len(p.Value())), "another key": other.Value(), "none": "", "two": p.Value() + "; " + p.CookieName() + "=x",
	} {
		if id, err := p.Verify(contest.Header(p.CookieName(), v)); err == nil || id != "" {
			t.Errorf("%s: Verify = %q, %v", name, id, err)
		}
	}
	cookies := contest.Header(p.CookieName(), p.Value())
	if id, err := p.Verify(cookies); err != nil || id != contest.UserID {
		t.Errorf("Verify = %q, %v", id, err)
	}
	if n := testing.AllocsPerRun(100, func() { p.Verify(cookies) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestContestants(t *testing.T) {
	for _, c := range contest.All() {
		t.Run(c.Name, func(t *testing.T) {
			for _, o := range []contest.Options{{}, {Data: 1000, Keys: 4}} {
				s, err := c.Open(o)
				if errors.Is(err, contest.ErrNoRedis) && os.Getenv("HARDTACK_CI") != "1" {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				t.Log(len(s.CookieName()) + 1 + len(s.Value()))
				if id, err := s.Verify(contest.Header(s.CookieName(), s.Value())); err != nil || id != contest.UserID {
					t.Errorf("Verify = %q, %v", id, err)
				}
				for name, v := range map[string]string{"forged": contest.Forged(s.Value()), "garbage": contest.Garbage(len(s.Value()))} {
					if id, err := s.Verify(contest.Header(s.CookieName(), v)); err == nil || id != "" {
						t.Errorf("%s: Verify = %q, %v", name, id, err)
					}
				}
				anon, err := s.Anonymous()
				if err != nil {
					t.Fatal(err)
				}
				if id, err := s.Verify(contest.Header(s.CookieName(), anon)); err == nil || id != "" {
					t.Errorf("anonymous: Verify = %q, %v", id, err)
				}
				v, err := s.Login(contest.Header(s.CookieName(), anon))
				if err != nil {
					t.Fatal(err)
				}
				if id, err := s.Verify(contest.Header(s.CookieName(), v)); err != nil || id != contest.UserID {
					t.Errorf("after Login: Verify = %q, %v", id, err)
				}
			}
		})
	}
}
