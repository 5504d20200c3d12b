package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

// connection is an identity elsewhere that a user logs in with.
type connection struct {
	Provider, Subject, Email string
	Added                    time.Time
}

// Connections lists the connections of a user.
func (t *users) Connections(ctx context.Context, u *User) ([]connection, error) {
	rows, err := t.db.QueryContext(ctx, `SELECT provider, subject, email, added FROM connections WHERE user = ? ORDER BY added, subject`, u.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []connection
	for rows.Next() {
		var c connection
		var added int64
		if err := rows.Scan(&c.Provider, &c.Subject, &c.Email, &added); err != nil {
			return nil, err
		}
		c.Added = at(added)
		all = append(all, c)
	}
	return all, rows.Err()
}

// owner returns the user who has an identity connected, or auth.ErrNoUser.
func owner(ctx context.Context, tx *sql.Tx, id oauth.Identity) (*User, error) {
	return one(tx.QueryRowContext(ctx,
		`SELECT `+columns+` FROM users WHERE id = (SELECT user FROM connections WHERE issuer = ? AND subject = ?)`, id.Issuer, id.Subject))
}

// connect adds a connection if the user's stamp is still that of u, as Save does with
// a passkey.
func connect(ctx context.Context, tx *sql.Tx, u *User, id oauth.Identity) error {
	return changedOne(tx.ExecContext(ctx,
		`INSERT INTO connections (issuer, subject, user, provider, email, added)
		SELECT ?, ?, id, ?, ?, ? FROM users WHERE id = ? AND stamp = ?`,
		id.Issuer, id.Subject, id.Provider, id.Email, time.Now().Unix(), u.ID, u.Stamp))
}

// Enter, Connect and Disconnect are oauth.Users. An identity that nobody has connected
// gets an account of its own. It never gets that of somebody with the same address.
func (t *users) Enter(ctx context.Context, id oauth.Identity) (u *User, err error) {
	err = t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if u, err = owner(ctx, tx, id); !errors.Is(err, auth.ErrNoUser) {
			return err
		}
		email := strings.ToLower(id.Email) // as the forms of the other ways write it
		if email == "" {
			return auth.ErrNoUser
		}
		if u, err = add(ctx, tx, User{Email: email, Proven: id.EmailVerified}); errors.Is(err, errEmailTaken) {
			return oauth.ErrTaken
		}
		if err == nil {
			err = connect(ctx, tx, u, id)
		}
		return err
	})
	return u, err
}

func (t *users) Connect(ctx context.Context, u *User, id oauth.Identity) error {
	return t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		has, err := owner(ctx, tx, id)
		switch {
		case errors.Is(err, auth.ErrNoUser):
			return connect(ctx, tx, u, id)
		case err == nil && has.ID != u.ID:
			return oauth.ErrTaken
		}
		return err
	})
}

// Disconnect refuses to remove the last way in. A link by mail is one for whoever has
// proven the address.
func (t *users) Disconnect(ctx context.Context, u *User, provider, subject string) error {
	return t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := changed(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM users WHERE id = ? AND stamp = ?`, u.ID, u.Stamp)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM connections WHERE user = ? AND provider = ? AND (subject = ? OR ? = '')`,
			u.ID, provider, subject, subject); err != nil {
			return err
		}
		left := 0
		err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM connections WHERE user = users.id) + (SELECT count(*) FROM passkeys WHERE user = users.id)
			+ (hash != '') + proven FROM users WHERE id = ?`, u.ID).Scan(&left)
		if err == nil && left == 0 {
			err = oauth.ErrLast
		}
		return err
	})
}
