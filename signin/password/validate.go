package password

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/signin/password/internal/common"
)

// The lengths of a password in characters. OWASP ASVS 5.0 (6.2.1) asks for at least 8,
// and recommends 15. 256 characters of four bytes are 1,024, which is
// DefaultMaxLength; NIST SP 800-63B asks to allow at least 64.
const (
	minCharacters = 8
	maxCharacters = 256
)

// A Problem is why a password can't be used, in a sentence for the one who chose it.
type Problem string

// Error returns the sentence.
func (p Problem) Error() string { return string(p) }

// A Validator decides whether somebody whose address is email may choose a password. It
// returns nil if they may, and a [Problem] if not. Any other error means that it
// couldn't tell: the visitor is asked to try again later. A validator that asks a
// service should therefore return nil if that is down, unless it matters more than that
// people can choose passwords. It must not store or log the password.
type Validator func(ctx context.Context, password, email string) error

// Validate is the [Validator] that every new password has to pass. It refuses
//
//   - less than 8 characters and more than 256. Characters are counted, not bytes;
//   - the passwords on a list of 15,000 that many people use, whatever their case;
//   - digits alone, such as a date;
//   - a password that consists of parts of the address for more than half.
//
// It asks for no mixture of capitals, digits and signs, which makes passwords no better
// (NIST SP 800-63B section 3.1.1.2).
func Validate(_ context.Context, password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < minCharacters:
		return Problem("Use at least 8 characters.")
	case n > maxCharacters:
		return Problem("Use at most 256 characters.")
	}
	switch {
	case common.Has(password):
		return Problem("Too many people use that password. Choose another one.")
	case strings.IndexFunc(password, func(r rune) bool { return !unicode.IsDigit(r) }) < 0:
		return Problem("Use more than digits.")
	case resembles(password, email):
		return Problem("That is too much like your address.")
	}
	return nil
}

// resembles reports whether more than half of a password is taken from an address: from
// the words of three or more letters or digits between its dots and other signs.
func resembles(password, email string) bool {
	password = strings.ToLower(password)
	parts := strings.FieldsFunc(strings.ToLower(email), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // so that a short one doesn't cut a long one
	rest := password
	for _, part := range parts {
		if utf8.RuneCountInString(part) >= 3 {
			rest = strings.ReplaceAll(rest, part, "\n") // which no part contains
		}
	}
	left := utf8.RuneCountInString(strings.ReplaceAll(rest, "\n", ""))
	return 2*left < utf8.RuneCountInString(password)
}
