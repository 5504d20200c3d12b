package contest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// Floor is the least work that an encrypting design with a stamp can do. It opens
// the same plaintext under the same additional data with AES-256-GCM into a ready
// buffer, and computes one HMAC-SHA256 with prepared state over the stamp's input. It
// isn't safe for concurrent use.
type Floor struct {
	aead              cipher.AEAD
	nonce, sealed, ad []byte
	plain, buf, fresh []byte
	want              [sha256.Size]byte
}

// NewFloor prepares the floor for a plaintext of n bytes, as many as the Hardtack
// session in the same run has.
func NewFloor(n int) (*Floor, error) {
	plain := random(n)
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	f := &Floor{aead: aead, nonce: make([]byte, 12), ad: make([]byte, 60), plain: plain, buf: make([]byte, 0, 8192), fresh: make([]byte, 12)}
	f.sealed = aead.Seal(nil, f.nonce, plain, f.ad)
	f.want = stamp(UserID, PasswordHash)
	return f, nil
}

// Verify does the floor's whole work once.
func (f *Floor) Verify() error {
	if err := f.Open(); err != nil {
		return err
	}
	got := stamp(UserID, PasswordHash)
	if !hmac.Equal(got[:], f.want[:]) {
		return ErrNotTrusted
	}
	return nil
}

// Open does only the AES-GCM part.
func (f *Floor) Open() error {
	_, err := f.aead.Open(f.buf, f.nonce, f.sealed, f.ad)
	return err
}

// Seal does a bare AES-GCM seal with a random nonce.
func (f *Floor) Seal() error {
	rand.Read(f.fresh)
	f.aead.Seal(f.buf, f.fresh, f.plain, f.ad)
	return nil
}
