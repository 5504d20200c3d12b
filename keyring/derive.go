package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	// version is the first part of every HKDF info. It keeps a later format of this
	// module from sharing a subkey with this one.
	version = "hardtack/v1"

	// wornSeals is the number of seals after which a key says that it is worn. NIST
	// SP 800-38D §8.3 allows 2^32 with random IVs. Half of that leaves the operator
	// some time, since counters are per process and a fleet must sum them.
	wornSeals = 1 << 31

	// maxListed is how many values a key finds in a list, which is faster than a map for
	// the handful of labels that a program uses for each cookie. maxCached limits what a
	// key caches in all. It has room for 170 cookies, such as those of an application's
	// customers. More than this means that a label contains request data.
	maxListed = 32
	maxCached = 1024
)

// A Label says what a subkey is for. If two labels differ in any field, their subkeys
// are unrelated, even if their fields concatenate to the same text.
type Label struct {
	Purpose  string // such as "seal" or "stamp"
	Audience string // the application, if several share a ring; may be ""
	Name     string // the cookie's name; "" if the purpose has none
}

// info returns the HKDF info of the label. Every part carries its length, so nothing
// can move from one part to the next (as it could in oauth2-proxy and in Django,
// CVE-2026-6873).
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
// where lp writes the length of each part as 4 bytes, big endian, before the part. The
// caller owns the result. For the zero Key it is nil.
//
// Derive takes about a microsecond (ten in WebAssembly). On a path that every request
// takes, use [Key.Cache].
func (k Key) Derive(l Label) []byte {
	if k.p == nil {
		return nil
	}
	root := k.p.root()
	// Errors are for lengths and hashes that this call can't have. If a FIPS module
	// should refuse anyway, nil fails closed later.
	sub, err := hkdf.Key(sha256.New, root[:], nil, l.info(), sha256.Size)
	if err != nil {
		return nil
	}
	return sub
}

// live is the part of a key that changes: its cache and its counters.
type live struct {
	cache atomic.Pointer[subkeys]
	grow  sync.Mutex // held while an entry is added to the cache

	// Every request reads cache and writes the counters. If they shared a cache line,
	// the writes of one core would slow down the reads of all others.
	_ [128]byte

	opened atomic.Uint64
	last   atomic.Int64 // Unix seconds
	sealed atomic.Uint64
	_      [104]byte
}

// subkeys are what a key has cached. They don't change: each addition makes new ones.
type subkeys struct {
	list []cached
	more map[Label]any // once the list is full
}

type cached struct {
	label Label
	value any
}

// Cache returns what build makes from the label's subkey, such as a cipher or a pool of
// prepared MACs, and keeps it for as long as the key lives. It is meant for authors of
// codecs. A read takes no lock and doesn't allocate.
//
// All copies of a Key share one cache, and a [File] that finds the same key again after
// a reload keeps the cache. A label stands for one kind of value, so callers must not
// use one label with two kinds of build. If several goroutines are the first to ask,
// build may run in each of them, but all get the same result. build owns the subkey. It
// may return nil, which isn't cached.
//
// Labels must not come from requests. A key caches values for 1,024 of them, and for any
// other label build runs every time. For the zero Key, Cache returns nil without
// calling build.
func (k Key) Cache(l Label, build func(subkey []byte) any) any {
	if k.p == nil {
		return nil
	}
	if have := k.p.live.cache.Load(); have != nil {
		// The code that made an entry asks for it with the very same strings. So
		// comparing their addresses nearly always finds it, in a third of the time that
		// the loop below takes (BenchmarkCache).
		for i := range have.list {
			if e := &have.list[i]; same(e.label.Purpose, l.Purpose) && same(e.label.Audience, l.Audience) && same(e.label.Name, l.Name) {
				return e.value
			}
		}
		if value, ok := have.find(l); ok {
			return value
		}
	}
	return k.remember(l, build)
}

// same reports whether two strings are in the same place in memory. If they are, they
// are equal.
func same(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}

// remember is Cache for a label that isn't there yet. It calls build before it locks,
// so that build can use the cache itself.
func (k Key) remember(l Label, build func([]byte) any) any {
	value := build(k.Derive(l))
	if value == nil {
		return nil
	}
	s := k.p.live
	s.grow.Lock()
	defer s.grow.Unlock()
	var next subkeys // readers keep the old ones
	if have := s.cache.Load(); have != nil {
		next = *have
	}
	if first, ok := next.find(l); ok {
		return first // another goroutine's
	}
	switch n := len(next.list); {
	case n < maxListed:
		next.list = append(next.list[:n:n], cached{l, value})
	case n+len(next.more) < maxCached:
		more := map[Label]any{l: value}
		maps.Copy(more, next.more)
		next.more = more
	default:
		return value
	}
	s.cache.Store(&next)
	return value
}

// find returns the value of a label, wherever the label's strings are in memory.
func (s *subkeys) find(l Label) (value any, ok bool) {
	for i := range s.list {
		if e := &s.list[i]; e.label == l {
			return e.value, true
		}
	}
	value, ok = s.more[l]
	return value, ok
}

// Counters say how much a key has been used in this process since it was first loaded.
// Each process has its own, and by design they never leave it. Sum them over a fleet
// yourself.
//
// A [File], a [Holder] and a [Schedule] pass them on from one ring to the next, by the
// key's id. [Parse] doesn't know about earlier rings and starts at zero, so give its
// ring to a Holder instead of parsing in every request.
type Counters struct {
	Sealed uint64 // tokens sealed
	Opened uint64 // tokens opened

	// LastOpened is when a token was last opened, to the second, in UTC, or the zero
	// time if none was. A key that hasn't been used for longer than a session can live
	// can be retired.
	LastOpened time.Time

	// Worn says that this process alone has sealed 2^31 tokens under the key. NIST
	// SP 800-38D allows 2^32 under one key with random IVs, across the whole fleet,
	// so it's time to rotate.
	Worn bool
}

// CountSeal counts a token sealed under the key. The session store and package ticket
// call it; codecs don't. It does nothing for the zero Key.
func (k Key) CountSeal() {
	if k.p != nil {
		k.p.live.sealed.Add(1)
	}
}

// CountOpen counts a token opened under the key at now. The session store and package
// ticket call it; codecs don't. It does nothing for the zero Key.
func (k Key) CountOpen(now time.Time) {
	if k.p == nil {
		return
	}
	s := k.p.live
	s.opened.Add(1)
	// Store it only when it moves on. Two goroutines may race here at the turn of a
	// second, but then both their seconds are true.
	if sec := now.Unix(); sec > s.last.Load() {
		s.last.Store(sec)
	}
}

// Counters returns the key's counters. For the zero Key they are all zero.
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
