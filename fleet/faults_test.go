package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// Faults that strike in one moment, at one call.

// A meddler is an Engine that asks a test before it does something.
type meddler struct {
	fleet.Engine
	mu    sync.Mutex
	swap  func(name string) error
	watch func(ctx context.Context, n int, f func(fleet.Event)) error // n is the number of the call
	n     int
}

var errMeddled = errors.New("meddled with")

func (m *meddler) set(swap func(name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.swap = swap
}

func (m *meddler) setWatch(watch func(ctx context.Context, n int, f func(fleet.Event)) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watch = watch
}

// calls returns how often Watch was called.
func (m *meddler) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

func (m *meddler) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	m.mu.Lock()
	swap := m.swap
	m.mu.Unlock()
	if swap != nil {
		if err := swap(name); err != nil {
			return 0, err
		}
	}
	return m.Engine.Swap(ctx, name, value, rev)
}

func (m *meddler) Watch(ctx context.Context, f func(fleet.Event)) error {
	m.mu.Lock()
	m.n++
	n, watch := m.n, m.watch
	m.mu.Unlock()
	if watch != nil {
		if err := watch(ctx, n, f); err != nil {
			return err
		}
	}
	return m.Engine.Watch(ctx, f)
}

// meddle puts a meddler before the engine of an instance.
func meddle(m *meddler) func(*fleet.Config) {
	return func(c *fleet.Config) { m.Engine, c.Engine = c.Engine, m }
}

// TestY13_RingWhileTheKMSWorks: a ring that comes while the KMS is at work at the one before is
// read, too, although no other follows.
func TestY13_RingWhileTheKMSWorks(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		first := slices.Clone(w.Stored()["ring"])
		in.change((*keyring.Keyring).Rotate)
		second, kids := slices.Clone(w.Stored()["ring"]), in.kids()
		in.stop()
		w.Forge("ring", first)
		kms := &asked{Wrapper: w.wrapper, takes: beat / 2}
		other := w.start(func(c *fleet.Config) { c.Wrapper = kms })
		wait(beat / 4)
		w.Forge("ring", second)
		wait(2 * beat)
		if other.kids() != kids {
			t.Errorf("the keys are %s, want %s", other.kids(), kids)
		}
	})
}

// TestY25_RingOnItsWay: a change waits for a ring of another instance that was told and not
// read yet, and begins with that.
func TestY25_RingOnItsWay(t *testing.T) {
	bubble(t, func(w *world) {
		kms := &asked{Wrapper: w.wrapper}
		in := w.start(func(c *fleet.Config) { c.Wrapper = kms })
		in.mustBeReady()
		other := w.some(1, nil)[0]
		wait(5 * beat)
		kms.takes = beat / 2
		other.change((*keyring.Keyring).Rotate)
		fresh := other.At(time.Now()).Primary().ID()
		wait(beat / 4)
		in.change(func(r *keyring.Keyring) (*keyring.Keyring, error) {
			if _, ok := r.Key(fresh); !ok {
				t.Error("it begins with a ring from before")
			}
			return r.Rotate()
		})
		wait(5 * beat)
		oneRing(t, []*instance{in, other})
	})
}

// TestY25_SameRingAgain: after an engine was restored, the same ring has another revision. A
// change that is told so late goes on at once when it hears of it.
func TestY25_SameRingAgain(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		wait(5 * beat)
		in.conn.Delay(beat / 2)
		w.Forge("ring", w.Stored()["ring"])
		began := time.Now()
		in.change((*keyring.Keyring).Rotate)
		if took := time.Since(began); took > 2*beat {
			t.Errorf("it takes %v", took)
		}
	})
}

// TestY21_ReplayThatFails: if the engine doesn't tell once more what an instance missed, it is
// asked again, and the instance isn't ready before it does.
func TestY21_ReplayThatFails(t *testing.T) {
	bubble(t, func(w *world) {
		other := w.some(1, nil)[0]
		fresh := keyring.NewKey()
		for i := range 1025 {
			m := marks.Mark{Kind: marks.Session, ID: fmt.Sprint("s", i), Until: time.Now().Add(time.Hour).Unix()}
			w.Forge(fmt.Sprint("m.", i), sealMark(fresh, "shop", "mark", plainMark(m)))
		}
		other.change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(fresh) }) // the ring comes last
		wait(5 * beat)
		var failed time.Time
		in := w.start(meddle(&meddler{watch: func(_ context.Context, n int, _ func(fleet.Event)) error {
			if n > 1 && n < 4 {
				failed = time.Now()
				return errMeddled
			}
			return nil
		}}))
		for !in.isReady() {
			wait(beat / 100)
		}
		if s := in.Status(); failed.IsZero() || !strings.Contains(in.log.String(), "missed") || s.Marks != 1025 {
			t.Errorf("ready with %+v\n%s", s, in.log)
		}
	})
}

// TestY21_NotReadyBeforeAllMarks: an instance that has its keys isn't ready, and its news isn't
// fresh, until it has been told everything, and what it missed once more.
func TestY21_NotReadyBeforeAllMarks(t *testing.T) {
	for _, strange := range []int{0, 1025} { // as many as are kept aside, and one more
		notReady(t, strange)
	}
}

func notReady(t *testing.T, strange int) {
	bubble(t, func(w *world) {
		w.some(1, nil)
		wait(3 * beat)
		ring, beats := slices.Clone(w.Stored()["ring"]), slices.Clone(w.Stored()["beat"])
		synced, again := make(chan struct{}), make(chan struct{})
		stranger := keyring.NewKey()
		m := &meddler{watch: func(ctx context.Context, n int, f func(fleet.Event)) error {
			if n == 1 {
				for i := range strange {
					f(fleet.Event{Name: fmt.Sprint("m.", i), Value: sealMark(stranger, "shop", "mark", make([]byte, 20))})
				}
				f(fleet.Event{Name: "beat", Value: beats, Revision: 1})
				f(fleet.Event{Name: "ring", Value: ring, Revision: 1})
				<-synced
				f(fleet.Event{Synced: true})
				if strange > 0 { // a beat proves that news gets through, and not that there is no other
					f(fleet.Event{Name: "beat", Value: beats, Revision: 2})
				}
			} else {
				<-again
				f(fleet.Event{Synced: true})
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		in := w.start(func(c *fleet.Config) { meddle(m)(c); closed(c); c.Rotation.ReadOnly = true })
		check := func(when string, ready bool) {
			t.Helper()
			wait(beat)
			if s := in.Status(); in.isReady() != ready || s.Sequence == 0 || (s.NewsAge < 0) == ready {
				t.Errorf("%s: ready is %v, %+v", when, in.isReady(), s)
			}
		}
		check("with keys", false)
		close(synced)
		check("told everything, but for what it missed", strange == 0)
		close(again)
		check("told once more", true)
	})
}

// TestY21_MarksUnderARingThatCannotBeRead: while an instance can't read the ring that the engine
// holds, and has marks that may be under one of its keys, its own beats prove nothing.
func TestY21_MarksUnderARingThatCannotBeRead(t *testing.T) {
	for _, n := range []int{1, 1025} {
		bubble(t, func(w *world) {
			kms := &brittle{Wrapper: w.wrapper}
			in := w.start(func(c *fleet.Config) { closed(c); c.Wrapper = kms })
			in.mustBeReady()
			other := w.some(1, nil)[0]
			issued := time.Now()
			kms.down.Store(true)
			other.change((*keyring.Keyring).Rotate)
			wait(2 * time.Minute)
			if got := in.judge("s", "u", issued); got != cookie.ReasonNone {
				t.Errorf("no marks came: %v", got)
			}
			for i := range n {
				other.end(marks.Mark{Kind: marks.User, ID: fmt.Sprint("u", i)})
			}
			wait(2 * time.Minute)
			last := fmt.Sprint("u", n-1)
			if s, got := in.Status(), in.judge("s", last, issued); got != cookie.ReasonUnverified || !s.Stale {
				t.Errorf("%d marks that can't be read: %v, %+v", n, got, s)
			}
			kms.down.Store(false)
			wait(3 * time.Minute)
			if s, got := in.Status(), in.judge("s", last, issued); got != cookie.ReasonRevoked || s.Stale {
				t.Errorf("the ring can be read: %v, %+v", got, s)
			}
			kms.down.Store(true)
			other.change((*keyring.Keyring).Rotate)
			wait(2 * time.Minute)
			if s, got := in.Status(), in.judge("s", "another", issued); got != cookie.ReasonNone || s.Stale {
				t.Errorf("no marks came under the next ring: %v, %+v", got, s)
			}
		})
	}
}

// TestY21_MarksOfKeysThatAreGone: an engine may hold marks for longer than they need their keys.
// Whoever starts then can't read them, and never could. They don't hold back the news when a ring
// comes, whether that can be read or not.
func TestY21_MarksOfKeysThatAreGone(t *testing.T) {
	for _, unreadable := range []bool{false, true} {
		bubble(t, func(w *world) {
			other := w.some(1, nil)[0]
			gone := keyring.NewKey()
			for i := range 1025 {
				w.Forge(fmt.Sprint("m.", i), sealMark(gone, "shop", "mark", plainMark(marks.Mark{Kind: marks.Session, ID: "s", Until: 1 << 40})))
			}
			kms := &brittle{Wrapper: w.wrapper}
			in := w.start(func(c *fleet.Config) {
				meddle(&meddler{watch: func(_ context.Context, n int, _ func(fleet.Event)) error {
					if n > 2 { // 2 is what it is told once more at the start
						return errMeddled
					}
					return nil
				}})(c)
				closed(c)
				c.Wrapper = kms
			})
			in.mustBeReady()
			issued := time.Now()
			other.stop()
			wait(time.Minute) // now it writes the beats
			other = w.some(1, nil)[0]
			wait(time.Minute)
			kms.down.Store(unreadable)
			other.change((*keyring.Keyring).Rotate)
			wait(time.Minute)
			if s, got := in.Status(), in.judge("another", "u", issued); got != cookie.ReasonNone || s.Stale || s.Aside != 1024 {
				t.Errorf("a ring came, unreadable is %v: %v, %+v", unreadable, got, s)
			}
		})
	}
}

// TestY21_MissedMarksAreNoNews: marks that an instance has missed may end any session, until it has
// been told all of them once more.
func TestY21_MissedMarksAreNoNews(t *testing.T) {
	bubble(t, func(w *world) {
		other := w.some(1, nil)[0]
		var fails, slowly atomic.Bool
		fails.Store(true)
		hold := make(chan struct{})
		in := w.start(func(c *fleet.Config) {
			meddle(&meddler{watch: func(_ context.Context, n int, f func(fleet.Event)) error {
				switch {
				case n == 1:
					return nil
				case slowly.Load(): // what was stored when it began, which is less than there is in the end
					<-hold
					slowly.Store(false)
					f(fleet.Event{Synced: true})
					return errMeddled
				case fails.Load():
					return errMeddled
				}
				return nil
			}})(c)
			closed(c)
		})
		in.mustBeReady()
		issued := time.Now()
		missed := 0
		check := func(when string, reason cookie.Reason) {
			t.Helper()
			wait(time.Minute)
			if s, got := in.Status(), in.judge("another", "u", issued); got != reason || s.Stale != (reason == cookie.ReasonUnverified) {
				t.Errorf("%s: %v, %+v", when, got, s)
			}
		}
		miss := func() {
			fresh := keyring.NewKey()
			for range 1025 {
				m := marks.Mark{Kind: marks.Session, ID: fmt.Sprint("s", missed), Until: time.Now().Add(time.Hour).Unix()}
				w.Forge(fmt.Sprint("m.", missed), sealMark(fresh, "shop", "mark", plainMark(m)))
				missed++
			}
			other.change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(fresh) })
		}
		miss()
		check("some are missing", cookie.ReasonUnverified)
		other.change((*keyring.Keyring).Rotate)
		check("another ring came", cookie.ReasonUnverified)
		slowly.Store(true)
		wait(time.Minute)
		miss()
		wait(beat)
		close(hold)
		check("more were missed while it was told", cookie.ReasonUnverified)
		fails.Store(false)
		check("told once more", cookie.ReasonNone)
		if s := in.Status(); s.Marks != missed {
			t.Errorf("of %d marks, %d hold", missed, s.Marks)
		}
	})
}

// TestY38_AfterItsOwnRing: an instance that is told its own ring while that is being stored takes
// the next one of another instance at once.
func TestY38_AfterItsOwnRing(t *testing.T) {
	bubble(t, func(w *world) {
		other := w.some(1, nil)[0]
		late := &slow{}
		in := w.start(func(c *fleet.Config) {
			late.Engine, c.Engine = c.Engine, late
			c.Wrapper = &asked{Wrapper: c.Wrapper, takes: beat / 5}
		})
		in.mustBeReady()
		wait(5 * beat)
		late.takes.Store(int64(beat / 10))
		in.change((*keyring.Keyring).Rotate)
		wait(beat / 5)
		other.change((*keyring.Keyring).Rotate)
		wait(beat / 2)
		oneRing(t, []*instance{in, other})
	})
}

// slow is an Engine that answers late.
type slow struct {
	fleet.Engine
	takes atomic.Int64
}

func (s *slow) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	defer wait(time.Duration(s.takes.Load()))
	return s.Engine.Swap(ctx, name, value, rev)
}

// TestY30_BeatThatIsRefused: an engine that takes no beat is told of.
func TestY30_BeatThatIsRefused(t *testing.T) {
	bubble(t, func(w *world) {
		m := new(meddler)
		in := w.start(meddle(m))
		in.mustBeReady()
		m.set(func(name string) error {
			if name == "beat" {
				return errMeddled
			}
			return nil
		})
		wait(3 * beat)
		if s := in.Status(); s.Fault != "a beat can't be written" || !strings.Contains(in.log.String(), errMeddled.Error()) {
			t.Errorf("%+v", s)
		}
	})
}

// TestY32_RingThatIsRefused: an engine that takes no ring is asked less and less often.
func TestY32_RingThatIsRefused(t *testing.T) {
	bubble(t, func(w *world) {
		m := new(meddler)
		in := w.start(meddle(m))
		in.mustBeReady()
		tries := 0
		m.set(func(name string) error {
			if name == "ring" && tries < 1000 { // or the clock of the bubble would stand still
				tries++
				return errMeddled
			}
			return nil
		})
		wait(700 * beat) // the ring is written once more after 600
		if tries < 2 || tries > 20 {
			t.Errorf("%d attempts", tries)
		}
	})
}

// TestY29_OpenedSoonAgain: what failed before news got through doesn't count any more.
func TestY29_OpenedSoonAgain(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(2, nil)[1]
		in.conn.Down(true)
		wait(10 * time.Minute)
		in.conn.Down(false)
		wait(3 * time.Minute)
		in.conn.Down(true)
		wait(beat / 10)
		in.conn.Down(false)
		wait(3 * beat)
		if s := in.Status(); s.Engine != fleet.EngineLive {
			t.Errorf("%+v", s)
		}
	})
}

// TestY34_Silent: a watch that has told everything and then nothing is silent.
func TestY34_Silent(t *testing.T) {
	bubble(t, func(w *world) {
		w.some(1, nil)
		kms := &brittle{Wrapper: w.wrapper}
		kms.down.Store(true)
		in := w.start(func(c *fleet.Config) { c.Wrapper = kms }) // it waits longer without a ring
		wait(2 * beat)
		if s := in.Status(); s.Engine != fleet.EngineLive || s.Counters.RefusedBeats != 0 {
			t.Errorf("%+v", s)
		}
		in.conn.Silence()
		wait(8 * beat)
		if s := in.Status(); s.Engine != fleet.EngineSilent {
			t.Errorf("%+v", s)
		}
	})
}

// TestY33_EndsWhileTheKMSWorks: an end is no fault of the KMS.
func TestY33_EndsWhileTheKMSWorks(t *testing.T) {
	bubble(t, func(w *world) {
		w.some(1, nil)
		in := w.start(func(c *fleet.Config) { c.Wrapper = stuck{w.wrapper} })
		wait(beat)
		in.stop()
		if s := in.Status(); s.Counters.RefusedRings != 0 || s.Fault != "" || in.log.String() != "" {
			t.Errorf("%+v\n%s", s, in.log)
		}
	})
}

// stuck is a Wrapper that doesn't answer.
type stuck struct{ fleet.Wrapper }

func (stuck) Decrypt(ctx context.Context, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestY16_FirstOnlyBegins: when the next key is due, it joins the ring of the fleet, and First
// counts for nothing any more.
func TestY16_FirstOnlyBegins(t *testing.T) {
	bubble(t, func(w *world) {
		had := keyring.Generate()
		in := w.some(1, func(c *fleet.Config) {
			c.First, c.Longest = had, time.Hour
			c.Rotation = fleet.Rotation{Every: 10 * time.Minute, Ahead: 5 * time.Minute}
		})[0]
		wait(30 * time.Minute)
		if n := len(in.At(time.Now()).Keys()); n < 3 {
			t.Errorf("after half an hour there are %d keys", n)
		}
	})
}

// TestY4_FullRing: a ring of 16 keys that are all needed stays as it is when the next is due,
// and that is said.
func TestY4_FullRing(t *testing.T) {
	bubble(t, func(w *world) {
		full := keyring.Generate()
		for len(full.Keys()) < 16 {
			var err error
			if full, err = full.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		in := w.some(1, func(c *fleet.Config) {
			c.First, c.Longest = full, time.Hour
			c.Rotation = fleet.Rotation{Every: 10 * time.Minute, Ahead: 5 * time.Minute}
		})[0]
		kids := in.kids()
		wait(30 * time.Minute)
		if in.kids() != kids || !strings.Contains(in.log.String(), "the next key can't be made") {
			t.Errorf("the keys are %s, and were %s\n%s", in.kids(), kids, in.log)
		}
	})
}

// TestY36_DefaultLog: without a logger, faults go to the default one.
func TestY36_DefaultLog(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	bubble(t, func(w *world) {
		in := w.some(1, func(c *fleet.Config) { c.Log = nil })[0]
		in.conn.Down(true)
		if err := in.End(w.Context(), marks.Mark{Kind: marks.Session, ID: "s"}); err == nil {
			t.Error("no error")
		}
		in.stop()
		synctest.Wait()
	})
	if !strings.Contains(log.String(), "a mark may not have reached the engine") {
		t.Errorf("the log is %q", log.String())
	}
}
