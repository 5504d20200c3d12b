package marks

import (
	"crypto/sha256"
)

// A Kind says what a mark ends.
type Kind uint8

// The kinds of marks. The zero Kind is none, and no mark has it.
const (
	_ Kind = iota
	// Session ends the session whose id is Mark.ID.
	Session
	// Link ends the sessions that were linked to the outside name Mark.ID (see
	// ssestore.Principal.Link) and began before Mark.Before, by the time of the login.
	Link
	// User ends the sessions of the user called Mark.ID, and those in which that user
	// acts as another, that were issued before Mark.Before.
	User
	// All ends every session that was issued before Mark.Before.
	All
)

// A Mark ends sessions. Times are in Unix seconds.
//
// Who publishes a mark (fleet.Fleet.End) fills in the times that are zero: Before is the
// next second, so that sessions of this very second end too, and Until is as long as any
// session lives.
type Mark struct {
	Kind Kind
	// ID names whom the mark is about, in at most MaxID bytes. It is empty for All.
	ID string
	// Before is the time at which a session must have been issued to go on. It is at
	// most a minute ahead, or nobody could log in. It is zero for Session, which ends
	// whatever its time.
	Before int64
	// Until is when the mark may be forgotten, because every session that it ends is
	// over.
	Until int64
}

// MaxID is the length of the longest Mark.ID in bytes: as long as the longest user id
// that a session can hold, twice, because an issuer's name comes before a link's.
const MaxID = 512

// MaxLinks is how many outside names a session can be linked to.
const MaxLinks = 2

// A Name stands for the outside name of a link: the first 16 bytes of its SHA-256. It is
// what the session cookie holds, encrypted like the rest of it. The zero Name is none.
type Name [16]byte

// NameOf returns the Name of an outside name, such as "sid:https://id.example#08a5".
func NameOf(outside string) Name {
	sum := sha256.Sum256([]byte(outside))
	return Name(sum[:])
}

// About is what is known of a session that is to be judged.
type About struct {
	// Session is the session's id. It is valid during the call only: who keeps it must
	// copy it.
	Session string
	// User is who is logged in, or "".
	User string
	// Actor is who is behind the session, if that isn't the user, or "".
	Actor string
	// Links are the outside names that the session is linked to.
	Links [MaxLinks]Name
	// Issued is when the session was made, in Unix seconds: at the login, or when
	// nobody has logged in yet, at its creation. It can be up to a minute ahead.
	Issued int64
	// Login is when the user logged in, in Unix seconds, or 0 if nobody has.
	Login int64
	// Now is the time of the request, in Unix seconds.
	Now int64
}

// since returns the time that must not be before what a mark of a kind says. A session
// whose user has logged out the others was issued anew, up to a minute ahead of that time,
// so that it outlives the user's mark. It must not outlive the others, which know only the
// time by the clock: a link is made at the login, and a login is issued at most a minute
// ahead, after a mark of kind All.
func (a *About) since(k Kind) int64 {
	switch {
	case a.Login == 0 || k == User:
		return a.Issued
	case k == Link:
		return min(a.Issued, a.Login)
	}
	return min(a.Issued, a.Login+leeway)
}
