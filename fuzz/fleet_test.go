package fuzz_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// bare is a Wrapper that hides nothing, because a fuzzer can't get past a cipher.
type bare struct{}

func (bare) Encrypt(_ context.Context, text []byte) ([]byte, error) { return text, nil }
func (bare) Decrypt(_ context.Context, text []byte) ([]byte, error) { return text, nil }

// paper is an Engine that stores nothing and tells what it is told to.
type paper struct{ tell func(fleet.Event) }

func (*paper) Swap(_ context.Context, _ string, _ []byte, rev uint64) (uint64, error) {
	return rev + 1, nil
}
func (*paper) Append(context.Context, string, []byte, time.Duration) error { return nil }
func (p *paper) Watch(ctx context.Context, f func(fleet.Event)) error {
	p.tell = f
	f(fleet.Event{Synced: true})
	<-ctx.Done()
	return ctx.Err()
}

// plainRecord is how docs/FORMAT.md describes what is wrapped.
type plainRecord struct {
	Application string          `json:"application"`
	Sequence    uint64          `json:"sequence"`
	Ring        json.RawMessage `json:"ring"`
	Removed     []plainRemoved  `json:"removed,omitempty"`
}

type plainRemoved struct {
	KID   string `json:"kid"`
	Until int64  `json:"until"`
	Mark  []byte `json:"mark"`
}

// readRecord returns the ring in a record, or nil for what isn't its one spelling.
func readRecord(text []byte) *keyring.Keyring {
	var r plainRecord
	if json.Unmarshal(text, &r) != nil || r.Application != fixed.Audience || r.Sequence == 0 || r.Sequence > 1<<62 || len(r.Removed) > 16 {
		return nil
	}
	ring, err := keyring.Parse(string(r.Ring))
	if err != nil || !bytes.Equal(ring.JWKSet(), r.Ring) {
		return nil
	}
	for _, k := range r.Removed {
		if _, there := ring.Key(k.KID); there || len(k.KID) != 7 || len(k.Mark) != 32 {
			return nil
		}
	}
	if again, err := json.Marshal(r); err != nil || !bytes.Equal(again, text) || len(text) > 4096 {
		return nil
	}
	return ring
}

// readMark returns the mark in the plaintext of one.
func readMark(b []byte) (m marks.Mark, ok bool) {
	const latest = 253402300799
	if len(b) < 17 {
		return m, false
	}
	before, until := binary.BigEndian.Uint64(b[1:9]), binary.BigEndian.Uint64(b[9:17])
	m = marks.Mark{Kind: marks.Kind(b[0]), Before: int64(before), Until: int64(until), ID: string(b[17:])}
	id := len(m.ID) >= 1 && len(m.ID) <= 512
	if m.Kind == marks.All {
		id = m.ID == ""
	}
	return m, before <= latest && until <= latest && b[0] >= 1 && b[0] <= 4 && id
}

// tellFleet lets an instance hear of a ring, of a beat and of marks, and says what is
// wrong with what it makes of them.
func tellFleet(t *testing.T, ring, plain, token, beat []byte) {
	synctest.Test(t, func(t *testing.T) {
		keys := fixed.Ring(t, 0, 1)
		engine, heard := new(paper), []marks.Mark(nil)
		var log bytes.Buffer
		f, err := fleet.New(fleet.Config{
			Engine: engine, Wrapper: bare{}, Application: fixed.Audience, First: keys,
			OnMark: func(m marks.Mark) { heard = append(heard, m) },
			Log:    slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		<-f.Ready()
		synctest.Wait()
		now := time.Now()
		before := f.At(now)

		key := before.Primary()
		sealed := fixed.Sealed(t, key, "mark", plain)
		engine.tell(fleet.Event{Name: "m.a", Value: sealed})
		want, ok := readMark(plain)
		switch s := f.Status(); {
		case ok != (s.Counters.Heard == 1), ok == (s.Counters.RefusedMarks == 1):
			t.Errorf("mark %q: %+v, and the plain reader says %v", plain, s.Counters, ok)
		case ok && !slices.Equal(heard, []marks.Mark{want}), !ok && len(heard) > 0:
			t.Errorf("mark %q: heard %+v, want %+v", plain, heard, want)
		}
		heard = nil
		if !bytes.Equal(token, sealed) {
			engine.tell(fleet.Event{Name: "m.b", Value: token})
		}
		if len(heard) > 0 {
			t.Errorf("forged: %q is %+v", token, heard)
		}
		engine.tell(fleet.Event{Name: "beat", Value: fixed.Sealed(t, key, "beat", beat), Revision: 7})
		good := len(beat) == 16 && binary.BigEndian.Uint64(beat[8:]) <= 253402300799000
		if got := f.Status().Counters.RefusedBeats; (got != 0) == good {
			t.Errorf("beat %q: refused %d times", beat, got)
		}

		engine.tell(fleet.Event{Name: "ring", Value: ring, Revision: 7})
		synctest.Wait()
		after, theirs := f.At(now), readRecord(ring)
		s := f.Status()
		if theirs == nil && (s.Counters.RefusedRings != 1 || string(after.JWKSet()) != string(before.JWKSet())) {
			t.Errorf("ring %q: %+v, and the plain reader refuses it", ring, s)
		}
		// Sequence 1 is as old as its own. If it differs, it holds or both become one.
		if theirs != nil && (s.Counters.RefusedRings != 0 || s.Sequence == 1 && string(theirs.JWKSet()) != string(after.JWKSet())) {
			t.Errorf("ring %q: %+v, and the plain reader accepts it", ring, s)
		}
		for _, k := range theirs.Keys() {
			if _, ok := after.Key(k.ID()); !ok && s.Sequence <= 2 {
				t.Errorf("ring %q: key %s is missing", ring, k.ID())
			}
		}
		for _, text := range [][]byte{ring, plain, token, beat} {
			if len(text) > 60 && strings.Contains(log.String(), string(text[20:60])) {
				t.Errorf("logged with contents: %s", log.String())
			}
		}
		cancel()
		<-done
	})
}

// FuzzFleet: an instance makes of a ring, of a mark and of a beat what a plain reader
// does. Of marks that nobody sealed it makes nothing.
func FuzzFleet(f *testing.F) {
	f.Fuzz(func(t *testing.T, ring, plain, token, beat string) {
		if len(ring) == 0 || len(plain) > 2900 {
			t.Skip()
		}
		tellFleet(t, []byte(ring), []byte(plain), []byte(token), []byte(beat))
	})
}

// TestY37_OneSpelling does so with every seed, and with every seed altered at each place.
func TestY37_OneSpelling(t *testing.T) {
	for name, args := range fleetSeeds(t) {
		ring, plain, token, beat := args[0].(string), args[1].(string), args[2].(string), args[3].(string)
		if ring == "" {
			continue
		}
		tellFleet(t, []byte(ring), []byte(plain), []byte(token), []byte(beat))
		for i := 0; i < max(len(ring), len(plain), len(beat)); i += 1 + len(ring)/40 {
			alter := func(s string) []byte {
				b := []byte(s)
				if len(b) > 0 {
					b[i%len(b)] ^= 1
				}
				return b
			}
			tellFleet(t, alter(ring), alter(plain), alter(token), alter(beat))
		}
		if t.Failed() {
			t.Fatalf("seed %s", name)
		}
	}
}

// TestY12_RemovedElsewhere: a ring with the same keys says that one was removed by hand. Then
// no later ring brings that key back.
func TestY12_RemovedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := new(paper)
		f, err := fleet.New(fleet.Config{Engine: engine, Wrapper: bare{}, Application: fixed.Audience, First: fixed.Ring(t, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		<-f.Ready()
		synctest.Wait()
		tell := func(rev, seq uint64, ring *keyring.Keyring, removed ...plainRemoved) {
			text, err := json.Marshal(plainRecord{fixed.Audience, seq, ring.JWKSet(), removed})
			if err != nil {
				t.Fatal(err)
			}
			engine.tell(fleet.Event{Name: "ring", Value: text, Revision: rev})
			<-time.After(5 * time.Second)
			synctest.Wait() // the watch may have been opened again
		}
		tell(7, 1, fixed.Ring(t, 0, 1), plainRemoved{fixed.Kid(2), time.Now().Unix() + 3600, make([]byte, 32)})
		tell(8, 2, fixed.Ring(t, 2, 0, 1))
		if _, back := f.At(time.Now()).Key(fixed.Kid(2)); back || len(f.At(time.Now()).Keys()) != 2 {
			t.Error("it is back")
		}
		cancel()
		<-done
	})
}
