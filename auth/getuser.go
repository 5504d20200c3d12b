package auth

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// GetUser returns the user of the session. The error is nil only if the store knows
// the user and the stamp is right; with any error the user is the zero value.
//
//   - [ErrNoUser] means that nobody is logged in, or no longer is. If the stamp
//     didn't match, or the id can't be parsed, the session is cleared as well. But
//     when the stamp doesn't match within a minute of a login, a renewal or
//     RefreshStamp, the session is left alone: the store may have answered from a
//     replica that hasn't seen the new password yet.
//   - [ErrUserStore] means that the store failed, or that nobody can tell whether the
//     session was ended ([ssestore.Config].Marks). Nothing but a logout will be written
//     in this request; answer with 503.
//   - [ErrNoSession] means that s is nil.
//
// GetUser asks the store at most once per request. Concurrent calls wait for one
// evaluation, and "no user" and errors are remembered too. A Login, Logout or Clear
// in the same request is seen at once. A panic of UserByID reaches the caller;
// nothing but a logout is written after it.
//
// A session whose stamp was made under an older key of the ring moves to the primary
// when its cookie is written. A session whose stamp was made under a key that this
// instance doesn't have yet is left alone, because another instance can read it.
func (m *Manager[U]) GetUser(ctx context.Context, s *ssestore.Session) (U, error) {
	var zero U
	if s == nil {
		return zero, ErrNoSession
	}
	if !m.ready() {
		return zero, &storeError{errNotNew}
	}
	p := s.Principal()
	var a answer[U]
	m.resolve(ctx, p, &a)
	for a.gone {
		a = answer[U]{} // somebody logged in or out meanwhile: the answer is about them
		m.resolve(ctx, p, &a)
	}
	// Call it outside the memo, so that it may call GetUser itself.
	if a.refused != cookie.ReasonNone && m.cfg.OnRefused != nil {
		m.cfg.OnRefused(ctx, a.id, a.refused)
	}
	return a.user, a.err
}

// Recheck asks for the user again, at the time now. It is for a connection that
// outlives its request, such as a WebSocket or a stream of events, where GetUser
// would repeat the answer it gave when the request came. Recheck asks the store
// again, and judges the session's lifetimes, stamp and marks as if its cookie had just
// arrived. It writes nothing and doesn't change s.
//
// Call it about once a minute, and before an action that matters. If it returns
// ErrNoUser, close the connection. The client connects again, and is let in with the
// cookie it has by then, or asked to log in. The errors are those of GetUser. After
// [ErrUserStore], you decide whether the connection waits or ends.
//
// The idle time counts from the renewal that s knows about. If other requests have
// renewed the session since, its client has to reconnect once per idle time. Recheck
// knows about a logout in the browser only with a [Config].Ender. The page's connections
// end with the page, and a page that stays must close them itself.
func (m *Manager[U]) Recheck(ctx context.Context, s *ssestore.Session, now time.Time) (U, error) {
	return m.GetUser(ctx, s.Principal().Again(now))
}

// An answer is the result of one evaluation.
type answer[U any] struct {
	user   U
	behind bool // there is an actor
	actor  U
	err    error
	// refused is set only if this evaluation refused the session of the user called
	// id, not when its result is read again.
	refused cookie.Reason
	id      string
	gone    bool // the session that was judged is gone, so this is no answer
}

// resolve fills in the remembered answer, or works it out.
func (m *Manager[U]) resolve(ctx context.Context, p ssestore.Principal, a *answer[U]) {
	p.Memo(m, func(who ssestore.Identity, known any) any {
		if known != nil {
			a.user, a.err = remembered[U](known)
			return known
		}
		finished := false
		defer func() {
			if !finished {
				p.Hold() // a panic: nobody knows who this is
			}
		}()
		m.evaluate(ctx, p, &who, a)
		finished = true
		switch {
		case a.err != nil:
			return failed{a.err}
		case a.behind:
			return both[U]{a.user, a.actor}
		}
		return a.user
	})
}

// evaluate follows the rows G1 to G9 of docs/BEHAVIOUR.md. It asks the store before
// it looks at the stamp, so that a user who doesn't exist never clears a session.
func (m *Manager[U]) evaluate(ctx context.Context, p ssestore.Principal, who *ssestore.Identity, a *answer[U]) {
	if who.Unverified { // as if the store were down
		a.down(p, errUnverified)
		return
	}
	if who.ID == "" { // G1
		a.err = ErrNoUser
		return
	}
	behind := who.Actor
	var actor U
	actorAge := 0
	if behind != nil {
		var ok bool
		if actor, actorAge, ok = m.verify(ctx, p, who, behind.ID, &behind.Stamp, a); !ok {
			return
		}
	}
	user, age, ok := m.verify(ctx, p, who, who.ID, &who.Stamp, a)
	if !ok {
		return
	}
	stamp := ssestore.Stamp{}
	if age < 0 || actorAge < 0 { // G6
		stamp = fresh(p, who.ID, m.field(user))
		if behind != nil {
			who.Actor = &ssestore.Actor{ID: behind.ID, Stamp: fresh(p, behind.ID, m.field(actor))}
		}
	}
	if err := p.Confirm(*who, stamp); err != nil {
		a.err, a.gone = ErrNoUser, err == ssestore.ErrNobody
		return
	}
	a.user, a.behind, a.actor = user, behind != nil, actor
}

// verify finds the user called id, who is the one whom who names or the actor behind
// them, and checks their stamp. It returns the age of the stamp's key: negative if the
// stamp should be replaced. If there is no such user, it says so in a and returns false.
func (m *Manager[U]) verify(ctx context.Context, p ssestore.Principal, who *ssestore.Identity, id string, stamp *ssestore.Stamp, a *answer[U]) (user U, age int, ok bool) {
	if id == "" { // an actor that can't be read
		a.refuse(p, who, cookie.ReasonStampMissing)
		return user, 0, false
	}
	user, err := m.cfg.UserByID(ctx, id)
	if err == nil && none(user) {
		err = ErrNoUser
	}
	if err != nil {
		a.notFound(ctx, p, who, err)
		return user, 0, false
	}
	if m.cfg.ID(user) != id {
		// A store that answers with somebody else must not log anybody in.
		a.down(p, errOtherID)
		return user, 0, false
	}
	if m.outdated(who, user) {
		a.refuse(p, who, cookie.ReasonStampMismatch)
		return user, 0, false
	}
	if m.cfg.DangerouslySkipStamp { // G3
		return user, 0, true
	}
	if stamp.KeyID == "" {
		if !who.Adopted {
			a.refuse(p, who, cookie.ReasonStampMissing) // G4
		}
		// A session taken over from another format has no stamp yet, so only
		// Config.PasswordChanged can tell whether the password has changed.
		return user, -1, who.Adopted
	}
	age, ok, err = p.Check(*stamp, id, m.cfg.Stamp(user))
	switch {
	case ok: // G5, G5n
		return user, age, true
	case err != nil: // G6u
		a.note(p, who, cookie.ReasonStampUnknownKey)
	case who.Young: // F106
		a.note(p, who, cookie.ReasonStampMismatch)
	default: // G7
		a.refuse(p, who, cookie.ReasonStampMismatch)
	}
	return user, 0, false
}

// fresh returns a stamp under the primary. If there is no active primary, it returns
// the zero Stamp, and the session stays as it is.
func fresh(p ssestore.Principal, id, field string) ssestore.Stamp {
	stamp, _ := p.Stamp(id, field)
	return stamp
}

// notFound picks one of the rows in which UserByID returned no user.
func (a *answer[U]) notFound(ctx context.Context, p ssestore.Principal, who *ssestore.Identity, err error) {
	noUser, badID := errors.Is(err, ErrNoUser), errors.Is(err, ErrBadID)
	switch {
	case !noUser && !badID: // G8
		a.down(p, err)
	case ctx != nil && ctx.Err() != nil:
		// Some stores answer "not found" when their query was cut short, which would
		// send a user with a good session to the login page.
		a.down(p, errors.Join(errCutShort, ctx.Err()))
	case badID: // G9
		a.refuse(p, who, cookie.ReasonBadUserID)
	default: // G2: an account may come back
		a.err = ErrNoUser
	}
}

func (a *answer[U]) refuse(p ssestore.Principal, who *ssestore.Identity, reason cookie.Reason) {
	a.verdict(p.Refuse(*who, reason), who, reason)
}

func (a *answer[U]) verdict(err error, who *ssestore.Identity, reason cookie.Reason) {
	if err == nil {
		a.refused, a.id = reason, who.ID
	}
	a.err, a.gone = ErrNoUser, err == ssestore.ErrNobody
}

// note is the answer when this instance can't judge the session, but another one can,
// or this one can in a moment.
func (a *answer[U]) note(p ssestore.Principal, who *ssestore.Identity, reason cookie.Reason) {
	a.verdict(p.Note(*who, reason), who, reason)
}

// outdated reports whether a session that was taken over from another format, and has
// no stamp yet, began before the password of its user changed. Times are compared in
// whole seconds, as the session has them, and the same second is before.
func (m *Manager[U]) outdated(who *ssestore.Identity, user U) bool {
	if !who.Adopted || m.cfg.PasswordChanged == nil {
		return false
	}
	changed := m.cfg.PasswordChanged(user)
	return !changed.IsZero() && who.AuthTime.Unix() <= changed.Unix()
}

// down is the answer when nothing is known, so that the session must not be touched.
func (a *answer[U]) down(p ssestore.Principal, cause error) {
	p.Hold()
	a.err = &storeError{cause}
}

// RecentLogin reports whether the user of the session logged in within maxAge. Use
// it to ask for the password again before a password or an address is changed. It
// returns false if GetUser returns no user. Only a login counts, not the use of the
// site. Ages are compared in whole seconds, as the session stores them, and an age of
// exactly maxAge is recent. While somebody is impersonated, no login is.
//
// A session taken over from a legacy cookie ([ssestore.Session.Adopt]) has that
// cookie's date as its login time. Some systems, gorilla/sessions among them, write a
// new date at every save; RecentLogin is then reliable only after a login here.
func (m *Manager[U]) RecentLogin(ctx context.Context, s *ssestore.Session, maxAge time.Duration) bool {
	if _, err := m.GetUser(ctx, s); err != nil {
		return false
	}
	who := s.Principal().Identity()
	age := s.Now().Unix() - who.AuthTime.Unix()
	return who.Actor == nil && age <= int64(maxAge/time.Second)
}
