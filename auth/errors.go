package auth

import (
	"errors"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The errors of this package. UserByID returns ErrNoUser and ErrBadID, the
// methods of [Manager] return all of them. Compare with [errors.Is].
var (
	// ErrNoUser is returned when nobody is logged in, or the user is gone.
	// UserByID returns it for an id that it doesn't find.
	ErrNoUser = errors.New("auth: no user")
	// ErrBadID is returned when a text isn't a user id at all: by UserByID for an
	// id that it can't parse, and the session of that id is then cleared; by Login
	// for an id that a session can't hold. It is [ssestore.ErrBadID].
	ErrBadID = ssestore.ErrBadID
	// ErrUserStore is returned when the user store failed, so nobody knows who
	// this is. The error that UserByID returned can be reached with [errors.As] and
	// [errors.Is]. Answer 503, not with a login page: the session is still good.
	ErrUserStore = errors.New("auth: the user store failed")
	// ErrNotLoggedIn is returned by RefreshStamp when this request has no user, or
	// another one.
	ErrNotLoggedIn = errors.New("auth: this user is not logged in here")
	// ErrNotStaff is returned when the user isn't staff.
	ErrNotStaff = errors.New("auth: not a staff user")
	// ErrNoSession is returned when the session is nil, most often because no
	// middleware put one into the request. It is [ssestore.ErrNoSession].
	ErrNoSession = ssestore.ErrNoSession
)

var (
	errNotNew   = errors.New("the manager was not made by auth.New")
	errOtherID  = errors.New("UserByID returned a user with another id")
	errNilRule  = errors.New("auth: a nil rule refuses everybody")
	errCutShort = errors.New("the context ended before the user store had answered")
)

// storeError is what GetUser returns when the store failed: ErrUserStore and
// the cause in one.
type storeError struct{ cause error }

func (e *storeError) Error() string        { return ErrUserStore.Error() + ": " + e.cause.Error() }
func (e *storeError) Is(target error) bool { return target == ErrUserStore }
func (e *storeError) Unwrap() error        { return e.cause }

// A ConfigError names a field of [Config] and the rule it broke: Package (here
// "auth"), Field and Rule, all strings. It doesn't repeat the value. It is the
// ConfigError of the packages cookie, ssestore and middleware too.
type ConfigError = config.Error

// Forbidden is an error that a [Rule] returns to refuse a user; its text is
// shown to that user:
//
//	return auth.Forbidden("Only members of the board may open this page.")
//
// It is matched with [errors.As]. The empty text refuses too. Forbidden text is
// for people and carries no secrets; an adapter must still escape it for HTML.
type Forbidden string

func (f Forbidden) Error() string { return string(f) }
