package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// The schedules of the tests have one master.
func schedule(t testing.TB, period time.Duration, open int) *keyring.Schedule {
	t.Helper()
	s, err := keyring.NewSchedule(bytesOf(7), period, open)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNewSchedule_Refusals(t *testing.T) {
	good := bytesOf(7)
	const master, zero, period, open = "at least 32 random bytes", "all zero", "whole milliseconds", "1 to 14"
	for _, row := range []struct {
		name   string
		master []byte
		period time.Duration
		open   int
		want   []string // nil: accepted
	}{
		{"no master", nil, time.Hour, 1, []string{master}},
		{"31 bytes", good[:31], time.Hour, 1, []string{master}},
		{"zero bytes", make([]byte, 64), time.Hour, 1, []string{zero}},
		{"no period", good, 0, 1, []string{period}},
		{"negative period", good, -time.Hour, 1, []string{period}},
		{"just under a minute", good, time.Minute - time.Millisecond, 1, []string{period}},
		{"not whole milliseconds", good, time.Minute + time.Microsecond, 1, []string{period}},
		{"over 3650 days", good, 3650*24*time.Hour + time.Millisecond, 1, []string{period}},
		{"no open period", good, time.Hour, 0, []string{open}},
		{"negative open", good, time.Hour, -1, []string{open}},
		{"15 open", good, time.Hour, 15, []string{open}},
		{"all wrong, all reported", nil, 0, 0, []string{master, period, open}},
		{"the smallest", good, time.Minute, 1, nil},
		{"the largest", append(good, good...), 3650 * 24 * time.Hour, 14, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := keyring.NewSchedule(row.master, row.period, row.open)
			if (err != nil) != (row.want != nil) || (s != nil) != (row.want == nil) {
				t.Fatalf("%v, %v", s, err)
			}
			for _, w := range row.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %v", w, err)
				}
			}
		})
	}
}

func TestSchedule_Periods(t *testing.T) {
	const hour = 3_600_000
	start := int64(ms0) / hour * hour
	s := schedule(t, time.Hour, 3)
	r := s.At(at(start))
	keys := r.Keys()
	if len(keys) != 5 {
		t.Fatalf("%d keys, want the next, the current and 3 open ones", len(keys))
	}
	if r.Primary().ID() != keys[1].ID() {
		t.Error("the primary is not the key of the current period")
	}
	for i, k := range keys {
		want := at(start + hour - int64(i)*hour)
		if !k.Created().Equal(want) || !k.Active().Equal(want) {
			t.Errorf("key %d: created %v, active %v, want the start of its period %v", i, k.Created(), k.Active(), want)
		}
		if i > 0 && keys[i-1].Compare(k) != 1 {
			t.Errorf("key %d is not older than the one before it", i)
		}
	}
	for _, row := range []struct {
		name string
		ms   int64
		want string // the primary
	}{
		{"first millisecond", start, keys[1].ID()},
		{"last millisecond", start + hour - 1, keys[1].ID()},
		{"the next period", start + hour, keys[0].ID()},
		{"the period before", start - 1, keys[2].ID()},
	} {
		if got := s.At(at(row.ms)).Primary().ID(); got != row.want {
			t.Errorf("%s: primary %s, want %s", row.name, got, row.want)
		}
	}
	if s.At(at(start)) != s.At(at(start+hour-1)) {
		t.Error("two rings within one period")
	}
}

// What Window promises: a token sealed at any moment of a period opens for as
// long, and not for a whole period longer than that.
func TestSchedule_Window(t *testing.T) {
	const minute = 60_000
	s := schedule(t, time.Minute, 4)
	if s.Window() != 4*time.Minute {
		t.Fatalf("window %v", s.Window())
	}
	start := int64(ms0) / minute * minute
	for _, sealed := range []int64{start, start + minute/2, start + minute - 1} {
		id := s.At(at(sealed)).Primary().ID()
		if _, ok := s.At(at(sealed).Add(s.Window())).Key(id); !ok {
			t.Errorf("sealed %d ms into the period: closed before the window ends", sealed-start)
		}
		if _, ok := s.At(at(sealed).Add(s.Window() + time.Minute)).Key(id); ok {
			t.Errorf("sealed %d ms into the period: open a period too long", sealed-start)
		}
	}
}

// An instance whose clock is ahead seals with the next key; the others open it.
func TestSchedule_ClockSkew(t *testing.T) {
	a, b := schedule(t, time.Hour, 2), schedule(t, time.Hour, 2)
	end := at(ms0).Truncate(time.Hour).Add(time.Hour)
	ahead := a.At(end.Add(30 * time.Second)).Primary()
	got, ok := b.At(end.Add(-30 * time.Second)).Key(ahead.ID())
	if !ok || string(got.Derive(keyring.Label{})) != string(ahead.Derive(keyring.Label{})) {
		t.Error("the instance behind cannot open what the one ahead seals")
	}
	if b.At(end.Add(-30*time.Second)).Primary().Compare(ahead) != -1 {
		t.Error("the instance behind does not know that its primary is older")
	}
}

// Known answers: fleets of different releases must agree. The oracle is the
// test's own HKDF.
func TestSchedule_KnownAnswers(t *testing.T) {
	k := schedule(t, time.Hour, 2).At(at(ms0)).Primary()
	info := "\x00\x00\x00\x00\x00\x36\xee\x80" + "\x00\x00\x00\x00\x00\x07\x34\x9e" // 3,600,000 ms; period 472,222
	if want := hkdf32(bytesOf(7), "hardtack/v1 schedule kid"+info); hexOf(raw(t, k.ID())) != want[:10] {
		t.Errorf("kid %s, want %s", hexOf(raw(t, k.ID())), want[:10])
	}
	if k.ID() != "ZOK6cVc" {
		t.Errorf("kid %s", k.ID())
	}
	root := raw(t, hkdf32(bytesOf(7), "hardtack/v1 schedule key"+info))
	if hexOf(k.Derive(keyring.Label{})) != hkdf32(root, lp("hardtack/v1", "", "", "")) {
		t.Error("other bytes")
	}
}

func TestSchedule_OtherMasterOrPeriodSharesNothing(t *testing.T) {
	other, err := keyring.NewSchedule(bytesOf(8), time.Hour, 14)
	if err != nil {
		t.Fatal(err)
	}
	// Periods of 1 h and 2 h have the same number at different times.
	base := schedule(t, time.Hour, 14)
	for _, s := range []*keyring.Keyring{other.At(at(ms0)), schedule(t, 2*time.Hour, 14).At(at(2 * ms0))} {
		for _, k := range s.Keys() {
			if _, ok := base.At(at(ms0)).Key(k.ID()); ok {
				t.Error("a kid in common")
			}
		}
	}
	// Another number of open periods is the same schedule.
	if schedule(t, time.Hour, 1).At(at(ms0)).Primary().ID() != base.At(at(ms0)).Primary().ID() {
		t.Error("open changes the keys")
	}
}

func TestSchedule_Edges(t *testing.T) {
	s := schedule(t, time.Hour, 3)
	for _, row := range []struct {
		name string
		now  time.Time
		keys int
	}{
		{"before 1970", time.Unix(-1, 0), 0},
		{"the first period has no creation time", at(3_599_999), 0},
		{"the second one has nothing open before it", at(3_600_000), 2},
		{"the third one has one", at(7_200_000), 3},
		{"the last whole period of 9999", at(253402300799999 - 2*3_600_000), 5},
		{"the end of 9999", at(253402300799999), 0},
		{"far beyond", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), 0},
	} {
		if got := len(s.At(row.now).Keys()); got != row.keys {
			t.Errorf("%s: %d keys, want %d", row.name, got, row.keys)
		}
	}
}

// A key keeps its counters and subkeys from period to period, also when requests
// from both sides of a turn alternate.
func TestSchedule_KeysLiveOn(t *testing.T) {
	s := schedule(t, time.Hour, 3)
	turn := at(ms0).Truncate(time.Hour)
	before := s.At(turn.Add(-time.Millisecond))
	before.Primary().CountSeal()
	after := s.At(turn)
	k, ok := after.Key(before.Primary().ID())
	if !ok || k.Counters().Sealed != 1 {
		t.Error("the counters start again at the turn of a period")
	}
	if s.At(turn.Add(-time.Millisecond)) != before || s.At(turn) != after {
		t.Error("a late request makes the ring again")
	}
	far := s.At(turn.Add(time.Hour)) // takes the slot of before
	if k, ok := far.Key(before.Primary().ID()); !ok || k.Counters().Sealed != 1 {
		t.Error("the counters start again two periods on")
	}
}

// The caller may wipe or reuse its slice.
func TestNewSchedule_CopiesTheMaster(t *testing.T) {
	master := bytes.Clone(bytesOf(7))
	s, err := keyring.NewSchedule(master, time.Hour, 2)
	if err != nil {
		t.Fatal(err)
	}
	clear(master)
	if s.At(at(ms0)).Primary().ID() != schedule(t, time.Hour, 2).At(at(ms0)).Primary().ID() {
		t.Error("the keys changed with the caller's slice")
	}
}

func TestSchedule_Concurrent(t *testing.T) {
	s := schedule(t, time.Minute, 2)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				now := at(ms0).Add(time.Duration(i) * 20 * time.Second)
				r := s.At(now)
				if k := r.Primary(); k.Active().After(now) || now.Sub(k.Active()) >= time.Minute {
					t.Errorf("at %v the primary is of %v", now, k.Active())
				}
			}
		})
	}
	wg.Wait()
}

// raw decodes hex, or base64url where it is a kid.
func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if len(s) == 7 {
		b, err = base64.RawURLEncoding.DecodeString(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}
