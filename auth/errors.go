package auth

import (
	"errors"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The errors of this package. UserByID returns ErrNoUser and ErrBadID; the methods
// of [Manager] return all of them. Test with [errors.Is].
var (
	// ErrNoUser is returned when nobody is logged in, or when the user no longer
	// exists. UserByID returns it for an id that it doesn't find.
	ErrNoUser = errors.New("auth: no user")
	// ErrBadID is returned for a text that isn't a user id at all. When UserByID
	// returns it for an id that it can't parse, the session of that id is cleared.
	// Login returns it for an id that a session can't hold. It is
	// [ssestore.ErrBadID].
	ErrBadID = ssestore.ErrBadID
	// ErrUserStore is returned when the user store failed, so that nobody knows who
	// this is, and when nobody can tell whether the session was ended. [errors.As] and
	// [errors.Is] reach the error that UserByID returned. Answer with 503 and not with a
	// login page: the session is still good.
	ErrUserStore = errors.New("auth: the user store failed")
	// ErrNotLoggedIn is returned when RefreshStamp, LogoutEverywhere, LogoutOthers,
	// Impersonate or EndImpersonation found no user, or another one, in this request.
	ErrNotLoggedIn = errors.New("auth: this user is not logged in here")
	// ErrImpersonation is returned by Impersonate and LogoutOthers when somebody is
	// impersonated already, by Impersonate when the user is the one who is logged in, and
	// by EndImpersonation when nobody is impersonated.
	ErrImpersonation = errors.New("auth: somebody is impersonated already, or nobody is")
	// ErrNotStaff is returned for a user who isn't staff.
	ErrNotStaff = errors.New("auth: not a staff user")
	// ErrNoSession is returned when the session is nil, usually because no
	// middleware put one into the request. It is [ssestore.ErrNoSession].
	ErrNoSession = ssestore.ErrNoSession
)

var (
	errNotNew     = errors.New("the manager was not made by auth.New")
	errOtherID    = errors.New("UserByID returned a user with another id")
	errUnverified = errors.New("it is not known in time whether this session was ended, or whose it is")
	errNilRule    = errors.New("auth: a nil rule refuses everybody")
	errCutShort   = errors.New("the context ended before the user store had answered")
)

// A storeError is what GetUser returns when the store failed: ErrUserStore together
// with its cause.
type storeError struct{ cause error }

func (e *storeError) Error() string        { return ErrUserStore.Error() + ": " + e.cause.Error() }
func (e *storeError) Is(target error) bool { return target == ErrUserStore }
func (e *storeError) Unwrap() error        { return e.cause }

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "auth"), Field and Rule. It doesn't repeat the value. Packages
// cookie, ssestore and middleware use the same type.
type ConfigError = config.Error

// Forbidden is an error with which a [Rule] refuses a user. The user sees its text:
//
//	return auth.Forbidden("Only members of the board may open this page.")
//
// Match it with [errors.As]. An empty text refuses too. The text must not carry
// secrets, and an adapter must escape it for HTML.
type Forbidden string

func (f Forbidden) Error() string { return string(f) }
