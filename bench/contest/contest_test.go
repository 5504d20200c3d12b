package contest_test

import (
	"errors"
	"testing"

	"github.com/hardtack-go/hardtack/bench/contest"
)

func TestContestants(t *testing.T) {
	for _, c := range contest.All() {
		t.Run(c.Name, func(t *testing.T) {
			for _, o := range []contest.Options{{}, {Data: 1000, Keys: 4}} {
				s, err := c.Open(o)
				if errors.Is(err, contest.ErrNoRedis) {
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
