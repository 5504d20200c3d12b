package fleettest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Life is how long sessions live in a Drill, and marks are kept. It's longer than a Drill takes,
// and with Pace a ring of 16 keys can hold it.
const Life = 200 * time.Second

// Pace are the settings of the fleet in a Drill. Keys change every 24 seconds, and each is
// known for twelve before it seals. A watch that goes silent is opened again after a second
// or two, and gets through after about three more, in which the drivers give up a dead
// connection. Three servers of NATS take up to nine seconds to choose a leader (its
// minElectionTimeout and maxElectionTimeout), and until then no watch begins.
func Pace(_ int, c *fleet.Config) {
	c.Beat = 250 * time.Millisecond
	c.Rotation = fleet.Rotation{Every: 24 * time.Second, Ahead: 12 * time.Second}
}

// A Drill is a fleet that does its work while somebody breaks the engine below it.
type Drill struct {
	t       *testing.T
	Members []*Member
	stop    []func()
	life    time.Duration // of sessions
	ahead   time.Duration // how long a key is known before it seals

	mu       sync.Mutex
	sessions []session // not ended, the oldest first
	loads    int
	lost     []string // what was lost, the first few
	losses   int      // how much
	excused  int      // and how much that is no fault: see lose
	stall    time.Duration
	stalled  time.Time       // when it last stood still for more than a second
	primary  map[string]bool // the keys that sealed
	ended    []ended         // acknowledged
	unknown  int             // not acknowledged
}

// A Member is one instance.
type Member struct {
	*fleet.Fleet
	store *ssestore.Store
	log   Log
}

type session struct {
	cookies []string
	value   string
	made    time.Time
}

type ended struct {
	cookies []string
	mark    marks.Mark
}

var note = ssestore.NewKey[string]("note")

// NewDrill starts all instances at the same moment, each with an engine of its own, and waits
// until they are ready.
func NewDrill(t *testing.T, engines []fleet.Engine, pace func(i int, c *fleet.Config)) *Drill {
	t.Helper()
	d := &Drill{t: t, primary: map[string]bool{}}
	secret, err := fleet.Secret(bytes.Repeat([]byte("secret"), 6))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range engines {
		m := &Member{}
		c := fleet.Config{
			Engine: e, Wrapper: secret, Application: "drill", Longest: Life,
			Log: slog.New(slog.NewTextHandler(&m.log, nil)),
		}
		pace(i, &c)
		d.life, d.ahead = c.Longest, c.Rotation.Ahead
		if m.Fleet, err = fleet.New(c); err != nil {
			t.Fatal(err)
		}
		m.store, err = ssestore.New(ssestore.Config{
			Keys: m.Fleet, Marks: m.Fleet.Marks(), Audience: "drill",
			Idle: c.Longest, Absolute: c.Longest, PersistentIdle: c.Longest, PersistentAbsolute: c.Longest,
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Members = append(d.Members, m)
		t.Cleanup(func() {
			if t.Failed() {
				s := m.Status()
				t.Logf("instance %d: %s, ring %d %v, news %.1f s old, %+v\n%s", i, s.Engine, s.Sequence, s.Keys, s.NewsAge, s.Counters, m.log.String())
			}
		})
	}
	for _, m := range d.Members {
		d.run(func(ctx context.Context) { m.Run(ctx) })
	}
	for i, m := range d.Members {
		select {
		case <-m.Ready():
		case <-time.After(Patience):
			t.Fatalf("instance %d isn't ready after %s", i, Patience)
		}
	}
	return d
}

// run calls f until the test ends, or Stop is called.
func (d *Drill) run(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	d.t.Cleanup(stop)
	return stop
}

// every calls f at an interval until its context ends.
func every(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// Begin starts visitors, who begin sessions and come back with them to all instances, and
// others who end theirs.
func (d *Drill) Begin() {
	last := time.Now()
	d.stop = append(d.stop, d.run(func(ctx context.Context) {
		every(ctx, 20*time.Millisecond, func() {
			d.mu.Lock()
			now := time.Now()
			stall := now.Sub(last)
			if d.stall, last = max(d.stall, stall), now; stall > time.Second {
				d.stalled = now
			}
			d.primary[d.Members[0].At(now).Primary().ID()] = true
			d.mu.Unlock()
			d.visit()
		})
	}))
	for range 4 {
		d.stop = append(d.stop, d.run(func(ctx context.Context) {
			every(ctx, 100*time.Millisecond, func() { d.end(ctx) })
		}))
	}
}

// End stops them.
func (d *Drill) End() {
	for _, stop := range d.stop {
		stop()
	}
	d.stop = nil
}

// any returns one of the instances.
func (d *Drill) any() *Member { return d.Members[rand.N(len(d.Members))] }

// start begins a session at an instance.
func (m *Member) start(value string) (session, *ssestore.Session, error) {
	now := time.Now()
	s := m.store.Load(nil, now)
	if err := note.Set(s, value); err != nil {
		return session{}, nil, err
	}
	out, err := s.Commit(200)
	if err != nil || len(out.SetCookie) == 0 {
		return session{}, nil, fmt.Errorf("no cookie: %w, %w", err, out.Skipped)
	}
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	return session{[]string{pair}, value, now}, s, nil
}

// visit begins a session somewhere, and comes back with it and with older ones.
func (d *Drill) visit() {
	value := fmt.Sprint(time.Now().UnixNano())
	from := rand.N(len(d.Members))
	begun, _, err := d.Members[from].start(value)
	if err != nil {
		d.lose(0, "a session that can't begin at instance %d: %v", from, err)
		return
	}
	d.mu.Lock()
	d.sessions = append(d.sessions, begun)
	for len(d.sessions) > 0 && time.Since(d.sessions[0].made) > d.life/2 {
		d.sessions = d.sessions[1:]
	}
	again := []session{begun}
	for range 3 {
		again = append(again, d.sessions[rand.N(len(d.sessions))])
	}
	d.mu.Unlock()
	for _, s := range again {
		for i, m := range d.Members {
			loaded := m.store.Load(s.cookies, time.Now())
			d.mu.Lock()
			d.loads++
			d.mu.Unlock()
			if got := note.Get(loaded); got != s.value {
				age := time.Duration(m.Status().NewsAge * float64(time.Second))
				d.lose(age, "a session, %s old, at instance %d, whose news is %s old: %v",
					time.Since(s.made).Round(time.Millisecond), i, age.Round(time.Millisecond), loaded.Principal().Refused())
			}
		}
	}
}

// lose counts a session that was lost at an instance whose news is that old.
//
// An instance that hears nothing for as long as keys are known ahead isn't promised to have the
// next one, and on a machine that stands still, nothing is. Neither is the fault of anything
// tested here: that news gets through again is waited for elsewhere.
func (d *Drill) lose(news time.Duration, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if news >= d.ahead || time.Since(d.stalled) < d.ahead+4*time.Second {
		d.excused++
		return
	}
	if d.losses++; d.losses <= 10 {
		d.lost = append(d.lost, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
	}
}

// end begins a session somewhere and ends it somewhere else.
func (d *Drill) end(ctx context.Context) {
	begun, s, err := d.any().start("to be ended")
	if err != nil {
		return // visit tells
	}
	mark, ok := s.Principal().Mark()
	if !ok {
		d.t.Error("a session has no mark")
		return
	}
	err = d.any().End(ctx, mark)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.unknown++
		return
	}
	d.ended = append(d.ended, ended{begun.cookies, mark})
}

// Primaries is how many keys have sealed sessions since Begin.
func (d *Drill) Primaries() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.primary)
}

// Ended is how many were acknowledged.
func (d *Drill) Ended() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ended)
}

// Marks are those that were acknowledged.
func (d *Drill) Marks() (all []marks.Mark) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.ended {
		all = append(all, e.mark)
	}
	return all
}

// Rings waits until all instances have the same ring, and returns its number.
func (d *Drill) Rings() (seq uint64) {
	d.t.Helper()
	Eventually(d.t, "all instances have the same ring", func() bool {
		first := d.Members[0].Status()
		seq = first.Sequence
		for _, m := range d.Members[1:] {
			s := m.Status()
			if s.Sequence != seq || len(s.Keys) != len(first.Keys) {
				return false
			}
			for i := range s.Keys {
				if s.Keys[i].ID != first.Keys[i].ID {
					return false
				}
			}
		}
		return true
	})
	return seq
}

// hear waits until news gets through to all instances.
func (d *Drill) hear() {
	d.t.Helper()
	Eventually(d.t, "all instances hear news", func() bool {
		for _, m := range d.Members {
			if s := m.Status(); s.Engine != fleet.EngineLive || s.NewsAge > (d.ahead/4).Seconds() {
				return false
			}
		}
		return true
	})
}

// mustHaveBegunOnce fails the test if there was another first ring. Its key would be in the
// ring, too, and both have no time of activation. On a slow machine the next key may be there
// already: each comes with a ring of its own.
func (d *Drill) mustHaveBegunOnce() {
	d.t.Helper()
	s := d.Members[0].Status()
	first := 0
	for _, k := range s.Keys {
		if k.Active.IsZero() {
			first++
		}
	}
	if first != 1 || s.Sequence != uint64(len(s.Keys)) {
		d.t.Errorf("ring %d has the keys %+v: there was another first ring", s.Sequence, s.Keys)
	}
}

// MustHaveLostNothing fails the test if a session was lost.
func (d *Drill) MustHaveLostNothing() {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.t.Logf("%d of %d loads were lost, and %d more where no news came or after the test itself had stood still, for up to %s", d.losses, d.loads, d.excused, d.stall.Round(time.Millisecond))
	if d.losses > 0 {
		d.t.Errorf("%d of %d loads were lost, such as\n%s", d.losses, d.loads, strings.Join(d.lost, "\n"))
	}
	if d.loads == 0 {
		d.t.Error("nothing was loaded")
	}
}

// MustAllBeEnded waits until every mark that was acknowledged holds on every instance, and
// fails the test if there were fewer than min whose sessions would live otherwise.
func (d *Drill) MustAllBeEnded(min int) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.t.Logf("%d marks were acknowledged, of %d nobody knows", len(d.ended), d.unknown)
	missing, live := "", 0
	late := time.Now().Add(Patience)
	for {
		missing = ""
		now := time.Now()
		live = 0
		for _, e := range d.ended {
			if now.Unix() < e.mark.Until {
				live++
			}
		}
		for i, m := range d.Members {
			n := 0
			for _, e := range d.ended {
				reason := m.store.Load(e.cookies, now).Principal().Refused()
				if reason != cookie.ReasonRevoked && now.Unix() < e.mark.Until {
					n++
				}
			}
			if n > 0 {
				missing += fmt.Sprintf("%d of %d that were acknowledged go on at instance %d\n", n, len(d.ended), i)
			}
		}
		if missing == "" || time.Now().After(late) {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	if missing != "" {
		d.t.Error(missing)
	}
	if live < min {
		d.t.Errorf("%d marks could be checked, want %d", live, min)
	}
}
