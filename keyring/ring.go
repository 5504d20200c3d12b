package keyring

import (
	"errors"
	"slices"
	"time"
)

// maxKeys is the largest number of keys in a ring. A fleet needs two or three (next,
// current, previous). The limit keeps lookups fast and a leaked ring small.
const maxKeys = 16

// Errors of [New] and of the operations on a ring. They come joined or wrapped:
// test with [errors.Is].
var (
	// ErrNoKey is returned when a key is needed and there is none: for the zero Key, an
	// empty ring or a nil ring.
	ErrNoKey = errors.New("keyring: no key")
	// ErrDuplicate is returned when two keys have the same id or the same bytes.
	ErrDuplicate = errors.New("keyring: two keys with the same id or the same bytes")
	// ErrFull is returned when a ring would have more than 16 keys. Retire some, or
	// use [Keyring.Replace].
	ErrFull = errors.New("keyring: more than 16 keys; retire or replace one")
	// ErrUnknownKey is returned when the ring has no key with this id.
	ErrUnknownKey = errors.New("keyring: no key of this id in the ring")
	// ErrOlder is returned when a key would become primary without being newer than all
	// others. Instances never reseal under an older key, so going back to one would
	// leave sessions behind. To roll back, use [Keyring.Rotate].
	ErrOlder = errors.New("keyring: a primary must be newer than every other key; rotate instead")
	// ErrInUse is returned when the key to retire is the primary, or the last one.
	ErrInUse = errors.New("keyring: the primary and the last key cannot be retired")
)

// A Keyring is an ordered set of keys: one primary that seals, and fallbacks that
// only open. It is immutable and safe for concurrent use. Every operation returns a
// new ring.
//
// The primary is the first key that is active. Since keys may have an activation
// time, that can change, and [Keyring.At] returns the ring as of a given time. In a
// ring that didn't come from At, only keys without an activation time count as
// active. Every key in the ring can open tokens, at any time.
//
// A nil *Keyring and the zero Keyring have no keys. They open nothing and seal
// nothing, and all their methods can be called.
type Keyring struct {
	set     *keyset
	primary int // index in set.keys; -1 when no key is active
}

// keyset holds what all views of a ring share.
type keyset struct {
	keys   []Key           // in order
	packed [maxKeys]uint64 // their kids as numbers, by index
	views  []Keyring       // views[i] has primary i; the last has none

	// table finds a kid by open addressing with linear probing. A slot holds index+1,
	// or 0 if it is empty. The table is at most a quarter full, so a probe nearly
	// always takes one step, and a ring of 16 keys is as fast as a ring of one.
	table [tableSize]uint8
}

const (
	tableSize = 4 * maxKeys
	tableBits = 6 // log2(tableSize)
)

// slot returns where the search for a kid starts. It is Fibonacci hashing, with the odd
// number nearest to 2^64 divided by the golden ratio (Knuth, TAOCP 3, §6.4).
func slot(packed uint64) uint64 { return packed * 0x9E3779B97F4A7C15 >> (64 - tableBits) }

// build makes a ring from keys that are known to be good. It returns the view for a
// time in Unix milliseconds (0 means that no activation time has come).
func build(keys []Key, at int64) *Keyring {
	s := &keyset{keys: keys, views: make([]Keyring, len(keys)+1)}
	for i := range s.views {
		s.views[i] = Keyring{set: s, primary: i}
	}
	s.views[len(keys)].primary = -1
	for i, k := range keys {
		s.packed[i] = k.p.packed
		n := slot(k.p.packed)
		for s.table[n] != 0 {
			n = (n + 1) % tableSize
		}
		s.table[n] = uint8(i + 1)
	}
	return s.at(at)
}

// Generate returns a ring with one new random key. It is for tests, demos and
// programs whose sessions may end with the process, because nothing else knows the
// key.
func Generate() *Keyring { return build([]Key{NewKey()}, 0) }

// New returns a ring of the given keys, in this order. The first active one is the
// primary. New refuses an empty list, zero Keys, more than 16 keys, and keys with the
// same id or bytes, and reports all faults at once. It doesn't demand that the first
// key is the newest. That rule is for changes to a ring, not for what a file may
// contain.
func New(keys ...Key) (*Keyring, error) {
	if err := check(keys); err != nil {
		return nil, err
	}
	return build(slices.Clone(keys), 0), nil
}

func check(keys []Key) error {
	var errs []error
	if len(keys) == 0 || slices.ContainsFunc(keys, func(k Key) bool { return k.p == nil }) {
		errs = append(errs, ErrNoKey)
	}
	if len(keys) > maxKeys {
		return errors.Join(append(errs, ErrFull)...) // no point in comparing each with each
	}
	for i, k := range keys {
		if k.p != nil && slices.ContainsFunc(keys[:i], k.clashes) {
			errs = append(errs, ErrDuplicate)
			break
		}
	}
	return errors.Join(errs...)
}

// clashes reports whether two keys can't be in the same ring.
func (k Key) clashes(other Key) bool {
	return other.p != nil && (k.p.id == other.p.id || k.sameSecret(other))
}

func (r *Keyring) empty() bool { return r == nil || r.set == nil }

// At returns the ring as of now: its primary is the first key whose activation time has
// come, if there is one. For the zero time At returns nil, a ring that opens and seals
// nothing, because a clock that wasn't set must not decide. At doesn't allocate.
//
// This makes a *Keyring its own [Source].
func (r *Keyring) At(now time.Time) *Keyring {
	if r.empty() || now.IsZero() {
		return nil
	}
	// The first key nearly always decides, usually without looking at the time.
	if r.set.keys[0].p.active == 0 {
		return &r.set.views[0]
	}
	return r.set.at(max(now.UnixMilli(), 0)) // "at once" includes times before 1970
}

func (s *keyset) at(ms int64) *Keyring {
	for i := range s.keys {
		if s.keys[i].activeAt(ms) {
			return &s.views[i]
		}
	}
	return &s.views[len(s.keys)]
}

// asOf returns the earliest time at which the ring has its current primary. An
// operation returns its result as of the same time as the ring it started from.
func (r *Keyring) asOf() int64 {
	if r.primary < 0 {
		return 0
	}
	return r.set.keys[r.primary].p.active
}

// Primary returns the key that seals, or the zero Key when no key is active.
func (r *Keyring) Primary() Key {
	if r.empty() || r.primary < 0 {
		return Key{}
	}
	return r.set.keys[r.primary]
}

// Key returns the key with this id, primary or fallback. It is equally fast for any
// number of keys and doesn't allocate. It doesn't have to run in constant time,
// because ids are public.
func (r *Keyring) Key(id string) (Key, bool) {
	if r.empty() || len(id) != idLen {
		return Key{}, false
	}
	s, p := r.set, pack(id)
	for n := slot(p); ; n++ {
		i := s.table[n%tableSize]
		if i == 0 {
			return Key{}, false
		}
		if s.packed[(i-1)%maxKeys] == p {
			return s.keys[i-1], true
		}
	}
}

// Keys returns the keys in order, in a slice that the caller owns.
func (r *Keyring) Keys() []Key {
	if r.empty() {
		return nil
	}
	return slices.Clone(r.set.keys)
}

// Add returns a ring with one more key. A key whose activation is later than its
// creation (see [NewKeyAt]) goes first, and takes over when its time comes. It must
// be newer than all others, or Add returns [ErrOlder]. Any other key goes last, as a
// fallback, so that every instance can open what the key seals once it is promoted.
func (r *Keyring) Add(k Key) (*Keyring, error) {
	if r.empty() || k.p == nil {
		return nil, ErrNoKey
	}
	if k.p.active > k.p.created {
		return r.first(k, r.set.keys)
	}
	return r.with(append(r.Keys(), k))
}

// Promote returns a ring in which the key with this id is the primary: it comes first
// and is active at once. It must be newer than every other key, or Promote returns
// [ErrOlder].
func (r *Keyring) Promote(id string) (*Keyring, error) {
	k, ok := r.Key(id)
	if !ok {
		return nil, r.missing()
	}
	return r.first(k.withActive(0), r.without(id))
}

// Rotate returns a ring with a new random key first, active at once, and all others
// as fallbacks. It suits one process, or a fleet that reads one store in every
// request. If instances take time to see a change, add the key first and promote it
// later, so that no instance gets a token under a key it doesn't have.
//
// The new key is newer than all others, even if one of them was made while a clock was
// ahead.
func (r *Keyring) Rotate() (*Keyring, error) {
	if r.empty() {
		return nil, ErrNoKey
	}
	return r.renew(r.set.keys)
}

// Replace returns a ring without the key with this id, and with a new primary made as
// in [Keyring.Rotate]. Sessions sealed under that key end, and all others go on.
// Use it when a key has leaked. Because both happen in one step, it also works for
// the primary and for the last key, which Retire refuses, and in a full ring, which
// Rotate refuses.
func (r *Keyring) Replace(id string) (*Keyring, error) {
	if _, ok := r.Key(id); !ok {
		return nil, r.missing()
	}
	return r.renew(r.without(id))
}

// renew puts a new random key before others. The key is newer than every key in r,
// even one that is being removed, since instances that haven't seen the change still
// have that one.
func (r *Keyring) renew(others []Key) (*Keyring, error) {
	created := time.Now().UnixMilli()
	for _, k := range r.set.keys {
		created = max(created, k.p.created+1)
	}
	fresh := newKey(created, 0)
	// Time ends with the year 9999, and newKey with it.
	if slices.ContainsFunc(r.set.keys, func(k Key) bool { return fresh.Compare(k) <= 0 }) {
		return nil, ErrOlder
	}
	return r.with(append([]Key{fresh}, others...))
}

// Retire returns a ring without the key with this id. Sessions sealed under it end,
// so wait until its successor has been primary everywhere for as long as a session
// can live. For the primary and the last key, Retire returns [ErrInUse]. If keys have
// activation times, call [Keyring.At] first. Otherwise Retire may not know which key
// is primary.
func (r *Keyring) Retire(id string) (*Keyring, error) {
	k, ok := r.Key(id)
	if !ok {
		return nil, r.missing()
	}
	rest := r.without(id)
	if len(rest) == 0 || r.Primary().Compare(k) == 0 {
		return nil, ErrInUse
	}
	return r.with(rest)
}

// inherit returns r as it should follow old in a Source: keys that are in both are
// taken from old. If there are none, it returns r itself, and if no key differs, old
// itself. (Which of them is primary doesn't matter, because the Source's At decides
// that.)
func (r *Keyring) inherit(old *Keyring) *Keyring {
	if r.empty() || old.empty() {
		return r
	}
	keys := r.Keys()
	for i, k := range keys {
		if o, ok := old.Key(k.p.id); ok {
			keys[i] = k.inherit(o)
		}
	}
	same := func(a, b Key) bool { return a.p == b.p }
	switch {
	case slices.EqualFunc(keys, old.set.keys, same):
		return old
	case slices.EqualFunc(keys, r.set.keys, same):
		return r
	}
	return build(keys, r.asOf())
}

func (r *Keyring) missing() error {
	if r.empty() {
		return ErrNoKey
	}
	return ErrUnknownKey
}

func (r *Keyring) without(id string) []Key {
	return slices.DeleteFunc(r.Keys(), func(k Key) bool { return k.p.id == id })
}

// first puts k before the others. It must be newer than all of them.
func (r *Keyring) first(k Key, others []Key) (*Keyring, error) {
	for _, o := range others {
		if k.Compare(o) <= 0 && !k.clashes(o) { // a duplicate has its own error
			return nil, ErrOlder
		}
	}
	return r.with(append([]Key{k}, others...))
}

// with returns a ring of these keys as of the same time as r.
func (r *Keyring) with(keys []Key) (*Keyring, error) {
	if err := check(keys); err != nil {
		return nil, err
	}
	return build(keys, r.asOf()), nil
}
