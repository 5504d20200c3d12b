package jwe

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// KeyLen is the length of an A256GCM key. No other length is accepted anywhere,
// though AES itself also allows 16 and 24.
const KeyLen = 32

// NewAEAD returns AES-256-GCM with 12-byte nonces and 16-byte tags. It fails if the
// key has another length. It also fails under GODEBUG=fips140=only, where the
// standard library doesn't let us choose nonces.
func NewAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeyLen {
		return nil, errors.New("jwe: the key is not 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// A Box is what a codec caches for a "seal" subkey. It is a struct because asserting
// that a cached value is a *Box is faster than asserting that it is an AEAD.
type Box struct{ AEAD cipher.AEAD }

// NewBox makes a *Box from a subkey. It returns a nil any if it can't. It has the
// signature that keyring.Key.Cache expects.
func NewBox(subkey []byte) any {
	aead, err := NewAEAD(subkey)
	if err != nil {
		return nil
	}
	return &Box{aead}
}
