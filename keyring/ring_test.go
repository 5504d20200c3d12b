package keyring_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
)

// refused returns a check for a pair of results: no ring, and all these errors.
func refused(t testing.TB, name string, want ...error) func(*keyring.Keyring, error) {
	t.Helper()
	return func(r *keyring.Keyring, err error) {
		t.Helper()
		if r != nil {
			t.Errorf("%s: a ring beside an error", name)
		}
		for _, w := range want {
			if !errors.Is(err, w) {
				t.Errorf("%s: error %v, want %v", name, err, w)
			}
		}
	}
}

// manyKeys are n random keys, made as fast as they come: NewKey takes a
// millisecond for each.
func manyKeys(n int) []keyring.Key {
	keys := make([]keyring.Key, n)
	for i := range keys {
		keys[i] = keyring.NewKeyCreated(ms0)
	}
	return keys
}

func TestNew_Refusals(t *testing.T) {
	a := key(t, "AAAAAAA", 1, ms0, 0)
	for _, row := range []struct {
		name string
		keys []keyring.Key
		want []error
	}{
		{"none", nil, []error{keyring.ErrNoKey}},
		{"zero key", []keyring.Key{{}}, []error{keyring.ErrNoKey}},
		{"same key twice", []keyring.Key{a, a}, []error{keyring.ErrDuplicate}},
		{"same id", []keyring.Key{a, key(t, "AAAAAAA", 2, ms0, 0)}, []error{keyring.ErrDuplicate}},
		{"same bytes", []keyring.Key{a, key(t, "BBBBBBA", 1, ms0, 0)}, []error{keyring.ErrDuplicate}},
		{"17 keys", manyKeys(17), []error{keyring.ErrFull}},
		{"17 keys, one of them zero: both reported", append(manyKeys(16), keyring.Key{}), []error{keyring.ErrFull, keyring.ErrNoKey}},
		{"zero key before a good one", []keyring.Key{{}, a}, []error{keyring.ErrNoKey}},
		{"twice and zero: both reported", []keyring.Key{a, {}, a}, []error{keyring.ErrDuplicate, keyring.ErrNoKey}},
	} {
		t.Run(row.name, func(t *testing.T) {
			refused(t, "New", row.want...)(keyring.New(row.keys...))
		})
	}
	if _, err := keyring.New(manyKeys(16)...); err != nil {
		t.Errorf("16 keys: %v", err)
	}
}

// The caller's slice is not the ring's.
func TestNew_CopiesItsArgument(t *testing.T) {
	keys := manyKeys(2)
	id := keys[0].ID()
	r, _ := keyring.New(keys...)
	keys[0] = keyring.Key{}
	r.Keys()[0] = keyring.Key{}
	if r.Primary().ID() != id {
		t.Error("the ring changed")
	}
}

func TestAt(t *testing.T) {
	k := func(kid string, fill byte, active int64) string { return jwk(kid, fill, ms0, active) }
	for _, row := range []struct {
		name string
		ring *keyring.Keyring
		now  time.Time
		want string
	}{
		{"no activation", parse(t, k("AAAAAAA", 1, 0), k("BBBBBBA", 2, 0)), at(1), "*AAAAAAA BBBBBBA"},
		{"one millisecond before", parse(t, k("AAAAAAA", 1, ms0), k("BBBBBBA", 2, 0)), at(ms0 - 1), "AAAAAAA *BBBBBBA"},
		{"at the time itself", parse(t, k("AAAAAAA", 1, ms0), k("BBBBBBA", 2, 0)), at(ms0), "*AAAAAAA BBBBBBA"},
		{"first active in order, not the latest", parse(t, k("AAAAAAA", 1, ms0), k("BBBBBBA", 2, ms0+9), k("CCCCCCA", 3, 0)), at(ms0 + 99), "*AAAAAAA BBBBBBA CCCCCCA"},
		{"the second's time comes first", parse(t, k("AAAAAAA", 1, ms0+9), k("BBBBBBA", 2, ms0), k("CCCCCCA", 3, 0)), at(ms0 + 5), "AAAAAAA *BBBBBBA CCCCCCA"},
		{"none active", parse(t, k("AAAAAAA", 1, ms0), k("BBBBBBA", 2, ms0)), at(ms0 - 1), "AAAAAAA BBBBBBA"},
		{"before 1970", parse(t, k("AAAAAAA", 1, 1), k("BBBBBBA", 2, 0)), time.Unix(-1, 0), "AAAAAAA *BBBBBBA"},
		{"zero time", parse(t, k("AAAAAAA", 1, 0)), time.Time{}, ""},
		{"nil ring", nil, at(ms0), ""},
		{"zero ring", new(keyring.Keyring), at(ms0), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := row.ring.At(row.now)
			if ids(got) != row.want {
				t.Errorf("%s, want %s", ids(got), row.want)
			}
			if (got == nil) != (row.want == "") {
				t.Error("an empty ring must be nil, and a ring must not")
			}
			for _, key := range got.Keys() { // activation gates sealing alone
				if found, ok := got.Key(key.ID()); !ok || found.Compare(key) != 0 {
					t.Errorf("%v cannot be looked up", key)
				}
			}
			if got != nil && got.At(row.now) != got {
				t.Error("a second At makes another ring")
			}
		})
	}
}

// Without At, an activation time has not come, whenever it is.
func TestPrimary_WithoutAt(t *testing.T) {
	r := parse(t, jwk("AAAAAAA", 1, ms0, 1), jwk("BBBBBBA", 2, ms0, 0))
	if ids(r) != "AAAAAAA *BBBBBBA" {
		t.Error(ids(r))
	}
	if p := parse(t, jwk("AAAAAAA", 1, ms0, 1)).Primary(); p.ID() != "" {
		t.Errorf("primary %v, want none", p)
	}
}

func TestKeyring_KeyFindsEveryIDAndNoOther(t *testing.T) {
	for n := 1; n <= 16; n++ {
		for range 50 { // other ids, other places in the table
			keys := manyKeys(n)
			r, err := keyring.New(keys...)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range keys {
				if got, ok := r.Key(k.ID()); !ok || got.ID() != k.ID() {
					t.Fatalf("%d keys: %v not found", n, k)
				}
			}
			for range 50 {
				if got, ok := r.Key(manyKeys(1)[0].ID()); ok || got.ID() != "" {
					t.Fatalf("%d keys: found a key that is not there", n)
				}
			}
		}
	}
	r := parse(t, jwk("AAAAAAA", 1, ms0, 0))
	for _, id := range []string{"", "A", "AAAAAA", "AAAAAAAA", "AAAAAAE", "aAAAAAA", "AAAAAAA\x00", "\x00\x00\x00\x00\x00\x00\x00", "\xffAAAAAA"} {
		if got, ok := r.Key(id); ok || got.ID() != "" {
			t.Errorf("%q finds a key", id)
		}
	}
}

func TestOperations(t *testing.T) {
	var (
		old    = jwk("AAAAAAA", 1, ms0, 0)
		middle = jwk("BBBBBBA", 2, ms0+1, 0)
		young  = jwk("CCCCCCA", 3, ms0+2, 0)
		later  = jwk("DDDDDDA", 4, ms0+3, ms0+day) // activation in its future
	)
	single := func(text string) keyring.Key { return parse(t, text).Keys()[0] }
	add := func(text string) func(*keyring.Keyring) (*keyring.Keyring, error) {
		return func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(single(text)) }
	}
	promote := func(id string) func(*keyring.Keyring) (*keyring.Keyring, error) {
		return func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Promote(id) }
	}
	retire := func(id string) func(*keyring.Keyring) (*keyring.Keyring, error) {
		return func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Retire(id) }
	}
	replace := func(id string) func(*keyring.Keyring) (*keyring.Keyring, error) {
		return func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(id) }
	}
	full, _ := keyring.New(manyKeys(16)...)
	atDay := func(keys ...string) *keyring.Keyring { return parse(t, keys...).At(at(ms0 + 2*day)) }

	for _, row := range []struct {
		name string
		ring *keyring.Keyring
		op   func(*keyring.Keyring) (*keyring.Keyring, error)
		want string // the ids of the result …
		err  error  // … or the error
	}{
		{"add: last, also when it is the newest", parse(t, old), add(young), "*AAAAAAA CCCCCCA", nil},
		{"add: an older key is a fine fallback", parse(t, young), add(old), "*CCCCCCA AAAAAAA", nil},
		{"add: activation in its future goes first", parse(t, old, middle), add(later), "DDDDDDA *AAAAAAA BBBBBBA", nil},
		{"add: activation at its creation goes last", parse(t, old), add(jwk("DDDDDDA", 4, ms0+3, ms0+3)), "*AAAAAAA DDDDDDA", nil},
		{"add: first must be the newest", parse(t, old, jwk("EEEEEEA", 5, ms0+4, 0)), add(later), "", keyring.ErrOlder},
		{"add: same creation time, the id decides", parse(t, jwk("EEEEEEA", 5, ms0+3, 0)), add(later), "", keyring.ErrOlder},
		{"add: duplicate id", parse(t, old), add(jwk("AAAAAAA", 9, ms0, 0)), "", keyring.ErrDuplicate},
		{"add: duplicate bytes", parse(t, old), add(jwk("EEEEEEA", 1, ms0, 0)), "", keyring.ErrDuplicate},
		{"add: itself", parse(t, later), add(later), "", keyring.ErrDuplicate},
		{"add: the 17th", full, add(old), "", keyring.ErrFull},
		{"add: to nil", nil, add(old), "", keyring.ErrNoKey},

		{"promote: to the front", parse(t, old, middle, young), promote("CCCCCCA"), "*CCCCCCA AAAAAAA BBBBBBA", nil},
		{"promote: not the newest", parse(t, old, middle, young), promote("BBBBBBA"), "", keyring.ErrOlder},
		{"promote: the primary again", parse(t, young, old), promote("CCCCCCA"), "*CCCCCCA AAAAAAA", nil},
		{"promote: back to the old one", parse(t, young, old), promote("AAAAAAA"), "", keyring.ErrOlder},
		{"promote: clears the activation", parse(t, later, old), promote("DDDDDDA"), "*DDDDDDA AAAAAAA", nil},
		{"promote: unknown", parse(t, old), promote("ZZZZZZA"), "", keyring.ErrUnknownKey},
		{"promote: in nil", nil, promote("AAAAAAA"), "", keyring.ErrNoKey},

		{"retire: a fallback", parse(t, young, middle, old), retire("BBBBBBA"), "*CCCCCCA AAAAAAA", nil},
		{"retire: the primary", parse(t, young, old), retire("CCCCCCA"), "", keyring.ErrInUse},
		{"retire: a first key that is not active yet", parse(t, later, old), retire("DDDDDDA"), "*AAAAAAA", nil},
		{"retire: primary until the first is active", parse(t, later, old), retire("AAAAAAA"), "", keyring.ErrInUse},
		{"retire: once the first is active", atDay(later, old), retire("AAAAAAA"), "*DDDDDDA", nil},
		{"retire: the first once active", atDay(later, old), retire("DDDDDDA"), "", keyring.ErrInUse},
		{"retire: the last", parse(t, old), retire("AAAAAAA"), "", keyring.ErrInUse},
		{"retire: the last, not active", parse(t, later), retire("DDDDDDA"), "", keyring.ErrInUse},
		{"retire: unknown", parse(t, old), retire("ZZZZZZA"), "", keyring.ErrUnknownKey},
		{"retire: in nil", nil, retire("AAAAAAA"), "", keyring.ErrNoKey},

		{"rotate: nil", nil, (*keyring.Keyring).Rotate, "", keyring.ErrNoKey},
		{"rotate: the 17th", full, (*keyring.Keyring).Rotate, "", keyring.ErrFull},
		// The largest id there is, so that no random one is newer.
		{"rotate: after the end of time", parse(t, jwk("zzzzzzw", 1, 253402300799999, 0)), (*keyring.Keyring).Rotate, "", keyring.ErrOlder},

		{"replace: unknown", parse(t, old), replace("ZZZZZZA"), "", keyring.ErrUnknownKey},
		{"replace: in nil", nil, replace("AAAAAAA"), "", keyring.ErrNoKey},
		{"replace: after the end of time", parse(t, jwk("zzzzzzw", 1, 253402300799999, 0)), replace("zzzzzzw"), "", keyring.ErrOlder},

		// The result is seen as of the time of what it came from: after an
		// operation at 2 days, the key of 1 day is still the primary.
		{"operations keep the time", atDay(later, old), add(young), "*DDDDDDA AAAAAAA CCCCCCA", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := ids(row.ring)
			got, err := row.op(row.ring)
			if row.err != nil {
				refused(t, "", row.err)(got, err)
			} else if err != nil || ids(got) != row.want {
				t.Errorf("%s (%v), want %s", ids(got), err, row.want)
			}
			if ids(row.ring) != before {
				t.Error("the ring itself changed")
			}
		})
	}
}

func TestF406_ReplaceInOneStep(t *testing.T) {
	ahead := time.Now().Add(time.Hour).UnixMilli() // by a clock that is ahead
	full, err := keyring.New(manyKeys(16)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		ring *keyring.Keyring
		kid  string
	}{
		{"the primary", parse(t, jwk("BBBBBBA", 2, ms0+1, 0), jwk("AAAAAAA", 1, ms0, 0)), "BBBBBBA"},
		{"a fallback", parse(t, jwk("BBBBBBA", 2, ms0+1, 0), jwk("AAAAAAA", 1, ms0, 0)), "AAAAAAA"},
		{"the only key", parse(t, jwk("AAAAAAA", 1, ms0, 0)), "AAAAAAA"},
		{"the only key, not active yet", parse(t, jwk("AAAAAAA", 1, ms0, ahead)), "AAAAAAA"},
		{"the primary of 16", full, full.Primary().ID()},
		{"the last of 16", full, full.Keys()[15].ID()},
		{"the newest, by a clock that was ahead", parse(t, jwk("BBBBBBA", 2, ahead, 0), jwk("AAAAAAA", 1, ms0, 0)), "BBBBBBA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := row.ring.Replace(row.kid)
			if err != nil {
				t.Fatal(err)
			}
			if _, there := got.Key(row.kid); there {
				t.Error("the key is still there")
			}
			if _, known := row.ring.Key(got.Primary().ID()); known || got.Primary().Compare(got.Keys()[0]) != 0 {
				t.Error("the primary isn't a new key in front")
			}
			for _, k := range row.ring.Keys() {
				if got.Primary().Compare(k) != 1 {
					t.Errorf("the new primary isn't newer than %v", k)
				}
				if _, there := got.Key(k.ID()); !there && k.ID() != row.kid {
					t.Errorf("%v went as well", k)
				}
			}
			if len(got.Keys()) != len(row.ring.Keys()) {
				t.Errorf("%d keys of %d", len(got.Keys()), len(row.ring.Keys()))
			}
		})
	}
}

func TestPromote_ClearsActivationInTheFile(t *testing.T) {
	r, err := parse(t, jwk("DDDDDDA", 4, ms0+3, ms0+day), jwk("AAAAAAA", 1, ms0, 0)).Promote("DDDDDDA")
	if err != nil {
		t.Fatal(err)
	}
	if want := jwkSet(jwk("DDDDDDA", 4, ms0+3, 0), jwk("AAAAAAA", 1, ms0, 0)); string(r.JWKSet()) != want {
		t.Error("the activation time is still there")
	}
	if !r.Primary().Active().IsZero() {
		t.Error("the primary has an activation time")
	}
}

// Counters and remembered subkeys belong to the key, not to a ring.
func TestOperations_KeepCountersAndCache(t *testing.T) {
	r := parse(t, jwk("DDDDDDA", 4, ms0+3, ms0+day), jwk("AAAAAAA", 1, ms0, 0))
	k, _ := r.Key("DDDDDDA")
	l := keyring.Label{Purpose: "seal"}
	k.CountSeal()
	value := k.Cache(l, func([]byte) any { return new(int) })
	r, err := r.Promote("DDDDDDA")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Primary().Counters().Sealed; got != 1 {
		t.Errorf("%d seals counted, want 1", got)
	}
	if r.Primary().Cache(l, func([]byte) any { return new(int) }) != value {
		t.Error("the subkey was derived again")
	}
}

// Every method of every exported type can be called on its nil and zero value.
func TestNilAndZeroFailClosed(t *testing.T) {
	for _, v := range []any{
		(*keyring.Keyring)(nil), new(keyring.Keyring), (*keyring.Holder)(nil), new(keyring.Holder),
		(*keyring.File)(nil), new(keyring.File), (*keyring.Schedule)(nil), new(keyring.Schedule), keyring.Key{},
	} {
		rv := reflect.ValueOf(v)
		for i := range rv.NumMethod() {
			m, name := rv.Method(i), rv.Type().Method(i).Name
			if name == "Format" { // fmt calls it
				continue
			}
			t.Run(fmt.Sprintf("%T.%s", v, name), func(t *testing.T) {
				args := make([]reflect.Value, m.Type().NumIn())
				for j := range args {
					args[j] = reflect.Zero(m.Type().In(j))
					if args[j].Type() == reflect.TypeFor[time.Time]() {
						args[j] = reflect.ValueOf(at(ms0))
					}
				}
				results := m.Call(args) // must not panic
				for _, res := range results {
					switch x := res.Interface().(type) {
					case *keyring.Keyring:
						if x != nil {
							t.Error("a ring from nothing")
						}
					case keyring.Key:
						if x.ID() != "" {
							t.Error("a key from nothing")
						}
					case error:
					}
				}
				if m.Type().NumOut() == 2 && m.Type().Out(1) == reflect.TypeFor[error]() && name != "MarshalText" && results[1].IsNil() {
					t.Error("no error")
				}
			})
		}
	}
	ring := keyring.Generate()
	for name, src := range map[string]keyring.Source{"Keyring": ring, "Holder": holding(ring), "Schedule": schedule(t, time.Hour, 2)} {
		if src.At(time.Time{}) != nil {
			t.Errorf("%s: a ring at the zero time", name)
		}
	}
}

func holding(r *keyring.Keyring) *keyring.Holder {
	var h keyring.Holder
	h.Set(r)
	return &h
}

func TestHolder(t *testing.T) {
	a, b := keyring.Generate(), keyring.Generate()
	h := holding(a)
	if h.At(at(ms0)) != a {
		t.Error("not the ring that was set")
	}
	h.Set(b)
	if h.At(at(ms0)) != b {
		t.Error("not the ring that was set last")
	}
	h.Set(nil)
	if h.At(at(ms0)) != nil {
		t.Error("a closed Holder has a ring")
	}
}

func TestF407_NilHolderSet(t *testing.T) {
	var h *keyring.Holder
	h.Set(keyring.Generate())
	if h.At(at(ms0)) != nil {
		t.Error("a nil Holder has a ring")
	}
}

// A program that polls a secret store parses the same keys again and again.
func TestF407_HolderInheritsCounters(t *testing.T) {
	text := []string{jwk("AAAAAAA", 1, ms0, 0), jwk("BBBBBBA", 2, ms0+1, 0)}
	h := holding(parse(t, text...))
	k := h.At(at(ms0)).Primary()
	k.CountSeal()
	k.CountOpen(at(ms0))
	l := keyring.Label{Purpose: "seal"}
	value := k.Cache(l, func([]byte) any { return new(int) })
	for _, row := range []struct {
		name string
		keys []string
		want bool
	}{
		{"the same keys", text, true},
		{"another order", []string{text[1], text[0]}, true},
		{"one more", append(text, jwk("CCCCCCA", 3, ms0+2, 0)), true},
		{"another creation time", []string{jwk("AAAAAAA", 1, ms0+5, 0)}, true},
		{"an activation time", []string{text[1], jwk("AAAAAAA", 1, ms0, ms0+day)}, true},
		{"other bytes under the same id", []string{jwk("AAAAAAA", 7, ms0, 0)}, false},
	} {
		h.Set(parse(t, row.keys...))
		got, ok := h.At(at(ms0)).Key("AAAAAAA")
		if !ok || h.At(at(ms0)).Keys()[0].ID() != parse(t, row.keys...).Keys()[0].ID() || len(h.At(at(ms0)).Keys()) != len(row.keys) {
			t.Fatalf("%s: the Holder has %s", row.name, ids(h.At(at(ms0))))
		}
		if c := got.Counters(); (c.Sealed == 1 && c.Opened == 1 && c.LastOpened.Equal(at(ms0))) != row.want {
			t.Errorf("%s: counters %+v", row.name, c)
		}
		if (got.Cache(l, func([]byte) any { return new(int) }) == value) != row.want {
			t.Errorf("%s: the subkey is derived again: %v", row.name, row.want)
		}
	}
	if again := h.At(at(ms0)); func() bool { h.Set(parse(t, jwk("AAAAAAA", 7, ms0, 0))); return h.At(at(ms0)) != again }() {
		t.Error("the same keys make another ring")
	}
	// A closed Holder remembers nothing.
	h.At(at(ms0)).Primary().CountSeal()
	h.Set(nil)
	h.Set(parse(t, jwk("AAAAAAA", 7, ms0, 0)))
	if n := h.At(at(ms0)).Primary().Counters().Sealed; n != 0 {
		t.Errorf("%d seals after the Holder was closed", n)
	}
}

// Whatever the order of concurrent calls, no count is lost.
func TestF407_HolderSetAtOnce(t *testing.T) {
	text := jwk("AAAAAAA", 1, ms0, 0)
	h := holding(parse(t, text))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				h.Set(parse(t, text))
				h.At(at(ms0)).Primary().CountSeal()
			}
		})
	}
	wg.Wait()
	if n := h.At(at(ms0)).Primary().Counters().Sealed; n != 800 {
		t.Errorf("%d seals counted, want 800", n)
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	keys := manyKeys(16)
	r, _ := keyring.New(keys...)
	gated := parse(t, jwk("AAAAAAA", 1, ms0, ms0), jwk("BBBBBBA", 2, ms0, 0))
	now := time.Now()
	k, l := r.Primary(), keyring.Label{Purpose: "seal", Audience: "", Name: "__Host-session"}
	build := func(sub []byte) any { return &sub }
	k.Cache(l, build)
	h, s := holding(r), schedule(t, time.Hour, 14)
	s.At(now)
	f := openFile(t, newKeyFile(t, string(r.JWKSet())), nil)
	f.At(now)
	id := keys[3].ID()
	for name, f := range map[string]func(){
		"Keyring.At":          func() { r.At(now) },
		"Keyring.At, gated":   func() { gated.At(now) },
		"Keyring.Key":         func() { r.Key(id) },
		"Keyring.Key unknown": func() { r.Key("ZZZZZZA") },
		"Keyring.Primary":     func() { r.Primary() },
		"Key.Cache":           func() { k.Cache(l, build) },
		"Key.CountOpen":       func() { now = now.Add(time.Second); k.CountOpen(now) },
		"Key.CountSeal":       func() { k.CountSeal() },
		"Key.Counters":        func() { k.Counters() },
		"Key.Compare":         func() { k.Compare(keys[0]) },
		"Holder.At":           func() { h.At(now) },
		"Schedule.At":         func() { s.At(at(ms0)) },
		"File.At":             func() { f.At(at(ms0)) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
