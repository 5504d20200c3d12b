package natskv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A bucket is a way to write to the bucket, and one to read it.
type bucket struct {
	jetstream.KeyValue
	stream jetstream.Stream // asks the server that acknowledges writes, and no other
}

// patiently calls f until it has an answer or ctx ends. While servers choose a leader, they may
// not answer, or not know of what has just been created. Whatever was under way when a server
// died gets no answer either.
func patiently(ctx context.Context, f func(context.Context) error) error {
	once := func() error {
		ctx, cancel := context.WithTimeout(ctx, attempt)
		defer cancel()
		return f(ctx)
	}
	for {
		err := once()
		switch {
		case err == nil, errors.Is(err, ErrBucket), errors.Is(err, jetstream.ErrMsgNotFound), ctx.Err() != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(again):
		}
	}
}

// open finds the bucket, or creates it.
func (k *KV) open(ctx context.Context) (b *bucket, err error) {
	err = patiently(ctx, func(ctx context.Context) error {
		b, err = k.find(ctx)
		return err
	})
	if err != nil && !errors.Is(err, ErrBucket) {
		err = fmt.Errorf("natskv: bucket: %w", err)
	}
	return b, err
}

// last returns the last message with a subject, as the server has it that acknowledges writes.
func (k *KV) last(ctx context.Context, subject string) (msg *jetstream.RawStreamMsg, err error) {
	err = patiently(ctx, func(ctx context.Context) error {
		b, err := k.opened(ctx)
		if err != nil {
			return err
		}
		msg, err = b.stream.GetLastMsgForSubject(ctx, k.subject(subject))
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			k.forget()
		}
		return err
	})
	return msg, err
}

func (k *KV) find(ctx context.Context) (*bucket, error) {
	js := k.c.JetStream
	stream, err := js.Stream(ctx, k.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// If another instance is first, that is an error, and the next try finds it.
		_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:         k.c.Bucket,
			Description:    "Hardtack: keys and marks of a fleet, sealed",
			Replicas:       k.c.Replicas,
			LimitMarkerTTL: markerTTL,
		})
		if err == nil {
			stream, err = js.Stream(ctx, k.stream())
		}
	}
	if err != nil {
		return nil, err
	}
	c := &stream.CachedInfo().Config
	if c.MaxAge != 0 || !c.AllowMsgTTL || c.Discard != jetstream.DiscardNew {
		return nil, ErrBucket
	}
	// By what nats.go thinks of the stream, it asks any replica or the leader. A replica may
	// be behind.
	c.AllowDirect = false
	kv, err := js.KeyValue(ctx, k.c.Bucket)
	if err != nil {
		return nil, err
	}
	b := &bucket{kv, stream}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bucket = b
	return b, nil
}

// stream and subject are names that a bucket has in JetStream (ADR-8 of NATS).
func (k *KV) stream() string            { return "KV_" + k.c.Bucket }
func (k *KV) subject(key string) string { return "$KV." + k.c.Bucket + "." + key }

// opened returns the bucket, and looks for it if nobody has yet.
func (k *KV) opened(ctx context.Context) (*bucket, error) {
	k.mu.Lock()
	b := k.bucket
	k.mu.Unlock()
	if b != nil {
		return b, nil
	}
	return k.open(ctx)
}

// forget makes the next call look for the bucket: it may be gone.
func (k *KV) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bucket = nil
}
