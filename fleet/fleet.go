package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// The errors of a Fleet. Match them with [errors.Is].
var (
	// ErrNotReady is returned before the fleet has a ring: before Run, or because the
	// engine or the Wrapper is down. See [Fleet.Ready].
	ErrNotReady = errors.New("fleet: there are no keys yet")
	// ErrReadOnly is returned by Change if Rotation.ReadOnly is set.
	ErrReadOnly = errors.New("fleet: this instance is read-only")
	// ErrMark is returned by End for a mark that ends nothing: of no kind, without an ID
	// or with one that is too long, or with a Before more than a minute ahead.
	ErrMark = errors.New("fleet: not a mark that ends anything")
)

// errApart is returned by End for a mark with a Before.
var errApart = errors.New("fleet: the clock of this instance, or of the one that writes the beat, is more than a minute off, so a mark may end nothing elsewhere")

// opTimeout bounds each call of the Engine and of the Wrapper; see limit.
const opTimeout = 5 * time.Second

// refreshWait is how long Refresh waits: about the time that news takes between two
// instances. Anybody can make a store wait so long with a cookie of an unknown key.
const refreshWait = 100 * time.Millisecond

// maxAside is how many marks are kept that can't be opened yet.
const maxAside = 1024

// A Fleet is one instance of an application among others. It has the keys of all, as a
// [keyring.Source], and the marks that end sessions. It is safe for concurrent use. The
// zero Fleet and a nil *Fleet have no keys and return [ErrNotReady]; use [New].
type Fleet struct {
	config   Config
	instance [8]byte
	ring     keyring.Holder // the keys of record, which At returns
	marks    *marks.Set
	ready    chan struct{}
	wake     chan struct{} // of one: there is something to do
	log      faults
	applying sync.Mutex // held while a mark is passed on
	writing  sync.Mutex // held while a ring is made and stored

	mu        sync.Mutex
	began     bool          // Run was called
	running   bool          // and hasn't returned
	record    record        // by which this instance goes
	changed   chan struct{} // closed when record changes
	read      chan struct{} // closed when it is known what the engine told, or that it can't be
	theirs    stored        // the ring that the engine has
	idle      time.Time     // when a ring was unwrapped that wasn't newer
	pulse     pulse
	watch     watchState
	plan      plan
	aside     [][]byte // marks under keys that aren't known yet
	overflow  bool     // there were more of them
	unread    bool     // some came since it is ready and has read a ring
	dropped   bool     // and so had no room, or others were ignored by a wrong clock
	missed    bool     // so they must be heard once more
	replaying bool     // which is being done
	isReady   bool
	counters  Counters
}

// stored is what is known of the ring that the engine holds.
type stored struct {
	record  record
	wrapped []byte // nil: none was told
	rev     uint64
	told    time.Time // when it was told last
	open    bool      // wrapped hasn't been unwrapped
	failed  int       // attempts to unwrap it
	lost    int       // attempts to store another that came too late, since it was told
}

var _ keyring.Source = (*Fleet)(nil)

// New returns an instance of a fleet. It doesn't touch the engine: call [Fleet.Run], and
// wait for [Fleet.Ready] before serving. If the configuration is wrong, New returns all
// faults joined, a *ConfigError for each field.
func New(c Config) (*Fleet, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	f := &Fleet{
		config:  c,
		marks:   marks.New(c.Policy),
		ready:   make(chan struct{}),
		wake:    make(chan struct{}, 1),
		changed: make(chan struct{}),
		read:    make(chan struct{}),
		log:     faults{logger: c.Log},
	}
	rand.Read(f.instance[:])
	return f, nil
}

// Ready returns a channel that is closed once the instance has its keys and knows all
// marks. It may never be, if the engine or the Wrapper is down: until then At returns
// nil, so that a store takes every visitor for anonymous and writes no session. Wait for
// it before you serve, or answer the probe of your platform by it.
//
// The first instance of all takes ten beats to be ready: it waits for others that may
// have keys.
func (f *Fleet) Ready() <-chan struct{} {
	if f == nil {
		return nil
	}
	return f.ready
}

// At returns the ring as of now, or nil before there is one. It neither blocks nor
// allocates.
func (f *Fleet) At(now time.Time) *keyring.Keyring {
	if f == nil {
		return nil
	}
	return f.ring.At(now)
}

// Refresh waits for a newer ring, for at most a tenth of a second, and returns the ring
// as of now. A session store calls it when a cookie names an unknown key, which happens
// when the ring was changed by hand a moment ago.
func (f *Fleet) Refresh(now time.Time) *keyring.Keyring {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	changed, running := f.changed, f.running
	f.mu.Unlock()
	if running {
		wait := time.NewTimer(refreshWait)
		defer wait.Stop()
		select {
		case <-changed:
		case <-wait.C:
		}
	}
	return f.ring.At(now)
}

// Window returns Config.Longest: how long a session can be opened at least after it was
// sealed, and how long a mark is kept.
func (f *Fleet) Window() time.Duration {
	if f == nil {
		return 0
	}
	return f.config.Longest
}

// Marks returns the marks that this instance knows, for ssestore.Config.Marks. Before the
// first news, and when news stops getting through, Policy says what is done.
func (f *Fleet) Marks() *marks.Set {
	if f == nil {
		return nil
	}
	return f.marks
}

// End publishes a mark: the sessions that it names end on this instance at once, and on
// all others when they hear of it, usually within milliseconds. If its times are zero,
// Before is the next second, or the one after that of an earlier mark of the user, and
// Until is Longest from now.
//
// An error means that nobody knows whether the others will hear of it, except for
// [ErrMark], with which nothing was done. Here it holds in any case. Call End again with
// the same mark: that does no harm. End takes at most five seconds.
//
// [ErrNotReady] says that there is no key to seal it with. Another error says that the clocks
// are apart (Status.ClockOff): the mark was stored, but the others take its Before by another
// clock, and it may end less than it should there. Call End on an instance whose clock is right.
func (f *Fleet) End(ctx context.Context, m marks.Mark) error {
	if f == nil || f.marks == nil {
		return ErrNotReady
	}
	now := time.Now()
	m, err := f.complete(m, now)
	if err != nil {
		return err
	}
	if m.Until <= now.Unix() {
		return nil // what it ends is over
	}
	f.apply(now, m)
	key := f.At(now).Primary()
	plaintext := encodeMark(m)
	value := f.seal(key, "mark", plaintext)
	if value == nil {
		return ErrNotReady
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	// The engine's clock may be ahead.
	ttl := time.Unix(m.Until, 0).Sub(now) + leeway
	if err := f.config.Engine.Append(ctx, f.markName(key, plaintext), value, ttl); err != nil {
		f.log.fault("a mark may not have reached the engine", err)
		return fmt.Errorf("fleet: nobody knows whether the mark was stored: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters.Ended++
	if f.pulse.off && m.Kind != marks.Session {
		return errApart
	}
	return nil
}

// complete fills in the times of a mark.
func (f *Fleet) complete(m marks.Mark, now time.Time) (marks.Mark, error) {
	sec := now.Unix()
	switch {
	case !endsSomething(m):
		return m, ErrMark
	case m.Kind == marks.Session:
		m.Before = 0
	case m.Before == 0:
		m.Before = sec + 1
		if m.Kind == marks.User {
			// A session that auth.Manager.LogoutOthers kept a moment ago was issued ahead
			// of its time, as far as this mark says. It must end too.
			m.Before = max(m.Before, min(f.marks.NotBefore(m.ID)+1, sec+int64(leeway/time.Second)))
		}
	}
	if m.Before < 0 || m.Before > sec+int64(leeway/time.Second) || m.Until < 0 {
		return m, ErrMark
	}
	if m.Until == 0 {
		m.Until = max(sec, m.Before) + int64(f.config.Longest/time.Second)
	}
	m.Until = min(m.Until, sec+int64(maxLongest/time.Second))
	return m, nil
}

// apply makes a mark hold here.
func (f *Fleet) apply(now time.Time, m marks.Mark) {
	f.marks.Apply(now, m)
	if f.config.OnMark != nil {
		f.applying.Lock()
		defer f.applying.Unlock()
		f.config.OnMark(m)
	}
}

// Change changes the ring of all instances by hand. It calls change with the current
// ring, and stores what that returns, unless it is the ring that it was given. If another
// instance changed the ring in the meantime, it begins again. If change is nil, the ring
// stays and is wrapped once more, for a KMS whose key was changed.
//
// If a key has leaked, replace it:
//
//	err := f.Change(ctx, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(kid) })
//
// Sessions under a key that is removed end; all others go on. What was ended stays ended,
// whatever key its mark was sealed under. For a moment, other instances don't know the
// new key (see Refresh). To rotate early without that, add a key ahead of time:
// r.Add(keyring.NewKeyAt(…)).
//
// Change returns nil when the change is stored and in effect here. It returns
// [ErrNotReady], [ErrReadOnly], the error of change, of the Wrapper or of the engine. After
// an error of the engine nobody knows whether it was stored.
func (f *Fleet) Change(ctx context.Context, change func(*keyring.Keyring) (*keyring.Keyring, error)) error {
	if f == nil {
		return ErrNotReady
	}
	if f.config.Rotation.ReadOnly {
		return ErrReadOnly
	}
	for {
		f.mu.Lock()
		read := f.read
		f.mu.Unlock()
		err := f.changeOnce(ctx, change)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// Another instance was first. Its ring is on the way. Or it is one of this
		// instance that the engine tells late.
		wait := time.NewTimer(opTimeout)
		select {
		case <-read:
			wait.Stop()
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
			return err
		}
	}
}

func (f *Fleet) changeOnce(ctx context.Context, change func(*keyring.Keyring) (*keyring.Keyring, error)) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	have, rev := f.record, f.theirs.rev
	unread := f.theirs.open && f.theirs.failed == 0
	f.mu.Unlock()
	if unread {
		return ErrConflict
	}
	now := time.Now()
	before := f.ring.At(now)
	if before == nil {
		return ErrNotReady
	}
	after := before
	if change != nil {
		var err error
		if after, err = change(before); err != nil || after == before {
			return err
		}
	}
	switch {
	case len(after.Keys()) == 0:
		return keyring.ErrNoKey
	case after.At(now).Primary().ID() == "":
		return errClock
	}
	return f.store(ctx, have.next(after, true, f, now), rev)
}

// store wraps a record and swaps it in. f.writing is held. If somebody else's ring comes
// in the meantime, the error is ErrConflict.
func (f *Fleet) store(ctx context.Context, r record, rev uint64) error {
	text, err := r.encode(f.config.Application)
	if err != nil {
		return err
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	wrapped, err := f.config.Wrapper.Encrypt(ctx, text)
	if err != nil {
		f.log.fault("the ring can't be wrapped", err)
		return fmt.Errorf("fleet: the ring can't be wrapped: %w", err)
	}
	f.mu.Lock()
	late := f.theirs.rev != rev
	f.mu.Unlock()
	if late {
		return ErrConflict
	}
	return f.swapRing(ctx, r, wrapped, rev)
}

// swapRing stores a wrapped record, and goes by it if that worked.
func (f *Fleet) swapRing(ctx context.Context, r record, wrapped []byte, rev uint64) error {
	ctx, cancel := f.limit(ctx)
	defer cancel()
	next, err := f.config.Engine.Swap(ctx, ringName, wrapped, rev)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters.Swaps++
	switch {
	case errors.Is(err, ErrConflict):
		f.counters.Conflicts++
		f.theirs.lost++
		return err
	case err != nil:
		f.log.fault("a ring may not have reached the engine", err)
		return fmt.Errorf("fleet: nobody knows whether the ring was stored: %w", err)
	}
	// The watch may have told it already, or even the next one.
	if f.theirs.rev == rev || f.theirs.rev == next {
		f.theirs = stored{record: r, wrapped: wrapped, rev: next, told: time.Now()}
	}
	f.follow(r)
	return nil
}
