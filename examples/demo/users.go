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
	"github.com/hardtack-go/hardtack/signin"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// User is one row of the table. The application passes it by pointer, so that the
// guard remembers it for the request without a copy.
type User struct {
	ID       int64
	Email    string
	Staff    bool
	Hash     string // argon2id, as signin/password writes it; "" if there is no password
	Stamp    string // random; a new one ends every session of the user
	Created  time.Time
	Proven   bool // whether the owner of the address followed a mail to it
	Disabled bool
	Logins   int64     // by mail: a link is bound to it
	Changed  time.Time // when the stamp was, for sessions without one (old.go)
}

// Key is the id as the session carries it.
func (u *User) Key() string { return strconv.FormatInt(u.ID, 10) }

// Name is the part of the address before the @, for greetings.
func (u *User) Name() string {
	name, _, _ := strings.Cut(u.Email, "@")
	return name
}

// errEmailTaken is an error that a person at a form can do something about.
var errEmailTaken = errors.New("this address already has an account")

// users is the database: the users, how they log in, where they are logged in, and the
// mails that the demo catches. It is an SQLite file that several processes may share.
type users struct{ db *sql.DB }

// steps make the tables. A file keeps the number of those it has seen in its
// user_version, so one of an earlier demo gets the rest.
//
// AUTOINCREMENT, because a session names its user by id: nobody may get the id of a
// deleted user.
var steps = []string{`
CREATE TABLE IF NOT EXISTS users (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	email   TEXT    NOT NULL UNIQUE,
	staff   INTEGER NOT NULL DEFAULT 0,
	hash    TEXT    NOT NULL,
	stamp   TEXT    NOT NULL,
	created INTEGER NOT NULL
) STRICT`, `
ALTER TABLE users ADD COLUMN proven   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN logins   INTEGER NOT NULL DEFAULT 0;
CREATE TABLE passkeys (
	id      TEXT    PRIMARY KEY,
	user    INTEGER NOT NULL REFERENCES users (id),
	handle  TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	added   INTEGER NOT NULL,
	used    INTEGER NOT NULL,
	version INTEGER NOT NULL,
	data    BLOB    NOT NULL
) STRICT;
CREATE INDEX passkeys_of ON passkeys (user);
CREATE TABLE connections (
	issuer   TEXT    NOT NULL,
	subject  TEXT    NOT NULL,
	user     INTEGER NOT NULL REFERENCES users (id),
	provider TEXT    NOT NULL,
	email    TEXT    NOT NULL,
	added    INTEGER NOT NULL,
	PRIMARY KEY (issuer, subject)
) STRICT;
CREATE INDEX connections_of ON connections (user);
CREATE TABLE mails (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	sent      INTEGER NOT NULL,
	recipient TEXT    NOT NULL,
	subject   TEXT    NOT NULL,
	text      TEXT    NOT NULL
) STRICT`, `
CREATE TABLE sessions (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	user   INTEGER NOT NULL REFERENCES users (id),
	mark   TEXT    NOT NULL UNIQUE,
	until  INTEGER NOT NULL,
	stamp  TEXT    NOT NULL,
	device TEXT    NOT NULL,
	how    TEXT    NOT NULL,
	began  INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of ON sessions (user);
CREATE TABLE marks (
	kind          INTEGER NOT NULL,
	id            TEXT    NOT NULL,
	issued_before INTEGER NOT NULL,
	until         INTEGER NOT NULL,
	PRIMARY KEY (kind, id)
) STRICT`, `
ALTER TABLE users ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER users_changed AFTER UPDATE OF stamp ON users BEGIN
	UPDATE users SET changed = unixepoch() + 1 WHERE id = NEW.id;
END`}

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
	t := &users{db}
	if err := t.inOne(ctx, migrate); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return t, nil
}

// migrate takes the steps that the file hasn't seen.
func migrate(ctx context.Context, tx *sql.Tx) error {
	seen := 0
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&seen); err != nil {
		return err
	}
	for ; seen < len(steps); seen++ {
		if _, err := tx.ExecContext(ctx, steps[seen]); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, seen))
	return err
}

func (t *users) Close() error { return t.db.Close() }

// inOne runs change in a transaction, which is undone if it returns an error. No other
// process writes meanwhile.
func (t *users) inOne(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if err := change(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

const columns = `id, email, staff, hash, stamp, created, proven, disabled, logins, changed`

// ByID is the loader that auth.Config asks for. It must tell three things apart: no
// such user, an id that can't be one, and a database that is down. Only the last is a
// 503, and sql.ErrNoRows would be taken for it.
func (t *users) ByID(ctx context.Context, id string) (*User, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id {
		return nil, auth.ErrBadID
	}
	return one(t.db.QueryRowContext(ctx, `SELECT `+columns+` FROM users WHERE id = ?`, n))
}

// ByEmail finds the user of a login form: auth.ErrNoUser if there is none.
func (t *users) ByEmail(ctx context.Context, email string) (*User, error) {
	return one(t.db.QueryRowContext(ctx, `SELECT `+columns+` FROM users WHERE email = ?`, email))
}

// one reads the row of a user. auth.ErrNoUser says that there is none.
func one(row *sql.Row) (*User, error) {
	u, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, auth.ErrNoUser
	}
	return u, err
}

// changed reads the row that an UPDATE … RETURNING has written. If there is none,
// somebody else changed it first.
func changed(row *sql.Row) (*User, error) {
	u, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, signin.ErrChanged
	}
	return u, err
}

func scan(row interface{ Scan(...any) error }, more ...any) (*User, error) {
	var u User
	var created, changed int64
	into := []any{&u.ID, &u.Email, &u.Staff, &u.Hash, &u.Stamp, &created, &u.Proven, &u.Disabled, &u.Logins, &changed}
	if err := row.Scan(append(into, more...)...); err != nil {
		return nil, err
	}
	u.Created, u.Changed = time.Unix(created, 0).UTC(), at(changed)
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
func (t *users) Add(ctx context.Context, u User) (*User, error) {
	return add(ctx, t.db, u)
}

// add does it in a transaction or without one.
func add(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, u User) (*User, error) {
	added, err := scan(db.QueryRowContext(ctx,
		`INSERT INTO users (email, staff, hash, stamp, created, proven) VALUES (?, ?, ?, ?, ?, ?) RETURNING `+columns,
		u.Email, u.Staff, u.Hash, rand.Text(), time.Now().Unix(), u.Proven))
	if taken(err) {
		return nil, errEmailTaken
	}
	return added, err
}

// taken reports whether an error says that a value is there already.
func taken(err error) bool {
	se := new(sqlite.Error)
	return errors.As(err, &se) && (se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || se.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// ByEmail, ByID, SetPassword and Rehash are password.Users.
//
// SetPassword stores a new password and a new stamp, which ends every session that
// isn't given that stamp. It returns the user as stored now, or signin.ErrChanged if
// the row is no longer the one that u was loaded from.
func (t *users) SetPassword(ctx context.Context, u *User, hash string, proven bool) (set *User, err error) {
	err = t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		set, err = changed(tx.QueryRowContext(ctx,
			`UPDATE users SET stamp = ? WHERE id = ? AND stamp = ? AND hash = ? AND email = ? RETURNING `+columns,
			rand.Text(), u.ID, u.Stamp, u.Hash, u.Email))
		if err == nil && proven {
			set, err = prove(ctx, tx, set)
		}
		if err == nil {
			set, err = changed(tx.QueryRowContext(ctx, `UPDATE users SET hash = ? WHERE id = ? RETURNING `+columns, hash, u.ID))
		}
		return err
	})
	return set, err
}

// Rehash replaces the hash of an unchanged password by one of today's cost. The stamp
// stays, so nobody is logged out. A password that was changed meanwhile wins.
func (t *users) Rehash(ctx context.Context, u *User, hash string) (*User, error) {
	return changed(t.db.QueryRowContext(ctx, `UPDATE users SET hash = ? WHERE id = ? AND hash = ? RETURNING `+columns, hash, u.ID, u.Hash))
}

// SignUp is password.Config.Create. The visitor has followed a mail to the address.
func (t *users) SignUp(ctx context.Context, email, hash string) (*User, error) {
	u, err := t.Add(ctx, User{Email: email, Hash: hash, Proven: true})
	if errors.Is(err, errEmailTaken) {
		err = signin.ErrChanged
	}
	return u, err
}

// Prove and SetEmail are password.Addresses.
func (t *users) Prove(ctx context.Context, u *User) (*User, error) {
	return changed(t.db.QueryRowContext(ctx,
		`UPDATE users SET proven = 1 WHERE id = ? AND stamp = ? AND email = ? RETURNING `+columns, u.ID, u.Stamp, u.Email))
}

// SetEmail stores a new stamp as well: somebody who can read the old mailbox may be
// logged in by a link that went there.
func (t *users) SetEmail(ctx context.Context, u *User, email string) (*User, error) {
	moved, err := changed(t.db.QueryRowContext(ctx,
		`UPDATE users SET email = ?, proven = 1, stamp = ? WHERE id = ? AND stamp = ? AND email = ? RETURNING `+columns, email, rand.Text(), u.ID, u.Stamp, u.Email))
	if taken(err) {
		return nil, signin.ErrChanged
	}
	return moved, err
}

// EndSessions stores a new stamp and leaves the password alone. It ends every session
// of the user.
func (t *users) EndSessions(ctx context.Context, u *User) error {
	_, err := t.db.ExecContext(ctx, `UPDATE users SET stamp = ? WHERE id = ?`, rand.Text(), u.ID)
	return err
}

// SetDisabled closes an account, which ends its sessions, or opens it again.
func (t *users) SetDisabled(ctx context.Context, id string, disabled bool) error {
	_, err := t.db.ExecContext(ctx, `UPDATE users SET disabled = ?, stamp = ? WHERE id = ?`, disabled, rand.Text(), id)
	return err
}

// Use spends a link (package passlink) and proves the address. Whoever opened an
// account may not be the owner of its address: at the first proof everything goes that
// was attached before, in the same transaction.
func (t *users) Use(ctx context.Context, u *User) (used *User, err error) {
	err = t.inOne(ctx, func(ctx context.Context, tx *sql.Tx) error {
		used, err = changed(tx.QueryRowContext(ctx,
			`UPDATE users SET logins = logins + 1 WHERE id = ? AND stamp = ? AND logins = ? AND email = ? RETURNING `+columns,
			u.ID, u.Stamp, u.Logins, u.Email))
		if err == nil {
			used, err = prove(ctx, tx, used)
		}
		return err
	})
	return used, err
}

// prove notes that the address of u belongs to whoever is there now.
func prove(ctx context.Context, tx *sql.Tx, u *User) (*User, error) {
	if u.Proven {
		return u, nil
	}
	for _, table := range []string{"passkeys", "connections"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE user = ?`, u.ID); err != nil {
			return nil, err
		}
	}
	return changed(tx.QueryRowContext(ctx,
		`UPDATE users SET proven = 1, hash = '', stamp = ? WHERE id = ? RETURNING `+columns, rand.Text(), u.ID))
}
