package jwe

import (
	"crypto/cipher"
	"strings"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// Check reports whether the rest of a token, whose header Kid has accepted, has the
// canonical shape. It returns OK or Malformed, and decodes nothing. It is for code
// that opens the token with another library.
func Check(token string) Fault {
	iv, ct, tag, ok := split(token)
	if !ok || !base64url.Canonical(iv) || !base64url.Canonical(ct) || !base64url.Canonical(tag) {
		return Malformed
	}
	return OK
}

// split cuts a token where the canonical form has its dots. Any other dots stay in
// the segments, where they are refused because they aren't in the alphabet.
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

// Open decrypts a token with an AEAD that has a 12-byte nonce and a 16-byte tag.
// Call Kid first to find out which key's AEAD to use. The header is authenticated as
// it is, so a token with any other header fails here.
//
// Open decodes IV, ciphertext and tag into buf if its capacity is large enough
// (MaxOpen always is), or into newly allocated memory otherwise, and decrypts them in
// place. The plaintext it returns is part of that memory. Its capacity is limited, so
// appending to it can't overwrite the tag.
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
	// The order matters: Decode may overwrite two bytes after its own.
	if !base64url.Decode(buf, iv) || !base64url.Decode(buf[IVLen:], ct) || !base64url.Decode(buf[IVLen+n:], tag) {
		return nil, Malformed
	}
	// An AEAD only reads its additional data, so pass it the string without a copy.
	header := unsafe.Slice(unsafe.StringData(token), HeaderLen)
	sealed := buf[IVLen:]
	plain, err := aead.Open(sealed[:0], buf[:IVLen], sealed, header)
	if err != nil {
		return nil, BadTag
	}
	return plain[:n:n], OK
}

// PlainOpen is the plain twin of Open. It uses strings.Split and the standard
// library's base64, and does nothing in place.
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
