package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// minMaster is the least entropy that can be told from the outside: the
	// strength of everything below it (NIST SP 800-57 part 1, table 2: 256 bits
	// for AES-256). Length is no proof of randomness; see NewSchedule.
	minMaster = 32

	// A schedule holds the open periods, the current one and the next.
	maxOpen = maxKeys - 2

	// Clocks of a fleet differ by seconds. The next period is open early and the
	// last one late by a whole period, so a period must be far above that.
	minPeriod = time.Minute

	// A longer period is a schedule that never rotates. The bound also keeps
	// period times maxOpen, and every creation time, far from overflow.
	maxPeriod = 3650 * 24 * time.Hour

	// The labels of what is derived from the master secret. They are apart from
	// those of Key.Derive: a master is never a Key.
	scheduleKey = "hardtack/v1 schedule key"
	scheduleID  = "hardtack/v1 schedule kid"
)

// A Schedule is a [Source] that needs no coordination: every instance derives the
// same key for each period from a master secret and its clock. The key of the current
// period seals. The keys of a number of earlier periods can also open, and so can the
// key of the next period, because another instance's clock may be ahead.
//
// This has a price: anyone with the master secret has the keys of all periods, past
// and future. If it leaks, you need a new master, and all sessions end. The keys of a
// schedule can't be added, promoted or retired.
//
// A Schedule is safe for concurrent use and must not be copied. The zero Schedule and
// a nil *Schedule have no ring: they open nothing and seal nothing.
type Schedule struct {
	master func() []byte // held by a closure, as in Key
	period int64         // milliseconds
	open   int

	// Two rings, by the parity of their period. When the period changes, some requests
	// still have the old time, and must not push the new ring out.
	slots [2]atomic.Pointer[turn]
	mu    sync.Mutex // held while a ring is made
}

// A turn is the ring of a period.
type turn struct {
	period int64
	ring   *Keyring
}

var _ Source = (*Schedule)(nil)

// NewSchedule returns the schedule of a master secret. The secret is at least 32
// random bytes, not a password, and the same in the whole fleet. Each key seals for
// one period, which is at least a minute, at most 3650 days, and a whole number of
// milliseconds. Periods are counted from 1970. The key can then open for another open
// periods, 1 to 14. A schedule with another period or master has no key in common
// with this one. One that differs only in open has the same keys.
//
// NewSchedule reports all faults at once, without the secret.
func NewSchedule(master []byte, period time.Duration, open int) (*Schedule, error) {
	var errs []error
	if len(master) < minMaster {
		errs = append(errs, errors.New("keyring: the master secret of a schedule needs at least 32 random bytes"))
	} else if allZero(master) {
		errs = append(errs, errors.New("keyring: the master secret of a schedule is all zero"))
	}
	if period < minPeriod || period > maxPeriod || period%time.Millisecond != 0 {
		errs = append(errs, errors.New("keyring: the period of a schedule must be whole milliseconds, from a minute to 3650 days"))
	}
	if open < 1 || open > maxOpen {
		errs = append(errs, errors.New("keyring: a schedule must keep 1 to 14 periods open"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	secret := append([]byte(nil), master...)
	return &Schedule{
		master: func() []byte { return secret },
		period: period.Milliseconds(),
		open:   open,
	}, nil
}

func allZero(b []byte) bool {
	var or byte
	for _, c := range b {
		or |= c
	}
	return or == 0
}

// At returns the ring for the period that now is in. That period's key is the
// primary, and the keys of earlier open periods and of the next one are fallbacks.
// For the zero time, and for times that a key can't have (before the first whole
// period of 1970, after the year 9999), At returns nil. Within a period it takes no
// lock and doesn't allocate.
func (s *Schedule) At(now time.Time) *Keyring {
	if s == nil || s.master == nil {
		return nil
	}
	n := now.UnixMilli() / s.period // far below 1, and so refused, for the zero time
	if t := s.slots[n&1].Load(); t != nil && t.period == n {
		return t.ring
	}
	return s.turn(n)
}

// turn makes the ring of period n, unless another goroutine just did.
func (s *Schedule) turn(n int64) *Keyring {
	if n < 1 || (n+1)*s.period > maxMillis {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.slots[n&1].Load(); t != nil && t.period == n {
		return t.ring
	}
	var keys []Key
	for i := n + 1; i >= max(n-int64(s.open), 1); i-- {
		k, err := s.key(i)
		if err != nil {
			return nil
		}
		keys = append(keys, k)
	}
	// The next key is activated when the period changes, so as of the start of n the
	// ring has the key of n as its primary.
	ring := build(keys, n*s.period)
	s.slots[n&1].Store(&turn{n, ring})
	return ring
}

// key returns the key of period i. If a current ring already has it, key returns that
// one for its counters and subkeys. Otherwise it derives the key.
func (s *Schedule) key(i int64) (Key, error) {
	id, err := s.derive(scheduleID, i)
	if err != nil {
		return Key{}, err
	}
	root, err := s.derive(scheduleKey, i)
	if err != nil {
		return Key{}, err
	}
	k := makeKey(encoding.EncodeToString(id[:idBytes]), [rootSize]byte(root), i*s.period, i*s.period)
	for n := range s.slots {
		if t := s.slots[n].Load(); t != nil {
			if old, ok := t.ring.Key(k.p.id); ok {
				return k.inherit(old), nil
			}
		}
	}
	return k, nil
}

// derive is HKDF-SHA256 of the master for one period. The salt is empty. The info is
// the label (both labels have the same length), then the period's length and number,
// 8 bytes each.
func (s *Schedule) derive(label string, i int64) ([]byte, error) {
	info := []byte(label)
	info = binary.BigEndian.AppendUint64(info, uint64(s.period))
	info = binary.BigEndian.AppendUint64(info, uint64(i))
	return hkdf.Key(sha256.New, s.master(), nil, string(info), rootSize)
}

// Window returns how long a token can be opened at least after it was sealed: the open
// periods. A session store refuses a schedule whose window is shorter than its longest
// session life. For the zero Schedule it is 0.
func (s *Schedule) Window() time.Duration {
	if s == nil {
		return 0
	}
	return time.Duration(s.open) * time.Duration(s.period) * time.Millisecond
}
