package cookie

import "strings"

// MaxCandidates is how many different values under one name are worth opening.
// A browser sends more than one only if they differ in domain, path or
// partition. More than this is an attempt to make us work.
const MaxCandidates = 8

// Find appends to dst the different values that the cookie has in a request, in
// the order of their first appearance, and returns dst. lines are the raw values
// of the request's Cookie header fields; the items of a Lambda event's cookies
// list serve as well.
//
// Pairs are split at semicolons and at nothing else. Some glue splits at commas
// too; but a browser stores and sends a cookie named x with the value
// "1, __Host-session=ATTACKER", which any sibling domain may set, and splitting
// that opens the attacker's session. Spaces and tabs around a pair are dropped,
// names compare exactly, quotes stay, nothing is decoded. Identical values count
// once: Lambda function URLs deliver every cookie twice.
//
// If there are more than [MaxCandidates] different values, Find stops after one
// more than that: the caller sees that there were too many, whatever their
// order, and should open none of them. Lengths are not judged here; codecs look
// at the length first.
//
// Find does not allocate if dst has room for MaxCandidates+1 more.
func (k *Cookie) Find(dst, lines []string) []string {
	dst, _ = k.FindBoth(dst, lines, nil)
	return dst
}

// FindBoth is Find that also reports, from the same walk over the header, whether
// there is a cookie of other's name. If it stops early, as Find does where there
// are too many values, it has not looked at the rest. other may be nil.
func (k *Cookie) FindBoth(dst, lines []string, other *Cookie) (values []string, found bool) {
	if k == nil || k.prefix == "" {
		return dst, false
	}
	second := ""
	if other != nil {
		second = other.prefix
	}
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
			if !strings.HasPrefix(pair, k.prefix) {
				found = found || second != "" && strings.HasPrefix(pair, second)
				continue
			}
			value := pair[len(k.prefix):]
			for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
				value = value[:len(value)-1]
			}
			if contains(dst[start:], value) {
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

func contains(values []string, v string) bool {
	for _, have := range values {
		if have == v {
			return true
		}
	}
	return false
}
