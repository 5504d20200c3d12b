package cookie

import "github.com/hardtack-go/hardtack/internal/cookieheader"

// MaxCandidates is how many different values under one name are worth opening.
// A browser sends more than one only if they differ in domain, path or partition.
// Anything beyond this limit is an attempt to waste our time.
const MaxCandidates = cookieheader.MaxCandidates

// Find appends to dst the different values that the cookie has in a request, in
// order of first appearance, and returns dst. The lines are the raw values of the
// request's Cookie header fields, or the items of a Lambda event's cookies list.
//
// Find splits pairs at semicolons and nowhere else. Some glue code also splits at
// commas. But any sibling domain can set a cookie named x with the value
// "1, __Host-session=ATTACKER", which browsers store and send as it is, and
// splitting it at the comma would open the attacker's session. Spaces and tabs
// around a pair are dropped, names must match exactly, quotes stay, and nothing is
// decoded. Identical values count once, because Lambda function URLs deliver every
// cookie twice.
//
// If there are more than [MaxCandidates] different values, Find stops at one more
// than that. The caller then knows that there are too many, whatever their order,
// and should open none of them. Find doesn't judge lengths: codecs check those
// first.
//
// Find doesn't allocate if dst has room for MaxCandidates+1 more values.
func (k *Cookie) Find(dst, lines []string) []string {
	if k == nil || k.prefix == "" {
		return dst
	}
	dst, _ = cookieheader.Find(dst, lines, k.prefix, "")
	return dst
}
