package jwe

import (
	"crypto/cipher"
	"encoding/base64"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// Seal makes the token of a plaintext under an AEAD with a 12-byte nonce and a
// 16-byte tag. nonces gives the nonce; kid names the key in the header. The
// token is Size(len(plaintext)) characters, one allocation.
//
// It is built in place. The cipher writes ciphertext and tag into the last bytes
// of the token's own buffer, and Encode then spreads them out from the front:
//
//	header . . IV . ______ciphertext tag|      before
//	header . . IV . Y2lwaGVydGV4dA.dGFn|       after
//
// That is safe because Encode reads a group before it writes it, and what it has
// written never passes what it has still to read. It writes the ciphertext from
// character 79 on and reads it from character 86+⌈n/3⌉ on. A step reads 6 bytes
// and writes 8, so a step gains 2 on it, and there are at most n/6 of them. The
// tag is read 6 characters behind where it is written, and takes two such steps
// and two smaller ones that gain 1 each.
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

// PlainSeal is the plain twin of Seal, with a nonce that the caller chose.
func PlainSeal(aead cipher.AEAD, iv []byte, kid string, plaintext []byte) string {
	b64 := base64.RawURLEncoding
	header := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}`))
	sealed := aead.Seal(nil, iv, plaintext, []byte(header))
	ct, tag := sealed[:len(plaintext)], sealed[len(plaintext):]
	return header + ".." + b64.EncodeToString(iv) + "." + b64.EncodeToString(ct) + "." + b64.EncodeToString(tag)
}
