package cookie

import "github.com/hardtack-go/hardtack/internal/cookieheader"

// MaxCandidates is how many different values under one name are worth opening.
// A browser sends more than one only if they differ in domain, path or
// partition. More than this is an attempt to make us work.
const MaxCandidates = cookieheader.MaxCandidates

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
	if k == nil || k.prefix == "" {
		return dst
	}
	dst, _ = cookieheader.Find(dst, lines, k.prefix, "")
	return dst
}
