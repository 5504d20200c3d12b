package gorilla_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ id, password string }

var theme = ssestore.NewKey[string]("theme")

// Moving from gorilla/sessions to hardtack without logging anyone out: the first
// request with the old cookie in which GetUser finds the user gets the new one.
func Example_migration() {
	hashKey := []byte("the application's hash key 32 b.")
	blockKey := []byte("and its block key of 32 bytes...")

	store, err := ssestore.New(ssestore.Config{
		Keys: keyring.Generate(),
		Legacy: []ssestore.Legacy{{
			Cookie: cookie.Config{Name: "my-session"},
			Format: gorilla.WithKeys(hashKey, blockKey),
			Until:  time.Now().AddDate(0, 1, 0), // no longer than old cookies live
			Migrate: func(s *ssestore.Session, plaintext []byte) error {
				var values map[any]any // session.Values of the old program
				if err := gob.NewDecoder(bytes.NewReader(plaintext)).Decode(&values); err != nil {
					return err
				}
				id, ok := values["user_id"].(string)
				if !ok {
					return errors.New("no user in the old session")
				}
				if old, ok := values["theme"].(string); ok {
					if err := theme.Set(s, old); err != nil {
						return err
					}
				}
				return s.Adopt(id)
			},
		}},
	})
	if err != nil {
		panic(err)
	}

	accounts, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			return &user{id: id, password: "argon2id hash"}, nil // from the database
		},
		ID:    func(u *user) string { return u.id },
		Stamp: func(u *user) string { return u.password },
	})
	if err != nil {
		panic(err)
	}

	// What the browser still has from the old program.
	old, err := securecookie.EncodeMulti("my-session", map[any]any{"user_id": "ann", "theme": "dark"},
		securecookie.CodecsFromPairs(hashKey, blockKey)...)
	if err != nil {
		panic(err)
	}

	s := store.Load([]string{"my-session=" + old}, time.Now())
	u, err := accounts.GetUser(context.Background(), s)
	if err != nil {
		panic(err)
	}
	fmt.Println(u.id, theme.Get(s))
	outcome, err := s.Commit(200)
	if err != nil {
		panic(err)
	}
	for _, line := range outcome.SetCookie {
		name, value, _ := strings.Cut(line, "=")
		fmt.Println(name, "deleted:", strings.HasPrefix(value, ";"))
	}
	// Output:
	// ann dark
	// __Host-session deleted: false
	// my-session deleted: true
}
