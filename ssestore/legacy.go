package ssestore

import (
	"errors"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// loadLegacy notes which legacy cookies came with the request, so that the next write
// deletes them, and takes a session over from the first that yields one. It does that
// only if no value under the session cookie's name has our shape: a session that
// expired or ended here must not come back through the old cookie, and a failed check
// must not fall back to a weaker decoder (CVE-2026-39324).
func (p *state) loadLegacy(lines []string, seen sight) {
	s := p.store
	done := seen.ours
	for i := range s.legacy {
		l := &s.legacy[i]
		if !p.now.Before(l.until) {
			continue
		}
		// Under a shared name, only a value that is foreign to us can be theirs.
		if l.cookie.Name() == s.cookie.Name() && !seen.foreign {
			continue
		}
		var space [cookie.MaxCandidates + 1]string
		values := l.cookie.Find(space[:0], lines)
		if len(values) == 0 {
			continue
		}
		p.legacy |= 1 << i
		if done {
			continue
		}
		reason := p.takeOver(l, values)
		switch reason {
		case cookie.ReasonNone, cookie.ReasonAmbiguous, cookie.ReasonEnded, cookie.ReasonRevoked, cookie.ReasonUnverified:
			p.reason, done = reason, true
			continue
		}
		// Of several that failed, another program's cookie is the least news.
		if reason != cookie.ReasonForeign || p.reason == cookie.ReasonNone {
			p.reason = reason
		}
	}
}

// takeOver opens the values of a legacy cookie and migrates the only one that opens.
// No verdict here leads to a deletion, because the cookie is another system's.
func (p *state) takeOver(l *legacy, values []string) cookie.Reason {
	if len(values) > cookie.MaxCandidates {
		return cookie.ReasonAmbiguous
	}
	var opened cookie.Opened
	value, valid := "", 0
	verdict := cookie.ReasonForeign
	for _, v := range values {
		o, err := l.codec.Open(p.keys(), v)
		if err == nil {
			opened, value = o, v
			valid++
		} else if reason := cookie.ReasonOf(err); reason != cookie.ReasonForeign {
			verdict = reason
		}
	}
	switch valid {
	case 0:
		return verdict
	case 1:
		return p.migrate(l, value, opened)
	}
	return cookie.ReasonAmbiguous
}

func (p *state) migrate(l *legacy, value string, o cookie.Opened) cookie.Reason {
	iat := o.Issued.Unix()
	switch {
	case o.Issued.IsZero() || iat <= 0:
		p.notMigrated(ErrUndated)
		return cookie.ReasonForeign
	case iat > p.sec+leeway:
		return cookie.ReasonFuture
	}
	p.c = claims.Claims{SID: legacySID(l, value), Iat: min(iat, p.sec), Rnw: p.sec, Per: p.store.persistent}
	p.data = dataIndexed

	p.phase = phaseMigrating // nobody else has the session yet
	err := l.migrate(&p.pub, o.Plaintext)
	p.phase = phaseOpen
	p.forget()
	if p.rare != nil {
		p.rare.wish, p.rare.wishEnd = wishNone, 0
	}
	p.c.Exp = p.c.Iat + p.store.profile(p.c.Per).absolute

	reason := p.store.judge(&p.c, p.sec)
	if err == nil && p.empty() {
		err = errNothing
	}
	switch {
	case err != nil:
		p.notMigrated(err)
		reason = cookie.ReasonForeign
	case reason == cookie.ReasonNone && p.isEnded(&p.c):
		reason = cookie.ReasonEnded
	case reason == cookie.ReasonNone && p.store.marks != nil:
		reason = p.marked(&p.c)
	}
	switch reason {
	case cookie.ReasonNone:
	case cookie.ReasonUnverified:
		p.holdUnverified()
	default:
		p.wipe()
		return reason
	}
	p.origin = originMigrated
	return reason
}

// notMigrated notes why a legacy cookie that opened gave no session.
func (p *state) notMigrated(err error) {
	r := p.writeRare()
	r.notMigrated = errors.Join(r.notMigrated, err)
}

var errNothing = errors.New("ssestore: Migrate set no value and named no user")
