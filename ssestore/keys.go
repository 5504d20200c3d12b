package ssestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// A Key names one value of a session and its type. Make keys once, as package
// variables, in the package that owns the value:
//
//	var cart = ssestore.NewKey[[]Item]("cart")
//
// This lets unrelated packages share a session, each under its own names; a prefix
// such as "shop." keeps them apart. Two keys with one name and different types read
// each other's JSON as far as it fits. Nothing detects that.
//
// Values are stored as JSON. Set encodes a value, and each Get decodes it. A value
// that doesn't decode into the type, for example because the type has changed, reads
// as absent and is named in [Outcome.Unreadable].
//
// A Key is safe for concurrent use. The zero Key has no valid name: it finds nothing
// and can't be set.
type Key[T any] struct {
	name  string
	plain bool // of T; see isPlain
}

// NewKey returns the key for a name of 1 to 64 characters of A-Z a-z 0-9 _ . : / -.
// Names that begin with "-" are reserved for this library. A key with any other name
// finds nothing, and its Set returns [ErrBadName].
func NewKey[T any](name string) Key[T] {
	if !claims.ValidName(name) || name[0] == reserved {
		return Key[T]{}
	}
	return Key[T]{name, isPlain(reflect.TypeFor[T]())}
}

// Name returns the name, or "" if it isn't valid.
func (k Key[T]) Name() string { return k.name }

// Get returns the value, or the zero T if there is none. The value is the caller's
// copy; only Set changes the session.
func (k Key[T]) Get(s *Session) T {
	v, _ := k.Lookup(s)
	return v
}

// Lookup is like Get and also reports whether there is a value.
func (k Key[T]) Lookup(s *Session) (T, bool) {
	raw, ok := s.get(k.name)
	return k.decode(s, raw, ok)
}

// Pop returns the value and removes it, for example a message to be shown once. It
// counts as a change if there was a value. After Commit or Hold, and if the
// session is read-only, it still returns the value but doesn't remove it. [Session.Late]
// reports a Pop after Commit, and one of a session that is read-only.
func (k Key[T]) Pop(s *Session) (T, bool) {
	raw, ok, _ := s.remove(k.name)
	return k.decode(s, raw, ok)
}

// decode runs without the session's lock: UnmarshalJSON is the caller's code.
func (k Key[T]) decode(s *Session, raw []byte, ok bool) (T, bool) {
	var v T
	if !ok {
		return v, false
	}
	if !k.plain {
		// The claims' strings lie in the same bytes. encoding/json gives parts of them
		// to UnmarshalJSON and UnmarshalText, at any depth, and those may write to what
		// they are given.
		raw = bytes.Clone(raw)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		s.undecodable(k.name)
		var zero T // v may be half filled
		return zero, false
	}
	return v, true
}

// Set stores a value. A value with the same encoding as the one already there is no
// change.
//
// Get returns a value that is equal to what Set accepted. To make sure, Set decodes
// the encoding again, and refuses a value that JSON doesn't hold completely: one with
// unexported fields or fields tagged json:"-" that aren't zero, text that isn't UTF-8,
// an error or another interface, a MarshalJSON that UnmarshalJSON doesn't reverse. The
// methods MarshalJSON, UnmarshalJSON and Equal of the type, or of a part of it, are
// called. What counts as equal is what [reflect.DeepEqual] says, with these
// exceptions: a method Equal decides, as that of [time.Time] does; nil and empty
// slices and maps are equal; a [json.RawMessage] may lose white space; in an interface
// such as any, every number comes back as a float64, if that can hold it, a slice as
// []any and a map as map[string]any.
//
// Errors, with nothing lost: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime;
// ErrBadName; ErrBadValue; a *cookie.SizeError if the session would no longer fit
// its cookie. Room for a login is reserved, with a user id of up to 128 bytes, so what
// Set accepts can be written. A value smaller than the one there is always accepted,
// even if MaxLine was lowered meanwhile and the session is still too large.
func (k Key[T]) Set(s *Session, v T) error {
	if s.of() == nil {
		return ErrNoSession
	}
	if k.name == "" {
		return ErrBadName
	}
	raw, err := encode(v)
	if err != nil {
		return err
	}
	if !k.plain || lossy(raw) {
		if err := survives(&v, raw); err != nil {
			return err
		}
	}
	return s.set(k.name, raw)
}

// Delete removes the value. It counts as a change if there was one.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (k Key[T]) Delete(s *Session) error {
	_, _, err := s.remove(k.name)
	return err
}

// encode is json.Marshal without escapes for HTML: no browser reads this, and each
// escape takes six bytes instead of one.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		// encoding/json's error may quote the value, so only the type is named.
		return nil, fmt.Errorf("%w as JSON: %T", ErrBadValue, v)
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if !claims.ValidValue(raw) {
		return nil, fmt.Errorf("%w: invalid UTF-8, or more than %d levels", ErrBadValue, claims.MaxDepth)
	}
	return raw[:len(raw):len(raw)], nil
}
