package rediskv_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/rediskv"
)

// open returns the engine of one instance, with a client of its own.
func open(t *testing.T, s *redis, prefix string) *rediskv.KV {
	t.Helper()
	return openWith(t, rueidis.ClientOption{InitAddress: []string{s.addr()}, ConnWriteTimeout: 2 * time.Second}, prefix)
}

func openWith(t *testing.T, option rueidis.ClientOption, prefix string) *rediskv.KV {
	t.Helper()
	kv, err := rediskv.New(rediskv.Config{Client: connect(t, option), Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// prefixes counts the storages of this process.
var prefixes atomic.Int64

func newPrefix() string { return fmt.Sprintf("test-%d", prefixes.Add(1)) }

// A keeper is a client that looks whether a command is still whole when it has been
// answered. One that isn't pinned has been emptied then, for the next one to use.
type keeper struct {
	rueidis.Client
	commands, taken atomic.Int64
}

func (k *keeper) Do(ctx context.Context, c rueidis.Completed) rueidis.RedisResult {
	words := c.Commands()
	was := slices.Clone(words)
	res := k.Client.Do(ctx, c)
	k.commands.Add(1)
	if !slices.Equal(words, was) {
		k.taken.Add(1)
	}
	return res
}

// TestY64_CommandsAreKept: when a connection breaks, the client's writer may still read a
// command that has been answered. So nobody else gets its memory.
func TestY64_CommandsAreKept(t *testing.T) {
	s := newRedis(t)
	k := &keeper{Client: connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})}
	kv, err := rediskv.New(rediskv.Config{Client: k, Prefix: newPrefix()})
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range []struct {
		name string
		do   func() error
	}{
		{"Swap", func() error { _, err := kv.Swap(t.Context(), "ring", []byte("v"), 0); return err }},
		{"Append", func() error { return kv.Append(t.Context(), "m.one", []byte("v"), time.Hour) }},
		{"Watch", func() error {
			ctx, cancel := context.WithCancel(t.Context())
			err := kv.Watch(ctx, func(ev fleet.Event) {
				if ev.Synced {
					cancel()
				}
			})
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}},
	} {
		before := k.commands.Load()
		if err := use.do(); err != nil {
			t.Errorf("%s: %v", use.name, err)
		}
		if k.commands.Load() == before || k.taken.Swap(0) > 0 {
			t.Errorf("%s: %d commands, and the client took some of them back", use.name, k.commands.Load()-before)
		}
	}
}

func TestY64_ServerKilled(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	enginetest.Run(t, func(t *testing.T) enginetest.Storage {
		prefix := newPrefix()
		return enginetest.Storage{
			Open:  func(t *testing.T) fleet.Engine { return open(t, s, prefix) },
			Crash: s.crash,
			Lose: func(t *testing.T) {
				admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})
				if err := admin.Do(t.Context(), admin.B().Flushall().Build()).Error(); err != nil {
					t.Fatal(err)
				}
			},
			Patience: fleettest.Patience,
		}
	})
}

// TestY65_Config: what can't work is refused before anything is stored.
func TestY65_Config(t *testing.T) {
	client := connect(t, rueidis.ClientOption{InitAddress: []string{newRedis(t).addr()}})
	for _, c := range []struct {
		config rediskv.Config
		field  string
	}{
		{rediskv.Config{}, "Client"},
		{rediskv.Config{Client: client, Prefix: "a{b"}, "Prefix"},
		{rediskv.Config{Client: client, Prefix: "a}b"}, "Prefix"},
	} {
		var fault *rediskv.ConfigError
		if _, err := rediskv.New(c.config); !errors.As(err, &fault) || fault.Field != c.field {
			t.Errorf("New: %v, want a fault of %s", err, c.field)
		}
	}
}

// TestY65_OnlyItsOwnKeys: a user of the server who may use nothing but what the package's
// comment says, on nothing but keys with the prefix, is enough.
func TestY65_OnlyItsOwnKeys(t *testing.T) {
	s := newRedis(t)
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})
	do := func(args ...string) {
		t.Helper()
		if err := admin.Do(t.Context(), admin.B().Arbitrary(args...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	do("SET", "foreign", "untouched")
	do("ACL", "SETUSER", "app", "on", ">password", "~{shop}:*", "-@all",
		"+hello", "+client", "+ping", "+eval", "+xread", "+xrange", "+xadd", "+xdel", "+time")
	allowed := rueidis.ClientOption{InitAddress: []string{s.addr()}, Username: "app", Password: "password"}
	a, b := openWith(t, allowed, "shop"), openWith(t, allowed, "shop")
	l := fleettest.Listen(t, b)
	rev, err := a.Swap(t.Context(), "ring", []byte("one"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Swap(t.Context(), "ring", []byte("two"), rev); err != nil {
		t.Fatal(err)
	}
	if err := a.Append(t.Context(), "m.one", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	l.Has(t, "ring", "two")
	l.Has(t, "m.one", "v")

	foreign := openWith(t, allowed, "other")
	if _, err := foreign.Swap(t.Context(), "ring", []byte("one"), 0); err == nil || errors.Is(err, fleet.ErrConflict) {
		t.Errorf("Swap with another prefix: %v", err)
	}
	keys, err := admin.Do(t.Context(), admin.B().Keys().Pattern("*").Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if key != "foreign" && !strings.HasPrefix(key, "{shop}:") {
			t.Errorf("there is a key %q", key)
		}
	}
}

// TestY65_Cluster: all keys are in one slot, so a cluster takes the same commands.
func TestY65_Cluster(t *testing.T) {
	t.Parallel()
	s := newRedis(t, "--cluster-enabled", "yes")
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}, ForceSingleClient: true})
	if err := admin.Do(t.Context(), admin.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	fleettest.Eventually(t, "the cluster is up", func() bool {
		info, err := admin.Do(t.Context(), admin.B().ClusterInfo().Build()).ToString()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	a, b := open(t, s, "c"), open(t, s, "c")
	l := fleettest.Listen(t, b)
	if _, err := a.Swap(t.Context(), "ring", []byte("one"), 0); err != nil {
		t.Fatal(err)
	}
	for i, ttl := range []time.Duration{time.Second, 24 * time.Hour, 50000 * time.Hour, 1 << 62} {
		if err := a.Append(t.Context(), fmt.Sprintf("m.%d", i), []byte("v"), ttl); err != nil {
			t.Fatal(err)
		}
		l.Has(t, fmt.Sprintf("m.%d", i), "v")
	}
	l.Has(t, "ring", "one")
}

// TestY66_Retention: a stream is cut off at the age up to which its marks must live, and not
// before it.
func TestY66_Retention(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	kv := open(t, s, "r")
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})
	const many = 1000 // a stream is cut off by whole nodes of a hundred entries
	for stream, age := range map[string]time.Duration{"1h": time.Hour, "2d": 48 * time.Hour, "401d": 401 * 24 * time.Hour} {
		key := "{r}:marks:" + stream
		now := time.Now()
		for n, at := range []time.Time{now.Add(-age - time.Hour), now.Add(-age + time.Minute)} {
			var entries []rueidis.Completed // all at once, which the disk has to take once
			for i := range many {
				id := fmt.Sprintf("%d-%d", at.UnixMilli(), i)
				name := fmt.Sprintf("m.%s-%d-%d", stream, n, i)
				entries = append(entries, admin.B().Arbitrary("XADD", key, id, "n", name, "v", "v").Build())
			}
			for _, added := range admin.DoMulti(t.Context(), entries...) {
				if err := added.Error(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := kv.Append(t.Context(), "m.new-"+stream, []byte("v"), age); err != nil {
			t.Fatal(err)
		}
		left, err := admin.Do(t.Context(), admin.B().Xlen().Key(key).Build()).ToInt64()
		if err != nil {
			t.Fatal(err)
		}
		if left < many+1 || left > many+101 {
			t.Errorf("the stream of %s has %d entries left, want %d and at most a hundred more", stream, left, many+1)
		}
	}
	l := fleettest.Listen(t, open(t, s, "r"))
	for _, stream := range []string{"1h", "2d", "401d"} {
		l.Has(t, "m.new-"+stream, "v")
		l.Has(t, fmt.Sprintf("m.%s-1-0", stream), "v")
		l.Has(t, fmt.Sprintf("m.%s-1-%d", stream, many-1), "v")
	}
}

// TestY66_ForeignEntries: what others put into the streams isn't told.
func TestY66_ForeignEntries(t *testing.T) {
	s := newRedis(t)
	kv := open(t, s, "f")
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})
	for _, entry := range [][]string{
		{"{f}:marks:1h", "*", "x", "y"},
		{"{f}:marks:1h", "*", "n", "NO", "v", "v"},
		{"{f}:swaps", "*", "x", "y"},
	} {
		if err := admin.Do(t.Context(), admin.B().Arbitrary("XADD").Args(entry...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kv.Swap(t.Context(), "ring", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	l := fleettest.Listen(t, kv)
	l.Has(t, "ring", "v")
	for _, name := range []string{"", "NO"} {
		if l.Times(name) != 0 {
			t.Errorf("%q was told", name)
		}
	}
}

// TestY67_SilentConnection: a watch whose connection swallows everything ends by itself, and
// the next one gets through.
func TestY67_SilentConnection(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	proxy := fleettest.NewProxy(t, s.addr())
	kv := openWith(t, rueidis.ClientOption{InitAddress: []string{proxy.Addr()}, ConnWriteTimeout: 2 * time.Second}, "p")
	fleettest.SilentConnection(t, kv, proxy, open(t, s, "p"))
}

// TestY67_ContextEndsSilentWatch: nobody waits for a connection that swallows everything.
func TestY67_ContextEndsSilentWatch(t *testing.T) {
	s := newRedis(t)
	proxy := fleettest.NewProxy(t, s.addr())
	kv := openWith(t, rueidis.ClientOption{InitAddress: []string{proxy.Addr()}}, "p")
	ctx, cancel := context.WithCancel(t.Context())
	err := kv.Watch(ctx, func(ev fleet.Event) {
		proxy.Silence()
		time.AfterFunc(10*time.Millisecond, cancel)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}

// TestY67_GoesOn: a watch that is called again doesn't begin at the beginning, unless another
// one was under way, whose place it would be.
func TestY67_GoesOn(t *testing.T) {
	s := newRedis(t)
	kv := open(t, s, "o")
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{s.addr()}})
	old := fmt.Sprintf("%d-0", time.Now().Add(-30*time.Minute).UnixMilli())
	if err := admin.Do(t.Context(), admin.B().Arbitrary("XADD", "{o}:marks:1h", old, "n", "m.old", "v", "v").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if err := kv.Append(t.Context(), "m.new", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Swap(t.Context(), "ring", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	listen := func() *fleettest.Listener {
		l := fleettest.Listen(t, kv)
		fleettest.Eventually(t, "Synced", func() bool { return l.Synced() > 0 })
		return l
	}
	listen().Stop()
	again := listen()
	beside := listen()
	for what, got := range map[string]int{
		"again, the old mark":  again.Times("m.old"),
		"beside, the old mark": beside.Times("m.old") - 1,
		"beside, the new mark": beside.Times("m.new") - 1,
		"again, the new mark":  again.Times("m.new") - 1, // stored within the last minute
		"again, the ring":      again.Times("ring") - 1,
	} {
		if got != 0 {
			t.Errorf("%s: told %d times more than it should be", what, got)
		}
	}
	again.Stop()
	beside.Stop()
	if after := listen(); after.Times("m.old") != 1 {
		t.Errorf("after two at once, the old mark was told %d times", after.Times("m.old"))
	}
}

// TestY67_RestoredCopy: a server that is restored from an older copy is told of as it is now.
func TestY67_RestoredCopy(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	fleettest.RestoredCopy(t, open(t, s, "b"), open(t, s, "b"), &s.dir, s.kill, func() { s.start(t) })
}
