package jwe_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"testing"
	"testing/cryptotest"

	"github.com/hardtack-go/hardtack/internal/jwe"
)

// The nonce is what docs/FORMAT.md says, computed anew from the same random
// bytes; also with a state that has been used before.
func TestJ14_NonceIsHedged(t *testing.T) {
	aead, nonces := newAEAD(t), newNonces(t)
	for seed := range uint64(50) {
		plaintext := bytes.Repeat([]byte{byte(seed)}, int(seed)*7)
		cryptotest.SetGlobalRandom(t, seed)
		random := make([]byte, 32)
		rand.Read(random)
		cryptotest.SetGlobalRandom(t, seed)
		token := jwe.Seal(aead, nonces, kid, plaintext)

		mac := hmac.New(sha256.New, bytes.Repeat([]byte{9}, 32))
		mac.Write(random)
		mac.Write(binary.BigEndian.AppendUint32(nil, 60))
		mac.Write([]byte(token[:60]))
		mac.Write(plaintext)
		if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12]); token[62:78] != want {
			t.Errorf("seed %d: IV %s, want %s", seed, token[62:78], want)
		}
	}
}

// States are shared by a pool; no two goroutines may use one at once.
func TestSealConcurrently(t *testing.T) {
	aead, nonces := newAEAD(t), newNonces(t)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			plaintext := bytes.Repeat([]byte{byte(g)}, 100+g)
			for range 500 {
				token := jwe.Seal(aead, nonces, kid, plaintext)
				if got, fault := jwe.Open(nil, aead, token); fault != jwe.OK || !bytes.Equal(got, plaintext) {
					t.Errorf("%v", fault)
				}
			}
		})
	}
	all.Wait()
}
