package password_test

import (
	"context"
	"fmt"

	"github.com/hardtack-go/hardtack/signin/password"
)

// A login: one call for every outcome, so that all of them take the same time,
// and an upgrade of old hashes while the password is at hand.
func Example() {
	ctx := context.Background()
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		panic(err)
	}
	users := map[string]string{} // a table: address → hash
	users["ada@example.com"], _ = hasher.Hash(ctx, "correct horse battery staple")

	login := func(email, pw string) bool {
		stored := users[email] // "" for an unknown address: Verify works all the same
		ok, err := hasher.Verify(ctx, pw, stored)
		if err != nil || !ok {
			return false
		}
		if hasher.NeedsRehash(stored) {
			if fresh, err := hasher.Hash(ctx, pw); err == nil {
				users[email] = fresh // in a database: only where the old hash still stands
			}
		}
		return true
	}
	fmt.Println(login("ada@example.com", "correct horse battery staple"))
	fmt.Println(login("ada@example.com", "wrong"))
	fmt.Println(login("nobody@example.com", "correct horse battery staple"))
	// Output:
	// true
	// false
	// false
}
