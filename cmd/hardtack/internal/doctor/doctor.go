// Package doctor examines the headers of a login's answer: whether its session cookie
// is as safe as it can be, and whether anything between the application and the
// browser may spoil it. It never repeats the value of a cookie.
package doctor

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
)

// The levels of a Finding.
const (
	Good   = "ok"
	Advice = "advice" // could be better
	Fault  = "fault"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level string `json:"level"`
	Check string `json:"check"`
	Text  string `json:"text"`
}

// Healthy reports whether there is no fault.
func Healthy(all []Finding) bool {
	for _, f := range all {
		if f.Level == Fault {
			return false
		}
	}
	return true
}

const (
	// longHSTS is half a year: shorter ones are rarely renewed in time by rare visitors.
	longHSTS = 180 * 24 * time.Hour

	// leeway is how far a clock may be off before sessions look as if they were from
	// the future (docs/RUNBOOK.md).
	leeway = time.Minute

	// headerBuffer is how much nginx takes from an upstream by default
	// (proxy_buffer_size, one page of memory).
	headerBuffer = 4096
)

// Examine looks at the header of an answer. name is the session cookie's, or "" for the
// first one in our format.
func Examine(target *url.URL, h http.Header, name string, now time.Time) []Finding {
	e := &examination{secure: target.Scheme == "https", local: local(target.Hostname()), header: h, name: name}
	e.transport()
	if e.cookie() { // another answer may be anybody's
		e.caches()
	}
	e.clock(now)
	return e.all
}

type examination struct {
	secure, local bool
	header        http.Header
	name          string
	all           []Finding
}

func (e *examination) note(level, check, format string, args ...any) {
	e.all = append(e.all, Finding{level, check, fmt.Sprintf(format, args...)})
}

// either notes a fault, or that all is well.
func (e *examination) either(good bool, level, check, ok, bad string) {
	if good {
		e.note(Good, check, "%s", ok)
	} else {
		e.note(level, check, "%s", bad)
	}
}

// local reports whether browsers trust a host without TLS.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

func (e *examination) transport() {
	if !e.secure {
		e.either(e.local, Fault, "TLS", "plain http on this machine, which browsers trust",
			"plain http: browsers drop the cookie, and anyone on the way can read it")
		return
	}
	age := time.Duration(-1)
	for directive := range strings.SplitSeq(e.header.Get("Strict-Transport-Security"), ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if sec, err := strconv.ParseInt(strings.Trim(v, `"`), 10, 32); err == nil && strings.EqualFold(k, "max-age") {
			age = time.Duration(sec) * time.Second
		}
	}
	switch {
	case age <= 0:
		e.note(Advice, "HSTS", "there is no Strict-Transport-Security: the first request of a visit may go over plain http")
	case age < longHSTS:
		e.note(Advice, "HSTS", "max-age is %d days; make it 180 or more", int(age.Hours()/24))
	default:
		e.note(Good, "HSTS", "Strict-Transport-Security for %d days", int(age.Hours()/24))
	}
}

// line is one Set-Cookie line that sets the session.
type line struct {
	text       string
	name       string
	value      string
	attributes map[string]string // lower case
}

func parse(text string) line {
	parts := strings.Split(text, ";")
	l := line{text: text, attributes: map[string]string{}}
	l.name, l.value, _ = strings.Cut(strings.TrimSpace(parts[0]), "=")
	for _, part := range parts[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		l.attributes[strings.ToLower(k)] = v
	}
	return l
}

func (l line) has(name string) bool { _, ok := l.attributes[name]; return ok }

// session finds the lines that set the session cookie.
func (e *examination) session() (lines []line) {
	for _, text := range e.header.Values("Set-Cookie") {
		l := parse(text)
		if _, ours := jwe.Kid(l.value); e.name == "" && ours {
			e.name = l.name
		}
		if l.name == e.name && e.name != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// cookie reports whether the answer sets the session cookie.
func (e *examination) cookie() bool {
	lines := e.session()
	if len(lines) == 0 {
		e.note(Fault, "cookie", "no session cookie was set: give the form of a login that works with --post, or the name of the cookie with --cookie")
		return false
	}
	if len(lines) > 1 {
		e.note(Fault, "cookie", "%d Set-Cookie lines set it: which one counts depends on the browser", len(lines))
	}
	l := lines[0]
	if _, ours := jwe.Kid(l.value); ours {
		e.note(Good, "cookie", "%q has our format", l.name)
	} else {
		e.note(Advice, "cookie", "%q doesn't have our format", l.name)
	}
	e.prefix(l)
	e.attributes(l)
	e.size(l)
	return true
}

func (e *examination) prefix(l line) {
	host := strings.HasPrefix(l.name, "__Host-")
	switch {
	case host && (l.has("domain") || l.attributes["path"] != "/" || !l.has("secure")):
		e.note(Fault, "name", "__Host- needs Secure, Path=/ and no Domain: browsers refuse this cookie")
	case host:
		e.note(Good, "name", "__Host-: no other host can set it")
	case strings.HasPrefix(l.name, "__Secure-") && !l.has("secure"):
		e.note(Fault, "name", "__Secure- needs Secure: browsers refuse this cookie")
	case strings.HasPrefix(l.name, "__Secure-"):
		e.note(Advice, "name", "__Secure-: sibling domains can set it. Use __Host- unless they share it")
	default:
		e.note(Advice, "name", "no prefix: sibling domains, and anyone on plain http, can set it. Use %s", cookie.DefaultName)
	}
}

func (e *examination) attributes(l line) {
	e.either(l.has("secure"), Fault, "Secure", "sent over TLS alone", "missing: the cookie also goes over plain http")
	e.either(l.has("httponly"), Fault, "HttpOnly", "scripts can't read it", "missing: any script on the page can read the cookie")
	switch same := strings.ToLower(l.attributes["samesite"]); same {
	case "lax", "strict":
		e.note(Good, "SameSite", "%s", same)
	case "none":
		e.note(Advice, "SameSite", "none: every site's requests carry it. Only embedding needs that")
	default:
		e.note(Fault, "SameSite", "missing or unknown: browsers disagree about what that means")
	}
	if d := l.attributes["domain"]; d != "" {
		e.note(Advice, "Domain", "set: every host below it gets the cookie")
	}
	if path := l.attributes["path"]; path != "/" {
		e.note(Advice, "Path", "isn't /: a second cookie of this name can exist, and a path protects nothing")
	}
}

// joined finds a second cookie behind a comma. The comma of a date has no "=" after it.
var joined = regexp.MustCompile(`, ?[^ ;,=]+=`)

func (e *examination) size(l line) {
	pair := len(l.name) + len(l.value)
	if joined.MatchString(l.text) {
		e.note(Fault, "size", "two Set-Cookie lines were joined by a comma: something between the application and here merges headers")
	}
	switch {
	case pair > cookie.MaxPair:
		e.note(Fault, "size", "name and value have %d bytes: browsers drop cookies of more than %d", pair, cookie.MaxPair)
	case len(l.text) > cookie.DefaultMaxLine:
		e.note(Advice, "size", "the line has %d bytes, more than the %d that leave room in nginx's default buffer of %d", len(l.text), cookie.DefaultMaxLine, headerBuffer)
	default:
		e.note(Good, "size", "the line has %d bytes, and may have %d", len(l.text), cookie.DefaultMaxLine)
	}
}

func (e *examination) caches() {
	control := strings.ToLower(strings.Join(e.header.Values("Cache-Control"), ","))
	private := false
	for d := range strings.SplitSeq(control, ",") {
		d = strings.TrimSpace(d)
		private = private || d == "private" || d == "no-store"
	}
	switch {
	case !private:
		e.note(Fault, "Cache-Control", "neither private nor no-store: a cache may hand one user's session to another")
	case e.header.Get("Age") != "" || strings.Contains(strings.ToLower(e.header.Get("X-Cache")), "hit"):
		e.note(Fault, "Cache-Control", "the answer comes from a cache all the same (Age, X-Cache)")
	default:
		e.note(Good, "Cache-Control", "no shared cache keeps the answer")
	}
	vary := false
	for v := range strings.SplitSeq(strings.Join(e.header.Values("Vary"), ","), ",") {
		v = strings.TrimSpace(v)
		vary = vary || v == "*" || strings.EqualFold(v, "Cookie")
	}
	e.either(vary, Advice, "Vary", "caches tell sessions apart", "lacks Cookie: a cache may mix up the answers to different sessions")
}

func (e *examination) clock(now time.Time) {
	date, err := http.ParseTime(e.header.Get("Date"))
	if err != nil {
		return
	}
	if off := now.Sub(date); off.Abs() > leeway {
		e.note(Advice, "clock", "the server's clock and this one are %s apart", off.Abs().Truncate(time.Second))
		return
	}
	e.note(Good, "clock", "the server's clock agrees with this one")
}
