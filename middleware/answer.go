package middleware

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// retryAfter, in seconds, goes with the 503 for a user store that is down. It is
// short because the usual causes, a restart or a failover, are short.
const retryAfter = "5"

// challenge is the WWW-Authenticate of a 401, which RFC 9110 section 15.5.2 requires
// and some clients insist on. Browsers ask for a password only if it names Basic,
// Digest, NTLM or Negotiate. The name is from draft-broyer-http-cookie-auth, the
// only one ever proposed for what happens here.
const challenge = "Cookie"

// The forms of a refusal: for people, for programs (RFC 9457), and for people if the
// application has no page for it.
const (
	htmlType    = "text/html; charset=utf-8"
	problemType = "application/problem+json"
	textType    = "text/plain; charset=utf-8"
)

// answer lets Config.Refuse write a refusal, or writes it itself. err is the reason.
func (c *core) answer(w http.ResponseWriter, r *http.Request, status int, err error, detail string) {
	if c.cfg.Refuse != nil {
		answerHeader(w.Header(), status)
		w.Header().Set("Content-Type", map[bool]string{true: problemType, false: htmlType}[callerOf(r) == script])
		own := &refusal{rw: w, status: status}
		c.cfg.Refuse(own, r, status, err)
		if own.wrote {
			return
		}
	}
	answer(w, r, status, detail)
}

// A refusal is the writer that Config.Refuse gets. It keeps the status from being
// changed. It has no Unwrap, because a flush would then bypass it and send 200.
type refusal struct {
	rw     http.ResponseWriter
	status int
	wrote  bool
}

func (w *refusal) Header() http.Header { return w.rw.Header() }

func (w *refusal) WriteHeader(int) {
	if !w.wrote {
		w.wrote = true
		w.rw.WriteHeader(w.status)
	}
}

func (w *refusal) Write(p []byte) (int, error) {
	w.WriteHeader(w.status)
	return w.rw.Write(p)
}

// noStore keeps an answer out of every cache. Middleware further out may have set a field
// that a shared cache reads instead of Cache-Control (RFC 9213 section 2.2).
func noStore(h http.Header) {
	ssestore.Outcome{Private: true}.Merge(h) // removes those
	h.Set("Cache-Control", "no-store")
}

// answerHeader sets what every refusal has. No cache keeps it.
func answerHeader(h http.Header, status int) {
	noStore(h)
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge)
	}
}

// answer writes a refusal in the form that the caller reads: problem+json for
// programs, a line of text for people. The user sees detail, unless it is "".
func answer(w http.ResponseWriter, r *http.Request, status int, detail string) {
	h := w.Header()
	answerHeader(h, status)
	var body []byte
	if callerOf(r) == script {
		h.Set("Content-Type", problemType)
		// Marshal can't fail on two strings and a number. A missing "type" means
		// about:blank, whose title is the status text (RFC 9457 section 4.2.1).
		body, _ = json.Marshal(struct {
			Title  string `json:"title"`
			Status int    `json:"status"`
			Detail string `json:"detail,omitempty"`
		}{http.StatusText(status), status, detail})
	} else {
		h.Set("Content-Type", textType)
		body = []byte(strconv.Itoa(status) + " " + http.StatusText(status) + "\n")
		if detail != "" {
			body = append(append(body, detail...), '\n')
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // net/http drops the body of a HEAD
}

// redirect answers with a Location and no body. It isn't http.Redirect, which
// rewrites relative targets: what was judged safe must be what is sent.
func redirect(w http.ResponseWriter, status int, to string) {
	h := w.Header()
	h.Set("Location", next.Location(to))
	noStore(h)
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
}

// sendOn answers somebody who is done here with 303. htmx and Inertia would follow
// it themselves and put the result into the page, so they get the form that makes
// them load a page.
func sendOn(w http.ResponseWriter, r *http.Request, to string) {
	switch callerOf(r) {
	case htmx:
		w.Header().Set("HX-Redirect", next.Location(to))
		noStore(w.Header())
		w.WriteHeader(http.StatusOK)
	case inertia:
		inertiaLocation(w, to)
	default:
		redirect(w, http.StatusSeeOther, to)
	}
}

// inertiaLocation makes Inertia load a page, whether or not that is one of Inertia's
// (https://inertiajs.com/redirects#external-redirects).
func inertiaLocation(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("X-Inertia-Location", next.Location(to))
	noStore(h)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusConflict)
}

// refuse answers a request that a rule turned away, or whose user couldn't be
// determined. An error that it doesn't know is a 500 and never reaches the handler.
func (c *core) refuse(w http.ResponseWriter, r *http.Request, err error) {
	x := c.exchange(r.Context())
	tell := c.tell
	if x != nil {
		if tell = x.core.tell; errors.Is(err, ssestore.ErrNoSession) { // but there is one, of others
			err = ErrNested
		}
	}
	c.refusing(r, err)
	var public auth.Forbidden
	switch {
	case errors.Is(err, auth.ErrUserStore):
		tell.say(r, unknown(x, err))
		// Not a logout: the session stays as it is. A login page would need
		// the same store.
		w.Header().Set("Retry-After", retryAfter)
		c.answer(w, r, http.StatusServiceUnavailable, err, "")
	case errors.Is(err, auth.ErrNoUser):
		c.refuseAnonymous(w, r, err)
	case errors.Is(err, auth.ErrNotStaff):
		c.answer(w, r, http.StatusNotFound, err, "") // don't show others which staff pages exist
	case errors.As(err, &public):
		c.answer(w, r, http.StatusForbidden, err, public.Error())
	default:
		if !told(err) {
			tell.say(r, ruleBroke)
		}
		c.answer(w, r, http.StatusInternalServerError, err, "")
	}
}

// told reports whether err is a mistake, which has a line and a report of its own.
func told(err error) bool {
	return errors.Is(err, ssestore.ErrNoSession) || errors.Is(err, ErrNested) || errors.Is(err, ErrNoMarks) || errors.Is(err, ssestore.ErrReadOnly)
}

// unknown returns why nobody can say whether a session is good.
func unknown(x *exchange, err error) kind {
	if x != nil && x.session.Load().Principal().Refused() == cookie.ReasonUnverified || errors.Is(err, errStale{}) {
		return staleMarks
	}
	return storeDown
}

// refuseAnonymous asks the visitor to log in.
func (c *core) refuseAnonymous(w http.ResponseWriter, r *http.Request, err error) {
	who := callerOf(r)
	to := c.loginURL(r, who)
	if to != "" && c.loops(r, to) {
		to = "" // the login page itself is guarded: a refusal, not a redirect loop
	}
	switch {
	case who == page && to == "":
		c.answer(w, r, http.StatusForbidden, err, "Login required.")
	case who == page && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		redirect(w, http.StatusFound, to)
	case who == page:
		// Only 303 says GET: after a 302, fetch would PUT, PATCH or DELETE the login
		// page (RFC 9110 section 15.4.3,
		// https://fetch.spec.whatwg.org/#http-redirect-fetch).
		redirect(w, http.StatusSeeOther, to)
	case who == inertia && to != "":
		inertiaLocation(w, to)
	case who == htmx && to != "":
		w.Header().Set("HX-Redirect", to)
		answer(w, r, http.StatusUnauthorized, "Login required.")
	default:
		c.answer(w, r, http.StatusUnauthorized, err, "Login required.")
	}
}

// kept are the fields that survive when a handler's answer is replaced by a 500: they
// concern the connection, the site or the trace of the request. All others describe
// the answer that isn't sent, or what a browser, a script or a proxy should do about
// it: Refresh, HX-Trigger, X-Accel-Redirect. Nobody can list those, so this lists
// what stays.
var kept = map[string]bool{
	"Alt-Svc": true, "Cache-Control": true, "Clear-Site-Data": true, "Connection": true, "Date": true, "Server": true, "Set-Cookie": true, "Vary": true, "Via": true,
	"Content-Security-Policy": true, "Content-Security-Policy-Report-Only": true, "Origin-Agent-Cluster": true, "Permissions-Policy": true,
	"Referrer-Policy": true, "Strict-Transport-Security": true, "Timing-Allow-Origin": true, "X-Content-Type-Options": true, "X-Dns-Prefetch-Control": true,
	"X-Frame-Options": true, "X-Robots-Tag": true, "X-Xss-Protection": true,
	"Nel": true, "Report-To": true, "Reporting-Endpoints": true,
	"Server-Timing": true, "Traceparent": true, "Tracestate": true, "X-Correlation-Id": true, "X-Request-Id": true, "X-Trace-Id": true,
}

// dropAnswer removes from a header what belongs to the answer that isn't sent.
func dropAnswer(h http.Header) {
	for name := range h {
		canonical := http.CanonicalHeaderKey(name)
		if !kept[canonical] && !strings.HasPrefix(canonical, "Access-Control-") && !strings.HasPrefix(canonical, "Cross-Origin-") {
			delete(h, name)
		}
	}
}

// methodNotAllowed answers 405. RFC 9110 section 15.5.6 requires Allow.
func (c *core) methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	c.refusing(r, ErrMethod)
	w.Header().Set("Allow", allow)
	c.answer(w, r, http.StatusMethodNotAllowed, ErrMethod, "")
}
