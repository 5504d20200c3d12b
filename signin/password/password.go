package password

import (
	"context"
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
	// resetLife is short, because the link opens an account.
	resetLife = time.Hour
	// askLife is for links that open nothing, and that people may follow the day after.
	askLife = 24 * time.Hour

	// maxBody is the largest form in bytes. The longest honest one has an address, two
	// passwords of 256 characters, of which each may take twelve, and a next.
	maxBody = 16 << 10

	// maxNext is the longest next that a mail carries. A link of more than 2,000
	// characters is cut by some mail programs and proxies, and the session has to hold
	// it for a while.
	maxNext = 500
)

// Users is the application's user store, as logging in, changing and resetting need it.
// Every method may be called by several goroutines at once. An error that isn't named
// here means that the user store is down: the visitor is asked to come back (503), and
// nothing is lost.
type Users[U any] interface {
	// ByEmail returns the user with an address, which is in lower case and without
	// space around it, or auth.ErrNoUser. A user whose own address is another one, in
	// more than capitals, counts as none: each spelling has attempts of its own.
	ByEmail(ctx context.Context, email string) (U, error)

	// ByID returns the user with an id, or auth.ErrNoUser.
	ByID(ctx context.Context, id string) (U, error)

	// SetPassword stores the hash of a new password, changes the field that
	// auth.Config.Stamp returns, and returns the user as stored now. It checks in the
	// same step that the row is still as it was when user was read:
	//
	//	UPDATE users SET hash = ?, stamp = ? WHERE id = ? AND stamp = ? AND hash = ? AND email = ?
	//
	// If it isn't, SetPassword changes nothing and returns [signin.ErrChanged]. That is
	// what makes a link work once.
	//
	// If proven is true, the user followed a mail, so the address is theirs. If nobody
	// had proven it for this account before, somebody else may have opened the account
	// to wait for its owner. SetPassword then also drops, in the same step, what was
	// attached to the account, such as passkeys and connections, and notes that the
	// address is proven.
	SetPassword(ctx context.Context, user U, hash string, proven bool) (U, error)

	// Rehash stores another hash of the same password, in one step with the check that
	// the old one is still there, and returns the user as stored now. It leaves a
	// stamp of its own alone, so that nobody is logged out. If the row is another by
	// now, it returns [signin.ErrChanged].
	Rehash(ctx context.Context, user U, hash string) (U, error)
}

// Addresses is the application's user store, as proving and changing an address need it.
// The rules of [Users] apply.
type Addresses[U any] interface {
	// Prove notes that the address of user is proven, and returns the user as stored
	// now. What is attached to the account stays: whoever is here is logged in and has
	// followed the mail, so both are theirs. If the row has changed since user was
	// read, Prove returns [signin.ErrChanged].
	Prove(ctx context.Context, user U) (U, error)

	// SetEmail changes the address of user to one that is proven, changes the field that
	// auth.Config.Stamp returns, and returns the user as stored now. So other sessions end,
	// among them that of somebody who reads mails at the old address. If the row has
	// changed since user was read, or another user has the address, SetEmail changes
	// nothing and returns [signin.ErrChanged].
	SetEmail(ctx context.Context, user U, email string) (U, error)
}

// An Account is what this package needs to know about a user.
type Account struct {
	// Email is the address as stored. Mails go there, and not to what a visitor typed,
	// which may be another spelling.
	Email string
	// Hash is the stored hash of the password, or "" if the user has none.
	Hash string
	// Proven reports whether the address is known to be the user's. It matters only
	// with [Config.Addresses].
	Proven bool
}

// Config is what a handler is made from. Users and Account are required.
type Config[U any] struct {
	Users Users[U]

	// Account returns what this package needs to know about a user.
	Account func(U) Account

	// Create makes an account for a visitor who has proven the address and chosen a
	// password, and returns its user. If the address has an account, Create changes
	// nothing and returns [signin.ErrChanged]. nil means that there is no sign-up.
	Create func(ctx context.Context, email, hash string) (U, error)

	// Addresses lets users prove and change their addresses. nil means that they can't.
	Addresses Addresses[U]

	// Hasher hashes the passwords. nil means one of the zero [HasherConfig].
	Hasher *Hasher

	// Validators judge a new password after [Validate] has, in this order.
	Validators []Validator

	// Path is where the handler is mounted, as the browser sees it, with a slash at
	// both ends. "" means "/password/".
	Path string

	// Mail may rewrite a mail, for example in the user's language. name is one of those
	// in the package's documentation, link is the URL that the mail is about or "", and
	// m is in English, in plain text. The result's To is ignored. nil means m.
	Mail func(ctx context.Context, name, link string, m signin.Mail) signin.Mail

	_ struct{}
}

type handler[U any] struct {
	Config[U]
	desk  *signin.Desk[U]
	find  lookup.Finder[U]
	host  string          // of the application, for mails
	pages map[string]page // by their names

	resets  *ticket.Kind[string]   // a user's id; bound to id, address and hash
	signups *ticket.Kind[newcomer] // bound to the address while it has no account
	proofs  *ticket.Kind[string]   // a user's id; bound to the same and to being unproven
	moves   *ticket.Kind[move]     // bound as resets
}

// A newcomer has asked to sign up.
type newcomer struct {
	Email string `json:"e"`
	Next  string `json:"n"`
}

// A move is a change of address that somebody asked for.
type move struct {
	User  string `json:"u"`
	Email string `json:"e"` // the new one
}

// New returns the handler of this way to log in. Mount it under Config.Path, inside the
// guard's Handler. It answers GET and POST of these pages:
//
//	{Path}login       email, password, remember and next: logs in
//	{Path}change      current and password: changes the password of who is logged in
//	{Path}forgotten   email: sends the link to reset
//	{Path}reset       account and password: sets a new one, for who came by that link
//	{Path}signup      email and next: sends the link to welcome (with Config.Create)
//	{Path}welcome     account and password: creates the account and logs in
//	{Path}verify      sends the link to verified (with Config.Addresses)
//	{Path}verified    notes that the address is proven
//	{Path}email       current and email: sends the link to moved
//	{Path}moved       changes the address
//
// The account in a form is the address that its page named. A form that has it can't set
// the password of another account, whose link was opened in the meantime.
//
// Without a Sender in the desk there is only login and change. If the configuration is
// wrong, New returns all faults as joined [*ConfigError] values.
func New[U any](desk *signin.Desk[U], c Config[U]) (http.Handler, error) {
	faults := config.Faults{Package: "password"}
	if desk == nil {
		faults.Add("desk", "is required: the error of signin.New says why it is nil")
		return nil, faults.Err()
	}
	of := desk.Config()
	if c.Users == nil {
		faults.Add("Users", "is required")
	}
	if c.Account == nil {
		faults.Add("Account", "is required")
	}
	if of.Send == nil && (c.Create != nil || c.Addresses != nil) {
		faults.Add("Create, Addresses", "need a Sender in the desk: they send mails")
	}
	if slices.ContainsFunc(c.Validators, func(v Validator) bool { return v == nil }) {
		faults.Add("Validators", "must not have a nil")
	}
	c.Path = route.Mount(&faults, c.Path, "/password/")
	h := &handler[U]{Config: c, desk: desk, pages: map[string]page{}}
	_, h.host, _ = strings.Cut(of.Origin, "://")
	if h.Hasher == nil {
		var err error
		h.Hasher, err = NewHasher(HasherConfig{})
		faults.Join(err)
	}
	h.resets = kind[string](&faults, of, "reset", resetLife)
	h.signups = kind[newcomer](&faults, of, "signup", askLife)
	h.proofs = kind[string](&faults, of, "verify", askLife)
	h.moves = kind[move](&faults, of, "email", askLife)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	h.find = lookup.Finder[U]{Users: c.Users, ID: h.id, Email: func(user U) string { return c.Account(user).Email }}
	h.Validators = slices.Clone(c.Validators) // the caller's slice stays the caller's
	h.route()
	return h, nil
}

func kind[T, U any](faults *config.Faults, of signin.Config[U], use string, life time.Duration) *ticket.Kind[T] {
	k, err := ticket.New[T](ticket.Config{Keys: of.Keys, Purpose: "signin/password/" + use, Audience: of.Origin, Life: life})
	faults.Join(err)
	return k
}
