// Command login verifies a session as start does, ends it, and begins another. It prints
// the lines that the browser gets. A test holds its size as WebAssembly.
package main

import (
	"github.com/hardtack-go/hardtack/bench/start/internal/relogin"
	"github.com/hardtack-go/hardtack/ssestore"
)

func main() { relogin.Main(func(*ssestore.Session) error { return nil }) }
