package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

var errNoEnder = errors.New("auth: Config.Ender is not set, so only this browser's session can be ended")

// An ender is what Config.Ender is.
type ender interface {
	End(ctx context.Context, mark marks.Mark) error
}

// publish tells the other instances which sessions end with this request's response.
func publish(ctx context.Context, e ender, p ssestore.Principal) {
	if e == nil {
		return
	}
	for _, mark := range p.Ended() {
		if err := end(ctx, e, mark); err != nil {
			p.Unpublished(err)
		}
	}
}

// end publishes a mark for a request. A client that goes away doesn't prevent that: who
// closes the window after a logout has logged out.
func end(ctx context.Context, e ender, mark marks.Mark) error {
	if ctx == nil {
		ctx = context.Background()
	}
	return unpublished(e.End(detached{ctx}, mark))
}

// detached is a context that doesn't end. It is context.WithoutCancel without the rest of
// that package, which is most of what this package would add to a WebAssembly program.
type detached struct{ context.Context }

func (detached) Deadline() (at time.Time, ok bool) { return }
func (detached) Done() <-chan struct{}             { return nil }
func (detached) Err() error                        { return nil }

func unpublished(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("auth: it isn't known whether the other instances were told: %w", err)
}

// Kick ends all sessions of the user called id, on every instance, and also those in
// which that user impersonates somebody. It is for administrators, and for what happens
// without a browser: an account that is closed, an identity provider that says so. The
// user can log in again at once. To prevent that, let UserByID return [ErrNoUser].
//
// Sessions that were issued by an instance whose clock is ahead of the one that calls
// Kick may survive, if they are that young. Kick doesn't look for the user.
//
// Errors: [ErrBadID] for an id that no session can have; an error if [Config].Ender
// isn't set; and, matching what the Ender returned, one that says that nobody knows
// whether the other instances were told: call Kick again.
func (m *Manager[U]) Kick(ctx context.Context, id string) error {
	switch {
	case !m.ready():
		return &storeError{errNotNew}
	case m.cfg.Ender == nil:
		return errNoEnder
	case !claims.ValidSub(id): // a line break behind it, and nobody would be kicked
		return ErrBadID
	}
	return unpublished(m.cfg.Ender.End(ctx, marks.Mark{Kind: marks.User, ID: id}))
}

// LogoutEverywhere ends all sessions of the user of s, on every instance, and s itself as
// [Manager.Logout] does. Without an Ender, use a counter in the stamped field instead;
// see [Config].Stamp.
//
// Errors: those of Logout; [ErrNotLoggedIn] if nobody is logged in; [ErrUserStore]; and
// those of [Manager.Kick]. After these, s has ended all the same, but the other sessions
// may go on: say so, and let the user try again after a login. After
// [ssestore.ErrReadOnly], nothing has ended.
func (m *Manager[U]) LogoutEverywhere(ctx context.Context, s *ssestore.Session) error {
	if s.ReadOnly() { // a mark would end only the sessions here
		return m.Logout(ctx, s)
	}
	user, err := m.GetUser(ctx, s)
	switch {
	case err == ErrNoUser:
		err = ErrNotLoggedIn
	case err == nil && m.cfg.Ender == nil:
		err = errNoEnder
	case err == nil:
		err = end(ctx, m.cfg.Ender, marks.Mark{Kind: marks.User, ID: m.cfg.ID(user)})
		s.Principal().Unpublished(err)
	}
	return cmp.Or(m.Logout(ctx, s), err)
}

// LogoutOthers ends all sessions of the user of s, on every instance, but s. That one
// gets a new id, so a copy of its cookie ends too, and keeps everything else: its data,
// its deadline and the time of the login. Who keeps a list of a user's sessions
// ([ssestore.Principal.Mark]) enters the new one.
//
// While somebody is impersonated it does nothing: each call moves the time of issue
// ahead, and a Kick of who is behind the session wouldn't reach it.
//
// Errors: [ErrNoSession]; [ErrNotLoggedIn] if nobody is logged in; [ErrImpersonation];
// [ErrUserStore]; those of [ssestore.Principal.Reissue], before anything is ended; and
// those of [Manager.Kick].
func (m *Manager[U]) LogoutOthers(ctx context.Context, s *ssestore.Session) error {
	user, err := m.GetUser(ctx, s)
	switch {
	case err == ErrNoUser:
		return ErrNotLoggedIn
	case err != nil:
		return err
	case m.cfg.Ender == nil:
		return errNoEnder
	}
	p, id := s.Principal(), m.cfg.ID(user)
	who := p.Identity()
	if who.ID != id {
		return ErrNotLoggedIn // somebody else has logged in meanwhile
	}
	if who.Actor != nil {
		return ErrImpersonation
	}
	// Reissue comes first: after a mark without it, this session would end too.
	before, err := p.Reissue(who)
	if err == ssestore.ErrNobody {
		return ErrNotLoggedIn
	}
	if err != nil {
		return err
	}
	err = end(ctx, m.cfg.Ender, marks.Mark{Kind: marks.User, ID: id, Before: before})
	p.Unpublished(err)
	return err
}
