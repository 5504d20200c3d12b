package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin"
)

// The list of sessions is for people, who want to see where they are logged in. It is
// written when somebody logs in or out, and no request reads it to let anybody in. A
// row has the mark that ends the session, which names it and no more: the cookie holds
// that name encrypted, so nobody can make a cookie from a copy of the table.
//
// A row also has the stamp that its user had. Once the user has another stamp, the
// session is over, and the row isn't listed any more.

// listed is a row of the list.
type listed struct {
	ID     int64
	Device string
	How    signin.How
	Began  time.Time
	Mark   marks.Mark
}

// List adds a session of u. before is the session that it came in place of, if any.
func (t *users) List(ctx context.Context, u *User, l listed, before marks.Mark) error {
	return t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE mark = ? OR until <= ?`, before.ID, l.Began.Unix())
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO sessions (user, mark, until, stamp, device, how, began) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				u.ID, l.Mark.ID, l.Mark.Until, u.Stamp, l.Device, l.How, l.Began.Unix())
		}
		return err
	})
}

const listColumns = `sessions.id, device, how, began, mark, until`

func scanListed(row interface{ Scan(...any) error }) (l listed, err error) {
	var began int64
	l.Mark.Kind = marks.Session
	err = row.Scan(&l.ID, &l.Device, &l.How, &began, &l.Mark.ID, &l.Mark.Until)
	l.Began = at(began)
	return l, err
}

// Listed returns the sessions of u that may be alive, newest first. One that was left to
// expire is among them until it must be over.
func (t *users) Listed(ctx context.Context, u *User, now time.Time) (all []listed, err error) {
	rows, err := t.db.QueryContext(ctx,
		`SELECT `+listColumns+` FROM sessions WHERE user = ? AND stamp = ? AND until > ? ORDER BY sessions.id DESC LIMIT 100`, u.ID, u.Stamp, now.Unix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanListed(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// ListedAs returns a row of u: auth.ErrNoUser if there is none with that id.
func (t *users) ListedAs(ctx context.Context, u *User, id string) (listed, error) {
	l, err := scanListed(t.db.QueryRowContext(ctx, `SELECT `+listColumns+` FROM sessions WHERE user = ? AND id = ?`, u.ID, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = auth.ErrNoUser
	}
	return l, err
}

// Restamp keeps a session in the list whose user has a new stamp, because it was given
// that as well.
func (t *users) Restamp(ctx context.Context, u *User, m marks.Mark) error {
	_, err := t.db.ExecContext(ctx, `UPDATE sessions SET stamp = ?, until = ? WHERE user = ? AND mark = ?`, u.Stamp, m.Until, u.ID, m.ID)
	return err
}

// UnlistOthers leaves one session of u, which has a new mark.
func (t *users) UnlistOthers(ctx context.Context, u *User, was, is marks.Mark) error {
	return t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user = ? AND mark != ?`, u.ID, was.ID)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE sessions SET mark = ?, until = ? WHERE mark = ?`, is.ID, is.Until, was.ID)
		}
		return err
	})
}

// Unlist removes a session from the list, and UnlistAll all sessions of a user.
func (t *users) Unlist(ctx context.Context, m marks.Mark) error {
	_, err := t.db.ExecContext(ctx, `DELETE FROM sessions WHERE mark = ?`, m.ID)
	return err
}

func (t *users) UnlistAll(ctx context.Context, user string) error {
	_, err := t.db.ExecContext(ctx, `DELETE FROM sessions WHERE user = ?`, user)
	return err
}
