package cookie

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxAge is the longest life that browsers grant a cookie: 400 days (RFC 6265bis
// section 5.5). [Cookie.Set] shortens anything longer to it.
const MaxAge = 400 * 24 * time.Hour

// A Cookie is one cookie of one application. It finds the cookie's values in
// requests and writes its Set-Cookie lines. One builder sets and deletes, because
// a deletion works only with the same name, domain, path and partition.
//
// A Cookie doesn't change after [New] and is safe for concurrent use. The zero
// Cookie and nil find nothing and refuse to set anything.
type Cookie struct {
	config     Config // with defaults
	prefix     string // name and "="
	attributes string // what follows the value and the times, with a leading "; "
	path       string // "; Path=/" and "; Domain=…", which precede the times
	deletion   string
	maxValue   int
}

// New makes a Cookie. If the configuration is faulty, it returns every
// *ConfigError at once, joined.
func New(c Config) (*Cookie, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	return newCookie(c), nil
}

// expiresLayout is the IMF-fixdate of RFC 9110 section 5.6.7. The time must be
// in UTC.
const expiresLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// longestTimes is as long as the two attributes that Set writes for a time can get.
const longestTimes = "; Expires=" + expiresLayout + "; Max-Age=34560000"

// newCookie makes a Cookie of a configuration that has its defaults and has been
// checked.
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

// Name returns the name of the cookie, the default if none was configured.
func (k *Cookie) Name() string {
	if k == nil {
		return ""
	}
	return k.config.Name
}

// MaxValue returns the length in characters of the longest value that [Cookie.Set]
// accepts, whatever its other arguments. It keeps name and value within [MaxPair]
// and the whole line within Config.MaxLine.
func (k *Cookie) MaxValue() int {
	if k == nil {
		return 0
	}
	return k.maxValue
}

// Companion returns a second cookie with the same attributes. Its name is this
// cookie's name followed by a suffix, such as "-ended". Its errors are those of
// [New].
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
	errValue = errors.New("cookie: the value is empty, or has characters that aren't cookie-octets (RFC 6265 section 4.1.1)")
	errTime  = errors.New("cookie: negative maxAge, or an expiry outside the years 1970 to 9999")
)

// Set returns the Set-Cookie line, without the field name, that gives the cookie
// a value.
//
// A maxAge of zero makes a browser session, with neither Max-Age nor Expires.
// Otherwise Set writes both, in whole seconds rounded down, at least one second
// and at most [MaxAge] from now.
//
// It returns a *SizeError if the value is too long. It also refuses a value that
// is empty or has characters other than cookie-octets, a negative maxAge, and a
// time that the attribute can't express, such as the zero time.
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
		b.Write(appendDate(scratch[:0], expires))
		b.WriteString("; Max-Age=")
		b.Write(strconv.AppendInt(scratch[:0], seconds, 10))
	}
	b.WriteString(k.attributes)
	return b.String(), nil
}

// appendDate appends t, which is in UTC and in the years 1970 to 9999, in expiresLayout.
// time.Time.AppendFormat, its twin, takes ten times as long.
func appendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	two := func(n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
	dst = append(append(dst, t.Weekday().String()[:3]...), ", "...)
	dst = append(two(day), ' ')
	dst = append(append(dst, month.String()[:3]...), ' ')
	dst = two(year / 100)
	dst = append(two(year%100), ' ')
	dst = append(two(hour), ':')
	dst = append(two(minute), ':')
	return append(two(second), " GMT"...)
}

// Delete returns the Set-Cookie line that removes the cookie: an empty value, an
// expiry in 1970, Max-Age=0, and otherwise the attributes that Set writes. For the
// zero Cookie it returns the empty string.
func (k *Cookie) Delete() string {
	if k == nil {
		return ""
	}
	return k.deletion
}
