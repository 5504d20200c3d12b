package rig

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
)

// A User is a row of the table. What a [Table] returns is a copy.
type User struct {
	ID       string // "1", "2", …
	Email    string // normalised
	Name     string
	Proven   bool // whether the owner of Email followed a mail to it
	Disabled bool
	Epoch    int // part of the stamp: a change ends all sessions

	PasswordFields
	OAuthFields
	PasskeyFields
	PasslinkFields

	version int // for compare-and-set
}

// Stamp is the field that ends all sessions when it changes.
func (u *User) Stamp() string { return strconv.Itoa(u.Epoch) + " " + u.PasswordFields.stamp() }

// Prove notes that the owner of the address followed a mail to it. If nobody had done
// that before, everything goes that somebody else may have attached.
func (u *User) Prove() {
	if u.Proven {
		return
	}
	u.Proven = true
	u.Epoch++
	u.PasswordFields = PasswordFields{}
	u.OAuthFields = OAuthFields{}
	u.PasskeyFields = PasskeyFields{}
	u.PasslinkFields = PasslinkFields{Logins: u.Logins}
}

func (u *User) clone() *User {
	c := *u
	c.PasswordFields = u.PasswordFields.clone()
	c.OAuthFields = u.OAuthFields.clone()
	c.PasskeyFields = u.PasskeyFields.clone()
	c.PasslinkFields = u.PasslinkFields.clone()
	return &c
}

// A Table is the application's user store. It is safe for concurrent use.
type Table struct {
	mu   sync.Mutex
	rows map[string]*User
	down error
}

// Add stores a new user under the next id, and returns it.
func (t *Table) Add(u User) *User {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add(u)
}

func (t *Table) add(u User) *User {
	if t.rows == nil {
		t.rows = map[string]*User{}
	}
	u.ID = strconv.Itoa(len(t.rows) + 1)
	u.version = 1
	t.rows[u.ID] = u.clone()
	return u.clone()
}

// Create is [Table.Add] for a flow: it reports whether the address was free.
func (t *Table) Create(_ context.Context, u User) (*User, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return nil, false, t.down
	}
	for _, row := range t.rows {
		if row.Email == u.Email {
			return nil, false, nil
		}
	}
	return t.add(u), true, nil
}

// Fail makes every method return err, as a database that is down would. nil ends that.
func (t *Table) Fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = err
}

// ByID returns a user, or auth.ErrNoUser.
func (t *Table) ByID(_ context.Context, id string) (*User, error) {
	return t.find(func(u *User) bool { return u.ID == id })
}

// ByEmail returns the user with an address, however its letters are written, or
// auth.ErrNoUser.
func (t *Table) ByEmail(_ context.Context, email string) (*User, error) {
	return t.find(func(u *User) bool { return strings.EqualFold(u.Email, email) })
}

// find returns the first user, by id, that is wanted.
func (t *Table) find(wanted func(*User) bool) (*User, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return nil, t.down
	}
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		if u := t.rows[id]; wanted(u) {
			return u.clone(), nil
		}
	}
	return nil, auth.ErrNoUser
}

// Change stores what change makes of a user, if the row is still as it was when u was
// read, and returns the new row. Otherwise it returns signin.ErrChanged, and for a user
// who is gone auth.ErrNoUser. An error of change is returned, and nothing is stored.
func (t *Table) Change(_ context.Context, u *User, change func(*User) error) (*User, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return nil, t.down
	}
	row := t.rows[u.ID]
	switch {
	case row == nil:
		return nil, auth.ErrNoUser
	case row.version != u.version:
		return nil, signin.ErrChanged
	}
	next := row.clone()
	if err := change(next); err != nil {
		return nil, err
	}
	next.version++
	t.rows[u.ID] = next
	return next.clone(), nil
}

// Edit changes a row for a test, whatever happened to it meanwhile.
func (t *Table) Edit(id string, change func(*User)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := t.rows[id].clone()
	change(row)
	row.version++
	t.rows[id] = row
}

// Get returns a row for a test, whether or not the table is down, or nil.
func (t *Table) Get(id string) *User {
	t.mu.Lock()
	defer t.mu.Unlock()
	if row := t.rows[id]; row != nil {
		return row.clone()
	}
	return nil
}

// Delete removes a row.
func (t *Table) Delete(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, id)
}
