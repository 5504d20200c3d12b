package password

import (
	"net/http"

	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
)

func (h *handler[U]) verifyForm(w http.ResponseWriter, r *http.Request, user U) {
	a := h.Account(user)
	if a.Proven {
		h.show(w, r, http.StatusOK, "password/proven", "", map[string]string{"email": a.Email})
		return
	}
	h.show(w, r, http.StatusOK, "password/verify", "", map[string]string{"email": a.Email})
}

// verify sends the link that proves the address.
func (h *handler[U]) verify(w http.ResponseWriter, r *http.Request, user U) {
	if _, ok := h.form(w, r); !ok {
		return
	}
	a := h.Account(user)
	if a.Proven {
		h.verifyForm(w, r, user)
		return
	}
	if !h.desk.Allow(w, r, account(a)) {
		return
	}
	token, err := h.proofs.Seal(h.session(r).Now(), h.id(user), h.fields(user)...)
	if err == nil {
		err = h.send(r.Context(), a.Email, "password/verify", h.Path+"verified?token="+token)
	}
	if err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	h.show(w, r, http.StatusOK, "password/sent", "", map[string]string{"email": a.Email})
}

// openProof opens the ticket of a link, and returns its user. A proof spends it.
func (h *handler[U]) openProof(r *http.Request) func(token string) (U, error) {
	return func(token string) (user U, err error) {
		_, err = h.proofs.Open(h.session(r).Now(), token, func(id string) ([]string, error) {
			if user, err = h.find.ByID(r.Context(), id); err == nil && h.Account(user).Proven {
				return nil, nil
			}
			return h.current(user, err)
		})
		return user, err
	}
}

func (h *handler[U]) verifiedForm(w http.ResponseWriter, r *http.Request) {
	if user, ok := arrive(h, w, r, "verified", h.openProof(r)); ok {
		h.same(user, func(w http.ResponseWriter, r *http.Request) {
			h.show(w, r, http.StatusOK, "password/verified", "", map[string]string{"email": h.Account(user).Email})
		})(w, r)
	}
}

// verified notes that the address is proven. It is for who is logged in as that user
// only: the owner of an address who follows a link that a stranger asked for must not
// make the stranger's account a proven one.
func (h *handler[U]) verified(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.form(w, r); !ok {
		return
	}
	user, ok := arrive(h, w, r, "verified", h.openProof(r))
	if !ok {
		return
	}
	h.same(user, func(w http.ResponseWriter, r *http.Request) {
		proven, err := h.Addresses.Prove(r.Context(), user)
		if h.keep(w, r, proven, err, func() { h.spent(w, r, "verified") }) {
			h.show(w, r, http.StatusOK, "password/proven", "", map[string]string{"email": h.Account(proven).Email})
		}
	})(w, r)
}

// same is for who is logged in as the user of a link. Somebody else is told so, without
// a word about that user, and nobody is asked to log in first. The ticket waits in the
// session meanwhile.
func (h *handler[U]) same(user U, next http.HandlerFunc) http.HandlerFunc {
	return h.own(func(w http.ResponseWriter, r *http.Request, visitor U) {
		if h.id(visitor) != h.id(user) {
			h.show(w, r, http.StatusForbidden, "password/other", "This link is for another account than the one you are logged in with.", nil)
			return
		}
		next(w, r)
	})
}

func (h *handler[U]) emailForm(w http.ResponseWriter, r *http.Request, user U) {
	h.show(w, r, http.StatusOK, "password/email", "", map[string]string{"old": h.Account(user).Email})
}

// email sends one mail to the new address in any case: the link, or if the address has
// an account, a word about that.
func (h *handler[U]) email(w http.ResponseWriter, r *http.Request, user U) {
	f, ok := h.form(w, r, "current", "email")
	if !ok {
		return
	}
	a := h.Account(user)
	again := map[string]string{"old": a.Email, "email": f["email"]}
	if !h.confirm(w, r, "password/email", user, f["current"], again) {
		return
	}
	email, problem := address.Normal(f["email"]), ""
	switch email {
	case "":
		problem = notAnAddress
	case account(a):
		problem = "That is your address already."
	}
	if problem != "" {
		h.show(w, r, http.StatusUnprocessableEntity, "password/email", problem, again)
		return
	}
	// The password counted at the account. The mail counts at the address that it goes to,
	// or somebody with many accounts could fill its mailbox.
	if !h.desk.Allow(w, r, email) {
		return
	}
	owner, err := h.find.ByEmail(r.Context(), email)
	taken := err == nil
	if !taken && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}
	token, err := h.moves.Seal(h.session(r).Now(), move{h.id(user), email}, h.fields(user)...)
	switch {
	case err != nil:
	case taken:
		err = h.send(r.Context(), h.Account(owner).Email, "password/taken", h.desk.Config().LoginURL)
	default:
		err = h.send(r.Context(), email, "password/email", h.Path+"moved?token="+token)
	}
	if err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	h.show(w, r, http.StatusOK, "password/sent", "", map[string]string{"email": email})
}

// A moving is a user with the address that they asked for.
type moving[U any] struct {
	user  U
	email string
}

func (h *handler[U]) openMove(r *http.Request) func(token string) (moving[U], error) {
	return func(token string) (to moving[U], err error) {
		m, err := h.moves.Open(h.session(r).Now(), token, func(m move) ([]string, error) {
			to.user, err = h.find.ByID(r.Context(), m.User)
			return h.current(to.user, err)
		})
		to.email = m.Email
		return to, err
	}
}

func (h *handler[U]) movedForm(w http.ResponseWriter, r *http.Request) {
	if to, ok := arrive(h, w, r, "moved", h.openMove(r)); ok {
		h.same(to.user, func(w http.ResponseWriter, r *http.Request) {
			h.show(w, r, http.StatusOK, "password/move", "", map[string]string{"old": h.Account(to.user).Email, "email": to.email})
		})(w, r)
	}
}

// moved changes the address, for who is logged in as that user only, and tells the old
// one.
func (h *handler[U]) moved(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.form(w, r); !ok {
		return
	}
	to, ok := arrive(h, w, r, "moved", h.openMove(r))
	if !ok {
		return
	}
	h.same(to.user, func(w http.ResponseWriter, r *http.Request) {
		changed, err := h.Addresses.SetEmail(r.Context(), to.user, to.email)
		if h.keep(w, r, changed, err, func() { h.spent(w, r, "moved") }) {
			h.tell(r.Context(), h.Account(to.user).Email, "password/moved")
			h.show(w, r, http.StatusOK, "password/moved", "", map[string]string{"email": to.email})
		}
	})(w, r)
}
