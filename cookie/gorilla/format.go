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
	// maxValue is the longest value that is looked at or made: a browser keeps no
	// cookie whose name and value are longer (RFC 6265bis section 5.6). It is
	// securecookie's own default too. The cap comes before all other work.
	maxValue = 4096

	// macLen is the length of HMAC-SHA256, securecookie's default hash.
	macLen = sha256.Size

	// dateLen is the length of a Unix time in decimal: ten digits from September
	// 2001 to November 2286. It is only used to foretell sizes.
	dateLen = 10

	// maxUnix is the last second of the year 9999, the last that RFC 3339 and
	// encoding/json can write.
	maxUnix = 253402300799
)

// A sealed is a value taken apart, before anything about it is believed.
type sealed struct {
	signed []byte    // "date|payload", which the MAC covers behind the cookie's name
	mac    []byte    // macLen bytes
	date   time.Time // when the value was made, if the MAC is right
}

// parse takes a value apart and reports whether it has the canonical form. It
// does no cryptography. The date is checked for its form only.
func parse(value string) (sealed, bool) {
	raw, ok := decode(value)
	if !ok {
		return sealed{}, false
	}
	// The MAC is cut off by its length and not at a separator: it may hold any
	// byte. securecookie cuts at the second '|', and the payload's alphabet has
	// none, so both cut at the same place.
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

// decode is strict padded base64url. encoding/base64 in its strict mode refuses
// unused bits that are not zero, but still skips CR and LF; so those are looked
// for first. With that, no two strings decode to the same bytes.
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
// zero. securecookie would also take "+17" and "017"; only a holder of the key
// could write those, but one form is enough.
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

// size is the length of the value for n bytes of plaintext.
func size(n int, encrypted bool) int {
	if encrypted {
		n += aes.BlockSize // the IV
	}
	return base64.URLEncoding.EncodedLen(dateLen + 1 + base64.URLEncoding.EncodedLen(n) + 1 + macLen)
}

// A pair is a hash key and a block key, ready for use. It is safe for concurrent
// use: securecookie only writes to itself when it has no hash key.
type pair struct {
	hash   []byte
	secure *securecookie.SecureCookie
}

// newPair wraps securecookie with its own limits off. Lifetimes are judged by
// whoever has a clock (here the Codecs adapter, elsewhere the store), in one
// place and against one setting; lengths are judged by parse and by check, since
// securecookie's length errors are not of its own error type.
func newPair(hash, block []byte, form securecookie.Serializer) *pair {
	s := securecookie.New(hash, block)
	s.MaxAge(0).MinAge(0).MaxLength(0).SetSerializer(form)
	return &pair{hash: hash, secure: s}
}

// made reports whether this pair made the value under this cookie name. It
// compares the MAC in constant time, as securecookie will once more.
func (p *pair) made(name string, s sealed) bool {
	mac := hmac.New(sha256.New, p.hash)
	mac.Write([]byte(name))
	mac.Write([]byte{'|'})
	mac.Write(s.signed)
	var sum [macLen]byte
	return hmac.Equal(mac.Sum(sum[:0]), s.mac)
}
