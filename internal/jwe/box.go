package jwe

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// KeyLen is the length of an A256GCM key. No other length is accepted anywhere:
// AES itself would take 16 and 24 too.
const KeyLen = 32

// NewAEAD is AES-256-GCM with 12-byte nonces and 16-byte tags. It fails for a
// key of another length, and under GODEBUG=fips140=only, where the standard
// library allows no nonces of our choice.
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

// Box is what a codec keeps of one "seal" subkey. It is a struct because finding
// out that a cached value is a *Box is quicker than that it is some AEAD.
type Box struct{ AEAD cipher.AEAD }

// NewBox makes a *Box of a subkey, or a nil any if it cannot. Its shape is that
// of the builders which keyring.Key.Cache takes.
func NewBox(subkey []byte) any {
	aead, err := NewAEAD(subkey)
	if err != nil {
		return nil
	}
	return &Box{aead}
}
