// Package relogin is what the programs login and typed have in common.
package relogin

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Main verifies a session, ends it, and begins another, in which it calls more. It prints
// the lines that the browser gets.
func Main(more func(*ssestore.Session) error) {
	if n := len(os.Args); n != 4 {
		println("usage: login KEYS COOKIE PASSWORD-HASH\nfor example: login '{\"keys\":[…]}' '__Host-session=…' hash")
		if n != 2 || os.Args[1] != "-h" {
			os.Exit(2)
		}
		return
	}
	if err := run(os.Args[1:], more); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func run(args []string, more func(*ssestore.Session) error) error {
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
	return errors.Join(users.Login(ctx, s, u), more(s), commit(s))
}

// commit prints what the browser gets.
func commit(s *ssestore.Session) error {
	out, err := s.Commit(200)
	for _, line := range out.SetCookie {
		println(line)
	}
	return err
}
