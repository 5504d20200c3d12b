package rediskv_test

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet/rediskv"
)

// FuzzID: an id that a server gives has one revision, which leads back to it and keeps the
// order of entries, or is refused. An earlier one is earlier, and never below the first.
func FuzzID(f *testing.F) {
	for _, id := range []string{
		"0-0", "0-1", "1700000000000-0", "1700000000000-1048575", "1700000000000-1048576", "8796093022207-0", "8796093022208-0", "17592186044417-5", "18446744073709551615-18446744073709551615", "18446744073709551616-0",
		"-1-0", "1", "1-", "-", "", "1-2-3", "+1-0", "01-0", "1-0x", " 1-0", "١-٢",
	} {
		f.Add(id, "1700000000000-7", int64(time.Minute))
	}
	shape := regexp.MustCompile(`^(0|[1-9][0-9]*)-(0|[1-9][0-9]*)$`)
	parts := func(id string) [2]*big.Int {
		m := shape.FindStringSubmatch(id)
		ms, _ := new(big.Int).SetString(m[1], 10)
		place, _ := new(big.Int).SetString(m[2], 10)
		return [2]*big.Int{ms, place}
	}
	less := func(a, b [2]*big.Int) bool {
		if c := a[0].Cmp(b[0]); c != 0 {
			return c < 0
		}
		return a[1].Cmp(b[1]) < 0
	}
	f.Fuzz(func(t *testing.T, a, b string, d int64) {
		revA, errA := rediskv.Revision(a)
		revB, errB := rediskv.Revision(b)
		if errA != nil && len(a) > 8 && strings.Contains(errA.Error(), a) {
			t.Fatalf("%v repeats the id", errA)
		}
		if !shape.MatchString(a) {
			return // no server writes that
		}
		if errA == nil && revA != 0 && rediskv.ID(revA) != a {
			t.Fatalf("%s has the revision %d, and that is %s", a, revA, rediskv.ID(revA))
		}
		if shape.MatchString(b) && errA == nil && errB == nil && (revA < revB) != less(parts(a), parts(b)) {
			t.Fatalf("%s has the revision %d, and %s has %d", a, revA, b, revB)
		}
		if earlier, err := rediskv.Before(a, time.Duration(d)); d >= 0 && err == nil && (!shape.MatchString(earlier) || less(parts(a), parts(earlier))) {
			t.Fatalf("%v before %s is %s", time.Duration(d), a, earlier)
		}
	})
}
