package serverless

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ErrEvent is returned by [Handler.Invoke] for a payload that isn't an HTTP event: the
// function is wired to another trigger, or was invoked by hand.
var ErrEvent = errors.New("serverless: the event is not an HTTP request of API Gateway, a function URL or a load balancer")

// A SingleValueError is returned by [Handler.Invoke] when a load balancer carries only
// one value of each header. By default, every event of such a load balancer is refused.
// With AllowSingleValueALB, only a response with several Set-Cookie lines is refused. The
// load balancer answers the browser with 502.
type SingleValueError struct {
	// SetCookies is how many Set-Cookie lines the response had, or 0 if the event was
	// refused before the handler ran.
	SetCookies int
}

func (e *SingleValueError) Error() string {
	const cure = "set the attribute lambda.multi_value_headers.enabled of the target group to true"
	if e.SetCookies == 0 {
		return "serverless: the load balancer carries only one Set-Cookie line, and a logout needs two: " + cure
	}
	return fmt.Sprintf("serverless: the response has %d Set-Cookie lines, and the load balancer carries only one: %s", e.SetCookies, cure)
}

// A Handler answers Lambda events with an http.Handler. Make one with [Lambda]. The zero
// Handler panics at its first event. A Handler is safe for concurrent use, except that
// its fields must not change after the first event.
type Handler struct {
	// AllowSingleValueALB accepts events of load balancers without multi-value headers.
	// It is for handlers that never send two Set-Cookie lines. A handler that logs
	// anybody in or out does, unless its store has DangerouslySkipBarrier.
	AllowSingleValueALB bool

	handler http.Handler
}

// Lambda returns a Handler for lambda.Start. It panics if h is nil.
func Lambda(h http.Handler) *Handler {
	if h == nil {
		panic("serverless: the handler is nil")
	}
	return &Handler{handler: h}
}

// Invoke answers one event, given as JSON, with the JSON that the event's source
// expects. The context becomes that of the request.
//
// Errors: [ErrEvent], and a [*SingleValueError]. Neither repeats any part of the event.
// If the handler panics, so does Invoke.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e event
	if json.Unmarshal(payload, &e) != nil {
		return nil, ErrEvent
	}
	from := e.source()
	if from == loadBalancer && len(e.MultiValueHeaders) == 0 {
		from = singleValue
		if !h.AllowSingleValueALB {
			return nil, &SingleValueError{}
		}
	}
	r, err := e.request(context.WithValue(ctx, eventKey{}, json.RawMessage(payload)), from)
	if err != nil {
		return nil, err
	}
	w := &writer{head: r.Method == http.MethodHead}
	h.handler.ServeHTTP(w, r)
	w.finish()
	return w.response(from)
}

type eventKey struct{}

// Event returns the JSON of the event behind a request, or nil if ctx isn't the context
// of such a request. Don't modify it.
func Event(ctx context.Context) json.RawMessage {
	raw, _ := ctx.Value(eventKey{}).(json.RawMessage)
	return raw
}
