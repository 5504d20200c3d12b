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

// A table holds spans by the hash of whom they are about. One writer at a time adds and
// changes entries while any number of readers look them up. An entry keeps its slot as
// long as the table lives; leaving out those that are over takes a new table.
//
// Collisions go to the next slot. The slots are in the order of the hashes, so the number
// of slots can be any.
type table struct {
	base  int64 // Unix time of the time 0
	used  int   // slots taken; the writer's
	slots []slot
}

// A slot's time is 32 bits of before and 32 of until, both from the table's base. Time is
// stored before key: who finds a key finds its time.
type slot struct{ key, time atomic.Uint64 }

const (
	minSlots = 4
	// A table is full at 4/5, and a new one has room for 1/4 more marks.
	fullNum, fullDen = 4, 5
	growNum, growDen = 5, 4

	// The base is 68 years back, so 68 years are ahead. A table is replaced when half
	// of that is gone, in either direction.
	half    = 1 << 31
	never   = math.MaxUint32 // an until that is beyond
	slotLen = 16
)

// newTable returns an empty table with room for n entries and some more, for times
// around now.
func newTable(n int, now int64) *table {
	want := (n*growNum/growDen + 1) * fullDen / fullNum
	return &table{base: now - half, slots: make([]slot, max(want, minSlots))}
}

func (t *table) full() bool { return (t.used+1)*fullDen > len(t.slots)*fullNum }

// near reports whether the table can hold times around now.
func (t *table) near(now int64) bool {
	d := now - t.base
	return d > half/2 && d < half+half/2
}

// find returns the slot of a key, or if it has none, the empty one that would be its.
func (t *table) find(key uint64) (s *slot, found bool) {
	hi, _ := bits.Mul64(key, uint64(len(t.slots)))
	for i := int(hi); ; {
		s := &t.slots[i]
		switch s.key.Load() {
		case key:
			return s, true
		case 0:
			return s, false
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

func (t *table) get(key uint64) (span, bool) {
	if t == nil {
		return span{}, false
	}
	s, found := t.find(key)
	if !found {
		return span{}, false
	}
	return t.span(s.time.Load()), true
}

func (t *table) span(time uint64) span {
	before, until := time>>32, time&never
	s := span{t.base + int64(before), t.base + int64(until)}
	if until == never {
		s.until = math.MaxInt64
	}
	return s
}

func (t *table) time(s span) uint64 {
	before := min(max(s.before, t.base), t.base+never)
	until := min(max(s.until, t.base), t.base+never)
	return uint64(before-t.base)<<32 | uint64(until-t.base)
}

// put adds an entry, which the table doesn't have and has room for.
func (t *table) put(key uint64, s span) {
	slot, _ := t.find(key)
	slot.time.Store(t.time(s))
	slot.key.Store(key)
	t.used++
}

// live returns how many entries aren't over at now.
func (t *table) live(now int64) int {
	n := 0
	for i := range t.slots {
		if s := &t.slots[i]; s.key.Load() != 0 && !t.span(s.time.Load()).over(now) {
			n++
		}
	}
	return n
}

// rebuilt returns a table with the entries that aren't over at now, and room for more.
func (t *table) rebuilt(now int64) *table {
	if t == nil {
		return newTable(0, now)
	}
	next := newTable(t.live(now), now)
	for i := range t.slots {
		s := &t.slots[i]
		key := s.key.Load()
		if key == 0 {
			continue
		}
		if span := t.span(s.time.Load()); !span.over(now) {
			next.put(key, span)
		}
	}
	return next
}
