package signin

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
)

// A ConfigError names a field of a Config and the rule it broke, never the value.
type ConfigError = config.Error

// Config is what the ways to log in share. New makes a [Desk] of it.
type Config[U any] struct {
	// Keys seal the tickets: the same keys that seal the sessions. Required.
	Keys keyring.Source

	// Origin is the application's own origin as browsers see it, such as
	// "https://example.com". It is the only source of absolute URLs in mails and of
	// redirect URIs: neither Host nor a forwarded header is ever read. It is also the
	// audience of every ticket. http is for localhost, and for any host where the
	// session's cookie has DangerouslyAllowHTTP. Required.
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
	// [NewMemory] with the address of the connection.
	Throttle Throttle

	// Enter decides about each login, whichever way it came: a disabled account, a
	// second factor, an audit log. nil means [Desk.Login]. A hook that lets the user
	// in calls Login itself. It may instead return an [auth.Forbidden], whose text the
	// visitor is shown, or another error, or answer the request and return
	// [ErrAnswered]: then nobody is logged in yet.
	Enter func(w http.ResponseWriter, r *http.Request, e Entry[U]) error

	// Page writes a page of this module in the application's layout. nil means a
	// plain page of its own.
	Page func(w http.ResponseWriter, r *http.Request, p Page)

	_ struct{}
}

// An Entry is a login about to happen: the visitor has proven to be the user.
type Entry[U any] struct {
	User U
	// How the user proved it: "password", "passkey", "link" or "oauth:NAME".
	How How
	// Remember reports whether the user asked to stay logged in on this device.
	Remember bool
	// Next is the page to go to afterwards. It is safe to redirect to.
	Next string
}

// How says how somebody logged in.
type How string

// A Page is one that this module shows. Body is complete in itself: an application
// that only has a layout puts it there. One that draws the page itself goes by Name,
// Problem and Fields.
type Page struct {
	Name    string            // such as "passlink/sent"; each package lists its own
	Status  int               // the HTTP status
	Title   string            // the page's title and heading
	Problem string            // what went wrong, in a sentence for the visitor, or ""
	Fields  map[string]string // what the page's form holds, by field name
	Body    template.HTML     // the content below the heading, the problem included
}

// A Mail is one message to one address, in plain text and, if HTML isn't "", in both.
type Mail struct{ To, Subject, Text, HTML string }

// A Sender takes mails on their way. Send must not wait for the network: the time it
// takes would tell the visitor whether the address has an account. See package mail
// for a queue.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// A Throttle limits attempts. Allow counts one attempt of the request's client at the
// account, which is "" if the attempt names none. It reports whether the attempt may
// go on, and if not, when to come back. It is called before any work, whether or not
// the account exists.
type Throttle interface {
	Allow(r *http.Request, account string) (retryAfter time.Duration, ok bool)
}
