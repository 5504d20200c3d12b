package cookie

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// A Codec turns bytes into a cookie value and back. It is bound to a cookie name
// and an audience when it is made (see [Format]), so that a value moved to
// another cookie does not open.
//
// [JWE] is the default format. The packages cookie/gorilla and cookie/jose have
// others.
//
// A Codec is safe for concurrent use. It does not count seals and opens; the
// caller does, because only the caller knows which of them mattered.
type Codec interface {
	// Seal makes a value under the primary key of the ring. Errors: ErrNoPrimary
	// and *SizeError. It keeps nothing of plaintext and does not change it.
	Seal(ring *keyring.Keyring, plaintext []byte) (string, error)

	// Open checks a value and gives back what is in it. Every refusal matches
	// ErrInvalid and carries a Reason. A nil ring opens nothing.
	Open(ring *keyring.Keyring, value string) (Opened, error)

	// Size is the length of the value for n bytes of plaintext.
	Size(n int) int
}

// Opened is what a value held.
type Opened struct {
	// Plaintext belongs to the caller.
	Plaintext []byte
	// Key is the key that opened the value; the zero Key when it was none of the
	// ring's.
	Key keyring.Key
	// Issued is when the value was made, where the format itself says so (the
	// date of a securecookie, the iat of another system's token). Else zero.
	Issued time.Time
}

// A Format makes the codec for one cookie name and one audience. Stores take this
// and not a Codec, so that nobody can pass one that is bound to another name. [JWE]
// is one, and so are the functions of the packages cookie/gorilla and cookie/jose.
type Format func(name, audience string) (Codec, error)

var (
	// ErrNoPrimary is returned when nothing can be sealed because the ring has no
	// active key, or there is no ring. Opening may still work.
	ErrNoPrimary = errors.New("cookie: the keyring has no active key to seal with")

	// ErrFIPS is returned when the program runs under GODEBUG=fips140=only, where
	// the standard library refuses AES-GCM with a nonce that the caller chose. JWE
	// needs one.
	ErrFIPS = errors.New("cookie: FIPS 140-only mode forbids AES-GCM with a caller-chosen nonce")
)

// A SizeError says that a value is too long for its cookie. Sizes are in
// characters of the cookie value, which is what the limits are about; the
// plaintext is about a quarter smaller.
type SizeError struct {
	Size, Limit int
	// Largest names the entries that take the most room, largest first, where
	// the caller knows entries. They are names from the program, not from input.
	Largest []string
}

func (e *SizeError) Error() string {
	s := "cookie: value of " + strconv.Itoa(e.Size) + " characters, at most " + strconv.Itoa(e.Limit) + " fit"
	if len(e.Largest) > 0 {
		s += "; largest: " + strings.Join(e.Largest, ", ")
	}
	return s
}
