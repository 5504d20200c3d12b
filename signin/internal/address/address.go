// Package address has the one spelling of a mail address that the ways to log in use.
package address

import (
	"net/mail"
	"strings"
	"unicode/utf8"
)

// MaxLength is how long an address may be, in bytes: RFC 5321 section 4.5.3.1.3 allows
// a path of 256, which includes two brackets.
const MaxLength = 254

// Normal returns an address as people type it in one spelling: in lower case, without
// space around it. It returns "" for everything that isn't a plain address, such as
// one with a name, with quotes or with a parameter for a mail server behind it.
//
// Strictly, the part before the @ may be case sensitive. No mail service makes use of
// that.
func Normal(s string) string {
	if !utf8.ValidString(s) {
		return "" // ToLower would make a valid text of it
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > MaxLength {
		return ""
	}
	// What the parser reads as an address must be the whole text, so there is nothing
	// in it that a header or an SMTP command could take for something else.
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s {
		return ""
	}
	return s
}
