package fleet_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

func closed(c *fleet.Config) { c.Policy = marks.Policy{MaxStale: 5 * beat, FailClosed: true} }

func TestY27_EngineDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy func(*fleet.Config)
		while  cookie.Reason // of a session that no mark names
	}{
		{"open", nil, cookie.ReasonNone},
		{"closed", closed, cookie.ReasonUnverified},
	} {
		bubble(t, func(w *world) {
			all := w.some(3, c.policy)
			issued := time.Now()
			all[0].end(marks.Mark{Kind: marks.Session, ID: "known"})
			wait(5 * beat)
			kids := oneRing(t, all)
			w.Down(true)
			wait(time.Minute)
			for i, in := range all {
				if got := in.judge("s", "u", issued); got != c.while {
					t.Errorf("%s: instance %d says %v, want %v", c.name, i, got, c.while)
				}
				if got := in.judge("s", "", issued); got != cookie.ReasonNone {
					t.Errorf("%s: a session of nobody is %v", c.name, got)
				}
				if !in.refuses("known", "u", issued) {
					t.Errorf("%s: instance %d forgot a mark", c.name, i)
				}
				if !in.opens(in.seal()) {
					t.Errorf("%s: instance %d has no keys", c.name, i)
				}
				s := in.Status()
				if s.Engine == fleet.EngineLive || s.NewsAge < 55 || s.Stale != (c.policy != nil) || s.Fault == "" || !s.Ready {
					t.Errorf("%s: the status is %+v", c.name, s)
				}
			}
			// A logout works here, and is known not to be published.
			mark := marks.Mark{Kind: marks.Session, ID: "logout"}
			if err := all[1].End(w.Context(), mark); !errors.Is(err, enginetest.ErrDown) {
				t.Errorf("%s: End: %v", c.name, err)
			}
			if !all[1].refuses("logout", "u", issued) {
				t.Errorf("%s: the session goes on where it was ended", c.name)
			}
			w.Down(false)
			wait(2 * time.Minute)
			all[1].end(mark)
			wait(5 * beat)
			for i, in := range all {
				if got := in.judge("s", "u", issued); got != cookie.ReasonNone {
					t.Errorf("%s: afterwards instance %d says %v", c.name, i, got)
				}
				if !in.refuses("logout", "u", issued) {
					t.Errorf("%s: instance %d hasn't heard of the logout", c.name, i)
				}
				if s := in.Status(); s.Engine != fleet.EngineLive || s.NewsAge > 5 || s.Stale {
					t.Errorf("%s: afterwards the status is %+v", c.name, s)
				}
			}
			if got := oneRing(t, all); got != kids {
				t.Errorf("%s: the keys are others", c.name)
			}
		})
	}
}

// A brittle Wrapper is down while it is told to.
type brittle struct {
	fleet.Wrapper
	down atomic.Bool
}

var errKMS = errors.New("the KMS is down")

func (b *brittle) Encrypt(ctx context.Context, text []byte) ([]byte, error) {
	if b.down.Load() {
		return nil, errKMS
	}
	return b.Wrapper.Encrypt(ctx, text)
}

func (b *brittle) Decrypt(ctx context.Context, text []byte) ([]byte, error) {
	if b.down.Load() {
		return nil, errKMS
	}
	return b.Wrapper.Decrypt(ctx, text)
}

func TestY28_StartsWithoutEngine(t *testing.T) {
	kms := &brittle{}
	for name, fault := range map[string]func(in *instance, w *world, on bool){
		"the engine is down":           func(in *instance, w *world, on bool) { w.Down(on) },
		"the connection is down":       func(in *instance, w *world, on bool) { in.conn.Down(on) },
		"the engine hangs":             func(in *instance, w *world, on bool) { in.conn.Hang(on) },
		"the KMS is down":              func(_ *instance, w *world, on bool) { kms.down.Store(on) },
		"the KMS is down at the start": func(_ *instance, w *world, on bool) { kms.down.Store(on) },
	} {
		for _, alone := range []bool{false, true} {
			bubble(t, func(w *world) {
				kms.Wrapper = w.wrapper
				w.wrapper = kms
				kids := ""
				if !alone {
					kids = w.some(1, nil)[0].kids()
				}
				w.Down(true) // until the fault is there
				in := w.start(closed)
				fault(in, w, true)
				w.Down(name == "the engine is down")
				wait(10 * time.Minute)
				if in.isReady() || in.At(time.Now()) != nil || in.kids() != "" {
					t.Errorf("%s: it is ready, with the keys %s", name, in.kids())
				}
				if got := in.judge("s", "u", time.Now()); got != cookie.ReasonUnverified {
					t.Errorf("%s: a session is %v", name, got)
				}
				if err := in.End(w.Context(), marks.Mark{Kind: marks.Session, ID: "s"}); !errors.Is(err, fleet.ErrNotReady) {
					t.Errorf("%s: End: %v", name, err)
				}
				if err := in.Change(w.Context(), (*keyring.Keyring).Rotate); !errors.Is(err, fleet.ErrNotReady) {
					t.Errorf("%s: Change: %v", name, err)
				}
				if s := in.Status(); s.Ready || !s.Stale || s.NewsAge != -1 || s.Sequence != 0 || s.Fault == "" || in.log.String() == "" {
					t.Errorf("%s: the status is %+v, and the log %q", name, s, in.log)
				}
				fault(in, w, false)
				wait(2 * time.Minute)
				if !in.isReady() || !alone && in.kids() != kids {
					t.Errorf("%s: afterwards ready is %v, and the keys are %s, want %s\n%s", name, in.isReady(), in.kids(), kids, in.log)
				}
				if !in.refuses("s", "u", time.Now()) {
					t.Errorf("%s: the mark doesn't hold", name)
				}
			})
		}
	}
}

func TestY29_SilentWatch(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(3, nil)
		wait(10 * beat)
		for i, in := range all {
			in.conn.Silence()
			other := all[(i+1)%len(all)]
			id := fmt.Sprint("s", i)
			other.end(marks.Mark{Kind: marks.Session, ID: id})
			began := time.Now()
			for !in.refuses(id, "", began) {
				wait(beat / 10)
				if time.Since(began) > 7*beat {
					t.Fatalf("instance %d doesn't hear of a mark for seven beats after its watch went silent", i)
				}
			}
			if took := time.Since(began); took < 2*beat {
				t.Errorf("the watch was opened again after %v: is it silent?", took)
			}
			wait(10 * beat)
		}
		// One that stays silent is opened again less and less often.
		in := all[0]
		before := in.Status().Counters.Reopened
		in.conn.Hang(true)
		wait(time.Hour)
		if n := in.Status().Counters.Reopened - before; n < 20 || n > 70 {
			t.Errorf("opened again %d times in an hour", n)
		}
		if s := in.Status(); s.Engine == fleet.EngineLive {
			t.Errorf("the engine is %s", s.Engine)
		}
		in.conn.Hang(false)
		wait(2 * time.Minute)
		if s := in.Status(); s.Engine != fleet.EngineLive || s.NewsAge > 5 {
			t.Errorf("afterwards: %+v", s)
		}
		before = in.Status().Counters.Reopened
		wait(time.Hour)
		if n := in.Status().Counters.Reopened - before; n > 0 {
			t.Errorf("a good watch was opened again %d times", n)
		}
	})
}

func TestY30_OneBeats(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(10, nil)
		wait(5 * beat)
		for len(all) > 2 {
			w.Counts()
			wait(100 * beat)
			c := w.Counts()["beat"]
			if c.Swaps < 99 || c.Swaps > 101 || c.Conflicts > 0 {
				t.Errorf("%d instances, 100 beats: %+v", len(all), c)
			}
			// Whoever beats is gone, and so is another.
			writer := 0
			for i, in := range all {
				if in.Status().Counters.Swaps > all[writer].Status().Counters.Swaps {
					writer = i
				}
			}
			all[writer].stop()
			all = append(all[:writer:writer], all[writer+1:]...)
			worst := 0.0
			for range 100 {
				wait(beat / 10)
				for _, in := range all {
					worst = max(worst, in.Status().NewsAge)
				}
			}
			if worst > 4.1 {
				t.Errorf("news was %.1f beats old when the one who beats was gone", worst)
			}
			for _, in := range all {
				if n := in.Status().Counters.Reopened; n > 0 {
					t.Errorf("a watch was opened again")
				}
			}
		}
		// News that comes late is known to be old.
		late := all[0]
		late.conn.Delay(5 * beat / 2)
		wait(time.Minute)
		if s := late.Status(); s.NewsAge < 2.5 || s.NewsAge > 4 || s.Counters.Reopened > 0 {
			t.Errorf("with news two and a half beats late it is %.1f s old", s.NewsAge)
		}
		if s := all[1].Status(); s.NewsAge > 2 {
			t.Errorf("and elsewhere %.1f s", s.NewsAge)
		}
	})
}

// forgeBeat writes a beat as an instance does whose clock is off.
func (w *world) forgeBeat(key keyring.Key, at time.Time) {
	w.Forge("beat", sealMark(key, "shop", "beat", binary.BigEndian.AppendUint64([]byte("another1"), uint64(at.UnixMilli()))))
}

func TestY31_ClocksApart(t *testing.T) {
	bubble(t, func(w *world) {
		m := new(meddler)
		in := w.some(1, meddle(m))[0]
		key := in.At(time.Now()).Primary()
		wait(5 * beat)
		// The one who beats is behind: another takes over before its next beat.
		w.forgeBeat(key, time.Now().Add(-10*time.Second))
		w.Counts()
		wait(beat)
		if c := w.Counts()["beat"]; c.Swaps != 1 || in.Status().ClockOff {
			t.Errorf("a beat after a late one, it wrote %d", c.Swaps)
		}
		// It is a bit ahead: let it.
		for began := time.Now(); time.Since(began) < 30*beat; {
			w.forgeBeat(key, time.Now().Add(30*time.Second))
			wait(beat)
		}
		if c := w.Counts()["beat"]; c.Swaps != 0 || in.Status().ClockOff || in.Status().NewsAge > 1.1 {
			t.Errorf("beside one that is ahead it wrote %d; the status is %+v", c.Swaps, in.Status())
		}
		if age := in.Marks().Age(time.Now().Add(time.Hour)); age < time.Hour {
			t.Errorf("in an hour the news would be %v old", age)
		}
		// Far apart, nobody knows who is right: it writes nothing, although the engine has an
		// old ring.
		old := w.Stored()["ring"]
		in.change((*keyring.Keyring).Rotate)
		for _, off := range []time.Duration{61 * time.Second, -61 * time.Second, 1000 * time.Hour} {
			seq := in.Status().Sequence
			w.forgeBeat(key, time.Now().Add(off))
			wait(time.Millisecond)
			w.Forge("ring", old)
			w.Counts()
			for range 20 {
				w.forgeBeat(key, time.Now().Add(off))
				wait(beat)
			}
			s := in.Status()
			if c := w.Counts(); c["beat"].Swaps+c["ring"].Swaps != 0 || !s.ClockOff || s.Fault == "" || s.Sequence != seq {
				t.Errorf("%v apart: it wrote %+v; the status is %+v", off, c, s)
			}
			if s.NewsAge < 19 { // it ignores marks of a time to come
				t.Errorf("%v apart: the news is %v old", off, s.NewsAge)
			}
			// A mark with a time may end nothing at the others, or everything.
			for _, m := range []marks.Mark{{Kind: marks.User, ID: "u"}, {Kind: marks.Link, ID: "l"}, {Kind: marks.All}, {Kind: marks.Session, ID: "s"}} {
				ended := in.Status().Counters.Ended
				if err := in.End(w.Context(), m); (err == nil) != (m.Kind == marks.Session) || in.Status().Counters.Ended != ended+1 {
					t.Errorf("%v apart: a mark of kind %d: %v", off, m.Kind, err)
				}
			}
			wait(15 * beat) // the other is gone
			if s := in.Status(); s.ClockOff || s.NewsAge > 2 {
				t.Errorf("alone: %+v", s)
			}
			in.end(marks.Mark{Kind: marks.User, ID: "u"})
			// By the wrong clock, marks were over or of a time to come, and were ignored.
			for i := range 2 {
				before := m.calls()
				w.forgeBeat(key, time.Now())
				wait(beat / 10)
				if got := m.calls() - before; got != 1-i {
					t.Errorf("%v apart, and no more: it was told everything %d times", off, got)
				}
			}
		}
		// Until it is told, it doesn't know what it has ignored.
		w.forgeBeat(key, time.Now().Add(-2*time.Hour))
		wait(beat / 10)
		m.setWatch(func(context.Context, int, func(fleet.Event)) error { return errMeddled })
		beats := func(least, most float64) {
			t.Helper()
			for range 10 {
				w.forgeBeat(key, time.Now())
				wait(beat)
			}
			if s := in.Status(); s.NewsAge < least || s.NewsAge > most || s.ClockOff {
				t.Errorf("the clocks agree again: %+v", s)
			}
		}
		beats(9, 12)
		m.setWatch(nil)
		beats(0, 2)
		// Beats that aren't ours count for nothing.
		before := in.Status().Counters.RefusedBeats
		w.Forge("beat", []byte("x"))
		w.Forge("beat", sealMark(key, "shop2", "beat", make([]byte, 16)))
		w.Forge("beat", sealMark(key, "shop", "mark", make([]byte, 16)))
		w.Forge("beat", sealMark(key, "shop", "beat", make([]byte, 15)))
		w.Forge("beat", sealMark(key, "shop", "beat", []byte("another1\xff\xff\xff\xff\xff\xff\xff\xff")))
		wait(10 * time.Millisecond)
		if got := in.Status().Counters.RefusedBeats - before; got < 1 {
			t.Errorf("counted %d", got)
		}
		wait(5 * beat)
		if s := in.Status(); s.NewsAge > 2 {
			t.Errorf("after them: %+v", s)
		}
	})
}

// TestY32_ThousandInstances counts what a thousand instances do to one engine.
func TestY32_ThousandInstances(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	bubble(t, func(w *world) {
		const every = 10 * time.Second
		var all []*instance
		for range n {
			in := w.start(func(c *fleet.Config) {
				c.Beat = every
				c.Rotation = fleet.Rotation{Every: 500 * time.Second, Ahead: 100 * time.Second}
				c.Longest = 1800 * time.Second
			})
			in.conn.Delay(20 * time.Millisecond)
			all = append(all, in)
		}
		for _, in := range all {
			in.mustBeReady()
		}
		c := w.Counts()
		t.Logf("%d instances start on an empty engine: %d attempts to make the ring, %d beats", n, c["ring"].Swaps, c["beat"].Swaps)
		if c["ring"].Swaps > 10 {
			t.Errorf("%d attempts to make the ring", c["ring"].Swaps)
		}
		wait(3 * every)
		w.Counts()
		began, seq := time.Now(), all[0].Status().Sequence
		wait(1500 * time.Second)
		c = w.Counts()
		changes, beats := int(all[0].Status().Sequence-seq), int(time.Since(began)/every)
		t.Logf("%d changes of the ring: %d attempts; %d intervals: %d beats", changes, c["ring"].Swaps, beats, c["beat"].Swaps)
		if changes < 3 || c["ring"].Swaps > 10*changes || c["beat"].Swaps > 2*beats {
			t.Errorf("%d changes by %d attempts, and %d beats in %d intervals", changes, c["ring"].Swaps, c["beat"].Swaps, beats)
		}
		oneRing(t, all)
		// Whoever beats is gone.
		writer := all[0]
		for _, in := range all {
			if in.Status().Counters.Swaps > writer.Status().Counters.Swaps {
				writer = in
			}
		}
		w.Counts()
		writer.conn.Down(true)
		wait(4 * every)
		c = w.Counts()
		t.Logf("the one who beats is gone: %d attempts in 4 intervals", c["beat"].Swaps)
		if c["beat"].Swaps > 8 {
			t.Errorf("%d attempts to beat", c["beat"].Swaps)
		}
		writer.conn.Down(false)
		// All connections break at once.
		w.Down(true)
		wait(every)
		w.Down(false)
		wait(10 * every)
		c = w.Counts()
		t.Logf("all connections broke: %d attempts to beat in 10 intervals, %d to write the ring", c["beat"].Swaps, c["ring"].Swaps)
		if c["beat"].Swaps > 20 || c["ring"].Swaps > 10 {
			t.Errorf("%d attempts to beat, %d to write the ring", c["beat"].Swaps, c["ring"].Swaps)
		}
		const revocations = 20
		w.Counts()
		for i := range revocations {
			all[i].end(marks.Mark{Kind: marks.Session, ID: fmt.Sprintf("AAECAwQFBgcICQoLDA0O%02d", i)})
		}
		wait(every)
		c = w.Counts()
		if c["m"].Told != revocations*n {
			t.Errorf("%d marks were told %d times", revocations, c["m"].Told)
		}
		t.Logf("one revocation: %d bytes to the engine, %d bytes to each instance; a beat: %d bytes; a ring of %d keys: %d bytes",
			c["m"].Stored/revocations, c["m"].Sent/c["m"].Told, c["beat"].Sent/max(c["beat"].Told, 1), len(all[0].Status().Keys), len(w.Stored()["ring"]))
	})
}

func TestY33_Run(t *testing.T) {
	bubble(t, func(w *world) {
		conn := w.Open()
		f, err := fleet.New(fleet.Config{Engine: conn, Wrapper: w.wrapper, Application: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		wait(time.Hour)
		if len(w.Stored()) != 0 || f.At(time.Now()) != nil || f.Status().Engine != fleet.EngineOff {
			t.Error("something happens before Run")
		}
		ctx, cancel := context.WithCancelCause(w.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		<-f.Ready()
		if err := f.Run(ctx); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("a second Run: %v", err)
		}
		cancel(nil)
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		synctest.Wait()
		w.Counts()
		wait(time.Hour)
		if c := w.Counts(); len(c) != 0 {
			t.Errorf("something happens after Run: %+v", c)
		}
		if f.At(time.Now()) == nil {
			t.Error("the keys are gone after Run")
		}
		if s := new(fleet.Fleet).Status(); s.Engine != fleet.EngineOff || s.NewsAge != -1 {
			t.Errorf("the zero Fleet: %+v", s)
		}
		if err := f.Run(w.Context()); err == nil {
			t.Error("it runs twice")
		}
	})
	for name, f := range map[string]*fleet.Fleet{"nil": nil, "zero": {}} {
		now := time.Now()
		if f.At(now) != nil || f.Refresh(now) != nil || f.Window() != 0 || f.Marks() != nil {
			t.Errorf("%s: it has something", name)
		}
		if err := f.Run(t.Context()); !errors.Is(err, fleet.ErrNotReady) {
			t.Errorf("%s: Run: %v", name, err)
		}
		if err := f.End(t.Context(), marks.Mark{Kind: marks.All}); !errors.Is(err, fleet.ErrNotReady) {
			t.Errorf("%s: End: %v", name, err)
		}
		if err := f.Change(t.Context(), nil); !errors.Is(err, fleet.ErrNotReady) {
			t.Errorf("%s: Change: %v", name, err)
		}
		select {
		case <-f.Ready():
			t.Errorf("%s: ready", name)
		default:
		}
	}
}

func TestY36_Log(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		other := w.some(1, nil)[0]
		key := in.At(time.Now()).Primary()
		in.end(marks.Mark{Kind: marks.User, ID: "alice@example.com"})
		for range 600 {
			w.Forge("ring", []byte("alice@example.com"))
			w.Forge("beat", []byte("alice@example.com"))
			w.Forge("m.x", sealMark(key, "shop2", "mark", []byte("alice@example.com")))
			wait(beat)
		}
		in.conn.Down(true)
		wait(10 * time.Minute)
		lines := map[string]int{}
		for line := range strings.Lines(in.log.String()) {
			_, text, _ := strings.Cut(line, "msg=")
			text, _, _ = strings.Cut(text, " error=")
			lines[text]++
		}
		for text, n := range lines {
			if n > 21 {
				t.Errorf("%d lines in twenty minutes: %s", n, text)
			}
		}
		if len(lines) < 4 {
			t.Errorf("the kinds of faults are %v", lines)
		}
		secrets := []string{"alice", "shop2"}
		for _, k := range in.At(time.Now()).Keys() {
			secrets = append(secrets, string(k.ExportJWK(keyring.Label{Purpose: "seal"})[20:60]))
		}
		for _, never := range secrets {
			if strings.Contains(in.log.String(), never) || strings.Contains(other.log.String(), never) {
				t.Errorf("the log has %q", never)
			}
		}
	})
}
