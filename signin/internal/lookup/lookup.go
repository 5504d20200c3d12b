// Package lookup finds the accounts of the application for the ways to log in. All of
// them take its answers alike.
package lookup

import (
	"context"
	"errors"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin/internal/address"
)

// Users is the part of a way's user store that finds users.
type Users[U any] interface {
	ByEmail(ctx context.Context, email string) (U, error)
	ByID(ctx context.Context, id string) (U, error)
}

// A Finder asks the application's user store. It says auth.ErrNoUser where the user store
// returns a nil user and no error, as package auth understands it.
type Finder[U any] struct {
	Users     Users[U]
	ID, Email func(U) string
}

// ByID returns a user.
func (f Finder[U]) ByID(ctx context.Context, id string) (U, error) {
	user, err := f.Users.ByID(ctx, id)
	return user, f.somebody(user, err)
}

// ByEmail returns the user with an address. Some databases find "ada" by "ADÁ" too. Such
// a spelling is nobody's here, because each has attempts of its own at the throttle.
func (f Finder[U]) ByEmail(ctx context.Context, email string) (U, error) {
	user, err := f.BySpelling(ctx, email)
	if err == nil && address.Normal(f.Email(user)) != email {
		err = auth.ErrNoUser
	}
	return user, err
}

// BySpelling returns the user whom the user store finds by an address, whatever theirs is.
func (f Finder[U]) BySpelling(ctx context.Context, email string) (U, error) {
	user, err := f.Users.ByEmail(ctx, email)
	return user, f.somebody(user, err)
}

func (f Finder[U]) somebody(user U, err error) error {
	if err == nil && f.ID(user) == "" {
		return auth.ErrNoUser
	}
	return err
}

// Gone reports whether an error of the user store says that there is no such user.
func Gone(err error) bool { return errors.Is(err, auth.ErrNoUser) || errors.Is(err, auth.ErrBadID) }
