package password

import (
	"net/http"

	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
)

const notAnAddress = "That isn’t an email address."

func (h *handler[U]) signupForm(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, "password/signup", "", map[string]string{"next": h.next(r)})
}

// signup sends one mail in any case: the link, or to an address that has an account, a
// word about that. There is no account until the link is followed and a password is
// chosen, so nobody can sit in one that waits for its owner.
func (h *handler[U]) signup(w http.ResponseWriter, r *http.Request) {
	f, ok := h.form(w, r, "email")
	if !ok {
		return
	}
	email := address.Normal(f["email"])
	if !h.desk.Allow(w, r, email) {
		return
	}
	of := h.desk.Config()
	if email == "" {
		h.show(w, r, http.StatusUnprocessableEntity, "password/signup", notAnAddress, map[string]string{"email": f["email"], "next": h.next(r)})
		return
	}
	user, err := h.find.ByEmail(r.Context(), email)
	taken := err == nil
	if !taken && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}
	next := h.desk.Next(r)
	if len(next) > maxNext {
		next = of.Home
	}
	token, err := h.signups.Seal(h.session(r).Now(), newcomer{email, next}, email)
	switch {
	case err != nil:
	case taken:
		err = h.send(r.Context(), h.Account(user).Email, "password/taken", of.LoginURL)
	default:
		err = h.send(r.Context(), email, "password/signup", h.Path+"welcome?token="+token)
	}
	if err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	h.show(w, r, http.StatusOK, "password/sent", "", map[string]string{"email": email})
}

// openSignup opens the ticket of a link. An account with the address spends it.
func (h *handler[U]) openSignup(r *http.Request) func(token string) (newcomer, error) {
	return func(token string) (newcomer, error) {
		return h.signups.Open(h.session(r).Now(), token, func(n newcomer) ([]string, error) {
			if _, err := h.find.BySpelling(r.Context(), n.Email); !lookup.Gone(err) {
				return nil, err // nil if there is an account
			}
			return []string{n.Email}, nil
		})
	}
}

func (h *handler[U]) welcomeForm(w http.ResponseWriter, r *http.Request) {
	if n, ok := arrive(h, w, r, "welcome", h.openSignup(r)); ok {
		h.show(w, r, http.StatusOK, "password/welcome", "", map[string]string{"email": n.Email})
	}
}

// welcome creates the account and logs in: this is a login by a mail that was just
// followed and a password that was just chosen.
func (h *handler[U]) welcome(w http.ResponseWriter, r *http.Request) {
	f, ok := h.form(w, r, "account", "password")
	if !ok {
		return
	}
	n, ok := arrive(h, w, r, "welcome", h.openSignup(r))
	if !ok || !h.meant(w, r, "password/welcome", f["account"], n.Email) {
		return
	}
	hash, ok := h.newHash(w, r, "password/welcome", f["password"], n.Email, map[string]string{"email": n.Email})
	if !ok {
		return
	}
	user, err := h.Create(r.Context(), n.Email, hash)
	if !h.stored(w, r, "welcome", err) {
		return
	}
	h.enter(w, r, user, false, n.Next)
}
