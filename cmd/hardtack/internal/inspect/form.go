package inspect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
)

// missing says why there is no value under the name.
func missing(lines []string, name string) string {
	if len(lines) == 0 {
		return "there is no cookie on the input"
	}
	var ours []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			other, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if _, ok := jwe.Kid(value); ok && len(other) <= 256 && !slices.Contains(ours, strconv.Quote(other)) {
				ours = append(ours, strconv.Quote(other))
			}
		}
	}
	for _, line := range lines {
		// What a comma hides isn't read on purpose, but somebody may look for it.
		if strings.Contains(strings.ReplaceAll(line, ", ", ","), ","+name+"=") {
			return "the name stands behind a comma, inside another cookie's value: only a semicolon separates cookies"
		}
	}
	if len(ours) > 0 {
		return "there is no such cookie, but " + strings.Join(ours, " and ") + " has our format: see --cookie"
	}
	return "there is no cookie of this name (names are case-sensitive)"
}

// foreign says what a value is that isn't in our format.
func foreign(v string) string {
	switch {
	case v == "":
		return "the value is empty: the cookie has been deleted"
	case len(v) > jwe.MaxToken:
		return fmt.Sprintf("the value has %d characters, and ours have at most 4,096", len(v))
	case strings.HasPrefix(v, `"`):
		return "the value is in double quotes, which belong to it: something that sets or copies the cookie adds them"
	case strings.ContainsAny(v, "\r\n\t "):
		return "there is a space or a line break in the value: it was wrapped when it was copied"
	case strings.HasPrefix(v, jwe.Prefix):
		return "the header begins like ours, but it is cut off, has more members, or has a kid that we don't write"
	case strings.Contains(v, "%"):
		return "the value is percent-encoded: something that sets or copies the cookie does that"
	case strings.HasPrefix(v, base64.RawURLEncoding.EncodeToString([]byte(jwe.Prefix))[:60]):
		return "the value is one of ours in base64 once more"
	}
	for _, other := range []struct{ prefix, what string }{
		{"v1.local.", "PASETO"}, {"v2.local.", "PASETO"}, {"v3.local.", "PASETO"}, {"v4.local.", "PASETO"},
		{"v1.public.", "PASETO"}, {"v2.public.", "PASETO"}, {"v3.public.", "PASETO"}, {"v4.public.", "PASETO"},
		{"Fe26.2*", "iron-session"}, {"gAAAAA", "Fernet"}, {"s:", "express-session"},
	} {
		if strings.HasPrefix(v, other.prefix) {
			return "this isn't ours: it looks like " + other.what
		}
	}
	if text := jose(v); text != "" {
		return text
	}
	if raw, _ := base64.URLEncoding.DecodeString(v); dated.Match(raw) {
		return "this isn't ours: it is a gorilla/securecookie. A store reads it with ssestore.Config.Legacy"
	}
	return "this isn't ours: the first 48 characters of our values are always the same, and these differ"
}

// jose tells a JWT and a JWE apart, and says how its header differs from ours.
func jose(v string) string {
	segments := strings.Split(v, ".")
	if len(segments) != 3 && len(segments) != 5 {
		return ""
	}
	raw, _ := base64.RawURLEncoding.DecodeString(segments[0])
	var header map[string]any
	json.Unmarshal(raw, &header)
	if header["alg"] == nil {
		return ""
	}
	alg := known(header["alg"])
	if len(segments) == 3 {
		return "this isn't ours: it is a signed JWT (JWS), alg " + alg
	}
	text := "this isn't ours: it is a JWE with another header: "
	switch enc := known(header["enc"]); {
	case alg != "dir" || enc != "A256GCM":
		return text + "alg " + alg + ", enc " + enc + ", where ours have dir and A256GCM"
	case header["kid"] == nil:
		return text + "it has no kid"
	case len(header) > 3:
		return text + "it has more members than alg, enc and kid"
	}
	return text + "ours have alg, enc and kid in this order, without spaces, and a kid of 7 base64url characters"
}

// known returns the name of an algorithm (RFC 7518, RFC 8037) and nothing else: a
// header can hold anything.
func known(v any) string {
	names := strings.Fields("none HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 " +
		"dir RSA1_5 RSA-OAEP RSA-OAEP-256 A128KW A192KW A256KW ECDH-ES ECDH-ES+A128KW ECDH-ES+A256KW A128GCMKW A256GCMKW " +
		"PBES2-HS256+A128KW PBES2-HS512+A256KW A128CBC-HS256 A192CBC-HS384 A256CBC-HS512 A128GCM A192GCM A256GCM")
	if s, ok := v.(string); ok && slices.Contains(names, s) {
		return s
	}
	return "unknown"
}

// dated is what a gorilla/securecookie holds in padded base64url: date|value|mac.
var dated = regexp.MustCompile(`(?s)^[0-9]{10}\|.*\|`)

// malformed says where the form of a value breaks whose header is ours. The place of
// the dots is fixed, but whoever looks at a value counts segments.
func malformed(v string) string {
	segments := strings.Split(v, ".")
	if len(segments) == 5 {
		if text := lengths(segments); text != "" {
			return text
		}
		at := len(segments[0]) + len(segments[1]) + 2
		for i, name := range []string{"IV", "ciphertext", "tag"} {
			if text := spelling(segments[i+2], at, name); text != "" {
				return text
			}
			at += len(segments[i+2]) + 1
		}
	}
	if text := strange(strings.ReplaceAll(v, ".", "A"), 0, ""); text != "" {
		return text
	}
	return fmt.Sprintf("there are %d dots, and ours have 4%s", len(segments)-1, cutOff(len(segments)))
}

func cutOff(segments int) string {
	if segments < 5 {
		return ": the value is cut off"
	}
	return ""
}

// lengths checks the segments that have one.
func lengths(segments []string) string {
	for _, s := range []struct {
		name string
		have string
		want int
	}{{"header", segments[0], jwe.HeaderLen}, {"encrypted key", segments[1], 0}, {"IV", segments[2], 16}, {"tag", segments[4], 22}} {
		if len(s.have) != s.want {
			return fmt.Sprintf("the %s has %d characters, and ours have %d", s.name, len(s.have), s.want)
		}
	}
	return ""
}

// spelling says what is wrong with the characters of a segment. at is how many come
// before it.
func spelling(s string, at int, name string) string {
	if text := strange(s, at, ", in the "+name+","); text != "" || base64url.Canonical(s) {
		return text
	}
	if len(s)%4 == 1 {
		return fmt.Sprintf("the %s has %d characters, which no bytes have in base64url: one is missing, or one too many", name, len(s))
	}
	return fmt.Sprintf("character %d, the last of the %s, has a bit set that must be zero: it was changed", at+len(s), name)
}

// strange finds the first character that base64url doesn't have.
func strange(s string, at int, where string) string {
	for i := 0; i < len(s); i++ {
		if what := misfit(s[i]); what != "" {
			return fmt.Sprintf("character %d%s is %s", at+i+1, where, what)
		}
	}
	return ""
}

// misfit names a character that base64url doesn't have.
func misfit(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if strings.IndexByte(alphabet, c) >= 0 {
		return ""
	}
	switch c {
	case '\n', '\r':
		return "a line break: the value was wrapped when it was copied"
	case ' ', '\t':
		return "a space"
	case '=':
		return "padding (=), which ours don't have"
	case '+', '/':
		return "from the alphabet of plain base64, and ours use base64url"
	case '%':
		return "a percent sign: the value is percent-encoded"
	case '"':
		return "a quote"
	}
	return "not in base64url"
}

// others lists the names of the cookies in a request, for a value whose own name isn't
// known.
func others(lines []string) (names []string) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if name, _, ok := strings.Cut(strings.Trim(pair, " \t"), "="); ok && len(names) < cookieheader.MaxCandidates {
				names = append(names, name)
			}
		}
	}
	return names
}
