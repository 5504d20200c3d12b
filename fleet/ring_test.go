package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

func TestY7_OneRing(t *testing.T) {
	bubble(t, func(w *world) {
		began := time.Now()
		all := w.some(12, nil)
		if took := time.Since(began); took < 10*beat || took > 12*beat {
			t.Errorf("ready after %v, want 10 to 12 beats", took)
		}
		if kids := oneRing(t, all); len(strings.Fields(kids)) != 1 {
			t.Errorf("the keys are %s", kids)
		}
		for i, in := range all {
			for j, other := range all {
				if !other.opens(in.seal()) {
					t.Errorf("instance %d can't open what %d seals", j, i)
				}
			}
		}
		began = time.Now()
		w.some(1, nil)
		if took := time.Since(began); took > beat {
			t.Errorf("the thirteenth is ready after %v", took)
		}
	})
}

// TestY8_NobodyIsLost: connections fail in turn while keys rotate quickly, and what is sealed
// at one instance can be opened at any other.
func TestY8_NobodyIsLost(t *testing.T) {
	bubble(t, func(w *world) {
		quick := func(c *fleet.Config) {
			c.Beat = 100 * time.Millisecond
			c.Rotation = fleet.Rotation{Every: 8 * time.Second, Ahead: 4 * time.Second}
			c.Longest = 30 * time.Second
		}
		follow := func(c *fleet.Config) {
			quick(c)
			// One that writes learns by a conflict what a silent watch didn't tell.
			c.Rotation.ReadOnly = true
		}
		all := append(w.some(6, quick), w.some(6, follow)...)
		ctx, stop := context.WithCancel(w.Context())
		type result struct{ sealed, lost int }
		results := make(chan result)
		go func() {
			sealed, lost := 0, 0
			for n := 0; ctx.Err() == nil; n++ {
				wait(10 * time.Millisecond)
				in, other := all[n%len(all)], all[(n*7+3)%len(all)]
				sealed++
				if !other.opens(in.seal()) {
					lost++
				}
			}
			results <- result{sealed, lost}
		}()
		for round := range 60 {
			in := all[round%len(all)]
			switch round % 5 {
			case 0:
				in.conn.Silence()
			case 1:
				in.conn.Down(true)
				wait(time.Second)
				in.conn.Down(false)
			case 2:
				in.conn.Hang(true)
				wait(time.Second)
				in.conn.Hang(false)
			case 3:
				in.conn.Delay(time.Second)
				wait(2 * time.Second)
				in.conn.Delay(0)
			case 4:
				w.Down(true)
				wait(time.Second)
				w.Down(false)
			}
			wait(2 * time.Second)
		}
		wait(10 * time.Second)
		stop()
		r := <-results
		if r.lost != 0 {
			t.Errorf("%d were lost", r.lost)
		}
		oneRing(t, all)
		if got := all[0].Status(); got.Sequence < 15 || r.sealed < 10000 {
			t.Errorf("after %d tokens the sequence is %d", r.sealed, got.Sequence)
		}
		reopened := uint64(0)
		for _, in := range all {
			reopened += in.Status().Counters.Reopened
		}
		if reopened < 24 {
			t.Errorf("watches were opened again %d times", reopened)
		}
	})
}

func TestY9_EngineGoesBack(t *testing.T) {
	for _, broken := range []bool{false, true} {
		bubble(t, func(w *world) {
			all := w.some(3, nil)
			older := w.Copy()
			all[0].change((*keyring.Keyring).Rotate)
			wait(beat) // or the next key could be of the same millisecond
			all[1].change(func(r *keyring.Keyring) (*keyring.Keyring, error) {
				return r.Add(keyring.NewKeyAt(time.Now().Add(time.Hour)))
			})
			old := w.Copy()
			if broken {
				old = older
			}
			all[1].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Promote(r.Keys()[0].ID()) })
			wait(5 * beat)
			kids, seq := oneRing(t, all), all[0].Status().Sequence
			primary := all[0].At(time.Now()).Primary().ID()
			w.Restore(old)
			if broken {
				w.Down(true)
				w.Down(false)
			}
			for range 20 {
				wait(beat)
				if got := oneRing(t, all); got != kids {
					t.Fatalf("the keys were %s, and are %s", kids, got)
				}
				for _, in := range all {
					if got := in.At(time.Now()).Primary().ID(); got != primary {
						t.Fatalf("the primary was %s, and is %s", primary, got)
					}
				}
			}
			if got := w.some(1, nil)[0]; got.kids() != kids || got.Status().Sequence < seq {
				t.Errorf("a new instance has the keys %s of sequence %d, want %s of at least %d", got.kids(), got.Status().Sequence, kids, seq)
			}
			refused := uint64(0)
			for _, in := range all {
				refused += in.Status().Counters.RefusedRings
			}
			if refused == 0 {
				t.Error("nobody counted the older ring")
			}
			if age := all[1].Status().NewsAge; age > 5 {
				t.Errorf("news is %v s old", age)
			}
		})
	}
}

func TestY10_EngineLosesEverything(t *testing.T) {
	for _, broken := range []bool{false, true} {
		bubble(t, func(w *world) {
			all := w.some(3, nil)
			mark := marks.Mark{Kind: marks.Session, ID: "gone"}
			all[0].end(mark)
			wait(5 * beat)
			kids := oneRing(t, all)
			w.Lose()
			if broken {
				w.Down(true)
				w.Down(false)
			}
			// One that comes in the very moment doesn't make keys of its own.
			late := w.start(nil)
			wait(20 * beat)
			if got := oneRing(t, append(all, late)); got != kids {
				t.Errorf("the keys were %s, and are %s", kids, got)
			}
			if !late.isReady() {
				t.Error("a new instance isn't ready")
			}
			for i, in := range all {
				if !in.refuses("gone", "", time.Now()) {
					t.Errorf("instance %d forgot a mark", i)
				}
			}
			all[2].end(marks.Mark{Kind: marks.Session, ID: "later"})
			wait(beat)
			if !late.refuses("later", "", time.Now()) || !all[0].refuses("later", "", time.Now()) {
				t.Error("a mark isn't heard of any more")
			}
		})
	}
}

// TestY11_NoSecondRing: an engine that lost everything, while the one who holds the keys is
// cut off or can't write, and a new instance comes.
func TestY11_NoSecondRing(t *testing.T) {
	bubble(t, func(w *world) {
		holder := w.some(1, nil)[0]
		kids := holder.kids()
		w.Lose()
		fresh := w.start(nil)
		wait(2 * beat)
		if got := fresh.kids(); got != "" {
			t.Fatalf("after two beats the new instance has the keys %s", got)
		}
		fresh.mustBeReady()
		if fresh.kids() != kids {
			t.Errorf("the new instance has the keys %s, want %s", fresh.kids(), kids)
		}
	})
	// As long as beats tell that somebody has keys, and the ring can't be had.
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		in.stop()
		w.Forge("ring", []byte("something else"))
		for range 3 {
			fresh := w.start(nil)
			wait(time.Minute)
			if fresh.isReady() || fresh.kids() != "" {
				t.Errorf("there is a ring that it can't read, and it made the keys %s", fresh.kids())
			}
			fresh.stop()
		}
	})
}

// TestY12_Fork: the fleet went on in two places, from an older ring and from a newer one,
// or from none.
func TestY12_Fork(t *testing.T) {
	for _, c := range []struct {
		name    string
		lose    func(*world, enginetest.Copy)
		changes int // on the other side
	}{
		{"everything lost", func(w *world, _ enginetest.Copy) { w.Lose() }, 1},
		{"an old copy", func(w *world, old enginetest.Copy) { w.Restore(old) }, 1},
		{"an old copy, and more changes", func(w *world, old enginetest.Copy) { w.Restore(old) }, 5},
	} {
		bubble(t, func(w *world) {
			held := w.some(1, nil)[0]
			other := w.some(1, nil)[0]
			held.change((*keyring.Keyring).Rotate)
			leaked := held.At(time.Now()).Primary().ID()
			old := w.Copy()
			held.change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(leaked) })
			held.change(nil)
			before := held.seal()
			held.conn.Down(true)
			other.stop()
			c.lose(w, old)
			w.Down(true)
			w.Down(false)
			wait(time.Hour) // so that the last beat is old
			away := w.some(2, nil)
			for range c.changes {
				away[0].change((*keyring.Keyring).Rotate)
			}
			meanwhile := away[0].seal()
			if away[0].opens(before) {
				t.Fatalf("%s: it isn't a fork", c.name)
			}
			held.conn.Down(false)
			wait(3 * time.Minute)
			all := append(away, held)
			kids := oneRing(t, all)
			for i, in := range all {
				if !in.opens(before) || !in.opens(meanwhile) {
					t.Errorf("%s: instance %d opens %v and %v of the two sides, with the keys %s", c.name, i, in.opens(before), in.opens(meanwhile), kids)
				}
				if strings.Contains(in.kids(), leaked) {
					t.Errorf("%s: the leaked key is back", c.name)
				}
				for _, by := range all {
					if !in.opens(by.seal()) {
						t.Errorf("%s: afterwards they can't open what the others seal", c.name)
					}
				}
			}
		})
	}
}

// TestY12_Tie: after an old copy came back, somebody made another ring of the same
// sequence, with one more key.
func TestY12_Tie(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		more, err := all[0].At(time.Now()).Add(keyring.NewKey())
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := w.wrapper.Encrypt(w.Context(), []byte(`{"application":"shop","sequence":1,"ring":`+string(more.JWKSet())+`}`))
		if err != nil {
			t.Fatal(err)
		}
		w.Forge("ring", wrapped)
		wait(5 * beat)
		if kids := strings.Fields(oneRing(t, all)); len(kids) != 2 {
			t.Errorf("the keys are %v", kids)
		}
	})
}

// TestY12_ExpiredKeysStayAway: an old copy doesn't bring back keys that nobody needs.
func TestY12_ExpiredKeysStayAway(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, func(c *fleet.Config) { c.Beat = time.Minute })[0]
		wait(10 * day)
		old := w.Copy()
		wait(40 * day)
		kids := in.kids()
		w.Restore(old)
		wait(time.Hour)
		if got := in.kids(); got != kids {
			t.Errorf("the keys were %s, and are %s", kids, got)
		}
	})
}

func TestY13_ForeignRings(t *testing.T) {
	ctx := t.Context()
	// What somebody who has the Wrapper may write, and nobody else.
	wrap := func(w fleet.Wrapper, text string) []byte {
		wrapped, err := w.Encrypt(ctx, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return wrapped
	}
	ring := keyring.Generate()
	set := string(ring.JWKSet())
	const subkey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, value := range map[string][]byte{
		"garbage":              []byte("x"),
		"another secret":       wrap(secret(t, 9), `{"application":"shop","sequence":99,"ring":`+set+`}`),
		"another application":  wrap(secret(t, 1), `{"application":"shop2","sequence":99,"ring":`+set+`}`),
		"no application":       wrap(secret(t, 1), `{"sequence":99,"ring":`+set+`}`),
		"sequence 0":           wrap(secret(t, 1), `{"application":"shop","sequence":0,"ring":`+set+`}`),
		"another spelling":     wrap(secret(t, 1), `{"application":"shop","sequence":99, "ring":`+set+`}`),
		"another member":       wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`,"x":1}`),
		"two sequences":        wrap(secret(t, 1), `{"application":"shop","sequence":1,"sequence":99,"ring":`+set+`}`),
		"no keys":              wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":{"keys":[]}}`),
		"no ring":              wrap(secret(t, 1), `{"application":"shop","sequence":99}`),
		"a short removed key":  wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`,"removed":[{"kid":"AAAAAAA","until":1,"mark":"AAAA"}]}`),
		"removed, and there":   wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`,"removed":[{"kid":"`+ring.Primary().ID()+`","until":1,"mark":"`+subkey+`"}]}`),
		"17 removed":           wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`,"removed":[`+strings.Repeat(`{"kid":"AAAAAAA","until":1,"mark":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},`, 16)+`{"kid":"AAAAAAA","until":1,"mark":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}`),
		"a removed key, short": wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`,"removed":[{"kid":"AAAAAA","until":1,"mark":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}`),
	} {
		bubble(t, func(w *world) {
			all := w.some(2, nil)
			kids := oneRing(t, all)
			w.Forge("ring", value)
			wait(5 * time.Minute)
			if got := oneRing(t, all); got != kids {
				t.Errorf("%s: the keys were %s, and are %s", name, kids, got)
			}
			for _, in := range all {
				s := in.Status()
				if s.Counters.RefusedRings != 1 || s.Fault == "" {
					t.Errorf("%s: counted %d, fault %q", name, s.Counters.RefusedRings, s.Fault)
				}
				if n := strings.Count(in.log.String(), "can't be read"); n < 1 || n > 6 {
					t.Errorf("%s: %d lines in five minutes:\n%s", name, n, in.log)
				}
				if of := strings.Contains(in.log.String(), "of another application"); of != (name == "another application" || name == "no application") {
					t.Errorf("%s: logged as that of another application: %v", name, of)
				}
				if strings.Contains(in.log.String(), set[30:60]) {
					t.Errorf("%s: logged with contents", name)
				}
			}
			if string(w.Stored()["ring"]) != string(value) {
				t.Errorf("%s: it was written over, and may be another application's", name)
			}
			// The operator knows better, and all is as before.
			all[1].change(nil)
			if fresh := w.some(1, nil)[0]; fresh.kids() != kids {
				t.Errorf("%s: after the repair a new instance has the keys %s", name, fresh.kids())
			}
		})
	}
	// And the same value, with everything right, is accepted.
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		w.Forge("ring", wrap(secret(t, 1), `{"application":"shop","sequence":99,"ring":`+set+`}`))
		wait(5 * beat)
		if got := all[0].Status(); got.Sequence < 99 || len(got.Keys) != 2 {
			t.Errorf("the right value isn't accepted: %+v", got)
		}
	})
}

// sizes notes how long the plaintexts are.
type sizes struct {
	fleet.Wrapper
	longest int
}

func (s *sizes) Encrypt(ctx context.Context, text []byte) ([]byte, error) {
	s.longest = max(s.longest, len(text))
	return s.Wrapper.Encrypt(ctx, text)
}

func TestY14_BiggestRing(t *testing.T) {
	bubble(t, func(w *world) {
		measured := &sizes{Wrapper: w.wrapper}
		w.wrapper = measured
		var keys []keyring.Key
		for range 16 {
			keys = append([]keyring.Key{keyring.NewKeyAt(time.Now())}, keys...)
		}
		full, err := keyring.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		in := w.some(1, func(c *fleet.Config) {
			c.First = full
			c.Application = strings.Repeat("\x01", 64) // six bytes each in JSON
		})[0]
		t.Logf("a ring of 16 keys: %d bytes", measured.longest)
		for range 20 {
			in.change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(r.Primary().ID()) })
		}
		if s := in.Status(); len(s.Keys) != 16 || s.Sequence != 21 {
			t.Fatalf("sequence %d with %d keys", s.Sequence, len(s.Keys))
		}
		t.Logf("16 keys, and 16 removed: %d bytes", measured.longest)
		if measured.longest > 4096 {
			t.Errorf("%d bytes are more than AWS KMS encrypts", measured.longest)
		}
		if fresh := w.start(func(c *fleet.Config) { c.Application = strings.Repeat("\x01", 64) }); true {
			fresh.mustBeReady()
		}
	})
}

func TestY15_ReadOnly(t *testing.T) {
	bubble(t, func(w *world) {
		readOnly := func(c *fleet.Config) { c.Rotation.ReadOnly = true }
		alone := w.start(readOnly)
		wait(10 * time.Minute)
		if alone.isReady() || len(w.Stored()) != 0 {
			t.Fatalf("a read-only instance wrote %v", w.Stored())
		}
		writer := w.some(1, nil)[0]
		wait(5 * beat)
		oneRing(t, []*instance{alone, writer})
		if !alone.isReady() || !writer.opens(alone.seal()) {
			t.Error("it doesn't follow")
		}
		if err := alone.Change(w.Context(), (*keyring.Keyring).Rotate); !errors.Is(err, fleet.ErrReadOnly) {
			t.Errorf("Change: %v", err)
		}
		alone.end(marks.Mark{Kind: marks.Session, ID: "s"})
		wait(beat)
		if !writer.refuses("s", "", time.Now()) {
			t.Error("its mark isn't heard of")
		}
		// It keeps what it has, and never writes, not even when all is lost.
		writer.stop()
		w.Lose()
		w.Counts()
		wait(8 * day)
		if c := w.Counts(); c["ring"].Swaps+c["beat"].Swaps != 0 {
			t.Errorf("it writes: %+v", c)
		}
		if !alone.opens(alone.seal()) {
			t.Error("it lost its keys")
		}
		if s := alone.Status(); !s.ReadOnly {
			t.Error("Status doesn't say so")
		}
	})
}

func TestY16_First(t *testing.T) {
	bubble(t, func(w *world) {
		had, err := keyring.Generate().Rotate()
		if err != nil {
			t.Fatal(err)
		}
		first := func(c *fleet.Config) { c.First = had }
		in := w.some(1, first)[0]
		for _, k := range had.Keys() {
			if got, ok := in.At(time.Now()).Key(k.ID()); !ok || got.Compare(k) != 0 {
				t.Errorf("key %s is missing", k.ID())
			}
		}
		if in.At(time.Now()).Primary().Compare(had.Primary()) != 0 {
			t.Error("the primary is another one")
		}
		kids := in.kids()
		had = keyring.Generate()
		if got := w.some(1, first)[0].kids(); got != kids {
			t.Errorf("the fleet has the keys %s, and an instance with another First %s", kids, got)
		}
	})
}

func TestY17_CountersGoOn(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		kid := all[0].At(time.Now()).Primary().ID()
		token := all[0].seal()
		all[0].opens(token)
		count := func() keyring.Counters {
			k, _ := all[0].At(time.Now()).Key(kid)
			return k.Counters()
		}
		before := count()
		for range 3 {
			all[1].change((*keyring.Keyring).Rotate)
			wait(beat)
		}
		if after := count(); before.Opened != 1 || after.Opened != before.Opened || after.Sealed < before.Sealed {
			t.Errorf("the counters were %+v, and are %+v", before, after)
		}
	})
}

func TestY25_Change(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(5, nil)
		w.Counts()
		// All at once, each for a key of its own: none is lost.
		done := make(chan error)
		for _, in := range all {
			go func() {
				done <- in.Change(w.Context(), func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(keyring.NewKey()) })
			}()
		}
		for range all {
			if err := <-done; err != nil {
				t.Errorf("Change: %v", err)
			}
		}
		wait(beat)
		if kids := strings.Fields(oneRing(t, all)); len(kids) != 6 {
			t.Errorf("five changes made the ring %v", kids)
		}
		conflicts := w.Counts()["ring"].Conflicts
		if conflicts == 0 {
			t.Log("no two met")
		}
		seq := all[0].Status().Sequence
		all[0].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r, nil })
		if got := all[0].Status().Sequence; got != seq {
			t.Errorf("the ring that it was given made sequence %d of %d", got, seq)
		}
		wrapped := string(w.Stored()["ring"])
		kids := all[0].kids()
		all[0].change(nil)
		if string(w.Stored()["ring"]) == wrapped || all[0].kids() != kids {
			t.Error("nil doesn't wrap the ring again, or changes it")
		}
		mine := errors.New("mine")
		later, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		wrapped = string(w.Stored()["ring"])
		for name, c := range map[string]struct {
			change func(*keyring.Keyring) (*keyring.Keyring, error)
			want   error
		}{
			"its error":     {func(*keyring.Keyring) (*keyring.Keyring, error) { return nil, mine }, mine},
			"no ring":       {func(*keyring.Keyring) (*keyring.Keyring, error) { return nil, nil }, keyring.ErrNoKey},
			"no active key": {func(*keyring.Keyring) (*keyring.Keyring, error) { return later, nil }, nil},
		} {
			if err := all[0].Change(w.Context(), c.change); err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if string(w.Stored()["ring"]) != wrapped {
			t.Error("a change that failed was stored")
		}
		all[0].conn.Down(true)
		if err := all[0].Change(w.Context(), (*keyring.Keyring).Rotate); !errors.Is(err, enginetest.ErrDown) {
			t.Errorf("with the engine down: %v", err)
		}
		if all[0].kids() != kids {
			t.Error("a change that perhaps wasn't stored is in effect")
		}
		all[0].conn.Down(false)
		// Stored, and nobody said so: it is heard of.
		all[1].conn.LoseAnswers(true)
		if err := all[1].Change(w.Context(), (*keyring.Keyring).Rotate); err == nil {
			t.Error("a lost answer is no error")
		}
		all[1].conn.LoseAnswers(false)
		wait(10 * beat)
		if got := strings.Fields(oneRing(t, all)); len(got) != 7 {
			t.Errorf("the ring is %v", got)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if err := all[0].Change(ctx, (*keyring.Keyring).Rotate); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that ended: %v", err)
		}
	})
}

func TestY25_WithoutKMS(t *testing.T) {
	bubble(t, func(w *world) {
		kms := &brittle{Wrapper: w.wrapper}
		w.wrapper = kms
		in := w.some(1, nil)[0]
		kids := in.kids()
		kms.down.Store(true)
		if err := in.Change(w.Context(), (*keyring.Keyring).Rotate); !errors.Is(err, errKMS) || in.kids() != kids {
			t.Errorf("Change without the KMS: %v", err)
		}
	})
}

func TestY38_Refresh(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		synctest.Wait()
		began := time.Now()
		all[0].Refresh(began)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("without news it takes %v", took)
		}
		// What the other instance sealed under a new key opens, although that isn't here yet.
		all[0].conn.Delay(50 * time.Millisecond)
		all[1].change((*keyring.Keyring).Rotate)
		if !all[0].opens(all[1].seal()) {
			t.Error("the new key isn't waited for")
		}
		all[0].stop()
		began = time.Now()
		if all[0].Refresh(began) == nil || time.Since(began) != 0 {
			t.Error("it waits although nobody listens")
		}
	})
}

func TestY34_Status(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		in.change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(keyring.NewKey()) })
		in.change(func(r *keyring.Keyring) (*keyring.Keyring, error) {
			return r.Add(keyring.NewKeyAt(time.Now().Add(time.Hour)))
		})
		in.end(marks.Mark{Kind: marks.User, ID: "alice"})
		wait(5 * beat)
		text, err := json.Marshal(in.Status())
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		for member, want := range map[string]any{
			"application": "shop", "ready": true, "read_only": false, "engine": "live", "stale": false, "clock_off": false,
			"sequence": 3.0, "marks": 1.0, "aside": 0.0, "fault": "",
		} {
			if s[member] != want {
				t.Errorf("%s is %v, want %v", member, s[member], want)
			}
		}
		if age := s["news_age"].(float64); age < 0 || age > 2 {
			t.Errorf("news_age is %v", age)
		}
		var phases []string
		for _, k := range s["keys"].([]any) {
			phases = append(phases, fmt.Sprint(k.(map[string]any)["phase"]))
		}
		if fmt.Sprint(phases) != "[next primary fallback]" {
			t.Errorf("the phases are %v", phases)
		}
		for _, never := range []string{"alice", `"k"`} {
			if strings.Contains(string(text), never) {
				t.Errorf("the status has %s: %s", never, text)
			}
		}
		in.stop()
		if got := in.Status().Engine; got != fleet.EngineOff {
			t.Errorf("after the end the engine is %s", got)
		}
		var none *fleet.Fleet
		if s := none.Status(); s.Engine != fleet.EngineOff || s.NewsAge != -1 || s.Ready {
			t.Errorf("nil: %+v", s)
		}
	})
}
