package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
)

// plainly checks what a command says of input that anybody may have made: the exit status is
// one of those for an answer, a terminal obeys nothing in it, and --json gives JSON.
func plainly(t *testing.T, stdin string, args ...string) {
	t.Helper()
	for _, asJSON := range []bool{false, true} {
		if asJSON {
			args = append(args, "--json")
		}
		c := call(stdin, args...)
		if c.code != exitDone && c.code != exitRefused {
			t.Fatalf("exit status %d: %s", c.code, c.diag)
		}
		for _, r := range c.out + c.diag {
			if r != '\n' && !unicode.IsPrint(r) && !asJSON || r < ' ' && r != '\n' {
				t.Fatalf("%q in %q %q", r, c.out, c.diag)
			}
		}
		if asJSON && !json.Valid([]byte(c.out)) {
			t.Fatalf("no JSON: %q", c.out)
		}
	}
}

// FuzzInspect: whatever is on standard input, inspect says whether it opens, and no more than
// it may, with and without keys.
func FuzzInspect(f *testing.F) {
	keys := filepath.Join(f.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(keySet), 0o600); err != nil {
		f.Fatal(err)
	}
	value := sealed(f, keySet, cookie.DefaultName, "", session())
	for _, text := range []string{
		"", "\n", value, value[:100], value + "\n", cookie.DefaultName + "=" + value, "Cookie: " + cookie.DefaultName + "=" + value + "; a=b", "Set-Cookie: " + cookie.DefaultName + "=" + value + "; Path=/; Max-Age=60",
		cookie.DefaultName + "=" + value + "; " + cookie.DefaultName + "=x", "Cookie: " + cookie.DefaultName + "-ended=x.y", "Cookie: \x1b[2J=\u009b", strings.Repeat("a=b; ", 5000), value + "." + value, "null", "{}", "\x00", "\xff\xfe",
		strings.Replace(value, ".", "..", 1), "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0....", strings.ToUpper(value),
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, stdin string, known bool) {
		args := []string{"inspect", "--now", "2030-01-01T12:00:00Z"}
		if known {
			args = append(args, "--keys", keys, "--show")
		}
		plainly(t, stdin, args...)
	})
}

// FuzzFleetStatus: whatever an instance, or somebody in its place, says that its status is.
func FuzzFleetStatus(f *testing.F) {
	text := func(change func(*fleet.Status)) string {
		s := wellInstance("one")
		s.Now = time.Unix(1_800_000_000, 0).UTC()
		change(&s)
		b, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		return string(b)
	}
	well := text(func(*fleet.Status) {})
	for _, s := range []string{
		well, "[" + well + "," + well + "]", well + well, "", "{}", "[]", "null", "7", "[[]]", well[:40], strings.Repeat("[", 5000),
		text(func(s *fleet.Status) { s.Fault, s.FaultAt = "\x1b[2J\u009b", time.Unix(253402300799, 0).UTC() }),
		text(func(s *fleet.Status) { s.Application, s.Instance = "\x1b]0;x\x07", "\u202e" }),
		text(func(s *fleet.Status) { s.Engine = "\r\n" }), text(func(s *fleet.Status) { s.NewsAge = 1e300 }),
		text(func(s *fleet.Status) {
			s.Keys = append(s.Keys, fleet.KeyStatus{ID: "\t\x00", Phase: fleet.PhasePrimary})
		}),
		text(func(s *fleet.Status) { s.Counters.RefusedRings, s.Counters.RefusedMarks = 1<<64-1, 1 }), text(func(s *fleet.Status) { s.Sequence, s.Marks = 1<<64-1, -1 }),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stdin string) { plainly(t, stdin, "fleet", "status") })
}
