package cookie

import (
	"unsafe"

	"fmt"

	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// JWE is the default [Format]: RFC 7516 compact JWE, alg=dir, enc=A256GCM, in
// one canonical spelling. docs/FORMAT.md describes it byte by byte. The value for n
// bytes of plaintext has exactly 102 + ⌈4n/3⌉ characters.
//
// Keys are derived per cookie name and audience (see [SealLabel]), so a value can
// be opened only under the name and audience it was sealed for (RFC 8725 section
// 3.12 accepts that in place of a typ header). Nonces are hedged: even on a cloned
// machine whose random source repeats, different plaintexts get different nonces.
//
// Open makes its checks in this order, cheapest first: the length and the 48
// constant characters of the header (foreign), the key id (unknown key), the shape
// and the canonical spelling of the base64 (malformed), and the tag (bad tag).
//
// JWE returns a *ConfigError if name isn't a valid cookie name, and [ErrFIPS] if
// AES-GCM isn't allowed.
func JWE(name, audience string) (Codec, error) {
	if !validName(name) {
		return nil, &ConfigError{Package: "cookie", Field: "Name", Rule: ruleName}
	}
	// The standard library decides what FIPS mode forbids. Ask it once.
	if _, err := jwe.NewAEAD(make([]byte, jwe.KeyLen)); err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrFIPS, err)
	}
	return &jweCodec{
		seal:  SealLabel(name, audience),
		nonce: keyring.Label{Purpose: "nonce", Audience: audience, Name: name},
	}, nil
}

// SealLabel returns the label of the subkey that [JWE] seals with. Pass it to
// [keyring.Key.ExportJWK] to let a service in another language read the cookie.
// The algorithm is symmetric: anyone who can read cookies can also make them.
func SealLabel(name, audience string) keyring.Label {
	return keyring.Label{Purpose: "seal", Audience: audience, Name: name}
}

// jweCodec is immutable. Everything that depends on a key lives in that key's cache.
type jweCodec struct{ seal, nonce keyring.Label }

func (c *jweCodec) Size(n int) int { return jwe.Size(n) }

func (c *jweCodec) Seal(ring *keyring.Keyring, plaintext []byte) (string, error) {
	if size := jwe.Size(len(plaintext)); size > jwe.MaxToken {
		return "", &SizeError{Size: size, Limit: jwe.MaxToken} // Open would refuse it
	}
	key := ring.Primary()
	box, ok := key.Cache(c.seal, jwe.NewBox).(*jwe.Box)
	nonces, ok2 := key.Cache(c.nonce, jwe.NewNonces).(*jwe.Nonces)
	if !ok || !ok2 { // the zero Key
		return "", ErrNoPrimary
	}
	return jwe.Seal(box.AEAD, nonces, key.ID(), plaintext), nil
}

func (c *jweCodec) Open(ring *keyring.Keyring, value string) (Opened, error) {
	plaintext, key, err := c.OpenInto(nil, ring, value)
	return Opened{Plaintext: plaintext, Key: key}, err
}

// OpenInto is Open with the plaintext in buf, at any offset, if its capacity is
// large enough; jwe.MaxOpen bytes always are. Whatever the result, all of buf's
// capacity may have been overwritten. Package ssestore uses it. It returns the parts of
// an Opened, which fit into registers.
func (c *jweCodec) OpenInto(buf []byte, ring *keyring.Keyring, value string) ([]byte, keyring.Key, error) {
	kid, ok := jwe.Kid(value)
	if !ok {
		return nil, keyring.Key{}, ReasonForeign.Err()
	}
	// A view instead of a conversion, which costs a call: kid lives as long as it.
	key, ok := ring.Key(unsafe.String(&kid[0], jwe.KidLen))
	if !ok {
		return nil, keyring.Key{}, ReasonUnknownKey.Err()
	}
	box, ok := key.Cache(c.seal, jwe.NewBox).(*jwe.Box)
	if !ok { // the zero Key: no ring hands it out
		return nil, keyring.Key{}, ReasonUnknownKey.Err()
	}
	plaintext, fault := jwe.Open(buf, box.AEAD, value)
	if fault != jwe.OK {
		return nil, keyring.Key{}, reasonOfFault(fault).Err()
	}
	return plaintext, key, nil
}

func reasonOfFault(f jwe.Fault) Reason {
	switch f {
	case jwe.Malformed:
		return ReasonMalformed
	case jwe.BadTag:
		return ReasonBadTag
	}
	return ReasonForeign
}
