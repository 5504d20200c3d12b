package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	// version is the first part of every HKDF info, so that a later format of
	// this module can never share a subkey with this one.
	version = "hardtack/v1"

	// wornSeals is the number of seals after which a key says that it is worn.
	// NIST SP 800-38D §8.3 allows 2^32 with random IVs; half of it leaves an
	// operator time, since counters are per process and a fleet must sum them.
	wornSeals = 1 << 31

	// maxCached bounds what a key remembers. A program uses a handful of labels
	// for each cookie; more than this means that a label holds request data.
	maxCached = 64
)

// A Label says what a subkey is for. Two labels that differ in any field have
// unrelated subkeys, also where their fields concatenate to the same text.
type Label struct {
	Purpose  string // such as "seal" or "stamp"
	Audience string // the application, if several share a ring; may be ""
	Name     string // the cookie's name; "" where the purpose has none
}

// info is the HKDF info of the label. Every part carries its length, so that
// nothing can move from one part to the next (the oauth2-proxy and Django
// CVE-2026-6873 kind of mistake).
func (l Label) info() string {
	b := make([]byte, 0, 64)
	for _, part := range [...]string{version, l.Purpose, l.Audience, l.Name} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return string(b)
}

// Derive returns the 32-byte subkey of a label: HKDF-SHA256 (RFC 5869) of the
// key's bytes, with an empty salt and the info
//
//	lp("hardtack/v1", Purpose, Audience, Name)
//
// where lp writes the length of each part as 4 bytes, big endian, before the
// part. The caller owns the result. It is nil for the zero Key.
//
// It costs about a microsecond (ten in WebAssembly): on a path that every
// request takes, use [Key.Cache].
func (k Key) Derive(l Label) []byte {
	if k.p == nil {
		return nil
	}
	root := k.p.root()
	// The error is for lengths and hashes that this call cannot have; if a
	// FIPS module should refuse all the same, nil fails closed further on.
	sub, err := hkdf.Key(sha256.New, root[:], nil, l.info(), sha256.Size)
	if err != nil {
		return nil
	}
	return sub
}

// live is the part of a key that changes: what it remembers and what it counts.
type live struct {
	cache atomic.Pointer[[]cached]
	grow  sync.Mutex // held while the cache gets an entry

	// Every request reads cache and writes the counters. On one cache line the
	// writes of one core would slow the reads of all others.
	_ [128]byte

	opened atomic.Uint64
	last   atomic.Int64 // Unix seconds
	sealed atomic.Uint64
	_      [104]byte
}

type cached struct {
	label Label
	value any
}

// Cache returns what build makes of the label's subkey, and remembers it for as
// long as the key lives: a cipher, say, or a pool of prepared MACs. It is meant
// for authors of codecs. A read takes no lock and does not allocate.
//
// All copies of a Key share what is remembered, and a [File] that finds the same
// key again after a reload keeps it. A label stands for one kind of value, so
// callers must not use one label with two kinds of build. When several
// goroutines come first, build may run in each, and all get the same result.
// build owns the subkey. It may return nil, which is not remembered.
//
// Labels must not come from requests: a key remembers 64 of them, and for any
// further one build runs every time. For the zero Key, Cache returns nil and
// does not call build.
func (k Key) Cache(l Label, build func(subkey []byte) any) any {
	if k.p == nil {
		return nil
	}
	if list := k.p.live.cache.Load(); list != nil {
		// Whoever made an entry asks again with the very same strings, so comparing
		// where they stand nearly always finds it, in a third of the time that the
		// loop below takes (BenchmarkCache).
		for i := range *list {
			if e := &(*list)[i]; same(e.label.Purpose, l.Purpose) && same(e.label.Audience, l.Audience) && same(e.label.Name, l.Name) {
				return e.value
			}
		}
		for i := range *list {
			if e := &(*list)[i]; e.label == l {
				return e.value
			}
		}
	}
	return k.remember(l, build)
}

// same reports whether two strings stand at the same place in memory. If so they
// are equal.
func same(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}

// remember is Cache for a label that is not there. It builds before it locks,
// so that build may itself use the cache.
func (k Key) remember(l Label, build func([]byte) any) any {
	value := build(k.Derive(l))
	if value == nil {
		return nil
	}
	s := k.p.live
	s.grow.Lock()
	defer s.grow.Unlock()
	var old []cached
	if list := s.cache.Load(); list != nil {
		old = *list
	}
	for i := range old {
		if old[i].label == l {
			return old[i].value // another goroutine was first
		}
	}
	if len(old) < maxCached {
		list := append(old[:len(old):len(old)], cached{l, value}) // readers keep the old one
		s.cache.Store(&list)
	}
	return value
}

// Counters say how much a key was used in this process, since it was first
// loaded. They are kept per process and by design never leave it: sum them over
// a fleet yourself.
//
// A [File], a [Holder] and a [Schedule] hand them on from one ring to the next, by
// the key's id. [Parse] knows of no ring before and starts at
// zero: give the ring to a Holder instead of parsing in every request.
type Counters struct {
	Sealed uint64 // tokens sealed
	Opened uint64 // tokens opened

	// LastOpened is when a token was last opened, to the second, in UTC; the
	// zero time if never. A key that was not used for longer than the longest
	// session life can be retired.
	LastOpened time.Time

	// Worn says that this process alone has sealed 2^31 tokens under the key.
	// NIST SP 800-38D allows 2^32 under one key with random IVs, over the whole
	// fleet: rotate.
	Worn bool
}

// CountSeal counts a token sealed under the key. The session store calls it;
// codecs do not. It does nothing for the zero Key.
func (k Key) CountSeal() {
	if k.p != nil {
		k.p.live.sealed.Add(1)
	}
}

// CountOpen counts a token opened under the key at now. The session store calls
// it; codecs do not. It does nothing for the zero Key.
func (k Key) CountOpen(now time.Time) {
	if k.p == nil {
		return
	}
	s := k.p.live
	s.opened.Add(1)
	// Stored only when it moves on. Two goroutines may race here at the turn of
	// a second; the loser's second is as true as the winner's.
	if sec := now.Unix(); sec > s.last.Load() {
		s.last.Store(sec)
	}
}

// Counters returns the key's counters; all zero for the zero Key.
func (k Key) Counters() Counters {
	if k.p == nil {
		return Counters{}
	}
	s := k.p.live
	c := Counters{Sealed: s.sealed.Load(), Opened: s.opened.Load()}
	if sec := s.last.Load(); sec > 0 {
		c.LastOpened = time.Unix(sec, 0).UTC()
	}
	c.Worn = c.Sealed >= wornSeals
	return c
}
