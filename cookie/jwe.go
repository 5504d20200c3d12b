package cookie

import (
	"fmt"

	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// JWE is the default [Format]: RFC 7516 compact JWE, alg=dir, enc=A256GCM, in
// one canonical spelling. docs/FORMAT.md has it byte by byte. A value is exactly
// 102 + ⌈4n/3⌉ characters for n bytes.
//
// Keys are derived per cookie name and audience (see [SealLabel]), so a value
// opens only under the name and audience it was sealed for (RFC 8725 section
// 3.12 accepts that in place of a typ header). Nonces are hedged: a cloned
// machine whose random source repeats does not repeat a nonce for different
// plaintexts.
//
// Open refuses in this order, cheapest first: length, the 48 constant characters
// of the header (foreign), the key id (unknown key), the shape (malformed),
// base64 in any but its canonical spelling (malformed), the tag (bad tag).
//
// Errors: a name that is no cookie name (*ConfigError), and ErrFIPS.
func JWE(name, audience string) (Codec, error) {
	if !validName(name) {
		return nil, &ConfigError{Package: "cookie", Field: "Name", Rule: ruleName}
	}
	// The standard library decides what FIPS mode forbids; ask it, once.
	if _, err := jwe.NewAEAD(make([]byte, jwe.KeyLen)); err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrFIPS, err)
	}
	return &jweCodec{
		seal:  SealLabel(name, audience),
		nonce: keyring.Label{Purpose: "nonce", Audience: audience, Name: name},
	}, nil
}

// SealLabel is the label of the subkey that [JWE] seals with. Give it to
// [keyring.Key.ExportJWK] for a service in another language that is to read the
// cookie. The algorithm is symmetric: whoever can read can also make cookies.
func SealLabel(name, audience string) keyring.Label {
	return keyring.Label{Purpose: "seal", Audience: audience, Name: name}
}

// jweCodec is immutable. All that depends on a key lives in the key's own cache.
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

func (c *jweCodec) Open(ring *keyring.Keyring, value string) (o Opened, err error) {
	err = c.open(&o, nil, ring, value)
	return
}

// OpenInto is Open with the plaintext in buf, at any offset, if its capacity
// suffices; jwe.MaxOpen bytes always do. Whatever the result, all of buf's capacity
// may have been written to. Package ssestore asks for it.
func (c *jweCodec) OpenInto(buf []byte, ring *keyring.Keyring, value string) (o Opened, err error) {
	err = c.open(&o, buf, ring, value)
	return
}

// open fills o, which is zero, or leaves it alone and returns why not.
func (c *jweCodec) open(o *Opened, buf []byte, ring *keyring.Keyring, value string) error {
	kid, ok := jwe.Kid(value)
	if !ok {
		return ReasonForeign.Err()
	}
	key, ok := ring.Key(string(kid[:]))
	if !ok {
		return ReasonUnknownKey.Err()
	}
	box, ok := key.Cache(c.seal, jwe.NewBox).(*jwe.Box)
	if !ok { // the zero Key: no ring hands it out
		return ReasonUnknownKey.Err()
	}
	plaintext, fault := jwe.Open(buf, box.AEAD, value)
	if fault != jwe.OK {
		return reasonOfFault(fault).Err()
	}
	o.Plaintext, o.Key = plaintext, key
	return nil
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
