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

	// idBytes and idLen: a kid is 5 random bytes, 7 base64url characters.
	// 40 bits make a collision among at most 16 keys a matter of 1 in 10^10, and
	// every character is carried by every cookie in every request.
	idBytes = 5
	idLen   = 7

	// maxMillis is the last millisecond of the year 9999, the end of what
	// RFC 3339 and the Expires attribute of a cookie can say.
	maxMillis = 253402300799999
)

// encoding refuses a last character with non-zero spare bits, so that equal
// bytes have one spelling only.
var encoding = base64.RawURLEncoding.Strict()

// A Key is a root key: 32 secret bytes, a public id (the kid of RFC 7517), a
// creation time and perhaps an activation time. The bytes themselves never
// protect anything: [Key.Derive] makes a subkey for every purpose.
//
// A Key is a small value to be copied freely; all copies share one set of
// counters and one cache of subkeys. It is safe for concurrent use. It cannot
// be compared with ==, so that nobody compares secrets in variable time or uses
// them as map keys; compare by [Key.ID] or [Key.Compare]. It prints as redacted
// everywhere; only its id shows.
//
// The zero Key is no key. It derives nothing, and every function of this module
// that takes a Key refuses it.
type Key struct {
	_ [0]func() // no ==; first, because a trailing zero-size field costs a word

	// One pointer and nothing else. fmt ignores the methods of what it finds in
	// unexported fields and prints what is inside. Of a pointer there it prints the
	// address, except under a verb that doesn't fit one, such as %s: then it prints
	// what the pointer leads to, so there must be no secret there either.
	p *keyData
}

// keyData is immutable. What changes while a key is in use is in live, because
// promoting a key or editing its times makes another keyData for the same secret.
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
// It first waits for the next millisecond to begin, the unit of a generation, so
// that keys made one after the other are newer in that order and not at the whim
// of their random ids. Apart from that it reads the system's random source and
// clock, and nothing else.
func NewKey() Key { return newKey(nextMilli(), 0) }

// NewKeyAt returns a new random key, created now, that opens at once and seals
// from active on. This is the key to hand to a fleet ahead of time: see
// [Keyring.Add]. The zero time means at once, as does any time before 1970;
// times are kept to the millisecond and end with the year 9999. It waits as
// [NewKey] does.
func NewKeyAt(active time.Time) Key {
	ms := int64(0)
	if !active.IsZero() {
		ms = min(max(active.UnixMilli(), 0), maxMillis)
	}
	return newKey(nextMilli(), ms)
}

// nextMilli sleeps once and does not loop: some clocks stand still during a
// request (WebAssembly workers), and a tie there is no harm.
func nextMilli() int64 {
	now := time.Now()
	time.Sleep(now.Truncate(time.Millisecond).Add(time.Millisecond).Sub(now))
	return time.Now().UnixMilli()
}

// newKey draws id and bytes. A clock outside the range that a JWK Set can carry
// is moved inside: a WebAssembly worker reads 1970 before its first request.
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
		// Held by a closure: a printer that walks memory with reflection, as fmt,
		// debuggers and test helpers do, meets a function and stops.
		root: func() [rootSize]byte { return root },
		live: new(live),
	}}
}

// ID returns the key's id: 7 base64url characters, public, carried in clear by
// every token sealed under the key. It is "" for the zero Key.
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

// Active returns from when on the key may seal, to the millisecond, in UTC. The
// zero time means at once. Activation gates sealing alone: a key opens as soon
// as it is in the ring.
func (k Key) Active() time.Time {
	if k.p == nil || k.p.active == 0 {
		return time.Time{}
	}
	return time.UnixMilli(k.p.active).UTC()
}

// Compare orders keys by generation: by creation time, then by id. It returns
// -1 if k is older than other, +1 if it is newer, and 0 for the same generation.
// The zero Key is older than every key. Nothing else makes a key older or
// newer, its place in a ring or file least of all.
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

// activeAt reports whether the key may seal at now, in Unix milliseconds.
// Activation times start at 1, so that 0 asks for "at once" alone.
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

// inherit returns k as it should appear in a ring that follows one with old in
// it: with the counters and subkeys of old if it is the same key, and as old
// itself if nothing differs at all.
func (k Key) inherit(old Key) Key {
	if k.p.id != old.p.id || !k.sameSecret(old) {
		return k
	}
	if k.p.created == old.p.created && k.p.active == old.p.active {
		return old
	}
	d := *k.p
	d.live = old.p.live
	return Key{p: &d}
}

// pack turns a kid into a number: the 7 bytes, so that no two kids share one.
func pack(id string) uint64 {
	_ = id[idLen-1]
	return uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 | uint64(id[3])<<24 |
		uint64(id[4])<<32 | uint64(id[5])<<40 | uint64(id[6])<<48
}
