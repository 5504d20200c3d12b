// Package cookieheader finds the values of a cookie in the Cookie header fields of
// a request. It reads the header in place and doesn't allocate. By contrast,
// net/http parses a header into a slice of cookies, and stops at 3,000 of them.
//
// The documentation of [github.com/hardtack-go/hardtack/cookie.Cookie.Find], which
// uses this package, says what counts as a pair and why a comma doesn't separate
// pairs. PlainFind does the same in plain code; a fuzz test proves the two equal.
package cookieheader

import (
	"slices"
	"strings"
)

// MaxCandidates is how many different values of one cookie are worth opening.
const MaxCandidates = 8

// Find appends to dst the different values of the cookie whose name and "=" are
// prefix, in order of first appearance. In the same walk it looks for a cookie whose
// name and "=" are other, and reports whether there is one. An other of "" matches
// nothing.
//
// Find stops at one value more than MaxCandidates, without looking for other in the
// rest. It doesn't allocate if dst has room for that many.
func Find(dst, lines []string, prefix, other string) (values []string, found bool) {
	start := len(dst)
	for _, line := range lines {
		for len(line) > 0 {
			pair := line
			if i := strings.IndexByte(line, ';'); i >= 0 {
				pair, line = line[:i], line[i+1:]
			} else {
				line = ""
			}
			for len(pair) > 0 && (pair[0] == ' ' || pair[0] == '\t') {
				pair = pair[1:]
			}
			if !begins(pair, prefix) {
				found = found || other != "" && begins(pair, other)
				continue
			}
			value := pair[len(prefix):]
			for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
				value = value[:len(value)-1]
			}
			if slices.Contains(dst[start:], value) {
				continue
			}
			dst = append(dst, value)
			if len(dst)-start > MaxCandidates {
				return dst, found
			}
		}
	}
	return dst, found
}

// begins reports whether a pair begins with prefix, a name and its "=". Few cookies
// have their "=" in the same place, so looking there first saves most comparisons.
func begins(pair, prefix string) bool {
	last := len(prefix) - 1
	return len(pair) > last && pair[last] == '=' && pair[:last] == prefix[:last]
}

// PlainFind is the plain twin of Find: split, trim, compare.
func PlainFind(dst, lines []string, prefix, other string) (values []string, found bool) {
	start := len(dst)
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.Trim(pair, " \t")
			value, ok := strings.CutPrefix(pair, prefix)
			switch {
			case !ok:
				found = found || other != "" && strings.HasPrefix(pair, other)
			case !slices.Contains(dst[start:], value):
				dst = append(dst, value)
			}
			if len(dst)-start > MaxCandidates {
				return dst, found
			}
		}
	}
	return dst, found
}
