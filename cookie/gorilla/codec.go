package gorilla

import (
	"bytes"
	"errors"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// errNothing is the refusal to seal an empty plaintext. securecookie would make
// a value and then fail to open it: it demands more than the 16 bytes of the IV.
var errNothing = errors.New("gorilla: an empty plaintext cannot be sealed in this format")

// derived seals and opens under keys that come from a keyring.
type derived struct {
	name        string
	hash, block keyring.Label
	form        securecookie.Serializer
}

// SecureCookie is the [cookie.Format] of gorilla/securecookie under keys derived
// from a keyring, for the Format of an ssestore.Config. Hash key and block key
// (32 bytes each: HMAC-SHA256 and AES-256) are subkeys for the purposes
// "gorilla-hash" and "gorilla-block", this audience and this cookie name, so no
// value means anything under another.
//
// The format names no key. Open tries the keys of the ring in order, primary
// first, by their MACs; nothing opens is [cookie.ReasonUnknownKey].
// [cookie.Opened].Issued is the date in the value, which may lie in the future.
//
// The name must not be empty. The codec is immutable and safe for concurrent use.
func SecureCookie(name, audience string) (cookie.Codec, error) {
	if name == "" {
		return nil, errName
	}
	return newDerived(name, audience, "gorilla", securecookie.NopEncoder{}), nil
}

var errName = errors.New("gorilla: a codec needs the name of its cookie")

func newDerived(name, audience, purpose string, form securecookie.Serializer) *derived {
	return &derived{
		name:  name,
		hash:  keyring.Label{Purpose: purpose + "-hash", Audience: audience, Name: name},
		block: keyring.Label{Purpose: purpose + "-block", Audience: audience, Name: name},
		form:  form,
	}
}

// pair gives the pair of one key of a ring, which the key remembers. It is nil
// for the zero Key: an empty hash key would make MACs that anyone can make.
func (c *derived) pair(key keyring.Key) *pair {
	p, _ := key.Cache(c.hash, func(hash []byte) any {
		block := key.Derive(c.block)
		if len(hash) == 0 || len(block) == 0 {
			return nil
		}
		return newPair(hash, block, c.form)
	}).(*pair)
	return p
}

// find returns the key of the ring that made the value, and its pair.
func (c *derived) find(ring *keyring.Keyring, s sealed) (keyring.Key, *pair) {
	for _, key := range ring.Keys() {
		if p := c.pair(key); p != nil && p.made(c.name, s) {
			return key, p
		}
	}
	return keyring.Key{}, nil
}

// Seal seals under the primary of the ring and under no other key. The plaintext
// is left as it is. A value over 4,096 characters is a *cookie.SizeError.
func (c *derived) Seal(ring *keyring.Keyring, plaintext []byte) (string, error) {
	p := c.pair(ring.Primary())
	if p == nil {
		return "", cookie.ErrNoPrimary
	}
	return seal(p, c.name, plaintext)
}

// Open opens what Seal, or any program with the same two keys, has sealed.
func (c *derived) Open(ring *keyring.Keyring, value string) (cookie.Opened, error) {
	s, ok := parse(value)
	if !ok {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	key, p := c.find(ring, s)
	if p == nil {
		return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
	}
	opened, err := open(p, c.name, value, s)
	opened.Key = key
	return opened, err
}

// Size is the length of the value for n bytes of plaintext.
func (c *derived) Size(n int) int { return size(n, true) }

// seal seals bytes under a pair.
func seal(p *pair, name string, plaintext []byte) (string, error) {
	if len(plaintext) == 0 {
		return "", errNothing
	}
	// A copy: securecookie's NopEncoder passes the caller's bytes on, and its
	// encryption then overwrites them.
	value, err := p.secure.Encode(name, bytes.Clone(plaintext))
	if err != nil {
		return "", err
	}
	return value, check(value)
}

// check refuses a value that could never be opened again. The value and the name
// together have a tighter limit, which [cookie.Cookie.Set] enforces.
func check(value string) error {
	if len(value) > maxValue {
		return &cookie.SizeError{Size: len(value), Limit: maxValue}
	}
	return nil
}

// open opens a value whose MAC is right. What can still be wrong is the payload:
// not base64, or too short for an IV. Only a holder of the keys can have made it.
func open(p *pair, name, value string, s sealed) (cookie.Opened, error) {
	var plaintext []byte
	if err := p.secure.Decode(name, value, &plaintext); err != nil {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	return cookie.Opened{Plaintext: plaintext, Issued: s.date}, nil
}
