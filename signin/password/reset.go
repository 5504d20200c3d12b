package password

import (
	"net/http"

	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
)

func (h *handler[U]) forgottenForm(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, "password/forgotten", "", nil)
}

// forgotten sends the link if there is an account. An unknown address gets the same
// page, and costs the same seal.
func (h *handler[U]) forgotten(w http.ResponseWriter, r *http.Request) {
	f, ok := h.form(w, r, "email")
	if !ok {
		return
	}
	email := address.Normal(f["email"])
	if !h.desk.Allow(w, r, email) {
		return
	}
	if email == "" {
		h.show(w, r, http.StatusUnprocessableEntity, "password/forgotten", notAnAddress, f)
		return
	}
	user, err := h.find.ByEmail(r.Context(), email)
	known := err == nil
	if !known && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}
	id, fields := "", []string{"", "", ""} // of nobody: this link is sealed and thrown away
	if known {
		id, fields = h.id(user), h.fields(user)
	}
	token, err := h.resets.Seal(h.session(r).Now(), id, fields...)
	if err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	if known {
		// The desk logs an error. It isn't shown, because there can be none for an
		// address without an account.
		_ = h.send(r.Context(), h.Account(user).Email, "password/reset", h.Path+"reset?token="+token)
	}
	h.show(w, r, http.StatusOK, "password/sent", "", map[string]string{"email": email, "maybe": "1"})
}

// openReset opens the ticket of a link, and returns its user.
func (h *handler[U]) openReset(r *http.Request) func(token string) (U, error) {
	return func(token string) (user U, err error) {
		_, err = h.resets.Open(h.session(r).Now(), token, func(id string) ([]string, error) {
			user, err = h.find.ByID(r.Context(), id)
			return h.current(user, err)
		})
		return user, err
	}
}

// current returns the fields of a user as the user store has answered: none for one who is
// gone.
func (h *handler[U]) current(user U, err error) ([]string, error) {
	switch {
	case lookup.Gone(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return h.fields(user), nil
}

// resetForm names the account, so that nobody sets the password of one that isn't
// theirs: anybody can send anybody a link.
func (h *handler[U]) resetForm(w http.ResponseWriter, r *http.Request) {
	if user, ok := arrive(h, w, r, "reset", h.openReset(r)); ok {
		h.show(w, r, http.StatusOK, "password/reset", "", map[string]string{"email": h.Account(user).Email})
	}
}

// reset sets the password and logs nobody in: whoever can read somebody's mail for a
// moment shouldn't get a session as well without the owner seeing a changed password.
func (h *handler[U]) reset(w http.ResponseWriter, r *http.Request) {
	f, ok := h.form(w, r, "account", "password")
	if !ok {
		return
	}
	user, ok := arrive(h, w, r, "reset", h.openReset(r))
	if !ok {
		return
	}
	email := h.Account(user).Email
	if !h.meant(w, r, "password/reset", f["account"], email) {
		return
	}
	hash, ok := h.newHash(w, r, "password/reset", f["password"], email, map[string]string{"email": email})
	if !ok {
		return
	}
	if _, err := h.Users.SetPassword(r.Context(), user, hash, true); !h.stored(w, r, "reset", err) {
		return
	}
	h.tell(r.Context(), email, "password/changed")
	h.show(w, r, http.StatusOK, "password/set", "", nil)
}
