package marks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
)

// DefaultEvery is how long a [Reader] goes by an object before it fetches it again, if its
// configuration doesn't say.
const DefaultEvery = 30 * time.Second

// retry is how many seconds after a fetch that failed the next one comes. Meanwhile requests
// get their answer from Policy at once.
const retry = 5

// ReaderConfig describes a [Reader]. Keys is required.
type ReaderConfig struct {
	// Keys has the keys that the snapshot is signed with: those of the application's
	// sessions. A source that can look for newer keys is asked when an object names a
	// key that isn't in the ring; see [keyring.Source].
	Keys keyring.Source

	// Audience is that of the application's store.
	Audience string

	// Fetch returns the object of a name, such as a file in a bucket. It should return
	// when ctx ends, read no more than 16 MiB, and may be called by several goroutines.
	// Nil means that the program calls Put.
	Fetch func(ctx context.Context, name string) ([]byte, error)

	// Every is how long an object is good for before it is fetched again, in whole
	// seconds. 0 means DefaultEvery. A session goes on for that long after its mark was
	// published.
	Every time.Duration

	// Policy says what becomes of sessions while there is no snapshot, or none that is
	// new enough. MaxStale counts from the time in the snapshot, so it must be longer than
	// Every and the interval of Publish together; a minute more, for clocks that differ, is
	// no loss. Without MaxStale a thief who can write to the bucket can keep all marks from
	// a new instance. Max is the most marks that are held at once; what wasn't needed for
	// the longest time goes first. OnFull is called with an object that is larger than
	// that.
	Policy Policy

	_ struct{}
}

// A Reader judges sessions by the snapshots of a [Snapshotter]. It is for
// ssestore.Config.Marks of a program that no engine tells about marks: a worker at the edge,
// a function that is frozen between two requests. It needs no goroutine.
//
// Judge goes by what was fetched and never waits. What a request needs comes before it:
//
//	reader.Refresh(ctx, now, store.About(cookies, now)...)
//	session := store.Load(cookies, now)
//
// Refresh fetches the parts of the snapshot that the request's session could be in, if they
// aren't there or were fetched longer ago than Every. A part is a shard of the marks: some
// kilobytes. A session needs one for its id, and one more for each of its user, whoever acts
// as the user, and its links. All may be the same.
//
// One request at a time fetches an object. The others go on with what is there; if that
// is nothing, or is stale, they wait for it. A host that fetches without Go's help uses
// Due and Put in place of Refresh.
//
// An object that isn't good changes nothing: the last good one stays. Refresh returns why,
// and Judge says what that means: a session that is known to be ended is revoked in any
// case. Any other, of which nothing is known or nothing new, goes on, or is unverified
// under Policy.FailClosed if it names a user.
//
// A fingerprint is 48 bits long. Of a million marks, one in 280 million sessions is taken for
// ended although it isn't, until the key changes.
//
// All methods are safe for concurrent use. The zero Reader and a nil *Reader find every
// session that names a user unverified.
type Reader struct {
	cfg   ReaderConfig
	label keyring.Label
	looks *keysource.Looks
	every int64
	head  place

	all atomic.Int64 // Before of the marks of kind All
	// editions are the snapshot that the head leads to, and the one before, which stays until
	// the next because its shards may be here already.
	editions atomic.Pointer[[2]*edition]

	mu    sync.Mutex    // held while an object takes its place
	asked atomic.Uint64 // counts requests
}

// NewReader returns a Reader that has nothing yet. It fetches when Refresh is called.
func NewReader(c ReaderConfig) (*Reader, error) {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("marks: ReaderConfig."+text)) }
	if keysource.IsNil(c.Keys) || keysource.Empty(c.Keys) {
		fault("Keys has no keys")
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Every < time.Second || c.Every > 24*time.Hour || c.Every%time.Second != 0 {
		fault("Every must be whole seconds, from 1 second to a day")
	}
	if p := c.Policy; p.MaxStale < 0 || p.MaxStale > 0 && p.MaxStale <= c.Every {
		fault("Policy.MaxStale must be longer than Every")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	r := &Reader{cfg: c, label: label(c.Audience), looks: keysource.NewLooks(c.Keys), every: int64(c.Every / time.Second)}
	r.head = newPlace(headName)
	return r, nil
}

// Refresh fetches what is needed to judge these sessions, if it isn't there or is to be
// fetched again. Without sessions it does nothing. It returns when all is there or has
// failed, at the latest when ctx ends and Fetch returns: it fetches at most the head of the
// snapshot and a shard for each name in an About, one after the other, or waits as long for
// others that do. Limit the time with ctx. After a fetch that failed, the next comes five
// seconds later.
//
// A handler may ignore the error, which is for the log: Judge knows. It joins what Fetch
// returned and the errors of this package.
func (r *Reader) Refresh(ctx context.Context, now time.Time, about ...About) error {
	if r == nil || len(about) == 0 {
		return nil
	}
	var errs []error
	if r.isDue(&r.head, now.Unix()) {
		errs = append(errs, r.fetch(ctx, now, &r.head))
	}
	for _, p := range r.due(now, about) {
		errs = append(errs, r.fetch(ctx, now, p))
	}
	return errors.Join(errs...)
}

// Due returns the names of the objects that Refresh would fetch, for a host that fetches by
// itself and calls Put. While there are any, do that and ask again: the head of the
// snapshot comes alone and leads to its shards.
func (r *Reader) Due(now time.Time, about ...About) []string {
	if r == nil || r.cfg.Keys == nil || len(about) == 0 {
		return nil
	}
	if r.isDue(&r.head, now.Unix()) {
		return []string{headName}
	}
	var names []string
	for _, p := range r.due(now, about) {
		names = append(names, p.name)
	}
	return names
}

// due returns the places of shards that are needed and not there, or to be fetched again.
func (r *Reader) due(now time.Time, about []About) []*place {
	e := r.both()[0]
	var list []*place
	request := r.asked.Add(1)
	for i := range about {
		for _, n := range e.needs(&about[i]) {
			if n.kind == 0 {
				continue
			}
			p := e.place(n.print)
			p.needed.Store(request)
			if r.isDue(p, now.Unix()) && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// isDue reports whether the time to fetch has come. It has, too, if the clock was set back.
func (r *Reader) isDue(p *place, now int64) bool {
	next := p.next.Load()
	return now >= next || now < next-r.every-leeway
}

// fetch fetches an object, unless another request does or has done so.
func (r *Reader) fetch(ctx context.Context, now time.Time, p *place) error {
	if r.cfg.Fetch == nil {
		return nil
	}
	if o := p.object.Load(); o != nil && !r.stale(o, now.Unix()) {
		select {
		case p.busy <- struct{}{}:
		default:
			return nil
		}
	} else {
		select {
		case p.busy <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("marks: %s: %w", p.name, ctx.Err())
		}
	}
	defer func() { <-p.busy }()
	if !r.isDue(p, now.Unix()) {
		return nil
	}
	b, err := r.cfg.Fetch(ctx, p.name)
	if err != nil {
		// A visitor who leaves must not keep others from trying.
		if ctx.Err() == nil {
			p.next.Store(now.Unix() + min(retry, r.every))
		}
		return fmt.Errorf("marks: %s: %w", p.name, err)
	}
	return r.put(now, p, b)
}
