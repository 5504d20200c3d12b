package jose

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

var errName = errors.New("jose: a codec needs the name of its cookie")

// canonical seals and opens Hardtack's own format through go-jose.
type canonical struct{ seal, cache keyring.Label }

// JWE is Hardtack's own format, with the cryptography and the serialization left to
// go-jose. It uses the same keys as [cookie.JWE], so each opens what the other
// seals under the same cookie name and audience. The verdicts are the same too. Its
// nonces aren't safe on cloned machines; see the package documentation.
//
// The name must not be empty. [cookie.ErrFIPS] is returned when the program runs
// with GODEBUG=fips140=only, which forbids AES-GCM with nonces made elsewhere. The
// codec is immutable and safe for concurrent use.
func JWE(name, audience string) (cookie.Codec, error) {
	if name == "" {
		return nil, errName
	}
	if err := gcmAllowed(); err != nil {
		return nil, err
	}
	return &canonical{
		seal: cookie.SealLabel(name, audience),
		// The key comes from the label above. The cached value doesn't: each label
		// stands for one kind of value, so this one needs a label of its own.
		cache: keyring.Label{Purpose: "jose", Audience: audience, Name: name},
	}, nil
}

// gcmAllowed asks the standard library whether go-jose may use AES-GCM.
func gcmAllowed() error {
	block, err := aes.NewCipher(make([]byte, 32))
	if err == nil {
		_, err = cipher.NewGCM(block)
	}
	if err != nil {
		return fmt.Errorf("%w (%v)", cookie.ErrFIPS, err)
	}
	return nil
}

// box holds what go-jose needs to use a key. go-jose copies the key on each use and
// keeps no state, so goroutines can share a box.
type box struct {
	key       []byte
	encrypter jose.Encrypter
}

// box returns the cached box of a key, or nil for the zero Key.
func (c *canonical) box(key keyring.Key) *box {
	b, _ := key.Cache(c.cache, func([]byte) any {
		secret := key.Derive(c.seal)
		encrypter, err := jose.NewEncrypter(jose.A256GCM,
			jose.Recipient{Algorithm: jose.DIRECT, Key: secret, KeyID: key.ID()}, nil)
		if err != nil { // never: every subkey has 32 bytes
			return nil
		}
		return &box{secret, encrypter}
	}).(*box)
	return b
}

// Seal encrypts plaintext under the ring's primary key. It returns a
// *cookie.SizeError if the token would have more than 4,096 characters.
func (c *canonical) Seal(ring *keyring.Keyring, plaintext []byte) (string, error) {
	if size := jwe.Size(len(plaintext)); size > jwe.MaxToken {
		return "", &cookie.SizeError{Size: size, Limit: jwe.MaxToken}
	}
	b := c.box(ring.Primary())
	if b == nil {
		return "", cookie.ErrNoPrimary
	}
	object, err := b.encrypter.Encrypt(plaintext)
	if err != nil {
		return "", err
	}
	// go-jose writes header members sorted by name and without spaces: alg, enc,
	// kid. That is the canonical header. If go-jose ever changes this, Check makes
	// sealing fail, rather than the next request of every user.
	token, err := object.CompactSerialize()
	if err != nil {
		return "", err
	}
	if _, ok := jwe.Kid(token); !ok || jwe.Check(token) != jwe.OK {
		return "", errors.New("jose: go-jose wrote a token that isn't in canonical form")
	}
	return token, nil
}

// Open decrypts a token. It accepts the canonical form only.
func (c *canonical) Open(ring *keyring.Keyring, value string) (cookie.Opened, error) {
	kid, ok := jwe.Kid(value)
	if !ok {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	key, _ := ring.Key(string(kid[:jwe.KidLen]))
	b := c.box(key)
	if b == nil { // the zero Key: the ring has no such key
		return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
	}
	if jwe.Check(value) != jwe.OK {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	object, err := parseJOSE(value, jose.A256GCM)
	if err != nil {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	plaintext, err := object.Decrypt(b.key)
	if err != nil {
		return cookie.Opened{}, cookie.ReasonBadTag.Err()
	}
	return cookie.Opened{Plaintext: plaintext, Key: key}, nil
}

// Size returns the length of the token for n bytes of plaintext.
func (c *canonical) Size(n int) int { return jwe.Size(n) }

// parseJOSE parses a token with go-jose. The caller must have checked its form. The
// errors of go-jose must not leave this package, since they may quote the token.
func parseJOSE(token string, enc ...jose.ContentEncryption) (*jose.JSONWebEncryption, error) {
	return jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.DIRECT}, enc)
}
