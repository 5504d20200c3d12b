package ssestore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// mac computes HMAC-SHA256 under one subkey. It keeps states that have already absorbed
// the key, which halves the cost of short messages, and their buffers, so that a sum
// allocates nothing.
type mac struct{ states sync.Pool }

type macState struct {
	hash hash.Hash
	in   []byte
	out  [sha256.Size]byte
}

// newMAC is made for keyring.Key.Cache.
func newMAC(subkey []byte) any {
	m := new(mac)
	m.states.New = func() any { return &macState{hash: hmac.New(sha256.New, subkey)} }
	return m
}

// macOf returns the mac of a label under a key, or nil for the zero Key.
func macOf(k keyring.Key, l keyring.Label) *mac {
	m, _ := k.Cache(l, newMAC).(*mac)
	return m
}

// sum computes the MAC of the parts, each preceded by its length in 4 bytes, big
// endian, so that different lists of parts are always different bytes.
func (m *mac) sum(dst *[sha256.Size]byte, parts ...string) {
	s := m.states.Get().(*macState)
	in := s.in[:0]
	for _, p := range parts {
		in = binary.BigEndian.AppendUint32(in, uint32(len(p)))
		in = append(in, p...)
	}
	s.hash.Write(in)
	s.hash.Sum(s.out[:0])
	*dst = s.out
	s.hash.Reset()
	clear(in) // a password hash may have been among the parts
	clear(s.out[:])
	s.in = in
	m.states.Put(s)
}

// unix returns the time for whole seconds, as claims carry them.
func unix(sec int64) time.Time {
	if sec == 0 {
		return time.Time{}
	}
	return time.Unix(sec, 0).UTC()
}
