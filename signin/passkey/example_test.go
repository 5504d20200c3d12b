package passkey_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/ssestore"
)

type User struct {
	ID, Email, Stamp string
}

// DB stores users and passkeys in PostgreSQL:
//
//	CREATE TABLE passkeys (
//	  id text COLLATE "C" PRIMARY KEY, user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
//	  handle text NOT NULL, name text NOT NULL, added timestamptz NOT NULL, used timestamptz NOT NULL,
//	  version int NOT NULL, data jsonb NOT NULL)
type DB struct{ *sql.DB }

const columns = ` p.id, p.handle, p.name, p.added, p.used, p.version, p.data `

func (db DB) ByPasskey(ctx context.Context, id string) (*User, passkey.Passkey, error) {
	var u User
	var p passkey.Passkey
	err := db.QueryRowContext(ctx, `SELECT u.id, u.email, u.stamp,`+columns+`
		FROM passkeys p JOIN users u ON u.id = p.user_id WHERE p.id = $1`, id).
		Scan(&u.ID, &u.Email, &u.Stamp, &p.ID, &p.Handle, &p.Name, &p.Added, &p.Used, &p.Version, &p.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = auth.ErrNoUser
	}
	return &u, p, err
}

func (db DB) Passkeys(ctx context.Context, u *User) (list []passkey.Passkey, err error) {
	rows, err := db.QueryContext(ctx, `SELECT`+columns+`FROM passkeys p WHERE p.user_id = $1 ORDER BY p.added`, u.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p passkey.Passkey
		if err := rows.Scan(&p.ID, &p.Handle, &p.Name, &p.Added, &p.Used, &p.Version, &p.Data); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

func (db DB) Save(ctx context.Context, u *User, p passkey.Passkey) error {
	var result sql.Result
	var err error
	if p.Version == 0 {
		// FOR SHARE waits for a proof of the address that is under way.
		result, err = db.ExecContext(ctx, `INSERT INTO passkeys (id, user_id, handle, name, added, used, version, data)
			SELECT $1, u.id, $3, $4, $5, $6, 1, $7 FROM users u WHERE u.id = $2 AND u.stamp = $8 FOR SHARE
			ON CONFLICT DO NOTHING`, p.ID, u.ID, p.Handle, p.Name, p.Added, p.Used, []byte(p.Data), u.Stamp)
	} else {
		result, err = db.ExecContext(ctx, `UPDATE passkeys SET name = $4, used = $5, data = $6, version = version + 1
			WHERE id = $1 AND user_id = $2 AND version = $3`, p.ID, u.ID, p.Version, p.Name, p.Used, []byte(p.Data))
	}
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return errors.Join(err, signin.ErrChanged)
	}
	return nil
}

func (db DB) Remove(ctx context.Context, u *User, id string) error {
	_, err := db.ExecContext(ctx, `DELETE FROM passkeys WHERE id = $1 AND user_id = $2`, id, u.ID)
	return err
}

func (db DB) ByID(ctx context.Context, id string) (*User, error) {
	var u User
	err := db.QueryRowContext(ctx, `SELECT id, email, stamp FROM users WHERE id = $1`, id).Scan(&u.ID, &u.Email, &u.Stamp)
	if errors.Is(err, sql.ErrNoRows) {
		err = auth.ErrNoUser
	}
	return &u, err
}

// The database is only asked once somebody answers, so this runs without one.
func Example() {
	var keys keyring.Holder
	keys.Set(keyring.Generate())
	db := DB{new(sql.DB)} // sql.Open

	store, err := ssestore.New(ssestore.Config{Keys: &keys})
	if err != nil {
		fmt.Println(err)
	}
	users, err := auth.New(auth.Config[*User]{
		UserByID: db.ByID,
		ID:       func(u *User) string { return u.ID },
		Stamp:    func(u *User) string { return u.Stamp },
	})
	if err != nil {
		fmt.Println(err)
	}
	guard, err := middleware.New(store, users, middleware.Config{LoginURL: "/login"})
	if err != nil {
		fmt.Println(err)
	}

	desk, err := signin.New(signin.Config[*User]{Keys: &keys, Origin: "https://example.com", Guard: guard})
	if err != nil {
		fmt.Println(err)
	}
	passkeys, err := passkey.New(desk, passkey.Config[*User]{
		Users:   db,
		Account: func(u *User) string { return u.Email },
		OnClone: func(ctx context.Context, u *User, p passkey.Passkey) {
			fmt.Println("security: a passkey of", u.ID, "may have been copied")
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/passkey/", passkeys)

	// What the script of the login page does first.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "https://example.com/passkey/ask", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	guard.Handler(mux).ServeHTTP(w, r)
	cookie := w.Result().Cookies()[0]
	fmt.Println(w.Code, cookie.Name, time.Duration(cookie.MaxAge)*time.Second)
	// Output: 200 __Host-signin 1h0m0s
}
