package marks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
)

// The errors of a [Snapshotter] that aren't those of objects.
var (
	// ErrNoNews is returned by Publish if SnapshotConfig.Age says that the marks were
	// never complete: a snapshot would claim that there are no others.
	ErrNoNews = errors.New("marks: not all marks are known yet")
	// ErrFull is returned by Publish if there was no room for a mark. What was published
	// is as of the time before that, so Readers find it stale when Policy.MaxStale has
	// passed.
	ErrFull = errors.New("marks: a mark found no room")
)

// SnapshotConfig describes a [Snapshotter]. Keys and Store are required.
type SnapshotConfig struct {
	// Keys has the keys that sessions are sealed with. A snapshot is signed with a
	// subkey of the primary.
	Keys keyring.Source

	// Audience is that of the application's store. Readers with another one refuse the
	// snapshot.
	Audience string

	// Store stores an object under a name, in place of the one that is there: in a bucket,
	// in a directory. A reader must see the old one or the new one, never a part. Names
	// consist of A-Z a-z 0-9 - _ and dots, and begin with "marks.".
	//
	// Objects under a former primary, or of another number of shards, stay there. Readers don't
	// ask for them any more; a bucket can delete what is older than a day.
	Store func(ctx context.Context, name string, object []byte) error

	// Age returns how old the news is that the Snapshotter goes by, such as the Age of
	// the *Set that is fed from the same source. Nil means that it is always complete.
	Age func(now time.Time) time.Duration

	// Shards is how many objects hold the marks: 1, 2, 4 … or 256. 0 means as many as keep
	// each below about 64 KB.
	Shards int

	// Max is the most marks that are held, without those of kind All; 0 means DefaultMax.
	// Each takes about 150 bytes. An eighth is for marks of users alone.
	Max int

	_ struct{}
}

// perShard is how many marks a shard has at most, if the number of shards isn't fixed: a
// session mark takes less than four bytes.
const perShard = 16384

// A Snapshotter publishes marks for programs that no engine tells about them: workers at
// the edge, functions that are frozen between two requests. They have a [Reader].
//
// It is given every mark (fleet.Config.OnMark calls Apply), and the program calls Publish at an
// interval, such as ten seconds. One instance of an application should publish. If two do,
// a Reader may find an object older than the one it has, and keeps that.
//
// All methods are safe for concurrent use. The zero Snapshotter takes marks and can't
// publish.
type Snapshotter struct {
	cfg   SnapshotConfig
	label keyring.Label

	mu    sync.Mutex // guards the marks
	held  map[whom]*pending
	all   span
	kid   string // the fingerprints are made with
	since int64  // the time as of which the news was complete at the last Publish
	full  int64  // the same, when a mark found no room
	lost  int64  // the latest Until of the marks that found none; 0: all did

	publishing sync.Mutex
	sequence   uint64
	shift      uint8
}

type whom struct {
	kind Kind
	id   string
}

type pending struct {
	span
	print   uint64
	stamped bool // print is of the primary
}

// NewSnapshotter returns a Snapshotter without marks.
func NewSnapshotter(c SnapshotConfig) (*Snapshotter, error) {
	var faults []error
	if keysource.IsNil(c.Keys) || keysource.Empty(c.Keys) {
		faults = append(faults, errors.New("marks: SnapshotConfig.Keys has no keys"))
	}
	if c.Store == nil {
		faults = append(faults, errors.New("marks: SnapshotConfig.Store is missing"))
	}
	if c.Shards < 0 || c.Shards > 1<<maxShift || c.Shards&(c.Shards-1) != 0 {
		faults = append(faults, errors.New("marks: SnapshotConfig.Shards must be 1, 2, 4 … or 256"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Snapshotter{cfg: c, label: label(c.Audience)}, nil
}

// Apply adds marks to those that Publish publishes, until they are over. It takes them as
// [Set.Apply] does: a second mark for the same changes the first, and bad ones are ignored.
func (s *Snapshotter) Apply(now time.Time, ms ...Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range ms {
		if m := &ms[i]; m.good(now.Unix()) {
			s.apply(now.Unix(), m)
		}
	}
}

func (s *Snapshotter) apply(now int64, m *Mark) {
	add := span{m.Before, m.Until}
	if m.Kind == All {
		if !s.all.over(now) {
			add = add.with(s.all)
		}
		s.all = add
		return
	}
	id := whom{m.Kind, m.ID}
	if old := s.held[id]; old != nil {
		if !old.over(now) {
			add = add.with(old.span)
		}
		old.span = add
		return
	}
	limit := s.cfg.Max
	if limit <= 0 {
		limit = DefaultMax
	}
	if m.Kind != User { // nobody can fill the room of those, see Set
		limit -= limit / 8
	}
	if len(s.held) >= limit {
		if s.lost == 0 {
			s.full = s.since
		}
		s.lost = max(s.lost, m.Until)
		return
	}
	if s.held == nil {
		s.held = map[whom]*pending{}
	}
	s.held[id] = &pending{span: add}
}

// Len returns how many marks are held, without those of kind All, and with some that are
// over.
func (s *Snapshotter) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// Publish stores the marks that hold at now: first the shards, then the head, which leads
// readers to them. If it fails, readers go on with what was there. It takes about a second
// for a million marks, besides what Store takes, and Apply waits for most of that.
//
// It returns keyring.ErrNoKey if no key is active, ErrNoNews, ErrFull and ErrTooLarge (with
// too few shards), and what Store returns.
func (s *Snapshotter) Publish(ctx context.Context, now time.Time) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if s.cfg.Keys == nil {
		return keyring.ErrNoKey
	}
	key := s.cfg.Keys.At(now).Primary()
	signer := signerOf(key, s.label)
	if signer == nil {
		return keyring.ErrNoKey
	}
	at := now
	if s.cfg.Age != nil {
		at = now.Add(-s.cfg.Age(now)) // of what never was: 292 years ago
	}
	if sec := at.Unix(); sec < 1 || sec > claims.MaxTime {
		return ErrNoNews
	}
	whole, full := s.collect(now.Unix(), at.Unix(), key.ID(), signer)
	// Not by now: a Reader refuses what is from the future by its time alone, and a sequence of
	// a clock that was ahead would keep it from all that comes after the clock was set right.
	whole.sequence = max(s.sequence+1, uint64(at.UnixMilli()))
	s.sequence = whole.sequence
	s.size(whole.len())
	whole.shift = s.shift

	ended, timed := whole.ended, whole.timed
	for i := range 1 << s.shift {
		shard := object{header: whole.header}
		shard.index = i
		end := uint64(i+1) << (printBits - uint(s.shift))
		n, _ := slices.BinarySearch(ended, end)
		m, _ := slices.BinarySearchFunc(timed, end, comparePrint)
		shard.ended, shard.timed = ended[:n], timed[:m]
		ended, timed = ended[n:], timed[m:]
		if err := s.store(ctx, shardName(key.ID(), s.shift, i), &shard, signer); err != nil {
			return err
		}
	}
	head := object{header: whole.header}
	head.index = headIndex
	if err := s.store(ctx, headName, &head, signer); err != nil {
		return err
	}
	if full {
		return ErrFull
	}
	return nil
}

func (s *Snapshotter) store(ctx context.Context, name string, o *object, by *signer) error {
	b := o.appendTo(nil, by)
	err := ErrTooLarge
	if len(b) <= maxObject {
		err = s.cfg.Store(ctx, name, b)
	}
	if err != nil {
		return fmt.Errorf("marks: %s: %w", name, err)
	}
	return nil
}

// collect returns all marks that hold at now in one object, and forgets those that are over.
// at is the time as of which the news is complete. It reports whether some found no room.
func (s *Snapshotter) collect(now, at int64, kid string, by *signer) (o *object, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kid != kid {
		s.kid = kid
		for _, m := range s.held {
			m.stamped = false
		}
	}
	if s.lost <= now {
		s.lost = 0
	}
	s.since = at
	if full = s.lost != 0; full {
		at = max(min(at, s.full), 1)
	}
	o = &object{header: header{kid: kid, time: at}}
	if s.all.until > now {
		o.before = s.all.before
	}
	for id, m := range s.held {
		if m.until <= now {
			delete(s.held, id)
			continue
		}
		if !m.stamped {
			m.stamped = true
			text, name := id.id, Name{}
			if id.kind == Link {
				text, name = "", NameOf(id.id)
			}
			m.print = by.print(id.kind, text, &name)
		}
		if id.kind == Session {
			o.ended = append(o.ended, m.print)
		} else {
			o.timed = append(o.timed, timed{m.print, m.before})
		}
	}
	slices.Sort(o.ended)
	o.ended = slices.Compact(o.ended)
	slices.SortFunc(o.timed, func(a, b timed) int {
		// The later one first: Compact keeps that.
		return cmp.Or(cmp.Compare(a.print, b.print), cmp.Compare(b.before, a.before))
	})
	o.timed = slices.CompactFunc(o.timed, func(a, b timed) bool { return a.print == b.print })
	return o, full
}

func comparePrint(t timed, print uint64) int { return cmp.Compare(t.print, print) }

// size chooses the number of shards. It goes down only when a quarter would do, because
// each change leaves the former shards behind.
func (s *Snapshotter) size(marks int) {
	if n := s.cfg.Shards; n > 0 {
		s.shift = uint8(bits.TrailingZeros(uint(n))) // NewSnapshotter takes powers of two alone
		return
	}
	shift := uint8(0)
	for limit := perShard; limit < marks && shift < maxShift; limit *= 2 {
		shift++
	}
	if shift > s.shift || shift+2 <= s.shift {
		s.shift = shift
	}
}
