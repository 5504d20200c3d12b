package signin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// ErrAnswered is returned by [Desk.Enter] when the hook of [Config] answered the
// request itself, and nobody is logged in yet.
var ErrAnswered = errors.New("signin: the Enter hook has answered the request")

// ErrChanged is returned by an application's user store when the user's row has changed
// since it was read, so that nothing was stored. The ways answer that the ticket is
// spent: of two requests that use one, the row takes the change of one.
var ErrChanged = errors.New("signin: the user has changed meanwhile")

// errNotIn is returned by Enter for a hook that returned nil and logged nobody in. The
// way would otherwise redirect the visitor as if they were in.
var errNotIn = errors.New("signin: the Enter hook returned nil without calling Desk.Login for this user: return ErrAnswered, or an error")

// Enter lets a user in, by the hook of [Config] or by [Desk.Login]. The caller then
// redirects to Next with 303. After ErrAnswered it returns, and after any other error
// it calls [Desk.Fail].
func (d *Desk[U]) Enter(w http.ResponseWriter, r *http.Request, e Entry[U]) error {
	if !d.ready() {
		return errUnmade
	}
	if d.cfg.Enter == nil {
		return d.Login(r, e)
	}
	s := d.cfg.Guard.Session(r)
	before := s.Info().LogID
	err := d.cfg.Enter(w, r, e)
	in := s.Info()
	if id := d.cfg.Guard.Accounts().ID(e.User); err == nil && (id == "" || in.UserID != id || in.LogID == before) {
		err = errNotIn
	}
	if err == nil || errors.Is(err, ErrAnswered) {
		return err
	}
	if in.LoggedIn && in.LogID != before {
		// The hook has logged somebody in and then failed. The visitor is told that
		// they aren't, so they mustn't be.
		return errors.Join(err, d.cfg.Guard.Accounts().Logout(r.Context(), s))
	}
	return err
}

// Login makes the user of e the user of the session, remembers the session or not, links
// it, and notes how the user proved it. A hook that asked for a second factor calls it once that
// was given.
//
// Errors are those of [auth.Manager.Login], and ssestore.ErrLinks for more than two
// links or one that is too long. After an error nobody has been logged in,
// and the session is as it was.
func (d *Desk[U]) Login(r *http.Request, e Entry[U]) error {
	if !d.ready() {
		return errUnmade
	}
	s := d.cfg.Guard.Session(r) // nil outside of the guard, and then Set returns ErrNoSession
	if len(e.Links) > marks.MaxLinks || slices.ContainsFunc(e.Links, func(name string) bool { return name == "" || len(name) > marks.MaxID }) {
		return ssestore.ErrLinks
	}
	// Only a session that is too large can refuse a value, so find out before the
	// login. Set it again afterwards, because a login drops what another user left.
	// Room for the links is held by spaces, because they can't be set before.
	before, had := enteredKey.Lookup(s)
	entry := entered{How: e.How, At: s.Now().Unix()}
	held := entry
	held.Room = strings.Repeat(" ", linkRoom*len(e.Links))
	if err := enteredKey.Set(s, held); err != nil {
		return err
	}
	if err := d.cfg.Guard.Login(r, e.User); err != nil {
		if had {
			return errors.Join(err, enteredKey.Set(s, before))
		}
		return errors.Join(err, enteredKey.Delete(s))
	}
	err := errors.Join(s.Remember(e.Remember), enteredKey.Set(s, entry))
	for _, name := range e.Links {
		err = errors.Join(err, s.Principal().Link(name))
	}
	return err
}

// linkRoom is more than a link takes in a session: a hash of 22 characters in quotes, and
// its share of the list with its name.
const linkRoom = 36

// How returns how the user of the session logged in. It returns "" if nobody is logged
// in, if it wasn't [Desk.Login] that logged them in last, and once somebody was
// impersonated, which drops what the session holds.
func (d *Desk[U]) How(r *http.Request) How {
	if !d.ready() {
		return ""
	}
	if _, err := d.cfg.Guard.User(r); err != nil {
		return ""
	}
	s := d.cfg.Guard.Session(r)
	entry := enteredKey.Get(s)
	if entry.At != s.Info().AuthTime.Unix() {
		return ""
	}
	return entry.How
}

// entered is what the session holds about a login. The time ties it to that login: a
// later one by other means keeps the value, if it is the same user's.
type entered struct {
	How  How    `json:"h"`
	At   int64  `json:"t"` // Unix seconds
	Room string `json:"r,omitempty"`
}

var enteredKey = ssestore.NewKey[entered]("signin")

// Fail answers with the page for an error: 403 with the text of an [auth.Forbidden], 413
// for a form that is too large, 500 for a mistake of the program, and otherwise 503,
// because what is left are the application's own parts, such as its database. The cause
// of a 500 and a 503 is logged, at most once a minute; the visitor doesn't see it.
func (d *Desk[U]) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p := Page{Status: d.Report(r, err)}
	switch p.Status {
	case http.StatusForbidden:
		p.Name, p.Title, p.Problem = "signin/refused", "You can’t log in", "This account can’t be used."
		var no auth.Forbidden
		if errors.As(err, &no) && no != "" {
			p.Problem = string(no)
		}
	case http.StatusRequestEntityTooLarge:
		p.Name, p.Title, p.Problem = "signin/large", "Too long", "What was sent is too long. Go back and send less."
	case http.StatusInternalServerError:
		p.Name, p.Title, p.Problem = "signin/broken", "Something went wrong", "The fault is ours, and trying again won’t help."
	default:
		p.Name, p.Title, p.Problem = "signin/failed", "Something is down", "We can’t do this right now. Nothing is lost: try again in a minute."
	}
	d.Show(w, r, p)
}

// Report returns the status with which [Desk.Fail] answers an error, and logs the cause
// as Fail does. It is for a handler that answers programs, which can't read a page.
func (d *Desk[U]) Report(r *http.Request, err error) (status int) {
	var no auth.Forbidden
	var large *http.MaxBytesError
	switch {
	case !d.ready():
		return http.StatusInternalServerError
	case errors.As(err, &no):
		return http.StatusForbidden
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	}
	if r.Context().Err() == nil { // else the visitor has left, and that is the cause
		d.failures.say(r.Context(), "signin-failed", err)
	}
	if mistake(err) {
		return http.StatusInternalServerError
	}
	return http.StatusServiceUnavailable
}

// mistake reports whether an error shows a mistake of the program, which doesn't pass.
func mistake(err error) bool {
	for _, m := range []error{errUnmade, errNotIn, auth.ErrNoSession, auth.ErrBadID, auth.ErrNoUser, ssestore.ErrCommitted, ssestore.ErrReadOnly, ssestore.ErrBadValue, ssestore.ErrLinks, ErrAnswered} {
		if errors.Is(err, m) {
			return true
		}
	}
	var size *cookie.SizeError
	return err == nil || errors.As(err, &size)
}
