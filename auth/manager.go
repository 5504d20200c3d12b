package auth

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Config describes an application's users. U is the application's own user type,
// usually a pointer.
//
// [New] refuses the zero Config: UserByID, ID and Stamp have no default. All
// functions must be safe for concurrent use.
type Config[U any] struct {
	// UserByID loads a user by the id that [Config.ID] returned. For an id that
	// doesn't exist it returns ErrNoUser, or a nil user and a nil error; for a text
	// that can't be an id, ErrBadID. Any other error means that the store failed,
	// including a raw sql.ErrNoRows, so translate that. Required.
	//
	// It is called at most once per request. It must not call methods of the
	// Manager for the same session, not even Logout, because they wait for its
	// answer.
	UserByID func(ctx context.Context, id string) (U, error)
	// ID returns the user's id as text: 1 to 255 bytes of UTF-8 without control
	// characters, always in the same spelling for the same user. Required. For
	// integers, see [Int64].
	ID func(U) string
	// Stamp returns the field that must not change while a user stays logged in, as
	// it is stored: the password hash, or the hash and a counter that "log out
	// everywhere" increments. The empty string is stamped like any other value,
	// because a user who logs in through another site has no password. Only a keyed
	// hash of it enters the cookie. Required, unless DangerouslySkipStamp is set.
	Stamp func(U) string
	// PasswordChanged returns when the user's password last changed, or the zero time
	// if it never did or nobody knows. It matters only for sessions taken over from
	// an earlier system ([ssestore.Legacy]), which have no stamp: one that began
	// before that time is refused like one with an unequal stamp. Without this
	// function, a copied cookie of the earlier system is good until Legacy.Until,
	// whatever the user does here. Optional.
	PasswordChanged func(U) time.Time
	// Staff reports whether a user is staff. If it is nil, nobody is.
	Staff func(U) bool

	// OnLogin runs at the end of a successful Login, with the new session in s, and of
	// Impersonate, with the user who is impersonated. Then [Manager.Actor] has who is
	// behind it: log both.
	OnLogin func(ctx context.Context, s *ssestore.Session, user U)
	// OnLogout runs at the start of Logout and of EndImpersonation, while s still holds
	// everything, the actor too. ok
	// says that there is a user; otherwise user is the zero value.
	OnLogout func(ctx context.Context, s *ssestore.Session, user U, ok bool)
	// OnRefused runs when GetUser refuses the session of the user called id: its
	// stamp is missing, unequal or of an unknown key, or the id can't be parsed. It
	// is for the security log. The request's Outcome has the reason too; the id is
	// only here.
	OnRefused func(ctx context.Context, id string, reason cookie.Reason)

	// Ender publishes marks, with which sessions are ended on every instance before
	// their time: the *fleet.Fleet whose Marks are [ssestore.Config].Marks. Then a
	// logout also reaches copies of the session, and so does a login over another
	// user's session; and [Manager.Kick], [Manager.LogoutEverywhere] and
	// [Manager.LogoutOthers] work. An error means that nobody knows whether the other
	// instances were told, and that it may be called again.
	//
	// A login or a logout waits for it, and doesn't fail if it does: the Outcome of the
	// request has its error as Unpublished. What it was told stays told: if the response
	// then has a status of 500 or above, which saves no new session, the old one is over
	// all the same. So log in last. Its context has the request's values, and
	// doesn't end when the client goes away. So End must come back by itself, within
	// seconds, as that of a Fleet does. Optional.
	Ender interface {
		End(ctx context.Context, mark marks.Mark) error
	}

	// KeepOnLogin, if not nil, names the keys of an anonymous session that survive
	// a login; the others are dropped. An empty list drops everything. With nil
	// everything survives, as a shopping cart should.
	KeepOnLogin []string
	// DangerouslySkipStamp stores and checks no stamps, so sessions outlive a
	// password change. Turning it off later logs out the sessions made without one.
	DangerouslySkipStamp bool

	_ struct{} // forces keyed literals, so that fields can be added
}

// A Manager connects sessions with users of type U. It is immutable and safe for
// concurrent use; what it knows about a request is kept in the request's session. The
// zero Manager and a nil *Manager find no user and log nobody in: every method but
// Logout returns an error.
type Manager[U any] struct{ cfg Config[U] }

// New returns a Manager. If the configuration is wrong, it returns all faults as
// joined [*ConfigError] values.
func New[U any](c Config[U]) (*Manager[U], error) {
	faults := config.Faults{Package: "auth"}
	if c.UserByID == nil {
		faults.Add("UserByID", "required")
	}
	if c.ID == nil {
		faults.Add("ID", "required")
	}
	if c.Stamp == nil && !c.DangerouslySkipStamp {
		faults.Add("Stamp", "required, or sessions outlive a password change")
	}
	if c.Ender != nil && keysource.IsNil(c.Ender) {
		faults.Add("Ender", "holds a nil pointer; leave it nil for none")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	c.KeepOnLogin = slices.Clone(c.KeepOnLogin)
	return &Manager[U]{c}, nil
}

// ID returns the id of a user, as [Config.ID] does. For a nil user and the zero Manager
// it is "", which is nobody's id. Code that is given a Manager needs no second function
// for it.
func (m *Manager[U]) ID(user U) string {
	if !m.ready() || none(user) {
		return ""
	}
	return m.cfg.ID(user)
}

// ready reports whether m was made by New.
func (m *Manager[U]) ready() bool { return m != nil && m.cfg.UserByID != nil }

// none reports whether u is nil or an interface that holds a nil pointer, which a
// comparison with nil doesn't see.
func none[U any](u U) bool {
	v := reflect.ValueOf(u)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false // a struct or a string is always somebody
}

// field returns what the user's stamp is made from, besides the id.
func (m *Manager[U]) field(u U) string {
	if m.cfg.DangerouslySkipStamp {
		return ""
	}
	return m.cfg.Stamp(u)
}

// failed is an answer of GetUser without a user, as the request's memo keeps it. An
// answer with a user is kept as the user itself, because storing a pointer there
// doesn't allocate.
type failed struct{ err error }

// both is an answer with a user and the actor behind them.
type both[U any] struct{ user, actor U }

// remembered reads what the memo keeps.
func remembered[U any](known any) (user U, err error) {
	if b, ok := known.(both[U]); ok {
		return b.user, nil
	}
	if f, no := known.(failed); no { // first: U may be an interface that failed has too
		return user, f.err
	}
	return known.(U), nil
}

// remember keeps an answer after a login or a new stamp of the user called id, unless
// somebody else is logged in by now, or nobody.
func (m *Manager[U]) remember(p ssestore.Principal, id string, answer any) {
	p.Memo(m, func(who ssestore.Identity, known any) any {
		if who.ID == id {
			return answer
		}
		return known
	})
}
