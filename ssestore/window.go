package ssestore

import (
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/config"
)

// minWindow is the shortest verification window in seconds. The clocks of a fleet may
// differ by as much (leeway), and a session in use gets two cookies per window.
const minWindow = 60

// checkWindow checks Config.RenewVerified and returns it in seconds. 0 turns it off.
func (s *Store) checkWindow(d time.Duration, faults *config.Faults) int64 {
	longest := time.Duration(min(s.browser.idle, s.persist.idle)) * time.Second
	if d != 0 && (d < minWindow*time.Second || d > longest || d%time.Second != 0) {
		faults.Add("RenewVerified", "must be whole seconds, at least a minute and at most Idle and PersistentIdle")
	}
	return int64(d / time.Second)
}

// due reports whether the idle time should restart.
func (s *Store) due(c *claims.Claims, now int64) bool {
	// Multiply rather than divide: an idle time under 6 seconds would become 0.
	age := now - c.Rnw
	// Half the window: a user who comes back that often is never outside of it.
	return age*renewals >= s.profile(c.Per).idle || s.window > 0 && c.Sub != "" && age*2 >= s.window
}

// renews reports whether a write restarts the idle time: a renewal is due, and the user
// was verified if the time of the renewal has to say so.
func (p *state) renews() bool {
	return p.store.due(&p.c, p.sec) && p.vouched()
}

// vouched reports whether a renewal now would be true to what Config.RenewVerified says
// of it.
func (p *state) vouched() bool {
	return p.store.window == 0 || p.c.Sub == "" || p.proof != proofNone
}

// Within returns who is logged in, without asking a user store, if the user was last
// verified no longer ago than Config.RenewVerified: in this request, or in the one in
// which the session was last renewed. Otherwise, and without RenewVerified, it returns
// "" and false. Package auth has it as auth.Within, and says what it is for.
func (r Principal) Within() (id string, ok bool) {
	p := r.s.lock()
	if p == nil {
		return "", false
	}
	defer p.mu.Unlock()
	p.access()
	if p.store == nil || p.store.window == 0 || p.c.Sub == "" {
		return "", false
	}
	if p.proof == proofNone {
		// A reason is what this request has found out against the user. A session that
		// has just been taken over from another system was verified by nobody.
		if p.origin != originLoaded || p.reason != cookie.ReasonNone || p.sec-p.c.Rnw > p.store.window {
			return "", false
		}
	}
	if a := p.actor(); a != nil && a.ID == "" {
		return "", false // nobody's, see Actor
	}
	return p.c.Sub, true
}
