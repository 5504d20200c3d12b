package fleet_test

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/fleet"
)

func TestCheck(t *testing.T) {
	one, most := []byte{0}, make([]byte, 16384)
	for _, name := range []string{"a", "z", "0", "9", "-", "ring", "m.0a-z", "a.b.c", strings.Repeat("a", 64)} {
		for _, value := range [][]byte{one, most} {
			if err := fleet.Check(name, value); err != nil {
				t.Errorf("%q with %d bytes: %v", name, len(value), err)
			}
		}
	}
	for _, name := range []string{
		"", strings.Repeat("a", 65), ".", ".a", "a.", "a..b", "A", "a_b", "a/b", "a b", "a\n", "a\x00", "é", "*", ">",
		"`", "{", ":", ",", "/",
	} {
		if err := fleet.Check(name, one); err != fleet.ErrBadName {
			t.Errorf("%q: %v, want ErrBadName", name, err)
		}
	}
	for _, value := range [][]byte{nil, {}, append(most, 0)} {
		if err := fleet.Check("a", value); err != fleet.ErrBadValue {
			t.Errorf("%d bytes: %v, want ErrBadValue", len(value), err)
		}
	}
}
