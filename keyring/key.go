package keyring

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

const (
	// rootSize is the length of a root key. It is only ever the secret of
	// HKDF-SHA256, for which a full hash length is the natural size (RFC 5869 §3.3).
	rootSize = 32

	// idBytes and idLen: a kid is 5 random bytes, or 7 base64url characters. With 40
	// bits, the odds of a collision among 16 keys are 1 in 10^10. More characters would
	// travel with every cookie in every request.
	idBytes = 5
	idLen   = 7

	// maxMillis is the last millisecond of the year 9999, the latest that RFC 3339 and
	// a cookie's Expires attribute can express.
	maxMillis = 253402300799999
)

// encoding refuses a last character whose spare bits aren't zero, so that the same
// bytes have only one spelling.
var encoding = base64.RawURLEncoding.Strict()

// A Key is a root key: 32 secret bytes, a public id (the kid of RFC 7517), a
// creation time and perhaps an activation time. The bytes themselves never
// protect anything: [Key.Derive] makes a subkey for every purpose.
//
// A Key is small and can be copied freely. All copies share one set of counters and
// one cache of subkeys. It is safe for concurrent use. It can't be compared with ==,
// so that nobody compares secrets in variable time or uses them as map keys. Use
// [Key.ID] or [Key.Compare] instead. It prints as redacted everywhere, showing only
// its id.
//
// The zero Key isn't a key. It derives nothing, and every function in this module that
// takes a Key refuses it.
type Key struct {
	_ [0]func() // no ==; first, because a trailing zero-size field costs a word

	// A pointer and nothing else. fmt doesn't call methods of values in unexported
	// fields, but prints what is inside. For a pointer it prints the address, unless
	// the verb doesn't fit, such as %s. Then it prints what the pointer leads to, so
	// there must be no secret there either.
	p *keyData
}

// keyData is immutable. Whatever changes while a key is in use is in live, because
// promoting a key or changing its times makes a new keyData for the same secret.
type keyData struct {
	id      string
	packed  uint64 // id as a number, for lookups
	created int64  // Unix milliseconds
	active  int64  // Unix milliseconds; 0: at once
	root    func() [rootSize]byte
	live    *live
}

// NewKey returns a new random key, created now and active at once.
//
// It first waits for the next millisecond to begin, because generations are counted in
// milliseconds. Keys made one after the other are then newer in that order, rather than
// in the order of their random ids. Otherwise NewKey only reads the system's random
// source and clock.
func NewKey() Key { return newKey(nextMilli(), 0) }

// NewKeyAt returns a new random key, created now, that can open at once and seals
// from the time active on. Use it to give a fleet a key ahead of time; see
// [Keyring.Add]. The zero time, or any time before 1970, means at once. Times are
// kept to the millisecond and end with the year 9999. NewKeyAt waits like [NewKey].
func NewKeyAt(active time.Time) Key {
	ms := int64(0)
	if !active.IsZero() {
		ms = min(max(active.UnixMilli(), 0), maxMillis)
	}
	return newKey(nextMilli(), ms)
}

// nextMilli sleeps once and doesn't loop. Some clocks stand still during a request
// (WebAssembly workers), and a tie there does no harm.
func nextMilli() int64 {
	now := time.Now()
	time.Sleep(now.Truncate(time.Millisecond).Add(time.Millisecond).Sub(now))
	return time.Now().UnixMilli()
}

// newKey draws an id and bytes. It moves a time outside the range of a JWK Set inside
// it: a WebAssembly worker's clock says 1970 before its first request.
func newKey(created, active int64) Key {
	var id [idBytes]byte
	var root [rootSize]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	rand.Read(root[:])
	return makeKey(encoding.EncodeToString(id[:]), root, min(max(created, 1), maxMillis), active)
}

// makeKey trusts its arguments.
func makeKey(id string, root [rootSize]byte, created, active int64) Key {
	return Key{p: &keyData{
		id:      id,
		packed:  pack(id),
		created: created,
		active:  active,
		// A closure holds the bytes. A printer that walks memory with reflection, as
		// fmt, debuggers and test helpers do, stops at a function.
		root: func() [rootSize]byte { return root },
		live: new(live),
	}}
}

// ID returns the key's id: 7 base64url characters. The id is public, and every token
// sealed under the key carries it in the clear. For the zero Key it is "".
func (k Key) ID() string {
	if k.p == nil {
		return ""
	}
	return k.p.id
}

// Created returns when the key was made, to the millisecond, in UTC.
// It is the zero time for the zero Key.
func (k Key) Created() time.Time {
	if k.p == nil {
		return time.Time{}
	}
	return time.UnixMilli(k.p.created).UTC()
}

// Active returns the time from which the key may seal, to the millisecond, in UTC.
// The zero time means at once. Activation only affects sealing: a key can open as
// soon as it is in the ring.
func (k Key) Active() time.Time {
	if k.p == nil || k.p.active == 0 {
		return time.Time{}
	}
	return time.UnixMilli(k.p.active).UTC()
}

// Compare orders keys by generation: by creation time, then by id. It returns -1 if k
// is older than other, +1 if it is newer, and 0 if both have the same generation. The
// zero Key is older than every key. Nothing else makes a key older or newer, and
// certainly not its place in a ring or a file.
func (k Key) Compare(other Key) int {
	switch {
	case k.p == other.p:
		return 0
	case k.p == nil:
		return -1
	case other.p == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(k.p.created, other.p.created), cmp.Compare(k.p.id, other.p.id))
}

// activeAt reports whether the key may seal at now, in Unix milliseconds. Activation
// times start at 1, so for now = 0 only keys that are active at once may seal.
func (k Key) activeAt(now int64) bool { return k.p.active <= now }

// withActive returns the same key with another activation time.
func (k Key) withActive(ms int64) Key {
	d := *k.p
	d.active = ms
	return Key{p: &d}
}

// sameSecret reports whether two keys have the same bytes, in constant time.
func (k Key) sameSecret(other Key) bool {
	a, b := k.p.root(), other.p.root()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// inherit returns k as it should be in a ring that follows one with before in it. If it
// is the same key, it gets the counters and subkeys of before. If nothing differs,
// inherit returns before itself.
func (k Key) inherit(before Key) Key {
	if k.p.id != before.p.id || !k.sameSecret(before) {
		return k
	}
	if k.p.created == before.p.created && k.p.active == before.p.active {
		return before
	}
	d := *k.p
	d.live = before.p.live
	return Key{p: &d}
}

// pack turns the 7 bytes of a kid into a number, so different kids have different
// numbers.
func pack(id string) uint64 {
	_ = id[idLen-1]
	return uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 | uint64(id[3])<<24 |
		uint64(id[4])<<32 | uint64(id[5])<<40 | uint64(id[6])<<48
}
