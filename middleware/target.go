package middleware

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/internal/hostport"
)

// https reports whether the browser uses https: the connection is TLS, or the
// session cookie is Secure, and then it wouldn't work any other way. It never
// reads forwarded headers, which anyone who reaches the server directly can forge.
func (c *core) https(r *http.Request) bool {
	return r.TLS != nil || c.store.Secure()
}

func (c *core) scheme(r *http.Request) string {
	if c.https(r) {
		return "https"
	}
	return "http"
}

// loginURL returns the login page for a visitor who was refused at r, or "" if
// the application has none.
func (c *core) loginURL(r *http.Request, who caller) string {
	if c.cfg.LoginURL == "" {
		return ""
	}
	login := c.withReason(c.cfg.LoginURL, c.session(r).Principal().Refused())
	back := c.backTarget(r, who)
	if back == "" {
		return next.LoginURL(login, "", "")
	}
	return next.LoginURL(login, c.scheme(r)+"://"+r.Host+back, c.nextField)
}

// backTarget returns the page (path and query) to show after the login, or "" if
// there is none that a GET could fetch.
//
//   - htmx fetches fragments, except for a link that it boosts. HX-Current-URL names
//     the page around them.
//   - So does a frame of Turbo's. Referer names the page, or else the frame will do.
//   - A GET or HEAD asks for the page itself.
//   - A redirect can't repeat anything else. Referer names the page it came from.
func (c *core) backTarget(r *http.Request, who caller) string {
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	if who == htmx && !(get && only(r.Header["Hx-Boosted"], "true")) {
		return ownPage(r, r.Header["Hx-Current-Url"])
	}
	if !get || len(r.Header["Turbo-Frame"]) > 0 {
		if page := ownPage(r, r.Header["Referer"]); page != "" || !get {
			return page
		}
	}
	return c.requestTarget(r)
}

// requestTarget returns the path and query that the browser asked for: those on the
// request line, after what a proxy took away. It doesn't use r.URL because
// http.StripPrefix and routers change that.
func (c *core) requestTarget(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return c.cfg.BasePath + r.RequestURI
	}
	if t := r.URL.RequestURI(); strings.HasPrefix(t, "/") { // an absolute-form target, or a request made in a test
		return c.cfg.BasePath + t
	}
	return ""
}

// ownPage returns the path and query of a URL that the browser sent, or "" if it
// names another site. http and https both pass: TLS can end at a proxy, and only
// the path is used.
func ownPage(r *http.Request, lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	u, err := url.Parse(lines[0])
	if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || !hostport.Equal(u.Scheme, u.Host, r.Host) {
		return ""
	}
	return u.RequestURI()
}

// next returns the target that the request itself names, if it is safe, and
// fallback otherwise.
func (c *core) next(r *http.Request, fallback string) string {
	if c.nextField == "" {
		return fallback
	}
	to := ""
	if r.Method == http.MethodPost {
		// A form that doesn't parse names no target. That isn't an error here:
		// the handler that reads the password meets it too.
		_ = r.ParseForm()
		if v := r.PostForm[c.nextField]; len(v) > 0 {
			// The form's value counts even if it is empty or unsafe, so
			// that the URL it was posted to can't overrule it.
			return c.safe(r, v[0], fallback)
		}
	}
	if r.URL.RawQuery != "" {
		to = r.URL.Query().Get(c.nextField)
	}
	return c.safe(r, to, fallback)
}

func (c *core) safe(r *http.Request, to, fallback string) string {
	if to == "" {
		return fallback
	}
	hosts := make([]string, 0, 1+len(c.cfg.AllowedHosts))
	if r.Host != "" {
		hosts = append(hosts, r.Host)
	}
	if !next.Safe(to, append(hosts, c.cfg.AllowedHosts...), c.https(r)) {
		return fallback
	}
	return to
}

// loops reports whether a redirect to to leads back to r's own page.
func (c *core) loops(r *http.Request, to string) bool {
	here, err := url.ParseRequestURI(c.requestTarget(r))
	if err != nil {
		return true
	}
	there, err := here.Parse(to)
	if err != nil {
		return true // nobody knows where it leads
	}
	if there.Scheme == "" {
		there.Scheme = c.scheme(r)
	}
	if there.Host != "" && !hostport.Equal(there.Scheme, there.Host, r.Host) {
		return false
	}
	return path.Clean("/"+there.Path) == path.Clean("/"+here.Path)
}
