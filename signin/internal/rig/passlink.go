package rig

import (
	"context"
	"strconv"
)

// PasslinkFields are what package passlink stores about a user.
type PasslinkFields struct {
	Logins int // by link: a link is bound to it
}

func (f PasslinkFields) clone() PasslinkFields { return f }

// LinkFields are what a link is bound to, for passlink.Config.
func (u *User) LinkFields() []string { return []string{u.Stamp(), strconv.Itoa(u.Logins)} }

// Use implements passlink.Users.
func (t *Table) Use(ctx context.Context, u *User) (*User, error) {
	return t.Change(ctx, u, func(u *User) error {
		u.Logins++
		u.Prove()
		return nil
	})
}
