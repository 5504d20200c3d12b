package fleettest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// The ports from which Port chooses. Systems give out others by themselves: those from 32768
// on Linux, from 49152 elsewhere (RFC 6335, section 6), and from 16000 in gVisor.
const (
	lowestPort = 10000
	ports      = 6000
)

// taken is how many ports Port has looked at in this process.
var taken atomic.Uint32

// Port returns a port of the loopback interface on which nobody listens, for a server that
// starts later, and again after it was killed.
//
// A listener for port 0 would say which one is free now, but as soon as it's closed, the
// system gives that port to whoever asks next, such as a server of another test. So the port is
// none of those, it is another one for each call, and processes begin at different places.
func Port(t testing.TB) int {
	t.Helper()
	for range ports {
		const apart = 251 // of two processes that start one after the other
		port := lowestPort + int((uint32(os.Getpid())*apart+taken.Add(1))%ports)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}
