package rig

import (
	"cmp"
	"context"

	"github.com/hardtack-go/hardtack/signin"
)

// PasswordFields are what package password stores about a user.
type PasswordFields struct {
	Hash string // of the password, or ""

	set string // the hash of before the rehashes, if there were any
}

func (f PasswordFields) clone() PasswordFields { return f }

// stamp changes with the password, and not when that is hashed again.
func (f PasswordFields) stamp() string { return cmp.Or(f.set, f.Hash) }

// SetPassword implements password.Users.
func (t *Table) SetPassword(ctx context.Context, u *User, hash string, proven bool) (*User, error) {
	return t.Change(ctx, u, func(u *User) error {
		if proven {
			u.Prove()
		}
		u.PasswordFields = PasswordFields{Hash: hash}
		return nil
	})
}

// Rehash implements password.Users.
func (t *Table) Rehash(ctx context.Context, u *User, hash string) (*User, error) {
	return t.Change(ctx, u, func(u *User) error {
		u.PasswordFields = PasswordFields{Hash: hash, set: u.PasswordFields.stamp()}
		return nil
	})
}

// SignUp is password.Config.Create.
func (t *Table) SignUp(ctx context.Context, email, hash string) (*User, error) {
	u, free, err := t.Create(ctx, User{Email: email, Proven: true, PasswordFields: PasswordFields{Hash: hash}})
	if err == nil && !free {
		err = signin.ErrChanged
	}
	return u, err
}

// Prove implements password.Addresses. What is attached stays.
func (t *Table) Prove(ctx context.Context, u *User) (*User, error) {
	return t.Change(ctx, u, func(u *User) error {
		u.Proven = true
		return nil
	})
}

// SetEmail implements password.Addresses.
func (t *Table) SetEmail(ctx context.Context, u *User, email string) (*User, error) {
	return t.Change(ctx, u, func(u *User) error {
		for id, row := range t.rows {
			if row.Email == email && id != u.ID {
				return signin.ErrChanged
			}
		}
		u.Email, u.Proven = email, true
		u.Epoch++
		return nil
	})
}
