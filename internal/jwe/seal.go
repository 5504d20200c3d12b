package jwe

import (
	"crypto/cipher"
	"encoding/base64"
	"unsafe"
)

// Seal makes the token of a plaintext under an AEAD with a 12-byte nonce and a
// 16-byte tag. nonces gives the nonce; kid names the key in the header. The
// token is Size(len(plaintext)) characters, one allocation.
//
// It is built in place. The cipher writes ciphertext and tag into the last bytes
// of the token's own buffer, and encode then spreads them out from the front:
//
//	header . . IV . ______ciphertext tag|      before
//	header . . IV . Y2lwaGVydGV4dA.dGFn|       after
//
// Each group of three bytes is read before its four characters are written, and
// what is written never passes what is still to be read: group k of the
// ciphertext is written up to 79+4k+4 and the next one is read from
// len-16-n+3k+3, which is at least 86+n/3+3k+3. For the tag the two are 6 bytes
// apart at the start and 1 at the end.
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
	encode(buf[ivStart:ivStart+ivChars], nonce.iv())
	aead.Seal(raw[:0], nonce.iv(), plaintext, header)
	nonces.done(nonce)

	end := len(buf) - ctTail
	encode(buf[ctStart:end], raw[:n])
	buf[end] = '.'
	encode(buf[end+1:], raw[n:])
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
