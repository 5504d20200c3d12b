package marks_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// TestN57_RoomInReader: an object over 16 MiB, and one with more marks than Policy.Max, is
// refused before it is read. What is held makes room for what is needed, the shard first
// that wasn't needed for the longest time.
func TestN57_RoomInReader(t *testing.T) {
	ring := fixedRing(t)
	var ms []marks.Mark
	for i := range 400 {
		ms = append(ms, sessionMark(fmt.Sprint("s", i)))
	}
	full := 0
	c := marks.ReaderConfig{Keys: ring, Policy: marks.Policy{Max: 120, OnFull: func(int) { full++ }}}
	whole := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 1}, ms...).at(t, noon)
	reader := subscribe(t, c, whole)
	reader.judge(t, session("s1", "42"), cookie.ReasonNone, marks.ErrTooLarge)
	if full != 1 || reader.Len() != 0 || reader.Bytes() != 0 {
		t.Errorf("OnFull was called %d times, and %d marks are held", full, reader.Len())
	}
	reader.bucket = publish(t, marks.SnapshotConfig{Keys: ring, Shards: 8}, ms...).at(t, noon+60)
	for i := range 400 {
		reader.judge(t, later(session(fmt.Sprint("s", i), "42"), 100+int64(i/100)), cookie.ReasonRevoked)
		if n := reader.Len(); n > 120 || n < 30 || reader.Bytes() != 8*n {
			t.Fatalf("%d marks in %d bytes", n, reader.Bytes())
		}
	}
	only := subscribe(t, c, reader.bucket) // with one edition
	for i := range 9 {
		only.judge(t, later(session(fmt.Sprint("s", i), "42"), 100), cookie.ReasonRevoked)
	}
	// The last one needed is still there.
	reader.takes()
	reader.judge(t, later(session("s399", "42"), 103), cookie.ReasonRevoked)
	if n := reader.takes(); n != 0 {
		t.Errorf("%d objects were fetched again", n)
	}

	large := append([]byte("HTM1"+ring.Primary().ID()), make([]byte, 16<<20)...)
	if err := reader.Put(at(noon), "marks.head", large); !errors.Is(err, marks.ErrTooLarge) {
		t.Errorf("16 MiB: %v", err)
	}
}

// TestN57_LateShard: a shard that comes when the snapshot has changed twice is neither held
// nor counted.
func TestN57_LateShard(t *testing.T) {
	ring := fixedRing(t)
	var first bucket
	var heads [][]byte
	for i, shards := range []int{1, 2, 4} {
		b := publish(t, marks.SnapshotConfig{Keys: ring, Shards: shards}, sessionMark("ended")).at(t, noon+int64(i))
		if first == nil {
			first = b
		} else {
			heads = append(heads, b.must(t, "marks.head"))
		}
	}
	var reader *marks.Reader
	reader, err := marks.NewReader(marks.ReaderConfig{Keys: ring, Audience: audience, Fetch: func(_ context.Context, name string) ([]byte, error) {
		if name != "marks.head" {
			for _, head := range heads {
				if err := reader.Put(at(noon), "marks.head", head); err != nil {
					t.Error(err)
				}
			}
		}
		return first.must(t, name), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Refresh(t.Context(), at(noon), session("ended", "42")); err != nil {
		t.Error(err)
	}
	if reader.Len() != 0 || reader.Bytes() != 0 {
		t.Errorf("%d marks in %d bytes", reader.Len(), reader.Bytes())
	}
}

// TestN58_MillionMarks: a million session marks take less than four million bytes, whatever
// the number of shards, and a Reader finds each of them and nobody else.
func TestN58_MillionMarks(t *testing.T) {
	n := 1_000_000
	if testing.Short() || race.Enabled {
		n = 50_000
	}
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring, Max: 2 * n})
	for i := range n {
		p.Apply(at(noon), marks.Mark{Kind: marks.Session, ID: fmt.Sprint("session number ", i), Until: noon + 1000})
	}
	b := p.at(t, noon)
	size, largest := 0, 0
	for _, object := range b {
		size, largest = size+len(object), max(largest, len(object))
	}
	t.Logf("%d marks in %d objects: %d bytes, the largest %d", n, len(b), size, largest)
	// 48 bits, less what a list of n sorted ones saves, and about 2 for the codes.
	if most := n * (48 - bits.Len(uint(n)) + 3) / 8; size > most || largest > 80_000 {
		t.Errorf("%d bytes for %d marks, the largest object %d", size, n, largest)
	}
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, b)
	for i := range 3000 {
		reader.judge(t, session(fmt.Sprint("session number ", i*(n/3000)), ""), cookie.ReasonRevoked)
		reader.judge(t, session(fmt.Sprint("another number ", i), ""), cookie.ReasonNone)
	}
	if reader.takes() != len(b) || reader.Len() != n {
		t.Errorf("%d marks are held", reader.Len())
	}
}

// TestN59_KeysRotate: a snapshot under a key that the source doesn't have yet makes the
// Reader ask it once for newer keys. Sessions are judged throughout a rotation, also where
// a shard under the new key can't be fetched.
func TestN59_KeysRotate(t *testing.T) {
	first := keyring.Generate()
	second, err := first.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	source := &looking{ring: first, next: second}
	p := publish(t, marks.SnapshotConfig{Keys: first, Shards: 2}, sessionMark("ended"), userMark("42", noon-50))
	c := marks.ReaderConfig{Keys: source, Policy: marks.Policy{MaxStale: 5 * time.Minute, FailClosed: true}}
	reader := subscribe(t, c, p.at(t, noon))
	check := func(seconds int64, faults ...error) {
		t.Helper()
		reader.judge(t, later(session("ended", "7"), seconds), cookie.ReasonRevoked, faults...)
		reader.judge(t, later(session("good", "42"), seconds), cookie.ReasonRevoked)
		reader.judge(t, later(session("good", "7"), seconds), cookie.ReasonNone)
	}
	check(0)
	if source.looks != 0 {
		t.Errorf("%d looks for a known key", source.looks)
	}
	rotated := publish(t, marks.SnapshotConfig{Keys: second, Shards: 2}, sessionMark("ended"), userMark("42", noon-50))
	after := rotated.at(t, noon+40)

	// The head comes, its shards don't.
	reader.bucket = bucket{"marks.head": after.must(t, "marks.head")}
	reader.Refresh(t.Context(), at(noon+50), session("ended", "7"), session("good", "42"))
	if source.looks != 1 {
		t.Errorf("%d looks for an unknown key", source.looks)
	}
	for what, want := range map[string]cookie.Reason{"ended": cookie.ReasonRevoked, "good": cookie.ReasonNone} {
		if got := reader.Judge(later(session(what, "7"), 51)); got != want {
			t.Errorf("%s while shards are missing: %v", what, got)
		}
	}
	if got := reader.NotBefore("42"); got != noon-50 {
		t.Errorf("%d", got)
	}
	reader.bucket = after
	check(60)
	// A Reader that begins now has the second edition alone, and nothing of a third.
	reader = subscribe(t, c, after)
	check(60)
	third, err := second.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	reader.bucket = maps.Clone(after)
	maps.Copy(reader.bucket, publish(t, marks.SnapshotConfig{Keys: third, Shards: 2}).at(t, noon+90))
	check(100, marks.ErrUnknownKey)

	// One Snapshotter publishes before and after the rotation.
	holder := new(keyring.Holder)
	holder.Set(first)
	p = publish(t, marks.SnapshotConfig{Keys: holder, Shards: 256}, sessionMark("ended"), userMark("42", noon-50))
	reader = subscribe(t, c, p.at(t, noon+60))
	check(60)
	holder.Set(second)
	reader.bucket = p.at(t, noon+95)
	check(100)
	reader.judge(t, later(session("new", "8"), 100), cookie.ReasonNone) // nothing of the former edition has that
	reader = subscribe(t, c, after)

	// The number of shards changes: likewise.
	reader.bucket = publish(t, marks.SnapshotConfig{Keys: second, Shards: 16}, sessionMark("ended"), userMark("42", noon-50)).at(t, noon+120)
	check(140)
	reader.bucket = publish(t, marks.SnapshotConfig{Keys: second, Shards: 1}, sessionMark("ended"), userMark("42", noon-50)).at(t, noon+180)
	check(200)
	if n := reader.Len(); n > 4 {
		t.Errorf("%d marks are held, of three editions", n)
	}
}

// looking is a source that gets a new ring when it is asked to look.
type looking struct {
	ring, next *keyring.Keyring
	looks      int
}

func (l *looking) At(now time.Time) *keyring.Keyring { return l.ring.At(now) }
func (l *looking) Refresh(now time.Time) *keyring.Keyring {
	l.looks++
	l.ring = l.next
	return l.ring.At(now)
}

// TestN60_NothingThere: without a snapshot sessions go on, or are unverified under
// Policy.FailClosed if they name a user. The zero Reader is closed.
func TestN60_NothingThere(t *testing.T) {
	ring := keyring.Generate()
	for _, closed := range []bool{false, true} {
		want := cookie.ReasonNone
		if closed {
			want = cookie.ReasonUnverified
		}
		reader := subscribe(t, marks.ReaderConfig{Keys: ring, Policy: marks.Policy{FailClosed: closed}}, nil)
		if got := reader.Judge(session("a", "42")); got != want {
			t.Errorf("before Refresh: %v", got)
		}
		reader.judge(t, session("a", "42"), want, errGone)
		reader.judge(t, session("a", ""), cookie.ReasonNone)
		// The head alone isn't enough.
		reader.bucket = bucket{"marks.head": publish(t, marks.SnapshotConfig{Keys: ring}).at(t, noon).must(t, "marks.head")}
		reader.judge(t, later(session("a", "42"), 10), want, errGone)
		reader.bucket = publish(t, marks.SnapshotConfig{Keys: ring}).at(t, noon)
		reader.judge(t, later(session("a", "42"), 20), cookie.ReasonNone)
	}
	for what, r := range map[string]*marks.Reader{"zero": new(marks.Reader), "nil": nil} {
		if err := r.Refresh(t.Context(), at(noon), session("a", "42")); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if r.Judge(session("a", "42")) != cookie.ReasonUnverified || r.Judge(session("a", "")) != cookie.ReasonNone {
			t.Errorf("%s: it is open", what)
		}
		if r.NotBefore("42") != 0 || r.Age(at(noon)) != math.MaxInt64 || r.Len() != 0 || r.Bytes() != 0 || r.Due(at(noon), session("a", "42")) != nil {
			t.Errorf("%s: it knows something", what)
		}
		if err := r.Put(at(noon), "marks.head", nil); !errors.Is(err, keyring.ErrNoKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestN61_LoginAfterKick: marks of users, links and all come with their time, so a session
// issued since then goes on.
func TestN61_LoginAfterKick(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring}, userMark("42", noon-20), userMark("42", noon-30),
		marks.Mark{Kind: marks.Link, ID: "sid:idp#1", Before: noon - 40, Until: noon + 99}, marks.Mark{Kind: marks.All, Before: noon - 90, Until: noon + 99})
	reader := subscribe(t, marks.ReaderConfig{Keys: ring, Policy: marks.Policy{FailClosed: true}}, p.at(t, noon))
	for _, row := range []struct {
		what   string
		a      marks.About
		before int64
	}{
		{"user", marks.About{Session: "a", User: "42", Now: noon}, noon - 20},
		{"actor", marks.About{Session: "a", User: "7", Actor: "42", Now: noon}, noon - 20},
		{"first link", marks.About{Session: "a", User: "7", Links: [2]marks.Name{marks.NameOf("sid:idp#1")}, Now: noon}, noon - 40},
		{"second link", marks.About{Session: "a", User: "7", Links: [2]marks.Name{{1}, marks.NameOf("sid:idp#1")}, Now: noon}, noon - 40},
		{"all", marks.About{Session: "a", User: "7", Now: noon}, noon - 90},
		{"all, nobody", marks.About{Session: "a", Now: noon}, noon - 90},
	} {
		row.a.Issued = row.before - 1
		reader.judge(t, row.a, cookie.ReasonRevoked)
		row.a.Issued = row.before
		reader.judge(t, row.a, cookie.ReasonNone)
	}
	if got := reader.NotBefore("42"); got != noon-20 {
		t.Errorf("of 42: %d", got-noon)
	}
	if got := reader.NotBefore("7"); got != noon-90 {
		t.Errorf("of 7: %d", got-noon)
	}
	all := marks.About{Session: "a", User: "7", Issued: noon - 999, Now: noon - 151}
	if got := reader.Judge(all); got != cookie.ReasonUnverified {
		t.Errorf("a clock that was set back, for all: %v", got)
	}
	// A mark ahead of a clock that was set back says nothing certain; see Set.
	behind := marks.About{Session: "a", User: "42", Issued: noon - 90, Now: noon - 81}
	if got := reader.Judge(behind); got != cookie.ReasonUnverified {
		t.Errorf("a clock that was set back: %v", got)
	}
}

// TestN62_FetchedWhenNeeded: Refresh fetches the head and the shards of the sessions it is
// asked about, once in Every, and after a failure five seconds later.
func TestN62_FetchedWhenNeeded(t *testing.T) {
	ring := fixedRing(t)
	b := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 256}).at(t, noon)
	reader := subscribe(t, marks.ReaderConfig{Keys: ring, Every: 10 * time.Second}, b)
	refresh := func(seconds int64, want int, about ...marks.About) {
		t.Helper()
		reader.Refresh(t.Context(), at(noon+seconds), about...)
		if n := reader.takes(); n != want {
			t.Errorf("after %d seconds %d objects were fetched, want %d", seconds, n, want)
		}
	}
	mine := marks.About{Session: "s", User: "42", Actor: "7", Links: [2]marks.Name{{1}, {2}}}
	refresh(0, 0)
	refresh(0, 6, mine)
	refresh(9, 0, mine, mine)
	refresh(10, 6, mine, mine)
	refresh(10, 1, marks.About{Session: "other"})
	refresh(-40, 0, mine)   // a request that began earlier, or a clock that differs
	refresh(-3600, 6, mine) // a clock that was set back
	refresh(20, 6+0, mine)
	reader.fault = errors.New("down")
	refresh(40, 6, mine)
	refresh(44, 0, mine)
	refresh(45, 6, mine)
	reader.fault = nil
	refresh(50, 6, mine)
	if reader.bucket = nil; reader.Judge(mine) != cookie.ReasonNone {
		t.Error("what is there doesn't count")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	reader.bucket = b
	if err := reader.Refresh(gone, at(noon+70), mine); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	reader.takes()
	refresh(70, 6, mine) // a visitor who leaves keeps nobody from trying

	off := subscribe(t, marks.ReaderConfig{Keys: ring}, b)
	off.judge(t, session("s", "42"), cookie.ReasonNone)
	off.takes()
	if off.Refresh(t.Context(), at(noon+29), session("s", "42")); off.takes() != 0 {
		t.Error("fetched again within 30 seconds")
	}
	if off.Refresh(t.Context(), at(noon+30), session("s", "42")); off.takes() == 0 {
		t.Error("not fetched again after 30 seconds")
	}
}

// TestN63_OneFetches: while a request fetches an object, others go on with the one that is
// there. If none is, or a stale one, they wait for it, until their context ends.
func TestN63_OneFetches(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 1}, sessionMark("ended"))
	before, marked := p.at(t, noon), session("ended", "42")
	p.Apply(at(noon), sessionMark("late"))
	after := p.at(t, noon+30)
	synctest.Test(t, func(t *testing.T) {
		var gate chan struct{} // nil: open
		shut := "marks.head"   // whom it holds back
		var fetched, done atomic.Int64
		b := before
		reader, err := marks.NewReader(marks.ReaderConfig{Keys: ring, Audience: audience, Policy: marks.Policy{MaxStale: 3 * time.Minute, FailClosed: true},
			Fetch: func(_ context.Context, name string) ([]byte, error) {
				fetched.Add(1)
				if gate != nil && (name == "marks.head") == (shut == "marks.head") {
					<-gate
				}
				return b[name], nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(ctx context.Context, a marks.About, want cookie.Reason) {
			go func() {
				reader.Refresh(ctx, at(a.Now), a)
				if got := reader.Judge(a); got != want {
					t.Errorf("%v, want %v", got, want)
				}
				done.Add(1)
			}()
			synctest.Wait()
		}
		is := func(what string, wantDone, wantFetched int64) {
			t.Helper()
			synctest.Wait()
			if done, fetched := done.Load(), fetched.Load(); done != wantDone || fetched != wantFetched {
				t.Errorf("%s: %d are done after %d fetches, want %d after %d", what, done, fetched, wantDone, wantFetched)
			}
		}
		gate = make(chan struct{})
		ask(t.Context(), marked, cookie.ReasonRevoked)
		ask(t.Context(), marked, cookie.ReasonRevoked)
		impatient, cancel := context.WithCancel(t.Context())
		ask(impatient, marked, cookie.ReasonUnverified)
		is("nothing is there", 0, 1)
		cancel()
		is("one doesn't wait", 1, 1)
		close(gate)
		is("all is there", 3, 2)

		gate, shut, b = make(chan struct{}), "shard", after
		late := later(session("late", "42"), 60)
		ask(t.Context(), late, cookie.ReasonRevoked)
		ask(t.Context(), late, cookie.ReasonNone) // goes on with what is there
		ask(t.Context(), later(marked, 60), cookie.ReasonRevoked)
		is("one fetches", 5, 4)
		close(gate)
		is("all is there", 6, 4)

		gate = make(chan struct{})
		ask(t.Context(), later(session("good", "42"), 1000), cookie.ReasonUnverified)
		ask(t.Context(), later(session("good", "42"), 1000), cookie.ReasonUnverified)
		is("what is there is stale", 6, 6)
		close(gate)
		is("it is still stale", 8, 6)
	})
}

// TestN64_JudgeIsFree: Judge and NotBefore don't allocate, with all that a session can have.
func TestN64_JudgeIsFree(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	ring := keyring.Generate()
	a := marks.About{Session: "s", User: "42", Actor: "7", Links: [2]marks.Name{{1}, {2}}, Issued: noon, Now: noon}
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, publish(t, marks.SnapshotConfig{Keys: ring}, userMark("42", noon-9)).at(t, noon))
	reader.judge(t, a, cookie.ReasonNone)
	if n := testing.AllocsPerRun(100, func() { reader.Judge(a); reader.NotBefore("42") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestN65_Publish: the shards come before the head. Nothing is published while the news was
// never complete, or without a key, and nothing that is over.
func TestN65_Publish(t *testing.T) {
	ring := keyring.Generate()
	age := time.Duration(math.MaxInt64)
	p := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 4, Age: func(time.Time) time.Duration { return age }}, sessionMark("a"),
		marks.Mark{Kind: marks.Session, ID: "brief", Until: noon + 10}, marks.Mark{Kind: marks.All, Before: noon, Until: noon + 10},
		marks.Mark{Kind: 9, ID: "x", Until: noon + 10}, marks.Mark{Kind: marks.User, ID: "x", Until: noon + 10})
	if err := p.Publish(t.Context(), at(noon)); !errors.Is(err, marks.ErrNoNews) || len(p.bucket) != 0 {
		t.Errorf("before there was news: %v", err)
	}
	age = 10 * time.Second
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, p.at(t, noon))
	if len(p.stored) != 5 || p.stored[4] != "marks.head" || slices.Index(p.stored, "marks.head") != 4 {
		t.Errorf("stored %q", p.stored)
	}
	reader.judge(t, session("a", "42"), cookie.ReasonRevoked)
	reader.judge(t, marks.About{Session: "brief", Issued: noon, Now: noon}, cookie.ReasonRevoked)
	if got := reader.Age(at(noon)); got != age {
		t.Errorf("the news is %v old, want %v", got, age)
	}
	if p.Len() != 2 {
		t.Errorf("%d marks", p.Len())
	}
	// Until, the mark holds; then it is over.
	reader = subscribe(t, marks.ReaderConfig{Keys: ring}, p.at(t, noon+9))
	reader.judge(t, session("brief", "42"), cookie.ReasonRevoked)
	reader = subscribe(t, marks.ReaderConfig{Keys: ring}, p.at(t, noon+10))
	reader.judge(t, session("brief", "42"), cookie.ReasonNone)
	if p.Len() != 1 {
		t.Errorf("%d marks after one is over", p.Len())
	}

	down := errors.New("down")
	cut, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Shards: 2, Store: func(_ context.Context, name string, _ []byte) error {
		if strings.HasSuffix(name, ".1") {
			return down
		}
		if name == "marks.head" {
			t.Error("the head was stored without a shard")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cut.Publish(t.Context(), at(noon)); !errors.Is(err, down) {
		t.Error(err)
	}
	atHead, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Store: func(_ context.Context, name string, _ []byte) error {
		if name == "marks.head" {
			return down
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := atHead.Publish(t.Context(), at(noon)); !errors.Is(err, down) {
		t.Errorf("without a head: %v", err)
	}
	if err := p.Publish(t.Context(), time.Time{}); !errors.Is(err, keyring.ErrNoKey) {
		t.Errorf("without a time: %v", err)
	}
	if err := p.Publish(t.Context(), at(253402300810)); !errors.Is(err, marks.ErrNoNews) {
		t.Errorf("in the year 10000: %v", err)
	}
	age = noon * time.Second
	if err := p.Publish(t.Context(), at(noon)); !errors.Is(err, marks.ErrNoNews) {
		t.Errorf("news of 1970: %v", err)
	}
	var zero marks.Snapshotter
	zero.Apply(at(noon), sessionMark("a"))
	if err := zero.Publish(t.Context(), at(noon)); !errors.Is(err, keyring.ErrNoKey) || zero.Len() != 1 {
		t.Errorf("the zero Snapshotter: %v, %d marks", err, zero.Len())
	}
}

// TestN66_NoRoomInSnapshot: a mark that finds no room is reported, and what is published until
// it would be over is as old as the last snapshot without a loss.
func TestN66_NoRoomInSnapshot(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring, Max: 2}, sessionMark("a"), sessionMark("a"), userMark("42", noon))
	p.at(t, noon+5)
	p.Apply(at(noon+6), marks.Mark{Kind: marks.Session, ID: "lost", Until: noon + 200}, marks.Mark{Kind: marks.All, Before: noon - 500, Until: noon + 3600}, userMark("42", noon+1))
	for _, sec := range []int64{noon + 10, noon + 100} {
		if err := p.Publish(t.Context(), at(sec)); !errors.Is(err, marks.ErrFull) {
			t.Errorf("%v", err)
		}
		reader := subscribe(t, marks.ReaderConfig{Keys: ring}, p.bucket)
		reader.judge(t, later(session("a", "42"), 100), cookie.ReasonRevoked)
		if got, want := reader.Age(at(sec)), time.Duration(sec-noon-5)*time.Second; got != want || reader.NotBefore("42") != noon+1 || reader.NotBefore("7") != noon-500 {
			t.Errorf("the news is %v old, want %v", got, want)
		}
	}
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, p.at(t, noon+200)) // it would be over
	reader.judge(t, later(session("lost", "7"), 200), cookie.ReasonNone)
	if got := reader.Age(at(noon + 200)); got != 0 {
		t.Errorf("the news is %v old", got)
	}
}

// TestN66_RoomForUsers: who logs in and out until there is no room for session marks keeps no
// user's mark from the readers.
func TestN66_RoomForUsers(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring, Max: 16})
	for i := range 20 {
		p.Apply(at(noon), sessionMark(fmt.Sprint("s", i)), marks.Mark{Kind: marks.Link, ID: fmt.Sprint("l", i), Before: noon, Until: noon + 3600})
	}
	p.Apply(at(noon), userMark("42", noon), userMark("43", noon), userMark("44", noon))
	if err := p.Publish(t.Context(), at(noon)); !errors.Is(err, marks.ErrFull) || p.Len() != 16 {
		t.Errorf("%d marks, %v", p.Len(), err)
	}
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, p.bucket)
	reader.judge(t, session("s0", "7"), cookie.ReasonRevoked)
	reader.judge(t, session("s7", "7"), cookie.ReasonNone)
	reader.judge(t, session("a", "42"), cookie.ReasonRevoked)
	reader.judge(t, session("a", "43"), cookie.ReasonRevoked)
	reader.judge(t, session("a", "44"), cookie.ReasonNone)
}

// TestN67_NumberOfShards: where it isn't fixed, it grows with the marks, so that a shard has
// at most 16,384 of them on average, and shrinks when a quarter would do.
func TestN67_NumberOfShards(t *testing.T) {
	ring := keyring.Generate()
	p := publish(t, marks.SnapshotConfig{Keys: ring})
	n := 0
	fill := func(to int, until int64) {
		for ; n < to; n++ {
			p.Apply(at(noon), marks.Mark{Kind: marks.Session, ID: fmt.Sprint(n), Until: until})
		}
	}
	shards := func(sec int64, want int) {
		t.Helper()
		if p.at(t, sec); len(p.stored) != want+1 {
			t.Errorf("%d shards for %d marks, want %d", len(p.stored)-1, p.Len(), want)
		}
	}
	shards(noon, 1)
	fill(9_000, noon+300)
	shards(noon, 1)
	fill(16_384, noon+200)
	shards(noon, 1)
	fill(16_385, noon+100)
	shards(noon, 2)
	fill(40_000, noon+100)
	shards(noon, 4)
	shards(noon+100, 1)
	fill(16_400, noon+300)
	for _, bad := range []int{math.MinInt, -1, 3, 257, 512} {
		if _, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Shards: bad, Store: func(context.Context, string, []byte) error { return nil }}); err == nil {
			t.Errorf("%d shards", bad)
		}
	}
	if _, err := marks.NewSnapshotter(marks.SnapshotConfig{}); err == nil || !strings.Contains(err.Error(), "Keys") || !strings.Contains(err.Error(), "Store") {
		t.Errorf("nothing: %v", err)
	}
	if _, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: new(keyring.Holder), Store: func(context.Context, string, []byte) error { return nil }}); err == nil {
		t.Error("no keys in a holder")
	}
	for what, c := range map[string]marks.ReaderConfig{
		"no keys":                    {},
		"no keys in a holder":        {Keys: new(keyring.Holder)},
		"a negative time":            {Keys: ring, Every: -time.Second},
		"a part of a second":         {Keys: ring, Every: 1500 * time.Millisecond},
		"a day and more":             {Keys: ring, Every: 25 * time.Hour},
		"stale before fetched again": {Keys: ring, Policy: marks.Policy{MaxStale: 30 * time.Second}},
		"stale before it was made":   {Keys: ring, Policy: marks.Policy{MaxStale: -time.Second}},
	} {
		if _, err := marks.NewReader(c); err == nil {
			t.Error(what)
		}
	}
}

// TestN68_HostFetches: a host that fetches by itself asks Due until nothing is left.
func TestN68_HostFetches(t *testing.T) {
	ring := fixedRing(t)
	b := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 256}, sessionMark("ended")).at(t, noon)
	reader, err := marks.NewReader(marks.ReaderConfig{Keys: ring, Audience: audience, Policy: marks.Policy{FailClosed: true}})
	if err != nil {
		t.Fatal(err)
	}
	host := func(a marks.About, want cookie.Reason, rounds int) {
		t.Helper()
		n := 0
		for due := reader.Due(at(a.Now), a); len(due) > 0; due = reader.Due(at(a.Now), a) {
			n++
			for _, name := range due {
				reader.Put(at(a.Now), name, b[name])
			}
		}
		if got := reader.Judge(a); got != want || n != rounds {
			t.Errorf("%v after %d rounds, want %v after %d", got, n, want, rounds)
		}
	}
	if reader.Due(at(noon)) != nil || reader.Refresh(t.Context(), at(noon), session("a", "42")) != nil {
		t.Error("nobody asks, or nobody can be asked")
	}
	host(session("ended", "42"), cookie.ReasonRevoked, 2)
	host(session("good", "42"), cookie.ReasonNone, 1)
	host(later(session("good", "42"), 1), cookie.ReasonNone, 0)
	clear(b) // an empty object is a fetch that failed
	host(later(session("another", "7"), 40), cookie.ReasonUnverified, 2)
	host(later(session("another", "7"), 44), cookie.ReasonUnverified, 0)
	host(later(session("ended", "42"), 45), cookie.ReasonRevoked, 2)
}

// TestN69_AgeOfSnapshot: it is that of the oldest object that was needed lately.
func TestN69_AgeOfSnapshot(t *testing.T) {
	ring := fixedRing(t)
	p := publish(t, marks.SnapshotConfig{Keys: ring, Shards: 256})
	reader := subscribe(t, marks.ReaderConfig{Keys: ring}, p.at(t, noon))
	age := func(seconds int64, want time.Duration) {
		t.Helper()
		if got := reader.Age(at(noon + seconds)); got != want {
			t.Errorf("after %d seconds: %v, want %v", seconds, got, want)
		}
	}
	age(0, math.MaxInt64)
	reader.judge(t, session("a", "42"), cookie.ReasonNone)
	age(10, 10*time.Second)
	reader.bucket = p.at(t, noon+40)
	reader.judge(t, later(session("b", "7"), 50), cookie.ReasonNone)
	age(50, 10*time.Second) // what "a" needed counts no more
	reader.judge(t, later(session("a", "42"), 55), cookie.ReasonNone)
	age(55, 15*time.Second)
	reader.fault = errors.New("down")
	reader.judge(t, later(session("a", "42"), 90), cookie.ReasonNone, reader.fault)
	age(90, 50*time.Second)
	reader.judge(t, later(session("c", "8"), 95), cookie.ReasonNone, reader.fault)
	age(95, math.MaxInt64) // there is none for "c"
	age(126, 86*time.Second)
}
