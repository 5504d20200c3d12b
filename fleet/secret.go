package fleet

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// minSecret is the least number of random bytes that a secret has, as for a
// keyring.Schedule.
const minSecret = 32

// errWrapped is returned by Decrypt for what no secret has wrapped.
var errWrapped = errors.New("fleet: the ring was wrapped with another secret, or altered")

// Secret returns a Wrapper that needs no key management service. Secrets have at least 32
// random bytes each, such as from "openssl rand 32", and are the same in all instances.
// The first wraps, and all unwrap.
//
// To change the secret, deploy the new one as the second everywhere, then as the first
// with the old one second, call [Fleet.Change] with nil, and deploy without the old one.
//
// Whoever has a secret and can read the engine has the keys.
func Secret(secrets ...[]byte) (Wrapper, error) {
	var aeads []cipher.AEAD
	for _, text := range secrets {
		if len(text) < minSecret {
			return nil, errors.New("fleet: a secret needs at least 32 random bytes")
		}
		var or byte
		for _, c := range text {
			or |= c
		}
		if or == 0 {
			return nil, errors.New("fleet: a secret is all zero")
		}
		key, err := hkdf.Key(sha256.New, text, nil, "hardtack/v1 fleet wrap", 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		// Rings are written a few times a week, far below the 2^32 that NIST SP 800-38D
		// section 8.3 allows with random nonces.
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		aeads = append(aeads, aead)
	}
	if len(aeads) == 0 {
		return nil, errors.New("fleet: there is no secret")
	}
	return secret{func() []cipher.AEAD { return aeads }}, nil
}

// A secret holds ciphers in a closure, where no printer finds them (see keyring.Key).
type secret struct{ aeads func() []cipher.AEAD }

func (s secret) Encrypt(_ context.Context, plaintext []byte) ([]byte, error) {
	return s.aeads()[0].Seal(nil, nil, plaintext, nil), nil
}

func (s secret) Decrypt(_ context.Context, ciphertext []byte) ([]byte, error) {
	for _, aead := range s.aeads() {
		if plaintext, err := aead.Open(nil, nil, ciphertext, nil); err == nil {
			return plaintext, nil
		}
	}
	return nil, errWrapped
}
