package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// User is one row of the table. The application passes it by pointer, so that the
// guard remembers it for the request without a copy.
type User struct {
	ID      int64
	Email   string
	Staff   bool
	Hash    string // argon2id, as signin/password writes it
	Stamp   string // random; a new one ends every session of the user
	Created time.Time
}

// Key is the id as the session carries it.
func (u *User) Key() string { return strconv.FormatInt(u.ID, 10) }

// Name is the part of the address before the @, for greetings.
func (u *User) Name() string {
	name, _, _ := strings.Cut(u.Email, "@")
	return name
}

// Errors that a person at a form can do something about.
var (
	errEmailTaken = errors.New("this address already has an account")
	errChanged    = errors.New("the account was changed meanwhile")
)

// users is the table of users in an SQLite file that several processes may share.
type users struct{ db *sql.DB }

// AUTOINCREMENT, because a session names its user by id: nobody may get the id of a
// deleted user.
const schema = `
CREATE TABLE IF NOT EXISTS users (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	email   TEXT    NOT NULL UNIQUE,
	staff   INTEGER NOT NULL DEFAULT 0,
	hash    TEXT    NOT NULL,
	stamp   TEXT    NOT NULL,
	created INTEGER NOT NULL
) STRICT`

// openUsers opens the file. A missing one is created, readable by its owner only.
func openUsers(ctx context.Context, path string) (*users, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()

	// WAL lets readers go on while another process writes. The busy timeout makes two
	// writers wait for each other instead of failing.
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &users{db}, nil
}

func (t *users) Close() error { return t.db.Close() }

const columns = `id, email, staff, hash, stamp, created`

// ByID is the loader that auth.Config asks for. It must tell three things apart: no
// such user, an id that can't be one, and a database that is down. Only the last is a
// 503, and sql.ErrNoRows would be taken for it.
func (t *users) ByID(ctx context.Context, id string) (*User, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id {
		return nil, auth.ErrBadID
	}
	return t.one(ctx, `SELECT `+columns+` FROM users WHERE id = ?`, n)
}

// ByEmail finds the user of a login form: auth.ErrNoUser if there is none.
func (t *users) ByEmail(ctx context.Context, email string) (*User, error) {
	return t.one(ctx, `SELECT `+columns+` FROM users WHERE email = ?`, email)
}

func (t *users) one(ctx context.Context, query string, arg any) (*User, error) {
	u, err := scan(t.db.QueryRowContext(ctx, query, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, auth.ErrNoUser
	}
	return u, err
}

func scan(row interface{ Scan(...any) error }) (*User, error) {
	var u User
	var created int64
	if err := row.Scan(&u.ID, &u.Email, &u.Staff, &u.Hash, &u.Stamp, &created); err != nil {
		return nil, err
	}
	u.Created = time.Unix(created, 0).UTC()
	return &u, nil
}

// All lists the newest users first, at most limit of them.
func (t *users) All(ctx context.Context, limit int) ([]*User, error) {
	rows, err := t.db.QueryContext(ctx, `SELECT `+columns+` FROM users ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*User
	for rows.Next() {
		u, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, rows.Err()
}

// Add creates a user: errEmailTaken if the address has an account.
func (t *users) Add(ctx context.Context, email, hash string, staff bool) (*User, error) {
	u, err := scan(t.db.QueryRowContext(ctx,
		`INSERT INTO users (email, staff, hash, stamp, created) VALUES (?, ?, ?, ?, ?) RETURNING `+columns,
		email, staff, hash, rand.Text(), time.Now().Unix()))
	if se := new(sqlite.Error); errors.As(err, &se) && se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return nil, errEmailTaken
	}
	return u, err
}

// SetPassword stores a new password and a new stamp, which ends every session that
// isn't given that stamp. It returns the user as stored now, or errChanged if the
// password is no longer the one that u was loaded with.
func (t *users) SetPassword(ctx context.Context, u *User, hash string) (*User, error) {
	changed, err := scan(t.db.QueryRowContext(ctx,
		`UPDATE users SET hash = ?, stamp = ? WHERE id = ? AND stamp = ? RETURNING `+columns,
		hash, rand.Text(), u.ID, u.Stamp))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errChanged
	}
	return changed, err
}

// EndSessions stores a new stamp and leaves the password alone. It ends every session
// of the user.
func (t *users) EndSessions(ctx context.Context, u *User) error {
	_, err := t.db.ExecContext(ctx, `UPDATE users SET stamp = ? WHERE id = ?`, rand.Text(), u.ID)
	return err
}

// Rehash replaces the hash of an unchanged password by one of today's cost. The stamp
// stays, so nobody is logged out. A password that was changed meanwhile wins.
func (t *users) Rehash(ctx context.Context, u *User, hash string) error {
	_, err := t.db.ExecContext(ctx, `UPDATE users SET hash = ? WHERE id = ? AND hash = ?`, hash, u.ID, u.Hash)
	return err
}
