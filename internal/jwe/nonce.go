package jwe

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Nonces makes hedged nonces under one subkey:
//
//	HMAC-SHA256(subkey, 32 random bytes ‖ uint32 length of header ‖ header ‖ plaintext)[:12]
//
// GCM is lost when one nonce serves two plaintexts under one key. Random nonces
// are fine while the random source is; a virtual machine that is cloned from a
// snapshot may repeat its source. Then a hedged nonce repeats only together with
// the plaintext, which gives away nothing but that they are equal. RFC 8937 has
// the idea.
//
// Random nonces limit a key to 2^32 seals (SP 800-38D section 8.3). The HMAC
// changes nothing about that: its output is as good as random.
//
// Safe for concurrent use.
type Nonces struct{ pool sync.Pool }

// NewNonces makes a *Nonces of a subkey, or a nil any if the subkey has not 32
// bytes. Its shape is that of the builders which keyring.Key.Cache takes.
//
// Setting up an HMAC costs more than using it, so states are kept; the pool
// hands one to each goroutine.
func NewNonces(subkey []byte) any {
	if len(subkey) != KeyLen {
		return nil
	}
	key := append([]byte(nil), subkey...)
	n := new(Nonces)
	n.pool.New = func() any { return &nonce{mac: hmac.New(sha256.New, key)} }
	return n
}

// nonce is one prepared HMAC and room for what goes in and out, so that neither
// needs an allocation.
type nonce struct {
	mac  hash.Hash
	seed [32 + 4]byte // 32 random bytes, length of the header
	sum  [sha256.Size]byte
}

func (n *nonce) iv() []byte { return n.sum[:IVLen] }

func (n *Nonces) next(header, plaintext []byte) *nonce {
	s := n.pool.Get().(*nonce)
	rand.Read(s.seed[:32]) // never fails: crypto/rand ends the program instead
	binary.BigEndian.PutUint32(s.seed[32:], uint32(len(header)))
	s.mac.Write(s.seed[:])
	s.mac.Write(header)
	s.mac.Write(plaintext)
	s.mac.Sum(s.sum[:0])
	return s
}

func (n *Nonces) done(s *nonce) {
	s.mac.Reset()
	n.pool.Put(s)
}
