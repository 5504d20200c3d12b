// Package keysource has what those who use a keyring.Source share: the checks of a
// source that a constructor is given, and the looks for newer keys.
package keysource

import (
	"reflect"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// IsNil reports whether an interface is nil or holds a nil pointer, which s == nil
// doesn't see.
func IsNil(s any) bool {
	if s == nil {
		return true
	}
	switch v := reflect.ValueOf(s); v.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return v.IsNil()
	}
	return false
}

// Empty reports whether a source of package keyring has no keys. Only a Holder can
// get some later, and there's no reason to use it before. A source that somebody
// else wrote may have none before the first request.
func Empty(s keyring.Source) bool {
	switch s.(type) {
	case *keyring.Keyring, *keyring.Holder, *keyring.File, *keyring.Schedule:
		return s.At(time.Unix(1<<31, 0)) == nil // any time will do
	}
	return false
}

// Outlived reports whether a source says that it opens sealed values for less time
// than life, as a keyring.Schedule can.
func Outlived(s keyring.Source, life time.Duration) bool {
	w, ok := s.(interface{ Window() time.Duration })
	return ok && w.Window() < life
}
