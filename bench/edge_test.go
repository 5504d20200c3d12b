package main

import (
	"os"
	"testing"
)

// TestEdge: the programs whose starts and reads are timed read the session.
func TestEdge(t *testing.T) {
	b := &bench{dir: "."}
	e, err := b.newEdge(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.api.Close()
	if _, err := e.lambda(); err != nil {
		t.Error(err)
	}
	if e.workerd == "" {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("workerd is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("workerd is not installed: run npm ci in examples")
	}
	for _, config := range []string{"empty", "javascript", "reactor"} {
		server, err := e.serve(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.read(2); err != nil {
			t.Error(config, err)
		}
		server.stop()
	}
	e.cookie = "x=1"
	for _, config := range []string{"javascript", "reactor"} {
		server, err := e.serve(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.read(1); err == nil {
			t.Errorf("%s: reads a session that is not there", config)
		}
		server.stop()
	}
}
