package marks

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// An edition is what all snapshots under one key, with one number of shards, have in common.
type edition struct {
	kid    string
	shift  uint8
	signer *signer
	shards []place
}

// A place is where an object is held.
type place struct {
	name   string
	object atomic.Pointer[object]
	next   atomic.Int64  // when it is to be fetched again, in Unix seconds
	judged atomic.Int64  // when Judge last looked here, in Unix seconds
	needed atomic.Uint64 // counts requests, up to the last that needed it
	busy   chan struct{} // has room for whoever fetches it

	floor uint64 // no older sequence is taken; guarded by Reader.mu
}

func newPlace(name string) place { return place{name: name, busy: make(chan struct{}, 1)} }

// Put gives the Reader an object that the host has fetched, under a name from Due. An empty
// one stands for a fetch that failed. The Reader keeps none of the bytes.
func (r *Reader) Put(now time.Time, name string, object []byte) error {
	if r == nil || r.cfg.Keys == nil {
		return keyring.ErrNoKey
	}
	if name == headName {
		return r.put(now, &r.head, object)
	}
	for _, p := range r.shards() {
		if p.name == name {
			return r.put(now, p, object)
		}
	}
	return fmt.Errorf("marks: %w", ErrMisplaced)
}

func (r *Reader) put(now time.Time, p *place, b []byte) error {
	o, by, err := r.open(now, b)
	if err == nil {
		err = r.take(now, p, o, by)
	}
	if err == nil || errors.Is(err, ErrStale) {
		p.next.Store(now.Unix() + r.every)
	} else {
		p.next.Store(now.Unix() + min(retry, r.every))
	}
	if err != nil {
		return fmt.Errorf("marks: %s: %w", p.name, err)
	}
	return nil
}

// open returns what is in an object that a key of the ring has signed.
func (r *Reader) open(now time.Time, b []byte) (*object, *signer, error) {
	kid, ok := kidOf(b)
	if !ok {
		return nil, nil, ErrForged
	}
	if len(b) > maxObject {
		return nil, nil, ErrTooLarge
	}
	ring := r.cfg.Keys.At(now)
	key, ok := ring.Key(kid)
	if !ok {
		key, _ = r.looks.Newer(now, ring).Key(kid)
	}
	by := signerOf(key, r.label)
	if by == nil { // as for the zero Key
		return nil, nil, ErrUnknownKey
	}
	if !authentic(b, by) {
		return nil, nil, ErrForged
	}
	h, ok := parseHeader(b)
	if !ok {
		return nil, nil, ErrMalformed
	}
	if most := r.cfg.Policy.max(); int64(h.sessions+h.timed) > most {
		if f := r.cfg.Policy.OnFull; f != nil {
			f(r.Len())
		}
		return nil, nil, ErrTooLarge
	}
	o := parseBody(h, b)
	if o == nil {
		return nil, nil, ErrMalformed
	}
	return o, by, nil
}

// take puts an object in its place, or says why it doesn't belong there.
func (r *Reader) take(now time.Time, p *place, o *object, by *signer) error {
	name := headName
	if o.index != headIndex {
		name = shardName(o.kid, o.shift, o.index)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case name != p.name:
		return ErrMisplaced
	case o.time > now.Unix()+leeway:
		return ErrFuture
	case o.sequence < p.floor:
		return ErrRollback
	}
	before := p.floor
	p.floor = o.sequence
	p.object.Store(o)
	if p == &r.head {
		if e := r.both()[0]; e == nil || e.kid != o.kid || e.shift != o.shift {
			r.turn(o, by, before)
		}
	}
	r.all.Store(max(r.all.Load(), o.before))
	for int64(r.Len()) > r.cfg.Policy.max() { // another than p is held, or open had refused p
		r.drop(p)
	}
	if r.stale(o, now.Unix()) {
		return ErrStale
	}
	return nil
}

// turn begins a new edition. Its shards are newer than those of the one before: there may be
// older ones under the same names, of a time with as many shards. floor is the sequence of the
// head before. r.mu is held.
func (r *Reader) turn(head *object, by *signer, floor uint64) {
	former := r.both()[0]
	if former != nil {
		for i := range former.shards {
			floor = max(floor, former.shards[i].floor)
		}
	}
	e := &edition{kid: head.kid, shift: head.shift, signer: by, shards: make([]place, 1<<head.shift)}
	for i := range e.shards {
		e.shards[i] = newPlace(shardName(e.kid, e.shift, i))
		e.shards[i].floor = floor
	}
	r.editions.Store(&[2]*edition{e, former})
}

// both returns the edition that the head leads to, and the one before. Either may be nil.
func (r *Reader) both() (list [2]*edition) {
	if r == nil {
		return list
	}
	if p := r.editions.Load(); p != nil {
		list = *p
	}
	return list
}

// shards returns the places of all shards that may be held.
func (r *Reader) shards() (list []*place) {
	for _, e := range r.both() {
		if e == nil {
			continue
		}
		for i := range e.shards {
			list = append(list, &e.shards[i])
		}
	}
	return list
}

// drop forgets the shard that wasn't needed for the longest time, and not keep. One of the
// former edition wasn't since the head led elsewhere.
func (r *Reader) drop(keep *place) {
	var oldest *place
	for _, p := range r.shards() {
		if p != keep && p.object.Load() != nil && (oldest == nil || p.needed.Load() < oldest.needed.Load()) {
			oldest = p
		}
	}
	oldest.object.Store(nil)
	oldest.next.Store(0)
}
