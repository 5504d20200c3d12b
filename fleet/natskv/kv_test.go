package natskv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/natskv"
)

// open returns the engine of one instance, with a connection of its own.
func open(t *testing.T, urls, bucket string, replicas int) *natskv.KV {
	t.Helper()
	kv, err := natskv.New(natskv.Config{JetStream: connect(t, urls), Bucket: bucket, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// suite runs the suite of all engines over a cluster, with a bucket for each test.
func suite(t *testing.T, size int, process bool, crash func(*cluster, *testing.T)) {
	t.Parallel()
	c := newCluster(t, size, process)
	enginetest.Run(t, func(t *testing.T) enginetest.Storage {
		bucket := newBucket()
		return enginetest.Storage{
			Open:  func(t *testing.T) fleet.Engine { return open(t, c.urls(), bucket, size) },
			Crash: func(t *testing.T) { crash(c, t) },
			Lose: func(t *testing.T) {
				js := connect(t, c.urls())
				fleettest.Eventually(t, "the bucket is gone", func() bool {
					err := js.DeleteKeyValue(t.Context(), bucket)
					return err == nil || errors.Is(err, jetstream.ErrBucketNotFound)
				})
			},
			Patience: fleettest.Patience,
		}
	})
}

func TestY60_OneNodeKilled(t *testing.T) { suite(t, 1, true, (*cluster).crash) }

func TestY60_OneNodeShutDown(t *testing.T) { suite(t, 1, false, (*cluster).crash) }

func TestY61_ThreeNodesEachKilled(t *testing.T) { suite(t, 3, true, (*cluster).crash) }

func TestY61_ThreeNodesEachShutDown(t *testing.T) { suite(t, 3, false, (*cluster).crash) }

func TestY61_ThreeNodesAllKilledAtOnce(t *testing.T) { suite(t, 3, true, (*cluster).crashAll) }

// TestY62_Config: what can't work is refused before anything is stored.
func TestY62_Config(t *testing.T) {
	js := connect(t, "nats://127.0.0.1:1")
	for _, c := range []struct {
		config natskv.Config
		field  string
	}{
		{natskv.Config{}, "JetStream"},
		{natskv.Config{JetStream: js, Bucket: "a.b"}, "Bucket"},
		{natskv.Config{JetStream: js, Bucket: strings.Repeat("b", 65)}, "Bucket"},
		{natskv.Config{JetStream: js, Replicas: -1}, "Replicas"},
		{natskv.Config{JetStream: js, Replicas: 6}, "Replicas"},
	} {
		var fault *natskv.ConfigError
		if _, err := natskv.New(c.config); !errors.As(err, &fault) || fault.Field != c.field {
			t.Errorf("New: %v, want a fault of %s", err, c.field)
		}
	}
	if _, err := natskv.New(natskv.Config{JetStream: js}); err != nil {
		t.Errorf("New without a server: %v", err)
	}
}

// looks counts how often the stream of a bucket is looked at.
type looks struct {
	jetstream.JetStream
	n atomic.Int64
}

func (l *looks) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	l.n.Add(1)
	return l.JetStream.Stream(ctx, name)
}

// TestY62_Bucket: a bucket is made as it must be, and one that somebody made otherwise is
// refused.
func TestY62_Bucket(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	js := connect(t, c.urls())
	good := jetstream.KeyValueConfig{Bucket: "good", LimitMarkerTTL: time.Minute, History: 5}
	for name, change := range map[string]func(*jetstream.KeyValueConfig){
		"forgets":  func(c *jetstream.KeyValueConfig) { c.TTL = time.Hour },
		"no-times": func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = 0 },
		"good":     func(*jetstream.KeyValueConfig) {},
	} {
		config := good
		config.Bucket = name
		change(&config)
		if _, err := js.CreateKeyValue(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		looked := &looks{JetStream: connect(t, c.urls())}
		kv, err := natskv.New(natskv.Config{JetStream: looked, Bucket: name})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, swapErr := kv.Swap(t.Context(), "ring", []byte("v"), 0)
		// Once, and once more for each second in which the server didn't answer.
		if n := looked.n.Load(); n < 1 || n > 1+int64(time.Since(began)/time.Second) {
			t.Errorf("Swap looked at bucket %s %d times", name, n)
		}
		appendErr := kv.Append(t.Context(), "m.one", []byte("v"), time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		watchErr := kv.Watch(ctx, func(ev fleet.Event) {
			if ev.Synced {
				cancel()
			}
		})
		cancel()
		for call, err := range map[string]error{"Swap": swapErr, "Append": appendErr, "Watch": watchErr} {
			if errors.Is(err, natskv.ErrBucket) != (name != "good") {
				t.Errorf("%s in bucket %s: %v", call, name, err)
			}
		}
	}
	// Twelve instances find no bucket at the same time.
	var listeners []*fleettest.Listener
	for range 12 {
		listeners = append(listeners, fleettest.Listen(t, open(t, c.urls(), "new", 1)))
	}
	appending := open(t, c.urls(), "new", 1)
	fleettest.Eventually(t, "m.one is stored", func() bool {
		return appending.Append(t.Context(), "m.one", []byte("v"), time.Hour+time.Second/2) == nil
	})
	for _, l := range listeners {
		l.Has(t, "m.one", "v")
	}
	kv, err := js.KeyValue(t.Context(), "new")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "a.m.one")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "KV_new")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetMsg(t.Context(), entry.Revision())
	if err != nil {
		t.Fatal(err)
	}
	if ttl := msg.Header.Get("Nats-TTL"); ttl != "1h0m1s" {
		t.Errorf("a mark of an hour and half a second lives for %q, want 1h0m1s", ttl)
	}
}

// TestY62_ForeignValues: what others put into the bucket, and what they deleted there, isn't
// told.
func TestY62_ForeignValues(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	a := open(t, c.urls(), "b", 1)
	if _, err := a.Swap(t.Context(), "ring", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Append(t.Context(), "m.gone", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	kv, err := connect(t, c.urls()).KeyValue(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		kv.Delete(t.Context(), "a.m.gone"),
		second(kv.Put(t.Context(), "foreign", []byte("v"))),
		second(kv.Put(t.Context(), "a.m.empty", nil)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l := fleettest.Listen(t, open(t, c.urls(), "b", 1))
	l.Has(t, "ring", "v")
	fleettest.Eventually(t, "Synced", func() bool { return l.Synced() > 0 })
	for _, name := range []string{"m.gone", "m.empty", "foreign"} {
		if l.Times(name) != 0 {
			t.Errorf("%s was told", name)
		}
	}
	// What was deleted can be stored again.
	if err := a.Append(t.Context(), "m.gone", []byte("again"), time.Hour); err != nil {
		t.Fatal(err)
	}
	l.Has(t, "m.gone", "again")
	if err := kv.Delete(t.Context(), "s.ring"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Swap(t.Context(), "ring", []byte("again"), 0); err != nil {
		t.Fatal(err)
	}
	l.Has(t, "ring", "again")
}

func second(_ uint64, err error) error { return err }

// TestY62_Permissions: a user who may do what the package's comment says, and nothing else, is
// enough.
func TestY62_Permissions(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "app", Password: "password", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{
				"$KV.hardtack.>", "$JS.API.INFO", "$JS.API.STREAM.INFO.KV_hardtack", "$JS.API.STREAM.CREATE.KV_hardtack",
				"$JS.API.CONSUMER.CREATE.KV_hardtack.>", "$JS.API.STREAM.MSG.GET.KV_hardtack", "$JS.API.DIRECT.GET.KV_hardtack.>", "$JS.FC.>",
			}},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	js := connect(t, s.ClientURL(), nats.UserInfo("app", "password"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		t.Errorf("not allowed: %v", err)
	}))
	kv, err := natskv.New(natskv.Config{JetStream: js, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	rev := uint64(0)
	for range 2 { // the second Watch goes on
		l := fleettest.Listen(t, kv)
		if rev, err = kv.Swap(t.Context(), "ring", []byte("v"), rev); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := kv.Append(t.Context(), "m.one", []byte("v"), time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		l.Has(t, "m.one", "v")
		fleettest.Eventually(t, "Synced", func() bool { return l.Synced() > 0 })
		l.Stop()
	}
}

// TestY63_SilentConnection: a watch whose connection swallows everything ends by itself, and
// the next one gets through, although nats.go takes the connection for a good one.
func TestY63_SilentConnection(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	proxy := fleettest.NewProxy(t, strings.TrimPrefix(c.urls(), "nats://"))
	js := connect(t, "nats://"+proxy.Addr(), nats.IgnoreDiscoveredServers())
	kv, err := natskv.New(natskv.Config{JetStream: js, Bucket: "b", Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	fleettest.SilentConnection(t, kv, proxy, open(t, c.urls(), "b", 1))
}

// TestY63_ImpatientWatch: a watch that is given up sooner than the connection makes the next
// one get through all the same.
func TestY63_ImpatientWatch(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	proxy := fleettest.NewProxy(t, strings.TrimPrefix(c.urls(), "nats://"))
	js := connect(t, "nats://"+proxy.Addr(), nats.IgnoreDiscoveredServers())
	kv, err := natskv.New(natskv.Config{JetStream: js, Bucket: "b", Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	synced := func() (ok bool) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		kv.Watch(ctx, func(ev fleet.Event) {
			ok = ok || ev.Synced
			cancel()
		})
		return ok
	}
	fleettest.Eventually(t, "Synced", synced)
	proxy.Silence()
	fleettest.Eventually(t, "Synced over a new connection", synced)
}

// TestY63_Gap: a watch notices that something was sent which never arrived, by the next message
// or by a heartbeat, and its successor tells it.
func TestY63_Gap(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	for _, by := range []string{"message", "heartbeat"} {
		t.Run(by, func(t *testing.T) {
			proxy := fleettest.NewProxy(t, strings.TrimPrefix(c.urls(), "nats://"))
			js := connect(t, "nats://"+proxy.Addr(), nats.IgnoreDiscoveredServers())
			kv, err := natskv.New(natskv.Config{JetStream: js, Bucket: by, Replicas: 1})
			if err != nil {
				t.Fatal(err)
			}
			l, other := fleettest.Listen(t, kv), open(t, c.urls(), by, 1)
			round := 0
			store := func(name string) string {
				name = fmt.Sprintf("m.%s-%d", name, round)
				if err := other.Append(t.Context(), name, []byte("v"), time.Hour); err != nil {
					t.Fatal(err)
				}
				return name
			}
			// The server may learn that the connection is gone before it has sent anything
			// there. Then nothing gets lost, so there is another round.
			fleettest.Eventually(t, "a gap", func() bool {
				round++
				l.Has(t, store("before"), "v")
				proxy.Silence()
				lost := store("lost")
				fleettest.Eventually(t, "a new connection", func() bool {
					if err := js.Conn().ForceReconnect(); err != nil {
						t.Fatal(err)
					}
					return js.Conn().FlushTimeout(time.Second) == nil
				})
				if by == "message" {
					after := store("after")
					l.Has(t, after, "v")
					if told := l.All(); bytes.Index(told, []byte(lost)) > bytes.Index(told, []byte(after)) || !bytes.Contains(told, []byte(lost)) {
						t.Errorf("%s was told before %s", after, lost)
					}
				}
				l.Has(t, lost, "v")
				return l.Ended(natskv.ErrGap)
			})
		})
	}
}

// TestY63_RestoredCopy: servers that are restored from an older copy use revisions again. A
// watch that goes on hears of what they stand for now.
func TestY63_RestoredCopy(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	n := c.nodes[0]
	listening, writing := open(t, c.urls(), "b", 1), open(t, c.urls(), "b", 1)
	fleettest.RestoredCopy(t, listening, writing, &n.Dir, n.kill, func() {
		n.start(t)
		n.healthy(t)
	})
	// It does go on, and not from the beginning, where there is nothing to doubt.
	l := fleettest.Listen(t, listening)
	fleettest.Eventually(t, "Synced", func() bool { return l.Synced() > 0 })
	if l.Times("ring") == 0 {
		t.Error("what was swapped isn't told again")
	}
}
