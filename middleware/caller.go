package middleware

import (
	"net/http"
	"strings"
)

// caller says who asked, and with it the form of a refusal that they understand.
type caller uint8

const (
	page   caller = iota // a person, who looks at the answer: a redirect, or text
	script               // a program: 401 and problem+json. It would follow a redirect and read the login page as data
	htmx                 // htmx: 401 and HX-Redirect, which it obeys at any status
)

// callerOf decides by the first sign it finds: HX-Request, then
// Sec-Fetch-Mode, then Accept. Sec-Fetch-Mode comes before Accept because
// scripts may set Accept and browsers send */* for fetch; scripts cannot set
// Sec-Fetch-Mode.
func callerOf(r *http.Request) caller {
	if only(r.Header["Hx-Request"], "true") {
		return htmx
	}
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		if !only(mode, "navigate") {
			return script
		}
	}
	if prefersJSON(r.Header["Accept"]) {
		return script
	}
	return page
}

// prefersJSON reads Accept by RFC 9110 section 12.5.1: the most specific range
// decides the quality of a type. JSON must rank above HTML, or rank equal and be
// named while only a wildcard covers HTML, as in
// "application/json, text/plain, */*".
func prefersJSON(lines []string) bool {
	var json, html preference
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
				json.offer(1, q)
				html.offer(1, q)
			case name == "application/*":
				json.offer(2, q)
			case name == "text/*":
				html.offer(2, q)
			case name == "application/json", strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json"):
				json.offer(3, q)
			case name == "text/html", name == "application/xhtml+xml":
				html.offer(3, q)
			}
		}
	}
	return json.q > html.q || json.q == html.q && json.q > 0 && json.precision == 3 && html.precision < 3
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
