package fleet_test

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/keyring"
)

// TestY24_OldRings: an engine that tells an old ring brings no key back that was removed
// by hand, or that was gone in time and may have leaked since. It doesn't matter how old
// the ring is, nor that an instance which has just begun believes it for a moment.
func TestY24_OldRings(t *testing.T) {
	bubble(t, func(w *world) {
		short := func(c *fleet.Config) {
			c.Longest = 300 * time.Second
			c.Rotation = fleet.Rotation{Every: 100 * time.Second, Ahead: 20 * time.Second}
		}
		all := w.some(2, short)
		gone := map[string]string{} // why, by the id of the key
		olds := [][]byte{slices.Clone(w.Stored()["ring"])}
		replaced := all[0].At(time.Now()).Primary().ID()
		gone[replaced] = "replaced"
		all[0].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(replaced) })
		wait(90 * time.Second)
		for _, k := range all[0].At(time.Now()).Keys() {
			gone[k.ID()] = "over"
		}
		olds = append(olds, slices.Clone(w.Stored()["ring"]))
		check := func(when string) {
			t.Helper()
			for range 50 {
				wait(beat / 10)
				for i, in := range all {
					for kid, why := range gone {
						if strings.Contains(in.kids(), kid) && (why == "replaced" || when == "over") {
							t.Fatalf("%s: instance %d has a key that is %s", when, i, why)
						}
					}
				}
			}
		}
		for range 40 { // until long after it counts as removed
			all[0].change(nil) // which drops what needn't be remembered any more
			w.Forge("ring", olds[0])
			check("not over")
			wait(10 * time.Second)
		}
		wait(300 * time.Second)
		for _, kid := range strings.Fields(oneRing(t, all)) {
			delete(gone, kid)
		}
		if len(gone) < 3 {
			t.Fatalf("of the first keys only %d are gone", len(gone))
		}
		for _, old := range olds {
			w.Forge("ring", old)
			check("over")
			fresh := w.start(short)
			w.Forge("ring", old) // which the new one believes
			wait(5 * beat)
			all = append(all, fresh)
			check("over")
			oneRing(t, all)
		}
	})
}

// asked counts how often a Wrapper unwraps, which takes some time.
type asked struct {
	fleet.Wrapper
	takes time.Duration
	times atomic.Int64
}

func (a *asked) Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error) {
	a.times.Add(1)
	wait(a.takes)
	return a.Wrapper.Decrypt(ctx, ciphertext)
}

// TestY13_ManyRings: who can write to the engine can't make every instance ask the KMS all
// the time, with rings that can't be read or with old ones, also if the next one always comes
// while the KMS is at work.
func TestY13_ManyRings(t *testing.T) {
	for _, takes := range []time.Duration{0, beat / 20} {
		manyRings(t, takes)
	}
}

func manyRings(t *testing.T, takes time.Duration) {
	bubble(t, func(w *world) {
		kms := &asked{Wrapper: w.wrapper, takes: takes}
		in := w.some(1, func(c *fleet.Config) { c.Wrapper = kms })[0]
		first := slices.Clone(w.Stored()["ring"])
		in.change((*keyring.Keyring).Rotate)
		for name, ring := range map[string]func(n int) []byte{
			"garbage": func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) },
			"old": func(n int) []byte {
				if n%2 == 0 {
					return first
				}
				return []byte("x")
			},
		} {
			wait(5 * beat)
			before, began := kms.times.Load(), time.Now()
			for n := range 1000 {
				w.Forge("ring", ring(n))
				wait(beat / 100)
			}
			if n := kms.times.Load() - before; n > int64(time.Since(began)/beat)+2 {
				t.Errorf("%s: a thousand rings are unwrapped %d times in %v", name, n, time.Since(began))
			}
		}
		kids := in.kids()
		wait(5 * beat)
		other := w.start(nil)
		in.change(nil) // over what can't be read
		other.mustBeReady()
		if in.kids() != kids || other.kids() != kids {
			t.Errorf("the keys were %s, and are %s and %s", kids, in.kids(), other.kids())
		}
	})
}

// TestY13_TwoRingsInTurns: old rings of the fleet that come in turns, each while the KMS works
// at another one, don't keep an instance that starts from its keys, nor the KMS busy.
func TestY13_TwoRingsInTurns(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		rings := [][]byte{slices.Clone(w.Stored()["ring"])}
		in.change((*keyring.Keyring).Rotate)
		rings = append(rings, slices.Clone(w.Stored()["ring"]))
		in.stop()
		kms := &asked{Wrapper: w.wrapper, takes: beat / 20}
		other := w.start(func(c *fleet.Config) { c.Wrapper = kms })
		began := time.Now()
		wait(beat / 200) // so that five come each time
		for n := range 1000 {
			w.Forge("ring", rings[n%2])
			wait(beat / 100)
		}
		if n := kms.times.Load(); n > int64(time.Since(began)/beat)+4 {
			t.Errorf("the rings are unwrapped %d times in %v", n, time.Since(began))
		}
		if !other.isReady() {
			t.Errorf("not ready: %+v", other.Status())
		}
	})
}

// TestY25_ToldLate: an engine that tells an instance its own rings late is no instance that
// was first.
func TestY25_ToldLate(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		in.conn.Delay(300 * time.Millisecond)
		wait(5 * beat)
		began := time.Now()
		in.change((*keyring.Keyring).Rotate)
		wait(200 * time.Millisecond)
		in.change((*keyring.Keyring).Rotate)
		wait(150 * time.Millisecond) // the first of them was told
		in.change((*keyring.Keyring).Rotate)
		if took := time.Since(began); took > 3*time.Second || len(in.At(time.Now()).Keys()) != 4 {
			t.Errorf("after %v the keys are %s", took, in.kids())
		}
	})
}
