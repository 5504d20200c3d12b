package auth_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The security log learns whose session was refused and why. It is told once for each
// request, and not for visitors who were never logged in.
func ExampleConfig_onRefused() {
	ada := &Account{ID: "7", Name: "Ada", PasswordHash: "old"}
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	users, err2 := auth.New(auth.Config[*Account]{
		UserByID: func(context.Context, string) (*Account, error) { return ada, nil },
		ID:       func(a *Account) string { return a.ID },
		Stamp:    func(a *Account) string { return a.PasswordHash },
		OnRefused: func(_ context.Context, id string, reason cookie.Reason) {
			fmt.Println("refused: user", id, reason)
		},
		KeepOnLogin: []string{"cart"}, // and nothing else of what an anonymous visitor had
	})
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	ctx, now := context.Background(), time.Now()
	s := store.Load(nil, now)
	if err := users.Login(ctx, s, ada); err != nil {
		panic(err)
	}
	out, _ := s.Commit(303)

	ada.PasswordHash = "new"
	_, err := users.GetUser(ctx, store.Load(cookieOf(out), now.Add(5*time.Minute)))
	fmt.Println(err)
	// Output:
	// refused: user 7 stamp-mismatch
	// auth: no user
}

// Users without any field that changes with their password, such as those of a directory,
// can't have a stamp.
func ExampleConfig_dangerouslySkipStamp() {
	_, err := auth.New(auth.Config[string]{
		UserByID:             func(_ context.Context, id string) (string, error) { return id, nil },
		ID:                   func(name string) string { return name },
		DangerouslySkipStamp: true, // sessions outlive a new password: keep their timeouts short
	})
	fmt.Println(err)
	// Output: <nil>
}

// Both errors are mistakes of the program: a button that nobody should have seen.
func ExampleManager_EndImpersonation() {
	store, users := newAccounts()
	s := store.Load(nil, time.Now())
	err := users.EndImpersonation(context.Background(), s)
	fmt.Println(errors.Is(err, auth.ErrNotLoggedIn), errors.Is(err, auth.ErrImpersonation))

	if err := users.Login(context.Background(), s, accounts["7"]); err != nil {
		panic(err)
	}
	if _, err := users.GetUser(context.Background(), s); err != nil {
		panic(err)
	}
	err = users.EndImpersonation(context.Background(), s)
	fmt.Println(errors.Is(err, auth.ErrNotLoggedIn), errors.Is(err, auth.ErrImpersonation))
	// Output:
	// true false
	// false true
}
