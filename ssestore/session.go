package ssestore

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// Errors of the methods of a [Session] and of typed keys. Test with [errors.Is].
var (
	// ErrNoSession: the Session is nil or the zero value. Most often the handler
	// does not run behind the middleware that loads sessions.
	ErrNoSession = errors.New("ssestore: no session in this request; is the middleware missing?")
	// ErrCommitted: the response's cookies have been decided, so a change now
	// would be lost.
	ErrCommitted = errors.New("ssestore: the session is committed; change it before the response starts")
	// ErrNoTime: the session was loaded with the zero time or one outside the
	// years 1970 to 9999, or by the zero Store.
	ErrNoTime = errors.New("ssestore: the session was loaded without a valid time")
	// ErrHeld: the user store failed earlier in this request, so nothing but a
	// logout is written.
	ErrHeld = errors.New("ssestore: the user store failed in this request; the session cannot be changed")
	// ErrUnknownKey: no key of this id in the keyring, also after a refresh.
	ErrUnknownKey = errors.New("ssestore: no key of this id in the keyring")
	// ErrBadID: a user id that is empty, longer than 128 bytes (quotes and
	// backslashes count twice), not UTF-8, or with control characters.
	ErrBadID = errors.New("ssestore: user id must be 1 to 128 bytes of UTF-8 without control characters")
	// ErrMigrate: Adopt outside Legacy.Migrate, or Clear, Logout, Begin, Restamp
	// or Commit within.
	ErrMigrate = errors.New("ssestore: Adopt works only within Legacy.Migrate; Clear, Logout, Begin, Restamp and Commit only outside")
	// ErrNobody is returned when the session names no user, or no longer the one
	// who was judged.
	ErrNobody = errors.New("ssestore: nobody is logged in, or no longer the same user")
	// ErrUnconfirmed: a session taken over from a legacy cookie was changed in a
	// request that never asked who the user is. It has no stamp yet, so writing
	// it would log the user out. The legacy cookie stays; nothing was written.
	ErrUnconfirmed = errors.New("ssestore: a migrated session was changed without resolving its user; nothing was written")
	// ErrBadName: a typed key whose name is not 1 to 64 of A-Z a-z 0-9 _ . : / -.
	ErrBadName = errors.New("ssestore: the name of a key must be 1 to 64 characters of A-Z a-z 0-9 _ . : / -")
	// ErrBadValue: a value that encoding/json cannot encode, or not to something
	// that a session can hold: invalid UTF-8, or nested deeper than 64 levels.
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

	// A *state, in the same allocation. fmt ignores methods on what it finds in
	// unexported fields, and under a verb that does not fit a pointer it prints
	// what the pointer leads to. At an unsafe.Pointer it stops.
	p unsafe.Pointer
}

// Writes says which unsolicited writes the response may carry; see
// [Session.Limit]. The zero value is WritesAll.
type Writes uint8

const (
	// WritesAll: renewal, reseal and deletions. For top-level navigations, which
	// a browser does one at a time.
	WritesAll Writes = iota
	// WritesRenewOnly: only a renewal that is due, which then carries the rest
	// with it, and no deletions. For same-origin fetches.
	WritesRenewOnly
	// WritesNone: only what the handler asked for. For everything else, and for
	// gateways that only verify.
	WritesNone
)

// Format prints a redacted form under every verb.
func (s Session) Format(f fmt.State, _ rune) { f.Write([]byte("ssestore.Session(redacted)")) }

// Now returns the time that was given to Load: the time of this request. It is
// the zero time for a nil Session.
func (s *Session) Now() time.Time {
	p := s.of()
	if p == nil {
		return time.Time{}
	}
	return p.now
}

// Limit narrows the unsolicited writes of this response. It can only tighten:
// the narrowest of several calls holds. Adapters call it before the handler.
func (s *Session) Limit(w Writes) {
	p := s.lock()
	if p == nil {
		return
	}
	defer p.mu.Unlock()
	p.limit = max(p.limit, w)
}

// Remember chooses the profile of the session: persistent (true), which survives
// the end of the browser and has its own lifetimes, or browser session (false).
//
// On a live session it changes persistence and the idle limit. The absolute end
// fixed at login stays, and the shorter of it and the chosen profile's holds.
// It is remembered as a wish for the rest of the request: a login or a new
// session that follows takes the profile, and so does a login before it.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (s *Session) Remember(persistent bool) error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.wish = wishBrowser
	if persistent {
		p.wish = wishPersistent
	}
	if p.c.SID != "" && p.c.Per != persistent {
		p.c.Per = persistent
		if p.proof == proofBegun { // the login was in this request: in whichever order
			p.c.Exp = p.sec + p.store.profile(persistent).absolute
		}
		p.change()
	}
	return nil
}

// ExpireAt ends this session at t, to the second, if that is earlier than its
// lifetimes would: it can only shorten. A time that has passed ends the session
// with this response. The zero time goes back to the lifetimes. Like
// [Session.Remember] it also holds for a login or a new session that follows in
// this request.
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
	if p.c.SID != "" && p.c.End != end {
		p.c.End = end
		p.change()
	}
	return nil
}

// Clear removes everything from the session: data, user and session id. What is
// set afterwards goes into a new session. If a cookie came with the request, it
// is deleted or overwritten, at any status of the response. Wishes of
// [Session.Remember] and [Session.ExpireAt] in this request stay.
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

// clear empties the session and notes how the one that came has ended.
func (p *state) clear(how ending) error {
	if p.phase == phaseMigrating {
		return ErrMigrate
	}
	p.access()
	nothing := p.empty() && !p.present && p.legacy == 0
	p.wipe() // in any case: "no user" may be in the memo
	if nothing {
		return nil
	}
	p.change()
	p.ending = max(p.ending, how)
	return nil
}

// Changed reports whether the handler asked for something that Commit will write
// if the status is below 500: data, a login, a logout, a new stamp. Renewals and
// other unsolicited writes do not count.
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
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	return names
}

// Late reports what came after Commit and could not tell its caller: the first
// access to a session, which the Vary header of the response then does not show,
// or a Pop, whose removal is lost. The error is ErrCommitted, or nil if all is
// well. (A Set that comes too late returns that error itself.) Adapters ask when
// the handler has returned.
func (s *Session) Late() error {
	p := s.lock()
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	if p.late {
		return ErrCommitted
	}
	return nil
}
