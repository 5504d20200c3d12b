// Package freeport finds ports for programs that tests start and that can't be given a
// listener.
package freeport

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The range is below those from which systems choose a port for whoever asks for any:
// Linux from 32768, others from 49152 (RFC 6335, section 6), and gVisor from 16000. A port
// of those may be free and somebody else's a moment later, before the program listens or
// while it is restarted.
const (
	lowest = 10100 // browsers refuse 10080
	ports  = 5900

	// apart is how many ports are between those of two processes that start one after the
	// other, so that they don't meet.
	apart = 251
)

var count atomic.Int64

// Addr returns a loopback address, such as 127.0.0.1:12345, on which nobody listens. It
// returns no address twice. It is safe for concurrent use.
func Addr() (string, error) {
	for range ports {
		n := int64(os.Getpid())*apart + count.Add(1)
		addr := net.JoinHostPort("127.0.0.1", strconv.FormatInt(lowest+n%ports, 10))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("freeport: no port is free")
}
