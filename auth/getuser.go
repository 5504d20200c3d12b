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
	a := m.resolve(ctx, s)
	// Outside the lock, so that the function may call GetUser itself.
	if a.refused != cookie.ReasonNone && m.cfg.OnRefused != nil {
		m.cfg.OnRefused(ctx, a.id, a.refused)
	}
	return a.user, a.err
}

// answer is the result of one evaluation. refused is set only where the
// evaluation refused the session, not where its result is read again.
type answer[U any] struct {
	user    U
	err     error
	refused cookie.Reason
	id      string // whom it refused
}

// resolve returns the remembered answer, or works it out.
func (m *Manager[U]) resolve(ctx context.Context, s *ssestore.Session) answer[U] {
	mo := s.Memo(m)
	known := mo.Lock()
	defer mo.Unlock()
	if user, err, ok := remembered[U](known); ok {
		return answer[U]{user: user, err: err}
	}
	// Read under the lock: a login that finished while we waited counts.
	who := s.Identity()
	finished := false
	defer func() {
		if !finished {
			s.Hold() // a panic: it is not known who this is
		}
	}()
	a := m.evaluate(ctx, s, who)
	finished = true
	if a.err != nil {
		mo.Set(who, failed{a.err})
	} else {
		mo.Set(who, a.user)
	}
	return a
}

// evaluate follows the rows G1 to G9 of the specification, in the order of the
// source: the store is asked before the stamp is looked at, so that a user who
// does not exist never clears a session.
func (m *Manager[U]) evaluate(ctx context.Context, s *ssestore.Session, who ssestore.Identity) answer[U] {
	if who.ID == "" { // G1
		return answer[U]{err: ErrNoUser}
	}
	user, err := m.cfg.UserByID(ctx, who.ID)
	if err == nil && none(user) {
		err = ErrNoUser
	}
	if err != nil {
		return m.notFound(ctx, s, who, err)
	}
	if m.cfg.ID(user) != who.ID {
		// A store that answers with somebody else must not log anybody in.
		return down[U](s, errOtherID)
	}
	if m.cfg.DangerouslySkipStamp { // G3
		s.Confirm(ssestore.Stamp{})
		return answer[U]{user: user}
	}
	field := m.cfg.Stamp(user)
	if who.Stamp.KeyID == "" {
		if !who.Adopted {
			return refuse[U](s, who, cookie.ReasonStampMissing) // G4
		}
		// A session that came from another format has no stamp yet. Whether the
		// password changed before that cannot be told.
		return m.confirm(s, who, user, field)
	}
	stamp, err := s.Stamp(who.Stamp.KeyID, who.ID, field)
	if err != nil { // G6u
		s.Note(cookie.ReasonStampUnknownKey)
		return answer[U]{err: ErrNoUser, refused: cookie.ReasonStampUnknownKey, id: who.ID}
	}
	if !stamp.Equal(who.Stamp) {
		return refuse[U](s, who, cookie.ReasonStampMismatch) // G7
	}
	if stamp.Age < 0 { // G6
		return m.confirm(s, who, user, field)
	}
	s.Confirm(ssestore.Stamp{}) // G5, G5n
	return answer[U]{user: user}
}

// notFound decides between the rows in which UserByID gave no user.
func (m *Manager[U]) notFound(ctx context.Context, s *ssestore.Session, who ssestore.Identity, err error) answer[U] {
	noUser, badID := errors.Is(err, ErrNoUser), errors.Is(err, ErrBadID)
	switch {
	case !noUser && !badID: // G8
		return down[U](s, err)
	case ctx != nil && ctx.Err() != nil:
		// Some stores answer "not found" when their query was cut short. That
		// would send a user with a good session to the login page.
		return down[U](s, errors.Join(errCutShort, ctx.Err()))
	case badID: // G9
		return refuse[U](s, who, cookie.ReasonBadUserID)
	}
	return answer[U]{err: ErrNoUser} // G2: an account may come back
}

// confirm accepts the user and offers a stamp under the primary. Without an
// active primary there is none to offer, and the session stays as it is.
func (m *Manager[U]) confirm(s *ssestore.Session, who ssestore.Identity, user U, field string) answer[U] {
	fresh, err := s.Stamp("", who.ID, field)
	if err != nil {
		fresh = ssestore.Stamp{}
	}
	s.Confirm(fresh)
	return answer[U]{user: user}
}

// refuse clears the session, unless somebody logged in or out while the store
// was answering: then the verdict is about a session that is gone.
func refuse[U any](s *ssestore.Session, who ssestore.Identity, reason cookie.Reason) answer[U] {
	if s.Identity() != who {
		return answer[U]{err: ErrNoUser}
	}
	s.Refuse(reason)
	return answer[U]{err: ErrNoUser, refused: reason, id: who.ID}
}

// down is the answer when nothing is known: the session must not be touched.
func down[U any](s *ssestore.Session, cause error) answer[U] {
	s.Hold()
	return answer[U]{err: &storeError{cause}}
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
	age := s.Now().Unix() - s.Identity().AuthTime.Unix()
	return age <= int64(maxAge/time.Second)
}
