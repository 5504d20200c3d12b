// Package address has the one spelling of a mail address that the ways to log in use.
package address

import (
	"net/mail"
	"strings"
	"unicode"
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
	// ToLower would make a valid text of one that isn't. It would also make ASCII of the
	// sign for kelvin and of the Turkish I with a dot: the address of somebody else.
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\u212a\u0130") {
		return ""
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
	// A mail service that normalises (Unicode's NFKC) makes an @ of these two, and then
	// another host of what follows it: CVE-2026-73420 of NextAuth.js.
	if strings.ContainsAny(s, "\uff20\ufe6b") {
		return ""
	}
	// The parser takes every character outside of ASCII. One that can't be seen, or that
	// changes the direction of a text, makes an address look like another one.
	if strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return ""
	}
	// A host has letters, digits and hyphens (RFC 5890 section 2.3.2.3). That leaves out
	// IP addresses in brackets, which lead into the network of the mail server.
	local, host, _ := strings.Cut(s, "@")
	if strings.ContainsFunc(host, func(c rune) bool {
		return c != '.' && c != '-' && !unicode.IsLetter(c) && !unicode.IsMark(c) && !unicode.IsDigit(c)
	}) {
		return ""
	}
	// Nor does an address lead there by numbers without brackets. No top-level domain is
	// all digits (RFC 3696 section 2).
	if strings.Trim(host[strings.LastIndexByte(host, '.')+1:], "0123456789") == "" {
		return ""
	}
	// What is before the @ can name another host, and then the mail may go there. Mail
	// servers follow eve%evil.example@here (RFC 1123 section 5.2.16) and
	// evil.example!eve@here (RFC 976), Postfix by default if it is here and trusts the
	// sender. Other programs decode an encoded word, which no address may have in it (RFC
	// 2047 section 5).
	if strings.ContainsAny(local, "%!") || strings.Contains(local, "=?") {
		return ""
	}
	return s
}
