package rediskv_test

import (
	"flag"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
)

var long = flag.Bool("long", false, "kill the server of a drill eighteen times, instead of three")

// through returns engines that reach a server through a proxy.
func through(t *testing.T, s *redis, prefix string, n int) (engines []fleet.Engine, proxy *fleettest.Proxy) {
	t.Helper()
	proxy = fleettest.NewProxy(t, s.addr())
	for range n {
		engines = append(engines, openWith(t, rueidis.ClientOption{InitAddress: []string{proxy.Addr()}, ConnWriteTimeout: 2 * time.Second}, prefix))
	}
	return engines, proxy
}

// TestY70_Y71_Y73_Drill: twelve instances start at once on a server that holds nothing. Then
// keys change, sessions begin, come back and end, while the server is killed, connections go
// silent, and some news comes late.
func TestY70_Y71_Y73_Drill(t *testing.T) {
	s := newRedis(t)
	const prefix = "drill"
	engines, silent := through(t, s, prefix, 2)
	late, slow := through(t, s, prefix, 2)
	slow.Delay(100 * time.Millisecond)
	engines = append(engines, late...)
	for len(engines) < 12 {
		engines = append(engines, open(t, s, prefix))
	}
	rounds := 3
	if *long {
		rounds *= 6
	}
	fleettest.Endure(t, engines, rounds, func(int) { s.crash(t) }, func(int) { silent.Silence() })
}

// TestY72_SilentWatch: a watch that goes silent without an end is opened again, and its
// instance follows. Without that it falls behind, and loses sessions.
func TestY72_SilentWatch(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	fleettest.SilentWatch(t, func() func() fleet.Engine {
		prefix := newPrefix()
		return func() fleet.Engine { return open(t, s, prefix) }
	})
}

// TestY74_WhatIsStored: neither the files of the server nor what it tells holds keys or ids.
func TestY74_WhatIsStored(t *testing.T) {
	t.Parallel()
	s := newRedis(t)
	listener := fleettest.Listen(t, open(t, s, "w"))
	fleettest.WhatIsStored(t, func() fleet.Engine { return open(t, s, "w") }, listener, func() []byte {
		s.kill()
		return fleettest.Files(t, s.dir)
	})
}
