package password

import (
	"errors"
	"mime"
	"net/http"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
	"github.com/hardtack-go/hardtack/signin/internal/route"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A page answers GET, which changes nothing, and POST.
type page struct{ get, post http.HandlerFunc }

func (h *handler[U]) route() {
	page := func(name string, get, post http.HandlerFunc) { h.pages[name] = page{get, post} }
	page("login", h.loginForm, h.login)
	page("change", h.own(h.changeForm), h.own(h.change))
	if h.desk.Config().Send != nil {
		page("forgotten", h.forgottenForm, h.forgotten)
		page("reset", h.resetForm, h.reset)
	}
	if h.Create != nil {
		page("signup", h.signupForm, h.signup)
		page("welcome", h.welcomeForm, h.welcome)
	}
	if h.Addresses != nil {
		page("verify", h.own(h.verifyForm), h.own(h.verify))
		page("verified", h.verifiedForm, h.verified)
		page("email", h.own(h.emailForm), h.own(h.email))
		page("moved", h.movedForm, h.moved)
	}
}

func (h *handler[U]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.session(r) == nil {
		h.desk.Fail(w, r, auth.ErrNoSession)
		return
	}
	name, ok := route.Name(h.Path, r)
	p := h.pages[name]
	switch {
	case !ok || p.get == nil:
		http.NotFound(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		p.get(w, r)
	case r.Method == http.MethodPost:
		p.post(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}

func (h *handler[U]) session(r *http.Request) *ssestore.Session {
	return h.desk.Config().Guard.Session(r)
}

// own is for pages of who is logged in. Everybody else is asked to log in first. An
// administrator who looks at the site as this user changes nothing of theirs.
func (h *handler[U]) own(next func(w http.ResponseWriter, r *http.Request, user U)) http.HandlerFunc {
	return h.desk.Config().Guard.ForUser(func(w http.ResponseWriter, r *http.Request, user U) {
		if h.session(r).Principal().Identity().Actor != nil {
			h.show(w, r, http.StatusForbidden, "password/refused", "You are looking at the site as somebody else. Only they can change this.", nil)
			return
		}
		next(w, r, user)
	})
}

// form returns the named fields of a form. One that didn't come is "". If the form can't
// be read, form answers the request and returns false.
func (h *handler[U]) form(w http.ResponseWriter, r *http.Request, names ...string) (map[string]string, bool) {
	status := h.parse(w, r)
	fields := map[string]string{}
	for _, name := range names {
		switch values := r.PostForm[name]; len(values) {
		case 0:
		case 1:
			fields[name] = values[0]
		default: // which of them did the sender mean?
			status = http.StatusBadRequest
		}
	}
	if status != http.StatusOK {
		h.show(w, r, status, "password/form", "The form didn’t arrive as it was made. Go back and send it again.", nil)
		return nil, false
	}
	return fields, true
}

func (h *handler[U]) parse(w http.ResponseWriter, r *http.Request) (status int) {
	// ParseForm reports what is wrong with the rest of it.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return http.StatusUnsupportedMediaType
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		if long := new(http.MaxBytesError); errors.As(err, &long) {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// newHash returns the hash of a new password. If the password can't be used, newHash
// shows the page again with the reason, and returns false.
func (h *handler[U]) newHash(w http.ResponseWriter, r *http.Request, page, password, email string, fields map[string]string) (string, bool) {
	ctx := r.Context()
	err := Validate(ctx, password, email)
	for _, judge := range h.Validators {
		if err == nil {
			err = judge(ctx, password, email)
		}
	}
	hash := ""
	if err == nil {
		if hash, err = h.Hasher.Hash(ctx, password); errors.Is(err, ErrTooLong) {
			err = Problem("That password is too long.")
		}
	}
	if problem := Problem(""); errors.As(err, &problem) {
		h.show(w, r, http.StatusUnprocessableEntity, page, string(problem), fields)
		return "", false
	}
	if err != nil {
		h.desk.Fail(w, r, err)
		return "", false
	}
	return hash, true
}

// enter lets a user in.
func (h *handler[U]) enter(w http.ResponseWriter, r *http.Request, user U, remember bool, next string) {
	err := h.desk.Enter(w, r, signin.Entry[U]{User: user, How: "password", Remember: remember, Next: next})
	switch {
	case err == nil:
		route.Onward(w, next)
	case !errors.Is(err, signin.ErrAnswered):
		h.desk.Fail(w, r, err)
	}
}

// next returns the page to go to after a login, for a hidden field: "" if that is the
// usual one.
func (h *handler[U]) next(r *http.Request) string {
	if to := h.desk.Next(r); to != h.desk.Config().Home {
		return to
	}
	return ""
}

func (h *handler[U]) id(user U) string { return h.desk.Config().Guard.Accounts().ID(user) }

// fields are what the tickets of a user are bound to: each of them ends when the
// password or the address changes, and when the user goes.
func (h *handler[U]) fields(user U) []string {
	a := h.Account(user)
	return []string{h.id(user), a.Email, a.Hash}
}

// late reports whether an error of the user store says that somebody else was first.
func late(err error) bool { return errors.Is(err, signin.ErrChanged) || lookup.Gone(err) }
