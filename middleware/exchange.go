package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/ssestore"
)

// ErrUncommitted is returned by Hijack when the request's session has a change that
// no response has carried yet. A hijacked connection has none of our response headers,
// so the change would be lost. Call [Commit] first, and pass its headers to whatever
// writes the 101 response.
//
// The connection isn't hijacked. The handler can still answer, and an answer below 500
// carries the change.
var ErrUncommitted = errors.New("middleware: hijack with an unwritten session change: call Commit first")

// An exchange is one request and its response, with the session between them. It knows
// when the session can no longer change.
//
// It takes exactly one allocation per request, because it contains the handler's
// context, response writer and request. It isn't pooled. Handlers keep writers and
// contexts longer than they should (http.TimeoutHandler leaves whole handlers running),
// and a pooled exchange would by then belong to another user.
type exchange struct {
	// Each is a pointer back to the exchange, and stops fmt: the exchange holds raw
	// cookies, and contexts and writers end up in logs.
	writer responseWriter
	ctx    requestContext

	core    *core
	rw      http.ResponseWriter // the writer the request came with
	req     http.Request        // as the handler sees it
	cookies []string            // raw Cookie header lines, taken at the start
	now     time.Time           // time of arrival: a long upload doesn't expire its own session

	// session is nil until the first call of Session. A request that doesn't ask for
	// its session doesn't pay for decryption.
	session atomic.Pointer[ssestore.Session]
	phase   atomic.Uint32
	over    atomic.Bool   // the handler has returned
	saved   atomic.Bool   // the response set a session cookie
	late    atomic.Bool   // a guard refused after the first byte
	told    atomic.Uint32 // bit k: a mistake of kind k was reported
	viaHTTP bool          // the browser certainly sees this host over plain http; see origin
	viaTLS  bool          // or over https
	mu      sync.Mutex    // guards the change of phase, the load, err and why
	err     error         // why the phase is phaseFailed
	why     error         // why the guard answers in the handler's place
}

// The phases of an exchange: open, then done, or else failed and answered.
const (
	phaseOpen     = iota // the session may change
	phaseDone            // headers merged
	phaseFailed          // the session couldn't be written: the answer must be 500
	phaseAnswered        // it was; the handler's own answer is dropped
)

// load returns the request's session. The first call opens it. It is safe for
// concurrent use.
func (x *exchange) load() *ssestore.Session {
	if s := x.session.Load(); s != nil {
		return s
	}
	s := x.open()
	if x.over.Load() {
		// This is a handler that http.TimeoutHandler left behind, or a goroutine of
		// one. Nobody will check Late any more.
		x.core.mistake(&x.req, lateUse)
	}
	return s
}

func (x *exchange) open() *ssestore.Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.session.Load(); s != nil {
		return s
	}
	s := x.core.store.Load(x.cookies, x.now)
	s.Limit(writesFor(x.core.crossOrigin, &x.req)) // here, so that a request without a session pays nothing
	if x.phase.Load() != phaseOpen {
		// It's too late to write anything. Commit the session now, so that a change
		// returns ErrCommitted instead of getting lost. Reading still works.
		s.Limit(ssestore.WritesNone)
		_, _ = s.Commit(http.StatusOK)
	}
	x.session.Store(s)
	return s
}

// commit commits the session for a response with this final status, and merges what it
// needs into the response headers. Only the first call does anything. Later ones return
// the same error. returned says that the handler has returned without writing a byte
// through our writer.
//
// An error means that a change of the session couldn't be written. The caller must then
// not send the handler's answer, which may say "you are logged in".
func (x *exchange) commit(status int, returned bool) error {
	if x.phase.Load() == phaseDone { // the second and later Writes
		return nil
	}
	out, news, err := x.settle(status)
	if !news {
		return err
	}
	past := (out.Vary || len(out.SetCookie) > 0) && begun(x.rw, returned)
	// Even a failed commit may have something to send, such as a deletion.
	out.Merge(x.rw.Header())
	x.tell(&out, err, past)
	return err
}

// settle moves the exchange to its last phase. It sets news for the first caller only,
// and only if there is something to merge and report.
func (x *exchange) settle(status int) (out ssestore.Outcome, news bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch x.phase.Load() {
	case phaseDone, phaseFailed, phaseAnswered:
		return out, false, x.err
	}
	x.phase.Store(phaseDone)
	s := x.session.Load()
	if s == nil {
		return out, x.why != nil, nil
	}
	out, err = s.Commit(status)
	if err != nil {
		x.err = err
		x.phase.Store(phaseFailed)
	}
	return out, true, err
}

// hijack commits the session for a connection that leaves HTTP. No response can carry
// anything, so an unwritten change is an error. It leaves the exchange open, so the
// handler can still answer. A renewal that was due is dropped, and left to the next
// request.
func (x *exchange) hijack() error {
	s := x.session.Load()
	if s.Changed() {
		x.core.mistake(&x.req, uncommitted)
		return ErrUncommitted
	}
	s.Limit(ssestore.WritesNone)
	out, news, err := x.settle(http.StatusSwitchingProtocols)
	if !news {
		return err
	}
	if err == nil && len(out.SetCookie) > 0 { // another goroutine, just now
		err = ErrUncommitted
	}
	out.Merge(x.rw.Header()) // for the answer of a handler that doesn't get the connection
	x.tell(&out, err, false)
	return err
}

// begin is commit for the response writer.
func (x *exchange) begin(status int) error { return x.replace(x.commit(status, false)) }

// replace answers 500 in the handler's place if the session couldn't be written.
func (x *exchange) replace(err error) error {
	if err != nil && x.phase.CompareAndSwap(phaseFailed, phaseAnswered) {
		x.fail()
	}
	return err
}

// finish commits for a handler that has returned. It isn't deferred, because a panic
// must not commit anything. If the handler has written nothing, net/http sends an empty
// 200 afterwards.
func (x *exchange) finish() {
	_ = x.replace(x.commit(http.StatusOK, true))
	x.over.Store(true)
	// The code that was refused may have ignored its error.
	switch err := x.session.Load().Late(); {
	case x.late.Load() || err == ssestore.ErrCommitted:
		x.core.mistake(&x.req, lateUse)
	case err != nil:
		x.core.mistake(&x.req, readOnly)
	}
}

// fail answers 500 in the handler's place.
func (x *exchange) fail() {
	dropAnswer(x.rw.Header())
	x.core.answer(x.rw, &x.req, http.StatusInternalServerError, x.err, "The session could not be saved.")
}

// A requestContext is the request's context with one more value, itself, which leads to
// the exchange of one guard's store. With nested guards, they form a chain.
type requestContext struct {
	x      *exchange
	parent context.Context // the context that the request came with
}

// contextKey finds the innermost requestContext.
type contextKey struct{}

func (c *requestContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *requestContext) Done() <-chan struct{}       { return c.parent.Done() }
func (c *requestContext) Err() error                  { return c.parent.Err() }

func (c *requestContext) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return c
	}
	return c.parent.Value(key)
}

// Format prints only the name, under every verb.
func (c *requestContext) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// String names the context as package context names its own.
func (c *requestContext) String() string { return "hardtack.Request" }

// MarshalText redacts the context for encoding/json and log/slog.
func (c *requestContext) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// innermost returns a context's link to the innermost guard, or nil if no Handler is
// installed.
func innermost(ctx context.Context) *requestContext {
	c, _ := ctx.Value(contextKey{}).(*requestContext)
	return c
}

// exchange returns the exchange of this guard's store, whichever guard began it. That
// isn't always the innermost one: an application can have two stores, say for customers
// and for staff, with one guard inside the other.
func (c *core) exchange(ctx context.Context) *exchange {
	for in := innermost(ctx); in != nil; in = innermost(in.parent) {
		if in.x.core.store == c.store {
			return in.x
		}
	}
	return nil
}

// session returns this guard's session of a request. If Handler is missing, or
// another guard has the session for its own users, it returns nil, on which every
// method returns ErrNoSession.
func (c *core) session(r *http.Request) *ssestore.Session {
	x := c.exchange(r.Context())
	switch {
	case x == nil:
		c.mistake(r, noHandler)
		return nil
	case x.core.manager != c.manager:
		c.mistake(r, twoManagers)
		return nil
	}
	return x.load()
}

// Session returns the session of a request. Without [Guard.Handler] around the
// handler it returns nil. You can still call every method on that: a nil Session
// reads as empty, and every change returns [ssestore.ErrNoSession]. The missing
// Handler is logged through slog.Default, because there is no Guard whose
// [Config].Log could be used.
//
// The first call opens the cookie. A handler that never calls Session, and isn't
// guarded, decrypts nothing and sends no header. If two guards are nested, Session
// returns the session of the inner one. It is safe for concurrent use. After the
// response is committed, the session can still be read, but refuses changes. Reading
// it for the first time at that point is a mistake, because the response depends on
// the cookie without saying so. [Config].OnMistake and the log are told.
func Session(r *http.Request) *ssestore.Session {
	if r == nil {
		return nil
	}
	if in := innermost(r.Context()); in != nil {
		return in.x.load()
	}
	stray.say(r, noHandler)
	return nil
}
