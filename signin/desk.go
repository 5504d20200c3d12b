package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
)

// A Desk is what the ways to log in share: the browser's binding, the throttle, the
// mails, the pages, and the one place where a visitor becomes a user. It is safe for
// concurrent use. Make one with [New]. A nil or zero Desk lets nobody in: its handlers
// and pages answer 500, and its other methods return zero values and errors.
type Desk[U any] struct {
	cfg      Config[U]
	host     string  // of Origin
	secure   bool    // whether the binding cookie is __Host- and Secure
	failures *teller // of Fail
	proxied  *teller // of Allow; nil if the application brings a throttle
}

// New returns a Desk. If the configuration is wrong, it returns all faults as joined
// errors of the type *[middleware.ConfigError].
func New[U any](c Config[U]) (*Desk[U], error) {
	faults := config.Faults{Package: "signin"}
	switch {
	case keysource.IsNil(c.Keys):
		faults.Add("Keys", "must be set; if it was, what made it has returned an error that says why it's nil")
	case keysource.Empty(c.Keys):
		faults.Add("Keys", "has no keys, so nothing could be sealed: a Holder must be set before")
	}
	store := c.Guard.Store()
	if store == nil {
		faults.Add("Guard", "must be set; if it was, the error of middleware.New says why it's nil")
	}
	host, rule := originRule(c.Origin, store.Secure())
	if rule != "" {
		faults.Add("Origin", rule)
	}
	if c.Home == "" {
		c.Home = "/"
	}
	if c.LoginURL == "" {
		c.LoginURL = "/login"
	}
	for _, f := range []struct{ name, path string }{{"Home", c.Home}, {"LoginURL", c.LoginURL}} {
		if f.path[0] != '/' || !next.Safe(f.path, nil, true) {
			faults.Add(f.name, "must be a path that starts with one slash")
		}
	}
	d := &Desk[U]{cfg: c, host: host, secure: store.Secure(), failures: &teller{log: c.Log}}
	if store != nil && store.CookieName() == d.bindingName() {
		faults.Add("Guard", "has a session cookie with the name of the binding cookie, "+d.bindingName())
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if c.Send != nil {
		d.cfg.Send = tellingSender{c.Send, &teller{log: c.Log}}
	}
	if c.Throttle == nil {
		d.cfg.Throttle = NewMemory(nil)
		d.proxied = &teller{log: c.Log}
	}
	return d, nil
}

// originRule returns the host of an origin, or what is wrong with it. An origin that is
// spelled as browsers spell it can be compared as text: RFC 6454 section 6.2, without
// the default port and in ASCII.
func originRule(origin string, secure bool) (host, rule string) {
	const form = "must be a scheme and a host as browsers show them, such as https://example.com: in lower case, without a path or a slash at the end"
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || origin != u.Scheme+"://"+u.Host {
		return "", form
	}
	for _, c := range []byte(u.Host) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte(".-_:[]", c) >= 0:
		default: // capitals, letters of IDNs that aren't in punycode
			return "", form
		}
	}
	if port := u.Port(); port != "" {
		n, _ := strconv.Atoi(port) // digits only; of too many it makes a large number
		if n < 1 || n > 65535 || strconv.Itoa(n) != port || u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80 {
			return "", "must not name the default port, nor a port that isn't one"
		}
	}
	name := u.Hostname()
	switch {
	case strings.HasSuffix(u.Host, ":"), strings.HasPrefix(name, "."), strings.HasSuffix(name, "."):
		return "", form
	case u.Scheme == "https":
		return u.Host, ""
	case u.Scheme != "http":
		return "", "must be https, or http for development"
	case secure && name != "localhost" && name != "127.0.0.1" && name != "::1":
		return "", "must be https, because browsers drop Secure cookies that come over plain http, except from localhost"
	}
	return u.Host, ""
}

// ready reports whether d was made by New.
func (d *Desk[U]) ready() bool { return d != nil && d.cfg.Guard != nil }

var errUnmade = errors.New("signin: the Desk was not made by New")

// unmade answers for a Desk that New didn't make.
func unmade(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Internal Server Error", http.StatusInternalServerError)
}

// Config returns the configuration, with its defaults filled in.
func (d *Desk[U]) Config() Config[U] {
	if d == nil {
		return Config[U]{}
	}
	return d.cfg
}

// URL returns a path of this application as an absolute URL.
func (d *Desk[U]) URL(path string) string {
	if d == nil {
		return path
	}
	return d.cfg.Origin + path
}

// Next returns the page to go to after a login: the next that came with the request if
// it is safe, and otherwise Home. It is the guard's Next, except that the application's
// own host is that of Origin and not that of the request. A ticket takes Next along into
// mails, and a Host header that somebody made up must not decide where those lead.
func (d *Desk[U]) Next(r *http.Request) string {
	if !d.ready() {
		return "/"
	}
	_ = r.ParseForm() // else the copy's would take the body from r
	own := *r
	own.Host = d.host
	return d.cfg.Guard.Next(&own, d.cfg.Home)
}
