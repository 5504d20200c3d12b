package hostport_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/internal/hostport"
)

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		scheme, a, b string
		want         bool
	}{
		{"https", "good.test:443", "GOOD.test", true},
		{"http", "good.test", "good.test:80", true},
		{"https", "[::1]:443", "[::1]", true},
		{"https", "good.test:80", "good.test", false},
		{"http", "good.test:443", "good.test", false},
		{"", "good.test:443", "good.test", false},
		{"ws", "good.test:80", "good.test", false},
		{"https", "good.test:8443", "good.test", false},
		{"https", "good.test", "bad.test", false},
	} {
		if got := hostport.Equal(tt.scheme, tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %s and %s: %v", tt.scheme, tt.a, tt.b, got)
		}
	}
}
