package ticket

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/equal"
)

const (
	// maxTime is 9999-12-31T23:59:59Z in Unix seconds, as in sessions.
	maxTime = 253402300799

	// bndSize is how much of the digest of the fields a ticket carries: 128 bits. Whoever
	// could choose fields would have to find other ones with the same digest.
	bndSize = 16
	bndLen  = 22 // in base64url
)

// claims are what is in a ticket. There is one spelling, for the reasons that package
// internal/claims gives for sessions; bnd is left out if there are no fields:
//
//	{"iat":N,"exp":N,"bnd":"…","d":…}
type claims struct {
	iat, exp int64 // sealed and over, in Unix seconds
	bnd      [bndSize]byte
	isBound  bool
	d        []byte // the value, JSON
}

// append appends the one spelling of c.
func (c *claims) append(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"iat":`...), c.iat, 10)
	dst = strconv.AppendInt(append(dst, `,"exp":`...), c.exp, 10)
	if c.isBound {
		dst = base64.RawURLEncoding.AppendEncode(append(dst, `,"bnd":"`...), c.bnd[:])
		dst = append(dst, '"')
	}
	dst = append(append(dst, `,"d":`...), c.d...)
	return append(dst, '}')
}

// parse reads b and reports whether it is the one spelling. It leaves d, which lies in
// b, to decode.
func (c *claims) parse(b []byte) bool {
	b, ok := bytes.CutPrefix(b, []byte(`{"iat":`))
	if !ok {
		return false
	}
	if c.iat, b, ok = number(b); !ok {
		return false
	}
	if b, ok = bytes.CutPrefix(b, []byte(`,"exp":`)); !ok {
		return false
	}
	if c.exp, b, ok = number(b); !ok {
		return false
	}
	if b, c.isBound = bytes.CutPrefix(b, []byte(`,"bnd":"`)); c.isBound {
		if len(b) < bndLen || !base64url.Decode(c.bnd[:], string(b[:bndLen])) {
			return false
		}
		if b, ok = bytes.CutPrefix(b[bndLen:], []byte(`"`)); !ok {
			return false
		}
	}
	if b, ok = bytes.CutPrefix(b, []byte(`,"d":`)); !ok {
		return false
	}
	c.d, ok = bytes.CutSuffix(b, []byte(`}`))
	return ok
}

// number reads a positive decimal number without sign or leading zeros, at most maxTime,
// from the start of b, and returns the rest.
func number(b []byte) (v int64, rest []byte, ok bool) {
	n := 0
	for n < len(b) && n < len("253402300799") && '0' <= b[n] && b[n] <= '9' {
		v = v*10 + int64(b[n]-'0')
		n++
	}
	return v, b[n:], n > 0 && b[0] != '0' && v <= maxTime
}

// judge returns the verdict at now for a life of as many seconds. Future comes first, as
// for sessions: if clocks disagree, another instance may know better.
func (c *claims) judge(now, life int64) cookie.Reason {
	if c.iat > now+leeway {
		return cookie.ReasonFuture
	}
	if now >= min(c.exp, c.iat+life) {
		return cookie.ReasonExpired
	}
	return cookie.ReasonNone
}

// digest returns the digest of fields, each preceded by its length in 4 bytes, big
// endian, so that different lists are always different bytes.
func digest(fields []string) [bndSize]byte {
	var b []byte
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	sum := sha256.Sum256(b)
	return [bndSize]byte(sum[:])
}

// boundTo reports whether the ticket was sealed with these fields. It never was with
// none.
func (c *claims) boundTo(fields []string) bool {
	sum := digest(fields)
	return subtle.ConstantTimeCompare(c.bnd[:], sum[:]) == 1 && len(fields) > 0
}

// encode returns the JSON of v, or an error if decode wouldn't make an equal value of
// it. The errors name types and fields; those of encoding/json may quote the value.
func encode[T any](v *T) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // no browser reads this, and each escape takes six bytes
	if e.Encode(v) != nil {
		return nil, fmt.Errorf("ticket: %v can't be written as JSON", reflect.TypeFor[T]())
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	var back T
	if !decode(raw, &back) {
		return nil, fmt.Errorf("ticket: the JSON of %v doesn't decode into one", reflect.TypeFor[T]())
	}
	if path, differ := equal.Difference(v, &back); differ {
		return nil, fmt.Errorf("ticket: Open would return another value at %v%s", reflect.TypeFor[T](), path)
	}
	return raw, nil
}

// decode reads one JSON value, with nothing before or after it, and without members
// that T doesn't have. It may leave v half filled. UnmarshalJSON of T gets a copy, which
// the decoder makes, so it may write to what it is given.
func decode[T any](raw []byte, v *T) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if len(raw) == 0 || isSpace(raw[0]) || d.Decode(v) != nil {
		return false
	}
	return d.InputOffset() == int64(len(raw))
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
