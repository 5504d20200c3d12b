package legacy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

var plan = ssestore.NewKey[string]("plan")

type user struct {
	id, name, hash string
	changed        time.Time // when the password last did
}

// Whoever is logged in at an application with Auth.js is logged in here, and has the cookie
// of this library from then on.
func ExampleAuthJS() {
	old := legacy.AuthJS(cookie.Config{}, "the AUTH_SECRET of the application")
	old.Until = time.Now().AddDate(0, 3, 0)
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var token struct{ Sub, Plan string }
		if err := json.Unmarshal(claims, &token); err != nil {
			return err
		}
		if token.Sub == "" {
			return errors.New("no user in the token")
		}
		return errors.Join(plan.Set(s, token.Plan), s.Adopt(token.Sub))
	}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{old}})
	if err != nil {
		panic(err)
	}

	accounts, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { // from the database
			return &user{id: id, name: "Ann", hash: "$argon2id$…"}, nil
		},
		ID:              func(u *user) string { return u.id },
		Stamp:           func(u *user) string { return u.hash },
		PasswordChanged: func(u *user) time.Time { return u.changed },
	})
	if err != nil {
		panic(err)
	}

	// The cookie that Auth.js has set.
	const name = "__Secure-authjs.session-token"
	key := expand("the AUTH_SECRET of the application", name, "Auth.js Generated Encryption Key ("+name+")", 64)
	value := jwe(key, fmt.Sprintf(`{"sub":"ann","plan":"pro","iat":%d}`, time.Now().Unix()))

	session := store.Load([]string{name + "=" + value}, time.Now())
	u, err := accounts.GetUser(context.Background(), session)
	fmt.Println(u.name, plan.Get(session), err)
	outcome, err := session.Commit(200)
	fmt.Println(outcome.Migrated, len(outcome.SetCookie), err) // ours, and the deletion of theirs
	// Output:
	// Ann pro <nil>
	// true 2 <nil>
}

// An Express application with cookie-session goes on to write the session, for as long as
// its routes move here one by one.
func ExampleCookieSession() {
	old := legacy.CookieSession(cookie.Config{}, "the newest of its keys", "one before")
	old.Issued = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // the format has no date
	old.Until = time.Now().AddDate(0, 3, 0)
	old.ReadOnly = true
	old.Migrate = func(s *ssestore.Session, claims []byte) error {
		var session struct{ UserID, Plan string }
		if err := json.Unmarshal(claims, &session); err != nil {
			return err
		}
		if session.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return errors.Join(plan.Set(s, session.Plan), s.Adopt(session.UserID))
	}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{old}})
	if err != nil {
		panic(err)
	}

	// {"userId":"ann","plan":"pro"}, and its signature.
	session := store.Load([]string{"session=eyJ1c2VySWQiOiJhbm4iLCJwbGFuIjoicHJvIn0=; session.sig=9N5ivsmUkQacodCfMU1XibP_F8s"}, time.Now())
	fmt.Println(plan.Get(session), session.ReadOnly())
	fmt.Println(plan.Set(session, "basic"))
	outcome, err := session.Commit(200)
	fmt.Println(len(outcome.SetCookie), err)
	// Output:
	// pro true
	// ssestore: another system writes this session
	// 0 <nil>
}
