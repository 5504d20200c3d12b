// Package claims reads and writes the plaintext of a session: a small JSON object
// with exactly one spelling.
//
// The members have a fixed order, there are no spaces, and an absent value is an
// absent member:
//
//	{"sid":"…","iat":N,"auth_time":N,"exp":N,"rnw":N,"per":true,"end":N,"sub":"…","stk":"…","stp":"…","d":{…}}
//
// sid, iat, exp and rnw are always there. auth_time and sub come together, when
// somebody is logged in. stk and stp come together, and only with sub. per is only
// ever true. d is there only if it has members.
//
// A strict scanner replaces encoding/json for this envelope. A general JSON reader
// accepts "SUB" for "sub", duplicates, numbers such as 1e9, and members in any
// order. Two readers that treat these differently would read two different sessions
// from one token. The scanner refuses every other spelling, so all JSON readers
// agree on what it accepts. It is also about twenty times faster. Only the user's
// own values, below d, are general JSON.
//
// The package authenticates nothing and doesn't judge times. Both are up to
// ssestore.
package claims

// Limits of the envelope.
const (
	// MaxTime is 9999-12-31T23:59:59Z in Unix seconds, the last time that
	// RFC 3339 can write. It keeps every sum of times far from overflow.
	MaxTime = 253402300799

	// MaxSub is the length of the longest user id in bytes, as written: an
	// escaped quote or backslash counts as two. OpenID Connect Core 1.0 section 2
	// lets a subject have 255.
	MaxSub = 255

	// ReservedSub is the length of the longest user id for which ssestore reserves
	// room in every session. A longer one fits only next to less data.
	ReservedSub = 128

	// MaxName is the length of the longest name of a value below d.
	MaxName = 64

	// MaxDepth is how deeply a value below d can be nested. Each level takes one
	// bit of a machine word. encoding/json stops at 10,000 levels, which no cookie
	// has room for.
	MaxDepth = 64

	// MaxEnvelope is the length of the longest envelope without the members of d:
	// every optional claim present, every number 12 digits, a sub of ReservedSub.
	MaxEnvelope = len(`{"sid":"","iat":,"auth_time":,"exp":,"rnw":,"per":true,"end":,"sub":"","stk":"","stp":"","d":{}}`) +
		sidLen + 5*12 + ReservedSub + kidLen + stpLen
)

const (
	sidLen = 22 // 16 bytes in base64url
	kidLen = 7  // 5 bytes in base64url
	stpLen = 43 // 32 bytes in base64url
)
