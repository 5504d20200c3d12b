package jwe

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Nonces makes hedged nonces under a subkey:
//
//	HMAC-SHA256(subkey, 32 random bytes ‖ uint32 length of header ‖ header ‖ plaintext)[:12]
//
// GCM is broken once a nonce is used for two plaintexts under the same key. Random
// nonces are as good as the random source, and a virtual machine that is cloned from
// a snapshot may repeat its source. A hedged nonce then repeats only if the
// plaintext does too, and that reveals only that the two plaintexts are equal. The
// idea comes from RFC 8937.
//
// Random nonces limit a key to 2^32 seals (SP 800-38D section 8.3). The HMAC
// doesn't change that: its output is as good as random.
//
// It is safe for concurrent use.
type Nonces struct{ pool sync.Pool }

// NewNonces makes a *Nonces from a subkey. It returns a nil any if the subkey isn't
// 32 bytes. It has the signature that keyring.Key.Cache expects.
//
// Setting up an HMAC costs more than using it, so a pool keeps them ready and gives
// one to each goroutine.
func NewNonces(subkey []byte) any {
	if len(subkey) != KeyLen {
		return nil
	}
	key := append([]byte(nil), subkey...)
	n := new(Nonces)
	n.pool.New = func() any { return &nonce{mac: hmac.New(sha256.New, key)} }
	return n
}

// nonce holds a prepared HMAC and buffers for its input and output, so that neither
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
