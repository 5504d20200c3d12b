package ssestore

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// isPlain reports whether encoding/json gives every value of a type back as it was,
// but for text that isn't UTF-8 (see lossy). Set then needn't decode what it has
// encoded, and Get needn't copy what it decodes, because no code of the type's own
// runs. What it doesn't know isn't plain.
func isPlain(t reflect.Type) bool { return plain(t, nil) }

// around are the types that t is a part of.
func plain(t reflect.Type, around []reflect.Type) bool {
	for _, a := range around {
		if a == t {
			return false // recursive: its values may be cyclic
		}
	}
	if t == reflect.TypeFor[json.Number]() {
		return false // an empty one becomes 0
	}
	around = append(around, t)
	for _, own := range [...]reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
	} {
		if t.Implements(own) || reflect.PointerTo(t).Implements(own) {
			return false
		}
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice, reflect.Array:
		return plain(t.Elem(), around)
	case reflect.Map:
		return plain(t.Key(), around) && plain(t.Elem(), around) // JSON refuses other keys than text and integers
	case reflect.Struct:
		return plainStruct(t, around)
	}
	return false // a pointer to nil becomes a nil pointer; the rest has no JSON of its own
}

// plainStruct wants exported fields with different names and no options.
func plainStruct(t reflect.Type, around []reflect.Type) bool {
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		// encoding/json finds fields in any case, drops those of one name, and doesn't
		// use every name in a tag.
		name = strings.ToLower(name)
		if !f.IsExported() || f.Anonymous || options != "" || name == "-" || names[name] || !claims.ValidName(name) || !plain(f.Type, around) {
			return false
		}
		names[name] = true
	}
	return true
}

// lossy reports whether an encoding may have lost a byte: encoding/json writes this
// escape for each that isn't UTF-8, and the replacement character itself as it is.
func lossy(raw []byte) bool { return bytes.Contains(raw, []byte(`\ufffd`)) }
