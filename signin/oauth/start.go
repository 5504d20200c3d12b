package oauth

import (
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

const (
	// maxState is the longest state that all providers take: X stops at 500
	// characters. A next that makes it longer is dropped.
	maxState = 500

	// maxForm is the most that is read of a form, in bytes.
	maxForm = 64 << 10
)

// start sends somebody to the provider.
func (h *Handler[U]) start(w http.ResponseWriter, r *http.Request, p *party, connect bool) {
	if !h.form(w, r) {
		return
	}
	guard := h.desk.Config().Guard
	f := flow{Verifier: oauth2.GenerateVerifier(), Next: h.desk.Next(r)}
	if connect {
		user, ok := h.user(w, r)
		if !ok {
			return
		}
		f.User = guard.Accounts().ID(user)
	} else {
		f.Remember = r.PostFormValue("remember") != ""
	}
	c, err := p.source.get(r.Context())
	if err != nil {
		h.down(w, r, p, f, err)
		return
	}
	browser := h.desk.Bind(w, r)
	state, err := p.seal(guard.Session(r).Now(), f, browser)
	if err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier)}
	if !p.github {
		options = append(options, oidc.Nonce(nonceOf(f.Verifier)))
	}
	for name, values := range p.Params {
		for _, v := range values {
			options = append(options, oauth2.SetAuthURLParam(name, v))
		}
	}
	h.forward(w, p.config(c).AuthCodeURL(state, options...), "Continue to "+p.Title)
}

// form parses the request's form, or answers the request.
func (h *Handler[U]) form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if err == nil {
		return true
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		h.desk.Fail(w, r, err)
		return false
	}
	h.garbled(w, r, h.desk.Config().LoginURL)
	return false
}

// config returns the client as package oauth2 wants it.
func (p *party) config(c *configuration) *oauth2.Config {
	return &oauth2.Config{ClientID: p.id, ClientSecret: p.secret, Endpoint: c.endpoint, RedirectURL: p.redirect, Scopes: p.scopes}
}

// user returns the user of the session if they may change their connections, or
// answers the request.
func (h *Handler[U]) user(w http.ResponseWriter, r *http.Request) (user U, ok bool) {
	guard := h.desk.Config().Guard
	user, err := guard.User(r)
	switch {
	case errors.Is(err, auth.ErrNoUser):
		h.show(w, r, page{name: "oauth/login", status: http.StatusForbidden, title: "Log in first", problem: "You are no longer logged in. Log in, then do this once more.", link: h.desk.Config().LoginURL, text: "Log in"})
	case err != nil:
		h.desk.Fail(w, r, err)
	case !guard.Accounts().RecentLogin(r.Context(), guard.Session(r), h.cfg.Recent):
		h.show(w, r, page{name: "oauth/recent", status: http.StatusForbidden, title: "Log in again", problem: "You logged in a while ago. Log in again to change how you log in.", link: h.desk.Config().LoginURL, text: "Log in"})
	default:
		return user, true
	}
	return user, false
}

// disconnect removes a connection of the user.
func (h *Handler[U]) disconnect(w http.ResponseWriter, r *http.Request, p *party) {
	if !h.form(w, r) {
		return
	}
	user, ok := h.user(w, r)
	if !ok {
		return
	}
	back := h.desk.Next(r)
	subject := r.PostFormValue("subject")
	if len(subject) > maxSubject || !printable(subject) {
		h.garbled(w, r, back)
		return
	}
	switch err := h.cfg.Users.Disconnect(r.Context(), user, p.name, subject); {
	case err == nil:
		route.Onward(w, back)
	case errors.Is(err, ErrLast):
		h.show(w, r, page{name: "oauth/last", status: http.StatusConflict, title: "This is your only way to log in", problem: "Add another way to log in first. Then you can disconnect " + p.Title + ".", link: back, text: "Go back"})
	case errors.Is(err, signin.ErrChanged):
		h.changed(w, r, back)
	default:
		h.desk.Fail(w, r, err)
	}
}
