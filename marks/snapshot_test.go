package marks_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

const audience = "shop"

var errGone = errors.New("no such object")

// A publisher is a Snapshotter and its bucket.
type publisher struct {
	*marks.Snapshotter
	bucket bucket
	stored []string // names, in the order in which they were stored
}

func publish(t testing.TB, c marks.SnapshotConfig, ms ...marks.Mark) *publisher {
	t.Helper()
	p := &publisher{bucket: bucket{}}
	c.Audience = audience
	c.Store = func(_ context.Context, name string, object []byte) error {
		p.bucket[name], p.stored = object, append(p.stored, name)
		return nil
	}
	var err error
	if p.Snapshotter, err = marks.NewSnapshotter(c); err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		p.Apply(at(noon), m)
	}
	return p
}

// at publishes, and returns a copy of the bucket.
func (p *publisher) at(t testing.TB, sec int64) bucket {
	t.Helper()
	p.stored = nil
	if err := p.Publish(t.Context(), at(sec)); err != nil {
		t.Fatal(err)
	}
	b := bucket{}
	for name, object := range p.bucket {
		b[name] = slices.Clone(object)
	}
	return b
}

// A subscriber is a Reader of a bucket that can change.
type subscriber struct {
	*marks.Reader
	bucket  bucket
	fetched []string
	fault   error
}

func subscribe(t testing.TB, c marks.ReaderConfig, b bucket) *subscriber {
	t.Helper()
	s := &subscriber{bucket: b}
	if c.Audience == "" {
		c.Audience = audience
	}
	c.Fetch = func(ctx context.Context, name string) ([]byte, error) {
		s.fetched = append(s.fetched, name)
		if s.fault != nil {
			return nil, s.fault
		}
		if object, ok := s.bucket[name]; ok {
			return object, ctx.Err()
		}
		return nil, errGone
	}
	var err error
	if s.Reader, err = marks.NewReader(c); err != nil {
		t.Fatal(err)
	}
	return s
}

// judge refreshes for a session and judges it.
func (s *subscriber) judge(t testing.TB, a marks.About, want cookie.Reason, faults ...error) {
	t.Helper()
	err := s.Refresh(t.Context(), at(a.Now), a)
	for _, fault := range faults {
		if !errors.Is(err, fault) {
			t.Errorf("%v, want %v", err, fault)
		}
	}
	if len(faults) == 0 && err != nil {
		t.Error(err)
	}
	if got := s.Judge(a); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// takes returns how many objects were fetched since the last call.
func (s *subscriber) takes() int {
	n := len(s.fetched)
	s.fetched = nil
	return n
}

func session(id, user string) marks.About {
	return marks.About{Session: id, User: user, Issued: noon - 100, Now: noon}
}

func later(a marks.About, seconds int64) marks.About {
	a.Now += seconds
	return a
}

func sessionMark(id string) marks.Mark {
	return marks.Mark{Kind: marks.Session, ID: id, Until: noon + 3600}
}

func userMark(id string, before int64) marks.Mark {
	return marks.Mark{Kind: marks.User, ID: id, Before: before, Until: noon + 3600}
}

// TestN50_SnapshotJudgesLikeSet: with any marks and any number of shards, a Reader says of
// a session what a Set says that was given the same marks.
func TestN50_SnapshotJudgesLikeSet(t *testing.T) {
	ring := keyring.Generate()
	random := rand.New(rand.NewPCG(5, 6))
	seen := map[cookie.Reason]int{}
	for _, shards := range []int{0, 1, 2, 8, 256} {
		pick := func(kind string) string { return fmt.Sprint(kind, random.IntN(400)) }
		set := marks.New(marks.Policy{})
		var ms []marks.Mark
		for range 300 {
			m := marks.Mark{Kind: marks.Kind(1 + random.IntN(3)), Before: noon - random.Int64N(200) + 61, Until: noon - 5 + random.Int64N(100)}
			m.ID = pick([]string{"", "s", "l", "u"}[m.Kind])
			ms = append(ms, m)
		}
		if shards == 8 {
			ms = append(ms, marks.Mark{Kind: marks.All, Before: noon - 150, Until: noon + 1}, marks.Mark{Kind: marks.All, Before: noon - 160, Until: noon + 2},
				marks.Mark{Kind: marks.All, Before: noon + 61, Until: noon - 1})
		}
		for _, m := range ms {
			set.Apply(at(noon), m)
		}
		reader := subscribe(t, marks.ReaderConfig{Keys: ring}, publish(t, marks.SnapshotConfig{Keys: ring, Shards: shards}, ms...).at(t, noon))
		for range 2000 {
			a := marks.About{Session: pick("s"), Issued: noon - random.Int64N(200), Now: noon}
			if random.IntN(3) > 0 {
				a.User = pick("u")
			}
			if random.IntN(9) == 0 {
				a.Actor = pick("u")
			}
			if random.IntN(2) == 0 {
				a.Login = a.Issued - random.Int64N(90)
			}
			for i := range random.IntN(3) {
				a.Links[i] = marks.NameOf(pick("l"))
			}
			want := set.Judge(a)
			reader.judge(t, a, want)
			seen[want]++
		}
		if reader.takes() > 1+max(shards, 1) {
			t.Error("an object was fetched twice")
		}
	}
	if seen[cookie.ReasonNone] < 1000 || seen[cookie.ReasonRevoked] < 1000 {
		t.Errorf("%v: one verdict is rare", seen)
	}
}

// TestN51_AlteredObjects: an object that is cut, longer or changed in any bit is refused, and
// so is one of another application, of another purpose, or of another key. The last good
// one stays.
func TestN51_AlteredObjects(t *testing.T) {
	ring := keyring.Generate()
	marked := session("ended", "42")
	good := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 1}, sessionMark("ended"), userMark("7", noon)).at(t, noon)
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, good)
	reader.judge(t, marked, cookie.ReasonRevoked)

	shard := ""
	for name := range good {
		if name != "marks.head" {
			shard = name
		}
	}
	for _, name := range []string{"marks.head", shard} {
		object := good.must(t, name)
		refused := func(what string, altered []byte, want ...error) {
			t.Helper()
			err := reader.Put(at(noon+1), name, altered)
			if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
				t.Errorf("%s, %s: %v, want %v", name, what, err, want)
			}
			if got := reader.Judge(marked); got != cookie.ReasonRevoked {
				t.Fatalf("%s, %s: the last good one is gone", name, what)
			}
		}
		for i := range 8 * len(object) {
			altered := slices.Clone(object)
			altered[i/8] ^= 1 << (i % 8)
			// A change of the key's id asks for a key that isn't there.
			refused(fmt.Sprint("bit ", i), altered, marks.ErrForged, marks.ErrUnknownKey)
			if i/8 < 4 || i/8 > 10 {
				refused(fmt.Sprint("bit ", i), altered, marks.ErrForged)
			}
		}
		for n := range object {
			refused(fmt.Sprint("cut at ", n), object[:n], marks.ErrForged)
		}
		refused("longer", append(slices.Clone(object), 0), marks.ErrForged)
		refused("twice", append(slices.Clone(object), object...), marks.ErrForged)
		refused("a page", []byte("<html>"+strings.Repeat("404 ", 100)), marks.ErrForged)
	}

	key := ring.Primary()
	o := plain{kid: key.ID(), index: headIndex, sequence: 1 << 60, time: noon}
	for what, subkey := range map[string][]byte{
		"another application": marksKey(key, "forum"),
		"no application":      marksKey(key, ""),
		"the key that seals":  key.Derive(keyring.Label{Purpose: "seal", Audience: audience, Name: cookie.DefaultName}),
		"the key for a mark":  key.Derive(keyring.Label{Purpose: "mark", Audience: audience}),
		"another ring":        marksKey(keyring.NewKey(), audience),
		"no key":              nil,
	} {
		if err := reader.Put(at(noon), "marks.head", o.bytes(subkey)); !errors.Is(err, marks.ErrForged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.kid = keyring.NewKey().ID()
	if err := reader.Put(at(noon), "marks.head", o.bytes(marksKey(key, audience))); !errors.Is(err, marks.ErrUnknownKey) {
		t.Errorf("an unknown key: %v", err)
	}
	o.kid = key.ID()
	if err := reader.Put(at(noon), "marks.head", o.bytes(marksKey(key, audience))); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// TestN52_MisplacedObjects: an authentic object is good under its own name alone.
func TestN52_MisplacedObjects(t *testing.T) {
	key := keyring.NewKey()
	ring, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	subkey := marksKey(key, audience)
	good := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 4}, sessionMark("a"), sessionMark("b"), sessionMark("c"), sessionMark("d"), sessionMark("e"), sessionMark("f"), sessionMark("g")).at(t, noon)
	name := func(i int) string { return fmt.Sprintf("marks.%s.4.%d", key.ID(), i) }
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, good)
	reader.judge(t, session("a", "42"), cookie.ReasonRevoked)
	for _, row := range []struct {
		what, name string
		object     []byte
	}{
		{"another shard", name(0), good.must(t, name(1))},
		{"the last shard", name(0), good.must(t, name(3))},
		{"the head as a shard", name(0), good.must(t, "marks.head")},
		{"a shard as the head", "marks.head", good.must(t, name(0))},
		{"a shard of another number", name(0), plain{kid: key.ID(), shift: 3, index: 0, sequence: 1 << 60, time: noon}.bytes(subkey)},
		{"a shard of one", name(0), plain{kid: key.ID(), sequence: 1 << 60, time: noon}.bytes(subkey)},
		{"a name that nobody asks for", name(4), good.must(t, name(3))},
	} {
		if err := reader.Put(at(noon), row.name, row.object); !errors.Is(err, marks.ErrMisplaced) {
			t.Errorf("%s: %v", row.what, err)
		}
	}
	reader.judge(t, session("a", "42"), cookie.ReasonRevoked)
}

// TestN53_Rollback: an object that is older than the one before is refused, however recent
// its time is, also after the one before had to make room.
func TestN53_Rollback(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 1})
	first := p.at(t, noon)
	p.Apply(at(noon), sessionMark("x"))
	p.Apply(at(noon), marks.Mark{Kind: marks.All, Before: noon - 1000, Until: noon + 1000})
	second := p.at(t, noon+1)
	reader := subscribe(t, marks.ReaderConfig{Keys: ring, Every: time.Second, Policy: marks.Policy{Max: 1}}, second)
	reader.judge(t, later(session("x", "42"), 1), cookie.ReasonRevoked)
	for name, object := range first {
		if err := reader.Put(at(noon+2), name, object); !errors.Is(err, marks.ErrRollback) {
			t.Errorf("%s: %v", name, err)
		}
	}
	reader.bucket = first
	reader.judge(t, later(session("x", "42"), 20), cookie.ReasonRevoked, marks.ErrRollback)
	reader.bucket = second
	reader.judge(t, later(session("x", "42"), 40), cookie.ReasonRevoked) // the same again is no rollback

	// A Snapshotter that begins anew goes on above, and so does one in the same millisecond.
	again := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 1}, sessionMark("y"))
	again.at(t, noon+50)
	reader.bucket = again.at(t, noon+50)
	reader.judge(t, later(session("y", "42"), 60), cookie.ReasonRevoked)
}

// TestN53_RollbackOfAFormerEdition: what was published when there were as many shards before
// doesn't come back with their number.
func TestN53_RollbackOfAFormerEdition(t *testing.T) {
	ring := keyring.Generate()
	shards := func(n int, ms ...marks.Mark) *publisher {
		return publish(t, marks.SnapshotConfig{Keys: ring, Shards: n}, ms...)
	}
	first, between := shards(1).at(t, noon), shards(1).at(t, noon+7)
	reader := subscribe(t, marks.ReaderConfig{Keys: ring, Every: time.Second}, first)
	reader.judge(t, session("x", "42"), cookie.ReasonNone)
	two := shards(2, sessionMark("x"))
	head := two.at(t, noon+5).must(t, "marks.head")
	reader.bucket = two.at(t, noon+10) // only its shards arrive
	reader.bucket["marks.head"] = head
	reader.judge(t, later(session("x", "42"), 10), cookie.ReasonRevoked)
	last := shards(1, sessionMark("x")).at(t, noon+20)
	name := "marks." + ring.Primary().ID() + ".1.0"
	for i, old := range []bucket{first, between} {
		reader.bucket = bucket{"marks.head": last.must(t, "marks.head"), name: old.must(t, name)}
		reader.judge(t, later(session("x", "42"), 20+10*int64(i)), cookie.ReasonRevoked, marks.ErrRollback)
	}
	reader.bucket = last
	reader.judge(t, later(session("x", "42"), 50), cookie.ReasonRevoked)
}

// TestN53_ClockAhead: what a Snapshotter publishes while its clock is far ahead doesn't make
// older of what comes when that was set right.
func TestN53_ClockAhead(t *testing.T) {
	ring := keyring.Generate()
	ahead := publish(t, marks.SnapshotConfig{Keys: ring, Age: func(now time.Time) time.Duration { return now.Sub(at(noon)) }}) // the news came from others
	reader := subscribe(t, marks.ReaderConfig{Keys: ring, Every: time.Second}, ahead.at(t, noon+24*3600))
	reader.judge(t, session("x", "42"), cookie.ReasonNone)
	reader.bucket = publish(t, marks.SnapshotConfig{Keys: ring}, sessionMark("x")).at(t, noon+10)
	reader.judge(t, later(session("x", "42"), 10), cookie.ReasonRevoked)
}

// TestN54_Stale: an object that is older than Policy.MaxStale is reported, its marks hold, and
// Policy says what becomes of the other sessions.
func TestN54_Stale(t *testing.T) {
	ring := keyring.Generate()
	old := publish(t, marks.SnapshotConfig{Keys: ring}, sessionMark("ended")).at(t, noon)
	for _, closed := range []bool{false, true} {
		c := marks.ReaderConfig{Keys: ring, Policy: marks.Policy{MaxStale: 2 * time.Minute, FailClosed: closed}}
		other := cookie.ReasonNone
		if closed {
			other = cookie.ReasonUnverified
		}
		warm := subscribe(t, c, old)
		warm.judge(t, session("good", "42"), cookie.ReasonNone)
		warm.judge(t, later(session("good", "42"), 120), cookie.ReasonNone)
		warm.judge(t, later(session("good", "42"), 121), other)
		for _, r := range []*subscriber{subscribe(t, c, old), warm} {
			r.judge(t, later(session("ended", "42"), 200), cookie.ReasonRevoked, marks.ErrStale)
			r.judge(t, later(session("good", "42"), 200), other)
			r.judge(t, later(session("good", ""), 200), cookie.ReasonNone)
			r.judge(t, later(marks.About{Session: "good", Actor: "7"}, noon+200), other)
			r.takes()
			r.Refresh(t.Context(), at(noon+229), later(session("good", "42"), 229))
			if r.takes() != 0 {
				t.Error("what is stale is fetched again sooner than what isn't")
			}
			// News ends it.
			r.bucket = publish(t, marks.SnapshotConfig{Keys: ring}, sessionMark("ended")).at(t, noon+240)
			r.judge(t, later(session("good", "42"), 250), cookie.ReasonNone)
		}
	}
}

// TestN55_Future: an object that was made more than a minute ahead is refused.
func TestN55_Future(t *testing.T) {
	ring := keyring.Generate()
	ahead := publish(t, marks.SnapshotConfig{Keys: ring}, sessionMark("ended")).at(t, noon+61)
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, ahead)
	reader.judge(t, session("ended", "42"), cookie.ReasonNone, marks.ErrFuture)
	reader.judge(t, later(session("ended", "42"), 5), cookie.ReasonRevoked)
}

// TestN56_OneSpelling: of an authentic object, every spelling but one is refused.
func TestN56_OneSpelling(t *testing.T) {
	ring := fixedRing(t)
	key := ring.Primary()
	subkey := marksKey(key, audience)
	prints := func(n int) (list []uint64) {
		for i := range n {
			list = append(list, printOf(subkey, marks.Session, fmt.Sprint("s", i)))
		}
		return list
	}
	timed := []plainTimed{{printOf(subkey, marks.User, "42"), noon}, {printOf(subkey, marks.Link, "one"), noon - 5}}
	fresh := func() *marks.Reader {
		reader := subscribe(t, marks.ReaderConfig{Keys: ring}, nil).Reader
		if err := reader.Put(at(noon), "marks.head", plain{kid: key.ID(), index: headIndex, sequence: 1, time: noon}.bytes(subkey)); err != nil {
			t.Fatal(err)
		}
		return reader
	}
	for _, row := range spellings(prints) {
		o := plain{kid: key.ID(), sequence: 1, time: noon, ended: prints(9), timed: slices.Clone(timed)}
		row.edit(&o)
		reader := fresh()
		err := reader.Put(at(noon), fmt.Sprintf("marks.%s.1.0", key.ID()), o.bytes(subkey))
		if row.ok && err != nil || !row.ok && !errors.Is(err, marks.ErrMalformed) {
			t.Errorf("%s: %v", row.what, err)
		}
		if want := len(o.ended) + len(o.timed); row.ok && reader.Len() != want || !row.ok && reader.Len() != 0 {
			t.Errorf("%s: %d marks, want %d", row.what, reader.Len(), want)
		}
	}
	head := plain{kid: key.ID(), index: headIndex, sequence: 2, time: noon, ended: prints(1)}
	if err := fresh().Put(at(noon), "marks.head", head.bytes(subkey)); !errors.Is(err, marks.ErrMalformed) {
		t.Errorf("a head with a session: %v", err)
	}
	head.ended, head.timed = nil, timed
	if err := fresh().Put(at(noon), "marks.head", head.bytes(subkey)); !errors.Is(err, marks.ErrMalformed) {
		t.Errorf("a head with a time: %v", err)
	}
	head.timed, head.magic = nil, "HTM2"
	if err := fresh().Put(at(noon), "marks.head", head.bytes(subkey)); !errors.Is(err, marks.ErrForged) {
		t.Errorf("another version: %v", err)
	}
	// Numbers that promise more than there is make no room: here 64 MB, for 1 MB.
	large := plain{kid: key.ID(), sequence: 1, time: noon, counts: func(e, _ *uint32) { *e = 8 << 20 }, whole: func(b []byte) []byte { return append(b, make([]byte, 1<<20)...) }}
	object := large.bytes(subkey)
	roomy := subscribe(t, marks.ReaderConfig{Keys: ring, Policy: marks.Policy{Max: 1 << 30}}, nil)
	if err := roomy.Put(at(noon), "marks.head", plain{kid: key.ID(), index: headIndex, sequence: 1, time: noon}.bytes(subkey)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := roomy.Put(at(noon), large.name(), object)
	if runtime.ReadMemStats(&after); !errors.Is(err, marks.ErrMalformed) || after.TotalAlloc-before.TotalAlloc > 8<<20 {
		t.Errorf("%v, after %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
	// What a Snapshotter writes is that spelling.
	written := publish(t, marks.SnapshotConfig{Keys: ring}, sessionMark("s1"), sessionMark("s2"), userMark("42", noon-7), marks.Mark{Kind: marks.All, Before: noon - 9, Until: noon + 1}).at(t, noon)
	o := plain{kid: key.ID(), sequence: noon * 1000, time: noon, before: noon - 9, ended: prints(3)[1:], timed: []plainTimed{{timed[0].print, noon - 7}}}
	if got := written.must(t, o.name()); !slices.Equal(got, o.bytes(subkey)) {
		t.Errorf("the shard is %x, want %x", got, o.bytes(subkey))
	}
	o.ended, o.timed, o.index = nil, nil, headIndex
	if got := written.must(t, o.name()); !slices.Equal(got, o.bytes(subkey)) {
		t.Errorf("the head is %x, want %x", got, o.bytes(subkey))
	}
}

// A spelling is an authentic shard, and whether it is the one spelling of what is in it.
type spelling struct {
	what string
	ok   bool
	edit func(*plain) // of a shard with nine sessions and two times
}

func spellings(prints func(int) []uint64) []spelling {
	return []spelling{
		{"good", true, func(*plain) {}},
		{"no marks", true, func(p *plain) { p.ended, p.timed = nil, nil }},
		{"only sessions", true, func(p *plain) { p.timed = nil }},
		{"only times", true, func(p *plain) { p.ended = nil }},
		{"the first and the last fingerprint", true, func(p *plain) { p.ended = []uint64{0, 1<<48 - 1} }},
		{"neighbours", true, func(p *plain) { p.ended = []uint64{5, 6, 7} }},
		{"far apart", true, func(p *plain) { p.ended = []uint64{1<<48 - 64, 1<<48 - 63, 1<<48 - 2, 1<<48 - 1} }},
		{"last times", true, func(p *plain) { p.before, p.timed[0].before = 253402300799, 253402300799 }},

		{"no time", false, func(p *plain) { p.time = 0 }},
		{"a time after the year 9999", false, func(p *plain) { p.time = 253402300800 }},
		{"a negative time", false, func(p *plain) { p.time = math.MaxUint64 }},
		{"a mark for all after the year 9999", false, func(p *plain) { p.before = 253402300800 }},
		{"a negative mark for all", false, func(p *plain) { p.before = math.MaxUint64 }},
		{"512 shards", false, func(p *plain) { p.shift, p.ended, p.timed = 9, nil, nil }},
		{"a shard that isn't one of two", false, func(p *plain) { p.shift, p.index, p.ended, p.timed = 1, 2, nil, nil }},
		{"a mark without a time", false, func(p *plain) { p.timed[1].before = 0 }},
		{"a mark after the year 9999", false, func(p *plain) { p.timed[1].before = 253402300800 }},
		{"one session more", false, func(p *plain) { p.counts = func(e, _ *uint32) { *e++ } }},
		{"one session less", false, func(p *plain) { p.counts = func(e, _ *uint32) { *e-- } }},
		{"one time more", false, func(p *plain) { p.counts = func(_, n *uint32) { *n++ } }},
		{"one time less", false, func(p *plain) { p.counts = func(_, n *uint32) { *n-- } }},
		{"as many sessions as there are numbers", false, func(p *plain) { p.counts = func(e, _ *uint32) { *e = math.MaxUint32 } }},
		{"as many times", false, func(p *plain) { p.counts = func(_, n *uint32) { *n = math.MaxUint32 } }},
		{"a smaller parameter", false, func(p *plain) { p.k = -1 }},
		{"a larger parameter", false, func(p *plain) { p.k = 1 }},
		{"a bit left over", false, func(p *plain) { p.bits = func(e, _ *string) { *e += "1" } }},
		{"a bit left over, of times", false, func(p *plain) { p.bits = func(_, n *string) { *n += "1" } }},
		{"a byte left over", false, func(p *plain) { p.bits = func(e, _ *string) { *e += "00000000" } }},
		{"a byte left over, of times", false, func(p *plain) { p.bits = func(_, n *string) { *n += "00000000" } }},
		{"a byte left over at the end", false, func(p *plain) { p.times = func(b []byte) []byte { return append(b, 0) } }},
		{"a byte missing", false, func(p *plain) { p.times = func(b []byte) []byte { return b[:len(b)-1] } }},
		{"cut in a code", false, func(p *plain) { p.bits = func(e, n *string) { *e, *n = (*e)[:len(*e)-20], "" }; p.timed = nil }},
		{"cut in the last code", false, func(p *plain) { p.bits = func(e, n *string) { *e, *n = (*e)[:51*8], "" }; p.timed = nil }},
		{"cut in ones", false, func(p *plain) {
			p.bits = func(e, n *string) { *e = (*e)[:45*8] + strings.Repeat("1", 200) }
			p.timed = nil
		}},
		{"beyond the last", false, func(p *plain) {
			p.ended = []uint64{1<<48 - 1, 0}
			p.bits = func(e, _ *string) { *e = "0" + strings.Repeat("1", 46) + "1110" + strings.Repeat("0", 46) }
		}},
		{"far beyond the last", false, func(p *plain) {
			p.ended = prints(1)
			p.bits = func(e, _ *string) { *e = strings.Repeat("1", 1<<18) + "0" + strings.Repeat("0", 47) }
		}},
		{"nothing where there are marks", false, func(p *plain) { p.bits = func(e, n *string) { *e, *n = "", "" } }},
	}
}
