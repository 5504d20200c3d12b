package password

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin/internal/route"
	"github.com/hardtack-go/hardtack/ssestore"
)

// held is a ticket that came by a link. It waits in the session while the visitor fills
// in the form, so that it is in no URL that the browser shows, remembers or passes on.
// There is one at a time: opening another link replaces it.
type held struct {
	Use   string `json:"u"` // the page that it is for
	Token string `json:"t"`
}

// again is a parameter that a link's page adds to itself, so that it does so once.
const again = "again"

var heldKey = ssestore.NewKey[held]("signin.password")

// arrive returns what the ticket of this visitor says. With a ticket in the URL, it puts
// that into the session and redirects to the page without it. If it returns false, it
// has answered the request.
func arrive[U, V any](h *handler[U], w http.ResponseWriter, r *http.Request, use string, open func(token string) (V, error)) (V, bool) {
	var none V
	s := h.session(r)
	waiting := heldKey.Get(s)
	token, query := "", r.URL.Query()
	fresh := r.Method != http.MethodPost && query.Has("token")
	switch {
	case fresh:
		token = query.Get("token")
	case waiting.Use == use:
		token = waiting.Token
	}
	v, err := open(token)
	if err != nil {
		if errors.Is(err, cookie.ErrInvalid) && !fresh && waiting.Use == use {
			h.release(r)
		}
		h.refuse(w, r, use, err)
		return none, false
	}
	if !fresh {
		return v, true
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if h.desk.Config().Guard.Store().Strict() && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		// The browser may have a session that it didn't send, because another site,
		// such as a web mailer, led here. A new one would replace it. This page leads
		// here once more, and it is one of ours. By itself it does so once, in case a
		// browser doesn't think so.
		to := h.Path + use + "?" + url.Values{"token": {token}, again: {""}}.Encode()
		if !query.Has(again) {
			w.Header().Set("Refresh", "0; url="+to)
		}
		h.show(w, r, http.StatusOK, "password/link", "", map[string]string{"link": to})
		return none, false
	}
	var large *cookie.SizeError
	switch err := heldKey.Set(s, held{use, token}); {
	case errors.As(err, &large):
		h.show(w, r, http.StatusConflict, "password/full", "There is no room for this link beside what this site keeps in your browser.", nil)
	case err != nil:
		h.desk.Fail(w, r, err)
	default:
		route.Onward(w, h.Path+use)
	}
	return none, false
}

// meant reports whether a form is about the account whose ticket waits. It isn't if another
// link was opened while the form was on the screen, perhaps by somebody else's page: the
// visitor would choose a password for an account that they haven't seen. Then meant shows
// them that one. A form that names no account is one of the application's own.
func (h *handler[U]) meant(w http.ResponseWriter, r *http.Request, page, account, email string) bool {
	if account == "" || account == email {
		return true
	}
	h.show(w, r, http.StatusConflict, page, "Another link was opened in this browser meanwhile. It is for the account below.", map[string]string{"email": email})
	return false
}

// release forgets the ticket that waits. An error means that this session is held or
// was ended meanwhile; the ticket is spent in any case.
func (h *handler[U]) release(r *http.Request) { _ = heldKey.Delete(h.session(r)) }

// stored takes the user store's answer to what a ticket was for, and reports whether it was
// done. If not, it answers: somebody else was first, which spends the ticket, or the
// user store failed, and the ticket waits for another try.
func (h *handler[U]) stored(w http.ResponseWriter, r *http.Request, use string, err error) bool {
	if err != nil && !late(err) {
		h.desk.Fail(w, r, err)
		return false
	}
	h.release(r)
	if err != nil {
		h.spent(w, r, use)
	}
	return err == nil
}

// refuse answers for a ticket that is no good, or about which nobody could be asked.
func (h *handler[U]) refuse(w http.ResponseWriter, r *http.Request, use string, err error) {
	if errors.Is(err, cookie.ErrInvalid) {
		h.spent(w, r, use)
		return
	}
	h.desk.Fail(w, r, err)
}

// asks has the page that sends the link to another.
var asks = map[string]string{"reset": "forgotten", "welcome": "signup", "verified": "verify", "moved": "email"}

func (h *handler[U]) spent(w http.ResponseWriter, r *http.Request, use string) {
	h.show(w, r, http.StatusBadRequest, "password/spent", "This link has been used, or it is too old.", map[string]string{"ask": h.Path + asks[use]})
}
