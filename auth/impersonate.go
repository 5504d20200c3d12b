package auth

import (
	"context"

	"github.com/hardtack-go/hardtack/ssestore"
)

// Impersonate makes the session that of user, for an administrator who looks at the
// site as that user sees it. Whether the one who is logged in may do that is for the
// application to check first. [Manager.EndImpersonation] leads back.
//
// From then on GetUser returns user, and rules ask about user. The administrator stays
// behind the session as its actor, whom [Manager.Actor] returns. Every GetUser checks
// the actor as well, so the session ends when either of the two changes a password, and
// UserByID is called twice per request. [Manager.RecentLogin] is false, so that nobody
// changes somebody else's password, and the Outcome of each request says Impersonated.
//
// This isn't a login. The session gets a new id, and keeps the administrator's deadline
// and the time of their login; the values in it are dropped. OnLogin runs, with user;
// Actor tells it from a login.
//
// Errors: [ErrNotLoggedIn] if nobody is logged in; [ErrImpersonation] if the session has
// an actor already, or user is the one who is logged in; and those of Login. After an
// error the session is as it was, and OnLogin doesn't run.
func (m *Manager[U]) Impersonate(ctx context.Context, s *ssestore.Session, user U) error {
	if none(user) {
		return ErrNoUser
	}
	admin, err := m.GetUser(ctx, s)
	if err == ErrNoUser {
		return ErrNotLoggedIn
	}
	if err != nil {
		return err
	}
	id, adminID := m.cfg.ID(user), m.cfg.ID(admin)
	if err := m.become(s, user, func(who ssestore.Identity) (*ssestore.Actor, error) {
		switch {
		case who.ID != adminID:
			return nil, ErrNotLoggedIn
		case who.Actor != nil, who.ID == id:
			return nil, ErrImpersonation
		}
		stamp, err := m.stamp(s.Principal(), admin)
		return &ssestore.Actor{ID: adminID, Stamp: stamp}, err
	}); err != nil {
		return err
	}
	m.remember(s.Principal(), id, both[U]{user, admin})
	publish(ctx, m.cfg.Ender, s.Principal())
	if m.cfg.OnLogin != nil {
		m.cfg.OnLogin(ctx, s, user)
	}
	return nil
}

// EndImpersonation gives the session back to its actor, as a session of their own: with
// a new id, their deadline and the time of their login, and without the values of the
// user. OnLogout runs first, with that user, and still sees both.
//
// Errors: [ErrNotLoggedIn] if nobody is logged in, or no longer is; [ErrImpersonation] if
// the session has no actor; and those of Login. If the user has been deleted meanwhile,
// only a logout is left.
func (m *Manager[U]) EndImpersonation(ctx context.Context, s *ssestore.Session) error {
	user, err := m.GetUser(ctx, s)
	if err == ErrNoUser {
		return ErrNotLoggedIn
	}
	if err != nil {
		return err
	}
	admin, err := m.Actor(ctx, s)
	if err != nil {
		return ErrImpersonation
	}
	if m.cfg.OnLogout != nil {
		m.cfg.OnLogout(ctx, s, user, true)
	}
	id, adminID := m.cfg.ID(user), m.cfg.ID(admin)
	if err := m.become(s, admin, func(who ssestore.Identity) (*ssestore.Actor, error) {
		if who.ID != id || who.Actor == nil || who.Actor.ID != adminID {
			return nil, ErrNotLoggedIn // the hook did something about it
		}
		return nil, nil
	}); err != nil {
		return err
	}
	m.remember(s.Principal(), adminID, admin)
	publish(ctx, m.cfg.Ender, s.Principal())
	return nil
}

// Actor returns who is behind the session while somebody is impersonated, or
// [ErrNoUser]. The other errors are those of GetUser, which it calls.
func (m *Manager[U]) Actor(ctx context.Context, s *ssestore.Session) (U, error) {
	var actor U
	if _, err := m.GetUser(ctx, s); err != nil {
		return actor, err
	}
	err := error(ErrNoUser)
	s.Principal().Memo(m, func(_ ssestore.Identity, known any) any {
		if b, ok := known.(both[U]); ok {
			actor, err = b.actor, nil
		}
		return known
	})
	return actor, err
}

// become makes the session that of user, if actor agrees, and with the actor that it
// returns.
func (m *Manager[U]) become(s *ssestore.Session, user U, actor func(who ssestore.Identity) (*ssestore.Actor, error)) (err error) {
	p := s.Principal()
	// Within the memo, because an evaluation under way is about the session before.
	p.Memo(m, func(who ssestore.Identity, known any) any {
		var behind *ssestore.Actor
		if behind, err = actor(who); err != nil {
			return known
		}
		var stamp ssestore.Stamp
		if stamp, err = m.stamp(p, user); err == nil {
			err = p.Become(who, m.cfg.ID(user), stamp, behind)
		}
		if err == ssestore.ErrNobody { // it was ended meanwhile
			err = ErrNotLoggedIn
		}
		return known
	})
	return err
}

// stamp returns a user's stamp under the primary, or none where stamps are off.
func (m *Manager[U]) stamp(p ssestore.Principal, user U) (ssestore.Stamp, error) {
	if m.cfg.DangerouslySkipStamp {
		return ssestore.Stamp{}, nil
	}
	return p.Stamp(m.cfg.ID(user), m.field(user))
}
