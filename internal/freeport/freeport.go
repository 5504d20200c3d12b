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
// Linux from 32768, others from 49152 (RFC 6335, section 6). There a port that was free
// may be somebody else's by the time the program listens. So nothing that asks for port 0
// may come between, and that is what the tests beside this one do.
const (
	lowest = 12000
	ports  = 20000

	// each is how many ports a process is away from the next one, so that two of them
	// look in different places.
	each = 16
)

var count atomic.Int64

// Addr returns a loopback address, such as 127.0.0.1:12345, on which nobody listens. It
// returns no address twice. It is safe for concurrent use.
func Addr() (string, error) {
	for range ports {
		n := int64(os.Getpid())*each + count.Add(1)
		addr := net.JoinHostPort("127.0.0.1", strconv.FormatInt(lowest+n%ports, 10))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("freeport: no port is free")
}
