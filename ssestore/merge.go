package ssestore

import (
	"slices"
	"strings"
)

// Merge puts the outcome into the header of a response, such as an http.Header.
// It finds names in any spelling, as serverless events have them, and writes them
// canonically. It never shares slices between the Outcome and h, or appends to them
// in place. A nil h stays nil.
//
//   - Each line of SetCookie becomes a Set-Cookie field after those of the handler.
//   - Vary: Cookie is added unless Cookie or * is there.
//   - If Private or Personal is set, Cache-Control gets private and loses public and
//     s-maxage; if the handler set none, it becomes "private, no-store" with Private
//     and "private" without. Expires and the fields that only shared caches read are
//     removed, among them CDN-Cache-Control with its vendors' forms,
//     Surrogate-Control and X-Accel-Expires.
func (o Outcome) Merge(h map[string][]string) {
	cookies := len(o.SetCookie) > 0
	private := cookies || o.Private || o.Personal
	if h == nil || !private && !o.Vary {
		return
	}
	// One pass over the names, because most responses have neither kind.
	other := false
	for name := range h {
		switch {
		case otherSpelling(name):
			other = true
		case private && sharedOnly(name):
			delete(h, name)
		}
	}
	values := func(name string) []string {
		if other {
			return take(h, name)
		}
		return h[name]
	}
	if cookies {
		h["Set-Cookie"] = slices.Concat(values("Set-Cookie"), o.SetCookie)
	}
	if cookies || o.Vary {
		h["Vary"] = vary(values("Vary"))
	}
	if private {
		none := "private"
		if cookies || o.Private {
			none = "private, no-store"
		}
		h["Cache-Control"] = []string{makePrivate(values("Cache-Control"), none)}
	}
}

// otherSpelling reports whether name is a field that Merge writes, in a spelling
// other than the canonical one.
func otherSpelling(name string) bool {
	field := ""
	switch len(name) {
	case len("Vary"):
		field = "Vary"
	case len("Set-Cookie"):
		field = "Set-Cookie"
	case len("Cache-Control"):
		field = "Cache-Control"
	default:
		return false
	}
	return name != field && strings.EqualFold(name, field)
}

// take removes a field from h, however it is spelled, and returns its values. The
// canonical spelling comes first and the others follow in the order of their names,
// so that the result doesn't depend on the order of the map.
func take(h map[string][]string, name string) []string {
	values, ok := h[name]
	if ok {
		delete(h, name)
	}
	var other []string
	for k := range h {
		if len(k) == len(name) && strings.EqualFold(k, name) {
			other = append(other, k)
		}
	}
	slices.Sort(other)
	for _, k := range other {
		values = slices.Concat(values, h[k])
		delete(h, k)
	}
	return values
}

// vary adds Cookie, unless the field covers it already.
func vary(values []string) []string {
	all := make([]string, 0, 8) // more go to the heap
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			item = strings.TrimSpace(item)
			if item == "*" || strings.EqualFold(item, "Cookie") {
				return slices.Clone(values)
			}
			if item != "" {
				all = append(all, item)
			}
		}
	}
	return []string{strings.Join(append(all, "Cookie"), ", ")}
}

// makePrivate returns a Cache-Control (RFC 9111 section 5.2.2) that keeps shared
// caches away and keeps everything else the handler said, or none if it said nothing.
// For a user's page none includes no-store, because browsers restore a private page
// from their history after a logout.
func makePrivate(values []string, none string) string {
	keep := make([]string, 0, 8) // more go to the heap
	found := false
	for _, v := range values {
		for more := true; more; {
			var d string
			d, v, more = cutDirective(v)
			name, _, _ := strings.Cut(d, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "":
				continue
			case "public", "s-maxage", "private": // private with field names would cover these alone
			default:
				keep = append(keep, d)
			}
			found = true
		}
	}
	if !found {
		return none
	}
	return strings.Join(append(keep, "private"), ", ")
}

// cutDirective cuts v at its first comma outside quotes, because no-cache="Set-Cookie,
// Set-Cookie2" is one directive. If there is no such comma, more is false.
func cutDirective(v string) (directive, rest string, more bool) {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch {
		case quoted && v[i] == '\\':
			i++
		case v[i] == '"':
			quoted = !quoted
		case v[i] == ',' && !quoted:
			return strings.TrimSpace(v[:i]), v[i+1:], true
		}
	}
	return strings.TrimSpace(v), "", false
}

// sharedOnly reports whether a field tells caches to keep the response longer than
// Cache-Control says, or is read by shared caches only. The targeted fields of RFC
// 9213, and their forms by Cloudflare, Vercel, Netlify and others, all end in
// CDN-Cache-Control; Akamai, Fastly and nginx have their own names.
func sharedOnly(name string) bool {
	const suffix = "Cdn-Cache-Control"
	if n := len(name) - len(suffix); n >= 0 && strings.EqualFold(name[n:], suffix) {
		return true
	}
	for _, other := range [...]string{"Expires", "Edge-Control", "X-Accel-Expires", "Surrogate-Control", "Akamai-Cache-Control", "Fastly-Cache-Control"} {
		if len(name) == len(other) && strings.EqualFold(name, other) {
			return true
		}
	}
	return false
}
