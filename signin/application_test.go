package signin_test

import (
	"context"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A User is a user of the example's application.
type User struct {
	ID     string
	Closed bool
}

// application is what a program has before it adds ways to sign in. Errors are left out
// because the configurations are constant.
func application() (*keyring.Keyring, *middleware.Guard[*User], signin.Sender) {
	keys := keyring.Generate()
	store, _ := ssestore.New(ssestore.Config{Keys: keys})
	accounts, _ := auth.New(auth.Config[*User]{
		UserByID: func(_ context.Context, id string) (*User, error) { return &User{ID: id}, nil },
		ID:       func(u *User) string { return u.ID },
		Stamp:    func(*User) string { return "" },
	})
	guard, _ := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	return keys, guard, mail.NewQueue(nil, 0)
}
