package auth

import (
	"context"
	"slices"

	"github.com/hardtack-go/hardtack/ssestore"
)

// Login makes user the user of the session. Call it after the application has checked
// a password, a passkey or the like, and that the account may be used.
//
// The session gets a new id, a stamp and a seal under the primary key, and a new
// deadline. What an anonymous visitor put into it stays (see [Config.KeepOnLogin]).
// What another user put into it goes. So does the data of the same user if its stamp
// isn't that of the user as given, because somebody who knew an old password may have
// left it there.
//
// Errors: [ErrNoSession] for a nil session; [ErrNoUser] for a nil user; [ErrBadID]
// for a user without an id, or with one that can't be stored; a
// *cookie.SizeError if the cookie can't hold the session; and the other errors of
// [ssestore.Principal.Begin]: no active key, a response that is already committed, or
// a user store that failed earlier in this request (ErrHeld). After an error the
// session is as it was, and OnLogin doesn't run.
func (m *Manager[U]) Login(ctx context.Context, s *ssestore.Session, user U) error {
	if !m.ready() {
		return &storeError{errNotNew}
	}
	if none(user) {
		return ErrNoUser
	}
	if err := m.begin(s, user, m.cfg.ID(user), m.field(user)); err != nil {
		return err
	}
	publish(ctx, m.cfg.Ender, s.Principal())
	if m.cfg.OnLogin != nil {
		m.cfg.OnLogin(ctx, s, user)
	}
	return nil
}

func (m *Manager[U]) begin(s *ssestore.Session, user U, id, field string) (err error) {
	p := s.Principal()
	// Do this within the memo, because an evaluation under way is about the old
	// session.
	p.Memo(m, func(who ssestore.Identity, known any) any {
		// keep comes first, because it may refresh the keys, and the stamp must be
		// made under the primary that will seal the new session.
		keep := m.keep(p, who, user, id, field)
		var stamp ssestore.Stamp
		if !m.cfg.DangerouslySkipStamp {
			if stamp, err = p.Stamp(id, field); err != nil {
				return known
			}
		}
		err = p.Begin(id, stamp, keep)
		return known
	})
	if err == nil {
		m.remember(p, id, user)
	}
	return err
}

// keep says which data survives the login of the user called id, by the rows L1 to L6
// of docs/BEHAVIOUR.md. nil means all of it.
func (m *Manager[U]) keep(p ssestore.Principal, who ssestore.Identity, user U, id, field string) func(name string) bool {
	nothing := func(string) bool { return false }
	switch {
	case who.Actor != nil: // an administrator left it there
		return nothing
	case who.ID == "": // L1
		if m.cfg.KeepOnLogin == nil {
			return nil
		}
		return func(name string) bool { return slices.Contains(m.cfg.KeepOnLogin, name) }
	case who.ID != id, m.outdated(&who, user): // L2, and L6: a text that is no id is not this user's
		return nothing
	case m.cfg.DangerouslySkipStamp: // L4
		return nil
	case who.Adopted && who.Stamp.KeyID == "": // as GetUser takes it: this user's
		return nil
	}
	if _, ok, _ := p.Check(who.Stamp, id, field); !ok { // L3, also if there is no stamp
		return nothing
	}
	return nil // L4, L5
}

// Logout ends the session. Its contents go, and the response deletes the cookie,
// whatever the status. [Config.OnLogout] runs first and still sees the user, if there
// is one and the store answers. Logging out without being logged in is fine, and a
// store that is down doesn't prevent a logout.
//
// A copy of the cookie that was made earlier still works elsewhere, because nothing is
// stored on the server. It ends with its idle or absolute timeout, at once when the
// user's stamp changes, or, with [Config].Ender, with the logout. If the Ender fails, that
// isn't an error of Logout: see Unpublished of the request's Outcome.
//
// A session that another system writes ends only there: the error is
// [ssestore.ErrReadOnly], and OnLogout doesn't run. Guard.LogoutHandler of package
// middleware sends its user there.
func (m *Manager[U]) Logout(ctx context.Context, s *ssestore.Session) error {
	if s == nil {
		return ErrNoSession
	}
	if s.ReadOnly() { // before the hook is told what won't happen
		return s.Principal().End()
	}
	// Without a hook there is no need to ask the store.
	if m.ready() && m.cfg.OnLogout != nil {
		user, err := m.GetUser(ctx, s)
		m.cfg.OnLogout(ctx, s, user, err == nil)
	}
	if err := s.Principal().End(); err != nil {
		return err
	}
	if m.ready() {
		publish(ctx, m.cfg.Ender, s.Principal())
	}
	return nil
}

// RefreshStamp keeps this session after its user's stamped field changed. All other
// sessions of that user end on their next request:
//
//	user, err := users.GetUser(ctx, s)  // before the change
//	user.PasswordHash = …               // change and store it
//	err = users.RefreshStamp(ctx, s, user)
//
// The session keeps its id, its deadline and its data. The cookie is reissued, and
// the idle time restarts.
//
// GetUser must have returned the same user (by id) earlier in this request, before the
// change was stored. Otherwise nobody has checked that this session was a good one, and
// RefreshStamp returns [ErrNotLoggedIn] and leaves the session alone. With
// DangerouslySkipStamp there is nothing to refresh.
func (m *Manager[U]) RefreshStamp(ctx context.Context, s *ssestore.Session, user U) error {
	if s == nil {
		return ErrNoSession
	}
	if !m.ready() {
		return &storeError{errNotNew}
	}
	if none(user) {
		return ErrNoUser
	}
	id, field := m.cfg.ID(user), m.field(user)
	p := s.Principal()
	err := ErrNotLoggedIn
	var answer any = user
	p.Memo(m, func(who ssestore.Identity, known any) any {
		if known == nil || who.ID != id {
			return known
		}
		if _, failure := remembered[U](known); failure != nil {
			return known
		}
		if b, ok := known.(both[U]); ok {
			answer = both[U]{user, b.actor}
		}
		if err = nil; m.cfg.DangerouslySkipStamp {
			return known
		}
		var stamp ssestore.Stamp
		if stamp, err = p.Stamp(id, field); err == nil {
			err = p.Restamp(stamp)
		}
		return known
	})
	if err == nil {
		m.remember(p, id, answer)
	}
	return err
}
