package ssestore

import (
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

const (
	// leeway is how many seconds iat, auth_time and rnw may be in the future, because
	// the clocks of a fleet differ. There is none at the other end, where it would
	// lengthen a session.
	leeway = 60

	// young is how old, in seconds, the last login, renewal or new stamp may be for
	// a session to be young. A user store may be read through replicas that lag; a
	// minute is more than they do while they are healthy.
	young = 60

	// renewals is how many renewals fit into an idle time. Renewing in every request
	// would write a cookie in every response, so a renewal is due only after a sixth of
	// the idle time. A session thus lives for at least 5/6 of Idle after its last use.
	renewals = 6
)

// end returns when the session is over whatever happens, in Unix seconds. It is the
// first of the end fixed at login, the end set for this session, and the absolute
// timeout as configured now.
func (s *Store) end(c *claims.Claims) int64 {
	began := c.Iat
	if c.AuthTime != 0 { // Reissue moves iat and lengthens nothing
		began = min(began, c.AuthTime)
	}
	end := min(c.Exp, began+s.profile(c.Per).absolute)
	if c.End != 0 {
		end = min(end, c.End)
	}
	return end
}

// judge returns the verdict on a session with these claims at now.
//
// Future comes before expired, because it forbids a deletion: if clocks disagree,
// another instance may know better.
func (s *Store) judge(c *claims.Claims, now int64) cookie.Reason {
	if max(c.Iat, c.AuthTime, c.Rnw) > now+leeway {
		return cookie.ReasonFuture
	}
	if now >= s.end(c) || now-c.Rnw > s.profile(c.Per).idle {
		return cookie.ReasonExpired
	}
	return cookie.ReasonNone
}

// end is Store.end for the session of this request. One that another system writes ends
// when that system says, which Exp has.
func (p *state) end(c *claims.Claims) int64 {
	switch {
	case !p.readOnly():
		return p.store.end(c)
	case c.End != 0:
		return min(c.Exp, c.End)
	}
	return c.Exp
}

// judge is Store.judge for the session of this request. One that another system writes
// has no idle time here: only that system knows when it was last used.
func (p *state) judge(c *claims.Claims) cookie.Reason {
	switch {
	case !p.readOnly():
		return p.store.judge(c, p.sec)
	case max(c.Iat, c.AuthTime) > p.sec+leeway:
		return cookie.ReasonFuture
	case p.sec >= p.end(c):
		return cookie.ReasonExpired
	}
	return cookie.ReasonNone
}
