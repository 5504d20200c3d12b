package jose_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ id, password string }

// Moving from Auth.js on Node to Go: whoever is logged in there is logged in here.
func Example_migration() {
	const name = "__Secure-authjs.session-token"
	secret := []byte("the AUTH_SECRET of the application")
	key, err := hkdf.Key(sha256.New, secret, []byte(name), "Auth.js Generated Encryption Key ("+name+")", 64)
	if err != nil {
		panic(err)
	}
	store, err := ssestore.New(ssestore.Config{
		Keys: keyring.Generate(),
		Legacy: []ssestore.Legacy{{
			Cookie: cookie.Config{Name: name},
			Format: jose.WithKeys(key),
			Until:  time.Now().AddDate(0, 1, 0),
			Migrate: func(s *ssestore.Session, plaintext []byte) error {
				var claims struct {
					Sub string `json:"sub"`
				}
				if err := json.Unmarshal(plaintext, &claims); err != nil {
					return err
				}
				if claims.Sub == "" {
					return errors.New("no user in the old session")
				}
				return s.Adopt(claims.Sub)
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

	// What the browser still has: a session that began an hour ago.
	iat := time.Now().Add(-time.Hour).Unix()
	old := forge(key, `{"alg":"dir","enc":"A256CBC-HS512"}`, fmt.Sprintf(`{"sub":"42","iat":%d,"exp":%d}`, iat, iat+86400)).String()

	s := store.Load([]string{name + "=" + old}, time.Now())
	u, err := accounts.GetUser(context.Background(), s)
	if err != nil {
		panic(err)
	}
	fmt.Println(u.id, "logged in an hour ago:", s.Principal().Identity().AuthTime.Unix() == iat)
	outcome, err := s.Commit(200)
	if err != nil {
		panic(err)
	}
	for _, line := range outcome.SetCookie {
		name, value, _ := strings.Cut(line, "=")
		fmt.Println(name, "deleted:", strings.HasPrefix(value, ";"))
	}
	// Output:
	// 42 logged in an hour ago: true
	// __Host-session deleted: false
	// __Secure-authjs.session-token deleted: true
}
