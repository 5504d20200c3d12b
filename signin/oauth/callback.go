package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

// maxParameter is how long a parameter of a callback may be. Microsoft's codes have
// about 2,000 characters.
const maxParameter = 4096

// again is a parameter that the callback adds to itself, so that it does so once.
const again = "again"

// An answer is what a provider sends back in the query.
type answer struct{ state, code, iss, problem string }

// parse reads the query of a callback. A parameter that comes twice, is too long or
// isn't printable ASCII spoils it; one that this package doesn't know may be anything.
func parse(query string) (a answer, ok bool) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return a, false
	}
	for name, to := range map[string]*string{"state": &a.state, "code": &a.code, "iss": &a.iss, "error": &a.problem} {
		v := q.Get(name)
		if len(q[name]) > 1 || len(v) > maxParameter || !printable(v) {
			return a, false
		}
		*to = v
	}
	return a, true
}

// callback finishes what start began.
func (h *Handler[U]) callback(w http.ResponseWriter, r *http.Request, p *party) {
	guard := h.desk.Config().Guard
	a, ok := parse(r.URL.RawQuery)
	if !ok {
		h.spent(w, r)
		return
	}
	if guard.Store().Strict() && r.Header.Get("Sec-Fetch-Site") == "cross-site" && !r.URL.Query().Has(again) {
		// The session's cookie wasn't sent, because the provider's page led here. This
		// page leads here once more, and it is one of ours.
		h.forward(w, "?"+r.URL.RawQuery+"&"+again, "Continue")
		return
	}
	now := guard.Session(r).Now()
	f, err := p.open(now, a.state, h.desk.Browser(r))
	if err != nil {
		h.spent(w, r)
		return
	}
	if f.Next == "" {
		f.Next = h.desk.Config().Home
	}
	var user U // who connects
	if f.User != "" {
		user, err = guard.User(r)
		if err == nil && (guard.Accounts().ID(user) != f.User || guard.Session(r).Principal().Identity().Actor != nil) {
			err = auth.ErrNoUser // an administrator who looks at the site as the user isn't them
		}
		switch {
		case errors.Is(err, auth.ErrNoUser):
			h.show(w, r, page{name: "oauth/other", status: http.StatusForbidden, title: "Nothing was connected", problem: "You are not logged in as the one who started this. Log in again, then connect " + p.Title + ".", link: h.desk.Config().LoginURL, text: "Log in"})
			return
		case err != nil:
			h.desk.Fail(w, r, err)
			return
		}
	}
	c, err := p.source.get(r.Context())
	if err != nil {
		h.down(w, r, p, f, err)
		return
	}
	if _, known := c.knows(a.iss); !known && (a.iss != "" || c.sendsIss) {
		// RFC 9207 section 2.4: before anything else of the response is used.
		h.refused(w, r, p, f, errors.New("oauth: the callback comes from another issuer, or doesn't say from which"))
		return
	}
	switch {
	case a.problem == "access_denied":
		h.denied(w, r, p, f)
		return
	case a.problem != "" || a.code == "":
		h.refused(w, r, p, f, fmt.Errorf("oauth: the provider sent no code but the error %q", a.problem))
		return
	}
	if !h.desk.Allow(w, r, "") {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), oauth2.HTTPClient, p.client), 2*timeout)
	defer cancel()
	token, err := p.config(c).Exchange(ctx, a.code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		h.refused(w, r, p, f, err)
		return
	}
	id, err := p.identify(ctx, c, token, nonceOf(f.Verifier), now)
	if err != nil {
		h.refused(w, r, p, f, err)
		return
	}
	if f.User != "" {
		h.connect(w, r, p, f, user, id)
		return
	}
	h.enter(w, r, p, f, id)
}

// seal returns the state for a flow.
func (p *party) seal(now time.Time, f flow, browser string) (string, error) {
	state, err := p.tickets.Seal(now, f, browser)
	if len(state) > maxState {
		f.Next = "" // Home
		state, err = p.tickets.Seal(now, f, browser)
	}
	return state, err
}

// open returns the flow of a state, if it began in this browser.
func (p *party) open(now time.Time, state, browser string) (flow, error) {
	return p.tickets.Open(now, state, func(flow) ([]string, error) {
		return []string{browser}, nil
	})
}

// enter lets the user of an identity in.
func (h *Handler[U]) enter(w http.ResponseWriter, r *http.Request, p *party, f flow, id Identity) {
	user, err := h.cfg.Users.Enter(r.Context(), id)
	switch {
	case errors.Is(err, ErrTaken), errors.Is(err, auth.ErrNoUser):
		// The same words for both: whoever makes a provider say an address must not
		// learn from the page whether it has an account.
		h.show(w, r, page{name: "oauth/unknown", status: http.StatusForbidden, title: "This account isn’t connected", problem: "Nobody here has connected this account of " + p.Title + ". If you have an account here, log in to it another way, then connect " + p.Title + " there.", link: h.desk.Config().LoginURL, text: "Log in another way"})
		return
	case errors.Is(err, signin.ErrChanged):
		h.changed(w, r, h.desk.Config().LoginURL)
		return
	case err != nil:
		h.desk.Fail(w, r, err)
		return
	}
	entry := signin.Entry[U]{User: user, How: signin.How("oauth:" + p.name), Remember: f.Remember, Next: f.Next}
	if h.cfg.Ender != nil && !p.github {
		entry.Links = id.links()
	}
	err = h.desk.Enter(w, r, entry)
	switch {
	case err == nil:
		route.Onward(w, f.Next)
	case errors.Is(err, signin.ErrAnswered):
	default:
		h.desk.Fail(w, r, err)
	}
}

// connect connects an identity to the user who started it.
func (h *Handler[U]) connect(w http.ResponseWriter, r *http.Request, p *party, f flow, user U, id Identity) {
	switch err := h.cfg.Users.Connect(r.Context(), user, id); {
	case err == nil:
		route.Onward(w, f.Next)
	case errors.Is(err, ErrTaken):
		h.show(w, r, page{name: "oauth/taken", status: http.StatusConflict, title: "Nothing was connected", problem: "This account of " + p.Title + " is connected to another account here. To connect it to this one, log in to that one and disconnect it first.", link: f.Next, text: "Go back"})
	case errors.Is(err, signin.ErrChanged):
		h.changed(w, r, f.Next)
	default:
		h.desk.Fail(w, r, err)
	}
}
