package fleet

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// A watchState is what is known of the watch.
type watchState struct {
	opened time.Time // when the watch was opened last
	heard  time.Time // when it told something, or was opened
	synced bool      // it told everything
	failed int       // how often it ended since news got through
	first  time.Time // when one told everything for the first time
	news   time.Time // when one told something that is stored
}

// A pulse is what is known of the beat.
type pulse struct {
	rev   uint64    // by which this instance would write the next
	told  uint64    // that of the last one that was told
	mine  bool      // the last one is from this instance
	wrote time.Time // when this instance wrote its last one
	off   bool      // the clocks of its writer and of this instance are too far apart
	apart bool      // so they were, since another instance wrote one that was right
	lost  int       // attempts to write it that came too late, since it was told
	fresh time.Time // as of when the news was complete
}

// closed plans to open the watch again, later each time, and not when all others do.
func (f *Fleet) closed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.synced = false
	failed := f.watch.failed
	if err == errSilent {
		failed = min(failed, 3) // it had its time already
	}
	f.plan.open = time.Now().Add(min(backoff(f.config.Beat, failed), f.longest()))
	f.watch.failed++
	f.counters.Reopened++
	f.log.fault("the watch ended", err)
}

// longest returns how long anything may keep this instance from hearing news: at most a
// minute, and well below Ahead, or a key could be missed.
func (f *Fleet) longest() time.Duration {
	return max(min(slowest, f.config.Rotation.Ahead/4), silentBeats*f.config.Beat)
}

// limit bounds calls of the Engine and of the Wrapper that news has to wait for.
func (f *Fleet) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(opTimeout, f.longest()))
}

// patience returns how long a watch may be silent: four beats, and longer if opening it
// again didn't help. f.mu is held.
func (f *Fleet) patience() time.Duration {
	four := silentBeats * f.config.Beat
	if f.record.seq == 0 {
		four *= 4 // perhaps there is nothing to hear
	}
	return max(min(four<<min(f.watch.failed, 10), f.longest()), four)
}

// hear takes in what the watch tells.
func (f *Fleet) hear(ev Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.watch.heard = now
	if ev.Synced {
		f.hearSynced(now)
		return
	}
	f.watch.news = now
	if !f.hearValue(ev, now, f.watch.synced) && f.isReady {
		// What it is told before may be under keys that are gone.
		f.unread = true
	}
}

// hearValue takes in what is stored. live says that it is new, and not what was there when
// a watch began. It reports false for a mark whose key isn't known. f.mu is held.
func (f *Fleet) hearValue(ev Event, now time.Time, live bool) (known bool) {
	switch {
	case ev.Name == ringName:
		f.hearRing(ev, now)
	case ev.Name == beatName:
		f.hearBeat(ev, now, live)
	case strings.HasPrefix(ev.Name, markPrefix):
		return f.hearMark(ev.Value, now) // without a poke: there may be millions
	}
	f.poke()
	return true
}

func (f *Fleet) hearSynced(now time.Time) {
	f.watch.synced = true
	if f.watch.first.IsZero() {
		f.watch.first = now
	}
	if f.record.seq > 0 && !f.missed && !f.replaying {
		f.fresh(f.watch.opened)
	}
	if f.plan.beat.IsZero() {
		f.plan.beat = now.Add(2*f.config.Beat + spread(f.config.Beat))
	}
	f.settle()
	f.poke()
}

func (f *Fleet) hearRing(ev Event, now time.Time) {
	f.plan.ring, f.plan.ringFailed = time.Time{}, 0
	if bytes.Equal(ev.Value, f.theirs.wrapped) {
		f.theirs.rev, f.theirs.told, f.theirs.lost = ev.Revision, now, 0
		if !f.theirs.open {
			f.known()
		}
		return
	}
	f.theirs = stored{wrapped: bytes.Clone(ev.Value), rev: ev.Revision, told: now, open: true}
	f.planUnwrap(now)
}

// planUnwrap decides when the ring that was told is unwrapped. Nobody who can write to the
// engine makes the KMS work all the time. f.mu is held.
func (f *Fleet) planUnwrap(now time.Time) {
	f.plan.unwrap = now
	if next := f.idle.Add(f.config.Beat); next.After(now) {
		f.plan.unwrap = next
	}
}

// hearBeat takes in a beat, and decides when this instance writes the next one: whoever
// wrote the last writes the next, until it is gone, or its clock is behind.
func (f *Fleet) hearBeat(ev Event, now time.Time, live bool) {
	every := f.config.Beat
	f.pulse.told, f.pulse.lost = ev.Revision, 0
	if live {
		f.watch.failed = 0
	}
	text, known := f.openSealed(f.ring.At(now), nil, "beat", ev.Value)
	b, ok := parseBeat(text)
	mine := ok && b.instance == f.instance
	if !mine || b.at.Equal(f.pulse.wrote) {
		// Otherwise it is one of its own that comes late.
		f.pulse.rev = ev.Revision
		f.plan.beat = now.Add(2*every + spread(every))
	}
	switch {
	case !known:
		return
	case !ok:
		f.counters.RefusedBeats++
		f.log.fault("a beat wasn't written by this fleet", nil)
		return
	}
	lag := now.Sub(b.at)
	f.pulse.mine, f.pulse.off = mine, live && !mine && lag.Abs() > leeway
	switch {
	case f.pulse.off:
		f.pulse.apart = true
	case f.pulse.apart && !mine:
		// By the wrong clock, marks were over or of a time to come, and were ignored.
		f.pulse.apart, f.missed, f.dropped = false, true, true
	}
	switch {
	case mine && b.at.Equal(f.pulse.wrote):
		f.plan.beat = now.Add(max(every-max(lag, 0), 0))
	case f.pulse.off:
		f.log.fault("the clocks of two instances are more than a minute apart", nil)
		f.plan.beat = now.Add(lonelyBeats*every + spread(every))
	case !mine && live && lag > 2*every:
		f.plan.beat = now.Add(every/2 + spread(every/2))
	}
	// Before it is ready, it doesn't know all marks. While its clock is behind, it ignores some.
	if live && f.isReady && lag >= -leeway {
		if b.at.After(now) {
			b.at = now
		}
		f.fresh(b.at)
	}
}

// fresh says that the news is complete as of a time, unless marks are known to be missing: those
// that had no room, until they are heard once more, and those that may be under a key of a ring
// which can't be read. f.mu is held.
func (f *Fleet) fresh(at time.Time) {
	if f.dropped || f.theirs.open && f.unread {
		return
	}
	// By the clock alone: a reading of the monotonic one would hide that it was set back.
	at = at.Round(0)
	if at.After(f.pulse.fresh) || time.Until(f.pulse.fresh) > leeway {
		f.pulse.fresh = at
		f.marks.Fresh(at)
	}
}

// hearMark takes in a mark, and reports whether its key is known. f.mu is held, so that no ring
// comes between.
func (f *Fleet) hearMark(value []byte, now time.Time) (known bool) {
	text, known := f.openSealed(f.ring.At(now), f.record.removed, "mark", value)
	m, ok := parseMark(text)
	switch {
	case !known && len(f.aside) < maxAside:
		f.aside = append(f.aside, bytes.Clone(value))
	case !known:
		f.overflow = true
	case !ok:
		f.counters.RefusedMarks++
		f.log.fault("a mark wasn't sealed by this fleet", nil)
	default:
		f.counters.Heard++
		f.apply(now, m)
	}
	return known
}

// replay hears everything that is stored once more, beside the watch, because marks were
// missed: they came before the ring with their keys, and there were too many to keep.
func (f *Fleet) replay(ctx context.Context, all *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replaying, f.missed = true, false
	opened := time.Now()
	ctx, done := context.WithTimeout(ctx, 10*slowest)
	all.Go(func() {
		defer done()
		complete := false
		err := f.config.Engine.Watch(ctx, func(ev Event) {
			if ev.Synced {
				complete = true
				done()
			}
			if !complete {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.hearValue(ev, time.Now(), false)
			}
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.replaying = false
		if !complete {
			f.missed = true
			f.log.fault("the marks that were missed can't be had", err)
			return
		}
		f.dropped = f.dropped && f.missed // by a ring that came meanwhile
		f.fresh(opened)
		f.settle()
		f.poke()
	})
}

// writeBeat proves to all that news gets through.
func (f *Fleet) writeBeat(ctx context.Context) {
	now, every := time.Now().Truncate(time.Millisecond), f.config.Beat
	f.mu.Lock()
	had := f.pulse.rev
	rev := had
	if f.pulse.lost > 1 {
		// Perhaps it isn't there any more, or the watch doesn't know that it is another.
		rev, f.missed = 0, true
	}
	f.plan.beat = now.Add(2*every + spread(every))
	synced := f.watch.synced
	f.pulse.wrote = now // perhaps it is told before Swap returns
	f.mu.Unlock()
	value := f.seal(f.ring.At(now).Primary(), "beat", beat{f.instance, now}.encode())
	if value == nil || !synced || f.config.Rotation.ReadOnly {
		return
	}
	call, cancel := f.limit(ctx)
	defer cancel()
	next, err := f.config.Engine.Swap(call, beatName, value, rev)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters.Swaps++
	switch {
	case errors.Is(err, ErrConflict):
		f.counters.Conflicts++
		f.pulse.lost++
		f.pulse.rev = f.pulse.told
	case err != nil:
		f.log.fault("a beat can't be written", err)
	default:
		f.pulse.rev, f.plan.beat = next, now.Add(every)
		if rev == 0 && had != 0 {
			// The engine lost the beat, and so perhaps the ring.
			f.theirs.rev, f.theirs.told, f.plan.ring = 0, time.Time{}, time.Time{}
			f.pulse.mine = true
		}
	}
}
