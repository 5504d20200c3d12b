package freeport_test

import (
	"net"
	"runtime"
	"strconv"
	"testing"

	"github.com/hardtack-go/hardtack/internal/freeport"
)

func TestAddr(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("a network of its own")
	}
	seen := map[string]bool{}
	for range 20 {
		addr, err := freeport.Addr()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := net.SplitHostPort(addr)
		if port, err := strconv.Atoi(text); err != nil || port < 10100 || port >= 16000 || seen[addr] {
			t.Errorf("%s", addr)
		}
		seen[addr] = true
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
