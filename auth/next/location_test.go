package next_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/auth/next"
)

func TestLocation(t *testing.T) {
	for to, want := range map[string]string{
		"":                 "",
		"/plain?x=1&y=%20": "/plain?x=1&y=%20",
		"/größe":           "/gr%C3%B6%C3%9Fe",
		"/a b":             "/a%20b",
		"/a\r\nSet-Cookie": "/a%0D%0ASet-Cookie",
		"/\x7f":            "/%7F",
		"/~\xff":           "/~%FF",
	} {
		if got := next.Location(to); got != want {
			t.Errorf("Location(%q) = %q, want %q", to, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { next.Location("/plain?x=1") }); n != 0 {
		t.Errorf("a plain URL costs %v allocations", n)
	}
}
