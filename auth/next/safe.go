package next

import (
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/hostport"
)

// maxNext is the length in bytes of the longest next that [Safe] accepts and [LoginURL]
// writes. It leaves room in an 8,190-byte header line (the default of nginx) for the
// percent-encoded form, which can be three times as long.
const maxNext = 2048

// Safe reports whether next may be the target of a redirect after a login or logout,
// that is, whether a browser that follows it ends up on this site or on one of hosts.
// It doesn't use the network and never changes next. If it returns false, redirect to
// a fixed page of your own.
//
//   - next is what the client sent, decoded once (a form value).
//   - hosts lists the hosts that absolute URLs may name, with the port if the URL has
//     one: "example.com", "localhost:8080", "[::1]:8080". They must match byte for
//     byte, except that the default port of the scheme may be there or not. Browsers
//     send host names in lower case, so list them in lower case. To allow absolute
//     URLs to the request's own host, put it into the list. Relative targets don't
//     need the list.
//   - https says that the request came over https, as the browser sees it. In that
//     case, targets with the scheme http are refused.
//
// Browsers don't parse URLs by RFC 3986 but by the WHATWG URL standard. They read a
// backslash as a slash, drop tabs and line breaks anywhere, strip control characters
// and spaces at both ends, and accept any number of slashes after "http:". A parser
// that follows the RFC takes such targets for relative ones, and the user ends up on
// another site. So Safe only accepts spellings with a single reading: no control
// characters, no backslash before the query, no colon in the first segment except
// after http or https, exactly two slashes after that, and no user information.
//
// Safe also refuses anything outside ASCII before the query. Browsers percent-encode
// it, but code that trims, folds or normalizes a target before following it would
// turn U+00A0 or U+3000 into nothing and U+FF0F into a slash. The query and fragment
// may have it, for example in search terms, because it can't change the origin there.
// Safe also refuses invalid UTF-8, the empty string, and anything over 2,048 bytes.
func Safe(next string, hosts []string, https bool) bool {
	if next == "" || len(next) > maxNext || next[0] == ' ' || !printable(next) {
		return false
	}
	// Only what comes before the query and fragment decides the origin.
	head := next
	if i := strings.IndexAny(head, "?#"); i >= 0 {
		head = head[:i]
	}
	// In the WHATWG states "special authority slashes" and "relative", a backslash is a
	// slash. No honest program writes one.
	if strings.IndexByte(head, '\\') >= 0 || !ascii(head) {
		return false
	}
	scheme := ""
	if i := strings.IndexAny(head, ":/"); i >= 0 && head[i] == ':' {
		// Everything before a colon in the first segment can be a scheme.
		// javascript:, data: and the like run or show what they carry.
		switch {
		case asciiFold(head[:i], "https"):
			scheme = "https"
		case asciiFold(head[:i], "http") && !https:
			scheme = "http"
		default:
			return false
		}
		head = head[i+1:]
	}
	if !strings.HasPrefix(head, "//") {
		// "http:x" and "http:/x" are relative or absolute, depending on the
		// scheme of the page. Without a scheme it is a path on this site.
		return scheme == ""
	}
	host := head[2:]
	if i := strings.IndexByte(host, '/'); i >= 0 {
		host = host[:i]
	}
	if scheme == "" && https {
		scheme = "https"
	}
	if !hostName(host) {
		return false
	}
	for _, allowed := range hosts {
		if host == allowed || hostport.WithoutDefaultPort(scheme, host) == hostport.WithoutDefaultPort(scheme, allowed) && hostName(allowed) {
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// printable reports whether s is valid UTF-8 without control characters (C0, DEL and
// C1). Browsers strip or drop some of them, and code that writes headers drops
// others.
func printable(s string) bool {
	for i, r := range s {
		if r < 0x20 || 0x7f <= r && r <= 0x9f {
			return false
		}
		if r == utf8.RuneError {
			// This is either an invalid byte or the real character U+FFFD.
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// hostName reports whether s is built only from the characters of a host name,
// an address or a port. It refuses user information ("@"), percent-encoding
// (browsers decode it in hosts) and everything that browsers map to other
// letters, whatever a list of hosts may contain.
func hostName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return s != ""
}

// asciiFold reports whether a and b are equal apart from the case of ASCII letters.
// strings.EqualFold would also accept U+017F and U+212A as s and k.
func asciiFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
