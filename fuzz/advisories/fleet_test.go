package advisories_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/marks"
)

// instance is one of an application, and ready.
func instance(t *testing.T, engine *enginetest.Memory) *fleet.Fleet {
	t.Helper()
	wrapper, err1 := fleet.Secret(bytes.Repeat([]byte{1}, 32))
	f, err2 := fleet.New(fleet.Config{Engine: engine.Open(), Wrapper: wrapper, Application: "shop", Log: slog.New(slog.DiscardHandler)})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	<-f.Ready()
	return f
}

// An engine whose client mixes up the answers gives one thing the value of another.
func TestAdvisory_CVE_2025_29923_AnswerToAnotherQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine enginetest.Memory
		f := instance(t, &engine)
		ring := f.At(time.Now())
		now := time.Now().Unix()
		if err := f.End(t.Context(), marks.Mark{Kind: marks.User, ID: "ann", Before: now}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		stored := engine.Stored()
		if len(stored) < 3 { // the ring, the beat and the mark
			t.Fatalf("%d things are stored", len(stored))
		}
		judge := func(what string) {
			t.Helper()
			same(t, what+": the primary", f.At(time.Now()).Primary().ID(), ring.Primary().ID())
			same(t, what+": when ann's sessions end", f.Marks().NotBefore("ann"), now)
			same(t, what+": when bob's do", f.Marks().NotBefore("bob"), 0)
		}
		judge("honest")
		for to := range stored {
			for from, value := range stored {
				if to != from {
					engine.Forge(to, value)
					time.Sleep(3 * time.Second)
					judge(to + " is " + from)
				}
			}
		}
		if c := f.Status().Counters; c.RefusedRings == 0 || c.RefusedMarks == 0 {
			t.Errorf("nothing was refused: %+v", c)
		}
	})
}

// A server on which somebody else's account can delete what this one stores.
func TestAdvisory_CVE_2025_30215_StorageIsDestroyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine enginetest.Memory
		f := instance(t, &engine)
		primary := f.At(time.Now()).Primary().ID()
		now := time.Now().Unix()
		if err := f.End(t.Context(), marks.Mark{Kind: marks.User, ID: "ann", Before: now}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		engine.Lose()
		time.Sleep(time.Minute)
		same(t, "the primary", f.At(time.Now()).Primary().ID(), primary)
		same(t, "when ann's sessions end", f.Marks().NotBefore("ann"), now)
		// The instance has put the ring back, so nobody who starts now makes another.
		same(t, "a new instance's primary", instance(t, &engine).At(time.Now()).Primary().ID(), primary)
	})
}
