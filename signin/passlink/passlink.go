package passlink

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/lookup"
	"github.com/hardtack-go/hardtack/signin/internal/route"
	"github.com/hardtack-go/hardtack/ticket"
)

const (
	// life is how long a link and its code work: long enough for a slow mail, and
	// short for something that opens an account. NIST SP 800-63B-4 section 3.1.3.2
	// allows a code that is sent 10 minutes, and 24 hours for one that goes by mail.
	life = 15 * time.Minute

	// maxBody is the largest form in bytes: a ticket of 4,096, a code and a next.
	maxBody = 16 << 10

	// maxNext is the longest next that a mail carries. A link of more than 2,000
	// characters is cut by some mail programs and proxies, and sealing adds a third.
	maxNext = 1000
)

// Users is the application's user store, as this flow needs it. Every method may be called
// by several goroutines at once. An error that isn't named here means that the user store
// is down: the visitor is asked to come back (503), and nothing is lost.
type Users[U any] interface {
	// ByEmail returns the user with an address, which is in lower case and without
	// space around it, or auth.ErrNoUser. A user whose own address is another one, in
	// more than capitals, counts as none: each spelling has attempts of its own.
	ByEmail(ctx context.Context, email string) (U, error)

	// ByID returns the user with an id, or auth.ErrNoUser.
	ByID(ctx context.Context, id string) (U, error)

	// Use spends the link and returns the user as stored now. It must change one of
	// the fields that [Config.Bound] returns, such as a counter of logins, in one step
	// with a check that the row is still as it was when user was read:
	//
	//	UPDATE users SET logins = logins + 1, proven = true WHERE id = ? AND logins = ? AND email = ?
	//
	// If the row is another by now, it changes nothing and returns
	// [signin.ErrChanged]. That is what makes a link work once.
	//
	// Using a link also proves that the address belongs to whoever uses it. If nobody
	// had proven the address of this account before, somebody else may have opened the
	// account to wait for its owner. Use then drops in the same step what was attached
	// to the account, which is its password, passkeys and connections, and changes the
	// stamp, which ends its sessions.
	Use(ctx context.Context, user U) (U, error)
}

// Config is what a handler is made from. Users, Email and Bound are required.
type Config[U any] struct {
	Users Users[U]

	// Email returns the address of a user. Mails go there, and not to what a visitor
	// typed, which may be another spelling.
	Email func(U) string

	// Bound returns the fields whose change makes every link and code of the user
	// invalid: the password's hash or what else the stamp is made from, and the one
	// that Use changes. The id and the address are bound as well. The fields may be
	// secrets.
	Bound func(U) []string

	// Path is where the handler is mounted, as the browser sees it, with a slash at
	// both ends. "" means "/passlink/".
	Path string

	// Mail writes the mail: link is the complete URL, and code is as it is to be shown.
	// To may be left out. The text should say that the code is for nobody else. nil
	// means a text in English that names the host of the application.
	Mail func(ctx context.Context, user U, link, code string) signin.Mail

	_ struct{}
}

// handler serves the two paths.
type handler[U any] struct {
	Config[U]
	desk  *signin.Desk[U]
	find  lookup.Finder[U]
	host  string // of the application, for the mail
	links *ticket.Kind[link]
	asked *ticket.Kind[asked]
}

// A link is what the ticket in the mail says. Its bound fields are those of the user.
// The browser is not among them, because the page that another browser is shown must
// know that the link is a good one.
type link struct {
	User     string `json:"u"`
	Browser  string `json:"b"`
	Code     string `json:"c"`
	Remember bool   `json:"r,omitempty"`
	Next     string `json:"n"`
}

// asked is what the browser that asked keeps in a hidden field, bound to that browser.
// It has what the visitor typed and nothing about a user, so its length tells nothing.
type asked struct {
	Email    string `json:"e"`
	Secret   string `json:"s"` // the key of the code
	Remember bool   `json:"r,omitempty"`
	Next     string `json:"n"`
}

// errUse is an error of the application. Without this check its links would work more
// than once.
var errUse = errors.New("passlink: Use returned another user, or changed none of the bound fields")

// New returns the handler of this way to log in. Mount it under Config.Path, inside the
// guard's Handler. It answers
//
//	POST  {Path}        a form with email, remember and next: sends the mail
//	GET   {Path}        the link; without a token, a form that asks for the address
//	POST  {Path}enter   the button of the link, or the code
//
// If the configuration is wrong, New returns all faults as joined *middleware.ConfigError
// values.
func New[U any](desk *signin.Desk[U], c Config[U]) (http.Handler, error) {
	faults := config.Faults{Package: "passlink"}
	if desk == nil {
		faults.Add("desk", "is required: the error of signin.New says why it is nil")
		return nil, faults.Err()
	}
	of := desk.Config()
	if of.Send == nil {
		faults.Add("Send", "of the desk is required: this way sends mails")
	}
	if c.Users == nil {
		faults.Add("Users", "is required")
	}
	if c.Email == nil {
		faults.Add("Email", "is required")
	}
	if c.Bound == nil {
		faults.Add("Bound", "is required, or links would work more than once")
	}
	c.Path = route.Mount(&faults, c.Path, "/passlink/")
	h := &handler[U]{Config: c, desk: desk, find: lookup.Finder[U]{Users: c.Users, ID: of.Guard.Accounts().ID, Email: c.Email}}
	_, h.host, _ = strings.Cut(of.Origin, "://")
	var err error
	h.links, err = ticket.New[link](ticket.Config{Keys: of.Keys, Purpose: "signin/passlink/link", Audience: of.Origin, Life: life})
	faults.Join(err)
	h.asked, err = ticket.New[asked](ticket.Config{Keys: of.Keys, Purpose: "signin/passlink/asked", Audience: of.Origin, Life: life})
	faults.Join(err)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return h, nil
}

// fields are what a link is bound to, and what its code is made from.
func (h *handler[U]) fields(user U) []string {
	return append([]string{h.desk.Config().Guard.Accounts().ID(user), h.Email(user)}, h.Bound(user)...)
}

// once reports whether Use has spent the link: it returned the same user, with another
// field.
func (h *handler[U]) once(before, after U) bool {
	id := h.desk.Config().Guard.Accounts().ID
	return id(before) == id(after) && !slices.Equal(h.fields(before), h.fields(after))
}
