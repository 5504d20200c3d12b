package ssestore

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

// A Stamp ties a session to a field of its user, usually the password hash. When the
// field changes, the session ends. A stamp is an HMAC-SHA256 under a derived key.
// [Principal.Stamp] makes one, and [Principal.Check] compares one with the field as it
// is now. A Stamp prints without its Sum.
type Stamp struct {
	// KeyID is the id of the key that the stamp was made under. "" means that there
	// is no stamp.
	KeyID string
	// Sum is the MAC.
	Sum [32]byte `json:"-"`
}

// Format prints only the key id, under every verb.
func (t Stamp) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "ssestore.Stamp(%s)", t.KeyID) }

// sameMAC reports whether two MACs are the same, in constant time.
func sameMAC(a, b *[32]byte) bool {
	// By words: subtle.ConstantTimeCompare goes byte by byte, which is a fiftieth of
	// verifying a user.
	var differ uint64
	for i := 0; i < len(a); i += 8 {
		differ |= binary.NativeEndian.Uint64(a[i:]) ^ binary.NativeEndian.Uint64(b[i:])
	}
	return subtle.ConstantTimeEq(int32(differ|differ>>32), 0) == 1
}

// stampKid returns the kid of the session's stamp. That is nearly always the key that
// opened the session, whose id is already a string.
func (p *state) stampKid() string {
	if id := p.key.ID(); string(p.c.Stk[:len(p.c.Stk)-1]) == id {
		return id
	}
	return p.c.Stk.String()
}

// setStamp replaces the session's stamp, or removes it.
func (p *state) setStamp(t Stamp) {
	p.c.Stk = claims.KidOf(t.KeyID)
	p.c.Stp = t.Sum
}

// Stamp makes the stamp of a user's id and field, under the primary. It is HMAC-SHA256
// over id and field, each preceded by its length in 4 bytes, big endian, under the
// subkey for the purpose "stamp" and the store's audience. docs/STAMP.md has test
// vectors.
//
// Errors: ErrNoSession; cookie.ErrNoPrimary. It doesn't allocate.
func (r Principal) Stamp(id, field string) (Stamp, error) {
	p := r.s.of()
	if p == nil {
		return Stamp{}, ErrNoSession
	}
	key := p.keys().Primary()
	m := p.stampMAC(key)
	if m == nil {
		return Stamp{}, cookie.ErrNoPrimary
	}
	t := Stamp{KeyID: key.ID()}
	m.sum(&t.Sum, id, field)
	return t, nil
}

// Check reports whether st is the stamp of a user's id and field, in constant time. age
// says how the key that made it relates to the primary of this request's ring: -1 means
// older, so that the stamp should be replaced, 0 the primary itself, +1 newer.
//
// Errors: ErrNoSession; and ErrUnknownKey if the ring has no such key, even after the
// source had a chance to refresh, or if st is no stamp. It doesn't allocate.
func (r Principal) Check(st Stamp, id, field string) (age int, ok bool, err error) {
	p := r.s.of()
	if p == nil {
		return 0, false, ErrNoSession
	}
	key, age := p.stampKey(st.KeyID)
	m := p.stampMAC(key)
	if m == nil {
		return 0, false, ErrUnknownKey
	}
	var sum [32]byte
	m.sum(&sum, id, field)
	return age, sameMAC(&sum, &st.Sum), nil
}

// stampMAC returns what makes stamps under a key, or nil for the zero Key.
func (p *state) stampMAC(key keyring.Key) *mac {
	if p.store == nil {
		return nil
	}
	return macOf(key, p.store.labels.stamp)
}

// stampKey returns the key of this id and how it relates to the primary, or the zero Key
// if there is none. It takes no lock unless it has to ask for newer keys.
func (p *state) stampKey(kid string) (keyring.Key, int) {
	ring := p.keys()
	if primary := ring.Primary(); kid == primary.ID() {
		return primary, 0
	}
	key, ok := ring.Key(kid)
	if !ok && claims.ValidKid(kid) {
		func() {
			p.mu.Lock()
			defer p.mu.Unlock() // also after a panic of the source
			p.refreshKeys()
		}()
		ring = p.keys()
		key, _ = ring.Key(kid)
	}
	// A stamp that needs a key is a use of that key, and must show up when an operator
	// checks whether the key can be retired. If the key also opened the cookie, that
	// has already been counted.
	if key.Compare(p.key) != 0 {
		key.CountOpen(p.now)
	}
	return key, key.Compare(ring.Primary())
}
