package middleware

import (
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// User returns the user of a request, like [auth.Manager.GetUser]. The error is nil
// only if somebody is logged in. [auth.ErrNoUser] means that nobody is, and
// [auth.ErrUserStore] that there was no way to find out. Handlers inside
// [Guard.ForUser] or [Guard.ForAnyone] already have the user, and no errors to deal
// with.
func (g *Guard[U]) User(r *http.Request) (U, error) {
	s := g.Session(r)
	if s == nil {
		var none U
		return none, auth.ErrNoSession
	}
	return g.accounts.GetUser(r.Context(), s)
}

// Login makes user the user of the session, like [auth.Manager.Login]. Check the
// password first, and redirect to [Guard.Next] with 303 afterwards; an API answers 204.
// For "remember me", call Remember on [Guard.Session].
func (g *Guard[U]) Login(r *http.Request, user U) error {
	s := g.Session(r)
	if s == nil {
		return auth.ErrNoSession
	}
	return g.accounts.Login(r.Context(), s, user)
}

// Logout ends the session, like [auth.Manager.Logout]. It is for handlers that do
// more than log out, such as one that deletes the account, and for APIs, which answer
// 204. Don't call it on GET. [Guard.LogoutHandler] is a complete handler, and refuses
// everything but POST.
func (g *Guard[U]) Logout(r *http.Request) error {
	s := g.Session(r)
	if s == nil {
		return auth.ErrNoSession
	}
	return g.accounts.Logout(r.Context(), s)
}

// Accounts returns the manager of users that the guard was made with.
func (g *Guard[U]) Accounts() *auth.Manager[U] {
	if g == nil {
		return nil
	}
	return g.accounts
}

// Store returns the store of sessions that the guard was made with.
func (g *Guard[U]) Store() *ssestore.Store {
	if g == nil || g.core == nil {
		return nil
	}
	return g.core.store
}

// Session returns this guard's session of a request. It differs from [Session] only if
// guards are nested, when that function returns the session of the innermost guard.
func (g *Guard[U]) Session(r *http.Request) *ssestore.Session {
	if r == nil {
		return nil
	}
	if g == nil || g.core == nil {
		stray.say(r, noGuard)
		return nil
	}
	return g.core.session(r)
}
