package ssestore

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// Errors of the methods of a [Session] and of typed keys. Test with [errors.Is].
var (
	// ErrNoSession is returned when the Session is nil or the zero value. Usually
	// the handler doesn't run behind the middleware that loads sessions.
	ErrNoSession = errors.New("ssestore: no session in this request; is the middleware missing?")
	// ErrCommitted is returned when the response's cookies have been decided, so
	// that a change now would be lost.
	ErrCommitted = errors.New("ssestore: the session is committed; change it before the response starts")
	// ErrNoTime is returned when the session was loaded with the zero time or one
	// outside the years 1970 to 9999, or by the zero Store.
	ErrNoTime = errors.New("ssestore: the session was loaded without a valid time")
	// ErrHeld is returned when the user store failed earlier in this request, or the
	// marks can't tell whether the session was ended, so that nothing but a logout is
	// written.
	ErrHeld = errors.New("ssestore: nobody can tell in this request whether the session is good; it cannot be changed")
	// ErrReadOnly is returned when a session that another system writes would be changed;
	// see [Legacy].ReadOnly. Every method that can return ErrHeld returns it.
	ErrReadOnly = errors.New("ssestore: another system writes this session")
	// ErrLinks is returned when a session can't be linked to one more outside name, or
	// when a name is empty or too long.
	ErrLinks = errors.New("ssestore: a session has at most two links, each to a name of 1 to 512 bytes")
	// ErrUnknownKey is returned when the keyring has no key of this id, even after
	// a refresh.
	ErrUnknownKey = errors.New("ssestore: no key of this id in the keyring")
	// ErrBadID is returned for a user id that is empty, is longer than 255 bytes
	// (quotes and backslashes count twice), isn't UTF-8, or has control characters.
	ErrBadID = errors.New("ssestore: user id must be 1 to 255 bytes of UTF-8 without control characters")
	// ErrMigrate is returned by Adopt outside Legacy.Migrate, and within it by every
	// method that makes no sense there: Clear, Commit, and those of a Principal that
	// change who is logged in.
	ErrMigrate = errors.New("ssestore: Adopt works only within Legacy.Migrate; Clear, Logout, Begin, Restamp and Commit only outside")
	// ErrUndated is in Outcome.NotMigrated when a legacy cookie doesn't say when it was
	// issued. Each replay of such a cookie would start its life anew.
	ErrUndated = errors.New("ssestore: the legacy cookie does not say when it was issued")
	// ErrNobody is returned when the session names no user, or no longer the one
	// who was judged.
	ErrNobody = errors.New("ssestore: nobody is logged in, or no longer the same user")
	// ErrUnconfirmed is returned when a session taken over from a legacy cookie was
	// changed in a request that never asked who the user is. It has no stamp yet, so
	// writing it would log the user out. Nothing is written, and the legacy cookie
	// stays. With Config.RenewVerified, Renew returns it for a user whom GetUser hasn't
	// returned in this request, and so does Reissue, always.
	ErrUnconfirmed = errors.New("ssestore: the session's user must be confirmed before this is written: call GetUser first")
	// ErrBadName is returned for a typed key whose name isn't 1 to 64 characters of
	// A-Z a-z 0-9 _ . : / -.
	ErrBadName = errors.New("ssestore: the name of a key must be 1 to 64 characters of A-Z a-z 0-9 _ . : / -")
	// ErrBadValue is returned for a value that encoding/json can't encode, whose
	// encoding a session can't hold (more than 64 levels deep), or that would come
	// back changed.
	ErrBadValue = errors.New("ssestore: the value cannot be encoded")
)

// A Session is the session of one request. [Store.Load] makes it and
// [Session.Commit] ends it; typed keys ([NewKey]) read and change its data.
//
// It is safe for concurrent use, because http.TimeoutHandler leaves handlers
// running. It prints as redacted. All methods of a nil and of the zero Session
// work: they find nothing and refuse changes with [ErrNoSession].
type Session struct {
	_ [0]func() // incomparable

	// A *state, in the same allocation. fmt doesn't call the methods of values in
	// unexported fields, and under a verb that doesn't fit a pointer it prints what
	// the pointer leads to. It stops at an unsafe.Pointer.
	p unsafe.Pointer
}

// Writes says which unsolicited writes the response may carry; see
// [Session.Limit]. The zero value is WritesAll.
type Writes uint8

const (
	// WritesAll allows renewal, reseal and deletions. It is for top-level
	// navigations, which a browser makes one at a time.
	WritesAll Writes = iota
	// WritesRenewOnly allows only a renewal that is due, which then carries reseal
	// and new stamp with it, and no deletions. It is for a page's own fetches. A session
	// of an earlier system ([Legacy]) is always due.
	WritesRenewOnly
	// WritesSolicited allows only what the handler asked for. A renewal that is due
	// rides on that, because the cookie goes out anyway. It is for images,
	// prefetches and everything else that a page loads.
	WritesSolicited
	// WritesNone is WritesSolicited without that renewal. It is for polls that must
	// not keep a session alive, and for gateways that only verify.
	WritesNone
)

// Format prints a redacted form under every verb.
func (s Session) Format(f fmt.State, _ rune) { f.Write([]byte("ssestore.Session(redacted)")) }

// Now returns the time that was given to Load: the time of this request. For a nil
// Session it is the zero time.
func (s *Session) Now() time.Time {
	p := s.of()
	if p == nil {
		return time.Time{}
	}
	return p.now
}

// Limit narrows the unsolicited writes of this response. Of several calls the
// narrowest holds. Adapters call it before the handler runs, with WritesSolicited
// at the narrowest. A handler that must not keep the session alive calls it with
// WritesNone.
func (s *Session) Limit(w Writes) {
	p := s.lock()
	if p == nil {
		return
	}
	defer p.mu.Unlock()
	p.limit = max(p.limit, w)
}

// Remember chooses the profile of the session; without it, [Config].Persistent does.
// A persistent session (true) survives a restart of the browser and has lifetimes of
// its own; the other profile is the browser session (false).
//
// On a live session Remember changes persistence and the idle timeout. The absolute
// end fixed at login stays, unless the chosen profile's is earlier. The choice also
// holds for a login in the same request, before or after the call, and for a session
// created later in the request.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (s *Session) Remember(persistent bool) error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.writeRare().wish = wishBrowser
	if persistent {
		p.rare.wish = wishPersistent
	}
	if p.c.SID != (claims.SID{}) && p.c.Per != persistent {
		p.c.Per = persistent
		if p.proof == proofBegun { // the login was in this request: in whichever order
			p.c.Exp = p.sec + p.store.profile(persistent).absolute
		}
		p.change()
	}
	return nil
}

// ExpireAt ends this session at t, to the second, if its lifetimes wouldn't end it
// earlier. A time in the past ends the session with this response. The zero time
// removes the override. Like [Session.Remember], ExpireAt also holds for a login or a
// new session later in this request.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (s *Session) ExpireAt(t time.Time) error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	end := int64(0)
	if !t.IsZero() {
		end = min(max(t.Unix(), 1), claims.MaxTime) // 0 would mean no end
	}
	p.writeRare().wishEnd = end
	if p.c.SID != (claims.SID{}) && p.c.End != end {
		p.c.End = end
		p.change()
	}
	return nil
}

// Renew restarts the idle time, whether or not a renewal is due. It's for uses of the
// application that don't look like one to the browser: a film that plays, a game over a
// WebSocket, an image that a person asked for. Otherwise, renewals happen by themselves
// when they are due; see [Writes].
//
// Like every change, it is written if the status is below 500, whatever [Session.Limit]
// says. Without a session there is nothing to renew, which isn't an error. The absolute
// end stays.
//
// Errors, with nothing changed: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime;
// cookie.ErrNoPrimary; and ErrUnconfirmed with Config.RenewVerified, if the session has a
// user whom GetUser hasn't returned yet in this request.
func (s *Session) Renew() error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.access()
	if !p.vouched() {
		return ErrUnconfirmed
	}
	if p.c.SID != (claims.SID{}) && p.c.Rnw < p.sec { // never back: clocks differ
		if p.keys().Primary().ID() == "" {
			return cookie.ErrNoPrimary // and not at Commit, which would turn the page into a 500
		}
		p.c.Rnw, p.writeRare().renewed = p.sec, true
		p.change()
	}
	return nil
}

// Clear removes everything from the session: data, user and session id. Values set
// afterwards go into a new session. If a cookie came with the request, the response
// deletes or overwrites it, whatever its status. Earlier calls of [Session.Remember]
// and [Session.ExpireAt] in this request still hold.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (s *Session) Clear() error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	return p.clear(endingCleared)
}

// clear empties the session and notes how the one that came with the request ended.
func (p *state) clear(how ending) error {
	if p.phase == phaseMigrating {
		return ErrMigrate
	}
	p.access()
	nothing := p.empty() && !p.cookies()
	p.wipe() // in any case: "no user" may be in the memo
	if nothing {
		return nil
	}
	p.change()
	p.ending = max(p.ending, how)
	return nil
}

// Changed reports whether the handler asked for something that Commit will write if
// the status is below 500: data, a login, a logout, a new stamp. Renewals and other
// unsolicited writes don't count.
func (s *Session) Changed() bool {
	p := s.lock()
	if p == nil {
		return false
	}
	defer p.mu.Unlock()
	return p.phase != phaseCommitted && (p.ending != endingNo || p.use == useChange && (!p.empty() || p.came()))
}

// Names returns the names of all values in the session, sorted.
func (s *Session) Names() []string {
	p := s.lock()
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	p.access()
	members := p.members()
	names := make([]string, 0, len(members))
	for _, m := range members {
		if m.Name[0] != reserved {
			names = append(names, m.Name)
		}
	}
	return names
}

// ReadOnly reports whether another system writes this session, because of
// [Legacy].ReadOnly, so that every change fails with [ErrReadOnly]. A page asks it before
// it offers to log out, or to put something into a cart. It counts as an access.
func (s *Session) ReadOnly() bool {
	p := s.lock()
	if p == nil {
		return false
	}
	defer p.mu.Unlock()
	p.access()
	return p.readOnly()
}

// Late returns ErrCommitted if the session was used too late, that is after
// Commit: read for the first time, which the response's Vary header doesn't show,
// or changed, which is lost. It returns ErrReadOnly if a change was refused with that
// error. The change returns the same error itself, but callers don't always look. Late is
// for adapters, which ask when the handler has returned.
func (s *Session) Late() error {
	p := s.lock()
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	switch {
	case p.rare == nil:
		return nil
	case p.rare.late:
		return ErrCommitted
	case p.rare.refusedChange:
		return ErrReadOnly
	}
	return nil
}
