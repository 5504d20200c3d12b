package gorilla

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// minHash is the shortest hash key we accept: 128 bits. A shorter key can be searched
// for offline, given one MAC (securecookie recommends 32 or 64 bytes). Anyone who
// finds it can mint sessions, so an application that has used such a key should drop
// its sessions rather than adopt them.
const minHash = 16

// given opens values under key pairs that the application already has.
type given struct {
	name      string
	pairs     []*pair
	encrypted bool // by the first pair, which seals
}

// WithKeys returns a [cookie.Format] that opens the cookies an application has
// already handed out. It takes keys in pairs, like sessions.NewCookieStore and
// securecookie.CodecsFromPairs: hash key, block key, hash key, … newest first. The
// last block key may be left out. A nil block key means that values are signed but
// not encrypted. WithKeys is made for ssestore.Legacy:
//
//	Legacy: []ssestore.Legacy{{
//		Cookie:  cookie.Config{Name: "my-session"},
//		Format:  gorilla.WithKeys(hashKey, blockKey),
//		Until:   deadline,
//		Migrate: func(s *ssestore.Session, plaintext []byte) error { … },
//	}}
//
// The plaintext is what the application's serializer wrote. For sessions.CookieStore
// that is a gob of a map[any]any, unless another serializer was configured. Decoding
// gob from untrusted bytes is risky, but these are authenticated.
//
// [cookie.Opened].Issued is the date of the last save, and [cookie.Opened].Key is
// zero. The codec uses neither the keyring nor the audience. It leaves it to the
// store to judge ages: securecookie's own MaxAge (30 days by default) plays no part.
//
// The HMAC must be SHA-256, securecookie's default. The keys are copied.
//
// The format, and so the store's constructor, reports every fault at once: no
// keys, a hash key under 16 bytes, a block key that isn't 16, 24 or 32 bytes, a
// key of zeros, a pair given twice, an empty cookie name. It also refuses an empty
// block key that isn't nil, since that is usually an unset variable.
//
// The codec can also seal, under the first pair. This lets a test or a staged
// rollout write what the old program reads. It isn't meant as the Format of an
// ssestore.Config: its sessions would bypass the keyring and its rotation.
func WithKeys(pairs ...[]byte) cookie.Format {
	keys := make([][]byte, len(pairs))
	for i, key := range pairs {
		keys[i] = bytes.Clone(key) // keeps nil nil, and empty empty
	}
	return func(name, _ string) (cookie.Codec, error) {
		errs := checkPairs(keys)
		if name == "" {
			errs = append(errs, errName)
		}
		if len(errs) > 0 {
			return nil, errors.Join(errs...)
		}
		c := &given{name: name}
		for i := 0; i < len(keys); i += 2 {
			c.pairs = append(c.pairs, newPair(keys[i], blockOf(keys, i), securecookie.NopEncoder{}))
		}
		c.encrypted = blockOf(keys, 0) != nil
		return c, nil
	}
}

// blockOf returns the block key of the pair at i, or nil if the list ends before it.
func blockOf(keys [][]byte, i int) []byte {
	if i+1 < len(keys) {
		return keys[i+1]
	}
	return nil
}

// checkPairs names each faulty pair by its position. It never shows a key.
func checkPairs(keys [][]byte) (errs []error) {
	if len(keys) == 0 {
		errs = append(errs, errors.New("gorilla: no keys"))
	}
	for i := 0; i < len(keys); i += 2 {
		hash, block := keys[i], blockOf(keys, i)
		fault := func(what string) {
			errs = append(errs, fmt.Errorf("gorilla: key pair %d: %s", i/2+1, what))
		}
		switch {
		case len(hash) < minHash:
			fault(fmt.Sprintf("the hash key is shorter than %d bytes", minHash))
		case zeros(hash):
			fault("the hash key is all zeros")
		}
		switch {
		case block == nil: // signed only
		case len(block) != 16 && len(block) != 24 && len(block) != 32:
			fault("the block key is neither nil nor 16, 24 or 32 bytes")
		case zeros(block):
			fault("the block key is all zeros")
		}
		for j := 0; j < i; j += 2 {
			if bytes.Equal(hash, keys[j]) {
				// The MACs match, so the first pair would claim the second one's
				// values.
				fault(fmt.Sprintf("the hash key is that of pair %d", j/2+1))
			}
		}
	}
	return errs
}

// zeros reports whether a key consists of zero bytes only.
func zeros(key []byte) bool {
	return bytes.Count(key, []byte{0}) == len(key)
}

// Seal encrypts plaintext under the first pair. It doesn't use the ring.
func (c *given) Seal(_ *keyring.Keyring, plaintext []byte) (string, error) {
	return seal(c.pairs[0], c.name, plaintext)
}

// Open tries the pairs in order. It doesn't use the ring.
func (c *given) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	s, ok := parse(value)
	if !ok {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	for _, p := range c.pairs {
		if p.made(c.name, s) {
			return open(p, c.name, value, s)
		}
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// Size returns the length of the value for n bytes of plaintext.
func (c *given) Size(n int) int { return size(n, c.encrypted) }
