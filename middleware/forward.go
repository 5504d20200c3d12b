package middleware

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// ErrIdentity is the reason of a 500 of [Guard.ForwardAuth]: a header's value can't be
// passed on without becoming another one.
var ErrIdentity = errors.New("middleware: an identity header has a comma, a control character, space at an end, more than 256 bytes, or isn't UTF-8")

// maxIdentity is the length in bytes of the longest value of an identity header. A
// gateway has a limit for all headers together, often 4 KB.
const maxIdentity = 256

// maxDetour is the length in bytes of the longest URL that is sent through RenewHandler.
// In a next parameter it takes up to three times as many, which still fits. A session at
// a longer URL is renewed with the next page.
const maxDetour = 512

// renewedMark ends the query of a page that comes back from [Guard.RenewHandler].
const renewedMark = "session-renewed=1"

// ForwardConfig describes one endpoint for a gateway; see [Guard.ForwardAuth].
type ForwardConfig[U any] struct {
	// Headers maps the identity headers, such as X-Auth-User, to functions that return
	// their values. Every answer has all of them, and they are empty if there is no user.
	// List every header that the application behind the gateway trusts, here and in the
	// gateway, which removes a client's only if it is listed. A value is UTF-8 of at most
	// 256 bytes, without commas, control characters, and space at its ends. A user whose
	// value breaks that gets 500, because a shortened name may be another user's.
	Headers map[string]func(U) string

	// Rule decides who may pass, as in [Guard.Check]. nil lets every user pass. Make
	// one endpoint for each rule, and let the gateway's configuration say which paths
	// ask which.
	Rule auth.Rule[U]

	// Renew is the path of [Guard.RenewHandler] as browsers see it, such as
	// "/auth/renew". A person who opens a page after half of the idle time, or with the
	// session of an earlier system (ssestore.Legacy), is sent there once. "" means that
	// using the application doesn't renew the session, so that everybody has to log in
	// again after Idle.
	Renew string

	// Nginx limits the answers to those that nginx's auth_request understands: 401 with
	// a Location instead of a redirect, and 403 instead of 404 and 425.
	Nginx bool

	_ struct{} // forces keyed literals, so that fields can be added
}

// ForwardAuth returns the endpoint that a gateway asks about each request before passing
// it on to an application. The gateway may be nginx (auth_request), Caddy
// (forward_auth), Traefik (ForwardAuth) or Envoy (ext_authz). Put the endpoint inside
// Handler. It answers
//
//   - 200 to a user who may pass, with the identity headers and no body;
//   - what [Guard.LoginRequired] and [Guard.Check] answer to everybody else, as if the
//     browser's request had come here;
//   - 403 to an unsafe request from another site, and 425 to one in early data, which
//     a gateway's GET would hide;
//   - a redirect to Renew, in time, to a person who opens a page.
//
// It never sets a cookie, because gateways lose them. Only the handler at Renew renews a
// session, which takes one redirect per half of the idle time. The browser comes back with
// a mark at the end of the page's query, which this endpoint removes.
//
// The gateway must pass on the browser's own headers. It must also set
// X-Forwarded-Method, X-Forwarded-Host and X-Forwarded-Uri, and overwrite those of the
// client. A method that is missing, doubled or unknown counts as POST, so a gateway that
// forgets it refuses links from other sites, and nothing worse. A WebSocket counts as
// POST too: only pages of this site may open one, and those that [Config].CrossOrigin
// trusts. Host and Uri make the page to come back to, if the host is in
// [Config].AllowedHosts. List each host behind the gateway there. Whoever reaches this
// endpoint directly and makes the headers up is sent to no other site. Nothing else
// depends on X-Forwarded-Uri.
//
// A __Host- cookie belongs to one host. So the gateway must serve the login page and
// Renew under each host that it protects, for example below /auth/, without asking
// this endpoint about them.
//
// ForwardAuth returns all faults of the configuration as joined [*ConfigError] values.
func (g *Guard[U]) ForwardAuth(cfg ForwardConfig[U]) (http.Handler, error) {
	faults := config.Faults{Package: "middleware"}
	if g == nil || g.core == nil {
		faults.Add("guard", "is nil or zero: the error of New says why")
		return nil, faults.Err()
	}
	headers := make(map[string]func(U) string, len(cfg.Headers))
	for name, value := range cfg.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if !identityName(name) || value == nil || headers[canonical] != nil {
			faults.Add("Headers", "must have names of letters, digits and '-' that start with X- or Remote-, each once, and a function for each")
			continue
		}
		headers[canonical] = value
	}
	if cfg.Renew != "" && (!strings.HasPrefix(cfg.Renew, "/") || !next.Safe(cfg.Renew, nil, true) || g.core.nextField == "") {
		faults.Add("Renew", "must be a path that starts with one slash, and needs a NextField")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	f := &forward[U]{accounts: g.accounts, cfg: cfg, headers: headers, names: slices.Sorted(maps.Keys(headers)), known: *g.core, unknown: *g.core}
	// The URL comes as the browser sees it.
	f.known.cfg.BasePath, f.unknown.cfg.BasePath = "", ""
	f.unknown.nextField = ""
	if cfg.Rule != nil {
		f.rules = []auth.Rule[U]{cfg.Rule}
	}
	return http.HandlerFunc(f.serve), nil
}

// identityName reports whether a header may name a user. Underscores are refused: WSGI,
// CGI and PHP don't tell them from hyphens, so a client's X_Auth_User would be the same
// variable (CVE-2025-64484 of oauth2-proxy).
func identityName(s string) bool {
	lower := strings.ToLower(s)
	return (strings.HasPrefix(lower, "x-") && !strings.HasPrefix(lower, "x-forwarded-") || strings.HasPrefix(lower, "remote-")) &&
		strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

type forward[U any] struct {
	accounts *auth.Manager[U]
	cfg      ForwardConfig[U]
	rules    []auth.Rule[U]
	headers  map[string]func(U) string
	names    []string // those of headers, sorted
	known    core     // for a browser at one of the allowed hosts
	unknown  core     // for one somewhere else: it names no page to come back to
}

func (f *forward[U]) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for _, name := range f.names {
		h[name] = []string{""}
	}
	if f.cfg.Nginx {
		w = nginxWriter{w}
	}
	s := f.known.session(r)
	s.Limit(ssestore.WritesNone)
	asked, c := f.asked(r)
	if err := c.crossOrigin.Check(asked); err != nil {
		c.refusing(r, ErrCrossOrigin)
		c.denyCrossOrigin(w, asked)
		return
	}
	if early(asked) {
		c.refusing(r, ErrTooEarly)
		c.tooEarly(w, asked)
		return
	}
	asked.URL, asked.RequestURI = &url.URL{Path: "/"}, ""
	if c == &f.known {
		asked.RequestURI = r.Header["X-Forwarded-Uri"][0]
	}
	user, err := f.accounts.Authorize(r.Context(), s, f.rules...)
	if err != nil {
		c.refuse(w, asked, err)
		return
	}
	values := make([]string, len(f.names))
	for i, name := range f.names {
		if values[i] = f.headers[name](user); !identityValue(values[i]) {
			err := fmt.Errorf("%w: %s", ErrIdentity, name)
			c.refusing(r, err)
			c.tell.say(r, badIdentity)
			c.answer(w, asked, http.StatusInternalServerError, err, "")
			return
		}
	}
	if to := f.detour(asked, c, s); to != "" {
		redirect(w, http.StatusFound, to)
		return
	}
	for i, name := range f.names {
		h[name] = []string{values[i]}
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK) // Envoy takes any other status for a refusal, even 204
}

// asked returns the browser's request, as far as the gateway says, at the URL of this
// one, and the core to answer it with.
func (f *forward[U]) asked(r *http.Request) (*http.Request, *core) {
	asked := new(http.Request)
	*asked = *r
	asked.Method, asked.Host = http.MethodPost, ""
	// A WebSocket starts with a GET, and can do all that a POST can. Its key gets through
	// gateways that drop Upgrade (RFC 6455 section 4.1), and HTTP/2 has none.
	socket := len(r.Header["Sec-Websocket-Key"]) > 0 || only(r.Header["Sec-Fetch-Mode"], "websocket")
	if m := r.Header["X-Forwarded-Method"]; len(m) == 1 && !socket {
		switch m[0] {
		case http.MethodGet, http.MethodHead, http.MethodOptions: // the safe ones; TRACE comes from no browser
			asked.Method = m[0]
		}
	}
	if host := r.Header["X-Forwarded-Host"]; len(host) == 1 {
		asked.Host = host[0]
	}
	if uri := r.Header["X-Forwarded-Uri"]; slices.Contains(f.known.cfg.AllowedHosts, asked.Host) && len(uri) == 1 && strings.HasPrefix(uri[0], "/") {
		return asked, &f.known
	}
	return asked, &f.unknown
}

// detour returns where to send a user who may pass: to RenewHandler if a renewal is due,
// and to the page's own URL after that. "" means that there is no need.
func (f *forward[U]) detour(asked *http.Request, c *core, s *ssestore.Session) string {
	if f.cfg.Renew == "" || c != &f.known || !opensPage(asked) || writesFor(c.crossOrigin, asked) > ssestore.WritesRenewOnly {
		return ""
	}
	info := s.Info()
	due := s.Now().Sub(info.Renewed) > info.IdleEnds.Sub(info.Renewed)/2 || s.Principal().Identity().Adopted
	due = due && !s.ReadOnly() // another system renews that one
	uri := asked.RequestURI
	clean, marked := unmark(uri)
	switch {
	case marked && !due && next.Safe(clean, nil, true):
		return clean
	case !marked && due && len(uri) <= maxDetour:
		return next.LoginURL(f.cfg.Renew, c.scheme(asked)+"://"+asked.Host+mark(uri), c.nextField)
	}
	return ""
}

// opensPage reports whether a person opens a page. A script might not follow a redirect.
func opensPage(r *http.Request) bool {
	if r.Method != http.MethodGet || callerOf(r) != page {
		return false
	}
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		return only(mode, "navigate")
	}
	return acceptOf(r.Header["Accept"]).html.precision == 3
}

// mark puts the mark at the end of a URL's query.
func mark(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	if strings.Contains(uri, "?") {
		return uri + "&" + renewedMark
	}
	return uri + "?" + renewedMark
}

// unmark removes it again.
func unmark(uri string) (string, bool) {
	clean, ok := strings.CutSuffix(uri, renewedMark)
	if !ok || !strings.HasSuffix(clean, "?") && !strings.HasSuffix(clean, "&") {
		return uri, false
	}
	return clean[:len(clean)-1], true
}

// identityValue reports whether a value survives the way to the application: gateways
// trim spaces and join headers of one name with commas, and an application that decodes
// UTF-8 makes one character of all invalid bytes.
func identityValue(s string) bool {
	return len(s) <= maxIdentity && utf8.ValidString(s) && strings.Trim(s, " ") == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == ',' })
}

// nginxWriter answers what auth_request passes on. It makes a 500 of any other status.
type nginxWriter struct{ http.ResponseWriter }

func (w nginxWriter) WriteHeader(status int) {
	switch status {
	case http.StatusFound, http.StatusSeeOther, http.StatusConflict:
		w.Header().Set("WWW-Authenticate", challenge)
		status = http.StatusUnauthorized
	case http.StatusNotFound, http.StatusTooEarly:
		status = http.StatusForbidden
	}
	w.ResponseWriter.WriteHeader(status)
}

// RenewHandler renews the session of a user who comes from [Guard.ForwardAuth], and
// goes back to the page in the next parameter. It sends everybody else to log in. It
// renews nothing for a request that renews no other page, such as a prefetch or an
// image. Put it inside Handler, under each host that the gateway protects.
func (g *Guard[U]) RenewHandler() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := g.admit(w, r); !ok {
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			g.core.methodNotAllowed(w, r, "GET, HEAD")
			return
		}
		// Renew works in the middle of a rotation, where an instance with the older key
		// renews nothing unasked. But no image on another site's page may call it.
		if s := g.core.session(r); writesFor(g.core.crossOrigin, r) <= ssestore.WritesRenewOnly && !s.ReadOnly() {
			if err := s.Renew(); err != nil && !errors.Is(err, cookie.ErrNoPrimary) {
				g.core.refuse(w, r, err)
				return
			}
		}
		home := g.core.cfg.BasePath + "/"
		to := g.core.next(r, home)
		if g.core.loops(r, to) {
			to = home
		}
		redirect(w, http.StatusSeeOther, to)
	}
}
