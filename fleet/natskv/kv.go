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

	mu     sync.Mutex
	bucket jetstream.KeyValue // nil before the first use
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

// open finds the bucket, or creates it, and returns what the server says of it. While
// servers choose a leader they may not answer, or not know of what has just been created,
// so it asks again until ctx ends.
func (k *KV) open(ctx context.Context) (jetstream.KeyValue, *jetstream.StreamInfo, error) {
	for {
		bucket, info, err := k.find(ctx)
		if err == nil || errors.Is(err, ErrBucket) {
			return bucket, info, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("natskv: bucket: %w", err)
		case <-time.After(again):
		}
	}
}

func (k *KV) find(ctx context.Context) (jetstream.KeyValue, *jetstream.StreamInfo, error) {
	js := k.c.JetStream
	quick, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	bucket, err := js.KeyValue(quick, k.c.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		// If another instance is first, that is an error, and the next try finds it.
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:         k.c.Bucket,
			Description:    "Hardtack: keys and marks of a fleet, sealed",
			Replicas:       k.c.Replicas,
			LimitMarkerTTL: markerTTL,
		})
		if err != nil {
			return nil, nil, err
		}
		return k.find(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	status, err := bucket.Status(quick)
	if err != nil {
		return nil, nil, err
	}
	info := status.(*jetstream.KeyValueBucketStatus).StreamInfo()
	if c := info.Config; c.MaxAge != 0 || !c.AllowMsgTTL || c.Discard != jetstream.DiscardNew {
		return nil, nil, ErrBucket
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bucket = bucket
	return bucket, info, nil
}

// opened returns the bucket, and looks for it if nobody has yet.
func (k *KV) opened(ctx context.Context) (jetstream.KeyValue, error) {
	k.mu.Lock()
	bucket := k.bucket
	k.mu.Unlock()
	if bucket != nil {
		return bucket, nil
	}
	bucket, _, err := k.open(ctx)
	return bucket, err
}

// forget makes the next call look for the bucket.
func (k *KV) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bucket = nil
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
		case errors.Is(err, fleet.ErrConflict) && doubt == nil:
			return 0, err
		case errors.Is(err, fleet.ErrConflict):
			return k.stored(ctx, name, value, rev, doubt)
		case errors.Is(err, jetstream.ErrNoStreamResponse):
			k.forget() // nobody got it: the bucket is gone, or has no leader for now
		default:
			doubt = err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(again):
		}
	}
}

func (k *KV) swapOnce(ctx context.Context, name string, value []byte, rev uint64) (next uint64, err error) {
	bucket, err := k.opened(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if rev == 0 {
		next, err = bucket.Create(ctx, swapPrefix+name, value)
	} else {
		next, err = bucket.Update(ctx, swapPrefix+name, value, rev)
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

// stored returns the revision of a value if that is what the bucket holds after rev, and
// otherwise the error that leaves it open.
func (k *KV) stored(ctx context.Context, name string, value []byte, rev uint64, doubt error) (uint64, error) {
	bucket, err := k.opened(ctx)
	if err != nil {
		return 0, doubt
	}
	entry, err := bucket.Get(ctx, swapPrefix+name)
	if err != nil || entry.Revision() <= rev || !bytes.Equal(entry.Value(), value) {
		return 0, doubt
	}
	return entry.Revision(), nil
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
	for {
		bucket, err := k.opened(ctx)
		if err != nil {
			return err
		}
		if err = appendOnce(ctx, bucket, name, value, seconds); err == nil {
			return nil
		}
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			k.forget()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(again):
		}
	}
}

func appendOnce(ctx context.Context, bucket jetstream.KeyValue, name string, value []byte, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	_, err := bucket.Create(ctx, appendPrefix+name, value, jetstream.KeyTTL(ttl))
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("natskv: append: %w", err)
	}
	return nil
}

// event reads a message of the bucket. It reports false for what isn't news, such as the
// marker of a value that was dropped.
func (k *KV) event(msg *nats.Msg, seq uint64) (fleet.Event, bool) {
	if msg.Header.Get("KV-Operation") != "" || msg.Header.Get(jetstream.MarkerReasonHeader) != "" || len(msg.Data) == 0 {
		return fleet.Event{}, false
	}
	key, _ := strings.CutPrefix(msg.Subject, "$KV."+k.c.Bucket+".")
	if name, ok := strings.CutPrefix(key, swapPrefix); ok {
		return fleet.Event{Name: name, Value: msg.Data, Revision: seq}, true
	}
	if name, ok := strings.CutPrefix(key, appendPrefix); ok {
		return fleet.Event{Name: name, Value: msg.Data}, true
	}
	return fleet.Event{}, false
}
