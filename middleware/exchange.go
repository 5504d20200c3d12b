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

// ErrUncommitted is returned by Hijack when the session of the request holds a
// change that no response has carried yet. A hijacked connection has no
// response headers of ours, so the change would be lost. Call [Commit] first
// and hand its headers to whatever writes the 101 response.
//
// The connection is not hijacked: the handler can still answer, and an answer
// below 500 carries the change.
var ErrUncommitted = errors.New("middleware: hijack with an unwritten session change: call Commit first")

// exchange is one request and its response: the session between them, and the
// moment after which the session can no longer change.
//
// There is exactly one allocation of it per request: the handler's context,
// response writer and request lie within. It is not pooled: handlers keep
// writers and contexts longer than they should (http.TimeoutHandler leaves whole
// handlers running), and a pooled one would then be another user's.
type exchange struct {
	// Each is one pointer back to the exchange, at which fmt stops: it holds
	// raw cookies, and contexts and writers end up in logs.
	writer responseWriter
	ctx    requestContext

	core    *core
	rw      http.ResponseWriter // the writer the request came with
	req     http.Request        // as the handler sees it
	cookies []string            // raw Cookie header lines, taken at the start
	now     time.Time           // arrival: a long upload does not expire its own session

	originScheme, originHost string // of the page that sent the request; see origin

	// session is nil until the first call of Session: a request that asks for
	// no session pays for no decryption.
	session atomic.Pointer[ssestore.Session]
	phase   atomic.Uint32
	over    atomic.Bool // the handler has returned
	saved   atomic.Bool // the response set a session cookie
	late    atomic.Bool // a guard refused after the first byte
	refused atomic.Bool // a refused Hijack was reported
	mu      sync.Mutex  // guards the change of phase, the load, err and why
	err     error       // why the phase is phaseFailed
	why     error       // why the guard answers in the handler's place
}

// The phases of an exchange: open, then done, or else failed and answered.
const (
	phaseOpen     = iota // the session may change
	phaseDone            // headers merged
	phaseFailed          // the session could not be written: the answer must be 500
	phaseAnswered        // it was; the handler's own answer is dropped
)

// load returns the session of the request and opens it at the first call.
// Safe for concurrent use.
func (x *exchange) load() *ssestore.Session {
	if s := x.session.Load(); s != nil {
		return s
	}
	s := x.open()
	if x.over.Load() {
		// A handler that http.TimeoutHandler left behind, or a goroutine of
		// one. Nobody will look at Late any more.
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
		// Too late to write anything: fix the session now, so that a change
		// is ErrCommitted and not silence. Reading still works.
		s.Limit(ssestore.WritesNone)
		_, _ = s.Commit(http.StatusOK)
	}
	x.session.Store(s)
	return s
}

// commit fixes the session for a response with this final status and merges
// what it needs into the response headers. Only the first call does anything;
// the others return the same error. returned: the handler has, without a byte
// through our writer.
//
// An error means that a change of the session could not be written. The caller
// must then not send the handler's answer, which may say "you are logged in".
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

// settle moves the exchange to its last phase. news is for the first caller, if
// there is something to merge and tell.
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

// hijack fixes the session for a connection that leaves HTTP. There is no
// response to carry anything, so an unwritten change is an error, and leaves the
// exchange open: the handler can still answer. A renewal that was due is dropped:
// the next request renews.
func (x *exchange) hijack() error {
	s := x.session.Load()
	if s.Changed() {
		if !x.refused.Swap(true) {
			x.core.mistake(&x.req, uncommitted)
		}
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
	x.tell(&out, err, false)
	return err
}

// begin is commit for the response writer.
func (x *exchange) begin(status int) error { return x.replace(x.commit(status, false)) }

// replace answers 500 in place of the handler if the session could not be written.
func (x *exchange) replace(err error) error {
	if err != nil && x.phase.CompareAndSwap(phaseFailed, phaseAnswered) {
		x.fail()
	}
	return err
}

// finish commits for a handler that has returned. It is not deferred: a panic
// must commit nothing. net/http sends an empty 200 afterwards when the handler
// has written nothing.
func (x *exchange) finish() {
	_ = x.replace(x.commit(http.StatusOK, true))
	x.over.Store(true)
	// What came too late may have had no caller who listened.
	if x.late.Load() || x.session.Load().Late() != nil {
		x.core.mistake(&x.req, lateUse)
	}
}

// fail answers 500 in place of the handler.
func (x *exchange) fail() {
	dropAnswer(x.rw.Header())
	x.core.answer(x.rw, &x.req, http.StatusInternalServerError, x.err, "The session could not be saved.")
}

// requestContext is the request's context with one more value: itself, which leads
// to the exchange of one guard's store. They form a chain where guards are nested.
type requestContext struct {
	x      *exchange
	parent context.Context // the context the request came with
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

// Format prints the name alone, under every verb.
func (c *requestContext) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// String names the context as package context names its own.
func (c *requestContext) String() string { return "hardtack.Request" }

// MarshalText redacts the context for encoding/json and log/slog.
func (c *requestContext) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// innermost returns the link of a context to the innermost guard; nil when no
// Handler is installed.
func innermost(ctx context.Context) *requestContext {
	c, _ := ctx.Value(contextKey{}).(*requestContext)
	return c
}

// exchange returns the exchange of this guard's store, whichever guard began it. It
// is not always the innermost: an application can hold two stores, say one for
// customers and one for staff, one inside the other.
func (c *core) exchange(ctx context.Context) *exchange {
	for in := innermost(ctx); in != nil; in = innermost(in.parent) {
		if in.x.core.store == c.store {
			return in.x
		}
	}
	return nil
}

// session returns this guard's session of a request. It is nil, which is
// ErrNoSession in every method, where Handler is missing, and where another guard
// has the session for users of its own.
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

// Session returns the session of a request. Everything on it works with any
// value it returns: without [Guard.Handler] around the handler it is nil, and a
// nil Session reads as empty and answers every change with
// [ssestore.ErrNoSession]. That is logged through slog.Default, since there is
// no Guard whose [Config].Log could be asked.
//
// The first call opens the cookie; a handler that never calls it (and is not
// guarded) costs no decryption and sends no header. Where two guards are
// nested it is the session of the inner one. Safe for concurrent use. It may
// be called after the response is committed, when it reads but refuses
// changes. A first read at that point is a mistake, which [Config].OnMistake and
// the log hear of: the response depends on the cookie and did not say so.
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
