package fleet

import (
	"context"
	"errors"
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

// A Fleet is one instance of an application among others. It has the keys of all, as a
// [keyring.Source], and the marks that end sessions. It is safe for concurrent use. The
// zero Fleet and a nil *Fleet have no keys and return [ErrNotReady]; use [New].
type Fleet struct {
	config Config
	ring   keyring.Holder
	marks  *marks.Set
	ready  chan struct{}
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
	return &Fleet{config: c, marks: marks.New(c.Policy), ready: make(chan struct{})}, nil
}

// Run takes part in the fleet until ctx ends, and returns its error. Nothing happens
// before Run. It uses the goroutine of its caller and a few more, which end with it. A
// Fleet runs once: a second call returns an error at once.
//
//	go f.Run(ctx)
func (f *Fleet) Run(ctx context.Context) error { panic("not yet") }

// Ready returns a channel that is closed once the instance has its keys and knows all
// marks. It may never be, if the engine or the Wrapper is down: until then At returns
// nil, so that a store takes every visitor for anonymous and writes no session. Wait for
// it before you serve, or answer the probe of your platform by it.
//
// The first instance of all takes ten beats to be ready: it waits for others that may
// have keys.
func (f *Fleet) Ready() <-chan struct{} { return f.ready }

// At returns the ring as of now, or nil before there is one. It neither blocks nor
// allocates.
func (f *Fleet) At(now time.Time) *keyring.Keyring { return f.ring.At(now) }

// Refresh waits for a newer ring, for at most a quarter of a second, and returns the ring
// as of now. A session store calls it when a cookie names an unknown key, which happens
// when a ring was changed by hand a moment ago.
func (f *Fleet) Refresh(now time.Time) *keyring.Keyring { panic("not yet") }

// Window returns Config.Longest: how long a session can be opened at least after it was
// sealed, and how long a mark is kept.
func (f *Fleet) Window() time.Duration { return f.config.Longest }

// Marks returns the marks that this instance knows, for ssestore.Config.Marks. Before the
// first news, and when news stops getting through, Policy says what is done.
func (f *Fleet) Marks() *marks.Set { return f.marks }

// End publishes a mark: the sessions that it names end on this instance at once, and on
// all others when they hear of it, usually within milliseconds. If its times are zero,
// Before is the next second, and Until is Longest from now.
//
// An error means that nobody knows whether the others will hear of it, except for
// [ErrMark], with which nothing was done. Here it holds in any case. Call End again with
// the same mark: that does no harm. End takes at most five seconds.
//
// [ErrNotReady] says that there is no key to seal it with.
func (f *Fleet) End(ctx context.Context, m marks.Mark) error { panic("not yet") }

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
	panic("not yet")
}
