package cookieheader_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/race"
)

// nine are more values of one cookie than anybody opens.
func nine() string {
	var pairs []string
	for i := range cookieheader.MaxCandidates + 1 {
		pairs = append(pairs, fmt.Sprintf("s=%d", i))
	}
	return strings.Join(pairs, "; ")
}

// What counts as a pair is tested in package cookie, where users meet it. Here it
// is the second name.
func TestFind_Other(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		other string
		found bool
	}{
		{"none", nil, "s-ended=", false},
		{"neither", []string{"a=1"}, "s-ended=", false},
		{"behind", []string{"s=v; s-ended=x"}, "s-ended=", true},
		{"in front", []string{"s-ended=x; s=v"}, "s-ended=", true},
		{"alone", []string{"a=1; \ts-ended="}, "s-ended=", true},
		{"in another line", []string{"s=v", "s-ended=x"}, "s-ended=", true},
		{"not asked for", []string{"s=v; s-ended=x"}, "", false},
		{"not asked for, and a pair without a name", []string{"s=v; =x; ;"}, "", false},
		{"other case", []string{"S-ended=x"}, "s-ended=", false},
		{"longer name", []string{"s-endedx=x; xs-ended=x"}, "s-ended=", false},
		{"no equals sign", []string{"s-ended; s"}, "s-ended=", false},
		{"in a value", []string{"a=s-ended=x; s=s-ended=x"}, "s-ended=", false},
		{"behind a comma", []string{"s=v, s-ended=x"}, "s-ended=", false},
		{"before too many values", []string{"s-ended=x; " + nine()}, "s-ended=", true},
		{"behind too many values", []string{nine() + "; s-ended=x"}, "s-ended=", false},
	} {
		_, found := cookieheader.Find(nil, c.lines, "s=", c.other)
		if found != c.found {
			t.Errorf("%s: found %v, want %v", c.name, found, c.found)
		}
	}
}

func TestFind_DoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector adds allocations of its own")
	}
	lines := []string{nine() + "; s-ended=x", "s-ended=x; " + nine()}
	if n := testing.AllocsPerRun(100, func() {
		var space [cookieheader.MaxCandidates + 1]string
		cookieheader.Find(space[:0], lines, "s=", "s-ended=")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Find is its plain twin.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"", "s=v", "a=1; s=v; s=w", "s", "s=", " s = v", "x=1, s=ATTACKER", "s=v;;s=v\t", ";s=a b",
		"s-ended=x; s=v", "s=v\n s-ended=x", "s-ended", "=; s-ended =x", nine() + "; s-ended=x", "s=\t;\t s=\t \t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		lines := strings.Split(header, "\n")
		for _, other := range []string{"", "s-ended=", "t="} {
			for _, prefix := range []string{"s=", "__Host-session="} {
				have := []string{"v"}
				values, found := cookieheader.Find(have, lines, prefix, other)
				plain, plainFound := cookieheader.PlainFind(have, lines, prefix, other)
				if !slices.Equal(values, plain) || found != plainFound {
					t.Errorf("%q for %q and %q: %q %v, want %q %v", header, prefix, other, values, found, plain, plainFound)
				}
			}
		}
	})
}

// BenchmarkFind is what a browser sends: ours among four.
func BenchmarkFind(b *testing.B) {
	lines := []string{"theme=dark; _ga=GA1.1.1234567890.1700000000; __Host-session=" + strings.Repeat("x", 396) + "; csrf=0123456789abcdef0123456789abcdef"}
	b.ReportAllocs()
	for b.Loop() {
		var space [cookieheader.MaxCandidates + 1]string
		if values, _ := cookieheader.Find(space[:0], lines, "__Host-session=", "__Host-session-ended="); len(values) != 1 {
			b.Fatal(len(values))
		}
	}
}
