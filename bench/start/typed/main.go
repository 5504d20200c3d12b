// Command typed is the program login with a typed key, whose values need encoding/json. A
// test holds its size as WebAssembly.
package main

import (
	"github.com/hardtack-go/hardtack/bench/start/internal/relogin"
	"github.com/hardtack-go/hardtack/ssestore"
)

var cart = ssestore.NewKey[[]string]("cart")

func main() {
	relogin.Main(func(s *ssestore.Session) error { return cart.Set(s, append(cart.Get(s), "rope")) })
}
