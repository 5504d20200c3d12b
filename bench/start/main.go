// Command start is the smallest program that verifies a session. It reads a JWK Set
// and a Cookie header from its arguments, prints the user's id, and exits. With a
// count, it verifies that many times and prints the nanoseconds per verify; with a
// second one, it first verifies that many times without looking at the clock. The
// benchmark builds it natively and for WebAssembly, whose runtimes compile a function
// again when it has been called often enough.
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
	if n := len(os.Args); n < 4 || n > 6 {
		println("usage: start KEYS COOKIE PASSWORD-HASH [COUNT [WARM-UP]]\nfor example: start '{\"keys\":[…]}' '__Host-session=…' hash 1000")
		if n != 2 || os.Args[1] != "-h" {
			os.Exit(2)
		}
		return
	}
	if err := run(os.Args[1:]); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
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
	warm := 0
	if len(args) > 4 {
		if warm, err = strconv.Atoi(args[4]); err != nil || warm < 0 {
			return errors.New("WARM-UP must be a number")
		}
	}
	var start time.Time
	for i := range warm + n {
		if i == warm {
			start = time.Now()
		}
		if _, err := verify(); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(start).Nanoseconds() / int64(n))
	return nil
}
