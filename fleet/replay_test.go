package fleet_test

import (
	"slices"
	"strings"
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
		for range 10 { // until long after it counts as removed
			w.Forge("ring", olds[0])
			check("not over")
			wait(55 * time.Second)
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
