package marks

import (
	"math"
	"math/bits"
	"sync/atomic"
)

// A span is what a mark says, without about whom: it ends sessions issued before Before,
// until Until.
type span struct{ before, until int64 }

// over reports whether a writer may forget the mark at now. It waits a minute longer than
// Until, for requests that began earlier.
func (s span) over(now int64) bool { return s.until < now-leeway+1 }

// with returns both marks in one.
func (s span) with(other span) span {
	return span{max(s.before, other.before), max(s.until, other.until)}
}

// A span is kept in 64 bits: 33 of before, which end in the year 2242, and 31 of the time
// from a minute earlier to until, 68 years. An until that is further away is never.
const (
	beforeMax = 1<<33 - 1
	lengthLen = 31
	forever   = 1<<lengthLen - 1
)

func (s span) pack() uint64 {
	before := min(max(s.before, 0), beforeMax)
	length := min(max(s.until-before, -leeway), forever-leeway) + leeway
	return uint64(before)<<lengthLen | uint64(length)
}

func unpack(v uint64) span {
	before, length := int64(v>>lengthLen), int64(v&forever)
	if length == forever {
		return span{before, math.MaxInt64}
	}
	return span{before, before - leeway + length}
}

// A table holds spans by the hash of whom they are about. One writer at a time adds and
// changes entries while any number of readers look them up. An entry keeps its slot as
// long as the table lives; leaving out those that are over takes a new table.
//
// Slots are in groups of eight. A hash belongs into the group that its first bits say, or
// into the next that has room. A word for each group holds a byte of each hash in it, so
// that a lookup which finds nothing, as nearly all do, hardly ever reads a slot: with a
// million marks the words are 1.5 MB, and the slots 24 MB.
type table struct {
	used  int // slots taken; the writer's
	tags  []atomic.Uint64
	slots []slot
}

// A slot's time is a packed span. It is stored first, then the key, and then the tag: who
// finds a tag finds its key, and who finds a key finds its time.
type slot struct{ key, time atomic.Uint64 }

const (
	group   = 8
	bytesOf = 8 + group*16 // of a group

	// A table is full at 3/4, and a new one has room for a quarter more marks. At 7/8 it
	// takes a seventh less memory, and a lookup a third more time.
	fullNum, fullDen = 3, 4
	growth           = 4

	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// newTable returns an empty table with room for one entry more than n, and for a quarter
// on top.
func newTable(n int) *table {
	groups := (n+n/growth+1)/(group*fullNum/fullDen) + 1
	return &table{tags: make([]atomic.Uint64, groups), slots: make([]slot, groups*group)}
}

// full reports whether there is no room for another entry.
func (t *table) full() bool {
	return t == nil || (t.used+1)*fullDen > len(t.slots)*fullNum
}

func (t *table) bytes() int64 {
	if t == nil {
		return 0
	}
	return int64(len(t.tags)) * bytesOf
}

// tag returns a byte of a key that is never 0. Neither the shard nor, in any but the
// largest tables, the group goes by it.
func tag(key uint64) uint64 { return key>>8&0xff | 0x80 }

// find returns the slot of a key, or nil.
func (t *table) find(key uint64) *slot {
	if t == nil {
		return nil
	}
	all := tag(key) * ones
	hi, _ := bits.Mul64(key, uint64(len(t.tags)))
	g := int(hi)
	for range t.tags {
		tags := t.tags[g].Load()
		// The bytes that are the tag, and perhaps some that aren't.
		x := tags ^ all
		for m := (x - ones) & ^x & highs; m != 0; m &= m - 1 {
			s := &t.slots[g*group+bits.TrailingZeros64(m)/8]
			if s.key.Load() == key {
				return s
			}
		}
		if tags&highs != highs { // nothing went on to the next group
			return nil
		}
		if g++; g == len(t.tags) {
			g = 0
		}
	}
	return nil
}

// put adds an entry, which the table doesn't have and has room for.
func (t *table) put(key uint64, s span) {
	hi, _ := bits.Mul64(key, uint64(len(t.tags)))
	g := int(hi)
	for range t.tags {
		tags := t.tags[g].Load()
		if free := ^tags & highs; free != 0 {
			at := bits.TrailingZeros64(free) / 8
			slot := &t.slots[g*group+at]
			slot.time.Store(s.pack())
			slot.key.Store(key)
			t.tags[g].Store(tags | tag(key)<<(8*at))
			t.used++
			return
		}
		if g++; g == len(t.tags) {
			g = 0
		}
	}
}

func (t *table) get(key uint64) (span, bool) {
	s := t.find(key)
	if s == nil {
		return span{}, false
	}
	return unpack(s.time.Load()), true
}

// all calls f for each entry that isn't over at now.
func (t *table) all(now int64, f func(key uint64, s span)) {
	if t == nil {
		return
	}
	for i := range t.slots {
		if t.tags[i/group].Load()>>(i%group*8)&0x80 == 0 {
			continue
		}
		slot := &t.slots[i]
		if s := unpack(slot.time.Load()); !s.over(now) {
			f(slot.key.Load(), s)
		}
	}
}

// live returns how many entries aren't over at now.
func (t *table) live(now int64) int {
	n := 0
	t.all(now, func(uint64, span) { n++ })
	return n
}

// rebuilt returns a table with the entries that aren't over at now, and room for more.
func (t *table) rebuilt(now int64) *table {
	next := newTable(t.live(now))
	t.all(now, next.put)
	return next
}
