package cookie

import (
	"strings"

	"github.com/hardtack-go/hardtack/internal/config"
)

// SameSite is the SameSite attribute. It is always written, because browsers
// disagree about what its absence means.
type SameSite uint8

const (
	// SameSiteLax, the zero value, sends the cookie with top-level navigations
	// from other sites, but not with their subrequests or forms.
	SameSiteLax SameSite = iota
	// SameSiteStrict never sends the cookie with a request that another site
	// starts, not even when the user follows a link.
	SameSiteStrict
	// SameSiteNone sends the cookie with every request, if the browser allows cookies
	// of other sites; many keep it only if it is Partitioned as well. It needs Secure,
	// and a plan against CSRF, such as the one of package middleware.
	SameSiteNone
)

const (
	// DefaultName is the name used if Config.Name is empty. It has the strictest
	// prefix: browsers accept such a cookie only with Secure, Path=/ and no
	// Domain, so no other host and no sibling domain can set it (RFC 6265bis
	// section 4.1.3.2).
	DefaultName = "__Host-session"

	// DefaultHTTPName takes the place of DefaultName with DangerouslyAllowHTTP,
	// which rules out a prefix.
	DefaultHTTPName = "session"

	// DefaultMaxLine leaves room for other headers beside the Set-Cookie line
	// within the 4,096 bytes that nginx accepts from an upstream by default.
	// Beyond those it answers 502 or 500.
	DefaultMaxLine = 3800

	// MaxPair is the most that browsers accept for name and value together (RFC
	// 6265bis section 5.6). They silently drop a longer cookie.
	MaxPair = 4096

	// maxAttribute is the longest attribute value that browsers look at (same
	// section). They ignore a longer one, which would widen the cookie's scope.
	maxAttribute = 1024

	// maxLine is what common servers and proxies accept in one header field.
	maxLine = 8190

	// minValue is the smallest sensible room for a value. A configuration that
	// leaves less is a mistake: even a session without data is longer.
	minValue = 128
)

// Config describes a cookie. The zero value is the recommended configuration:
// __Host-, Secure, HttpOnly, SameSite=Lax, Path=/. HttpOnly can't be turned off.
type Config struct {
	// Name is the cookie's name, an RFC 9110 token. If it is empty, DefaultName
	// is used, or DefaultHTTPName with DangerouslyAllowHTTP. The prefixes
	// __Host-, __Secure-, __Http- and __Host-Http- must be spelled exactly like
	// this, and their rules apply.
	Name string

	// Domain shares the cookie with every host below it. It must be lower case,
	// with at least two labels and no leading dot, and not an IP address. If it
	// is empty, which is safer, only the host that set the cookie gets it. It
	// can't be combined with a __Host- prefix, and so not with the default name.
	Domain string

	// Path must start with "/". Empty means "/". A path isn't a security
	// boundary.
	Path string

	// SameSite says which requests from other sites carry the cookie. The zero
	// value is SameSiteLax.
	SameSite SameSite

	// Partitioned keys the cookie to the top-level site (CHIPS), for embedding
	// with SameSiteNone. It needs Secure.
	Partitioned bool

	// DangerouslyAllowHTTP drops Secure, so anyone on the network path can read
	// the session and set another one. It is meant for development without TLS
	// on a host other than localhost.
	DangerouslyAllowHTTP bool

	// MaxLine limits the length of the whole Set-Cookie line in bytes, without
	// the field name. Zero means DefaultMaxLine. It is at most 8,190.
	MaxLine int

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "cookie"), Field and Rule. It doesn't repeat the value. [New]
// returns all of them, joined.
//
// Packages ssestore, ticket, auth and middleware use the same type, so one [errors.As]
// target finds the faults of all of them.
type ConfigError = config.Error

const ruleName = "must be 1 to 256 letters, digits or any of !#$%&'*+-.^_`|~"

// maxName leaves room for a value. No standard limits the name on its own.
const maxName = 256

// withDefaults replaces zero values by what they stand for.
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

// check returns every rule that c breaks. The defaults must be filled in.
func (c Config) check() error {
	faults := config.Faults{Package: "cookie"}
	if !validName(c.Name) {
		faults.Add("Name", ruleName)
	}
	c.checkPrefix(&faults)
	switch {
	case c.Domain == "":
	case !validDomain(c.Domain): // at most 253, well under maxAttribute
		faults.Add("Domain", "must be a lower-case host name with at least two labels and no leading dot, and not an IP address")
	}
	if len(c.Path) > maxAttribute || !validPath(c.Path) {
		faults.Add("Path", "must start with / and be at most 1024 printable ASCII characters, without space, comma, semicolon, quote or backslash")
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
		faults.Add("MaxLine", "leaves fewer than 128 characters for the value")
	}
	return faults.Err()
}

// prefixes lists the name prefixes and their rules: those of RFC 6265bis section
// 4.1.3 and, for the two with Http, of its successor draft. All of them need
// Secure. Http needs HttpOnly, which is always there. Where two match, the longer
// one comes first.
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
		// Browsers compare prefixes case-insensitively; older ones didn't. Some
		// would protect __host-x and others wouldn't.
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

// validName reports whether s is an RFC 9110 token, as RFC 6265 section 4.1.1
// demands of a cookie name.
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

// validValue reports whether s is one or more cookie-octets.
func validValue(s string) bool {
	if s == "" {
		return false
	}
	good := uint8(1)
	for ; len(s) >= 8; s = s[8:] {
		good &= octets[s[0]] & octets[s[1]] & octets[s[2]] & octets[s[3]] &
			octets[s[4]] & octets[s[5]] & octets[s[6]] & octets[s[7]]
	}
	for i := range len(s) {
		good &= octets[s[i]]
	}
	return good == 1
}

// octets holds the cookie-octets of RFC 6265 section 4.1.1: printable ASCII without
// space, quote, comma, semicolon and backslash. CR and LF are not among them, so a
// value can't start a header of its own. It is a table because every character of
// every cookie we set is looked up here, and without a branch for each.
var octets = [256]uint8{
	'!': 1, '#': 1, '$': 1, '%': 1, '&': 1, '\'': 1, '(': 1, ')': 1, '*': 1, '+': 1, '-': 1, '.': 1, '/': 1,
	'0': 1, '1': 1, '2': 1, '3': 1, '4': 1, '5': 1, '6': 1, '7': 1, '8': 1, '9': 1, ':': 1, '<': 1, '=': 1,
	'>': 1, '?': 1, '@': 1, 'A': 1, 'B': 1, 'C': 1, 'D': 1, 'E': 1, 'F': 1, 'G': 1, 'H': 1, 'I': 1, 'J': 1,
	'K': 1, 'L': 1, 'M': 1, 'N': 1, 'O': 1, 'P': 1, 'Q': 1, 'R': 1, 'S': 1, 'T': 1, 'U': 1, 'V': 1, 'W': 1,
	'X': 1, 'Y': 1, 'Z': 1, '[': 1, ']': 1, '^': 1, '_': 1, '`': 1, 'a': 1, 'b': 1, 'c': 1, 'd': 1, 'e': 1,
	'f': 1, 'g': 1, 'h': 1, 'i': 1, 'j': 1, 'k': 1, 'l': 1, 'm': 1, 'n': 1, 'o': 1, 'p': 1, 'q': 1, 'r': 1,
	's': 1, 't': 1, 'u': 1, 'v': 1, 'w': 1, 'x': 1, 'y': 1, 'z': 1, '{': 1, '|': 1, '}': 1, '~': 1,
}

// validDomain reports whether s is an RFC 1123 host name in lower case. An IPv4
// address is told apart by its last label: it is a number, and that of a host name
// never is (RFC 3696 section 2).
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

// validPath reports whether s may be a Path: what RFC 6265 section 4.1.1 allows,
// except four characters. Some glue code between server and function splits
// headers at a space or a comma. Browsers never request a path with a quote or a
// backslash (they send %22 and /), and net/http would drop the whole attribute,
// which leaves the cookie under another path.
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
