package natskv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hardtack-go/hardtack/fleet"
)

// Watch tells all that is stored, and then what changes. See [fleet.Engine].
//
// Called again on the same KV, it tells what was swapped, and of the rest what was stored
// since a minute before the newest that was told: by the time at which it was stored, and
// not by its revision. Servers that lost their newest values, or were restored from an
// older copy, use revisions again, and a Watch that went on from a revision would miss what
// they stand for now.
//
// It isn't the ordered consumer of nats.go, which replaces itself behind the caller's back
// and goes on from a revision. Whatever goes wrong here ends Watch.
func (k *KV) Watch(ctx context.Context, f func(fleet.Event)) error {
	err := k.watch(ctx, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (k *KV) watch(ctx context.Context, f func(fleet.Event)) error {
	w, names := k.begin()
	defer k.end()
	if err := k.ping(ctx); err != nil {
		return err
	}
	conn := k.c.JetStream.Conn()
	news, err := conn.SubscribeSync(conn.NewInbox())
	if err != nil {
		return fmt.Errorf("natskv: watch: %w", err)
	}
	defer news.Unsubscribe()
	swapped, err := k.start(ctx, w, names, news.Subject)
	if err != nil {
		return err
	}
	for _, ev := range swapped {
		f(ev)
	}
	received, last := uint64(0), uint64(0)
	for {
		if !w.synced && received >= w.pending && last >= w.newest {
			w.synced = true
			f(fleet.Event{Synced: true})
		}
		msg, err := next(ctx, news)
		if err != nil {
			return fmt.Errorf("natskv: watch: %w", err)
		}
		if msg.Header.Get("Status") != "" {
			if err := control(conn, msg, received); err != nil {
				return err
			}
			if !w.synced && msg.Header.Get(lastConsumer) != "" {
				w.pending = 0
				if err := k.findNewest(ctx, w); err != nil {
					return err
				}
			}
			continue
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("natskv: watch: %w", err)
		}
		received++
		if meta.Sequence.Consumer != received {
			return ErrGap
		}
		last = meta.Sequence.Stream
		if ev, ok := k.event(msg.Subject, msg.Header, msg.Data, last); ok {
			f(ev)
			k.note(w, ev, meta.Timestamp)
		}
		if meta.NumPending == 0 { // some that were pending may be gone by now
			w.pending = 0
		}
	}
}

// start makes the server send everything from where the watch begins to a subject, and
// returns what is stored under the names that were swapped.
func (k *KV) start(ctx context.Context, w *watch, names []string, subject string) ([]fleet.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	b, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	var swapped []fleet.Event
	for _, name := range names {
		msg, err := k.last(ctx, swapPrefix+name)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("natskv: watch: %w", err)
		}
		if ev, ok := k.event(msg.Subject, msg.Header, msg.Data, msg.Sequence); ok {
			swapped = append(swapped, ev)
		}
	}
	if c := b.stream.CachedInfo().Cluster; c != nil && len(c.Replicas) > 0 {
		if err := k.findNewest(ctx, w); err != nil {
			return nil, err
		}
	}
	config := jetstream.ConsumerConfig{
		DeliverSubject:    subject,
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		IdleHeartbeat:     heartbeat,
		FlowControl:       true,
		InactiveThreshold: unused,
		Replicas:          1,
		MemoryStorage:     true,
	}
	if from := w.from; !from.IsZero() {
		config.DeliverPolicy = jetstream.DeliverByStartTimePolicy
		config.OptStartTime = &from
	}
	consumer, err := k.c.JetStream.CreatePushConsumer(ctx, k.stream(), config)
	if err != nil {
		return nil, fmt.Errorf("natskv: watch: %w", err)
	}
	w.pending = consumer.CachedInfo().NumPending
	return swapped, nil
}

// findNewest finds out what the last message before Synced is. The server that sends the news
// may be behind the one that acknowledges writes, and then it knows of fewer. So it isn't
// asked how many there are: what the other one says is the newest must come. If it was dropped
// in the meantime, a heartbeat comes instead, and leads here again.
func (k *KV) findNewest(ctx context.Context, w *watch) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	w.newest = 0
	msg, err := k.last(ctx, ">")
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return fmt.Errorf("natskv: watch: %w", err)
	case !msg.Time.Before(w.from):
		w.newest = msg.Sequence
	}
	return nil
}

// next returns the next message. If not even a heartbeat comes, it gives up.
func next(ctx context.Context, news *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*heartbeat)
	defer cancel()
	return news.NextMsgWithContext(ctx)
}

// Headers of heartbeats (ADR-15 of NATS).
const (
	lastConsumer = "Nats-Last-Consumer"    // how many messages were sent
	stalled      = "Nats-Consumer-Stalled" // where the server waits for an answer
)

// control handles what the server says of its sending. An answer tells it that everything
// before was taken in.
func control(conn *nats.Conn, msg *nats.Msg, received uint64) error {
	if msg.Header.Get("Status") != "100" {
		return fmt.Errorf("natskv: watch: %s", msg.Header.Get("Description"))
	}
	if msg.Reply != "" {
		return msg.Respond(nil)
	}
	if subject := msg.Header.Get(stalled); subject != "" { // an earlier answer got lost
		if err := conn.Publish(subject, nil); err != nil {
			return fmt.Errorf("natskv: watch: %w", err)
		}
	}
	if sent := msg.Header.Get(lastConsumer); sent != "" && sent != strconv.FormatUint(received, 10) {
		return ErrGap
	}
	return nil
}

// A ping is a question to the server that waits for its answer.
type ping struct {
	done chan struct{}
	err  error // once done is closed
}

// ping makes the connection start anew if nobody answers at its other end. By itself it
// would notice after minutes, and every Watch until then would be in vain. It goes on for up
// to two seconds when ctx ends: a fleet may give up a Watch sooner than that, and the next one
// waits for the same answer.
func (k *KV) ping(ctx context.Context) error {
	k.mu.Lock()
	p := k.pinging
	if p == nil {
		p = &ping{done: make(chan struct{})}
		k.pinging = p
		go func() {
			p.err = k.pong()
			k.mu.Lock()
			k.pinging = nil
			k.mu.Unlock()
			close(p.done)
		}()
	}
	k.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *KV) pong() error {
	conn := k.c.JetStream.Conn()
	ctx, cancel := context.WithTimeout(context.Background(), pong)
	defer cancel()
	err := conn.FlushWithContext(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && conn.IsConnected() {
		conn.ForceReconnect() // if it fails, the connection was closed, and is so at the next Watch
	}
	return fmt.Errorf("natskv: ping: %w", err)
}

// A watch is one call of Watch.
type watch struct {
	from    time.Time // where it begins, by the servers' clocks; the zero time is the beginning
	heard   time.Time // when the newest of what was told was stored
	pending uint64    // how many messages come before Synced
	newest  uint64    // and the revision of one of them, or 0
	synced  bool
}

// begin returns where a Watch begins: at the beginning, unless it goes on where the last
// one ended. While another one is under way, nobody knows whose place that would be.
func (k *KV) begin() (*watch, []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching++
	if k.watching > 1 {
		k.heard = time.Time{}
	}
	if k.heard.IsZero() {
		return &watch{}, nil
	}
	return &watch{from: k.heard.Add(-overlap), heard: k.heard}, slices.Sorted(maps.Keys(k.swapped))
}

func (k *KV) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching--
}

// note remembers what was told.
func (k *KV) note(w *watch, ev fleet.Event, stored time.Time) {
	if stored.After(w.heard) {
		w.heard = stored
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if ev.Revision != 0 {
		k.swapped[ev.Name] = true
	}
	if w.synced && k.watching == 1 {
		k.heard = w.heard
	}
}
