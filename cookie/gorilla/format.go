package gorilla

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/gorilla/securecookie"
)

const (
	// maxValue is the longest value that we make or look at. Browsers don't keep
	// a cookie whose name and value are longer (RFC 6265bis section 5.6). It is
	// also securecookie's default. The limit is checked before anything else.
	maxValue = 4096

	// macLen is the length of HMAC-SHA256, securecookie's default hash.
	macLen = sha256.Size

	// dateLen is the length of a Unix time in decimal: ten digits from September
	// 2001 to November 2286. It is only used to predict sizes.
	dateLen = 10

	// maxUnix is the last second of the year 9999, the last that RFC 3339 and
	// encoding/json can write.
	maxUnix = 253402300799
)

// A sealed is a value that has been taken apart. Nothing in it is trusted yet.
type sealed struct {
	signed []byte    // "date|payload", which the MAC covers after the cookie's name
	mac    []byte    // macLen bytes
	date   time.Time // when the value was made, if the MAC is right
}

// parse takes a value apart and reports whether it has the canonical form. It
// does no cryptography, and checks only the form of the date.
func parse(value string) (sealed, bool) {
	raw, ok := decode(value)
	if !ok {
		return sealed{}, false
	}
	// Cut the MAC off by its length, not at a separator, since it may contain any
	// byte. securecookie cuts at the second '|'. The payload's alphabet has no
	// '|', so both cut at the same place.
	at := len(raw) - macLen - 1
	if at < 0 || raw[at] != '|' {
		return sealed{}, false
	}
	s := sealed{signed: raw[:at], mac: raw[at+1:]}
	digits, payload, found := bytes.Cut(s.signed, []byte("|"))
	if !found || bytes.IndexByte(payload, '|') >= 0 {
		return sealed{}, false
	}
	unix, ok := decimal(digits)
	if !ok {
		return sealed{}, false
	}
	s.date = time.Unix(unix, 0).UTC()
	return s, true
}

// decode decodes strict padded base64url: no two strings decode to the same bytes.
// In strict mode encoding/base64 refuses unused bits that aren't zero, but it still
// skips CR and LF, so decode looks for those first.
func decode(value string) ([]byte, bool) {
	if len(value) > maxValue {
		return nil, false
	}
	for i := range len(value) {
		if value[i] == '\r' || value[i] == '\n' {
			return nil, false
		}
	}
	raw, err := base64.URLEncoding.Strict().DecodeString(value)
	return raw, err == nil
}

// decimal reads a Unix time as fmt's %d writes it: digits, no sign, no leading
// zero. securecookie also accepts "+17" and "017". Only a holder of the key could
// write those, but one form is enough.
func decimal(digits []byte) (unix int64, ok bool) {
	if len(digits) == 0 || len(digits) > len("253402300799") || digits[0] == '0' {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		unix = unix*10 + int64(c-'0')
	}
	return unix, unix <= maxUnix
}

// size returns the length of the value for n bytes of plaintext.
func size(n int, encrypted bool) int {
	if encrypted {
		n += aes.BlockSize // the IV
	}
	return base64.URLEncoding.EncodedLen(dateLen + 1 + base64.URLEncoding.EncodedLen(n) + 1 + macLen)
}

// A pair is a hash key and a block key, ready for use. It is safe for concurrent
// use: a SecureCookie only changes itself if it has no hash key.
type pair struct {
	hash   []byte
	secure *securecookie.SecureCookie
}

// newPair wraps securecookie with its own limits turned off. Code that knows the
// time judges lifetimes, in one place and by one setting: here the Codecs adapter,
// elsewhere the store. parse and check judge lengths, because securecookie's length
// errors don't have its own error type.
func newPair(hash, block []byte, form securecookie.Serializer) *pair {
	s := securecookie.New(hash, block)
	s.MaxAge(0).MinAge(0).MaxLength(0).SetSerializer(form)
	return &pair{hash: hash, secure: s}
}

// made reports whether this pair made the value under this cookie name. It
// compares the MAC in constant time, and so will securecookie later.
func (p *pair) made(name string, s sealed) bool {
	mac := hmac.New(sha256.New, p.hash)
	mac.Write([]byte(name))
	mac.Write([]byte{'|'})
	mac.Write(s.signed)
	var sum [macLen]byte
	return hmac.Equal(mac.Sum(sum[:0]), s.mac)
}
