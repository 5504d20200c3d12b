package password_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hardtack-go/hardtack/signin/password"
)

// A program that has more memory than the defaults assume spends it, and says how many
// hashes may be made at once.
func ExampleHasherConfig() {
	hasher, err := password.NewHasher(password.HasherConfig{
		Memory:      4 * password.DefaultMemory,
		Iterations:  password.DefaultIterations,
		Parallelism: password.DefaultParallelism,
		MaxLength:   password.DefaultMaxLength,
		Concurrent:  2, // 2 × 76 MiB
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	_, err = hasher.Hash(ctx, strings.Repeat("x", password.DefaultMaxLength+1))
	fmt.Println("a very long password:", errors.Is(err, password.ErrTooLong))
	_, err = hasher.Verify(ctx, "correct horse", "$argon2id$v=19$nonsense")
	fmt.Println("a column that holds something else:", errors.Is(err, password.ErrHash))
	_, err = new(password.Hasher).Hash(ctx, "correct horse")
	fmt.Println("made without NewHasher:", errors.Is(err, password.ErrZeroHasher))
	// Output:
	// a very long password: true
	// a column that holds something else: true
	// made without NewHasher: true
}

// Config.Validators judge a new password after Validate has. The first problem is what the
// visitor reads.
func ExampleValidate() {
	notOurName := func(_ context.Context, pw, _ string) error {
		if strings.Contains(strings.ToLower(pw), "harbour") {
			return password.Problem("The name of the site is the first thing to be tried.")
		}
		return nil
	}
	type User struct{}
	config := password.Config[User]{Validators: []password.Validator{notOurName}}
	for _, pw := range []string{"short", "harbour in the morning", "correct horse battery"} {
		var problem error
		for _, validate := range append([]password.Validator{password.Validate}, config.Validators...) { // as New does
			if problem = validate(context.Background(), pw, "ada@example.com"); problem != nil {
				break
			}
		}
		fmt.Println(problem)
	}
	// Output:
	// Use at least 8 characters.
	// The name of the site is the first thing to be tried.
	// <nil>
}
