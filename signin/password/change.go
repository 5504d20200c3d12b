package password

import (
	"net/http"
	"strings"
)

func (h *handler[U]) changeForm(w http.ResponseWriter, r *http.Request, user U) {
	h.show(w, r, http.StatusOK, "password/change", "", map[string]string{"email": h.Account(user).Email})
}

// change ends all sessions of the user but this one. The order matters: the guard
// resolved the user before the new password was stored, so this session was good then,
// and RefreshStamp may keep it.
func (h *handler[U]) change(w http.ResponseWriter, r *http.Request, user U) {
	f, ok := h.form(w, r, "current", "password")
	if !ok || !h.confirm(w, r, "password/change", user, f["current"], map[string]string{"email": h.Account(user).Email}) {
		return
	}
	email := h.Account(user).Email
	hash, ok := h.newHash(w, r, "password/change", f["password"], email, map[string]string{"email": email})
	if !ok {
		return
	}
	changed, err := h.Users.SetPassword(r.Context(), user, hash, false)
	if !h.keep(w, r, changed, err, func() {
		h.show(w, r, http.StatusConflict, "password/change", "Your account has just been changed elsewhere. Try again.", map[string]string{"email": email})
	}) {
		return
	}
	h.tell(r.Context(), email, "password/changed")
	h.show(w, r, http.StatusOK, "password/changed", "", nil)
}

// confirm checks the current password of who is logged in. If it returns false, it has
// answered the request.
func (h *handler[U]) confirm(w http.ResponseWriter, r *http.Request, page string, user U, current string, fields map[string]string) bool {
	a := h.Account(user)
	if !h.desk.Allow(w, r, account(a)) {
		return false
	}
	problem := ""
	switch {
	case a.Hash == "":
		problem = "Your account has no password yet."
	case current == "":
		problem = "Enter your current password."
	default:
		match, err := h.matches(r.Context(), current, a.Hash)
		if err != nil {
			h.desk.Fail(w, r, err)
			return false
		}
		if match {
			return true
		}
		problem = "That isn’t your current password."
	}
	h.show(w, r, http.StatusUnprocessableEntity, page, problem, fields)
	return false
}

// keep keeps this session after a change of its user, and ends the ticket that waits. If
// the user store refused the change, or failed, keep answers the request and returns false.
func (h *handler[U]) keep(w http.ResponseWriter, r *http.Request, changed U, err error, tooLate func()) bool {
	if late(err) {
		tooLate()
		return false
	}
	if err == nil {
		h.release(r)
		err = h.desk.Config().Guard.Accounts().RefreshStamp(r.Context(), h.session(r), changed)
	}
	if err != nil {
		h.desk.Fail(w, r, err)
		return false
	}
	return true
}

// account is what the throttle counts by: the address in the spelling of the forms.
func account(a Account) string { return strings.ToLower(a.Email) }
