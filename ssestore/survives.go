package ssestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/hardtack-go/hardtack/internal/equal"
)

// A session outlives the request that fills it, so a value that Get gives back
// changed is a fault that shows later and elsewhere. Set therefore decodes what it
// has encoded, and refuses a value that doesn't survive.

// survives reports, as an error, whether v is what raw decodes into.
func survives[T any](v *T, raw []byte) error {
	var back T
	// A copy, because UnmarshalJSON may write to what it is given.
	if json.Unmarshal(bytes.Clone(raw), &back) != nil {
		return fmt.Errorf("%w: its JSON does not decode into %v again", ErrBadValue, reflect.TypeFor[T]())
	}
	if path, differ := equal.Difference(v, &back); differ {
		return fmt.Errorf("%w: Get would return another value at %v%s", ErrBadValue, reflect.TypeFor[T](), path)
	}
	return nil
}
