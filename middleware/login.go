package middleware

import (
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
)

// Next returns the page that a login or logout handler should redirect to, with
// 303: the next that came with the request if it is safe, and fallback unchanged
// otherwise. A safe next stays on the request's own host or on one of
// [Config].AllowedHosts; next.Safe has the rules.
//
// A login form without an action is posted to its page's own URL, and so brings the
// next along. A form with an action needs it in a hidden field, or in the action's
// query. In a POST the field takes precedence over the query, even if it is empty or
// unsafe. Next parses URL-encoded forms only; a handler that accepts multipart forms
// must parse them first.
func (g *Guard[U]) Next(r *http.Request, fallback string) string {
	if g == nil || g.core == nil {
		return fallback
	}
	return g.core.next(r, fallback)
}

// LoginHandler wraps a login page and redirects (303) visitors who are already logged
// in: to next if it is safe, and to the fixed page to otherwise. It redirects only
// GET and HEAD, in the same forms as [Guard.LogoutHandler]. A POST always reaches
// form and authenticates, because somebody else may be at the browser by then.
// LoginHandler never redirects to the login page itself. If both targets lead there,
// it shows form.
//
// Don't use it for a page that asks logged-in users for their password again
// (auth.Manager.RecentLogin): it would send them away.
//
// An application with CSRF tokens of its own should replace them at login.
func (g *Guard[U]) LoginHandler(to string, form http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if g == nil || g.core == nil {
			unmade(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			form.ServeHTTP(w, r)
			return
		}
		_, err := g.accounts.GetUser(r.Context(), g.core.session(r))
		if err != nil {
			if errors.Is(err, auth.ErrNoUser) {
				form.ServeHTTP(w, r)
			} else {
				g.core.refuse(w, r, err)
			}
			return
		}
		for _, target := range []string{g.core.next(r, to), to} {
			if !g.core.loops(r, target) { // "" leads to the form too
				sendOn(w, r, target)
				return
			}
		}
		form.ServeHTTP(w, r)
	}
}

// LogoutHandler ends the session and redirects (303) to a safe next, or else to
// the fixed page to ("" means "/", behind [Config].BasePath). It accepts POST only:
// links, images and prefetches are GETs and must not log anybody out. Other methods
// get 405 with Allow. htmx gets 200 with HX-Redirect, and Inertia 409 with
// X-Inertia-Location, because they would follow a 303 by themselves and put the
// result into the page. A fetch of your own follows it too; for an API,
// [Guard.Logout] and a 204 suit better. No cache keeps the answer, and it carries
// Clear-Site-Data if [Config].ClearSiteData is set. A logout works while the user
// store is down.
//
// If another system writes the session (ssestore.Legacy.ReadOnly), LogoutHandler ends
// nothing and leads to [Config].LogoutURL in the same forms. Without that URL, it answers
// 500, and [Config].OnMistake is told.
func (g *Guard[U]) LogoutHandler(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if g == nil || g.core == nil {
			unmade(w, r)
			return
		}
		if r.Method != http.MethodPost {
			g.core.methodNotAllowed(w, r, http.MethodPost)
			return
		}
		s := g.core.session(r)
		if to := g.core.cfg.LogoutURL; to != "" && s.ReadOnly() {
			sendOn(w, r, to)
			return
		}
		if err := g.accounts.Logout(r.Context(), s); err != nil {
			g.core.refuse(w, r, err)
			return
		}
		if g.core.siteData != "" {
			w.Header().Set("Clear-Site-Data", g.core.siteData)
		}
		home := to
		if home == "" {
			home = g.core.cfg.BasePath + "/"
		}
		sendOn(w, r, g.core.next(r, home))
	}
}
