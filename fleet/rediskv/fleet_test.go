package rediskv_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
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
	d := fleettest.NewDrill(t, engines, fleettest.Pace)
	if seq := d.Rings(); seq != 1 {
		t.Errorf("the first ring has the number %d: there was another one", seq)
	}
	d.Begin()
	rounds := 3
	if *long {
		rounds *= 6
	}
	for i := range rounds {
		ended := d.Ended()
		s.crash(t)
		fleettest.Eventually(t, "sessions end after a crash", func() bool { return d.Ended() > ended+20 })
		silent.Silence()
		fleettest.Eventually(t, "the keys change", func() bool { return d.Primaries() > i })
	}
	fleettest.Eventually(t, "300 sessions are ended", func() bool { return d.Ended() >= 300 })
	d.End()
	d.Rings()
	d.MustHaveLostNothing()
	d.MustAllBeEnded(300)
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
		var all []byte
		err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			all = append(all, text...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	})
}
