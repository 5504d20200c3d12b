package jwe

import (
	"crypto/cipher"
	"encoding/base64"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// Seal encrypts plaintext into a token, with an AEAD that has a 12-byte nonce and a
// 16-byte tag. The nonce comes from nonces, and kid names the key in the header. The
// token has Size(len(plaintext)) characters and takes one allocation.
//
// Seal builds the token in place. The cipher writes ciphertext and tag into the last
// bytes of the token's own buffer, and Encode then spreads them out from the front:
//
//	header . . IV . ______ciphertext tag|      before
//	header . . IV . Y2lwaGVydGV4dA.dGFn|       after
//
// This is safe because Encode reads a group before it writes it, and its writes never
// overtake its reads. It writes the ciphertext from character 79 on, and reads it
// from character 86+⌈n/3⌉ on. A step that reads m bytes writes 4m/3, so the writes gain
// a third of what is read: n/3 in all, whether a step takes 12 bytes, 6 or 3. The tag
// is read from 6 characters after the place where it is written, and gains 5⅓.
//
// PlainSeal is its twin.
func Seal(aead cipher.AEAD, nonces *Nonces, kid string, plaintext []byte) string {
	n := len(plaintext)
	buf := make([]byte, Size(n))
	AppendHeader(buf[:0], kid)
	header := buf[:HeaderLen]
	buf[HeaderLen], buf[HeaderLen+1], buf[ctStart-1] = '.', '.', '.'

	raw := buf[len(buf)-TagLen-n:]
	nonce := nonces.next(header, plaintext)
	base64url.Encode(buf[ivStart:ivStart+ivChars], nonce.iv())
	aead.Seal(raw[:0], nonce.iv(), plaintext, header)
	nonces.done(nonce)

	end := len(buf) - ctTail
	base64url.Encode(buf[ctStart:end], raw[:n])
	buf[end] = '.'
	base64url.Encode(buf[end+1:], raw[n:])
	return unsafe.String(unsafe.SliceData(buf), len(buf)) // buf is not used again
}

// PlainSeal is the plain twin of Seal, with a nonce chosen by the caller.
func PlainSeal(aead cipher.AEAD, iv []byte, kid string, plaintext []byte) string {
	b64 := base64.RawURLEncoding
	header := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}`))
	sealed := aead.Seal(nil, iv, plaintext, []byte(header))
	ct, tag := sealed[:len(plaintext)], sealed[len(plaintext):]
	return header + ".." + b64.EncodeToString(iv) + "." + b64.EncodeToString(ct) + "." + b64.EncodeToString(tag)
}
