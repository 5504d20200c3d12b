package cookie

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// A Codec turns bytes into a cookie value and back. It is bound to a cookie name
// and an audience when it is made (see [Format]), so it rejects a value that was
// moved over from another cookie.
//
// [JWE] is the default format. Packages cookie/gorilla and cookie/jose provide
// others.
//
// A Codec is safe for concurrent use. It doesn't count seals and opens: the
// caller does, because only the caller knows which of them mattered.
type Codec interface {
	// Seal encrypts plaintext under the ring's primary key and returns the
	// cookie value. It returns ErrNoPrimary if the ring has no active key, and
	// a *SizeError if the value would be too long. It neither keeps nor changes
	// plaintext.
	Seal(ring *keyring.Keyring, plaintext []byte) (string, error)

	// Open checks a value and returns its contents. Every refusal matches
	// ErrInvalid and carries a Reason. A nil ring refuses everything.
	Open(ring *keyring.Keyring, value string) (Opened, error)

	// Size returns the length of the value for n bytes of plaintext.
	Size(n int) int
}

// Opened holds the contents of a value and what is known about it.
type Opened struct {
	// Plaintext belongs to the caller.
	Plaintext []byte
	// Key is the key that opened the value, or the zero Key if that key isn't
	// in the ring.
	Key keyring.Key
	// Issued is when the value was made, if the format itself records that (the
	// date of a securecookie, the iat of another system's token). Otherwise it
	// is the zero time.
	Issued time.Time
	// Ends is when the value is over, if the format itself records that. Otherwise it is
	// the zero time. Open refuses a value that is over already.
	Ends time.Time
}

// A Format makes the codec for one cookie name and one audience. Stores take a
// Format rather than a Codec, so nobody can pass a codec that is bound to another
// name. [JWE] is a Format, and packages cookie/gorilla and cookie/jose have more.
type Format func(name, audience string) (Codec, error)

var (
	// ErrNoPrimary is returned when nothing can be sealed, because the ring is
	// nil or has no active key. Opening may still work.
	ErrNoPrimary = errors.New("cookie: the keyring has no active key to seal with")

	// ErrFIPS is returned when the program runs under GODEBUG=fips140=only. The
	// standard library then refuses AES-GCM with a nonce chosen by the caller,
	// which is what JWE needs.
	ErrFIPS = errors.New("cookie: FIPS 140-only mode forbids AES-GCM with a caller-chosen nonce")
)

// A SizeError reports that a value is too long for its cookie. Sizes count the
// characters of the cookie value, because that is what the limits apply to. The
// plaintext is about a quarter smaller.
type SizeError struct {
	Size, Limit int
	// Largest names the entries that take the most room, largest first, if the
	// caller knows about entries. The names come from the program, not from
	// input.
	Largest []string
}

func (e *SizeError) Error() string {
	s := "cookie: value of " + strconv.Itoa(e.Size) + " characters, at most " + strconv.Itoa(e.Limit) + " fit"
	if len(e.Largest) > 0 {
		s += "; largest: " + strings.Join(e.Largest, ", ")
	}
	return s
}
