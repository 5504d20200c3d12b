package password

import (
	"context"
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
)

func (h *handler[U]) loginForm(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, "password/login", "", map[string]string{"next": h.next(r)})
}

// login checks a password. Every address costs one hash, whether or not it has an
// account, and gets the same answer.
func (h *handler[U]) login(w http.ResponseWriter, r *http.Request) {
	f, ok := h.form(w, r, "email", "password", "remember")
	if !ok {
		return
	}
	email, password := address.Normal(f["email"]), f["password"]
	if !h.desk.Allow(w, r, email) {
		return
	}
	again := map[string]string{"email": f["email"], "remember": f["remember"], "next": h.next(r)}
	if email == "" || password == "" {
		h.show(w, r, http.StatusUnprocessableEntity, "password/login", "Enter your email address and your password.", again)
		return
	}
	user, err := h.find.ByEmail(r.Context(), email)
	if err != nil && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}
	stored := "" // of nobody
	if err == nil {
		stored = h.Account(user).Hash
	}
	match, err := h.matches(r.Context(), password, stored)
	if match && h.Hasher.NeedsRehash(stored) {
		user, match, err = h.rehash(r.Context(), user, password)
	}
	switch {
	case err != nil:
		h.desk.Fail(w, r, err)
	case !match:
		h.show(w, r, http.StatusUnprocessableEntity, "password/login", "Email and password don’t match.", again)
	default:
		h.enter(w, r, user, f["remember"] != "", h.desk.Next(r))
	}
}

// matches is Hasher.Verify, but a stored hash that can't be read is like none: the user
// needs a new password, and a visitor mustn't see that there is such a user.
func (h *handler[U]) matches(ctx context.Context, password, stored string) (bool, error) {
	match, err := h.Hasher.Verify(ctx, password, stored)
	if errors.Is(err, ErrHash) {
		err = nil
	}
	return match, err
}

// rehash replaces an old hash by one of today's cost, and returns the user as stored
// then. If that fails, the login goes on, and the next one tries again.
func (h *handler[U]) rehash(ctx context.Context, user U, password string) (U, bool, error) {
	stored, hash := user, ""
	var err error
	if hash, err = h.Hasher.Hash(ctx, password); err == nil {
		stored, err = h.Users.Rehash(ctx, user, hash)
	}
	switch {
	case err == nil:
		return stored, true, nil
	case !late(err):
		return user, true, nil
	}
	// Another login was first, or a change of the password was, and then the old one
	// is no longer right.
	if user, err = h.find.ByID(ctx, h.id(user)); lookup.Gone(err) {
		return user, false, nil
	} else if err != nil {
		return user, false, err
	}
	match, err := h.matches(ctx, password, h.Account(user).Hash)
	return user, match, err
}
