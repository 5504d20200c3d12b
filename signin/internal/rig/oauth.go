package rig

import (
	"context"
	"slices"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

// OAuthFields are what package oauth stores about a user.
type OAuthFields struct {
	Connections []Connection
}

// A Connection is one identity of a user. Issuer and Subject name it.
type Connection struct{ Provider, Issuer, Subject string }

func (f OAuthFields) clone() OAuthFields { return OAuthFields{slices.Clone(f.Connections)} }

// OAuthUsers is the table as package oauth wants it.
type OAuthUsers struct{ *Table }

func (c Connection) is(id oauth.Identity) bool {
	return c.Issuer == id.Issuer && c.Subject == id.Subject
}

// owner returns the row that has the identity connected, or nil. t.mu is held.
func (t *Table) owner(id oauth.Identity) *User {
	for _, row := range t.rows {
		if slices.ContainsFunc(row.Connections, func(c Connection) bool { return c.is(id) }) {
			return row
		}
	}
	return nil
}

// Enter implements oauth.Users. It makes an account for every identity with an address.
func (t OAuthUsers) Enter(_ context.Context, id oauth.Identity) (*User, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return nil, t.down
	}
	if row := t.owner(id); row != nil {
		return row.clone(), nil
	}
	email := address.Normal(id.Email)
	if email == "" {
		return nil, auth.ErrNoUser
	}
	for _, row := range t.rows {
		if row.Email == email {
			return nil, oauth.ErrTaken
		}
	}
	return t.add(User{Email: email, Name: id.Name, Proven: id.EmailVerified, OAuthFields: OAuthFields{[]Connection{{id.Provider, id.Issuer, id.Subject}}}}), nil
}

// Connect implements oauth.Users.
func (t OAuthUsers) Connect(ctx context.Context, u *User, id oauth.Identity) error {
	if u == nil { // a test says that better than a panic
		return auth.ErrNoUser
	}
	_, err := t.Change(ctx, u, func(u *User) error {
		switch owner := t.owner(id); {
		case owner == nil:
			u.Connections = append(u.Connections, Connection{id.Provider, id.Issuer, id.Subject})
		case owner.ID != u.ID:
			return oauth.ErrTaken
		}
		return nil
	})
	return err
}

// Disconnect implements oauth.Users. Connections and a password are ways to log in.
func (t OAuthUsers) Disconnect(ctx context.Context, u *User, provider, subject string) error {
	if u == nil {
		return auth.ErrNoUser
	}
	_, err := t.Change(ctx, u, func(u *User) error {
		u.Connections = slices.DeleteFunc(u.Connections, func(c Connection) bool {
			return c.Provider == provider && (subject == "" || c.Subject == subject)
		})
		if len(u.Connections) == 0 && u.Hash == "" {
			return oauth.ErrLast
		}
		return nil
	})
	return err
}
