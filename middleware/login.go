package middleware

import (
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/auth/next"
)

// Next returns where a login or logout handler sends the visitor on to: the
// next that came with the request if it is safe (see [next.Safe]; the
// request's own host and [Config].AllowedHosts may be named), otherwise
// fallback, as it is. In a POST the form's field wins over the query, also when
// it is empty or unsafe. It reads only URL-encoded forms by itself; a handler
// that takes multipart forms parses them first. Redirect with 303.
func (g *Guard[U]) Next(r *http.Request, fallback string) string {
	if g == nil || g.core == nil {
		return fallback
	}
	return g.core.next(r, fallback)
}

// LoginHandler wraps a login page so that a visitor who is logged in already is
// sent on (303) instead of being shown the form: to next where that is safe,
// else to the fixed page to. Only GET and HEAD are redirected. A POST always
// reaches form and authenticates: somebody else may sit at the browser. A
// redirect that would lead back to the login page itself is not sent; when both
// targets do, form is shown.
//
// Do not use it where a page asks a logged-in user to log in once more
// (auth.Manager.RecentLogin): it would send the user back unasked.
//
// An application with CSRF tokens of its own replaces them at login.
func (g *Guard[U]) LoginHandler(to string, form http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
			if !loops(r, target) { // "" is the form too
				redirect(w, http.StatusSeeOther, target)
				return
			}
		}
		form.ServeHTTP(w, r)
	})
}

// LogoutHandler ends the session and redirects (303) to a safe next, else to
// the fixed page to ("" means "/"). Only POST: a GET logs nobody out, since
// links, images and prefetches are GETs; it is answered 405 with Allow. htmx
// gets HX-Redirect instead of the 303, which it would follow itself and put
// into the page. The answer is not cached, and carries Clear-Site-Data if
// [Config].ClearSiteData says so. It works while the user store is down.
func (g *Guard[U]) LogoutHandler(to string) http.Handler {
	if to == "" {
		to = "/"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g == nil || g.core == nil {
			unmade(w, r)
			return
		}
		if r.Method != http.MethodPost {
			methodNotAllowed(w, r, http.MethodPost)
			return
		}
		if err := g.accounts.Logout(r.Context(), g.core.session(r)); err != nil {
			g.core.refuse(w, r, err)
			return
		}
		if g.core.siteData != "" {
			w.Header().Set("Clear-Site-Data", g.core.siteData)
		}
		target := g.core.next(r, to)
		if callerOf(r) == htmx {
			w.Header().Set("HX-Redirect", next.Location(target))
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
			return
		}
		redirect(w, http.StatusSeeOther, target)
	})
}
