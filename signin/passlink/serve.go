package passlink

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/address"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

func (h *handler[U]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := h.desk.Config().Guard.Session(r)
	if s == nil {
		h.desk.Fail(w, r, auth.ErrNoSession)
		return
	}
	now, post := s.Now(), r.Method == http.MethodPost
	if post {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			if long := new(http.MaxBytesError); errors.As(err, &long) {
				h.desk.Fail(w, r, err)
			} else {
				h.show(w, r, http.StatusBadRequest, "passlink/ask", "The form didn’t arrive as it was made. Send it again.", nil)
			}
			return
		}
	}
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	name, ok := route.Name(h.Path, r)
	switch {
	case !ok || name != "" && name != "enter":
		http.NotFound(w, r)
	case name == "" && get && r.URL.Query().Has("token"):
		h.open(w, r, now)
	case name == "" && get:
		h.show(w, r, http.StatusOK, "passlink/ask", "", map[string]string{"email": "", "next": h.desk.Next(r)})
	case name == "" && post:
		h.ask(w, r, now)
	case name == "":
		notAllowed(w, "GET, HEAD, POST")
	case !post:
		notAllowed(w, "POST")
	case r.PostForm.Has("token"):
		h.enterByLink(w, r, now)
	default:
		h.enterByCode(w, r, now)
	}
}

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
}

// ask sends the mail if there is an account. An unknown address gets the same page, and
// costs the same number of seals.
func (h *handler[U]) ask(w http.ResponseWriter, r *http.Request, now time.Time) {
	of := h.desk.Config()
	email := address.Normal(r.PostForm.Get("email"))
	if !h.desk.Allow(w, r, email) {
		return
	}
	next := h.desk.Next(r)
	if len(next) > maxNext {
		next = of.Home
	}
	if email == "" {
		h.show(w, r, http.StatusUnprocessableEntity, "passlink/ask", "That isn’t an email address.", map[string]string{"email": "", "next": next})
		return
	}
	user, err := h.find.ByEmail(r.Context(), email)
	known := err == nil
	if !known && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}

	a := asked{Email: email, Secret: rand.Text(), Remember: r.PostForm.Get("remember") != "", Next: next}
	browser := h.desk.Bind(w, r)
	fields := []string{""} // of nobody: this link is sealed and thrown away
	l := link{Browser: browser, Remember: a.Remember, Next: a.Next}
	if known {
		fields = h.fields(user)
		l.User = fields[0]
	}
	l.Code = newCode(a.Secret, fields)
	token, err := h.links.Seal(now, l, fields...)
	pending, err2 := h.asked.Seal(now, a, browser)
	if err := errors.Join(err, err2); err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	if known {
		m := h.mail(r.Context(), user, h.desk.URL(h.Path+"?token="+token), shown(l.Code))
		// An error isn't shown: there can be none for an address without an account. A
		// Sender tells the application itself what it couldn't send.
		_ = of.Send.Send(r.Context(), m)
	}
	h.show(w, r, http.StatusOK, "passlink/sent", "", map[string]string{"email": email, "pending": pending})
}

// open shows what the link is for. Mail scanners and previews open links too, so it
// changes nothing.
func (h *handler[U]) open(w http.ResponseWriter, r *http.Request, now time.Time) {
	token := r.URL.Query().Get("token")
	l, user, err := h.read(r, now, token)
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case l.Browser != h.desk.Browser(r):
		h.elsewhere(w, r, http.StatusOK, l)
	default:
		h.show(w, r, http.StatusOK, "passlink/confirm", "", map[string]string{"email": h.Email(user), "token": token})
	}
}

func (h *handler[U]) enterByLink(w http.ResponseWriter, r *http.Request, now time.Time) {
	if !h.desk.Allow(w, r, "") {
		return
	}
	l, user, err := h.read(r, now, r.PostForm.Get("token"))
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case l.Browser != h.desk.Browser(r):
		h.elsewhere(w, r, http.StatusForbidden, l)
	default:
		h.enter(w, r, user, l.Remember, l.Next)
	}
}

// read opens the ticket of a link, and returns the user whom it is for.
func (h *handler[U]) read(r *http.Request, now time.Time, token string) (l link, user U, err error) {
	l, err = h.links.Open(now, token, func(l link) ([]string, error) {
		var err error
		if user, err = h.find.ByID(r.Context(), l.User); lookup.Gone(err) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return h.fields(user), nil
	})
	return l, user, err
}

func (h *handler[U]) enterByCode(w http.ResponseWriter, r *http.Request, now time.Time) {
	pending := r.PostForm.Get("pending")
	a, err := h.asked.Open(now, pending, func(asked) ([]string, error) {
		return []string{h.desk.Browser(r)}, nil
	})
	// The account is "" if the ticket is a bad one. Who tries those still pays for it.
	if !h.desk.Allow(w, r, a.Email) {
		return
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	user, err := h.find.ByEmail(r.Context(), a.Email)
	known := err == nil
	if !known && !lookup.Gone(err) {
		h.desk.Fail(w, r, err)
		return
	}
	fields := []string{""}
	if known {
		fields = h.fields(user)
	}
	if !sameCode(r.PostForm.Get("code"), newCode(a.Secret, fields)) || !known {
		h.show(w, r, http.StatusUnprocessableEntity, "passlink/sent", "That isn’t the code, or it has been used already.",
			map[string]string{"email": a.Email, "pending": pending})
		return
	}
	h.enter(w, r, user, a.Remember, a.Next)
}

// enter spends the link and lets the user in.
func (h *handler[U]) enter(w http.ResponseWriter, r *http.Request, user U, remember bool, next string) {
	used, err := h.Users.Use(r.Context(), user)
	switch {
	case errors.Is(err, signin.ErrChanged) || lookup.Gone(err):
		h.invalid(w, r)
		return
	case err == nil && !h.once(user, used):
		err = errUse
	}
	if err == nil {
		err = h.desk.Enter(w, r, signin.Entry[U]{User: used, How: "link", Remember: remember, Next: next})
	}
	switch {
	case err == nil:
		route.Onward(w, next)
	case !errors.Is(err, signin.ErrAnswered):
		h.desk.Fail(w, r, err)
	}
}

// refuse answers for a ticket that can't be opened: for one that is no good, and for
// one about which nobody could be asked.
func (h *handler[U]) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, cookie.ErrInvalid) {
		h.invalid(w, r)
		return
	}
	h.desk.Fail(w, r, err)
}

// invalid answers for a link that is no good. Whoever clicks twice meets it with their
// second click, and is logged in by then: they are shown the way on.
func (h *handler[U]) invalid(w http.ResponseWriter, r *http.Request) {
	of := h.desk.Config()
	fields := map[string]string{}
	if _, err := of.Guard.User(r); err == nil {
		fields["home"] = of.Home
	}
	h.show(w, r, http.StatusBadRequest, "passlink/invalid", "A link works for 15 minutes and only once. It also ends when the account gets another address or password.", fields)
}

func (h *handler[U]) elsewhere(w http.ResponseWriter, r *http.Request, status int, l link) {
	h.show(w, r, status, "passlink/elsewhere", "", map[string]string{"code": shown(l.Code)})
}
