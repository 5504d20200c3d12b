package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

const passkeyColumns = `passkeys.id, handle, name, added, used, version, data`

// passkeyFields are where the columns of a passkey go.
func passkeyFields(p *passkey.Passkey, added, used *int64) []any {
	return []any{&p.ID, &p.Handle, &p.Name, added, used, &p.Version, (*[]byte)(&p.Data)}
}

func at(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// ByPasskey, Passkeys, Save and Remove are passkey.Users.
func (t *users) ByPasskey(ctx context.Context, id string) (*User, passkey.Passkey, error) {
	var p passkey.Passkey
	var added, used int64
	u, err := scan(t.db.QueryRowContext(ctx,
		`SELECT users.id, email, staff, hash, stamp, created, proven, disabled, logins, changed, `+passkeyColumns+`
		FROM passkeys JOIN users ON users.id = user WHERE passkeys.id = ?`, id), passkeyFields(&p, &added, &used)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, p, auth.ErrNoUser
	}
	p.Added, p.Used = at(added), at(used)
	return u, p, err
}

func (t *users) Passkeys(ctx context.Context, u *User) ([]passkey.Passkey, error) {
	rows, err := t.db.QueryContext(ctx, `SELECT `+passkeyColumns+` FROM passkeys WHERE user = ? ORDER BY added, id`, u.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []passkey.Passkey
	for rows.Next() {
		var p passkey.Passkey
		var added, used int64
		if err := rows.Scan(passkeyFields(&p, &added, &used)...); err != nil {
			return nil, err
		}
		p.Added, p.Used = at(added), at(used)
		all = append(all, p)
	}
	return all, rows.Err()
}

// Save adds a passkey if the user's stamp is still that of u: it changes at the first
// proof of the address, when the passkeys of before go.
func (t *users) Save(ctx context.Context, u *User, p passkey.Passkey) error {
	var done sql.Result
	var err error
	if p.Version == 0 {
		done, err = t.db.ExecContext(ctx,
			`INSERT INTO passkeys (id, user, handle, name, added, used, version, data)
			SELECT ?, id, ?, ?, ?, ?, 1, ? FROM users WHERE id = ? AND stamp = ?`,
			p.ID, p.Handle, p.Name, unix(p.Added), unix(p.Used), []byte(p.Data), u.ID, u.Stamp)
		if taken(err) {
			return signin.ErrChanged
		}
	} else {
		done, err = t.db.ExecContext(ctx,
			`UPDATE passkeys SET name = ?, used = ?, data = ?, version = version + 1 WHERE id = ? AND user = ? AND version = ?`,
			p.Name, unix(p.Used), []byte(p.Data), p.ID, u.ID, p.Version)
	}
	return changedOne(done, err)
}

// changedOne says signin.ErrChanged if a statement found its row no more.
func changedOne(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		err = signin.ErrChanged
	}
	return err
}

func (t *users) Remove(ctx context.Context, u *User, id string) error {
	_, err := t.db.ExecContext(ctx, `DELETE FROM passkeys WHERE id = ? AND user = ?`, id, u.ID)
	return err
}
