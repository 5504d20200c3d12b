package ssestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/ssestore"
)

const canary = 4711

// A trip is a value on its way through Set, a cookie and Get.
type trip struct {
	name string
	set  func(t *testing.T) error
}

// through is a trip that reports a value which comes back unequal.
func through[T any](name string, v T, equal ...func(a, b T) bool) trip {
	return trip{name, func(t *testing.T) error {
		k := ssestore.NewKey[T]("v")
		store := newStore(t, codecs[0], ring(t, 1))
		s := store.Load(nil, t0)
		if err := k.Set(s, v); err != nil {
			same(t, "refused, and set", len(s.Names()), 0)
			return err
		}
		out, err := s.Commit(200)
		must(t, err)
		b := browser{}
		b.keep(t, out)
		back, ok := k.Lookup(b.peek(store, t0))
		same(t, "found", ok, true)
		if len(equal) == 0 && !reflect.DeepEqual(v, back) || len(equal) > 0 && !equal[0](v, back) {
			t.Errorf("came back as %#v", back)
		}
		return nil
	}}
}

type (
	plain  struct{ A, B any }
	tagged struct {
		List []int `json:"list,omitempty"`
	}
	hidden struct{ A, b int }
	opaque struct{ b int }
	left   struct {
		A      int
		Secret string `json:"-"`
	}
	outer struct {
		Items []left
		M     map[string]*hidden
	}
	inner    struct{ A int }
	embedded struct{ *inner }
	clash    struct {
		E1
		E2
	}
	clock struct {
		at   time.Time
		self *clock
	}
	dated  struct{ at time.Time }
	beside struct {
		When time.Time
		P    *dated
	}
	boxed  struct{ v any }
	clears struct{ s string }
	cyclic struct{ Next *cyclic }
	oneWay struct{ A int }
	nan    float64
	parity int
	E1     struct{ X int }
	E2     struct{ X int }
	zero   struct {
		V bad `json:",omitzero"`
	}
	bad    int
	lossy  struct{ A, B int }
	moment struct{ at time.Time } // encodes what it hides
	roman  int
	node   struct {
		Name string
		next *node
	}
	pair2 struct{ P, Q *inner }
	tree  struct{ Kids []tree }
	shout struct {
		//lint:ignore SA5008 encoding/json doesn't take such a name, which is the point
		A int `json:"a\\b"`
		B int `json:"A"`
	}
	word    string
	truth   bool
	list    []any
	odd0    struct{ At time.Time } // Equal of another kind each
	odd1    struct{ At time.Time }
	odd2    struct{ At time.Time }
	odd3    struct{ At time.Time }
	same0   string // encodes itself as what it is
	same1   int
	drops   []int
	adds    map[string]int
	renames map[string]int
	twins   struct {
		A int `json:"a"`
		B int `json:"A"`
	}
)

func (odd0) Equal() bool                        { return false }
func (odd1) Equal(int) bool                     { return false }
func (odd2) Equal(odd2) (bool, error)           { return false, nil }
func (odd3) Equal(odd3) int                     { return 0 }
func (s same0) MarshalText() ([]byte, error)    { return []byte(s), nil }
func (s same1) MarshalJSON() ([]byte, error)    { return json.Marshal(int(s)) }
func (d drops) MarshalJSON() ([]byte, error)    { return json.Marshal([]int(d)[:1]) }
func (a *adds) UnmarshalJSON([]byte) error      { *a = adds{"a": 1, "b": 2}; return nil }
func (r *renames) UnmarshalJSON([]byte) error   { *r = renames{"b": 1}; return nil }
func (b bad) IsZero() bool                      { return b < 10 }
func (l lossy) MarshalJSON() ([]byte, error)    { return json.Marshal(l.A) }
func (l *lossy) UnmarshalJSON(b []byte) error   { return json.Unmarshal(b, &l.A) }
func (m moment) MarshalJSON() ([]byte, error)   { return m.at.MarshalJSON() }
func (m *moment) UnmarshalJSON(b []byte) error  { return m.at.UnmarshalJSON(b) }
func (r roman) MarshalText() ([]byte, error)    { return []byte(strings.Repeat("I", int(r))), nil }
func (r *roman) UnmarshalText(b []byte) error   { *r = roman(len(b)); return nil }
func (m moment) equal(other moment) bool        { return m.at.Equal(other.at) }
func (oneWay) MarshalJSON() ([]byte, error)     { return []byte(`"x"`), nil }
func (n nan) MarshalText() ([]byte, error)      { return []byte("NaN"), nil }
func (n *nan) UnmarshalText(b []byte) error     { *n = nan(math.NaN()); return nil }
func (p parity) MarshalText() ([]byte, error)   { return []byte{"01"[p&1]}, nil }
func (p *parity) UnmarshalText(b []byte) error  { *p = parity(b[0] & 1); return nil }
func (c *clock) MarshalJSON() ([]byte, error)   { return c.at.MarshalJSON() }
func (c *clock) UnmarshalJSON(b []byte) error   { c.self = c; return c.at.UnmarshalJSON(b) }
func (d *dated) Equal(other *dated) bool        { return d.at.Equal(other.at) }
func (b boxed) MarshalJSON() ([]byte, error)    { return json.Marshal(b.v) }
func (b *boxed) UnmarshalJSON(raw []byte) error { return json.Unmarshal(raw, &b.v) }
func (c *clears) UnmarshalText(b []byte) error  { c.s = string(b); clear(b); return nil }
func (c clears) MarshalText() ([]byte, error)   { return []byte(c.s), nil }
func (n *node) MarshalJSON() ([]byte, error)    { return json.Marshal(n.Name) }
func (n *node) UnmarshalJSON(b []byte) error {
	n.next = n // a ring of one
	return json.Unmarshal(b, &n.Name)
}

// TestF208_EqualOrRefused: what Set accepts comes back equal, and Set refuses the
// rest at once, without quoting it.
func TestF208_EqualOrRefused(t *testing.T) {
	three := 3
	loop := &node{Name: "a"}
	loop.next = loop
	cycle := &cyclic{}
	ticking := &clock{at: time.Now()}
	ticking.self = ticking
	cycle.Next = cycle
	odd := time.FixedZone("", 1172) // 19 minutes 32 seconds: RFC 3339 writes minutes
	empty := func(a, b tagged) bool { return len(a.List) == len(b.List) }
	numbers := func(a, b map[string]any) bool {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return string(x) == string(y)
	}
	for _, row := range []trip{
		through("text", "é 🚢 \u2028 <&> \x00"),
		through("numbers", []float64{0.1, 1e300, math.SmallestNonzeroFloat64}),
		through("float32", float32(0.1)),
		through("the largest integer", uint64(math.MaxUint64)),
		through("a number in text", json.Number("12345678901234567890.50e+7")),
		through("bytes", []byte("a\x00\xff")),
		through("no bytes", []byte(nil)),
		through("zero bytes", []byte{}),
		through("a nil slice", []int(nil)),
		through("an empty slice", []int{}),
		through("a nil map", map[string]int(nil)),
		through("a map", map[int]string{1: "a", -2: "b"}),
		through("a map with text keys", map[roman]int{1: 1, 2: 2}),
		through("an array", [2]bool{true, false}),
		through("a nil pointer", (*inner)(nil)),
		through("a pointer", &three),
		through("one pointer twice", func() pair2 { p := &inner{1}; return pair2{p, p} }()),
		through("a secret that is not there", left{A: 1}),
		through("an unexported zero", hidden{A: 1}),
		through("raw JSON", json.RawMessage(`{"a":[1]}`)),
		through("raw JSON with spaces", json.RawMessage(` {"a": 1} `), func(a, b json.RawMessage) bool { return string(b) == `{"a":1}` }),
		through("no raw JSON", struct{ R json.RawMessage }{}, func(a, b struct{ R json.RawMessage }) bool { return string(b.R) == "null" }),
		through("a struct without fields", struct{}{}),
		through("hidden and encoded", moment{t0}, moment.equal),
		through("a ring", loop),
		through("a ring of times", ticking, func(a, b *clock) bool { return a.at.Equal(b.at) && b.self == b }),
		through("hidden and encoded, with a monotonic clock", moment{time.Now()}, moment.equal),
		through("nil, with an Equal that doesn't expect it", beside{When: time.Now()}, func(a, b beside) bool { return a.When.Equal(b.When) && b.P == nil }),
		through("a type that clears what it decodes", clears{"text"}),
		through("a tree", tree{[]tree{{}, {[]tree{{}}}}}),
		through("two names that differ in case", twins{1, 2}),
		through("the escape in text", `a \ufffd b \\ufffd`),
		through("the replacement character", "\ufffd"),
		through("an address", netip.MustParseAddr("2001:db8::1%eth0")),
		through("a time with a monotonic clock", time.Now(), time.Time.Equal),
		through("a time in a zone with a name", []time.Time{t0.In(time.FixedZone("here", 3600))}, func(a, b []time.Time) bool { return a[0].Equal(b[0]) }),
		through("an IP address in 4 bytes", net.IPv4(192, 0, 2, 1).To4(), net.IP.Equal),
		through("empty, and left out", tagged{List: []int{}}, empty),
		through("generic", plain{"text", []any{1.5, nil, map[string]any{"a": true}}}),
		through("numbers in interfaces", map[string]any{"a": 1, "m": 1 << 53, "n": -1 << 53, "u": uint64(1 << 53), "b": int64(-7), "c": uint8(2), "d": float32(0.5)}, numbers),
		through("lists in interfaces", map[string]any{"a": []int{1, 2}, "b": map[string][]string{"c": {"d"}}, "e": [1]bool{true}}, numbers),
		through("names for text and truth in interfaces", map[string]any{"a": word("x"), "b": truth(true), "c": list{1, "x", nil}}, numbers),
		through("nil of other kinds in interfaces", map[string]any{"a": map[string]int(nil), "b": (*int)(nil)}, func(a, b map[string]any) bool { return len(b) == 2 }),
		through("times in an array", [1]time.Time{time.Now()}, func(a, b [1]time.Time) bool { return a[0].Equal(b[0]) }),
		through("an Equal without an argument", odd0{t0.In(time.FixedZone("here", 0))}, func(a, b odd0) bool { return a.At.Equal(b.At) }),
		through("an Equal of something else", odd1{t0.In(time.FixedZone("here", 0))}, func(a, b odd1) bool { return a.At.Equal(b.At) }),
		through("an Equal that may fail", odd2{t0.In(time.FixedZone("here", 0))}, func(a, b odd2) bool { return a.At.Equal(b.At) }),
		through("an Equal that counts", odd3{t0.In(time.FixedZone("here", 0))}, func(a, b odd3) bool { return a.At.Equal(b.At) }),
		through("nil in interfaces", map[string]any{"a": nil, "b": []int(nil)}, func(a, b map[string]any) bool { return len(b) == 2 }),
	} {
		t.Run(row.name, func(t *testing.T) { must(t, row.set(t)) })
	}
	for _, row := range []trip{
		through("a struct without exported fields", opaque{canary}),
		through("an unexported field", []hidden{{A: 1, b: canary}}),
		through("a field left out", outer{Items: []left{{Secret: "canary"}}}),
		through("a field deep below", outer{M: map[string]*hidden{"canary": {b: canary}}}),
		through("two fields of one name", clash{E1{1}, E2{2}}),
		through("a name that JSON doesn't use, and another field of that name", shout{canary, 1}),
		through("a name in a tag that another field has", struct {
			X int
			B int `json:"X"`
		}{1, 2}),
		through("elements that are dropped", drops{1, 2}),
		through("entries that come from nowhere", adds{"a": 1}),
		through("entries under another key", renames{"a": 1}),
		through[any]("text of its own in an interface", same0("canary")),
		through[any]("JSON of its own in an interface", same1(canary)),
		through[any]("a name for text that is not UTF-8", word("canary\xff")),
		through("a zero that is none", zero{5}),
		through("an embedded pointer to a type of another package's", embedded{&inner{1}}),
		through("a pointer to nil", func() **inner { var p *inner; return &p }()),
		through[error]("an error", errors.New("canary")),
		through("an error in a struct", struct{ Err error }{errors.New("canary")}),
		through[fmt.Stringer]("an interface", time.Second),
		through[any]("a struct in an interface", inner{1}),
		through[any]("a pointer in an interface", &three),
		through("an interface that is out of reach", map[string]boxed{"a": {canary}}),
		through[any]("bytes in an interface", []byte("canary")),
		through[any]("a time in an interface", t0),
		through[any]("a number in text in an interface", json.Number("1")),
		through[any]("named text keys in an interface", map[roman]int{3: 1}),
		through[any]("a large integer in an interface", int64(1<<53+1)),
		through[any]("a large unsigned integer in an interface", uint64(1<<53+1)),
		through[any]("a large negative integer in an interface", int64(-1<<53-1)),
		through[any]("the largest integer in an interface", uint64(math.MaxUint64)),
		through[any]("the largest signed integer in an interface", int64(math.MaxInt64)),
		through[any]("a float32 that has no short decimal", float32(0.1)),
		through("no digits in a number in text", []json.Number{""}), // written as 0
		through("text that is not UTF-8", "canary\xff"),
		through("a key that is not UTF-8", map[string]int{"canary\xff": 1}),
		through("a NaN", math.NaN()),
		through("a NaN that is left out", struct {
			F float64 `json:"-"`
		}{math.NaN()}),
		through("an infinity", math.Inf(1)),
		through("a NaN for a key", map[nan]int{nan(math.NaN()): 1}),
		through("keys of one text", map[parity]int{1: 1, 3: 2}),
		through("a func", func() {}),
		through("a func that is left out", struct {
			F func() `json:"-"`
		}{func() {}}),
		through("a channel", make(chan int)),
		through("a complex number", complex(1, 2)),
		through("a cycle", cycle),
		through("a MarshalJSON that is not reversed", lossy{1, 2}),
		through("a MarshalJSON without its reverse", oneWay{canary}),
		through("a URL with a password", url.URL{Scheme: "https", User: url.UserPassword("a", "canary")}),
		through("a year after 9999", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		through("a zone with seconds", t0.In(odd)),
		through("hidden and encoded, with seconds", moment{t0.In(odd)}),
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.set(t)
			if !errors.Is(err, ssestore.ErrBadValue) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "4711") {
				t.Errorf("Set: %v", err)
			}
		})
	}
	// An interface has no value to take the type's name from.
	if err := through[error]("an error", errors.New("canary")).set(t); !strings.Contains(err.Error(), " error ") {
		t.Errorf("the type isn't named: %v", err)
	}
}

// TestF208_SaysWhere: the error names the field.
func TestF208_SaysWhere(t *testing.T) {
	s := newStore(t, codecs[0], ring(t, 1)).Load(nil, t0)
	err := ssestore.NewKey[outer]("v").Set(s, outer{Items: []left{{}, {Secret: "x"}}})
	if err == nil || !strings.Contains(err.Error(), "ssestore_test.outer.Items[].Secret") {
		t.Error(err)
	}
}

// TestF208_KeepsWhatWasThere: a refused value changes nothing.
func TestF208_KeepsWhatWasThere(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, set(t, "a"))
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			same(t, "refused", errors.Is(ssestore.NewKey[opaque]("note").Set(s, opaque{1}), ssestore.ErrBadValue), true)
			same(t, "note", note.Get(s), "a")
		})
		silent(t, out)
	})
}

// TestF402_GetLeavesTheSessionAlone: what UnmarshalJSON and UnmarshalText write to
// the bytes that they are given, at any depth, is not written to the session.
func TestF402_GetLeavesTheSessionAlone(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, get := range map[string]func(s *ssestore.Session){
			"itself": func(s *ssestore.Session) {
				ssestore.NewKey[map[string]any]("v").Get(s)
				ssestore.NewKey[scribbles]("v").Get(s)
			},
			"in a struct":    func(s *ssestore.Session) { ssestore.NewKey[struct{ A scribbles }]("v").Get(s) },
			"in a map":       func(s *ssestore.Session) { ssestore.NewKey[map[string]scribbles]("v").Get(s) },
			"behind pointer": func(s *ssestore.Session) { ssestore.NewKey[map[string]*scribbles]("v").Get(s) },
			"text":           func(s *ssestore.Session) { ssestore.NewKey[map[string]scrawls]("v").Get(s) },
			"key":            func(s *ssestore.Session) { ssestore.NewKey[map[scrawls]string]("v").Get(s) },
			"popped":         func(s *ssestore.Session) { ssestore.NewKey[map[string]scrawls]("popped").Pop(s) },
		} {
			all := ssestore.NewKey[map[string]string]("v")
			b := visited(t, store, func(s *ssestore.Session) {
				login(t, s, "1")
				must(t, all.Set(s, map[string]string{"A": "one", "B": "two"}))
				must(t, ssestore.NewKey[map[string]string]("popped").Set(s, map[string]string{"A": "one"}))
			})
			out := b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) { // a renewal is due
				get(s)
				same(t, name+": user", whoami(t, s, hash), "1")
			})
			same(t, name+": cookie", did(out), "written")
			s := b.peek(store, after(10*time.Minute))
			same(t, name+": sealed", fmt.Sprint(all.Get(s)), "map[A:one B:two]")
			same(t, name+": user", whoami(t, s, hash), "1")
		}
	})
}

type scrawls string

func (s *scrawls) UnmarshalText(b []byte) error {
	*s = scrawls(b)
	clear(b)
	return nil
}

// BenchmarkSet compares what Set costs with the cost of its encoding alone.
func BenchmarkSet(b *testing.B) {
	type item struct {
		ID    int
		Name  string
		Price float64
		Added time.Time
	}
	items := []item{{1, "biscuit", 2.5, t0}, {2, "tack", 1.25, t0}, {3, "rum", 9, t0}}
	s := newStore(b, codecs[0], ring(b, 1)).Load(nil, t0)
	cart := ssestore.NewKey[[]item]("cart")
	b.Run("an int", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			must(b, count.Set(s, n))
		}
	})
	b.Run("a cart", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(b, cart.Set(s, items))
		}
	})
	b.Run("json.Marshal of a cart", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			json.Marshal(items)
		}
	})
}
