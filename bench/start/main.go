// Command start is the smallest program that verifies a session. It reads a JWK Set
// and a Cookie header from its arguments, prints the user's id, and exits. With a
// count, it verifies that many times and prints the nanoseconds per verify. The
// benchmark builds it natively and for WebAssembly.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: start KEYS COOKIE PASSWORD-HASH [COUNT]")
	}
	ring, err := keyring.Parse(args[0])
	if err != nil {
		return err
	}
	store, err := ssestore.New(ssestore.Config{Keys: ring})
	if err != nil {
		return err
	}
	type user struct{ id, password string }
	users, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return &user{id, args[2]}, nil },
		ID:       func(u *user) string { return u.id },
		Stamp:    func(u *user) string { return u.password },
	})
	if err != nil {
		return err
	}
	cookies := args[1:2]
	verify := func() (string, error) {
		u, err := users.GetUser(context.Background(), store.Load(cookies, time.Now()))
		if err != nil {
			return "", err
		}
		return u.id, nil
	}
	id, err := verify()
	if err != nil {
		return err
	}
	if len(args) == 3 {
		fmt.Println(id)
		return nil
	}
	n, err := strconv.Atoi(args[3])
	if err != nil || n < 1 {
		return errors.New("COUNT must be a positive number")
	}
	start := time.Now()
	for range n {
		if _, err := verify(); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(start).Nanoseconds() / int64(n))
	return nil
}
