package fleettest

import (
	"net"
	"strconv"
	"testing"

	"github.com/hardtack-go/hardtack/internal/freeport"
)

// Port returns a port of the loopback interface on which nobody listens, for a server that
// starts later, and again after it was killed.
func Port(t testing.TB) int {
	t.Helper()
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
