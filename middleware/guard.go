package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Config says how a [Guard] answers. The zero value is valid: it has no login page (so
// people get 403 and programs 401), no other hosts, and the standard library's
// cross-origin protection with its defaults.
type Config struct {
	// LoginURL is the page that visitors who aren't logged in are sent to: a path
	// that starts with one slash, or an absolute http or https URL. Its query and
	// fragment are kept. "" means that there is none.
	LoginURL string

	// LogoutURL is the page of another system that LogoutHandler sends a visitor to whose
	// session that system writes (ssestore.Legacy.ReadOnly), because only that system can
	// end it. It follows the rules of LoginURL. It isn't used for any other session.
	LogoutURL string

	// NextField names the query parameter and form field that carries the page to
	// come back to. "" means "next", and "-" turns it off.
	NextField string

	// BasePath is the path that a proxy removes before it passes a request on: it is
	// "/app" if the browser asks for /app/members and this server is asked for
	// /members. It is put in front of the page to come back to, and nowhere else.
	// Write the other paths of this Config, and those in your pages, as the browser
	// sees them. "" means that the proxy removes nothing, or that http.StripPrefix does
	// it, which leaves the request's target as it was. Some proxies use forwarded
	// headers for this, which are never read.
	BasePath string

	// ReasonField names a query parameter in which the login URL says, in one word,
	// why somebody who was logged in has to log in again. [Reason] reads it back. ""
	// turns it off.
	ReasonField string

	// AllowedHosts lists hosts, besides the request's own, that a next may name in an
	// absolute URL. They are in lower case, with the port if there is one.
	AllowedHosts []string

	// CrossOrigin decides which unsafe requests from other origins are refused
	// (cross-site request forgery). nil means a new one, which trusts no other origin;
	// if pages of yours are on another host, add that with AddTrustedOrigin. Its trusted
	// origins, bypass patterns and deny handler are used as they are. It guards every
	// request that goes through Handler, and nothing else.
	CrossOrigin *http.CrossOriginProtection

	// Refuse writes the page for a refusal: 401, 403, 404, 405, 425, 500 or 503. The
	// guard sets the status and header fields such as Retry-After. Refuse writes the
	// body, and can't change the status. The Content-Type says who will read it:
	// "text/html; charset=utf-8" is for a person, "application/problem+json" for a
	// program. If Refuse is nil or writes nothing, people get a line of text, and
	// programs get a problem as in RFC 9457.
	//
	// The error is the one that [Config].OnOutcome gets. Use it to choose a page, but
	// don't show its text unless it is an [auth.Forbidden]. Refuse isn't called for
	// answers that lead to another page, or if your own CrossOrigin refuses, which has
	// a deny handler.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, err error)

	// ClearSiteData is what LogoutHandler sends as Clear-Site-Data: any of "cache",
	// "storage", "executionContexts", "clientHints". "cookies" and "*" are refused.
	// They would delete the cookies of every application under the registered domain,
	// including the barrier, which keeps a session that has ended from coming back.
	ClearSiteData []string

	// OnOutcome is called once for each response whose session was used or that the
	// guard wrote in the handler's place, right before its headers are sent. It is for
	// one line of logging and for counters: method, path, verdict, kid. The request is
	// the one that the handler got. OnOutcome must be fast and safe for concurrent use,
	// and must not write the response.
	//
	// A non-nil error says why the response isn't the handler's, or why the session
	// wasn't saved. The package documentation has the list. An error doesn't always
	// mean that something is wrong: a visitor who is sent to the login page is
	// [auth.ErrNoUser].
	OnOutcome func(*http.Request, ssestore.Outcome, error)

	// OnMistake is called for each mistake in how the program uses this package, at
	// most once per kind and request: [ssestore.ErrNoSession] if Handler is missing, then
	// at each use, [ssestore.ErrCommitted] if a session is used after the response began,
	// [ssestore.ErrReadOnly] if one would be changed that another system writes,
	// [ErrUncommitted] for a refused Hijack, [ErrBypassed], [ErrNested], [ErrNoMarks] and
	// [ErrDropped]. It is for counters, and for tests that fail on a mistake. The rules of
	// OnOutcome apply.
	OnMistake func(*http.Request, error)

	// Log gets a line for each mistake, and for each 500 or 503 that the guard answers
	// itself. It says what happened and what to do about it, and has the request's
	// method and host, but nothing else of the request. Each kind is logged at most
	// once a minute. nil means slog.Default(), even if the hooks are set. To turn
	// logging off, use a logger with slog.DiscardHandler.
	Log *slog.Logger

	// Now is the clock, read once per request. nil means time.Now.
	Now func() time.Time

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config], or an argument of [New], and the rule it
// broke, in three strings: Package (here "middleware"), Field and Rule. It doesn't
// repeat the value. Packages cookie, ssestore and auth use the same type.
type ConfigError = config.Error

// A Guard puts sessions into requests and rules around handlers. U is the
// application's user type. Make one with [New]; a nil or zero Guard answers
// everything with 500. It is immutable and safe for concurrent use.
type Guard[U any] struct {
	core     *core
	accounts *auth.Manager[U]
	staff    []auth.Rule[U]
}

// core is the part of a Guard that doesn't depend on the user type.
type core struct {
	store       *ssestore.Store
	cfg         Config
	nextField   string // "" when switched off
	siteData    string // the Clear-Site-Data header
	crossOrigin *http.CrossOriginProtection
	now         func() time.Time
	tell        *teller // of all guards made from one by WithLogin
	manager     any     // the *auth.Manager, to tell it from another
}

// New returns a Guard over a store and a manager of users. If the configuration is
// wrong, it returns all faults as joined [*ConfigError] values.
func New[U any](store *ssestore.Store, accounts *auth.Manager[U], cfg Config) (*Guard[U], error) {
	faults := config.Faults{Package: "middleware"}
	if store == nil {
		faults.Add("store", "is nil: the error of ssestore.New says why")
	}
	if accounts == nil {
		faults.Add("accounts", "is nil: the error of auth.New says why")
	}
	if c := cfg.ReasonField; !validField(c) || c != "" && (c == cfg.NextField || c == "next" && cfg.NextField == "" || c == "-") {
		faults.Add("ReasonField", "must consist of letters, digits, '-', '_' and '.', and not be the NextField")
	}
	checkLogin(&cfg, &faults)
	if !validLoginURL(cfg.LogoutURL) {
		faults.Add("LogoutURL", ruleURL)
	}
	if !validField(cfg.NextField) {
		faults.Add("NextField", "must consist of letters, digits, '-', '_' and '.'")
	}
	if base := cfg.BasePath; base != "" && (base == "/" || base[0] != '/' || path.Clean(base) != base || strings.ContainsAny(base, "?#%") || next.Location(base) != base || !next.Safe(base, nil, true)) {
		faults.Add("BasePath", "must start with one slash, not end with one, and consist of segments that need no encoding")
	}
	for i, host := range cfg.AllowedHosts {
		if host != strings.ToLower(host) || !next.Safe("https://"+host+"/", []string{host}, true) {
			faults.Add(fmt.Sprintf("AllowedHosts[%d]", i), "must be a host name in lower case, with an optional port")
		}
	}
	siteData := ""
	for i, kind := range cfg.ClearSiteData {
		switch kind {
		case "cache", "storage", "executionContexts", "clientHints":
			if i > 0 {
				siteData += ", "
			}
			siteData += `"` + kind + `"`
		default:
			faults.Add(fmt.Sprintf("ClearSiteData[%d]", i), "must be cache, storage, executionContexts or clientHints")
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	cfg.AllowedHosts = append([]string(nil), cfg.AllowedHosts...) // the caller's slice stays the caller's
	c := &core{store: store, cfg: cfg, nextField: cfg.NextField, siteData: siteData, crossOrigin: cfg.CrossOrigin, now: cfg.Now, tell: &teller{log: cfg.Log}, manager: accounts}
	switch c.nextField {
	case "":
		c.nextField = "next"
	case "-":
		c.nextField = ""
	}
	if c.crossOrigin == nil {
		c.crossOrigin = http.NewCrossOriginProtection()
		c.crossOrigin.SetDenyHandler(http.HandlerFunc(c.denyCrossOrigin))
	}
	if c.now == nil {
		c.now = time.Now
	}
	return &Guard[U]{core: c, accounts: accounts, staff: []auth.Rule[U]{accounts.Staff}}, nil
}

// WithLogin returns a guard for a section that has a login page of its own. In
// everything else it is like g: it has the same sessions, users, rules and hooks. Use
// it inside g's Handler, or around a section by itself:
//
//	staff, err := guard.WithLogin("/staff/login")
//	…
//	mux.Handle("/staff/", staff.StaffRequired(pages))
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// The URL follows the rules of [Config].LoginURL. If it breaks them, the error is a
// [*ConfigError]. If the section has another kind of users with ids of their own, it
// needs its own store and guard instead: ids of two tables must never meet in one
// session.
func (g *Guard[U]) WithLogin(url string) (*Guard[U], error) {
	faults := config.Faults{Package: "middleware"}
	if g == nil || g.core == nil {
		faults.Add("guard", "is nil or zero: the error of New says why")
		return nil, faults.Err()
	}
	c := *g.core
	c.cfg.LoginURL = url
	if checkLogin(&c.cfg, &faults); faults.Err() != nil {
		return nil, faults.Err()
	}
	return &Guard[U]{core: &c, accounts: g.accounts, staff: g.staff}, nil
}

// checkLogin checks the login URL.
func checkLogin(cfg *Config, faults *config.Faults) {
	if !validLoginURL(cfg.LoginURL) {
		faults.Add("LoginURL", ruleURL)
	} else if u, err := url.Parse(cfg.LoginURL); cfg.ReasonField != "" && err == nil && u.Query().Has(cfg.ReasonField) {
		faults.Add("ReasonField", "must not be a parameter of LoginURL already")
	}
}

const ruleURL = "must be a path that starts with one slash, or an absolute http or https URL, without user, space or control character"

func validLoginURL(s string) bool {
	if s == "" {
		return true
	}
	if strings.ContainsAny(s, "\\ ") || strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil {
		return false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Host != ""
	}
	return u.Scheme == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
}

func validField(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func (c *core) denyCrossOrigin(w http.ResponseWriter, r *http.Request) {
	c.answer(w, r, http.StatusForbidden, ErrCrossOrigin, "This request came from an origin that isn't trusted here.")
}

// tooEarly answers 425 (RFC 8470 section 5.2). The browser asks again, after the
// handshake.
func (c *core) tooEarly(w http.ResponseWriter, r *http.Request) {
	c.answer(w, r, http.StatusTooEarly, ErrTooEarly, "")
}

// early reports whether a request may be a replay that does harm: a proxy accepted it
// before the TLS handshake was complete, and its method isn't safe. Any Early-Data
// counts, even a repeated or malformed one (RFC 8470 section 5.1). Believing this
// header is no risk, because anyone who forges it is only refused.
func early(r *http.Request) bool {
	if len(r.Header["Early-Data"]) == 0 {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// Handler puts a session into every request that goes through it, and writes the
// session before the first byte of the response. It also refuses unsafe requests from
// other origins (see [Config].CrossOrigin). Put it around the whole application:
// inside anything that recovers from panics, and outside anything that uses the
// session:
//
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// If a handler panics, even with http.ErrAbortHandler, the session stays as it was:
// the panic passes through and nothing is committed. If a change can't be written
// (because no key may seal), the handler's answer is replaced by 500, since it may
// say something that isn't true.
//
// Guards can be nested. Each store has one session, however many guards surround it.
// The outermost guard of a store reads the clock, writes the cookie and calls the
// hooks. Each guard inside adds its cross-origin protection and its answers. Two
// stores have two sessions, whose cookies need different names. Two guards over one
// store with different managers of users, or two stores with one cookie name, are a
// mistake, and answered with 500.
//
// The handler's http.ResponseWriter always has Flush, Hijack and ReadFrom. If the
// server can't do them, they return http.ErrNotSupported. HTTP/2 server push isn't
// passed on.
func (g *Guard[U]) Handler(next http.Handler) http.Handler {
	if g == nil || g.core == nil {
		return http.HandlerFunc(unmade)
	}
	checked := g.core.crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.core.serve(w, r, next, checked) })
}

// serve is Handler for one request. checked is next, wrapped in the cross-origin
// protection.
func (c *core) serve(w http.ResponseWriter, r *http.Request, next, checked http.Handler) {
	if innermost(r.Context()) != nil && c.nested(w, r, checked) {
		return
	}
	x := &exchange{
		core:    c,
		rw:      w,
		cookies: r.Header["Cookie"],
		now:     c.now(),
	}
	scheme, _ := origin(r)
	x.viaHTTP, x.viaTLS = scheme == "http", scheme == "https"
	x.writer.x, x.ctx.x, x.ctx.parent = x, x, r.Context()
	// The copy that WithContext makes doesn't leave this line, so the compiler keeps it
	// off the heap, which saves one of two allocations.
	x.req = *r.WithContext(&x.ctx)
	if c.foreign(&x.req) {
		next = checked
	} else if early(&x.req) {
		c.refusing(&x.req, ErrTooEarly)
		next = http.HandlerFunc(c.tooEarly)
	}
	defer returnForm(r, &x.req) // also after a panic
	next.ServeHTTP(&x.writer, &x.req)
	x.finish()
}

// returnForm gives a request the form that the handler parsed of its copy: the server
// removes an upload's temporary files through the request it made.
func returnForm(r, copy *http.Request) {
	if r.MultipartForm == nil {
		r.MultipartForm = copy.MultipartForm
	}
}

// foreign reports whether the cross-origin protection is about to refuse r, and notes
// why. The protection doesn't say when it refuses, and may have a deny handler from the
// application.
func (c *core) foreign(r *http.Request) bool {
	err := c.crossOrigin.Check(r)
	if err != nil {
		c.refusing(r, fmt.Errorf("%w: %w", ErrCrossOrigin, err))
	}
	return err != nil
}

// nested is serve inside another guard. It returns false if this guard has to begin its
// own exchange, because no other guard has its store.
func (c *core) nested(w http.ResponseWriter, r *http.Request, checked http.Handler) bool {
	inner := innermost(r.Context())
	for in := inner; in != nil; in = innermost(in.parent) {
		outer := in.x.core
		switch {
		case outer.store == c.store && outer.manager != c.manager:
			outer.mistake(r, twoManagers)
			outer.refuse(w, r, ErrNested)
			return true
		case outer.store == c.store:
			c.foreign(r)
			if inner.x == in.x {
				checked.ServeHTTP(w, r)
				return true
			}
			// Another store's guard is in between, so Session would find that one.
			own := r.WithContext(&requestContext{in.x, r.Context()})
			defer returnForm(r, own)
			checked.ServeHTTP(w, own)
			return true
		case outer.store.CookieName() == c.store.CookieName():
			outer.mistake(r, oneCookie)
			outer.refuse(w, r, ErrNested)
			return true
		}
	}
	return false
}

// unmade answers for a Guard that New didn't make.
func unmade(w http.ResponseWriter, r *http.Request) {
	stray.say(r, noGuard)
	answer(w, r, http.StatusInternalServerError, "")
}
