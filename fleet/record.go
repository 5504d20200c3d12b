package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

const (
	// maxRecord is the most that AWS KMS encrypts in one call, the least of the big ones.
	// A ring of 16 keys takes 2,300 bytes, and 16 removed ones another 1,500.
	maxRecord = 4096

	// maxRemoved is how many removed keys a record remembers.
	maxRemoved = 16

	// maxSequence leaves room to count on.
	maxSequence = 1 << 62
)

var (
	errRecord      = errors.New("fleet: not a ring of a fleet")
	errApplication = errors.New("fleet: the ring is of another application: is the engine shared by mistake?")
	errTooLong     = errors.New("fleet: the ring is over 4,096 bytes, which not every KMS can wrap")
)

// A record is what the engine holds under "ring", wrapped: the keys and their history.
// The zero record is none.
type record struct {
	seq     uint64 // one more with each change
	ring    *keyring.Keyring
	removed []removed // the last removed by hand first
}

// A removed key is gone before its time, because it leaked. Its id is kept so that an old
// ring doesn't bring it back, and its subkey for marks so that what was ended stays ended.
// Whoever has the leaked key, and can write to the engine, can therefore go on to end
// sessions, but can't read or make any.
type removed struct {
	kid   string
	until int64         // Unix seconds: no ring that has it is alive
	mark  func() []byte // the subkey; in a closure, as in keyring.Key
}

// recordJSON is the form of a record, in its one spelling.
type recordJSON struct {
	Application string          `json:"application"`
	Sequence    uint64          `json:"sequence"`
	Ring        json.RawMessage `json:"ring"` // a JWK Set
	Removed     []removedJSON   `json:"removed,omitempty"`
}

type removedJSON struct {
	KID   string `json:"kid"`
	Until int64  `json:"until"`
	Mark  []byte `json:"mark"`
}

// encode returns the JSON of a record.
func (r record) encode(application string) ([]byte, error) {
	j := recordJSON{Application: application, Sequence: r.seq, Ring: r.ring.JWKSet()}
	for _, k := range r.removed {
		j.Removed = append(j.Removed, removedJSON{k.kid, k.until, k.mark()})
	}
	text, err := json.Marshal(j)
	if err == nil && len(text) > maxRecord {
		err = errTooLong
	}
	return text, err
}

// parseRecord reads what encode wrote, and nothing else. Its errors don't repeat it.
func parseRecord(text []byte, application string) (record, error) {
	var j recordJSON
	if json.Unmarshal(text, &j) != nil || j.Sequence == 0 || j.Sequence > maxSequence || len(j.Removed) > maxRemoved {
		return record{}, errRecord
	}
	if j.Application != application {
		return record{}, errApplication
	}
	ring, err := keyring.Parse(string(j.Ring))
	if err != nil {
		return record{}, errRecord
	}
	r := record{seq: j.Sequence, ring: ring}
	for _, k := range j.Removed {
		if _, there := ring.Key(k.KID); there || len(k.KID) != jwe.KidLen || len(k.Mark) != jwe.KeyLen {
			return record{}, errRecord
		}
		r.removed = append(r.removed, removed{k.KID, k.Until, func() []byte { return k.Mark }})
	}
	if again, err := r.encode(application); err != nil || !bytes.Equal(again, text) {
		return record{}, errRecord
	}
	return r, nil
}

// has reports whether a key was removed by hand.
func (r record) has(kid string) bool {
	return slices.ContainsFunc(r.removed, func(k removed) bool { return k.kid == kid })
}

// same reports whether two records have the same keys in the same order, and the same
// ones removed.
func (r record) same(other record) bool {
	return bytes.Equal(r.ring.JWKSet(), other.ring.JWKSet()) &&
		slices.EqualFunc(r.removed, other.removed, func(a, b removed) bool { return a.kid == b.kid })
}

// next returns the record that follows r with another ring. byHand says that keys which
// are missing in it were removed by hand.
func (r record) next(ring *keyring.Keyring, byHand bool, f *Fleet, now time.Time) record {
	n := record{seq: r.seq + 1, ring: ring}
	if byHand {
		for _, k := range r.ring.Keys() {
			if _, ok := ring.Key(k.ID()); !ok {
				subkey := k.Derive(f.label("mark"))
				until := now.Add(f.config.Rotation.lasts() + leeway).Unix()
				n.removed = append(n.removed, removed{k.ID(), until, func() []byte { return subkey }})
			}
		}
	}
	for _, k := range r.removed {
		if _, back := ring.Key(k.kid); !back && k.until > now.Unix() && len(n.removed) < maxRemoved {
			n.removed = append(n.removed, k)
		}
	}
	return n
}

// merge returns the record to go by, of two that differ. That of the greater sequence
// holds, and theirs if they are equal. But if an engine lost data, the fleet may have gone
// on from an older ring, or from a new one. So a key of the other record is added if it
// may still be needed, unless it was removed by hand. The result has the sequence of the
// record that it equals, or a greater one than both.
//
// A record without a young key is a copy: whoever goes by one adds a key each
// Rotation.Every. An engine that tells it may do so because a key in it has leaked since,
// so none is added.
func merge(mine, theirs record, rotation Rotation, now time.Time) record {
	high, low := theirs, mine
	if mine.seq > theirs.seq {
		high, low = mine, theirs
	}
	// Clocks differ. What the other instances dropped by theirs isn't brought back.
	soon := now.Add(2 * rotation.margin())
	own := mine.ring.At(now).Primary().ID()
	m := record{seq: high.seq + 1, removed: slices.Clone(high.removed)}
	for _, k := range low.removed {
		if !high.has(k.kid) && k.until > soon.Unix() && len(m.removed) < maxRemoved {
			m.removed = append(m.removed, k)
		}
	}
	keys := slices.DeleteFunc(high.ring.Keys(), func(k keyring.Key) bool { return m.has(k.ID()) })
	m.ring, _ = keyring.New(keys...)
	for _, k := range low.ring.Keys() {
		_, known := high.ring.Key(k.ID())
		if known || m.has(k.ID()) || !rotation.alive(low.ring, now) {
			continue
		}
		i := slices.IndexFunc(keys, func(other keyring.Key) bool { return k.Compare(other) > 0 })
		if i < 0 {
			i = len(keys)
		}
		more := slices.Insert(slices.Clone(keys), i, k)
		// A ring that is full stays as it is. What this instance seals under is needed.
		ring, err := keyring.New(more...)
		if err == nil && (k.ID() == own || rotation.needed(ring.At(now), k.ID(), soon)) {
			keys, m.ring = more, ring
		}
	}
	if len(keys) == 0 {
		return high
	}
	switch {
	case m.same(theirs) && theirs.seq >= mine.seq:
		return theirs
	case m.same(mine) && mine.seq > theirs.seq:
		return mine
	}
	return m
}
