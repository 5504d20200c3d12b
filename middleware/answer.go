package middleware

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/ssestore"
)

// retryAfter, in seconds, goes with 503 when the user store is down. It is
// short: the usual causes are a restart or a failover, and nobody was logged
// out by it.
const retryAfter = "5"

// answer writes a refusal in the form that the caller reads: RFC 9457
// problem+json for programs, one line of text for people. It is never cached.
// detail is shown to the user; "" leaves it out.
func answer(w http.ResponseWriter, r *http.Request, status int, detail string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	var body []byte
	if callerOf(r) == script {
		h.Set("Content-Type", "application/problem+json")
		// Two strings and a number: cannot fail. Without "type" it is
		// about:blank, whose title is the status text (RFC 9457 section 4.2.1).
		body, _ = json.Marshal(struct {
			Title  string `json:"title"`
			Status int    `json:"status"`
			Detail string `json:"detail,omitempty"`
		}{http.StatusText(status), status, detail})
	} else {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		body = []byte(strconv.Itoa(status) + " " + http.StatusText(status) + "\n")
		if detail != "" {
			body = append(append(body, detail...), '\n')
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // net/http drops it for HEAD
}

// redirect answers with a Location and no body. http.Redirect would rewrite
// relative targets, which were judged as they are.
func redirect(w http.ResponseWriter, status int, to string) {
	h := w.Header()
	h.Set("Location", next.Location(to))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
}

// refuse answers a request whose visitor may not pass, or of whom it could not
// be learned. What it does not know ends in 500, never in the handler.
func (c *core) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var public auth.Forbidden
	switch {
	case errors.Is(err, auth.ErrUserStore):
		// Not a logout: the session is kept as it is, and the login page
		// would not work either.
		w.Header().Set("Retry-After", retryAfter)
		answer(w, r, http.StatusServiceUnavailable, "")
	case errors.Is(err, auth.ErrNoUser):
		c.refuseAnonymous(w, r)
	case errors.Is(err, auth.ErrNotStaff):
		status := http.StatusNotFound // what staff pages there are is nobody's business
		if c.cfg.StaffForbidden {
			status = http.StatusForbidden
		}
		answer(w, r, status, "")
	case errors.As(err, &public):
		answer(w, r, http.StatusForbidden, public.Error())
	default: // ssestore.ErrNoSession among them: Handler is not installed
		c.broken(w, r, err)
	}
}

// refuseAnonymous asks the visitor to log in.
func (c *core) refuseAnonymous(w http.ResponseWriter, r *http.Request) {
	who := callerOf(r)
	to := c.loginURL(r, who)
	if who == page && to != "" && loops(r, to) {
		to = "" // the login page itself is guarded: better 403 than a circle
	}
	switch {
	case who == htmx && to != "":
		w.Header().Set("HX-Redirect", to)
		answer(w, r, http.StatusUnauthorized, "Login required.")
	case who != page:
		answer(w, r, http.StatusUnauthorized, "Login required.")
	case to == "":
		answer(w, r, http.StatusForbidden, "Login required.")
	default:
		redirect(w, http.StatusFound, to)
	}
}

// broken answers 500 and tells the application why, since the visitor is not told.
func (c *core) broken(w http.ResponseWriter, r *http.Request, err error) {
	if c.onOutcome != nil {
		c.onOutcome(r, ssestore.Outcome{}, err)
	}
	answer(w, r, http.StatusInternalServerError, "")
}

// methodNotAllowed answers 405. RFC 9110 section 15.5.6 requires Allow.
func methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	answer(w, r, http.StatusMethodNotAllowed, "")
}
