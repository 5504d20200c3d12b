// Package equal compares a value with what its JSON decodes into.
package equal

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Difference reports whether b, which was decoded from the JSON of a, differs from it.
// The path says where, such as ".Items[].Price". It names fields and never quotes a
// value.
func Difference[T any](a, b *T) (path string, differ bool) {
	if reflect.DeepEqual(a, b) {
		return "", false
	}
	return new(comparer).difference(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
}

// A comparer finds where two values differ. The rules are those of reflect.DeepEqual,
// except where JSON makes a difference that programs don't care about:
//
//   - A method Equal decides, as in github.com/google/go-cmp. A time.Time loses its
//     monotonic clock and the name of its zone, and is still the same time.
//   - A nil slice or map equals an empty one, because omitempty turns one into the
//     other.
//   - A json.RawMessage may lose white space.
//   - In an interface, any number comes back as a float64, a slice as []any and a map
//     as map[string]any. Their contents must be the same.
type comparer struct {
	seen map[[2]visit]bool // what is compared already: values may be cyclic
}

// visit is the address of what a pointer, map or slice refers to.
type visit struct {
	at  uintptr
	typ reflect.Type
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// difference returns the path of the first difference, and whether there is one.
func (c *comparer) difference(a, b reflect.Value) (path string, differ bool) {
	if !a.IsValid() || !b.IsValid() {
		return "", a.IsValid() != b.IsValid()
	}
	if a.Type() != b.Type() {
		return "", true
	}
	a, b = exported(a), exported(b)
	if a.Type() == rawMessage {
		return "", !bytes.Equal(compact(a.Bytes()), compact(b.Bytes()))
	}
	if equal, ok := equalMethod(a, b); ok {
		return "", !equal
	}
	if c.again(a, b) {
		return "", false
	}
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return "", a.IsNil() != b.IsNil()
		}
		return c.difference(a.Elem(), b.Elem())
	case reflect.Interface:
		return c.dynamic(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if path, differ := c.difference(a.Field(i), b.Field(i)); differ {
				return "." + a.Type().Field(i).Name + path, true
			}
		}
		return "", false
	case reflect.Slice, reflect.Array:
		return c.elements(a, b, c.difference)
	case reflect.Map:
		return c.entries(a, b, c.difference)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return "", !a.IsZero() || !b.IsZero()
	}
	return "", !a.Equal(b)
}

// again reports whether the contents of a and b are compared already.
func (c *comparer) again(a, b reflect.Value) bool {
	pair := [2]visit{}
	for i, v := range []reflect.Value{a, b} {
		pair[i].typ = v.Type()
		switch v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			if pair[i].at = v.Pointer(); pair[i].at == 0 {
				return false
			}
		default:
			return false
		}
	}
	if c.seen[pair] {
		return true
	}
	if c.seen == nil {
		c.seen = map[[2]visit]bool{}
	}
	c.seen[pair] = true
	return false
}

// dynamic compares what two interfaces hold. b was decoded without knowing the type.
func (c *comparer) dynamic(a, b reflect.Value) (path string, differ bool) {
	switch {
	case !a.IsValid() || b.IsValid() && a.Type() == b.Type():
		return c.difference(a, b)
	case !b.IsValid(): // null
		return "", !isEmpty(a)
	case !a.CanInterface():
		return "", true
	}
	_, text := a.Interface().(interface{ MarshalText() ([]byte, error) })
	_, own := a.Interface().(json.Marshaler)
	if text || own {
		return "", true // it comes back as something else altogether
	}
	switch b.Kind() {
	case reflect.Float64:
		return "", !sameNumber(a, b.Float())
	case reflect.Slice:
		if a.Kind() == reflect.Slice || a.Kind() == reflect.Array {
			return c.elements(a, b, c.dynamicElements)
		}
	case reflect.Map:
		if a.Kind() == reflect.Map && a.Type().Key().Kind() == reflect.String {
			return c.entries(a, b, c.dynamicElements)
		}
	case reflect.String:
		return "", a.Kind() != reflect.String || a.String() != b.String()
	case reflect.Bool:
		return "", a.Kind() != reflect.Bool || a.Bool() != b.Bool()
	}
	return "", true
}

// dynamicElements is dynamic for elements that don't have to be in an interface.
func (c *comparer) dynamicElements(a, b reflect.Value) (path string, differ bool) {
	if a.Kind() == reflect.Interface {
		a = a.Elem()
	}
	return c.dynamic(a, b.Elem())
}

type difference func(a, b reflect.Value) (path string, differ bool)

func (c *comparer) elements(a, b reflect.Value, compare difference) (path string, differ bool) {
	if a.Len() != b.Len() {
		return "", true
	}
	for i := range a.Len() {
		if path, differ := compare(a.Index(i), b.Index(i)); differ {
			return "[]" + path, true
		}
	}
	return "", false
}

func (c *comparer) entries(a, b reflect.Value, compare difference) (path string, differ bool) {
	if a.Len() != b.Len() {
		return "", true
	}
	for i := a.MapRange(); i.Next(); {
		other := b.MapIndex(i.Key().Convert(b.Type().Key()))
		if !other.IsValid() {
			return "[]", true
		}
		if path, differ := compare(i.Value(), other); differ {
			return "[]" + path, true
		}
	}
	return "", false
}

// exported returns v so that its methods can be called even if it was read from an
// unexported field, if that is possible.
func exported(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// equalMethod asks the method Equal of a type T that is a func(T) bool. It isn't
// asked about nil, which few such methods expect.
func equalMethod(a, b reflect.Value) (equal, ok bool) {
	if !a.CanInterface() || a.Kind() == reflect.Interface {
		return false, false
	}
	if k := a.Kind(); (k == reflect.Pointer || k == reflect.Map || k == reflect.Slice) && (a.IsNil() || b.IsNil()) {
		return false, false
	}
	m := a.MethodByName("Equal")
	if !m.IsValid() {
		return false, false
	}
	if t := m.Type(); t.NumIn() != 1 || t.In(0) != a.Type() || t.NumOut() != 1 || t.Out(0).Kind() != reflect.Bool || t.IsVariadic() {
		return false, false
	}
	return m.Call([]reflect.Value{b})[0].Bool(), true
}

// sameNumber reports whether v is the number f, and small enough for a float64 to hold
// every integer up to it.
func sameNumber(v reflect.Value, f float64) bool {
	const most = 1 << 53
	switch {
	case v.CanInt():
		return -most <= v.Int() && v.Int() <= most && float64(v.Int()) == f
	case v.CanUint():
		return v.Uint() <= most && float64(v.Uint()) == f
	case v.CanFloat():
		return v.Float() == f
	}
	return false
}

// isEmpty reports whether v is a slice, map or pointer that JSON writes as null.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return v.IsNil()
	}
	return false
}

// compact returns JSON without white space; nothing means null.
func compact(raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}
