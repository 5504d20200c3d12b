package auth

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// GetUser returns the user of the session. A nil error comes only with a user
// that the store knows and whose stamp is right; with every error the user is
// the zero value. The errors are
//
//   - [ErrNoUser]: nobody is logged in, or not any more. If the stamp did not
//     match, or the id cannot be parsed, the session is cleared as well.
//   - [ErrUserStore]: the store failed. Nothing is known and nothing will be
//     written in this request but a logout; answer 503.
//   - [ErrNoSession]: s is nil.
//
// It asks the store at most once per request: concurrent calls wait for one
// evaluation, "no user" and errors are remembered too, and after Login, Logout
// or Clear the new answer is seen at once. A panic of UserByID reaches the
// caller; nothing but a logout is written after it.
//
// A session whose stamp was made under an older key of the ring is moved to the
// primary when the cookie is written. One whose stamp was made under a key that
// this instance does not have yet is left alone: another instance can read it.
func (m *Manager[U]) GetUser(ctx context.Context, s *ssestore.Session) (U, error) {
	var zero U
	if s == nil {
		return zero, ErrNoSession
	}
	if !m.ready() {
		return zero, &storeError{errNotNew}
	}
	p := s.Principal()
	a := m.resolve(ctx, p)
	for a.gone {
		a = m.resolve(ctx, p) // somebody logged in or out meanwhile: the answer is about them
	}
	// Outside the memo, so that the function may call GetUser itself.
	if a.refused != cookie.ReasonNone && m.cfg.OnRefused != nil {
		m.cfg.OnRefused(ctx, a.id, a.refused)
	}
	return a.user, a.err
}

// answer is the result of one evaluation.
type answer[U any] struct {
	user U
	err  error
	// refused is set only where the evaluation refused the session of the user
	// called id, not where its result is read again.
	refused cookie.Reason
	id      string
	gone    bool // the session that was judged is gone, so this is no answer
}

// resolve returns the remembered answer, or works it out.
func (m *Manager[U]) resolve(ctx context.Context, p ssestore.Principal) (a answer[U]) {
	p.Memo(m, func(who ssestore.Identity, known any) any {
		if known != nil {
			a.user, a.err = remembered[U](known)
			return known
		}
		finished := false
		defer func() {
			if !finished {
				p.Hold() // a panic: it is not known who this is
			}
		}()
		m.evaluate(ctx, p, &who, &a)
		finished = true
		if a.err != nil {
			return failed{a.err}
		}
		return a.user
	})
	return a
}

// evaluate follows the rows G1 to G9 of docs/BEHAVIOUR.md. The store is asked
// before the stamp is looked at, so that a user who does not exist never clears a
// session.
func (m *Manager[U]) evaluate(ctx context.Context, p ssestore.Principal, who *ssestore.Identity, a *answer[U]) {
	if who.ID == "" { // G1
		a.err = ErrNoUser
		return
	}
	user, err := m.cfg.UserByID(ctx, who.ID)
	if err == nil && none(user) {
		err = ErrNoUser
	}
	if err != nil {
		a.notFound(ctx, p, who, err)
		return
	}
	if m.cfg.ID(user) != who.ID {
		// A store that answers with somebody else must not log anybody in.
		a.down(p, errOtherID)
		return
	}
	if m.cfg.DangerouslySkipStamp { // G3
		a.confirm(p, who, ssestore.Stamp{}, user)
		return
	}
	field := m.cfg.Stamp(user)
	if who.Stamp.KeyID == "" {
		if !who.Adopted {
			a.refuse(p, who, cookie.ReasonStampMissing) // G4
			return
		}
		// A session that came from another format has no stamp yet. Whether the
		// password changed before that cannot be told.
		a.confirm(p, who, fresh(p, who.ID, field), user)
		return
	}
	stamp, err := p.Stamp(who.Stamp.KeyID, who.ID, field)
	switch {
	case err != nil: // G6u
		p.Note(cookie.ReasonStampUnknownKey)
		a.err, a.refused, a.id = ErrNoUser, cookie.ReasonStampUnknownKey, who.ID
	case !stamp.Equal(who.Stamp): // G7
		a.refuse(p, who, cookie.ReasonStampMismatch)
	case stamp.Age < 0: // G6
		a.confirm(p, who, fresh(p, who.ID, field), user)
	default: // G5, G5n
		a.confirm(p, who, ssestore.Stamp{}, user)
	}
}

// fresh is a stamp under the primary. Without an active primary there is none, and
// the session stays as it is.
func fresh(p ssestore.Principal, id, field string) ssestore.Stamp {
	stamp, _ := p.Stamp("", id, field)
	return stamp
}

// notFound decides between the rows in which UserByID gave no user.
func (a *answer[U]) notFound(ctx context.Context, p ssestore.Principal, who *ssestore.Identity, err error) {
	noUser, badID := errors.Is(err, ErrNoUser), errors.Is(err, ErrBadID)
	switch {
	case !noUser && !badID: // G8
		a.down(p, err)
	case ctx != nil && ctx.Err() != nil:
		// Some stores answer "not found" when their query was cut short. That
		// would send a user with a good session to the login page.
		a.down(p, errors.Join(errCutShort, ctx.Err()))
	case badID: // G9
		a.refuse(p, who, cookie.ReasonBadUserID)
	default: // G2: an account may come back
		a.err = ErrNoUser
	}
}

func (a *answer[U]) confirm(p ssestore.Principal, who *ssestore.Identity, fresh ssestore.Stamp, user U) {
	err := p.Confirm(*who, fresh)
	if err == nil {
		a.user = user
		return
	}
	a.err, a.gone = ErrNoUser, err == ssestore.ErrNobody
}

func (a *answer[U]) refuse(p ssestore.Principal, who *ssestore.Identity, reason cookie.Reason) {
	err := p.Refuse(*who, reason)
	if err == nil {
		a.refused, a.id = reason, who.ID
	}
	a.err, a.gone = ErrNoUser, err == ssestore.ErrNobody
}

// down is the answer when nothing is known: the session must not be touched.
func (a *answer[U]) down(p ssestore.Principal, cause error) {
	p.Hold()
	a.err = &storeError{cause}
}

// RecentLogin reports whether the user of the session proved who they are
// within maxAge: ask again before a password or an address is changed. It is
// false where GetUser gives no user. Using the site does not renew it; only a
// login does. Ages are compared in whole seconds, as the session stores them,
// and an age of exactly maxAge is recent.
//
// A session taken over from a legacy cookie ([ssestore.Session.Adopt]) has the
// date of that cookie for its login. Some systems write a new date at every save
// (gorilla/sessions does): then the first login here is the first real answer.
func (m *Manager[U]) RecentLogin(ctx context.Context, s *ssestore.Session, maxAge time.Duration) bool {
	if _, err := m.GetUser(ctx, s); err != nil {
		return false
	}
	age := s.Now().Unix() - s.Principal().Identity().AuthTime.Unix()
	return age <= int64(maxAge/time.Second)
}
