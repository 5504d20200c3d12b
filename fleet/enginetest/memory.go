package enginetest

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// ErrDown is returned by engines of a [Memory] that is down, or whose connection is.
var ErrDown = errors.New("enginetest: the storage is down")

// A Memory is a storage in memory for simulations, with faults that real ones have. It
// goes by the clock of package time, so it can be used inside of a synctest bubble. The
// zero Memory is empty. It is safe for concurrent use and must not be copied.
type Memory struct {
	mu     sync.Mutex
	log    []entry // by position
	last   uint64  // the last position
	epoch  int     // how often everything was lost or restored
	news   chan struct{}
	down   bool
	counts map[string]Count
}

type entry struct {
	pos      uint64
	at       time.Time // when it was stored
	until    time.Time // zero for what Swap stored
	replaced bool      // by another value of the name
	event    fleet.Event
}

// history is for how long a watch that is late still tells what was replaced.
const history = time.Minute

// A Count is how often something happened to names of one kind: ring, beat, or m for
// marks.
type Count struct {
	Swaps     int // attempts to swap
	Conflicts int // those that came too late
	Appends   int // attempts to append
	Stored    int // bytes of names and values in those attempts
	Told      int // events that watches were told
	Sent      int // bytes of names and values in those events
}

// A Copy is what a Memory held at some time.
type Copy struct{ log []entry }

// Open returns an Engine over m, as one instance of an application has it.
func (m *Memory) Open() *Conn { return &Conn{m: m} }

// Down makes every call of every engine fail, and ends their watches, or ends that.
func (m *Memory) Down(down bool) { m.change(func() { m.down = down }) }

// Lose forgets everything. Watches are told nothing, and go on.
func (m *Memory) Lose() { m.Restore(Copy{}) }

// Copy returns a copy of everything.
func (m *Memory) Copy() (c Copy) {
	m.change(func() { c.log = slices.Clone(m.log) })
	return c
}

// Restore goes back to a copy. Watches are told nothing, and go on.
func (m *Memory) Restore(c Copy) {
	m.change(func() { m.log, m.epoch = slices.Clone(c.log), m.epoch+1 })
}

// Forge stores a value past all checks. It is what somebody can do who owns the storage.
func (m *Memory) Forge(name string, value []byte) {
	m.change(func() {
		rev := uint64(0)
		if !strings.Contains(name, ".") {
			rev = m.current(name) + 1
		}
		m.put(name, value, rev, time.Time{})
	})
}

// Stored returns what is stored, by name.
func (m *Memory) Stored() map[string][]byte {
	all := map[string][]byte{}
	m.change(func() {
		for _, e := range m.log {
			if !e.over() && !e.replaced {
				all[e.event.Name] = e.event.Value
			}
		}
	})
	return all
}

// Counts returns the counts of names, by what is before their first dot, and begins again
// at zero.
func (m *Memory) Counts() (counts map[string]Count) {
	m.change(func() { counts, m.counts = m.counts, nil })
	return counts
}

// change calls f under the lock and wakes all watches.
func (m *Memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	if m.news != nil {
		close(m.news)
		m.news = nil
	}
}

// wait returns a channel that the next change closes. m is locked.
func (m *Memory) wait() <-chan struct{} {
	if m.news == nil {
		m.news = make(chan struct{})
	}
	return m.news
}

func (m *Memory) count(name string, add func(*Count)) {
	kind, _, _ := strings.Cut(name, ".")
	if m.counts == nil {
		m.counts = map[string]Count{}
	}
	c := m.counts[kind]
	add(&c)
	m.counts[kind] = c
}

func (e *entry) over() bool { return !e.until.IsZero() && !time.Now().Before(e.until) }

// find returns the index of what is stored under a name, or -1.
func (m *Memory) find(name string) int {
	return slices.IndexFunc(m.log, func(e entry) bool { return e.event.Name == name && !e.over() && !e.replaced })
}

func (m *Memory) current(name string) uint64 {
	if i := m.find(name); i >= 0 {
		return m.log[i].event.Revision
	}
	return 0
}

func (m *Memory) put(name string, value []byte, rev uint64, until time.Time) {
	if i := m.find(name); i >= 0 {
		m.log = slices.Clone(m.log) // a Copy may have the one before
		m.log[i].replaced = true
		m.log = slices.DeleteFunc(m.log, func(e entry) bool { return e.replaced && time.Since(e.at) > history })
	}
	m.last++
	event := fleet.Event{Name: name, Value: slices.Clone(value), Revision: rev}
	m.log = append(m.log, entry{pos: m.last, at: time.Now(), until: until, event: event})
}

// A Conn is an Engine over a [Memory]. Its faults are those of one connection.
type Conn struct {
	m *Memory

	// These are guarded by m.mu.
	down, hanging, unanswered bool
	silence                   int // how often Silence was called
	delay                     time.Duration
	watches                   int
	told                      uint64 // where the last watch ended
	epoch                     int    // in which epoch
}

var _ fleet.Engine = (*Conn)(nil)

// Down makes every call fail, and ends watches, or ends that.
func (c *Conn) Down(down bool) { c.m.change(func() { c.down = down }) }

// Hang makes Swap and Append wait until their context ends, and watches that are opened
// or open say nothing, or ends that: a network that swallows everything.
func (c *Conn) Hang(hang bool) {
	c.m.change(func() {
		if c.hanging = hang; hang {
			c.silence++
		}
	})
}

// Silence makes the watches that are open say nothing any more, for good and without an
// error. Those that are opened later work.
func (c *Conn) Silence() { c.m.change(func() { c.silence++ }) }

// Delay makes watches tell each change that much later.
func (c *Conn) Delay(d time.Duration) { c.m.change(func() { c.delay = d }) }

// LoseAnswers makes Swap and Append store the value and return an error all the same, or
// ends that.
func (c *Conn) LoseAnswers(lose bool) { c.m.change(func() { c.unanswered = lose }) }

// call runs f under the lock, unless a fault prevents it.
func (c *Conn) call(ctx context.Context, name string, value []byte, f func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fleet.Check(name, value); err != nil {
		return err
	}
	hanging := false
	c.m.change(func() {
		switch {
		case c.down || c.m.down:
			err = ErrDown
		case c.hanging:
			hanging = true
		default:
			if err = f(); err == nil && c.unanswered {
				err = ErrDown
			}
		}
	})
	if hanging {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

// Swap is that of fleet.Engine.
func (c *Conn) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	next := rev + 1
	err := c.call(ctx, name, value, func() error {
		conflict := c.m.current(name) != rev
		c.m.count(name, func(n *Count) {
			n.Swaps++
			n.Stored += len(name) + len(value)
			if conflict {
				n.Conflicts++
			}
		})
		if conflict {
			return fleet.ErrConflict
		}
		c.m.put(name, value, next, time.Time{})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// Append is that of fleet.Engine.
func (c *Conn) Append(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	return c.call(ctx, name, value, func() error {
		c.m.count(name, func(n *Count) {
			n.Appends++
			n.Stored += len(name) + len(value)
		})
		if c.m.find(name) < 0 {
			c.m.put(name, value, 0, time.Now().Add(ttl))
		}
		return nil
	})
}

// Watch is that of fleet.Engine. It goes on where the last one ended, unless there is
// another one at the same time, or everything was lost.
func (c *Conn) Watch(ctx context.Context, f func(fleet.Event)) error {
	m := c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	silence, began, epoch, pos, synced := c.silence, m.epoch, m.epoch, c.told, false
	if c.watches > 0 || c.epoch != m.epoch {
		pos = 0
	}
	c.watches++
	defer func() {
		c.watches--
		if synced {
			c.told, c.epoch = pos, began // the next one begins anew after a loss
		}
	}()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.down || m.down {
			return ErrDown
		}
		var later <-chan time.Time
		if !c.hanging && silence == c.silence {
			if epoch != m.epoch {
				epoch, pos = m.epoch, m.last
			}
			ev, at, ok := m.after(pos, synced)
			switch left := time.Until(at.Add(c.delay)); {
			case ok && synced && left > 0:
				later = time.After(left)
			case ok:
				pos = ev.pos
				c.tell(f, ev.event)
				continue
			case !synced:
				synced = true
				c.tell(f, fleet.Event{Synced: true})
				continue
			}
		}
		news := m.wait()
		m.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-news:
		case <-later:
		}
		m.mu.Lock()
	}
}

// after returns the first entry after a position that isn't over, and when it was stored.
// late says that it may have been replaced in the meantime.
func (m *Memory) after(pos uint64, late bool) (entry, time.Time, bool) {
	i := sort.Search(len(m.log), func(i int) bool { return m.log[i].pos > pos })
	for ; i < len(m.log); i++ {
		if e := m.log[i]; !e.over() && (late || !e.replaced) {
			return e, e.at, true
		}
	}
	return entry{}, time.Time{}, false
}

// tell calls f without the lock.
func (c *Conn) tell(f func(fleet.Event), ev fleet.Event) {
	if !ev.Synced {
		c.m.count(ev.Name, func(n *Count) {
			n.Told++
			n.Sent += len(ev.Name) + len(ev.Value)
		})
	}
	ev.Value = slices.Clone(ev.Value)
	c.m.mu.Unlock()
	defer c.m.mu.Lock()
	f(ev)
}
