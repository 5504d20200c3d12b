package jose

import (
	"bytes"
	"encoding/json"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

const (
	// maxHeader is far more than the members below need, even with a key's
	// thumbprint as the kid. It limits what encoding/json has to read.
	maxHeader = 1024

	// maxUnix is the last second of the year 9999, the last that RFC 3339 and
	// encoding/json can write.
	maxUnix = 253402300799

	// maxForeign is the length of another system's longest token: what ssestore joins
	// from the parts that it came in.
	maxForeign = 16384
)

// form is what a content encryption demands of a token (RFC 7518 sections 5.2.5
// and 5.3). Lengths are in bytes.
type form struct {
	enc          jose.ContentEncryption
	key, iv, tag int
	block        int // the ciphertext's length is a positive multiple of it; 0: any length
}

// forms returns the content encryptions that WithKeys can open.
func forms() [2]form {
	return [2]form{
		{enc: jose.A256GCM, key: 32, iv: 12, tag: 16},
		{enc: jose.A256CBC_HS512, key: 64, iv: 16, tag: 32, block: 16},
	}
}

// times holds claims about time. Zero means absent.
type times struct{ iat, nbf, exp int64 }

// precheck takes another system's token apart and reports whether go-jose may see
// it. The allowed forms are those we have keys for. The token isn't authenticated
// yet.
func precheck(token string, allowed []form) (f form, header times, ok bool) {
	// Check the length first: a million dots must not become a million segments
	// (CVE-2024-28180, CVE-2025-27144).
	if len(token) > maxForeign || strings.Count(token, ".") != 4 {
		return f, header, false
	}
	parts := strings.Split(token, ".")
	if parts[1] != "" { // dir has no encrypted key: RFC 7518 section 4.5
		return f, header, false
	}
	raw, ok1 := base64url.PlainDecode(parts[0])
	iv, ok2 := base64url.PlainDecode(parts[2])
	ciphertext, ok3 := base64url.PlainDecode(parts[3])
	tag, ok4 := base64url.PlainDecode(parts[4])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(raw) > maxHeader {
		return f, header, false
	}
	enc, header, ok := readHeader(raw)
	if !ok {
		return f, header, false
	}
	for _, f := range allowed {
		if string(f.enc) != enc {
			continue
		}
		whole := f.block == 0 || len(ciphertext) > 0 && len(ciphertext)%f.block == 0
		return f, header, len(iv) == f.iv && len(tag) == f.tag && whole
	}
	return f, header, false
}

// readHeader reads a protected header and reports whether it has only known
// members, each of them once and with an allowed value.
//
// It refuses unknown members, and with them everything RFC 8725 warns about: crit,
// zip, jku, jwk, x5u, x5c, epk, p2c, apu, b64, and "Alg" for "alg". It allows iat,
// uat, exp and nbf, because RFC 7519 section 5.3 lets an issuer repeat claims in the
// header. nextjs-auth0 (up to version 3) and express-openid-connect have them only
// there.
func readHeader(raw []byte) (enc string, t times, ok bool) {
	alg := ""
	ok = members(raw, func(name string, value json.RawMessage) bool {
		switch name {
		case "alg":
			return text(value, &alg)
		case "enc":
			return text(value, &enc)
		case "kid", "typ", "cty":
			var ignored string
			return text(value, &ignored)
		case "iat":
			return date(value, &t.iat)
		case "nbf":
			return date(value, &t.nbf)
		case "exp":
			return date(value, &t.exp)
		case "uat": // "updated at", Auth0's own
			var ignored int64
			return date(value, &ignored)
		}
		return false
	})
	return enc, t, ok && alg == string(jose.DIRECT)
}

// members calls see for each member of a JSON object, in order. It reports whether
// raw is a single object with nothing around it, no name comes twice, and see
// returned true for every member. On its own, encoding/json would use the last of
// two equal names, and would match "ALG" to "alg" in a struct: a parser differential
// (RFC 7515 section 4).
func members(raw []byte, see func(name string, value json.RawMessage) bool) bool {
	if !json.Valid(raw) { // also refuses anything after the first value
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok || seen[name] {
			return false
		}
		seen[name] = true
		var value json.RawMessage
		if dec.Decode(&value) != nil || !see(name, value) {
			return false
		}
	}
	return true
}

// text reads a JSON string that isn't empty.
func text(value json.RawMessage, to *string) bool {
	return json.Unmarshal(value, to) == nil && *to != "" // null leaves it empty
}

// date reads a NumericDate (RFC 7519 section 2), down to the second. It drops a
// fraction, which is legal. It refuses exponents, negative numbers and dates after
// the year 9999, which aren't worth supporting.
func date(value json.RawMessage, to *int64) bool {
	digits, fraction, _ := strings.Cut(string(value), ".")
	if len(digits) > len("253402300799") || len(fraction) > 9 {
		return false
	}
	unix := int64(0)
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return false
		}
		unix = unix*10 + int64(c-'0')
	}
	for _, c := range []byte(fraction) {
		if c < '0' || c > '9' {
			return false
		}
	}
	*to = unix
	return 0 < unix && unix <= maxUnix
}
