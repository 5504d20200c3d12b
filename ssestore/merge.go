package ssestore

import (
	"slices"
	"strings"
)

// Merge puts the outcome into the headers of a response; an http.Header is one.
// Names are found in any spelling, as serverless events have them, and written
// canonically. Slices of the Outcome and of h are never shared or appended to in
// place. A nil h stays nil: there is nowhere to put anything.
//
//   - Each line of SetCookie becomes a Set-Cookie field behind those of the handler.
//   - Vary: Cookie is added unless Cookie or * is there.
//   - If Private, Cache-Control gets private and loses public and s-maxage; where
//     the handler set none it becomes "private, no-store". Expires and the fields
//     that speak to shared caches alone are removed, among them CDN-Cache-Control
//     with its vendors' forms, Surrogate-Control and X-Accel-Expires.
func (o Outcome) Merge(h map[string][]string) {
	if h == nil {
		return
	}
	if len(o.SetCookie) > 0 {
		h["Set-Cookie"] = slices.Concat(take(h, "Set-Cookie"), o.SetCookie)
	}
	if o.Vary || len(o.SetCookie) > 0 {
		h["Vary"] = vary(take(h, "Vary"))
	}
	if !o.Private && len(o.SetCookie) == 0 {
		return
	}
	h["Cache-Control"] = []string{private(take(h, "Cache-Control"))}
	for name := range h {
		if sharedOnly(name) {
			delete(h, name)
		}
	}
}

// take removes a field from h and returns its values, however it is spelled. The
// canonical spelling comes first; others follow in the order of their names, so
// that the result does not depend on the map.
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
	var all []string
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

// private makes a Cache-Control (RFC 9111 section 5.2.2) that keeps shared
// caches away, and keeps what else the handler said. "no-store" is the default
// rather than "private" alone, because browsers restore a private page from
// their history after a logout.
func private(values []string) string {
	var keep []string
	found := false
	for _, v := range values {
		for _, d := range directives(v) {
			name, _, _ := strings.Cut(d, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "":
				continue
			case "public", "s-maxage":
				found = true
				continue
			case "private": // with field names it would cover these alone
				found = true
				continue
			}
			found = true
			keep = append(keep, d)
		}
	}
	if !found {
		return "private, no-store"
	}
	return strings.Join(append(keep, "private"), ", ")
}

// directives splits at commas outside quotes: no-cache="Set-Cookie, Set-Cookie2"
// is one directive.
func directives(v string) []string {
	var list []string
	quoted, start := false, 0
	for i := 0; i < len(v); i++ {
		switch {
		case quoted && v[i] == '\\':
			i++
		case v[i] == '"':
			quoted = !quoted
		case v[i] == ',' && !quoted:
			list = append(list, strings.TrimSpace(v[start:i]))
			start = i + 1
		}
	}
	return append(list, strings.TrimSpace(v[start:]))
}

// sharedOnly reports whether a field tells caches to keep the response longer
// than Cache-Control says, or speaks to shared caches alone: RFC 9213 targeted
// fields and their forms by Cloudflare, Vercel, Netlify and others all end in
// CDN-Cache-Control; Akamai, Fastly and nginx have names of their own.
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
