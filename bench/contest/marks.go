package contest

import (
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

// Marked returns a set of n marks that are about nobody in the contest: nine of ten end
// a session, the others a user.
func Marked(n int) *marks.Set {
	set := marks.New(marks.Policy{Max: 2 * n})
	now := time.Now()
	some := make([]marks.Mark, 0, 1000)
	for i := range n {
		m := marks.Mark{Kind: marks.Session, ID: fmt.Sprintf("%022d", i), Until: now.Unix() + 86_400}
		if i%10 == 0 {
			m.Kind, m.Before = marks.User, now.Unix()
		}
		if some = append(some, m); len(some) == cap(some) || i == n-1 {
			set.Apply(now, some...)
			some = some[:0]
		}
	}
	set.Fresh(now)
	return set
}

// Judge returns an operation that judges sessions that haven't ended, each of a user of
// its own, in turn.
func Judge(set *marks.Set, sessions int) func() error {
	now := time.Now().Unix()
	abouts := make([]marks.About, sessions)
	for i := range abouts {
		abouts[i] = marks.About{Session: fmt.Sprintf("x%021d", i), User: fmt.Sprintf("u%d", i), Issued: now - 10, Now: now}
	}
	i := 0
	return func() error {
		if i++; i >= len(abouts) {
			i = 0
		}
		if set.Judge(abouts[i]) != cookie.ReasonNone {
			return errors.New("contest: a session ended that no mark is about")
		}
		return nil
	}
}
