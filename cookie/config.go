package cookie

import (
	"strings"

	"github.com/hardtack-go/hardtack/internal/config"
)

// SameSite is the SameSite attribute. It is always written: browsers differ in
// what they do without it.
type SameSite uint8

const (
	// SameSiteLax, the zero value: sent with top-level navigations from other
	// sites, not with their subrequests or forms.
	SameSiteLax SameSite = iota
	// SameSiteStrict: never sent with what other sites start, links included.
	SameSiteStrict
	// SameSiteNone: always sent. Needs Secure; think of CSRF.
	SameSiteNone
)

const (
	// DefaultName has the strictest prefix: browsers accept such a cookie only
	// with Secure, Path=/ and no Domain, so no other host and no sibling domain
	// can set it (RFC 6265bis section 4.1.3.2).
	DefaultName = "__Host-session"

	// DefaultHTTPName is the default with DangerouslyAllowHTTP, where a prefix
	// cannot be.
	DefaultHTTPName = "session"

	// DefaultMaxLine keeps the Set-Cookie line, with other headers beside it,
	// under the 4,096 bytes that a default nginx takes from an upstream; it
	// answers 502 or 500 beyond.
	DefaultMaxLine = 3800

	// MaxPair is what browsers keep of name and value together (RFC 6265bis
	// section 5.6): a longer cookie vanishes without a word.
	MaxPair = 4096

	// maxAttribute is the longest attribute value that browsers look at (same
	// section); a longer one is ignored, which would widen the cookie.
	maxAttribute = 1024

	// maxLine is what common servers and proxies take in one header field.
	maxLine = 8190

	// minValue is the room for a value below which a configuration is a mistake:
	// a sealed session is longer even without data.
	minValue = 128
)

// Config describes a cookie. The zero value is the recommended one: __Host-,
// Secure, HttpOnly, SameSite=Lax, Path=/. HttpOnly cannot be switched off.
type Config struct {
	// Name: an RFC 9110 token. Empty: DefaultName, or DefaultHTTPName with
	// DangerouslyAllowHTTP. The prefixes __Host-, __Secure-, __Http- and
	// __Host-Http- must be spelled so, and bring their rules with them.
	Name string

	// Domain shares the cookie with all hosts below it. Lower case, without a
	// leading dot, at least two labels, no IP address. Empty, and better: only
	// the host that set it. Not with a __Host- prefix, so not with the default
	// name.
	Domain string

	// Path: starts with "/". Empty: "/". It is no security boundary.
	Path string

	SameSite SameSite

	// Partitioned keys the cookie to the top-level site (CHIPS), for embedding
	// with SameSiteNone. Needs Secure.
	Partitioned bool

	// DangerouslyAllowHTTP drops Secure: anyone on the network path can read the
	// session and set another. For development without TLS on a host other than
	// localhost.
	DangerouslyAllowHTTP bool

	// MaxLine limits the whole Set-Cookie line in bytes, without the field name.
	// Zero: DefaultMaxLine. At most 8,190.
	MaxLine int

	_ struct{} // keyed literals only, so that fields may be added
}

// A ConfigError names a field of [Config] and the rule it broke: Package (here
// "cookie"), Field and Rule, all strings. It doesn't repeat the value. [New] joins
// all of them.
//
// The packages ssestore, auth and middleware have the same type, so one target of
// [errors.As] fits the faults of all four.
type ConfigError = config.Error

const ruleName = "must be 1 to 256 letters, digits or any of !#$%&'*+-.^_`|~"

// maxName leaves room for a value; no standard has a figure for the name alone.
const maxName = 256

// withDefaults fills in what the zero value stands for.
func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = DefaultName
		if c.DangerouslyAllowHTTP {
			c.Name = DefaultHTTPName
		}
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.MaxLine == 0 {
		c.MaxLine = DefaultMaxLine
	}
	return c
}

// check returns every rule that c, with its defaults, breaks.
func (c Config) check() error {
	faults := config.Faults{Package: "cookie"}
	if !validName(c.Name) {
		faults.Add("Name", ruleName)
	}
	c.checkPrefix(&faults)
	switch {
	case c.Domain == "":
	case !validDomain(c.Domain): // at most 253, well under maxAttribute
		faults.Add("Domain", "must be a host name in lower case with at least two labels, without a leading dot, and no IP address")
	}
	if len(c.Path) > maxAttribute || !validPath(c.Path) {
		faults.Add("Path", "must start with / and be at most 1024 printable ASCII characters without space, comma, semicolon, quote and backslash")
	}
	switch c.SameSite {
	case SameSiteLax, SameSiteStrict:
	case SameSiteNone:
		if c.DangerouslyAllowHTTP {
			faults.Add("SameSite", "None needs Secure, which DangerouslyAllowHTTP drops")
		}
	default:
		faults.Add("SameSite", "must be SameSiteLax, SameSiteStrict or SameSiteNone")
	}
	if c.Partitioned && c.DangerouslyAllowHTTP {
		faults.Add("Partitioned", "needs Secure, which DangerouslyAllowHTTP drops")
	}
	switch {
	case c.MaxLine < 0 || c.MaxLine > maxLine:
		faults.Add("MaxLine", "must be between 0 and 8190")
	case faults.Err() == nil && newCookie(c).maxValue < minValue:
		faults.Add("MaxLine", "leaves less than 128 characters for the value")
	}
	return faults.Err()
}

// prefixes with the rules of RFC 6265bis section 4.1.3 and, for the two with
// Http, of its successor draft. All of them need Secure; Http needs HttpOnly,
// which is always there. The longer one of two that match comes first.
var prefixes = [...]struct {
	name string
	host bool // Path=/ and no Domain
}{
	{"__Host-Http-", true},
	{"__Host-", true},
	{"__Http-", false},
	{"__Secure-", false},
}

func (c Config) checkPrefix(faults *config.Faults) {
	for _, p := range prefixes {
		if len(c.Name) < len(p.name) || !strings.EqualFold(c.Name[:len(p.name)], p.name) {
			continue
		}
		// Browsers compare without case, and older ones with it: __host-x would
		// be protected in some and not in others.
		if c.Name[:len(p.name)] != p.name {
			faults.Add("Name", "the prefix must be spelled "+p.name)
		}
		if c.DangerouslyAllowHTTP {
			faults.Add("Name", "the prefix "+p.name+" needs Secure, which DangerouslyAllowHTTP drops")
		}
		if p.host && c.Domain != "" {
			faults.Add("Domain", "must be empty with the name prefix "+p.name+" (use __Secure- to share a cookie)")
		}
		if p.host && c.Path != "/" {
			faults.Add("Path", "must be / with the name prefix "+p.name)
		}
		return
	}
}

// validName: an RFC 9110 token, which RFC 6265 section 4.1.1 asks for.
func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !alphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

// validValue: one or more cookie-octets.
func validValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if !octets[s[i]] {
			return false
		}
	}
	return s != ""
}

// octets are the cookie-octets of RFC 6265 section 4.1.1: printable ASCII without
// space, quote, comma, semicolon and backslash. CR and LF are not among them, so no
// value can start a header of its own. It is a table because every character of
// every cookie that is set passes here.
var octets = [256]bool{
	'!': true, '#': true, '$': true, '%': true, '&': true, '\'': true, '(': true, ')': true, '*': true, '+': true, '-': true, '.': true, '/': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true, ':': true, '<': true, '=': true,
	'>': true, '?': true, '@': true, 'A': true, 'B': true, 'C': true, 'D': true, 'E': true, 'F': true, 'G': true, 'H': true, 'I': true, 'J': true,
	'K': true, 'L': true, 'M': true, 'N': true, 'O': true, 'P': true, 'Q': true, 'R': true, 'S': true, 'T': true, 'U': true, 'V': true, 'W': true,
	'X': true, 'Y': true, 'Z': true, '[': true, ']': true, '^': true, '_': true, '`': true, 'a': true, 'b': true, 'c': true, 'd': true, 'e': true,
	'f': true, 'g': true, 'h': true, 'i': true, 'j': true, 'k': true, 'l': true, 'm': true, 'n': true, 'o': true, 'p': true, 'q': true, 'r': true,
	's': true, 't': true, 'u': true, 'v': true, 'w': true, 'x': true, 'y': true, 'z': true, '{': true, '|': true, '}': true, '~': true,
}

// validDomain: RFC 1123 host names in lower case. The last label of an IPv4
// address is a number and that of a host name never is (RFC 3696 section 2).
func validDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := 0; i < len(l); i++ {
			if c := l[i]; c != '-' && (!alphanumeric(c) || c < '0' || 'A' <= c && c <= 'Z') {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return last[0] < '0' || last[0] > '9'
}

// validPath: what RFC 6265 section 4.1.1 allows, less space and comma, which
// some glue between server and function splits headers at, and less quote and
// backslash. Browsers never ask for a path with these (they send %22 and /), and
// net/http drops the attribute, which leaves the cookie under another path.
func validPath(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ';' || c == ',' {
			return false
		} else if c == '"' || c == '\\' {
			return false
		}
	}
	return strings.HasPrefix(s, "/")
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
