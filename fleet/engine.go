package fleet

import (
	"context"
	"errors"
	"time"
)

// An Engine is where the instances of an application meet: a table of its SQL database
// (package sqlkv), a bucket of NATS JetStream (natskv), Redis (rediskv). It holds a few
// small values under names, and tells every instance of every change. It is trusted with
// nothing: values are sealed before they get here, and names say nothing about whom they
// are for. An Engine that is lost, lies or goes back in time can withhold news, and that
// is noticed, but it can't forge any.
//
// Names are 1 to 64 characters of a-z 0-9 . - and values are 1 to 16,384 bytes. An Engine
// refuses others with [ErrBadName] or [ErrBadValue], as [Check] does. It is safe for
// concurrent use, also by the f that a Watch calls.
//
// Package enginetest has the tests that an Engine must pass.
type Engine interface {
	// Swap stores a value under a name, if the revision of what is there is rev, and
	// returns its revision. Rev 0 means that there is nothing yet. Otherwise it changes
	// nothing and returns an error that matches ErrConflict. Revisions are positive and
	// grow with every change of a name.
	//
	// Any other error means that nobody knows whether the value was stored.
	Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error)

	// Append stores a value under a name that nobody else uses for another value, and
	// that may be forgotten after ttl, which is at least a second. Storing it again is no
	// error and changes nothing.
	//
	// An error means that nobody knows whether the value was stored. Call it again.
	Append(ctx context.Context, name string, value []byte, ttl time.Duration) error

	// Watch calls f for all that is stored, then once with Event.Synced, and then for
	// each change, until ctx ends or the connection fails. It returns the reason.
	// Called again it goes on: it may begin with all that is stored, or with what has
	// changed since. A call beside another one begins with all that is stored. An Engine
	// may call f for the same thing twice, and does well to begin with what Swap stored.
	// It calls f from one goroutine at a time for each call of Watch. What was forgotten
	// isn't told.
	//
	// An Engine that lost what it had, or was restored from an old copy, tells what is
	// stored now: it doesn't wait for changes beyond what it told before.
	Watch(ctx context.Context, f func(Event)) error
}

// An Event is news from an Engine.
type Event struct {
	// Name and Value are what was stored. Value is valid during the call only.
	Name  string
	Value []byte
	// Revision is what the next Swap of the name needs. It is 0 for what Append stored.
	Revision uint64
	// Synced says that everything stored before Watch was called has been told. Then
	// the other fields are empty.
	Synced bool
}

// Check returns [ErrBadName] or [ErrBadValue] for what no Engine stores. Engines call it
// first in Swap and Append. A dot stands between two other characters, because engines
// such as NATS split names there.
func Check(name string, value []byte) error {
	if len(name) > 64 {
		return ErrBadName
	}
	dot := true // before the first character, which there must be
	for _, c := range []byte(name) {
		switch {
		case c == '.' && dot:
			return ErrBadName
		case c == '.':
			dot = true
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			dot = false
		default:
			return ErrBadName
		}
	}
	if dot {
		return ErrBadName
	}
	if len(value) == 0 || len(value) > 16384 {
		return ErrBadValue
	}
	return nil
}

// The errors of engines. Match them with [errors.Is].
var (
	// ErrConflict is returned by Swap when the revision isn't the current one.
	ErrConflict = errors.New("fleet: somebody else was first")
	// ErrBadName is returned for a name that no Engine stores.
	ErrBadName = errors.New("fleet: a name must be 1 to 64 characters of a-z 0-9 . -")
	// ErrBadValue is returned for an empty value and for one over 16,384 bytes.
	ErrBadValue = errors.New("fleet: a value must be 1 to 16,384 bytes")
)
