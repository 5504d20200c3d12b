package cookie_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
)

func TestFind(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	const s = "__Host-session"
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", nil, nil},
		{"empty line", []string{""}, nil},
		{"alone", []string{s + "=v"}, []string{"v"}},
		{"between", []string{"a=1; " + s + "=v; b=2"}, []string{"v"}},
		{"no spaces", []string{"a=1;" + s + "=v;b=2"}, []string{"v"}},
		{"spaces and tabs", []string{"a=1 ;\t " + s + "=v \t; b=2"}, []string{"v"}},
		{"semicolons", []string{";;; ;" + s + "=v;;"}, []string{"v"}},
		{"empty value", []string{s + "="}, []string{""}},
		{"value with equals", []string{s + "=a=b=c"}, []string{"a=b=c"}},
		{"quotes stay", []string{s + `="v"`}, []string{`"v"`}},
		{"percent stays", []string{s + "=%76"}, []string{"%76"}},
		{"no equals", []string{s}, nil},
		{"space before equals", []string{s + " =v"}, nil},
		{"other case", []string{"__host-session=v; __HOST-SESSION=w"}, nil},
		{"longer name", []string{s + "x=v; x" + s + "=w"}, nil},
		{"name in a value", []string{"a=" + s + "=v"}, nil},
		{"$Version", []string{"$Version=1; " + s + "=v; $Path=/"}, []string{"v"}},
		// C9
		{"two lines", []string{"a=1", s + "=v"}, []string{"v"}},
		{"same value in two lines", []string{s + "=v", s + "=v"}, []string{"v"}},
		{"two values in one line", []string{s + "=v; " + s + "=w"}, []string{"v", "w"}},
		{"two values in two lines", []string{s + "=w", s + "=v"}, []string{"w", "v"}},
		{"three times two", []string{s + "=v; " + s + "=w; " + s + "=v", s + "=w; " + s + "=v"}, []string{"v", "w"}},
		// Lambda
		{"event items", []string{"a=1", s + "=v", "b=2"}, []string{"v"}},
		{"event items and the header", []string{"a=1", s + "=v", "b=2", "a=1; " + s + "=v; b=2"}, []string{"v"}},
	} {
		if got := k.Find(nil, c.lines); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := k.Find([]string{"v", "have"}, c.lines); !slices.Equal(got, append([]string{"v", "have"}, c.want...)) {
			t.Errorf("%s, appended: %q, want %q behind what was there", c.name, got, c.want)
		}
	}
}

// A sibling domain may set the cookie x=1, __Host-session=ATTACKER, and Chromium
// sends it so. Whoever splits at commas opens the attacker's session.
func TestFind_CommaIsNoSeparator(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	for _, line := range []string{
		"x=1, __Host-session=ATTACKER",
		"x=1,__Host-session=ATTACKER",
		"x=1,\t__Host-session=ATTACKER, y=2",
		"x=\"1; \", __Host-session=ATTACKER", // quotes do not group, and the comma does not split
	} {
		if got := k.Find(nil, []string{line}); len(got) != 0 {
			t.Errorf("%q gives %q", line, got)
		}
	}
	got := k.Find(nil, []string{"x=1, __Host-session=ATTACKER; __Host-session=own"})
	if !slices.Equal(got, []string{"own"}) {
		t.Errorf("found %q", got)
	}
}

// Too many candidates show as one more than the limit, in any order, and never
// more: what comes behind is not worth reading.
func TestC9_TooManyCandidates(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	for n := range 40 {
		for _, oneLine := range []bool{true, false} {
			var pairs []string
			for i := range n {
				pairs = append(pairs, fmt.Sprintf("__Host-session=%d", i))
			}
			forward := pairs
			backward := slices.Clone(pairs)
			slices.Reverse(backward)
			if oneLine {
				forward, backward = []string{strings.Join(pairs, "; ")}, []string{strings.Join(backward, "; ")}
			}
			want := min(n, cookie.MaxCandidates+1)
			if a, b := len(k.Find(nil, forward)), len(k.Find(nil, backward)); a != want || b != want {
				t.Errorf("%d values: %d and %d, want %d", n, a, b, want)
			}
		}
	}
}

// C12: net/http reads no cookie at all from a request with more than 3,000, which
// looks like a logout. Ours is found among any number.
func TestC12_3001Cookies(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	for _, n := range []int{3000, 3001, 20000} {
		line := strings.Repeat("a=b; ", n) + "__Host-session=v"
		if got := k.Find(nil, []string{line}); !slices.Equal(got, []string{"v"}) {
			t.Errorf("%d cookies: %q", n, got)
		}
	}
	r := http.Request{Header: http.Header{"Cookie": {strings.Repeat("a=b; ", 3001) + "__Host-session=v"}}}
	if _, err := r.Cookie("__Host-session"); err == nil {
		t.Log("net/http no longer has its limit")
	}
}

// For one cookie per pair Find is what net/http reads, up to what net/http does
// to values (quotes) and names that are none.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"", "s=v", "a=1; s=v; s=w", "s", "s=", " s = v", "x=1, s=ATTACKER", "s=v;;s=v\t", ";s=a b"} {
		f.Add(s)
	}
	k, err := cookie.New(cookie.Config{Name: "s", DangerouslyAllowHTTP: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		// The plain twin: split, trim, compare.
		var want []string
		for pair := range strings.SplitSeq(line, ";") {
			if v, ok := strings.CutPrefix(strings.Trim(pair, " \t"), "s="); ok && !slices.Contains(want, strings.TrimRight(v, " \t")) {
				want = append(want, strings.TrimRight(v, " \t"))
			}
		}
		want = want[:min(len(want), cookie.MaxCandidates+1)]
		if got := k.Find(nil, []string{line}); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	})
}
