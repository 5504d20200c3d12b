package ssestore

import (
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// Commit ends this request's use of the session and returns what the response must
// carry. status is the status of the response; 0 means 200. Call Commit once, before
// the first byte of the response, and don't call it after a panic.
//
// Whatever the handler asked for (Set, Pop, Delete, Clear, Login, Logout …) is written
// if the status is below 500. Clear and Logout delete the cookie at any status.
// Unsolicited writes (a renewal, a reseal, the deletion of a session that is over) also
// need a session that was accessed and a status below 500 other than 304, and
// [Session.Limit] must allow them. A session that nobody touched sends nothing.
//
// Errors: ErrNoSession; ErrCommitted the second time; and, if the session couldn't be
// written, cookie.ErrNoPrimary, *cookie.SizeError or ErrUnconfirmed. The Outcome is
// valid even if there is an error: merge it in any case. If an unsolicited write fails,
// that isn't an error, because the handler's answer is complete without it; see
// Outcome.Skipped.
func (s *Session) Commit(status int) (Outcome, error) {
	p := s.lock()
	if p == nil {
		return Outcome{}, ErrNoSession
	}
	defer p.mu.Unlock()
	switch p.phase {
	case phaseMigrating:
		return Outcome{}, ErrMigrate
	case phaseCommitted:
		return Outcome{}, ErrCommitted
	}
	out := Outcome{KeyID: p.key.ID()}
	err := p.write(&out, p.decide(status))
	p.phase = phaseCommitted
	out.Refused = p.reason
	if p.rare != nil {
		out.Unreadable, out.NotMigrated, out.Unpublished = p.rare.unreadable, p.rare.notMigrated, p.rare.unpublished
	}
	out.ReadOnly = p.readOnly()
	out.User = p.c.Sub != "" && p.proof != proofNone
	out.Impersonated = p.c.Sub != "" && p.actor() != nil
	out.Vary = p.use >= useRead || len(out.SetCookie) > 0
	out.Private = p.private || len(out.SetCookie) > 0
	out.Personal = p.use >= useRead && p.origin != originNew
	return out, err
}

// action is what Commit does with the cookies.
type action uint8

const (
	doNothing action = iota
	doSave           // write what the handler asked for
	doRenew          // write though nobody asked: renewal, reseal, new stamp
	doReplace        // write what followed the end of the session that came
	doEnd            // delete what the handler ended or emptied
	doDrop           // delete what is over, though nobody asked
	doTidy           // delete what is in the way in a former place
)

// decide picks the action. The first row that applies decides.
func (p *state) decide(status int) action {
	if p.readOnly() {
		return doNothing
	}
	held := p.phase == phaseHeld
	saved := status < 500 && !held
	over := p.ending == endingLoggedOut || p.ending == endingCleared && !held
	changed, empty := p.use == useChange, p.empty()
	switch {
	case over && saved && !empty:
		return doReplace
	case over: // at any status
		return doEnd
	case !saved:
		return doNothing
	case changed && !empty:
		return doSave
	case changed && p.came():
		return doEnd

	// From here on nobody asked.
	case p.use == useNone, status == 304, p.newer():
		return doNothing
	case p.origin == originRefused && p.limit == WritesAll:
		return doDrop
	case p.came() && p.wantsWrite():
		return doRenew
	case p.limit == WritesAll && p.rare != nil && p.rare.tidy:
		return doTidy
	}
	return doNothing
}

// write does what decide picked.
func (p *state) write(out *Outcome, do action) error {
	switch do {
	case doSave:
		return p.seal(out, true)
	case doReplace:
		err := p.seal(out, true)
		if err != nil { // the old session goes all the same
			p.delete(out, true)
		}
		return err
	case doRenew:
		out.Skipped = p.seal(out, false)
	case doEnd:
		p.delete(out, true)
	case doDrop:
		p.delete(out, false)
	case doTidy:
		p.deleteFormer(out)
	}
	return nil
}

// newer reports whether the session came under a newer key than the one this instance
// seals with. The instance then only reads it, and writes nothing unasked: in the
// middle of a rotation, two instances would otherwise reseal the session back and
// forth. The key of the stamp counts too. If that key is unknown, it is assumed to be
// newer.
func (p *state) newer() bool {
	primary := p.keys().Primary()
	if p.key.Compare(primary) > 0 { // also if there is no primary
		return true
	}
	if p.c.Stk == (claims.Kid{}) {
		return false
	}
	newer := func(kid string) bool {
		stamped, ok := p.keys().Key(kid)
		return !ok || stamped.Compare(primary) > 0
	}
	if a := p.actor(); a != nil && newer(a.Stamp.KeyID) {
		return true
	}
	return newer(p.c.Stk.String())
}

// wantsWrite reports whether a session that came with the request should be written
// though nobody asked.
func (p *state) wantsWrite() bool {
	moves := p.key.Compare(p.keys().Primary()) < 0 // also a migrated one: it has no key
	if p.c.Sub != "" && p.proof == proofNone && moves {
		// Seal and stamp move together, and the stamp moves only if GetUser verified
		// it. Otherwise, anyone with a retired key could get a forged session resealed.
		return false
	}
	if p.limit <= WritesRenewOnly && (p.renews() || p.origin == originMigrated) {
		// It carries reseal and stamp with it. A session of an earlier system was never
		// renewed here, and a visitor who only fetches would stay there for ever.
		return true
	}
	return p.limit == WritesAll && (moves || p.moved() || p.freshStamp())
}

// freshStamp reports whether Confirm brought a stamp to replace the old one, made under
// the same primary that this response seals with.
func (p *state) freshStamp() bool {
	if p.rare == nil || p.rare.fresh == nil {
		return false
	}
	kid := p.rare.fresh.KeyID
	return kid == p.keys().Primary().ID() && (kid != p.c.Stk.String() || p.rare.freshActor != nil)
}

// seal writes the session under the primary.
func (p *state) seal(out *Outcome, solicited bool) error {
	if p.proof == proofNone && p.adopted() {
		return ErrUnconfirmed
	}
	c := &p.c
	if c.SID == (claims.SID{}) {
		*c = claims.Claims{SID: p.newSID(""), Iat: p.sec, Rnw: p.sec, Per: p.store.persistent}
		p.applyWishes()
		c.Exp = p.sec + p.store.profile(c.Per).absolute
	}
	remaining := p.store.end(c) - p.sec
	if remaining <= 0 { // ExpireAt in the past, or Remember(false) on an old session
		p.bury()
		p.ending = max(p.ending, endingCleared)
		p.delete(out, solicited)
		return nil
	}

	// A renewal that is due goes along with every write, which sends a cookie anyway.
	renew := p.limit < WritesNone && p.renews()
	if renew {
		c.Rnw = p.sec // later than it was, or it would not be due
	}
	restamp := p.freshStamp()
	if restamp {
		p.setStamp(*p.rare.fresh)
		if a := p.rare.freshActor; a != nil {
			p.replace(withMember(p.members(), a.member()))
		}
	}
	if p.data == dataChanged {
		c.D = claims.AppendData(nil, p.values.members)
	}

	plaintext := c.Append(make([]byte, 0, claims.MaxEnvelope+len(c.D)))
	value, err := p.store.codec.Seal(p.keys(), plaintext)
	if err != nil {
		return err
	}
	primary := p.keys().Primary()
	primary.CountSeal()
	maxAge := time.Duration(0) // browser session
	if c.Per {
		maxAge = time.Duration(remaining) * time.Second
	}
	line, err := p.store.cookie.Set(value, p.now, maxAge)
	if err != nil {
		return err
	}
	out.SetCookie = make([]string, 0, 2) // the session and the barrier
	all := solicited || p.limit == WritesAll
	if all {
		// First: by RFC 6265 section 5.3, unlike its successor, Domain=app.example
		// and no Domain at app.example are one place.
		p.deleteFormer(out)
	}
	out.SetCookie = append(out.SetCookie, line)
	p.sendBarrier(out)
	if all {
		p.deleteLegacy(out)
	}

	order := p.key.Compare(primary)
	out.KeyID = primary.ID()
	out.Bytes = len(p.store.cookie.Name()) + len(value)
	out.Renewed = renew || p.rare != nil && p.rare.renewed
	out.Restamped = restamp || p.proof == proofRestamped
	out.Resealed = p.origin == originLoaded && order < 0
	out.OlderPrimary = order > 0
	out.Migrated = (p.origin == originMigrated || p.moved()) && p.ending == endingNo && p.proof < proofBegun
	out.KeyWorn = primary.Counters().Worn
	return nil
}

// delete deletes the request's cookies: ours, and those of the earlier system, which
// would bring the session back.
func (p *state) delete(out *Outcome, solicited bool) {
	if p.present {
		out.SetCookie = append(out.SetCookie, p.store.cookie.Delete())
	}
	p.deleteFormer(out)
	out.Deleted = p.cookies()
	if solicited {
		p.sendBarrier(out)
	}
	p.deleteLegacy(out)
}

func (p *state) sendBarrier(out *Outcome) {
	if line := p.barrierLine(); line != "" {
		p.deleteFormerBarriers(out)
		out.SetCookie = append(out.SetCookie, line)
	}
}

func (p *state) deleteLegacy(out *Outcome) {
	for i := range p.store.legacy {
		l := &p.store.legacy[i]
		if p.legacy&(1<<i) == 0 {
			continue
		}
		seen := pieces(1)
		if p.rare != nil && p.rare.pieces[i] != 0 {
			seen = p.rare.pieces[i]
		}
		// Under the same name, domain and path our own line overwrites it.
		switch {
		case seen&1 == 0, l.sameSlot:
		case l.cookie.Name() == p.store.cookie.Name():
			out.SetCookie = slices.Insert(out.SetCookie, 0, l.cookie.Delete()) // first; see seal
		default:
			out.SetCookie = append(out.SetCookie, l.cookie.Delete())
		}
		for j, other := range l.others {
			if seen&(2<<j) != 0 {
				out.SetCookie = append(out.SetCookie, other.Delete())
			}
		}
	}
}
