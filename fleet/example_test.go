package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Two instances, here in one process and over an engine in memory. One seals, the other
// opens. A session that ends at one is over at both.
func Example() {
	var storage enginetest.Memory // in production a table, a bucket or a Redis
	wrapper, err := fleet.Secret([]byte("thirty-two random bytes, or more"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var instances []*fleet.Fleet
	for range 2 {
		f, err := fleet.New(fleet.Config{
			Engine:      storage.Open(),
			Wrapper:     wrapper,
			Application: "shop",
			Beat:        10 * time.Millisecond, // quick, for the example
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		go f.Run(ctx)
		instances = append(instances, f)
	}
	for _, f := range instances {
		<-f.Ready()
		if _, err := ssestore.New(ssestore.Config{Keys: f, Marks: f.Marks()}); err != nil {
			fmt.Println(err)
		}
	}
	a, b := instances[0], instances[1]
	now := time.Now()
	fmt.Println("one ring:", a.At(now).Primary().ID() == b.At(now).Primary().ID())

	about := marks.About{Session: "AAECAwQFBgcICQoLDA0ODw", User: "alice", Issued: now.Unix(), Now: now.Unix()}
	fmt.Println("before:", b.Marks().Judge(about) == 0)
	if err := a.End(ctx, marks.Mark{Kind: marks.User, ID: "alice"}); err != nil {
		fmt.Println(err)
	}
	for b.Marks().Judge(about) == 0 {
		<-time.After(time.Millisecond) // it's on its way
	}
	fmt.Println("after:", b.Marks().Judge(about))
	// Output:
	// one ring: true
	// before: true
	// after: revoked
}

// A key has leaked. Its sessions end on every instance, and all others go on.
func ExampleFleet_Change() {
	var storage enginetest.Memory
	wrapper, err := fleet.Secret([]byte("thirty-two random bytes, or more"))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := fleet.New(fleet.Config{Engine: storage.Open(), Wrapper: wrapper, Application: "shop", Beat: 10 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go f.Run(ctx)
	<-f.Ready()

	leaked := f.At(time.Now()).Primary().ID()
	err = f.Change(ctx, func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(leaked) })
	_, there := f.At(time.Now()).Key(leaked)
	fmt.Println(err, there, f.Status().Sequence)
	// Output: <nil> false 2
}

// Step alone says what a ring needs, for those who distribute keys in another way.
func ExampleRotation_Step() {
	rotation := fleet.Rotation{Every: 7 * 24 * time.Hour, Ahead: 24 * time.Hour, Keep: 30 * 24 * time.Hour}
	now := time.Now()
	ring, err := rotation.Step(nil, now)
	fmt.Println(len(ring.Keys()), err)

	next, err := rotation.Step(ring, now)
	fmt.Println(next == nil, err) // nothing to do

	next, err = rotation.Step(ring, now.Add(7*24*time.Hour))
	fmt.Println(len(next.Keys()), err)
	// Output:
	// 1 <nil>
	// true <nil>
	// 2 <nil>
}

// What an instance says before it has heard anything, and what End says of a mark that
// ends nothing.
func ExampleFleet_Status() {
	var storage enginetest.Memory
	wrapper, err := fleet.Secret([]byte("thirty-two random bytes, or more"))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := fleet.New(fleet.Config{
		Engine: storage.Open(), Wrapper: wrapper, Application: "shop",
		// The defaults, spelled out.
		Beat: fleet.DefaultBeat, Longest: fleet.DefaultLongest,
		Rotation: fleet.Rotation{Every: fleet.DefaultEvery, Ahead: fleet.DefaultAhead},
		Policy:   marks.Policy{Max: marks.DefaultMax},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	status := f.Status()
	fmt.Println(status.Engine == fleet.EngineOff, status.Ready, len(status.Keys))

	err = f.End(context.Background(), marks.Mark{Kind: marks.User, ID: "alice"})
	fmt.Println("nothing to seal it with yet:", errors.Is(err, fleet.ErrNotReady))
	err = f.End(context.Background(), marks.Mark{Kind: marks.User})
	fmt.Println("whose sessions?", errors.Is(err, fleet.ErrMark))

	phases := map[fleet.KeyPhase]string{fleet.PhaseNext: "seals later", fleet.PhasePrimary: "seals", fleet.PhaseFallback: "only opens"}
	states := []fleet.EngineState{fleet.EngineOff, fleet.EngineOpening, fleet.EngineLive, fleet.EngineSilent}
	fmt.Println(len(phases), "phases,", len(states), "states")
	// Output:
	// true false 0
	// nothing to seal it with yet: true
	// whose sessions? true
	// 3 phases, 4 states
}
