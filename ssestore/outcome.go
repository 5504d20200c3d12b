package ssestore

import "github.com/hardtack-go/hardtack/cookie"

// Outcome is what Commit decided: what the response must carry, and what
// happened, for one line of logging. Hand it to Merge, or translate it yourself.
// The zero value asks for nothing.
type Outcome struct {
	// SetCookie are the values of Set-Cookie fields, one field each. At most one
	// is for the session cookie; others are the barrier's and, at a migration, the
	// deletion of a legacy cookie.
	SetCookie []string

	// Vary: the response depends on the cookie and must say "Vary: Cookie".
	Vary bool

	// Private: the response may not be shared. It was made for a user who was
	// resolved, or it carries a Set-Cookie.
	Private bool

	// Refused is why the session is not what the cookie said.
	Refused cookie.Reason

	// KeyID is the key that sealed the cookie written now, else the one that
	// opened the cookie of the request.
	KeyID string

	Renewed   bool // the idle time starts anew
	Resealed  bool // moved from an older key to the primary
	Restamped bool // the stamp was replaced
	Deleted   bool // the session's cookie was deleted, and not replaced
	Migrated  bool // taken over from a legacy cookie

	// OlderPrimary: a change was written under a primary older than the key of
	// the session that came. The fleet is in the middle of a rotation, or this
	// instance does not learn of new keys.
	OlderPrimary bool

	// Skipped is why an unsolicited write that was due could not be made, most
	// often a *cookie.SizeError after MaxLine was lowered. The session goes on as
	// it was, and ends when it is not renewed.
	Skipped error

	// KeyWorn: this process sealed so much under the key that it should be
	// rotated; see keyring.Counters.
	KeyWorn bool

	// Bytes is the size of name and value of the session cookie as written, 0 if
	// none was. Browsers keep at most 4,096.
	Bytes int

	// Unreadable names values that did not decode into the type that was asked
	// for; "d" is the data as a whole.
	Unreadable []string
}
