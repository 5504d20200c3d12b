package middleware

import (
	"net/http"
	"strings"
)

// A caller is the kind of client that sent a request. It decides which form of
// refusal the client understands.
type caller uint8

const (
	page    caller = iota // a person, who looks at the answer: a redirect, or text
	script                // a program: 401 and problem+json. It would follow a redirect and read the login page as data
	htmx                  // a person behind htmx: 401 and HX-Redirect, which it obeys at any status
	inertia               // a person behind Inertia: 409 and X-Inertia-Location, https://inertiajs.com/the-protocol
)

// callerOf decides by the first sign it finds.
//
// A client that follows a protocol is answered in it. No link or form sends any of
// these headers. X-Requested-With counts with one value only, because Android's
// WebView puts the name of the app there, even in navigations. Upgrade: h2c is an
// offer that Java's HttpClient makes in every request, and doesn't ask for anything.
//
// A client that names HTML in Accept, and ranks it above JSON, shows the answer to a
// person, whatever Sec-Fetch-Mode says: Turbo submits forms with fetch, and a service
// worker that rebuilds a navigation can't say "navigate". fetch itself sends */*. After
// that, Sec-Fetch-Mode is more reliable than Accept, because a script can't choose it.
func callerOf(r *http.Request) caller {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return script // no link or form sends another method, nor does a library that stands in for them
	}
	h := r.Header
	accept := acceptOf(h["Accept"])
	switch {
	case only(h["Hx-Request"], "true"):
		return htmx
	case only(h["X-Inertia"], "true"):
		return inertia
	case upgrades(h["Upgrade"]), accept.events.precision == 3 && accept.events.q > 0, only(h["X-Requested-With"], "XMLHttpRequest"):
		return script
	case accept.html.precision == 3 && prefers(accept.html, accept.json):
		return page
	case len(h["Sec-Fetch-Mode"]) > 0 && !only(h["Sec-Fetch-Mode"], "navigate"):
		return script
	case prefers(accept.json, accept.html):
		return script
	}
	return page
}

// upgrades reports whether a client asks to leave HTTP, usually for a WebSocket.
func upgrades(lines []string) bool {
	for _, line := range lines {
		for protocol := range strings.SplitSeq(line, ",") {
			if protocol = strings.Trim(protocol, " \t"); protocol != "" && !strings.EqualFold(protocol, "h2c") {
				return true
			}
		}
	}
	return false
}

// prefers reports whether a client ranks one kind of answer above another, or ranks
// them equal, names one and covers the other by a wildcard, as in
// "application/json, text/plain, */*".
func prefers(one, other preference) bool {
	return one.q > other.q || one.q == other.q && one.q > 0 && one.precision == 3 && other.precision < 3
}

// accepted is what a client said about the media types that make a difference.
type accepted struct{ json, html, events preference }

// acceptOf reads Accept by RFC 9110 section 12.5.1: the most specific range decides
// the quality of a type.
func acceptOf(lines []string) (a accepted) {
	for _, line := range lines {
		for line != "" {
			var item string
			item, line, _ = strings.Cut(line, ",")
			mediaRange, params, _ := strings.Cut(item, ";")
			q, ok := quality(params)
			if !ok {
				continue
			}
			switch name := strings.ToLower(strings.Trim(mediaRange, " \t")); {
			case name == "*/*":
				a.json.offer(1, q)
				a.html.offer(1, q)
			case name == "application/*":
				a.json.offer(2, q)
			case name == "text/*":
				a.html.offer(2, q)
			case name == "application/json", strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json"):
				a.json.offer(3, q)
			case name == "text/html", name == "application/xhtml+xml":
				a.html.offer(3, q)
			case name == "text/event-stream": // what EventSource asks for (WHATWG HTML, section 9.2)
				a.events.offer(3, q)
			}
		}
	}
	return a
}

// preference is what a client said about one media type.
type preference struct {
	precision int // 0 nothing, 1 */*, 2 type/*, 3 by name
	q         int // thousandths
}

func (p *preference) offer(precision, q int) {
	if precision > p.precision || precision == p.precision && q > p.q {
		p.precision, p.q = precision, q
	}
}

// quality returns the weight among the parameters of a media range, in
// thousandths. A malformed weight voids the range.
func quality(params string) (int, bool) {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if strings.EqualFold(name, "q") {
			return thousandths(value)
		}
	}
	return 1000, true
}

// thousandths parses a qvalue (RFC 9110 section 12.4.2): 0 or 1, with at most
// three decimals.
func thousandths(s string) (int, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	q := 0
	for _, c := range (decimals + "000")[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		q = q*10 + int(c-'0')
	}
	if whole == "1" {
		q += 1000
	}
	return q, q <= 1000
}
