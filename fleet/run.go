package fleet

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

var (
	errTwice  = errors.New("fleet: Run was called before")
	errSilent = errors.New("fleet: nothing was heard for four beats")
)

const (
	// slowest is the longest time between two attempts at anything.
	slowest = time.Minute

	// assertBeats is after how many beats the ring is written once more, as it is. So an
	// engine that lost it has it again, and new instances can start.
	assertBeats = 600
)

// A plan says when to act next. The zero time means not at all.
type plan struct {
	open, unwrap, beat, ring time.Time
	ringFailed               int // attempts since the engine told a ring
}

// spread returns a random time up to span, for something that one of many instances
// should do, and all will if nobody does. Most instances draw a late time and few an early
// one, so that the first is alone whatever their number: n instances make 1+10·d/span
// attempts on average, if news of the first takes d. (These are the timers of Nonnenmacher
// and Biersack, "Scalable feedback for large groups", 1999.)
func spread(span time.Duration) time.Duration {
	const steep = 10 // ln of twenty thousand instances
	return time.Duration(float64(span) * math.Log1p(rand.Float64()*math.Expm1(steep)) / steep)
}

// backoff returns a random time that doubles with each failure, up to a minute.
func backoff(unit time.Duration, failed int) time.Duration {
	d := min(unit<<min(failed, 10), slowest)
	return d/2 + rand.N(d/2+1)
}

// Run takes part in the fleet until ctx ends, and returns its error. Nothing happens
// before Run. It uses the goroutine of its caller and a few more, which end with it. A
// Fleet runs once: a second call returns an error at once.
//
//	go f.Run(ctx)
func (f *Fleet) Run(ctx context.Context) error {
	if f == nil || f.marks == nil {
		return ErrNotReady
	}
	f.mu.Lock()
	twice := f.began
	if !twice {
		f.began, f.running, f.plan.open = true, true, time.Now()
	}
	f.mu.Unlock()
	if twice {
		return errTwice
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer func() {
		stop()
		all.Wait()
		f.mu.Lock()
		f.running = false
		f.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var watch *watch // that is open
	for {
		f.mu.Lock()
		due, now := f.plan, time.Now()
		silent := watch != nil && now.Sub(f.watch.heard) >= f.patience()
		again := f.missed && !f.replaying && f.record.seq > 0
		f.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case silent:
			watch.close()
			f.closed(errSilent)
			watch = nil
			continue
		case watch == nil && reached(due.open, now):
			watch = f.open(ctx, &all)
		}
		if again {
			f.replay(ctx, &all)
		}
		if reached(due.unwrap, now) {
			f.unwrap(ctx)
		}
		if reached(due.beat, now) {
			f.writeBeat(ctx)
		}
		if reached(due.ring, now) {
			f.writeRing(ctx)
		}
		timer.Reset(f.next(watch != nil))
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-timer.C:
		case <-watch.ended():
			err := watch.close()
			watch = nil
			if ctx.Err() == nil {
				f.closed(err)
			}
		}
	}
}

// A watch is a call of Engine.Watch.
type watch struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// open begins to watch.
func (f *Fleet) open(ctx context.Context, all *sync.WaitGroup) *watch {
	f.mu.Lock()
	now := time.Now()
	f.watch.opened, f.watch.heard, f.watch.synced = now, now, false
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, done: make(chan struct{})}
	all.Go(func() {
		defer close(w.done)
		w.err = f.config.Engine.Watch(ctx, f.hear)
	})
	return w
}

func (w *watch) ended() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.done
}

// close ends the watch and returns why it ended.
func (w *watch) close() error {
	w.cancel()
	<-w.done
	return w.err
}

func reached(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// next returns how long Run can wait.
func (f *Fleet) next(watching bool) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.planRing(now)
	soonest := now.Add(slowest)
	for _, t := range []time.Time{f.plan.unwrap, f.plan.beat, f.plan.ring} {
		if !t.IsZero() && t.Before(soonest) {
			soonest = t
		}
	}
	t := f.plan.open
	if watching {
		t = f.watch.heard.Add(f.patience())
	}
	if t.Before(soonest) {
		soonest = t
	}
	return max(soonest.Sub(now), 0)
}

func (f *Fleet) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// unwrap reads the ring that the engine holds, and goes by it.
func (f *Fleet) unwrap(ctx context.Context) {
	f.mu.Lock()
	wrapped := f.theirs.wrapped
	f.plan.unwrap = time.Time{}
	f.mu.Unlock()
	call, cancel := f.limit(ctx)
	defer cancel()
	text, err := f.config.Wrapper.Decrypt(call, wrapped)
	var theirs record
	if err == nil {
		theirs, err = parseRecord(text, f.config.Application)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan.unwrap = time.Time{} // what came in the meantime is planned below
	if ctx.Err() != nil || !f.theirs.open {
		return // it ends, or has stored a ring itself
	}
	f.idle = time.Time{}
	if theirs.seq <= f.record.seq { // also 0, after an error
		f.idle = time.Now()
	}
	if !bytes.Equal(f.theirs.wrapped, wrapped) { // there is another one already
		if theirs.seq > f.record.seq {
			// Whoever can write to the engine could go on like this with two old rings,
			// and keep an instance that starts from its keys.
			f.follow(merge(f.record, theirs, f.config.Rotation, time.Now()))
		}
		f.planUnwrap(time.Now())
		return
	}
	defer f.known()
	if err != nil {
		// Perhaps only the KMS is down, so this instance must not write over it.
		if f.theirs.failed == 0 {
			f.counters.RefusedRings++
		}
		f.plan.unwrap = time.Now().Add(backoff(f.config.Beat, f.theirs.failed))
		f.theirs.failed++
		f.log.fault("the ring that the engine holds can't be read", err)
		return
	}
	if theirs.seq < f.record.seq {
		f.counters.RefusedRings++
		f.log.fault("the engine went back to an older ring", nil)
	}
	f.theirs.open, f.theirs.record = false, theirs
	f.follow(merge(f.record, theirs, f.config.Rotation, time.Now()))
	f.unread = false
}

// known tells Change that what the engine told was read, or can't be. f.mu is held.
func (f *Fleet) known() {
	close(f.read)
	f.read = make(chan struct{})
}

// follow makes a record the one to go by. f.mu is held.
func (f *Fleet) follow(r record) {
	if r.seq < f.record.seq || r.seq == f.record.seq && r.same(f.record) {
		return
	}
	first := f.record.seq == 0
	f.ring.Set(r.ring)
	f.record = r
	close(f.changed)
	f.changed = make(chan struct{})
	waiting := f.aside
	f.missed, f.dropped = f.missed || f.overflow, f.dropped || f.overflow && f.unread
	f.overflow, f.aside = false, nil
	for _, value := range waiting {
		f.hearMark(value, time.Now())
	}
	if first {
		f.watch.heard = time.Now() // from now on there are beats to hear
		if f.watch.synced && !f.missed && !f.replaying {
			f.fresh(f.watch.opened)
		}
	}
	f.settle()
	f.poke()
}

// settle says that the instance is ready, once it is. f.mu is held.
func (f *Fleet) settle() {
	if f.isReady || f.watch.first.IsZero() || f.missed || f.replaying ||
		f.ring.At(time.Now()).Primary().ID() == "" {
		return
	}
	f.isReady = true
	close(f.ready)
}

// planRing decides when this instance writes the ring, unless it has decided before. f.mu
// is held.
func (f *Fleet) planRing(now time.Time) {
	rotation, beat := f.config.Rotation, f.config.Beat
	var wait time.Duration
	switch {
	case rotation.ReadOnly, f.theirs.open, f.pulse.off:
		f.plan.ring = time.Time{}
		return
	case f.record.seq == 0:
		if f.watch.first.IsZero() || f.theirs.wrapped != nil {
			return
		}
		quiet := f.watch.news
		if quiet.Before(f.watch.first) {
			quiet = f.watch.first
		}
		earliest := quiet.Add(lonelyBeats * beat)
		if f.plan.ring.Before(earliest) {
			f.plan.ring = time.Time{} // there was news
		}
		wait = max(earliest.Sub(now), 0) + spread(beat)
	case f.theirs.record.seq != f.record.seq:
		wait = spread(beat)
	case f.pulse.mine && now.Sub(f.theirs.told) > assertBeats*beat:
		wait = 0
	case rotation.wants(f.record.ring, now):
		wait = spread(rotation.Ahead / 10)
	default:
		f.plan.ring = time.Time{}
		return
	}
	if f.plan.ring.IsZero() {
		if n := f.plan.ringFailed; n > 0 {
			wait = max(wait, backoff(beat, n))
		}
		f.plan.ring = now.Add(wait)
	}
}

// writeRing stores the ring that should be in the engine, if that is still so.
func (f *Fleet) writeRing(ctx context.Context) {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	now := time.Now()
	f.planRing(now) // things may have changed
	if !reached(f.plan.ring, now) {
		f.mu.Unlock()
		return
	}
	f.plan.ring = time.Time{}
	f.plan.ringFailed++
	have, theirs := f.record, f.theirs
	if theirs.lost > 1 {
		// It isn't what this instance was told. Perhaps it isn't there any more, and
		// perhaps the watch doesn't know.
		f.missed = true
		f.theirs.rev, theirs.rev = 0, 0
	}
	f.mu.Unlock()
	_ = f.storeNext(ctx, have, theirs, now) // next plans another attempt
}

// storeNext stores what follows the ring that the engine has. f.writing is held.
func (f *Fleet) storeNext(ctx context.Context, have record, theirs stored, now time.Time) error {
	ring := f.config.First
	switch {
	case have.seq > 0 && theirs.record.seq != have.seq:
		return f.store(ctx, have, theirs.rev)
	case have.seq > 0 && !f.config.Rotation.wants(have.ring, now):
		return f.swapRing(ctx, have, theirs.wrapped, theirs.rev)
	case have.seq > 0 || ring == nil:
		var err error
		if ring, err = f.config.Rotation.Step(have.ring, now); err != nil {
			f.log.fault("the next key can't be made", err)
			return err
		}
	}
	return f.store(ctx, have.next(ring, false, f, now), theirs.rev)
}
