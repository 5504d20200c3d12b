// Command typed is the program login with a typed key, whose values need encoding/json. A
// test holds its size as WebAssembly.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

var cart = ssestore.NewKey[[]string]("cart")

func main() {
	if err := run(os.Args[1:]); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: typed KEYS COOKIE PASSWORD-HASH")
	}
	ring, err := keyring.Parse(args[0])
	if err != nil {
		return err
	}
	store, err1 := ssestore.New(ssestore.Config{Keys: ring})
	type user struct{ id, password string }
	users, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return &user{id, args[2]}, nil },
		ID:       func(u *user) string { return u.id },
		Stamp:    func(u *user) string { return u.password },
	})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	ctx, now := context.Background(), time.Now()
	s := store.Load(args[1:2], now)
	u, err := users.GetUser(ctx, s)
	if err != nil {
		return err
	}
	if err := errors.Join(users.Logout(ctx, s), commit(s)); err != nil {
		return err
	}
	s = store.Load(nil, now)
	if err := users.Login(ctx, s, u); err != nil {
		return err
	}
	cart.Set(s, append(cart.Get(s), "rope"))
	return commit(s)
}

// commit prints what the browser gets.
func commit(s *ssestore.Session) error {
	out, err := s.Commit(200)
	for _, line := range out.SetCookie {
		println(line)
	}
	return err
}
