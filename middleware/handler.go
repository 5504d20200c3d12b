package middleware

import (
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// User returns the user of a request, as [auth.Manager.GetUser] does. The error is
// nil only if somebody is logged in: [auth.ErrNoUser] means that nobody is,
// [auth.ErrUserStore] that it couldn't be found out. A handler inside
// [Guard.ForUser] or [Guard.ForAnyone] has the user already, and has no error to
// tell apart.
func (g *Guard[U]) User(r *http.Request) (U, error) {
	s := g.Session(r)
	if s == nil {
		var none U
		return none, auth.ErrNoSession
	}
	return g.accounts.GetUser(r.Context(), s)
}

// Login makes user the user of the session, as [auth.Manager.Login] does. Check the
// password first, and redirect with 303 to [Guard.Next] afterwards. For "remember
// me", call Remember on [Guard.Session].
func (g *Guard[U]) Login(r *http.Request, user U) error {
	s := g.Session(r)
	if s == nil {
		return auth.ErrNoSession
	}
	return g.accounts.Login(r.Context(), s, user)
}

// Logout ends the session, as [auth.Manager.Logout] does. It is for handlers that do
// more than log out, such as one that deletes the account. [Guard.LogoutHandler]
// is a whole handler, and refuses everything but POST.
func (g *Guard[U]) Logout(r *http.Request) error {
	s := g.Session(r)
	if s == nil {
		return auth.ErrNoSession
	}
	return g.accounts.Logout(r.Context(), s)
}

// Session returns this guard's session of a request. It is like [Session], and
// differs from it only where guards are nested: that returns the session of the
// innermost guard.
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
