package keyring

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSetLen is the longest JWK Set we look at. Sixteen keys take about 2.5 KB on one
// line, and less than twice that if an editor indents them.
const maxSetLen = 64 << 10

// A ParseError says why a JWK Set was refused. It doesn't repeat any of the text,
// which may be secret, while the error may be shown to people who shouldn't see it.
type ParseError struct {
	Key    int    // index of the key in the set, from 0; -1 for the set itself
	Offset int    // byte offset that the loader had reached
	Rule   string // the rule that was broken, one of a fixed list of texts
}

// Error names the key, the rule and the place.
func (e *ParseError) Error() string {
	s := "keyring: JWK Set: "
	if e.Key >= 0 {
		s += "key " + strconv.Itoa(e.Key) + ": "
	}
	return s + e.Rule + " (byte " + strconv.Itoa(e.Offset) + ")"
}

// The rules of the loader. Each has a row in the tests.
const (
	ruleLong      = "too long"
	ruleSyntax    = "not the JSON that it should be"
	ruleBlank     = "empty: is the variable set?"
	ruleBlankFile = "the file is empty"
	ruleBare      = "a bare secret: use FromSecrets"
	ruleUnquoted  = "the double quotes in it are lost: put the value in single quotes where it is set"
	ruleQuoted    = "in quotes, which are part of the value: take them off where it is set"
	ruleEncoded   = "in base64: decode it first"
	ruleName      = "the name of a file: use OpenFile"
	ruleTrailing  = "something follows the set"
	ruleNoKeys    = "member keys is missing"
	ruleEmpty     = "the set has no keys"
	ruleFull      = "more than 16 keys"
	ruleTwice     = "a member appears twice"
	ruleUnknown   = "unknown member"
	ruleDerived   = "a derived key, exported for another service, is no root key"
	ruleType      = "a member has the wrong type"
	ruleKty       = "kty must be oct"
	ruleUse       = "use must be enc"
	ruleKid       = "kid must be 7 base64url characters"
	ruleK         = "k must be 32 bytes in base64url"
	ruleZero      = "k is all zero"
	ruleCreated   = "created must be a time in Unix milliseconds"
	ruleActive    = "active must be a time in Unix milliseconds"
	ruleDupKid    = "kid appears twice"
	ruleDupK      = "k appears twice"
)

// Parse reads a ring from a JWK Set (RFC 7517 §5) as [Keyring.JWKSet] writes it:
//
//	{"keys":[{"kty":"oct","kid":"…","k":"…","use":"enc","created":1700000000000}]}
//
// It takes a string, because that is what environment variables and bindings hold. The
// first active key is the primary. A key has these members:
//
//	kty      "oct"
//	kid      7 base64url characters
//	k        32 bytes in base64url without padding, not all zero
//	use      "enc"
//	created  Unix milliseconds, an integer from 1 to 253402300799999
//	active   optional, likewise: the key seals from then on
//
// Members can come in any order, with any white space. Everything else is refused:
//
//   - a missing, repeated or unknown member. (RFC 7517 would ignore an unknown one, but
//     this is a private file, and a misspelt "active" must not make a key primary at
//     once.)
//   - an exported key, which has alg or purpose
//   - no key at all, or more than 16
//   - two keys with the same kid or the same k
//   - escapes in strings, a byte order mark, anything after the set
//   - more than 64 KiB
//
// Errors are of type [*ParseError], joined if several keys are faulty, and never repeat
// the input. If the value isn't JSON at all, the error names the accident that probably
// happened: a variable that isn't set, a bare secret, quotes that a shell removed or
// left, base64, or the name of a file.
//
// Parse doesn't use encoding/json, which accepts "KID" for "kid", lets a second member
// overwrite the first, and costs a WebAssembly worker a quarter of a megabyte.
func Parse(jwkSet string) (*Keyring, error) {
	p := parser{in: jwkSet, key: -1}
	if len(jwkSet) > maxSetLen {
		return nil, p.fail(ruleLong)
	}
	if rule := mishap(jwkSet); rule != "" {
		return nil, p.fail(rule)
	}
	if err := p.set(); err != nil {
		return nil, errors.Join(append(p.errs, err)...)
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return build(p.keys, 0), nil
}

// base64Set is what a JWK Set in base64 begins with: {"keys with nothing before it.
const base64Set = "eyJrZXlz"

// mishap says why a value isn't a JWK Set if that is obvious, or returns "". None of
// the values it explains could be a set, which begins with {".
func mishap(in string) string {
	const space = " \t\r\n"
	text := strings.Trim(in, space)
	if text == "" {
		return ruleBlank
	}
	last := text[len(text)-1]
	switch text[0] {
	case '{':
		// {keys:[{kty:oct,… and, by printers of other languages, {'keys': …
		if name := strings.TrimLeft(text[1:], space); name != "" && (name[0] == '\'' || 'a' <= name[0] && name[0] <= 'z') {
			return ruleUnquoted
		}
	case '"', '\'', '`':
		if len(text) > 1 && last == text[0] {
			return ruleQuoted
		}
	default:
		switch {
		case strings.HasPrefix(text, base64Set):
			return ruleEncoded
		case strings.HasSuffix(text, ".json"):
			return ruleName
		case len(text) >= 8 && text[0] < utf8.RuneSelf && !strings.ContainsAny(text, space+`{}[]"`): // null is shorter
			return ruleBare
		}
	}
	return ""
}

// parser walks over the text once. A malformed set ends the walk. Faults of a
// well-formed key are collected in errs.
type parser struct {
	in   string
	pos  int
	key  int // index of the key at hand, for errors
	keys []Key
	errs []error
}

func (p *parser) fail(rule string) error { return &ParseError{p.key, p.pos, rule} }
func (p *parser) note(rule string)       { p.errs = append(p.errs, p.fail(rule)) }

// next skips white space (RFC 8259 §2) and returns the next byte without consuming
// it, or 0 at the end.
func (p *parser) next() byte {
	for p.pos < len(p.in) {
		switch c := p.in[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and consumes the byte c, or reports that it isn't there.
func (p *parser) take(c byte) bool {
	if p.next() != c || p.pos == len(p.in) {
		return false
	}
	p.pos++
	return true
}

// text reads a string of plain ASCII without escapes. No member of a key needs an
// escape, so an escape could only hide something.
func (p *parser) text() (string, error) {
	if !p.take('"') {
		return "", p.fail(ruleType)
	}
	for start := p.pos; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c == '"':
			p.pos++
			return p.in[start : p.pos-1], nil
		case c == '\\' || c < ' ' || c > '~':
			return "", p.fail(ruleSyntax)
		}
	}
	return "", p.fail(ruleSyntax)
}

// members reads an object and calls member for each name, which reads the value.
func (p *parser) members(member func(name string) error) error {
	if !p.take('{') {
		return p.fail(ruleSyntax)
	}
	if p.take('}') {
		return nil
	}
	for {
		if p.next() != '"' {
			return p.fail(ruleSyntax)
		}
		name, err := p.text()
		if err != nil {
			return err
		}
		if !p.take(':') {
			return p.fail(ruleSyntax)
		}
		if err := member(name); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if !p.take(',') {
			return p.fail(ruleSyntax)
		}
	}
}

func (p *parser) set() error {
	found := false
	err := p.members(func(name string) error {
		switch {
		case name != "keys":
			return p.fail(ruleUnknown)
		case found:
			return p.fail(ruleTwice)
		}
		found = true
		return p.list()
	})
	if err != nil {
		return err
	}
	p.key = -1
	if p.next() != 0 || p.pos < len(p.in) {
		return p.fail(ruleTrailing)
	}
	if !found {
		return p.fail(ruleNoKeys)
	}
	return nil
}

func (p *parser) list() error {
	if !p.take('[') {
		return p.fail(ruleType)
	}
	if p.take(']') {
		return p.fail(ruleEmpty)
	}
	for p.key = 0; ; p.key++ {
		if p.key == maxKeys {
			p.key = -1
			return p.fail(ruleFull)
		}
		if p.next() != '{' {
			return p.fail(ruleType)
		}
		if err := p.jwk(); err != nil {
			return err
		}
		if p.take(']') {
			p.key = -1
			return nil
		}
		if !p.take(',') {
			return p.fail(ruleSyntax)
		}
	}
}

// jwk reads one key.
func (p *parser) jwk() error {
	var seen []string
	var kty, kid, k, use string
	var created, active int64
	err := p.members(func(name string) (err error) {
		if slices.Contains(seen, name) {
			return p.fail(ruleTwice)
		}
		seen = append(seen, name)
		switch name {
		case "kty":
			kty, err = p.text()
		case "kid":
			kid, err = p.text()
		case "k":
			k, err = p.text()
		case "use":
			use, err = p.text()
		case "created":
			created, err = p.millis(ruleCreated)
		case "active":
			active, err = p.millis(ruleActive)
		case "alg", "purpose": // ExportJWK writes them, and no root key has them
			err = p.fail(ruleDerived)
		default:
			err = p.fail(ruleUnknown)
		}
		return err
	})
	if err != nil {
		return err
	}
	p.checkKey(kty, kid, k, use, created, active)
	return nil
}

// checkKey records every rule that a well-formed key breaks.
func (p *parser) checkKey(kty, kid, k, use string, created, active int64) {
	before := len(p.errs)
	if kty != "oct" {
		p.note(ruleKty)
	}
	if use != "enc" {
		p.note(ruleUse)
	}
	if created == 0 {
		p.note(ruleCreated)
	}
	if raw, err := encoding.DecodeString(kid); err != nil || len(raw) != idBytes {
		p.note(ruleKid)
	}
	raw, err := encoding.DecodeString(k)
	switch {
	case err != nil || len(raw) != rootSize:
		p.note(ruleK)
	case [rootSize]byte(raw) == [rootSize]byte{}:
		p.note(ruleZero)
	}
	if len(p.errs) > before {
		return
	}
	key := makeKey(kid, [rootSize]byte(raw), created, active)
	for _, o := range p.keys {
		if o.p.id == kid {
			p.note(ruleDupKid)
		}
		if o.sameSecret(key) {
			p.note(ruleDupK)
		}
	}
	p.keys = append(p.keys, key)
}

// millis reads a time: digits and nothing else.
func (p *parser) millis(rule string) (int64, error) {
	c := p.next()
	if c == '"' || c == '{' || c == '[' || c == 't' || c == 'f' || c == 'n' {
		return 0, p.fail(ruleType)
	}
	var n int64
	start := p.pos
	for p.pos < len(p.in) && '0' <= p.in[p.pos] && p.in[p.pos] <= '9' && n <= maxMillis {
		n = n*10 + int64(p.in[p.pos]-'0')
		p.pos++
	}
	// A leading zero covers 0 itself; no digit at all leaves n at 0 as well.
	if n == 0 || n > maxMillis || p.in[start] == '0' {
		return 0, p.fail(rule)
	}
	return n, nil
}

// JWKSet returns the ring as a JWK Set on one line. It contains every secret in the
// ring, so write it to a key file or a secret store and nowhere else. [Parse] reads
// it back in the same order, and so does any JOSE library. For a ring without keys it
// is nil.
func (r *Keyring) JWKSet() []byte {
	if r.empty() {
		return nil
	}
	b := []byte(`{"keys":[`)
	for i, k := range r.set.keys {
		if i > 0 {
			b = append(b, ',')
		}
		root := k.p.root()
		b = append(b, `{"kty":"oct","kid":"`+k.p.id+`","k":"`...)
		b = encoding.AppendEncode(b, root[:])
		b = append(b, `","use":"enc","created":`...)
		b = strconv.AppendInt(b, k.p.created, 10)
		if k.p.active != 0 {
			b = append(b, `,"active":`...)
			b = strconv.AppendInt(b, k.p.active, 10)
		}
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// ExportJWK returns the subkey of a label as a JWK, for a service in another language
// that reads this one's cookies. A reader needs two of them, or three:
//
//	seal     opens the cookie                          "alg":"A256GCM","use":"enc"
//	barrier  tells which sessions ended in a browser   "alg":"HS256","use":"sig"
//	marks    tells which ended anywhere, where a       "alg":"HS256","use":"sig"
//	         marks.Snapshotter publishes that
//
// Without the second one, it accepts a session that was logged out. docs/FORMAT.md
// says how to use them. For every other purpose, and for the zero Key, ExportJWK
// returns nil, because no reader needs those keys.
//
// The seal key is symmetric: anyone who can read with it can also mint. A service
// that holds it can make any session for any user id. But the stamp subkey is never
// exported, so such a session has no valid stamp. (If your application skips stamps,
// nothing limits the service.) Export one key at a time, and only to services that
// you would let log users in. If one of them leaks its key, retire the root key.
//
// [Parse] refuses what ExportJWK returns, because a subkey isn't a root key.
func (k Key) ExportJWK(l Label) []byte {
	var alg, use string // RFC 7518 §5.1 and §3.1, RFC 7517 §4.2
	switch l.Purpose {
	case "seal":
		alg, use = "A256GCM", "enc"
	case "barrier", "marks":
		alg, use = "HS256", "sig"
	}
	if k.p == nil || alg == "" {
		return nil
	}
	b := []byte(`{"kty":"oct","kid":"` + k.p.id + `","k":"`)
	b = encoding.AppendEncode(b, k.Derive(l))
	b = append(b, `","alg":"`+alg+`","use":"`+use+`","purpose":"`+l.Purpose+`","audience":`...)
	b = appendJSON(b, l.Audience)
	b = append(b, `,"name":`...)
	b = appendJSON(b, l.Name)
	return append(b, '}')
}

// appendJSON appends s as a JSON string (RFC 8259 §7). The application chooses
// labels, so they may contain anything. Bytes that aren't UTF-8 become U+FFFD.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
