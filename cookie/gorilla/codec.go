package gorilla

import (
	"bytes"
	"errors"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// errNothing is returned for an empty plaintext. securecookie would seal it and
// then fail to open it, because it expects more than the 16 bytes of the IV.
var errNothing = errors.New("gorilla: an empty plaintext cannot be sealed in this format")

// derived seals and opens under keys that come from a keyring.
type derived struct {
	name        string
	hash, block keyring.Label
	form        securecookie.Serializer
}

// SecureCookie is the [cookie.Format] of gorilla/securecookie, under keys derived
// from a keyring. Use it as the Format of an ssestore.Config. The hash key and the
// block key (32 bytes each: HMAC-SHA256 and AES-256) are subkeys for the purposes
// "gorilla-hash" and "gorilla-block", this audience and this cookie name. So a
// value means nothing under another name or audience.
//
// The format doesn't name a key. Open tries the MACs of the ring's keys in order,
// primary first. If none matches, the verdict is [cookie.ReasonUnknownKey].
// [cookie.Opened].Issued is the date in the value, which may be in the future.
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

// pair returns the pair derived from a key, which the key caches. For the zero Key
// it is nil, because anyone can make the MACs of an empty hash key.
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

// find returns the key in the ring that made the value, and its pair.
func (c *derived) find(ring *keyring.Keyring, s sealed) (keyring.Key, *pair) {
	for _, key := range ring.Keys() {
		if p := c.pair(key); p != nil && p.made(c.name, s) {
			return key, p
		}
	}
	return keyring.Key{}, nil
}

// Seal encrypts plaintext under the ring's primary key and no other. It doesn't
// change plaintext. It returns a *cookie.SizeError if the value would have more
// than 4,096 characters.
func (c *derived) Seal(ring *keyring.Keyring, plaintext []byte) (string, error) {
	p := c.pair(ring.Primary())
	if p == nil {
		return "", cookie.ErrNoPrimary
	}
	return seal(p, c.name, plaintext)
}

// Open decrypts what Seal, or any program with the same two keys, has sealed.
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

// Size returns the length of the value for n bytes of plaintext.
func (c *derived) Size(n int) int { return size(n, true) }

// seal encrypts plaintext under a pair.
func seal(p *pair, name string, plaintext []byte) (string, error) {
	if len(plaintext) == 0 {
		return "", errNothing
	}
	// Encode a copy: securecookie's NopEncoder passes the caller's bytes on, and
	// its encryption then overwrites them.
	value, err := p.secure.Encode(name, bytes.Clone(plaintext))
	if err != nil {
		return "", err
	}
	return value, check(value)
}

// check refuses a value that is too long to be opened again. Value and name
// together have a tighter limit, which [cookie.Cookie.Set] enforces.
func check(value string) error {
	if len(value) > maxValue {
		return &cookie.SizeError{Size: len(value), Limit: maxValue}
	}
	return nil
}

// open decrypts a value whose MAC is right. The payload can still be wrong: not
// base64, or too short for an IV. But then a holder of the keys made it that way.
func open(p *pair, name, value string, s sealed) (cookie.Opened, error) {
	var plaintext []byte
	if err := p.secure.Decode(name, value, &plaintext); err != nil {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	return cookie.Opened{Plaintext: plaintext, Issued: s.date}, nil
}
