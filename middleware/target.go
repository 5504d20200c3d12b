package middleware

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/hardtack-go/hardtack/auth/next"
)

// https says whether the browser sees this site over https: the connection is
// TLS, or the session cookie is Secure, which a browser would not have sent
// otherwise. Forwarded headers are never believed: whoever reaches the server
// directly could write them.
func (c *core) https(r *http.Request) bool {
	return r.TLS != nil || c.store.Secure()
}

// loginURL is where a visitor logs in who was refused at r. It is "" when the
// application has no login page.
func (c *core) loginURL(r *http.Request, who caller) string {
	if c.cfg.LoginURL == "" {
		return ""
	}
	back := backTarget(r, who)
	if back == "" {
		return next.LoginURL(c.cfg.LoginURL, "", "")
	}
	scheme := "http"
	if c.https(r) {
		scheme = "https"
	}
	return next.LoginURL(c.cfg.LoginURL, scheme+"://"+r.Host+back, c.nextField)
}

// backTarget is the page (path and query) that a visitor wants after the
// login; "" when there is none that could be asked for again.
//
//   - htmx asks for fragments: the page is in HX-Current-URL.
//   - A GET or HEAD asks for the page itself.
//   - Anything else cannot be repeated by a redirect: the page it was sent from
//     is in Referer.
func backTarget(r *http.Request, who caller) string {
	switch {
	case who == htmx:
		return ownPage(r, r.Header["Hx-Current-Url"])
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return requestTarget(r)
	default:
		return ownPage(r, r.Header["Referer"])
	}
}

// requestTarget is the path and query on the request line. r.URL will not do:
// http.StripPrefix and routers change it, and the visitor must come back to
// what the browser asked for.
func requestTarget(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	if t := r.URL.RequestURI(); strings.HasPrefix(t, "/") { // an absolute-form target, or a request made in a test
		return t
	}
	return ""
}

// ownPage is the path and query of a URL that the browser sent, if it names
// this site. The scheme may be either: TLS can end before us, and only the path
// is used.
func ownPage(r *http.Request, lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	u, err := url.Parse(lines[0])
	if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
		return ""
	}
	return u.RequestURI()
}

// next is where the request itself wants to go on to, if that is safe;
// otherwise fallback.
func (c *core) next(r *http.Request, fallback string) string {
	if c.nextField == "" {
		return fallback
	}
	to := ""
	if r.Method == http.MethodPost {
		// An unreadable form is no next. It is not an error here: the handler
		// that reads the password will meet it too.
		_ = r.ParseForm()
		if v := r.PostForm[c.nextField]; len(v) > 0 {
			// The form's own value, even if it is empty or unsafe: it must
			// not be overruled by the URL that the form was posted to.
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

// loops says whether a redirect to to would come back to r's own page.
func loops(r *http.Request, to string) bool {
	here, err := url.ParseRequestURI(requestTarget(r))
	if err != nil {
		return true
	}
	there, err := here.Parse(to)
	if err != nil {
		return true // where it ends is not known
	}
	if there.Host != "" && !strings.EqualFold(there.Host, r.Host) {
		return false
	}
	return path.Clean("/"+there.Path) == path.Clean("/"+here.Path)
}
