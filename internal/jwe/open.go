package jwe

import (
	"crypto/cipher"
	"strings"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// Check reports whether a token whose header Kid has accepted also has the
// canonical shape behind it: OK or Malformed. It decodes nothing. It is the
// pre-parse for whoever opens the token with another library.
func Check(token string) Fault {
	iv, ct, tag, ok := split(token)
	if !ok || !base64url.Canonical(iv) || !base64url.Canonical(ct) || !base64url.Canonical(tag) {
		return Malformed
	}
	return OK
}

// split cuts a token at the places where the canonical form has its dots. Dots
// elsewhere are left in the segments, where the alphabet refuses them.
func split(token string) (iv, ct, tag string, ok bool) {
	if len(token) < Overhead || len(token) > MaxToken {
		return "", "", "", false
	}
	end := len(token) - ctTail
	if token[HeaderLen] != '.' || token[HeaderLen+1] != '.' || token[ctStart-1] != '.' || token[end] != '.' {
		return "", "", "", false
	}
	return token[ivStart : ivStart+ivChars], token[ctStart:end], token[end+1:], true
}

// Open opens a token under an AEAD with a 12-byte nonce and a 16-byte tag. Call
// Kid first: it says whose AEAD it is. The header is authenticated as it stands,
// so a token with another header fails its tag here.
//
// IV, ciphertext and tag are decoded into buf, if that has the capacity (MaxOpen
// is always enough) and else into memory of its own, and are opened in place. The
// plaintext lies there; its capacity is cut, so that appending to it cannot reach
// the tag.
//
// PlainOpen is its twin.
func Open(buf []byte, aead cipher.AEAD, token string) ([]byte, Fault) {
	iv, ct, tag, ok := split(token)
	if !ok {
		return nil, Malformed
	}
	n := base64url.DecodedLen(len(ct))
	if size := IVLen + n + TagLen; size <= cap(buf) {
		buf = buf[:size]
	} else {
		buf = make([]byte, size)
	}
	// In this order: Decode may scribble over two bytes that come later.
	if !base64url.Decode(buf, iv) || !base64url.Decode(buf[IVLen:], ct) || !base64url.Decode(buf[IVLen+n:], tag) {
		return nil, Malformed
	}
	// An AEAD only reads its additional data, so it may look at the string itself.
	header := unsafe.Slice(unsafe.StringData(token), HeaderLen)
	sealed := buf[IVLen:]
	plain, err := aead.Open(sealed[:0], buf[:IVLen], sealed, header)
	if err != nil {
		return nil, BadTag
	}
	return plain[:n:n], OK
}

// PlainOpen is the plain twin of Open: segments by strings.Split, the standard
// library's base64, nothing in place.
func PlainOpen(aead cipher.AEAD, token string) ([]byte, Fault) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 5 || len(parts[0]) != HeaderLen || parts[1] != "" {
		return nil, Malformed
	}
	iv, ok1 := base64url.PlainDecode(parts[2])
	ct, ok2 := base64url.PlainDecode(parts[3])
	tag, ok3 := base64url.PlainDecode(parts[4])
	if !ok1 || !ok2 || !ok3 || len(iv) != IVLen || len(tag) != TagLen {
		return nil, Malformed
	}
	plain, err := aead.Open(nil, iv, append(ct, tag...), []byte(parts[0]))
	if err != nil {
		return nil, BadTag
	}
	return plain, OK
}
