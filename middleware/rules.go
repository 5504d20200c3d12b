package middleware

import (
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
)

// admit resolves the user and applies the rules in order. When it says false
// the request has been answered. The user is looked up once per request,
// however many guards stand around a handler.
func (g *Guard[U]) admit(w http.ResponseWriter, r *http.Request, rules ...auth.Rule[U]) (user U, ok bool) {
	if g == nil || g.core == nil {
		unmade(w, r)
		return user, false
	}
	user, err := g.accounts.Authorize(r.Context(), g.core.session(r), rules...)
	if err != nil {
		g.core.refuse(w, r, err)
		var none U
		return none, false
	}
	return user, true
}

// guarded is a handler behind rules.
func (g *Guard[U]) guarded(next http.Handler, rules ...auth.Rule[U]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := g.admit(w, r, rules...); ok {
			next.ServeHTTP(w, r)
		}
	})
}

// LoginRequired lets a request pass that has a user. Others are asked to log
// in, in the form that suits the caller, judged in this order:
//
//   - HX-Request (htmx): 401 with HX-Redirect;
//   - Sec-Fetch-Mode other than navigate (fetch, XMLHttpRequest): 401 with
//     problem+json;
//   - Accept prefers JSON to HTML: the same;
//   - else 302 to the login page, with the page to come back to in its query.
//
// Without a login page it is 403 instead of 302, and 401 without HX-Redirect.
// While the user store is down it is 503 with Retry-After, and the session
// stays as it is. Where [Guard.Handler] is missing it is 500. Refusals are
// never cached, and answers to a user are private, no-store unless the handler
// sets a Cache-Control, to which private is then added.
func (g *Guard[U]) LoginRequired(next http.Handler) http.Handler {
	return g.guarded(next)
}

// StaffRequired lets a request pass whose user is staff (auth.Config.Staff). It
// implies LoginRequired. Other users get 404, or 403 with
// [Config].StaffForbidden.
func (g *Guard[U]) StaffRequired(next http.Handler) http.Handler {
	if g == nil {
		return http.HandlerFunc(unmade)
	}
	return g.guarded(next, g.staff...)
}

// Check lets a request pass whose user passes a rule of the application. It
// implies LoginRequired. An [auth.Forbidden] is a 403 that shows its text, an
// error that wraps [auth.ErrUserStore] a 503, [auth.ErrNoUser] asks for a login
// and [auth.ErrNotStaff] is as in StaffRequired. Any other error is a 500
// without text and goes to [Config].OnOutcome; so does a nil rule.
func (g *Guard[U]) Check(rule auth.Rule[U], next http.Handler) http.Handler {
	return g.guarded(next, rule)
}

// ForUser is LoginRequired for a handler that takes the user as an argument.
// Inside of StaffRequired or Check it costs no second lookup.
func (g *Guard[U]) ForUser(next func(w http.ResponseWriter, r *http.Request, user U)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, ok := g.admit(w, r); ok {
			next(w, r, user)
		}
	})
}

// ForAnyone is for pages that everybody may see and that look different for a
// user. ok is false, and user the zero value, when there is none. While the user
// store is down it answers 503: to show the page without its user would look
// like a logout.
func (g *Guard[U]) ForAnyone(next func(w http.ResponseWriter, r *http.Request, user U, ok bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g == nil || g.core == nil {
			unmade(w, r)
			return
		}
		user, err := g.accounts.GetUser(r.Context(), g.core.session(r))
		switch {
		case err == nil:
			next(w, r, user, true)
		case errors.Is(err, auth.ErrNoUser):
			var none U
			next(w, r, none, false)
		default:
			g.core.refuse(w, r, err)
		}
	})
}
