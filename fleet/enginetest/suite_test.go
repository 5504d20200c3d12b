package enginetest_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
)

// flawed is an Engine in memory with one flaw, or none. It is as short as it can be, so
// that a flaw is one line.
type flawed struct {
	*disk
	seen int // how much of the log a Watch of this Engine has told
	runs int // calls of Watch
	flaw string
}

// disk is what flawed engines share.
type disk struct {
	mu    sync.Mutex
	log   []fleet.Event
	until map[string]time.Time
	rev   map[string]uint64
	news  chan struct{}
	down  bool
}

func newDisk() *disk {
	return &disk{until: map[string]time.Time{}, rev: map[string]uint64{}, news: make(chan struct{})}
}

func (e *flawed) is(flaw string) bool { return e.flaw == flaw }

func (e *flawed) check(ctx context.Context, name string, value []byte) error {
	if ctx.Err() != nil && !e.is("call without a context") {
		return ctx.Err()
	}
	err := fleet.Check(name, value)
	if e.is("any name") && err == fleet.ErrBadName || e.is("any value") && err == fleet.ErrBadValue {
		return nil
	}
	return err
}

func (e *flawed) add(ev fleet.Event) {
	if !e.is("keeps the caller's slice") {
		ev.Value = slices.Clone(ev.Value)
	}
	e.log = append(e.log, ev)
	close(e.news)
	e.news = make(chan struct{})
}

func (e *flawed) Swap(ctx context.Context, name string, value []byte, rev uint64) (uint64, error) {
	if err := e.check(ctx, name, value); err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return 0, context.DeadlineExceeded
	}
	now := e.rev[name]
	switch {
	case e.is("no comparison"):
	case e.is("63 bits") && rev&(1<<63-1) == now:
	case e.is("no comparison at creation") && rev == 0:
	case e.is("accepts what is ahead") && rev > now && now != 0:
	case e.is("swap in two steps"):
		e.mu.Unlock()
		<-time.After(10 * time.Millisecond)
		e.mu.Lock()
		if rev != now {
			return 0, fleet.ErrConflict
		}
	case rev != now:
		return 0, fleet.ErrConflict
	}
	if !e.is("revisions stand still") || now == 0 {
		now++
	}
	e.rev[name] = now
	e.add(fleet.Event{Name: name, Value: value, Revision: now})
	return now, nil
}

func (e *flawed) Append(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	if err := e.check(ctx, name, value); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return context.DeadlineExceeded
	}
	if _, ok := e.until[name]; ok {
		switch {
		case e.is("append refuses what is there"):
			return fleet.ErrConflict
		case e.is("the last ttl counts"):
			e.until[name] = time.Now().Add(ttl)
		}
		return nil
	}
	if e.is("at most a second") {
		ttl = min(ttl, time.Second)
	}
	e.until[name] = time.Now().Add(ttl)
	ev := fleet.Event{Name: name, Value: value}
	if e.is("revision of what was appended") {
		ev.Revision = 1
	}
	e.add(ev)
	return nil
}

func (e *flawed) Watch(ctx context.Context, f func(fleet.Event)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	end, next, synced := len(e.log), 0, false
	call := func(ev fleet.Event) {
		if !e.is("shares slices") {
			ev.Value = slices.Clone(ev.Value)
		}
		if !e.is("locked inside of f") {
			e.mu.Unlock()
			defer e.mu.Lock()
		}
		f(ev)
	}
	e.runs++
	defer func() { e.runs-- }()
	switch {
	case e.is("resumes at the end") && e.seen > 0:
		next = end
	case e.is("resumes beside others"), e.is("waits for more than before") && e.runs == 1:
		next = min(e.seen, end)
	}
	if e.is("synced first") {
		next, synced = 0, true
		call(fleet.Event{Synced: true})
	}
	for {
		for ; next < len(e.log) && (next < end || synced); next++ {
			ev := e.log[next]
			if until, ok := e.until[ev.Name]; ok && time.Now().After(until) {
				continue
			}
			if e.is("forgets swaps") && ev.Revision == 3 {
				continue
			}
			if e.is("mixes values up") && ev.Name == "ring" && synced {
				ev.Value = e.log[0].Value
			}
			call(ev)
			if ctx.Err() != nil && !e.is("watches on") {
				return ctx.Err()
			}
		}
		if !synced && !e.is("never synced") {
			synced = true
			call(fleet.Event{Synced: true})
			if e.is("synced twice") {
				call(fleet.Event{Synced: true})
			}
			if e.is("gap before changes") {
				next = len(e.log)
			}
			continue
		}
		e.seen = next
		news := e.news
		e.mu.Unlock()
		select {
		case <-news:
			e.mu.Lock()
		case <-ctx.Done():
			if e.is("watches on") {
				<-make(chan int)
			}
			e.mu.Lock()
			if e.is("no reason") {
				return nil
			}
			return ctx.Err()
		}
		if e.is("skips when many come") && len(e.log)-next > 1 {
			next = len(e.log) - 1
		}
		if e.down {
			return context.DeadlineExceeded
		}
	}
}

func storage(flaw string) enginetest.Storage {
	d := newDisk()
	patience := time.Duration(0)
	if flaw != "" {
		patience = 2 * time.Second
	}
	return enginetest.Storage{
		Patience: patience,
		Open:     func(*testing.T) fleet.Engine { return &flawed{disk: d, flaw: flaw} },
		Lose: func(*testing.T) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.log = nil
			clear(d.until)
			clear(d.rev)
		},
		Crash: func(*testing.T) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.down = true
			close(d.news)
			d.news = make(chan struct{})
			time.AfterFunc(20*time.Millisecond, func() {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.down = flaw == "stays down"
				if flaw == "loses the last seconds" {
					for _, ev := range d.log[len(d.log)/2:] {
						delete(d.until, ev.Name)
						delete(d.rev, ev.Name)
					}
					d.log = d.log[:len(d.log)/2]
				}
			})
		},
	}
}

func TestRun(t *testing.T) {
	enginetest.Run(t, func(*testing.T) enginetest.Storage { return storage("") })
}

// flaws names the test that must find each flaw.
var flaws = map[string]string{
	"any name":                      "NamesAndValues",
	"any value":                     "NamesAndValues",
	"no comparison":                 "Swap",
	"no comparison at creation":     "Swap",
	"63 bits":                       "Swap",
	"accepts what is ahead":         "Swap",
	"revisions stand still":         "Swap",
	"swap in two steps":             "SwapRace",
	"append refuses what is there":  "Append",
	"revision of what was appended": "Append",
	"the last ttl counts":           "AppendTTL",
	"at most a second":              "AppendTTL",
	"keeps the caller's slice":      "Copies",
	"shares slices":                 "Copies",
	"synced first":                  "WatchAllThenSyncedThenChanges",
	"synced twice":                  "WatchAllThenSyncedThenChanges",
	"mixes values up":               "WatchAllThenSyncedThenChanges",
	"no reason":                     "WatchAllThenSyncedThenChanges",
	"never synced":                  "WatchEmpty",
	"gap before changes":            "UseInsideWatch",
	"forgets swaps":                 "WatchAgain",
	"resumes at the end":            "WatchAgain",
	"resumes beside others":         "WatchAgain",
	"waits for more than before":    "Lose",
	"skips when many come":          "WatchSlowly",
	"locked inside of f":            "UseInsideWatch",
	"call without a context":        "ContextEnds",
	"watches on":                    "ContextEnds",
	"stays down":                    "Crash",
	"loses the last seconds":        "Crash",
}

// TestY40_FlawsAreFound runs the suite in a process of its own for each flaw, which must fail
// in the test that is there for it.
func TestY40_FlawsAreFound(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for flaw, test := range flaws {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run=^TestFlawed$/^"+test+"$", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), "FLAW="+flaw)
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("%s doesn't find it:\n%s", test, out)
			case !strings.Contains(string(out), "--- FAIL: TestFlawed/"+test) && !strings.Contains(string(out), "test timed out"):
				t.Errorf("%s ended in another way:\n%s", test, out)
			}
		})
	}
}

func TestFlawed(t *testing.T) {
	flaw := os.Getenv("FLAW")
	if flaw == "" {
		t.Skip("TestY40_FlawsAreFound runs this")
	}
	enginetest.Run(t, func(*testing.T) enginetest.Storage { return storage(flaw) })
}
