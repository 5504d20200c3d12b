package ssestore

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// A Key names one value of a session and its type. Make keys once, as package
// variables, in the package that owns the value:
//
//	var cart = ssestore.NewKey[[]Item]("cart")
//
// Packages that do not know each other share a session so, each with its own
// names; a prefix such as "shop." keeps them apart. Two keys with one name and
// different types read each other's JSON as far as it fits. Nothing detects that.
//
// Values are JSON, encoded at Set and decoded at each Get, one at a time. A
// value that does not decode into the type (after a change of the type, say)
// reads as absent and is named in [Outcome.Unreadable].
//
// A Key is safe for concurrent use. The zero Key has a name that is not valid:
// it finds nothing and refuses to set.
type Key[T any] struct{ name string }

// NewKey returns the key of a name: 1 to 64 characters of A-Z a-z 0-9 _ . : / -.
// With any other name nothing is found, and Set reports [ErrBadName].
func NewKey[T any](name string) Key[T] {
	if !claims.ValidName(name) {
		return Key[T]{}
	}
	return Key[T]{name}
}

// Name returns the name, or "" if it is not valid.
func (k Key[T]) Name() string { return k.name }

// Get returns the value, or the zero T where there is none. The value is the
// caller's copy: changing it changes the session only through Set.
func (k Key[T]) Get(s *Session) T {
	v, _ := k.Lookup(s)
	return v
}

// Lookup is Get that also tells whether there is a value.
func (k Key[T]) Lookup(s *Session) (T, bool) {
	raw, ok := s.get(k.name)
	return k.decode(s, raw, ok)
}

// Pop returns the value and removes it: a message to be shown once. It counts as
// a change if there was a value. After Commit or Hold it still returns the value,
// but does not remove it; [Session.Late] reports the former.
func (k Key[T]) Pop(s *Session) (T, bool) {
	raw, ok, _ := s.remove(k.name, true)
	return k.decode(s, raw, ok)
}

// decode runs without the session's lock: UnmarshalJSON is the caller's code.
func (k Key[T]) decode(s *Session, raw []byte, ok bool) (T, bool) {
	var v T
	if !ok {
		return v, false
	}
	if _, own := any(&v).(json.Unmarshaler); own {
		// The claims' strings lie in the same bytes, and UnmarshalJSON of a T may
		// write to what it is given. encoding/json itself does not.
		raw = bytes.Clone(raw)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		s.undecodable(k.name)
		var zero T // v may be half filled
		return zero, false
	}
	return v, true
}

// Set stores a value. A value with the same encoding as the one there is no
// change.
//
// Errors, with nothing lost: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime;
// ErrBadName; ErrBadValue; a *cookie.SizeError if the session would no longer fit
// its cookie. Room for the largest possible login is reserved, so what Set
// accepts can be written.
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
	return s.set(k.name, raw)
}

// Delete removes the value. It is a change if there was one.
//
// Errors: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime.
func (k Key[T]) Delete(s *Session) error {
	_, _, err := s.remove(k.name, false)
	return err
}

// encode is json.Marshal without the escapes for HTML: no browser reads this,
// and each of them takes six bytes for one.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		// The error names types and may quote the value; keep the first only.
		return nil, fmt.Errorf("%w as JSON: %T", ErrBadValue, v)
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if !claims.ValidValue(raw) {
		return nil, fmt.Errorf("%w: invalid UTF-8, or more than %d levels", ErrBadValue, claims.MaxDepth)
	}
	return bytes.Clone(raw), nil
}
