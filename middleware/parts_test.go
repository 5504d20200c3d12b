package middleware_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
)

// TestF501_Parts: a guard hands out what it was made with, and one that New didn't make
// has nothing.
func TestF501_Parts(t *testing.T) {
	a := newApp(t, nil)
	expect(t, "the store", a.guard.Store(), a.store)
	expect(t, "the accounts", a.guard.Accounts(), a.accounts)
	var none *middleware.Guard[*user]
	for _, g := range []*middleware.Guard[*user]{none, new(middleware.Guard[*user])} {
		expect(t, "no store", g.Store(), nil)
		expect(t, "no accounts", g.Accounts(), nil)
	}
}
