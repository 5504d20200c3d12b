package natskv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
)

// Config is what [New] needs.
type Config struct {
	// JetStream reaches the servers. See the package's comment for the settings of its
	// connection.
	JetStream jetstream.JetStream
	// Bucket names the bucket. Empty means "hardtack". Applications that don't share
	// their keys don't share a bucket.
	Bucket string
	// Replicas is how many servers hold the bucket, if it has to be created: 3 if it is
	// zero. A server that stands alone takes 1 only. A bucket that exists stays as it is.
	Replicas int

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke. The other packages with a
// Config use the same type.
type ConfigError = config.Error

// The errors of this package. Match them with [errors.Is].
var (
	// ErrBucket is returned for a bucket that was created with settings which make it
	// forget what it must keep, or refuse a time to live.
	ErrBucket = errors.New("natskv: the bucket needs no max age, a marker TTL, and to discard new values when it is full")
	// ErrGap is returned by Watch when the server has sent something that never arrived.
	// Watch again.
	ErrGap = errors.New("natskv: news got lost on the way")
)

// KV is a [fleet.Engine] over one bucket. It is safe for concurrent use. The zero KV isn't
// usable: call [New].
type KV struct {
	c Config

	mu      sync.Mutex
	bucket  *bucket // nil before the first use
	pinging *ping   // nil if nobody waits for an answer
	// Where Watch goes on when it is called again.
	watching int       // calls under way
	heard    time.Time // when the newest of what was told was stored, by the servers' clocks
	swapped  map[string]bool
}

var _ fleet.Engine = (*KV)(nil)

var bucketName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

const (
	// Names of Swap and of Append are told apart by what comes before them.
	swapPrefix   = "s."
	appendPrefix = "a."

	// A mark that has ended leaves a marker behind, which the server needs for times to
	// live in a bucket. Nobody reads it: a second is the least it can be (ADR-48 of
	// NATS).
	markerTTL = time.Second

	// overlap is how far behind the newest news a Watch begins that goes on. Clocks of
	// servers may differ by that much.
	overlap = time.Minute

	// heartbeat is after what time the server says that there is nothing to say. Two
	// missed ones end Watch.
	heartbeat = 2 * time.Second

	// answer is how long a call may take. A request that was under way when its server
	// died never gets an answer, and nats.go waits for it as long as it may.
	answer = 5 * time.Second

	// pong is how long a ping may take before the connection counts as dead. Starting it
	// anew costs little.
	pong = 2 * time.Second

	// attempt is how long something may take that can be tried again, and again how long
	// that waits.
	attempt = time.Second
	again   = 50 * time.Millisecond

	// unused is after what time a server forgets a Watch that is gone. It is short,
	// because a fleet that reconnects all at once leaves one behind for each instance.
	unused = 30 * time.Second
)

// New returns a KV. It doesn't talk to the servers: they may be down. The bucket is created
// at the first use if it doesn't exist. If the configuration is wrong, New returns all faults
// joined, a *ConfigError for each field.
func New(c Config) (*KV, error) {
	if c.Bucket == "" {
		c.Bucket = "hardtack"
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	faults := config.Faults{Package: "natskv"}
	if keysource.IsNil(c.JetStream) {
		faults.Add("JetStream", "must be set")
	}
	if !bucketName.MatchString(c.Bucket) {
		faults.Add("Bucket", "must be of a-z A-Z 0-9 _ -")
	}
	if c.Replicas < 1 || c.Replicas > 5 {
		faults.Add("Replicas", "must be 1 to 5, which is the most that JetStream has")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &KV{c: c, swapped: make(map[string]bool)}, nil
}

// Swap stores a value if the revision is rev. If the server doesn't answer, it tries again for
// five seconds: what was stored the first time makes the next try come too late, and is then
// found there. See [fleet.Engine].
func (k *KV) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	if err := fleet.Check(name, value); err != nil {
		return 0, err
	}
	if rev > math.MaxInt64 { // which the server wouldn't read
		return 0, fleet.ErrConflict
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var doubt error // of a try that may have been stored
	for {
		next, err := k.swapOnce(ctx, name, value, rev)
		switch {
		case err == nil:
			return next, nil
		case errors.Is(err, ErrBucket), errors.Is(err, fleet.ErrConflict) && doubt == nil:
			return 0, err
		case errors.Is(err, fleet.ErrConflict):
			return k.stored(ctx, name, value, rev, doubt)
		case !errors.Is(err, jetstream.ErrNoStreamResponse): // with that, nobody got it
			doubt = err
		}
		k.forget()
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(again):
		}
	}
}

func (k *KV) swapOnce(ctx context.Context, name string, value []byte, rev uint64) (next uint64, err error) {
	b, err := k.opened(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if rev == 0 {
		next, err = b.Create(ctx, swapPrefix+name, value)
	} else {
		next, err = b.Update(ctx, swapPrefix+name, value, rev)
	}
	// A bucket with replicas says it with another code than one without; nats.go knows both
	// under these names.
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, fleet.ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("natskv: swap: %w", err)
	}
	return next, nil
}

// stored says what became of a try that got no answer, when the next one came too late. It
// returns the revision if the value is there. If another one is, nobody knows whether that
// came before or after. If there is nothing, or something older, neither try was stored.
func (k *KV) stored(ctx context.Context, name string, value []byte, rev uint64, doubt error) (uint64, error) {
	msg, err := k.last(ctx, swapPrefix+name)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), err == nil && msg.Sequence < rev:
		return 0, fleet.ErrConflict
	case err == nil && msg.Sequence > rev && bytes.Equal(msg.Data, value):
		return msg.Sequence, nil
	}
	return 0, doubt
}

// Append stores a value that the server drops after ttl, in whole seconds. If the server
// doesn't acknowledge it, because it is down or is gone, it tries again for five seconds.
// See [fleet.Engine].
func (k *KV) Append(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := fleet.Check(name, value); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	seconds := max(time.Second, (ttl + time.Second - 1).Truncate(time.Second))
	return patiently(ctx, func(ctx context.Context) error {
		b, err := k.opened(ctx)
		if err != nil {
			return err
		}
		_, err = b.Create(ctx, appendPrefix+name, value, jetstream.KeyTTL(seconds))
		if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			k.forget()
			return fmt.Errorf("natskv: append: %w", err)
		}
		return nil
	})
}

// event reads what is stored under a subject. It reports false for what isn't news, such as
// the marker of a value that was dropped.
func (k *KV) event(subject string, header nats.Header, value []byte, seq uint64) (fleet.Event, bool) {
	if header.Get("KV-Operation") != "" || header.Get(jetstream.MarkerReasonHeader) != "" || len(value) == 0 {
		return fleet.Event{}, false
	}
	if name, ok := strings.CutPrefix(subject, k.subject(swapPrefix)); ok {
		return fleet.Event{Name: name, Value: value, Revision: seq}, true
	}
	if name, ok := strings.CutPrefix(subject, k.subject(appendPrefix)); ok {
		return fleet.Event{Name: name, Value: value}, true
	}
	return fleet.Event{}, false
}
