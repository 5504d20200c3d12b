package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// ErrAnswered is returned by [Desk.Enter] when the hook of [Config] answered the
// request itself, and nobody is logged in yet.
var ErrAnswered = errors.New("signin: the Enter hook has answered the request")

// ErrChanged is returned by an application's storage when the user's row has changed
// since it was read, so that nothing was stored. The ways answer that the ticket is
// spent: of two requests that use one, the row takes the change of one.
var ErrChanged = errors.New("signin: the user has changed meanwhile")

// A Desk is what the ways to log in share: the browser's binding, the throttle, the
// mails, the pages, and the one place where a visitor becomes a user. It is immutable
// and safe for concurrent use. Make one with [New].
type Desk[U any] struct {
	cfg    Config[U]
	secure bool // whether the binding cookie is __Host- and Secure
}

// New returns a Desk. If the configuration is wrong, it returns all faults as joined
// [*ConfigError] values.
func New[U any](c Config[U]) (*Desk[U], error) {
	faults := config.Faults{Package: "signin"}
	if c.Keys == nil {
		faults.Add("Keys", "is required")
	}
	if c.Guard.Accounts() == nil {
		faults.Add("Guard", "is required: the error of middleware.New says why it is nil")
	}
	if rule := originRule(c.Origin, c.Guard.Store().Secure()); rule != "" {
		faults.Add("Origin", rule)
	}
	if c.Home == "" {
		c.Home = "/"
	}
	if c.LoginURL == "" {
		c.LoginURL = "/login"
	}
	for field, path := range map[string]string{"Home": c.Home, "LoginURL": c.LoginURL} {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, `/\`) {
			faults.Add(field, "must be a path that starts with one slash")
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if c.Throttle == nil {
		c.Throttle = NewMemory(nil)
	}
	return &Desk[U]{c, c.Guard.Store().Secure()}, nil
}

// originRule returns what is wrong with an origin, or "".
func originRule(origin string, secure bool) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.String() != u.Scheme+"://"+u.Host || u.Host != strings.ToLower(u.Host):
		return "must be a scheme and a host in lower case, such as https://example.com, and nothing else"
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return "must be https"
	case secure && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1":
		return "must be https: browsers drop Secure cookies on plain http, but for localhost"
	}
	return ""
}

// Config returns the configuration, with its defaults filled in.
func (d *Desk[U]) Config() Config[U] { return d.cfg }

// URL returns a path of this application as an absolute URL.
func (d *Desk[U]) URL(path string) string { return d.cfg.Origin + path }

// Enter lets a user in, by the hook of [Config] or by [Desk.Login]. The caller then
// redirects to Next with 303. After ErrAnswered it returns, and after any other error
// it calls [Desk.Fail].
func (d *Desk[U]) Enter(w http.ResponseWriter, r *http.Request, e Entry[U]) error {
	if d.cfg.Enter != nil {
		return d.cfg.Enter(w, r, e)
	}
	return d.Login(r, e)
}

// Login makes the user of e the user of the session, and notes how they proved it.
// A hook that asked for a second factor calls it once that was given.
func (d *Desk[U]) Login(r *http.Request, e Entry[U]) error {
	s := d.cfg.Guard.Session(r)
	if err := d.cfg.Guard.Login(r, e.User); err != nil {
		return err
	}
	if err := s.Remember(e.Remember); err != nil {
		return err
	}
	return howKey.Set(s, e.How)
}

// How returns how the user of the session logged in, or "" if nobody is logged in or
// another package logged them in.
func (d *Desk[U]) How(r *http.Request) How {
	s := d.cfg.Guard.Session(r)
	if s == nil || s.Principal().Identity().ID == "" {
		return ""
	}
	return howKey.Get(s)
}

var howKey = ssestore.NewKey[How]("signin.how")

// Fail answers with the page for an error of a login: the text of an [auth.Forbidden]
// with 403, and otherwise 503, because the application's own parts are what can fail.
func (d *Desk[U]) Fail(w http.ResponseWriter, r *http.Request, err error) {
	var no auth.Forbidden
	if errors.As(err, &no) {
		d.Show(w, r, Page{Name: "signin/refused", Status: http.StatusForbidden, Title: "You can’t log in", Problem: string(no)})
		return
	}
	d.Show(w, r, Page{Name: "signin/failed", Status: http.StatusServiceUnavailable, Title: "Something is down", Problem: "We can’t do this right now. Nothing is lost: try again in a minute."})
}
