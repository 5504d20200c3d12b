package middleware

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/ssestore"
)

// The errors that [Config].OnOutcome and [Config].OnMistake get, besides those of
// packages auth, ssestore and cookie. Test with [errors.Is].
var (
	// ErrCrossOrigin is the reason of a 403 for an unsafe request that came from
	// another origin. If that is one of your own, such as the page's of an API, trust it:
	// see [Config].CrossOrigin.
	ErrCrossOrigin = errors.New("middleware: refused an unsafe request of another origin")
	// ErrMethod is the reason of a 405.
	ErrMethod = errors.New("middleware: method not allowed")
	// ErrTooEarly is the reason of a 425, for an unsafe request in the early data of
	// TLS.
	ErrTooEarly = errors.New("middleware: refused an unsafe request in early data")
	// ErrBypassed is reported when a response didn't go through the
	// http.ResponseWriter that [Guard.Handler] passes on. The headers were sent before
	// the session could add its own, so the session isn't saved. Usually this is a
	// router with a writer of its own. Put Handler around the router, or use the
	// adapters in middleware/gin and middleware/echo.
	ErrBypassed = errors.New("middleware: the response went past the writer of Guard.Handler; the session is not saved")
	// ErrNested is reported, and is the reason of a 500, when nested guards don't fit
	// together; see [Guard.Handler].
	ErrNested = errors.New("middleware: a guard inside of another has the same store with other users, or another store with the same cookie name")
	// ErrNoMarks is reported, and is the reason of a 500, when [Guard.Fresh] asks for the
	// age of the news of ended sessions, and the store has none that knows it.
	ErrNoMarks = errors.New("middleware: Guard.Fresh needs a store with ssestore.Config.Marks that know their age")
	// ErrDropped is reported when the browser is about to drop the session's
	// cookie: it is Secure and the page came over plain http, its Domain is not the
	// page's host, or a page of another site has fetched it and it isn't SameSite=None.
	// Nobody can log in there.
	ErrDropped = errors.New("middleware: the browser will drop the session's cookie")
)

// A kind is one kind of line that a guard logs by itself.
type kind uint8

const (
	noHandler kind = iota
	noGuard
	lateUse
	readOnly
	uncommitted
	bypassed
	overHTTP
	foreignDomain
	crossSite
	twoManagers
	oneCookie
	ruleBroke
	badIdentity
	storeDown
	staleMarks
	noMarks
	unpublished
	notSaved
	kinds
)

// lines has what is logged for each kind: one word, and what to do about it. The
// words don't change, because alerts depend on them. The error of a mistake goes to
// OnMistake. The other kinds have a response, and therefore an OnOutcome.
var lines = [kinds]struct {
	err        error
	word, cure string
}{
	noHandler: {ssestore.ErrNoSession, "missing-handler",
		"put Guard.Handler around the whole application, and around all middleware that asks for the session or its user: http.ListenAndServe(addr, guard.Handler(mux))"},
	noGuard: {nil, "unmade-guard",
		"use the *Guard that middleware.New returns, and look at its error; then put Guard.Handler around the application"},
	lateUse: {ssestore.ErrCommitted, "late-use",
		"read and change the session before the first byte of the response: before Write, WriteHeader and Flush, and before the handler inside Guard.Handler returns"},
	readOnly: {ssestore.ErrReadOnly, "read-only-session",
		"another system writes this session (Legacy.ReadOnly in ssestore.Config), so logins, logouts and changes belong there: ask Session.ReadOnly before them, and set LoginURL and LogoutURL in middleware.Config to that system's pages"},
	uncommitted: {ErrUncommitted, "uncommitted-hijack",
		"call middleware.Commit(w) before the upgrade and give its headers to the upgrader; w is the writer that Guard.Handler passes on"},
	bypassed: {ErrBypassed, "bypassed-writer",
		"write to the http.ResponseWriter that Guard.Handler passes on: put Guard.Handler around the router, or use the adapters in middleware/gin and middleware/echo"},
	overHTTP: {ErrDropped, "insecure-cookie",
		"browsers drop a Secure cookie that comes over plain http: serve https, open the site as http://localhost, or, on a network that you trust, set DangerouslyAllowHTTP in cookie.Config; Guard.Handler can't mend it"},
	foreignDomain: {ErrDropped, "foreign-domain",
		"browsers drop a cookie whose Domain is not the host of the page: open the site under that domain, or leave Domain in cookie.Config empty; Guard.Handler can't mend it"},
	crossSite: {ErrDropped, "cross-site-cookie",
		"browsers drop a SameSite=Lax or Strict cookie that a page of another site fetches: serve page and API under one registered domain and scheme, as with localhost and not 127.0.0.1 for both, or let the page's host pass the API on, or set SameSiteNone and Partitioned in cookie.Config; Guard.Handler can't mend it"},
	twoManagers: {ErrNested, "two-managers",
		"guards over one store must share one auth.Manager, or a customer's id would pass as one of the staff; make the second guard with Guard.WithLogin, or give its users a store with another Audience and cookie name and put its Guard.Handler around their pages"},
	oneCookie: {ErrNested, "one-cookie",
		"two stores would overwrite each other's cookie: set different names in cookie.Config and different Audiences in ssestore.Config; or use one store, and Guard.WithLogin inside of Guard.Handler"},
	ruleBroke: {nil, "broken-rule",
		"let the rule return auth.Forbidden, auth.ErrNoUser or auth.ErrNotStaff, or wrap auth.ErrUserStore; Config.OnOutcome of Guard.Handler gets the error"},
	badIdentity: {nil, "bad-identity",
		"a function in ForwardConfig.Headers returned a value with a comma, a control character or space at an end, of more than 256 bytes, or not in UTF-8: encode it, for example with url.QueryEscape; Config.OnOutcome of Guard.Handler gets the header's name"},
	storeDown: {nil, "user-store",
		"UserByID in auth.Config failed; for a user who doesn't exist let it return auth.ErrNoUser; Config.OnOutcome of Guard.Handler gets the error"},
	staleMarks: {nil, "stale-marks",
		"this instance hears too little of the sessions that were ended elsewhere, and may not serve these pages until it does: see the Status of its fleet.Fleet, and the engine; or a Legacy in ssestore.Config couldn't ask the earlier system's store; Config.OnOutcome of Guard.Handler gets the error"},
	noMarks: {ErrNoMarks, "missing-marks",
		"set Marks in ssestore.Config, as to the Marks of a fleet.Fleet, or remove Guard.Fresh from the rules of this page"},
	unpublished: {nil, "unpublished-mark",
		"a session has ended, and its copies may go on elsewhere, because Ender in auth.Config failed: see the Status of the fleet.Fleet, and the engine; Config.OnOutcome of Guard.Handler gets the error, as Unpublished of the Outcome"},
	notSaved: {nil, "not-saved",
		"the session could not be written, so Guard.Handler answered 500: Config.OnOutcome gets the error, which says what to do"},
}

// quiet is how long a kind isn't logged again after a line. A mistake in the wiring
// is the same in each request, and must not fill the disk.
const quiet = time.Minute

// A teller logs what visitors can't be told, each kind at most once in a while.
type teller struct {
	log  *slog.Logger        // nil: slog.Default(), as it is then
	last [kinds]atomic.Int64 // when a line of each kind was logged, in Unix nanoseconds
}

// stray logs what has no Guard to log it: a session that was asked for without a
// Handler, and a Guard that New didn't make. It's the only state of this package
// outside a Guard, and it only holds times.
var stray teller

// say logs one line: the kind, the cure, the method and the host. Path, query,
// cookies and user don't belong there.
func (t *teller) say(r *http.Request, k kind) {
	now, last := time.Now().UnixNano(), t.last[k].Load()
	if since := time.Duration(now - last); since >= 0 && since < quiet || !t.last[k].CompareAndSwap(last, now) {
		return // or another goroutine is logging it
	}
	log := t.log
	if log == nil {
		log = slog.Default()
	}
	log.LogAttrs(r.Context(), slog.LevelError, "hardtack: "+lines[k].word,
		slog.String("cure", lines[k].cure), slog.String("method", method(r)), slog.String("host", host(r)))
}

// mistake reports a mistake in the wiring, once for each kind and request.
func (c *core) mistake(r *http.Request, k kind) {
	if x := c.exchange(r.Context()); x != nil {
		if x.told.Or(1<<k)&(1<<k) != 0 {
			return
		}
		c = x.core // the outermost guard of a store speaks for all
	}
	c.tell.say(r, k)
	if c.cfg.OnMistake != nil {
		c.cfg.OnMistake(r, lines[k].err)
	}
}

// refusing records why the guard is about to answer r in the handler's place. The
// reason reaches OnOutcome with the response.
func (c *core) refusing(r *http.Request, err error) {
	x := c.exchange(r.Context())
	if x == nil { // there is no response of ours to wait for
		if !errors.Is(err, ssestore.ErrNoSession) { // else session has told
			c.mistake(r, noHandler)
		}
		return
	}
	x.mu.Lock()
	late := x.phase.Load() != phaseOpen
	if !late {
		x.why = err
	}
	x.mu.Unlock()
	if late { // the handler had begun the response, and the refusal is lost
		x.late.Store(true)
	}
}

// tell tells the application what happened to the session. The caller for whom settle
// has news calls it, once for each response and never while holding the lock. past
// says that the outcome can't be sent any more.
func (x *exchange) tell(out *ssestore.Outcome, err error, past bool) {
	c := x.core
	x.saved.Store(out.Bytes > 0)
	drop, dropped := x.dropped(out)
	switch {
	case err != nil:
		c.tell.say(&x.req, notSaved)
	case past:
		err = ErrBypassed
		c.mistake(&x.req, bypassed)
	case dropped:
		c.mistake(&x.req, drop)
	}
	if err == nil {
		err = x.why // which settle has fixed
	}
	if out.Unpublished != nil {
		c.tell.say(&x.req, unpublished)
	}
	if c.cfg.OnOutcome != nil {
		c.cfg.OnOutcome(&x.req, *out, err)
	}
}

// method returns the request's method if it's a usual one. Clients may send any word.
func method(r *http.Request) string {
	switch r.Method {
	case "": // in a request that a program made
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	}
	return "other"
}

// host returns the host that the request names, if it looks like one. DNS allows 253
// characters (RFC 1035 section 2.3.4), and 6 more are for the port.
func host(r *http.Request) string {
	for _, c := range []byte(r.Host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return "other"
		}
	}
	if len(r.Host) > 253+6 {
		return "other"
	}
	return r.Host
}

// origin returns the scheme and host that the browser sees for the page that sent a
// request, if that is certain. It comes from the Origin of an unsafe request, if that
// names this very host. If it names another, the Host header isn't what the browser
// sees, or the page isn't ours. Forwarded headers prove nothing.
//
// A page over https behind a proxy that ends TLS has an https Origin. One over
// http that posts to https sends Sec-Fetch-Site, which browsers send to
// trustworthy origins only (W3C Fetch Metadata, section 2).
func origin(r *http.Request) (scheme, host string) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "", "" // which have an Origin only if they come from elsewhere
	}
	lines := r.Header["Origin"]
	if len(lines) != 1 {
		return "", ""
	}
	scheme, host, ok := strings.Cut(lines[0], "://")
	if !ok || host != r.Host {
		return "", ""
	}
	if scheme == "http" && (r.TLS != nil || len(r.Header["Sec-Fetch-Site"]) > 0) {
		return "", ""
	}
	return scheme, host
}

// dropped reports whether the browser is about to drop the session's cookie.
func (x *exchange) dropped(out *ssestore.Outcome) (kind, bool) {
	if out.Bytes == 0 {
		return 0, false
	}
	name, _, err := net.SplitHostPort(x.req.Host)
	if err != nil { // no port
		name = strings.Trim(x.req.Host, "[]")
	}
	if x.viaHTTP && x.core.store.Secure() && !loopback(name) {
		return overHTTP, true
	}
	for _, line := range out.SetCookie { // ours, so the spelling is known
		value, ok := strings.CutPrefix(line, x.core.store.CookieName()+"=")
		if !ok || value[0] == ';' { // another cookie, or a deletion in a former place
			continue
		}
		if _, rest, ok := strings.Cut(value, "; Domain="); ok && (x.viaHTTP || x.viaTLS) {
			domain, _, _ := strings.Cut(rest, ";")
			return foreignDomain, name != domain && !strings.HasSuffix(name, "."+domain)
		}
		return crossSite, !strings.Contains(value, "; SameSite=None") && x.fetchedAcross()
	}
	return 0, false
}

// fetchedAcross reports whether a page of another site has sent the request by a fetch
// whose answer it may read. The page is one of the application's own: whatever others
// fetch is no mistake here. Browsers keep no cookie of such an answer that isn't
// SameSite=None (RFC 6265bis, section 5.7).
func (x *exchange) fetchedAcross() bool {
	h := x.req.Header
	return only(h["Sec-Fetch-Site"], "cross-site") && only(h["Sec-Fetch-Mode"], "cors") && trusted(x.core.crossOrigin, &x.req)
}

// loopback reports whether browsers keep Secure cookies of this host over plain
// http: W3C Secure Contexts, section 3.1, and RFC 6761 section 6.3.
func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
