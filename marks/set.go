package marks

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

// A Set holds the marks of an application in memory and judges sessions by them. It is
// for ssestore.Config.Marks. The zero Set is empty and has the zero Policy.
//
// All methods are safe for concurrent use. Judge, NotBefore, Age, Len and Bytes take no
// lock and never wait, also while marks are added, and while room is made for more: that
// goes in 256 small steps. A mark holds for every Judge that begins after Apply has
// returned, and is never seen half.
//
// # False hits
//
// A Set keeps 64 bits of a hash of whom a mark is about, under a random key that it draws
// for each kind of mark, so kinds don't mix. Among n marks a name hits a mark that is
// about somebody else with a probability of n/2⁶⁴: 5·10⁻¹⁴ for a million. If 100 million
// sessions with two names each were judged by a million marks, then one of them would be
// taken for another in one such application of 100,000. On another instance the same
// session isn't. Nobody can look for such a name without the key.
//
// # Clocks
//
// A mark that says more than a minute ahead when sessions must have been issued is
// ignored, because nobody could log in. If the clock is set back after a mark was
// applied, by more than a minute, then the sessions that it ends go on until the clock
// gets there, or with Policy.FailClosed are unverified. A mark that is over, by the time
// given to Apply, may be dropped and doesn't come back.
//
// # Room
//
// A Set holds Policy.Max marks. Marks of the kind All always find room, and so does a
// mark for somebody that has one. An eighth is kept for marks of users, because one of
// those ends many sessions, and because nobody can fill the room with them: each user has
// one mark, but as many session marks as logouts. A mark that finds no room is dropped.
// Policy.OnFull is told. What ended sessions meet then is up to Policy.FailClosed: they go
// on without it. With it, every session that names a user and was issued before a mark
// was dropped is unverified, until that mark would be over. Users can log out, and log in
// again.
type Set struct {
	policy Policy
	fresh  freshness

	// all and lost are the marks of kind All in one, and those that found no room.
	all, lost atomic.Pointer[span]
	// held is how many entries the shards have. Who reads that it isn't 0 may read
	// seeds.
	held, bytes atomic.Int64
	seeds       [All + 1]maphash.Seed
	shards      [256]atomic.Pointer[table]

	mu    sync.Mutex // held by the writer
	full  bool       // OnFull was told
	swept int64      // the time of the last sweep of a shard
	next  uint8      // the shard to be swept next
	tight int64      // the time of the last sweep of all, for room
}

// New returns an empty Set.
func New(p Policy) *Set { return &Set{policy: p} }

// Apply adds marks. A second mark for the same changes the first: the later Until and the
// larger Before hold. A mark that is over, has a Before more than a minute ahead, a Kind
// or ID that doesn't exist, or no Before where it needs one, is ignored.
func (s *Set) Apply(now time.Time, ms ...Mark) {
	tell := false
	for some := range slices.Chunk(ms, 1000) { // let other writers in between
		tell = s.apply(now.Unix(), some) || tell
	}
	if tell && s.policy.OnFull != nil {
		s.policy.OnFull(s.Len())
	}
}

// apply adds marks, and reports whether the bound begins to refuse them.
func (s *Set) apply(now int64, ms []Mark) (tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range ms {
		m := &ms[i]
		if !m.good(now) {
			continue
		}
		add := span{m.Before, m.Until}
		if m.Kind == Session {
			// Nobody asks for it. This keeps the distance to Until short.
			add.before = now
		}
		switch {
		case m.Kind == All:
			widen(&s.all, add, now)
		case !s.add(m, add, now):
			tell, s.full = tell || !s.full, true
			if m.Kind == Session {
				// It was issued by now, give or take the clocks.
				add.before += leeway
			}
			widen(&s.lost, add, now)
		}
	}
	s.sweep(now)
	return tell
}

// good reports whether the mark ends anything at now, and may.
func (m *Mark) good(now int64) bool {
	if m.Until <= now {
		return false
	}
	switch m.Kind {
	case Session:
		return m.ID != "" && len(m.ID) <= MaxID
	case Link, User:
		return m.ID != "" && len(m.ID) <= MaxID && m.Before > 0 && m.Before-leeway <= now
	case All:
		return m.ID == "" && m.Before > 0 && m.Before-leeway <= now
	default:
		return false
	}
}

// widen makes a mark part of another.
func widen(p *atomic.Pointer[span], add span, now int64) {
	if old := p.Load(); old != nil && !old.over(now) {
		add = add.with(*old)
	}
	p.Store(&add)
}

// add adds a mark to its shard, or reports that there is no room.
func (s *Set) add(m *Mark, add span, now int64) bool {
	if s.seeds[Session] == (maphash.Seed{}) {
		for i := range s.seeds {
			s.seeds[i] = maphash.MakeSeed()
		}
	}
	var key uint64
	if m.Kind == Link {
		name := NameOf(m.ID)
		key = s.name(&name)
	} else {
		key = s.hash(m.Kind, m.ID)
	}
	shard := s.shard(key)
	if slot := shard.Load().find(key); slot != nil {
		if old := unpack(slot.time.Load()); !old.over(now) {
			add = add.with(old)
		}
		slot.time.Store(add.pack())
		return true
	}
	if !s.room(m.Kind, now) {
		return false
	}
	if shard.Load().full() {
		s.rebuild(shard, now)
	}
	shard.Load().put(key, add)
	s.held.Add(1)
	return true
}

// room reports whether there is room for another mark of a kind, after forgetting those
// that are over, at most once a second.
func (s *Set) room(k Kind, now int64) bool {
	limit := s.policy.max()
	most := limit - limit/8 // of others than users
	if k != User {
		limit = most
	}
	if s.held.Load() >= limit && s.tight != now {
		s.tight = now
		for i := range s.shards {
			s.tidy(&s.shards[i], now)
		}
	}
	held := s.held.Load()
	if held < most-most/16 {
		s.full = false
	}
	return held < limit
}

// sweep forgets marks of one shard that are over, at most once a second.
func (s *Set) sweep(now int64) {
	if s.swept == now {
		return
	}
	s.swept = now
	s.tidy(&s.shards[s.next], now)
	s.next++
}

func (s *Set) tidy(shard *atomic.Pointer[table], now int64) {
	if t := shard.Load(); t != nil && t.live(now) < t.used {
		s.rebuild(shard, now)
	}
}

// rebuild replaces a shard's table by one without the marks that are over, and with room.
func (s *Set) rebuild(shard *atomic.Pointer[table], now int64) {
	old := shard.Load()
	t := old.rebuilt(now)
	shard.Store(t)
	held := t.used
	if old != nil {
		held -= old.used
	}
	s.held.Add(int64(held))
	s.bytes.Add(t.bytes() - old.bytes())
}

// Judge returns cookie.ReasonRevoked if a mark ends the session, cookie.ReasonUnverified
// if Policy.FailClosed is set and nobody can tell, and cookie.ReasonNone otherwise. It
// doesn't allocate.
func (s *Set) Judge(a About) cookie.Reason {
	ended, doubt := false, false
	if all := s.all.Load(); all != nil {
		ended, doubt = all.judge(&a, All)
	}
	if !ended && s.held.Load() != 0 {
		var d bool
		ended, d = s.judge(&a)
		doubt = doubt || d
	}
	switch {
	case ended:
		return cookie.ReasonRevoked
	case s.policy.FailClosed && (a.User != "" || a.Actor != "") &&
		(doubt || s.fresh.stale(&s.policy, a.Now) || s.missing(&a)):
		return cookie.ReasonUnverified
	}
	return cookie.ReasonNone
}

// judge looks for marks that are about a session, and reports whether one ends it, and
// whether one of them might.
func (s *Set) judge(a *About) (ended, doubt bool) {
	if a.Session != "" {
		if m, ok := s.get(s.hash(Session, a.Session)); ok && a.Now < m.until {
			return true, false
		}
	}
	for _, user := range [...]string{a.User, a.Actor} {
		if user != "" {
			if m, ok := s.get(s.hash(User, user)); ok {
				e, d := m.judge(a, User)
				ended, doubt = ended || e, doubt || d
			}
		}
	}
	for i := range a.Links {
		if name := &a.Links[i]; *name != (Name{}) {
			if m, ok := s.get(s.name(name)); ok {
				e, d := m.judge(a, Link)
				ended, doubt = ended || e, doubt || d
			}
		}
	}
	return ended, doubt
}

// judge reports whether a mark of a kind that is about a session ends it, or would if the
// clock went right.
func (m span) judge(a *About, k Kind) (ended, doubt bool) {
	if a.Now >= m.until || a.since(k) >= m.before {
		return false, false
	}
	ahead := m.before-leeway > a.Now
	return !ahead, ahead
}

// missing reports whether a mark that found no room might end the session.
func (s *Set) missing(a *About) bool {
	m := s.lost.Load()
	return m != nil && a.Now < m.until && a.since(All) < m.before
}

// hash returns the key of an id. Kinds don't share seeds, so a user's id that looks like
// a session's isn't one.
func (s *Set) hash(k Kind, id string) uint64 {
	return maphash.String(s.seeds[k], id)
}

func (s *Set) name(n *Name) uint64 {
	return maphash.Bytes(s.seeds[Link], n[:])
}

// shard returns where a key is. It goes by the last bits because the table goes by the
// first.
func (s *Set) shard(key uint64) *atomic.Pointer[table] { return &s.shards[uint8(key)] }

func (s *Set) get(key uint64) (span, bool) { return s.shard(key).Load().get(key) }

// NotBefore returns the time, in Unix seconds, that a session of the user must not be
// issued before, or 0. A store gives it to a login in the second in which the user was
// logged out everywhere.
func (s *Set) NotBefore(user string) int64 {
	var at int64
	if all := s.all.Load(); all != nil {
		at = all.before
	}
	if lost := s.lost.Load(); lost != nil && s.policy.FailClosed {
		at = max(at, lost.before)
	}
	if s.held.Load() != 0 {
		if m, ok := s.get(s.hash(User, user)); ok {
			at = max(at, m.before)
		}
	}
	return at
}

// Fresh says that the Set has all marks that there were at now. The last call holds, also
// if the clock was set back since the one before.
func (s *Set) Fresh(now time.Time) {
	s.fresh.set(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now.Unix())
}

// Age returns how long ago the Set had all marks: 0 for up to a minute in the future, the
// distance for more, because then the clock was set back, and the longest Duration if
// Fresh wasn't called yet.
func (s *Set) Age(now time.Time) time.Duration { return s.fresh.age(now) }

// Len returns how many marks are held, without those of kind All, and with some that are
// over but not forgotten yet.
func (s *Set) Len() int { return int(s.held.Load()) }

// Bytes returns the size of the table that holds the marks.
func (s *Set) Bytes() int { return int(s.bytes.Load()) }
