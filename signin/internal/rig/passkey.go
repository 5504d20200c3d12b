package rig

import (
	"context"
	"slices"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

// PasskeyFields are what package passkey stores about a user.
type PasskeyFields struct {
	Passkeys []passkey.Passkey
}

func (f PasskeyFields) clone() PasskeyFields {
	return PasskeyFields{slices.Clone(f.Passkeys)}
}

// PasskeyStore is a Table as the user store of package passkey.
type PasskeyStore struct{ *Table }

// ByPasskey implements passkey.Users.
func (t PasskeyStore) ByPasskey(_ context.Context, id string) (*User, passkey.Passkey, error) {
	u, err := t.find(func(u *User) bool { return u.passkey(id) >= 0 })
	if err != nil {
		return nil, passkey.Passkey{}, err
	}
	return u, u.Passkeys[u.passkey(id)], nil
}

// Passkeys implements passkey.Users.
func (t PasskeyStore) Passkeys(ctx context.Context, u *User) ([]passkey.Passkey, error) {
	row, err := t.ByID(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return row.Passkeys, nil
}

// Save implements passkey.Users.
func (t PasskeyStore) Save(_ context.Context, u *User, p passkey.Passkey) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := t.rows[u.ID]
	switch {
	case t.down != nil:
		return t.down
	case row == nil:
		return auth.ErrNoUser
	case p.Version > 0:
		if i := row.passkey(p.ID); i >= 0 && row.Passkeys[i].Version == p.Version {
			p.Version++
			row.Passkeys[i] = p
			return nil
		}
		return signin.ErrChanged
	case row.version != u.version:
		return signin.ErrChanged
	}
	for _, other := range t.rows {
		if other.passkey(p.ID) >= 0 {
			return signin.ErrChanged
		}
	}
	p.Version = 1
	row.Passkeys = append(row.Passkeys, p)
	return nil
}

// Remove implements passkey.Users.
func (t PasskeyStore) Remove(_ context.Context, u *User, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return t.down
	}
	if row := t.rows[u.ID]; row != nil {
		row.Passkeys = slices.DeleteFunc(row.Passkeys, func(p passkey.Passkey) bool { return p.ID == id })
	}
	return nil
}

// passkey returns the index of a passkey, or -1.
func (u *User) passkey(id string) int {
	return slices.IndexFunc(u.Passkeys, func(p passkey.Passkey) bool { return p.ID == id })
}
