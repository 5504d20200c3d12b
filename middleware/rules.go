package middleware

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// admit resolves the user and applies the rules in order. If it returns false, it
// has answered the request. A request costs one lookup of the user, however many
// guards surround the handler.
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

// LoginRequired passes requests that have a user on to next. It asks everyone else
// to log in, in a form that suits the caller. The first sign decides:
//
//   - A method that no link or form sends, such as OPTIONS: 401 with problem+json.
//   - HX-Request (htmx): 401 with HX-Redirect.
//   - X-Inertia: 409 with X-Inertia-Location.
//   - Upgrade (WebSocket), text/event-stream in Accept (EventSource), or
//     X-Requested-With: XMLHttpRequest: 401 with problem+json.
//   - Accept names HTML and ranks it above JSON: a person, or a library that shows
//     the answer to one, as Turbo does. A redirect to the login page, with the page
//     to come back to in its query: 302 for GET and HEAD, 303 for other methods.
//   - Sec-Fetch-Mode other than navigate (fetch): 401 with problem+json.
//   - Accept ranks JSON above HTML: the same.
//   - Anything else is a person.
//
// Without a login page the redirect becomes 403, and the others 401. The login page
// itself answers like this if it is guarded, because a redirect would lead back to
// it. Leave it out of the routes that you guard. While the user store is down, or nobody
// can tell whether the session was ended, the answer is 503 with Retry-After, and the
// session stays as it is. If [Guard.Handler] is missing, the answer is 500. No cache
// keeps a refusal. Answers to a user are private, no-store; if the handler sets a
// Cache-Control of its own, private is added to it.
func (g *Guard[U]) LoginRequired(next http.Handler) http.Handler {
	return g.guarded(next)
}

// StaffRequired passes requests whose user is staff, as Staff of [auth.Config] says.
// Without that function nobody is. StaffRequired implies LoginRequired. Other users get
// 404, because which staff pages exist is not for them to know. For a 403 use
// [Guard.Check] with a rule that returns an [auth.Forbidden].
func (g *Guard[U]) StaffRequired(next http.Handler) http.Handler {
	if g == nil {
		return http.HandlerFunc(unmade)
	}
	return g.guarded(next, g.staff...)
}

// Check passes requests whose user satisfies the application's own rule. It
// implies LoginRequired. If the rule returns an [auth.Forbidden], the answer is a
// 403 that shows its text; an error that wraps [auth.ErrUserStore] is a 503,
// [auth.ErrNoUser] asks for a login, and [auth.ErrNotStaff] answers as
// StaffRequired does. Any other error is a 500 without a text and is reported to
// [Config].OnOutcome. A nil rule is such an error.
func (g *Guard[U]) Check(rule auth.Rule[U], next http.Handler) http.Handler {
	return g.guarded(next, rule)
}

// Require returns middleware that lets a request pass whose user passes all of the
// rules, asked in this order. It is for a router's group of routes, and it treats
// the rules as Check does; without rules it is LoginRequired:
//
//	r.Use(guard.Require(accounts.Staff, worksAt("head office"))) // chi
func (g *Guard[U]) Require(rules ...auth.Rule[U]) func(http.Handler) http.Handler {
	rules = slices.Clone(rules) // the caller's slice stays the caller's
	return func(next http.Handler) http.Handler { return g.guarded(next, rules...) }
}

// Fresh returns a rule for the pages that matter, such as those of staff or of payments.
// It lets a user pass only if the news of ended sessions is no older than maxAge
// ([ssestore.Store.MarksAge]), as it is at the start of the request. Otherwise the answer
// is 503 with Retry-After, and the session stays as it is: the error wraps
// [auth.ErrUserStore]. maxAge should be several times as long as news usually takes, so
// at least some seconds.
//
//	mux.Handle("/pay/", guard.Check(guard.Fresh(30*time.Second), pay))
//
// The rule works behind [Guard.Handler] only. A store without [ssestore.Config].Marks, or
// with some that don't know their age, is a mistake: the answer is 500, with
// [ErrNoMarks].
func (g *Guard[U]) Fresh(maxAge time.Duration) auth.Rule[U] {
	return func(ctx context.Context, _ U) error {
		if g == nil || g.core == nil {
			return ssestore.ErrNoSession
		}
		x := g.core.exchange(ctx)
		if x == nil {
			return ssestore.ErrNoSession
		}
		age, ok := g.core.store.MarksAge(x.now)
		switch {
		case !ok:
			g.core.mistake(&x.req, noMarks)
			return ErrNoMarks
		case age > maxAge:
			return errStale{}
		}
		return nil
	}
}

// errStale is what Fresh returns when the news is too old.
type errStale struct{}

func (errStale) Error() string {
	return "middleware: it isn't known in time whether this session was ended"
}
func (errStale) Is(target error) bool { return target == auth.ErrUserStore }

// ForUser is LoginRequired for a handler that takes the user as an argument.
// Inside StaffRequired, Check or Require it costs no second lookup.
func (g *Guard[U]) ForUser(next func(w http.ResponseWriter, r *http.Request, user U)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if user, ok := g.admit(w, r); ok {
			next(w, r, user)
		}
	}
}

// ForAnyone is for pages that everybody may see and that look different to a user.
// Without a user, ok is false and user is the zero value. While the user store is
// down it answers 503, because a page without its user would look like a logout.
func (g *Guard[U]) ForAnyone(next func(w http.ResponseWriter, r *http.Request, user U, ok bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
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
	}
}
