package ssestore

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

// A Principal is the side of a session that package auth works with: who the session
// says is logged in, and the steps that change it. Handlers don't need it. They call
// the methods of an auth.Manager, which run the application's hooks around these.
//
// [Session.Principal] returns it. A Principal is a view of its Session and stays
// valid as long as the Session does. There can be any number of them. It is safe for
// concurrent use. The zero Principal, and that of a nil Session, name nobody and
// refuse every change with [ErrNoSession].
type Principal struct{ s *Session }

// Principal returns the side of the session that package auth works with. The example
// shows how to write such a package yourself. It doesn't allocate.
func (s *Session) Principal() Principal { return Principal{s} }

// Format prints a redacted form under every verb.
func (r Principal) Format(f fmt.State, _ rune) { f.Write([]byte("ssestore.Principal(redacted)")) }

// An Identity is who a session says is logged in.
type Identity struct {
	// ID is the user's id, or "" if nobody is logged in.
	ID string
	// AuthTime is when the user logged in, to the second, in UTC.
	AuthTime time.Time
	// Stamp is the stamp made at login.
	Stamp Stamp
	// Adopted says that the user was taken over from a legacy cookie in this request
	// and has no stamp yet. Earlier changes of the password went undetected.
	Adopted bool
	// Actor is who is behind the session, if that isn't the user; see
	// [Principal.Become]. Nearly always nil.
	Actor *Actor
	// Young: logged in, renewed or restamped within the last minute.
	Young bool
	// Unverified says that [Config].Marks can't tell whether the session was ended, or
	// that an earlier system's store, which knows the user, didn't answer (see [Legacy]).
	// Answer as when the user store is down: the session is held already.
	Unverified bool

	epoch uint32 // of the state when it was read
}

// Identity returns who the session says is logged in. This isn't verified: the caller
// must find out whether the user exists and the stamp still matches. Package auth does
// that, or you can do it yourself:
//
//	p := s.Principal()
//	who := p.Identity()
//	// Load the user. Or: p.Refuse(who, cookie.ReasonBadUserID), or p.Hold() if the store is down.
//	age, ok, err := p.Check(who.Stamp, who.ID, user.PasswordHash)
//	// Neither ok nor an error: p.Refuse(who, cookie.ReasonStampMismatch).
//	// ok: p.Confirm(who, fresh), with a stamp under the primary if age < 0.
//
// It doesn't allocate.
func (r Principal) Identity() Identity {
	p := r.s.lock()
	if p == nil {
		return Identity{}
	}
	defer p.mu.Unlock()
	var who Identity
	p.identify(&who)
	return who
}

// identify fills in who is logged in. It leaves the zero Identity for nobody.
func (p *state) identify(who *Identity) {
	p.access()
	if p.c.Sub == "" {
		// An earlier system's store that can't be asked may know somebody.
		who.Unverified = p.unverified() && p.ending == endingNo
		return
	}
	who.ID = p.c.Sub
	who.AuthTime = unix(p.c.AuthTime)
	who.Stamp.KeyID, who.Stamp.Sum = p.stampKid(), p.c.Stp
	who.Adopted = p.adopted()
	who.Unverified = p.unverified()
	who.Young = p.sec-max(p.c.AuthTime, p.c.Rnw) <= young
	who.Actor = p.actor()
	who.epoch = p.epoch
}

// Confirm says that who, which came from Identity or Memo, was verified: the user
// exists, and the stamp matched. The session may then be resealed and renewed, and
// the response is private.
//
// If fresh has a KeyID, it replaces the stamp, but only if the session is written in
// this request: seal and stamp move to the primary together. If who has an Actor,
// fresh comes with a new stamp in who.Actor, under the same key, which moves as well.
// Nobody else can become the actor in this way.
//
// Errors, with nothing changed: ErrNoSession; ErrMigrate within Legacy.Migrate; ErrHeld
// if who is Unverified; and ErrNobody if the session no longer names who, because
// somebody has logged in or out in the meantime. In that case, call Identity again.
func (r Principal) Confirm(who Identity, fresh Stamp) error {
	p, err := r.judged(&who)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	if p.unverified() {
		return ErrHeld
	}
	p.private = true
	p.proof = max(p.proof, proofConfirmed)
	if fresh.KeyID != "" {
		kept, r := fresh, p.writeRare()
		r.fresh, r.freshActor = &kept, nil
		if is, moved := p.actor(), who.Actor; is != nil && moved != nil && moved.ID == is.ID &&
			moved.Stamp.KeyID == fresh.KeyID && fresh.KeyID != is.Stamp.KeyID {
			r.freshActor = moved
		}
	} else {
		p.dropFresh()
	}
	return nil
}

// judged returns the state, locked, if the session is still the one that who was read
// from. It compares while holding the lock that the caller then changes the session
// under, so that a verdict can't hit somebody else's session.
func (r Principal) judged(who *Identity) (*state, error) {
	p := r.s.lock()
	if p == nil {
		return nil, ErrNoSession
	}
	var err error
	switch {
	case p.phase == phaseMigrating:
		err = ErrMigrate
	case who.ID == "" || who.ID != p.c.Sub || who.epoch != p.epoch:
		err = ErrNobody
	}
	if err != nil {
		p.mu.Unlock()
		return nil, err
	}
	p.access()
	return p, nil
}

// Begin starts the session of a user who has just logged in. The session gets a new
// id, the times of its creation, login and renewal are now, and it has the full
// lifetimes of its profile. With a zero Stamp it has no stamp.
//
// Begin keeps the values whose names keep accepts; a nil keep accepts all. keep must
// not use the session. The profile is the one chosen by [Session.Remember] in this
// request. Otherwise it is that of the previous session if some of its data was kept,
// and that of [Config].Persistent if not. An [Session.ExpireAt] in this request still
// holds, and an earlier one is dropped.
//
// Errors, with nothing changed: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime,
// ErrBadID, cookie.ErrNoPrimary; ErrUnknownKey for a Stamp that no key can have made;
// and a *cookie.SizeError if the data that is kept doesn't fit into the cookie along
// with the id.
func (r Principal) Begin(id string, st Stamp, keep func(name string) bool) error {
	p, err := r.s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	switch {
	case p.phase == phaseMigrating:
		return ErrMigrate
	case !claims.ValidSub(id):
		return ErrBadID
	case st.KeyID != "" && !claims.ValidKid(st.KeyID):
		return ErrUnknownKey
	}
	if p.keys().Primary().ID() == "" {
		return cookie.ErrNoPrimary
	}
	// The library's own members don't stay. They are looked for only if there may be any.
	filtered := keep != nil || p.data == dataChanged || hasReserved(p.c.D)
	var kept []claims.Member
	size := p.dataSize()
	if filtered || size > p.store.dataLimit(id) { // nearly always nobody looks at them
		kept = slices.DeleteFunc(slices.Clone(p.members()), func(m claims.Member) bool {
			return m.Name[0] == reserved || keep != nil && !keep(m.Name)
		})
		if err := p.fits(id, kept); err != nil {
			return err
		}
		size = sizeOf(kept)
	}
	p.bury()
	per := p.c.Per
	if p.c.SID == (claims.SID{}) || size == 0 {
		per = p.store.persistent
	}
	if filtered {
		p.replace(kept)
	}
	p.c = claims.Claims{
		SID: p.newSID(id), Iat: p.issued(id), AuthTime: p.sec, Rnw: p.sec,
		Per: per, Sub: id, D: p.c.D,
	}
	p.setStamp(st)
	p.applyWishes()
	p.c.Exp = p.sec + p.store.profile(p.c.Per).absolute
	p.forget()
	p.dropFresh()
	p.proof, p.private = proofBegun, true
	p.change()
	return nil
}

// applyWishes makes this request's Remember and ExpireAt hold for a new session.
func (p *state) applyWishes() {
	p.c.End = 0
	if p.rare == nil {
		return
	}
	if p.rare.wish != wishNone {
		p.c.Per = p.rare.wish == wishPersistent
	}
	p.c.End = p.rare.wishEnd // 0 if none was wished
}

// Restamp gives the session of a user a new stamp after the field changed. It
// keeps the session id and all times but that of the renewal, which is now.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime; ErrNobody if nobody is
// logged in.
func (r Principal) Restamp(st Stamp) error {
	p, err := r.s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	if p.phase == phaseMigrating {
		return ErrMigrate
	}
	if p.c.Sub == "" {
		return ErrNobody
	}
	if st.KeyID != "" && !claims.ValidKid(st.KeyID) {
		return ErrUnknownKey
	}
	p.setStamp(st)
	p.c.Rnw = max(p.c.Rnw, p.sec) // so that the session is Young
	p.forget()                    // whoever was judged by the old stamp is no longer its user
	p.dropFresh()
	p.proof, p.private = max(p.proof, proofRestamped), true
	p.change()
	return nil
}

// Adopt records, within [Legacy].Migrate, who was logged in to the earlier system: the
// id, and the time at which the legacy cookie was issued.
//
// Errors: ErrNoSession; ErrMigrate anywhere else; ErrBadID; a *cookie.SizeError if what
// Migrate has set doesn't fit into the cookie along with the id.
func (s *Session) Adopt(id string) error {
	p := s.lock()
	if p == nil {
		return ErrNoSession
	}
	defer p.mu.Unlock()
	if p.phase != phaseMigrating {
		return ErrMigrate
	}
	if !claims.ValidSub(id) {
		return ErrBadID
	}
	if err := p.fits(id, p.members()); err != nil {
		return err
	}
	p.c.Sub, p.c.AuthTime = id, p.c.Iat
	return nil
}

// Refuse drops the session of who, which came from Identity or Memo, for this request,
// because that user is gone or has changed. The cookie is deleted if unsolicited writes
// allow it, and the Outcome reports the reason.
//
// The errors are those of Confirm, with nothing changed.
func (r Principal) Refuse(who Identity, reason cookie.Reason) error {
	p, err := r.judged(&who)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.reason = reason
	p.wipe()
	p.origin = originRefused // what follows is a new session
	return nil
}

// Again returns the session as Load would make it at the time now. It has the changes
// made in this request, but nothing that this request has found out. It's for a
// connection that outlives its request and has to ask again whether its user may stay:
// lifetimes and keys are those of now. The result can be read, even after Commit.
// Changes fail with ErrCommitted.
//
// Again doesn't know what the browser has done in the meantime. A renewal or a logout
// there reaches the server only with its next request. Without a session, Again returns
// nil.
func (r Principal) Again(now time.Time) *Session {
	p := r.s.lock()
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	q := &state{store: p.store, now: now, phase: phaseCommitted, use: useRead}
	q.pub.p = unsafe.Pointer(q)
	sec := now.Unix()
	if p.sec == 0 || sec <= 0 || sec > claims.MaxTime {
		return &q.pub
	}
	q.sec = sec
	q.ring = p.store.keys.At(now)
	if p.c.SID == (claims.SID{}) {
		return &q.pub
	}
	if _, ok := q.ring.Key(p.key.ID()); !ok && p.key.ID() != "" {
		q.reason = cookie.ReasonUnknownKey // the key may have leaked
		return &q.pub
	}
	if p.readOnly() {
		q.writeRare().readOnly = true
	}
	if q.reason = q.judge(&p.c); q.reason != cookie.ReasonNone {
		return &q.pub
	}
	q.origin, q.key, q.c = p.origin, p.key, p.current()
	if q.store.marks == nil {
		return &q.pub
	}
	switch q.reason = q.marked(&q.c); q.reason {
	case cookie.ReasonNone, cookie.ReasonUnverified:
	default:
		q.origin, q.key, q.c = originNew, keyring.Key{}, claims.Claims{}
	}
	return &q.pub
}

// Refused returns why the session isn't what the cookie said, as far as that is known
// by now: a verdict on the cookie, or that of package auth on its user. It is what
// Outcome.Refused reports after the response.
func (r Principal) Refused() cookie.Reason {
	p := r.s.lock()
	if p == nil {
		return cookie.ReasonNone
	}
	defer p.mu.Unlock()
	p.access()
	return p.reason
}

// Note reports why who, as Identity or Memo gave it, is nobody in this request, and
// leaves the session alone, because another instance may judge it otherwise. Nothing
// unsolicited is written.
//
// Errors, with nothing changed, are those of Confirm.
func (r Principal) Note(who Identity, reason cookie.Reason) error {
	p, err := r.judged(&who)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.reason = reason
	p.limit = WritesNone
	return nil
}

// Hold says that the user store failed. Nobody knows whether the session is still good,
// so nothing but a logout is written in this request. Later changes fail with ErrHeld,
// and earlier ones are lost.
func (r Principal) Hold() {
	p := r.s.lock()
	if p == nil {
		return
	}
	defer p.mu.Unlock()
	p.access()
	if p.phase == phaseOpen {
		p.phase = phaseHeld
	}
}

// End ends the session as a logout does. It is like Clear, but also works after Hold.
// An auth.Manager calls it after it has told the application.
//
// Errors: ErrNoSession, ErrCommitted, ErrNoTime, ErrMigrate.
func (r Principal) End() error {
	p := r.s.lock()
	if p == nil {
		return ErrNoSession
	}
	defer p.mu.Unlock()
	if err := p.writable(); err != nil && err != ErrHeld {
		return err
	}
	return p.clear(endingLoggedOut)
}
