package auth

import (
	"context"
	"reflect"
	"slices"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Config says how an application's users look to this package. U is the
// application's own user type, in most cases a pointer.
//
// The zero Config is refused by [New]: UserByID, ID and Stamp have no default.
// All functions are called from many goroutines at once.
type Config[U any] struct {
	// UserByID loads a user by the id that [Config.ID] gave for it. For an id
	// that does not exist it returns ErrNoUser, or a nil user and a nil error;
	// for a text that cannot be an id, ErrBadID. Every other error means that
	// the store is down, a raw sql.ErrNoRows too: translate it. Required.
	//
	// It is called at most once per request. It must not call methods of the
	// Manager for the same session, Logout included: they wait for its answer.
	UserByID func(ctx context.Context, id string) (U, error)
	// ID is the user's id as text: 1 to 128 bytes of UTF-8 without control
	// characters, always the same spelling for the same user. Required.
	ID func(U) string
	// Stamp is the field that must not change while a user stays logged in, as
	// it is stored: the password hash, or the hash and a counter that "log out
	// everywhere" increments. The empty string is stamped like any other value
	// (a user who logs in through somebody else has no password). Only a keyed
	// hash of it enters the cookie. Required, unless DangerouslySkipStamp.
	Stamp func(U) string
	// Staff reports whether a user is staff. Without it nobody is.
	Staff func(U) bool

	// OnLogin runs at the end of a successful Login, with the new session in s.
	OnLogin func(ctx context.Context, s *ssestore.Session, user U)
	// OnLogout runs at the start of Logout, while s still holds everything. ok
	// says that there is a user; without it user is the zero value.
	OnLogout func(ctx context.Context, s *ssestore.Session, user U, ok bool)
	// OnRefused runs when GetUser refuses the session of the user called id:
	// stamp missing, unequal or of an unknown key, or an id that cannot be
	// parsed. It is for the security log; the reason is in the request's
	// Outcome too, the id is only here.
	OnRefused func(ctx context.Context, id string, reason cookie.Reason)

	// KeepOnLogin, if not nil, names the keys of an anonymous session that
	// survive a login; the others are dropped. An empty list drops all. With
	// nil everything survives, as a shopping cart should.
	KeepOnLogin []string
	// DangerouslySkipStamp stores and checks no stamps. Sessions then outlive a
	// password change. Turning it off later logs out the sessions made under it.
	DangerouslySkipStamp bool

	_ struct{} // only keyed literals: fields may be added
}

// A Manager connects sessions with users of type U. It is immutable and safe
// for concurrent use; all it knows of a request lives in the request's session.
// The zero Manager and the nil one find no user and log nobody in: every method
// returns an error, and only Logout works.
type Manager[U any] struct{ cfg Config[U] }

// New returns a Manager, or everything that is wrong with the configuration as
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
	if err := faults.Err(); err != nil {
		return nil, err
	}
	c.KeepOnLogin = slices.Clone(c.KeepOnLogin)
	return &Manager[U]{c}, nil
}

// ready reports whether m was made by New.
func (m *Manager[U]) ready() bool { return m != nil && m.cfg.UserByID != nil }

// none reports whether u is no user: nil, or an interface that holds a nil
// pointer, which a comparison with nil does not see.
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

// field is what the user's stamp is made of, next to the id.
func (m *Manager[U]) field(u U) string {
	if m.cfg.DangerouslySkipStamp {
		return ""
	}
	return m.cfg.Stamp(u)
}

// failed is an answer of GetUser without a user, as the request's memo keeps it.
// An answer with a user is kept as the user itself: a pointer costs nothing there.
type failed struct{ err error }

// remembered reads what the memo keeps.
func remembered[U any](known any) (user U, err error) {
	if f, no := known.(failed); no { // first: U may be an interface that failed has too
		return user, f.err
	}
	return known.(U), nil
}

// remember keeps user as the answer after a login or a new stamp, unless somebody
// else is logged in by now, or nobody.
func (m *Manager[U]) remember(p ssestore.Principal, id string, user U) {
	p.Memo(m, func(who ssestore.Identity, known any) any {
		if who.ID == id {
			return user
		}
		return known
	})
}
