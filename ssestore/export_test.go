package ssestore

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
)

// MACAndBuffers makes a MAC under a key of zeros, and returns what is left in its
// buffers too.
func MACAndBuffers(parts ...string) (sum [32]byte, left []byte) {
	s := &macState{hash: hmac.New(sha256.New, make([]byte, 32))}
	m := new(mac)
	m.states.New = func() any { return s }
	m.sum(&sum, parts...)
	return sum, slices.Concat(s.in[:cap(s.in)], s.out[:])
}
