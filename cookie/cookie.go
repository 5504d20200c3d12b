package cookie

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxAge is the longest life that browsers grant a cookie (RFC 6265bis section
// 5.5): 400 days. [Cookie.Set] cuts longer ones.
const MaxAge = 400 * 24 * time.Hour

// Cookie is one cookie of one application: it finds its values in requests and
// writes its Set-Cookie lines. Setting and deleting share one builder, because a
// deletion works only under the same name, domain, path and partition.
//
// A Cookie does not change after [New] and is safe for concurrent use. The zero
// Cookie and nil find nothing and refuse to set.
type Cookie struct {
	config     Config // with defaults
	prefix     string // name and "="
	attributes string // what follows the value and the times, with a leading "; "
	path       string // "; Path=/" and "; Domain=…", which precede the times
	deletion   string
	maxValue   int
}

// New makes a Cookie, or says all that is wrong with the configuration: every
// *ConfigError, joined.
func New(c Config) (*Cookie, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	return newCookie(c), nil
}

// expiresLayout is the IMF-fixdate of RFC 9110 section 5.6.7; the time must be
// in UTC.
const expiresLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// The longest times that Set writes.
const longestTimes = "; Expires=" + expiresLayout + "; Max-Age=34560000"

// newCookie needs a configuration with defaults that has been checked.
func newCookie(c Config) *Cookie {
	k := &Cookie{config: c, prefix: c.Name + "="}
	k.path = "; Path=" + c.Path
	if c.Domain != "" {
		k.path += "; Domain=" + c.Domain
	}
	k.attributes = "; HttpOnly"
	if !c.DangerouslyAllowHTTP {
		k.attributes += "; Secure"
	}
	k.attributes += "; SameSite=" + [...]string{SameSiteLax: "Lax", SameSiteStrict: "Strict", SameSiteNone: "None"}[c.SameSite]
	if c.Partitioned {
		k.attributes += "; Partitioned"
	}
	k.deletion = k.prefix + k.path + "; Expires=" + time.Unix(0, 0).UTC().Format(expiresLayout) + "; Max-Age=0" + k.attributes
	k.maxValue = min(MaxPair-len(c.Name), c.MaxLine-len(k.prefix)-len(k.path)-len(longestTimes)-len(k.attributes))
	return k
}

// Name is the name of the cookie, defaults filled in.
func (k *Cookie) Name() string {
	if k == nil {
		return ""
	}
	return k.config.Name
}

// MaxValue is the length in characters of the longest value that [Cookie.Set]
// accepts, whatever its other arguments: name and value within [MaxPair], and
// the whole line within Config.MaxLine.
func (k *Cookie) MaxValue() int {
	if k == nil {
		return 0
	}
	return k.maxValue
}

// Companion is a second cookie with the same attributes, named after this one
// with a suffix, such as "-ended". Errors are those of [New].
func (k *Cookie) Companion(suffix string) (*Cookie, error) {
	if k == nil || k.prefix == "" {
		return nil, errZero
	}
	c := k.config
	c.Name += suffix
	return New(c)
}

var (
	errZero  = errors.New("cookie: the zero Cookie; use New")
	errValue = errors.New("cookie: the value is empty or not of cookie-octets (RFC 6265 section 4.1.1)")
	errTime  = errors.New("cookie: negative life, or an expiry outside the years 1970 to 9999")
)

// Set writes the Set-Cookie line (without the field name) that gives the cookie
// a value.
//
// A maxAge of zero makes a browser session: neither Max-Age nor Expires. Else
// both are written, in whole seconds rounded down, at least one and at most
// [MaxAge] from now.
//
// Errors: *SizeError; a value that is empty or has other characters than
// cookie-octets; a negative maxAge; a time that the attribute cannot express,
// the zero time among them.
func (k *Cookie) Set(value string, now time.Time, maxAge time.Duration) (string, error) {
	if k == nil || k.prefix == "" {
		return "", errZero
	}
	if len(value) > k.maxValue {
		return "", &SizeError{Size: len(value), Limit: k.maxValue}
	}
	if !validValue(value) {
		return "", errValue
	}
	if maxAge < 0 {
		return "", errTime
	}
	var b strings.Builder
	b.Grow(len(k.prefix) + len(value) + len(k.path) + len(longestTimes) + len(k.attributes))
	b.WriteString(k.prefix)
	b.WriteString(value)
	b.WriteString(k.path)
	if maxAge > 0 {
		seconds := max(1, int64(min(maxAge, MaxAge)/time.Second))
		expires := now.UTC().Add(time.Duration(seconds) * time.Second)
		if y := expires.Year(); y < 1970 || y > 9999 {
			return "", errTime
		}
		var scratch [len(expiresLayout)]byte
		b.WriteString("; Expires=")
		b.Write(expires.AppendFormat(scratch[:0], expiresLayout))
		b.WriteString("; Max-Age=")
		b.Write(strconv.AppendInt(scratch[:0], seconds, 10))
	}
	b.WriteString(k.attributes)
	return b.String(), nil
}

// Delete writes the Set-Cookie line that removes the cookie: empty value, 1970,
// Max-Age=0, and the attributes of Set. Empty for the zero Cookie.
func (k *Cookie) Delete() string {
	if k == nil {
		return ""
	}
	return k.deletion
}
