package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ticket"
)

// beat is that of the instances in tests, unless a test says otherwise.
const beat = time.Second

// wait moves the clock of the bubble.
func wait(d time.Duration) { <-time.After(d) }

// A world is a bubble with a storage and the instances of an application.
type world struct {
	*testing.T
	enginetest.Memory
	wrapper fleet.Wrapper
}

// An instance is a Fleet with its own connection.
type instance struct {
	*fleet.Fleet
	t    *testing.T
	conn *enginetest.Conn
	log  *fleettest.Log
	stop func() // and wait for the end of Run
}

// bubble runs a test with a clock of its own.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&world{T: t, wrapper: secret(t, 1)})
	})
}

// secret returns a Wrapper of the given secrets.
func secret(t testing.TB, seeds ...byte) fleet.Wrapper {
	t.Helper()
	var secrets [][]byte
	for _, b := range seeds {
		secrets = append(secrets, bytes.Repeat([]byte{b}, 32))
	}
	wrapper, err := fleet.Secret(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return wrapper
}

// start starts an instance. It doesn't wait until it is ready.
func (w *world) start(change func(*fleet.Config)) *instance {
	w.Helper()
	in := &instance{t: w.T, conn: w.Open(), log: &fleettest.Log{}}
	c := fleet.Config{Engine: in.conn, Wrapper: w.wrapper, Application: "shop", Beat: beat, Log: slog.New(slog.NewTextHandler(in.log, nil))}
	if change != nil {
		change(&c)
	}
	f, err := fleet.New(c)
	if err != nil {
		w.Fatal(err)
	}
	in.Fleet = f
	in.run()
	return in
}

func (in *instance) run() {
	ctx, cancel := context.WithCancel(in.t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	in.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			in.t.Errorf("Run returned %v", err)
		}
	})
	in.t.Cleanup(in.stop)
}

// some starts n instances and waits until they are ready.
func (w *world) some(n int, change func(*fleet.Config)) []*instance {
	w.Helper()
	var all []*instance
	for range n {
		all = append(all, w.start(change))
	}
	for _, in := range all {
		in.mustBeReady()
	}
	return all
}

func (in *instance) isReady() bool {
	select {
	case <-in.Ready():
		return true
	default:
		return false
	}
}

func (in *instance) mustBeReady() {
	in.t.Helper()
	select {
	case <-in.Ready():
	case <-time.After(time.Hour):
		in.t.Fatalf("not ready: %+v\n%s", in.Status(), in.log)
	}
}

// kids returns the ids of an instance's keys, in order.
func (in *instance) kids() string {
	s := ""
	for _, k := range in.At(time.Now()).Keys() {
		s += k.ID() + " "
	}
	return s
}

// oneRing checks that all instances have the same keys, and returns their ids.
func oneRing(t testing.TB, all []*instance) string {
	t.Helper()
	for i, in := range all {
		if in.kids() != all[0].kids() {
			t.Errorf("instance %d has the keys %s, and the first %s", i, in.kids(), all[0].kids())
		}
	}
	return all[0].kids()
}

// seal returns something that is sealed under the primary of an instance, and opened
// reports whether an instance can open such a thing.
func (in *instance) seal() string {
	in.t.Helper()
	token, err := in.tickets().Seal(time.Now(), "value")
	if err != nil {
		in.t.Fatal(err)
	}
	return token
}

func (in *instance) opens(token string) bool {
	in.t.Helper()
	v, err := in.tickets().Open(time.Now(), token, nil)
	if err != nil && !errors.Is(err, cookie.ErrInvalid) {
		in.t.Fatal(err)
	}
	return err == nil && v == "value"
}

func (in *instance) tickets() *ticket.Kind[string] {
	in.t.Helper()
	kind, err := ticket.New[string](ticket.Config{Keys: in, Purpose: "session", Life: in.Window()})
	if err != nil {
		in.t.Fatal(err)
	}
	return kind
}

// refused reports whether an instance refuses the session of a user.
func (in *instance) refuses(session, user string, issued time.Time) bool {
	return in.judge(session, user, issued) == cookie.ReasonRevoked
}

func (in *instance) judge(session, user string, issued time.Time) cookie.Reason {
	return in.Marks().Judge(marks.About{Session: session, User: user, Issued: issued.Unix(), Now: time.Now().Unix()})
}

func (in *instance) end(m marks.Mark) {
	in.t.Helper()
	if err := in.End(in.t.Context(), m); err != nil {
		in.t.Fatal(err)
	}
}

func (in *instance) change(change func(*keyring.Keyring) (*keyring.Keyring, error)) {
	in.t.Helper()
	if err := in.Change(in.t.Context(), change); err != nil {
		in.t.Fatal(err)
	}
}
