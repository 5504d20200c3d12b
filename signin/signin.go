package signin

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
)

// Config is what the ways to log in share. New makes a [Desk] of it.
type Config[U any] struct {
	// Keys seal the tickets: the same keys that seal the sessions. Required.
	Keys keyring.Source

	// Origin is the application's own origin as browsers show it, such as
	// "https://example.com". It is the only source of absolute URLs in mails and of
	// redirect URIs: neither Host nor a forwarded header is ever read. It is also the
	// audience of every ticket. It is https, except on localhost, or on any host if
	// the session's cookie has DangerouslyAllowHTTP. Required.
	Origin string

	// Guard has the sessions and the users. Every handler of this module must run
	// inside its Handler. Required.
	Guard *middleware.Guard[U]

	// Home is the page after a login that came with no safe next, and LoginURL is the
	// page that the module's own pages link to. Both are paths on this origin. ""
	// means "/" and "/login".
	Home, LoginURL string

	// Send takes the mails. It is required by the flows that send any.
	Send Sender

	// Throttle slows down whoever tries passwords, codes and addresses. nil means
	// [NewMemory] with the address in RemoteAddr. Behind a proxy that is the proxy's, so
	// all clients would count as one: give NewMemory a function there. In a function
	// that package serverless runs, it is the client's.
	Throttle Throttle

	// Enter decides about each login, whichever way it came: a disabled account, a
	// second factor, an audit log. nil means [Desk.Login]. A hook that lets the user
	// in calls Login itself and returns its error. Otherwise it returns an
	// [auth.Forbidden], whose text the visitor is shown, or another error. Or it
	// answers the request and returns [ErrAnswered]: then nobody is logged in yet. A
	// nil error without a Login of this user is a mistake, answered with 500. An error
	// after a Login ends the session.
	Enter func(w http.ResponseWriter, r *http.Request, e Entry[U]) error

	// Page writes a page of this module in the application's layout, Status included,
	// which is never 0 here. nil means a plain page of its own. Cache-Control and
	// Referrer-Policy are set already.
	Page func(w http.ResponseWriter, r *http.Request, p Page)

	// Log gets the cause of a 500 or 503 that the module answers, and the error of
	// Send, each at most once a minute. nil means slog.Default().
	Log *slog.Logger

	_ struct{} // forces keyed literals, so that fields can be added
}

// An Entry is a login about to happen: the visitor has proven to be the user.
type Entry[U any] struct {
	User U
	// How the user proved it: "password", "passkey", "link" or "oauth:NAME".
	How How
	// Remember reports whether the user asked to stay logged in on this device. It
	// decides the session's profile, whatever the Persistent of ssestore.Config: an
	// application that doesn't ask sets it in its Enter hook.
	Remember bool
	// Next is the page to go to afterwards. It is safe to redirect to.
	Next string
	// Links are the outside names that the session gets linked to, at most two; see
	// ssestore.Principal.Link. Package oauth uses both, for the provider's session and
	// the account there, so that a logout at the provider ends this session too. A hook
	// that calls Login later, after a second factor, must carry them along as it does
	// How and Remember.
	Links []string
}

// How says how somebody logged in. The session keeps it, at a price of about 60
// characters in its cookie.
type How string

// A Page is one that this module shows. An application that only has a layout puts
// Title, Problem and Body there, in this order. One that draws the page itself goes by
// Name and Fields.
type Page struct {
	Name    string            // such as "passlink/sent"; each package lists its own
	Status  int               // the HTTP status; 0 means 200
	Title   string            // the page's title and heading
	Problem string            // what went wrong, in a sentence for the visitor, or ""
	Fields  map[string]string // what the page's form holds, by field name
	Body    template.HTML     // the content below the heading and the problem
}

// A Mail is one message to one address, in plain text and, if HTML isn't "", in both.
type Mail struct{ To, Subject, Text, HTML string }

// A Sender takes mails on their way. Send must not wait for the network: the time it
// takes would tell the visitor whether the address has an account. See package mail
// for a queue. For the same reason an error is not shown to the visitor, only logged. Send
// must be safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// A Throttle limits attempts. Allow counts one attempt of the request's client at the
// account, which is a mail address or "" if the attempt names none. It reports whether
// the attempt may go on, and if not, when to come back. It is called before any work,
// whether or not the account exists, and must be safe for concurrent use. If a shared
// throttle can't reach its store, it decides by itself which harm is worse.
type Throttle interface {
	Allow(r *http.Request, account string) (retryAfter time.Duration, ok bool)
}
