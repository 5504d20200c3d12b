package ssestore

import "github.com/hardtack-go/hardtack/cookie"

// An Outcome is what Commit decided: what the response must carry, and what happened,
// enough for one line in a log. Call Merge, or translate it yourself. The zero value
// asks for nothing.
type Outcome struct {
	// SetCookie has the values of the Set-Cookie fields, one per field. At most one
	// is the session cookie's. The others are the barrier and, in a migration, the
	// deletion of a legacy cookie.
	SetCookie []string

	// Vary says that the response depends on the cookie and must carry
	// "Vary: Cookie".
	Vary bool

	// Private says that the response must not be shared: it was made for a resolved
	// user, or it carries a Set-Cookie.
	Private bool

	// Personal says that a session came with the request and was read, so the
	// response may show what it holds, such as a cart. It must be private, but the
	// browser may keep it. The cookie alone doesn't protect it: some CDNs ignore
	// Vary.
	Personal bool

	// Refused is why the cookie's session wasn't used.
	Refused cookie.Reason

	// KeyID is the key that sealed the new cookie; if none was written, the one that
	// opened the cookie of the request.
	KeyID string

	Renewed   bool // the idle time starts again
	Resealed  bool // moved from an older key to the primary
	Restamped bool // the stamp was replaced
	Deleted   bool // the session's cookie was deleted and not replaced
	Migrated  bool // taken over from a legacy cookie or a former place

	// User says that the session, as the response leaves it, names a user who was
	// verified or logged in during this request.
	User bool

	// Impersonated says that the session, as the response leaves it, has somebody
	// behind it who isn't the user it names.
	Impersonated bool

	// ReadOnly says that another system writes the session, so that this response
	// changes nothing; see [Legacy].ReadOnly.
	ReadOnly bool

	// NotMigrated is why a legacy cookie gave no session: what [Legacy].Migrate
	// returned, ErrUndated, or an error of its format that says more than a
	// cookie.Reason, such as legacy.ErrNotJSON. Several are joined. A legacy cookie that
	// didn't open also has its verdict in Refused: foreign, or what its format can tell,
	// such as unknown-key, bad-tag or expired.
	NotMigrated error

	// Unpublished is why the other instances may not know that a session ended in this
	// request: what [Principal.Unpublished] was told. The response deletes the cookie
	// all the same.
	Unpublished error

	// OlderPrimary says that a change was written under a primary that is older than
	// the key the session came with. The fleet is in the middle of a rotation, or
	// this instance doesn't learn of new keys.
	OlderPrimary bool

	// Skipped is why an unsolicited write that was due couldn't be made, usually a
	// *cookie.SizeError after MaxLine was lowered. The session continues unchanged
	// and expires if it is never renewed.
	Skipped error

	// KeyWorn says that this process has sealed so many values under the key that it
	// should be rotated; see keyring.Counters.
	KeyWorn bool

	// Bytes is the size of the name and value of the session cookie that was
	// written, or 0 if none was. Browsers accept at most 4,096.
	Bytes int

	// Unreadable names the values that didn't decode into the type asked for; "d" is
	// the data as a whole.
	Unreadable []string
}
