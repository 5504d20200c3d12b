package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
)

// User is a row. Passwords counts how often the password was changed.
type User struct {
	ID          int64
	Email, Hash string
	Passwords   int
}

// Users is the table.
type Users struct{ db *sql.DB }

func OpenUsers(file string) (*Users, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec(`CREATE TABLE IF NOT EXISTS users (
		id        INTEGER PRIMARY KEY AUTOINCREMENT,
		email     TEXT NOT NULL UNIQUE,
		hash      TEXT NOT NULL,
		passwords INTEGER NOT NULL DEFAULT 0)`)
	return &Users{db}, err
}

// row reads the one row that a statement returns, or returns missing if there is none.
func (t *Users) row(ctx context.Context, missing error, statement string, args ...any) (*User, error) {
	var u User
	err := t.db.QueryRowContext(ctx, statement+" RETURNING id, email, hash, passwords", args...).Scan(&u.ID, &u.Email, &u.Hash, &u.Passwords)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing
	}
	return &u, err
}

func (t *Users) find(ctx context.Context, column string, value any) (*User, error) {
	var u User
	err := t.db.QueryRowContext(ctx, "SELECT id, email, hash, passwords FROM users WHERE "+column+" = ?", value).
		Scan(&u.ID, &u.Email, &u.Hash, &u.Passwords)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, auth.ErrNoUser // and no other error means that
	}
	return &u, err
}

func (t *Users) ByEmail(ctx context.Context, email string) (*User, error) {
	return t.find(ctx, "email", email)
}

func (t *Users) ByID(ctx context.Context, text string) (*User, error) {
	return auth.Int64(func(ctx context.Context, id int64) (*User, error) { return t.find(ctx, "id", id) })(ctx, text)
}

// SignUp makes an account once its owner has followed the link in the mail.
func (t *Users) SignUp(ctx context.Context, email, hash string) (*User, error) {
	return t.row(ctx, signin.ErrChanged, "INSERT INTO users (email, hash) VALUES (?, ?) ON CONFLICT DO NOTHING", email, hash)
}

// SetPassword changes the row only if it is still as u was read: of two changes at once
// one wins, and the other is told.
func (t *Users) SetPassword(ctx context.Context, u *User, hash string, _ bool) (*User, error) {
	return t.row(ctx, signin.ErrChanged, "UPDATE users SET hash = ?, passwords = passwords + 1 WHERE id = ? AND hash = ? AND email = ?",
		hash, u.ID, u.Hash, u.Email)
}

// Rehash stores the same password with newer parameters. It doesn't count, so nobody is
// logged out.
func (t *Users) Rehash(ctx context.Context, u *User, hash string) (*User, error) {
	return t.row(ctx, signin.ErrChanged, "UPDATE users SET hash = ? WHERE id = ? AND hash = ? AND email = ?", hash, u.ID, u.Hash, u.Email)
}

func id(u *User) string    { return strconv.FormatInt(u.ID, 10) }
func stamp(u *User) string { return strconv.Itoa(u.Passwords) }

func account(u *User) password.Account { return password.Account{Email: u.Email, Hash: u.Hash} }
