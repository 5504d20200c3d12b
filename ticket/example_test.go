package ticket_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
)

// A link to set a new password is bound to the password hash, so it works once: with
// the new password there is a new hash. Whoever asks for two links can use one of them.
func Example() {
	hashes := map[string]string{"42": "$argon2id$old"} // the user table
	keys := keyring.Generate()                         // a program loads its keys
	now := time.Now()

	resets, err := ticket.New[string](ticket.Config{Keys: keys, Purpose: "reset", Life: time.Hour})
	if err != nil {
		panic(err)
	}
	token, err := resets.Seal(now, "42", hashes["42"])
	if err != nil {
		panic(err)
	}

	// reset handles the form that the link leads to.
	reset := func(token, hash string) {
		var old string
		id, err := resets.Open(now, token, func(id string) ([]string, error) {
			var ok bool
			if old, ok = hashes[id]; !ok {
				return nil, nil // no such user
			}
			return []string{old}, nil
		})
		switch {
		case errors.Is(err, cookie.ErrInvalid):
			fmt.Println("This link is no longer valid.") // for the logs: cookie.ReasonOf(err)
		case err != nil:
			fmt.Println("Try again later.") // the user table can't be read
		case hashes[id] != old: // UPDATE … SET hash = new WHERE id = … AND hash = old
			fmt.Println("This link is no longer valid.")
		default:
			hashes[id] = hash
			fmt.Println("Your password is changed.")
		}
	}
	reset(token, "$argon2id$new")
	reset(token, "$argon2id$mallory")
	fmt.Println(hashes["42"])
	// Output:
	// Your password is changed.
	// This link is no longer valid.
	// $argon2id$new
}

// An address is confirmed by a link that carries it. The link is bound to the address
// that the user has at the time, so it is over once that changes, and it says who asked,
// so nobody can confirm an address for somebody else.
func Example_confirmAddress() {
	type change struct {
		User string `json:"user"`
		To   string `json:"to"`
	}
	current := map[string]string{"42": "ada@old.example"}
	now := time.Now()

	changes, err := ticket.New[change](ticket.Config{Keys: keyring.Generate(), Purpose: "confirm/address", Life: 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	token, err := changes.Seal(now, change{User: "42", To: "ada@new.example"}, current["42"])
	if err != nil {
		panic(err)
	}

	address := func(c change) ([]string, error) { return []string{current[c.User]}, nil }
	if c, err := changes.Open(now.Add(time.Hour), token, address); err == nil {
		current[c.User] = c.To
		fmt.Println("confirmed:", c.To)
	}
	_, err = changes.Open(now.Add(time.Hour), token, address)
	fmt.Println("again:", cookie.ReasonOf(err))
	// Output:
	// confirmed: ada@new.example
	// again: stamp-mismatch
}

// A link to a file needs no fields: anybody who has it may use it until tomorrow, as
// often as they like. Open is then called without a function.
func ExampleKind_Open() {
	downloads, err := ticket.New[string](ticket.Config{Keys: keyring.Generate(), Purpose: "download", Audience: "shop", Life: 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	now := time.Now()
	token, err := downloads.Seal(now, "invoice-2026-11.pdf")
	if err != nil {
		panic(err)
	}
	file, err := downloads.Open(now.Add(23*time.Hour), token, nil)
	fmt.Println(file, err)
	_, err = downloads.Open(now.Add(25*time.Hour), token, nil)
	fmt.Println(errors.Is(err, cookie.ErrInvalid), cookie.ReasonOf(err))
	// Output:
	// invoice-2026-11.pdf <nil>
	// true expired
}
