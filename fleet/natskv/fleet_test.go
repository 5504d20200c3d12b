package natskv_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
	"github.com/hardtack-go/hardtack/fleet/natskv"
)

var long = flag.Bool("long", false, "kill each server of a drill six times, instead of once")

// through returns engines that reach a cluster through proxies of their own.
func through(t *testing.T, c *cluster, bucket string, n int) (engines []fleet.Engine, proxies []*fleettest.Proxy) {
	t.Helper()
	var urls []string
	for _, n := range c.nodes {
		p := fleettest.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", n.Port))
		proxies = append(proxies, p)
		urls = append(urls, "nats://"+p.Addr())
	}
	for range n {
		js := connect(t, strings.Join(urls, ","), nats.IgnoreDiscoveredServers())
		kv, err := natskv.New(natskv.Config{JetStream: js, Bucket: bucket, Replicas: len(c.nodes)})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, kv)
	}
	return engines, proxies
}

// TestY70_Y71_Y73_Drill: twelve instances start at once on servers that hold nothing. Then
// keys change, sessions begin, come back and end, while each server is killed, connections go
// silent, and some news comes late.
func TestY70_Y71_Y73_Drill(t *testing.T) {
	c := newCluster(t, 3, false)
	const bucket = "drill"
	engines, silent := through(t, c, bucket, 2)
	late, slow := through(t, c, bucket, 2)
	for _, p := range slow {
		p.Delay(100 * time.Millisecond)
	}
	engines = append(engines, late...)
	for len(engines) < 12 {
		engines = append(engines, open(t, c.urls(), bucket, 3))
	}
	rounds := len(c.nodes)
	if *long {
		rounds *= 6
	}
	node := func(round int) *node { return c.nodes[round%len(c.nodes)] }
	fleettest.Endure(t, engines, rounds, func(round int) {
		for _, p := range silent {
			p.Silence()
		}
		node(round).kill()
	}, func(round int) {
		node(round).start(t)
		node(round).healthy(t)
	})
}

// TestY72_SilentWatch: a watch that goes silent without an end is opened again, and its
// instance follows. Without that it falls behind, and loses sessions.
func TestY72_SilentWatch(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	fleettest.SilentWatch(t, func() func() fleet.Engine {
		bucket := newBucket()
		return func() fleet.Engine { return open(t, c.urls(), bucket, 1) }
	})
}

// TestY74_WhatIsStored: neither the files of the servers nor what they tell holds keys or ids.
func TestY74_WhatIsStored(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, false)
	bucket := newBucket()
	listener := fleettest.Listen(t, open(t, c.urls(), bucket, 1))
	fleettest.WhatIsStored(t, func() fleet.Engine { return open(t, c.urls(), bucket, 1) }, listener, func() []byte {
		c.nodes[0].kill()
		return fleettest.Files(t, c.nodes[0].Dir)
	})
}
