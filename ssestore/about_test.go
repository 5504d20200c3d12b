package ssestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestN70_About: a store says before Load what Load will ask its marks, of every session that
// comes with a request, and nothing is counted for it.
func TestN70_About(t *testing.T) {
	keys := ring(t, 1)
	var asked []marks.About
	var verdict cookie.Reason
	ask := judge(func(a marks.About) cookie.Reason {
		a.Session = string([]byte(a.Session)) // it is valid during the call only
		asked = append(asked, a)
		return verdict
	})
	store := newStore(t, codecs[0], keys, judged(ask), legacyConfig, func(c *ssestore.Config) {
		c.Former = []ssestore.Former{{Cookie: cookie.Config{Name: "before"}, Until: after(24 * time.Hour)}}
	})
	former := newStore(t, codecs[0], keys, func(c *ssestore.Config) { c.Cookie.Name = "before" })
	user := visited(t, store, func(s *ssestore.Session) {
		login(t, s, "42")
		must(t, s.Principal().Link("one"))
		must(t, s.Principal().Link("two"))
	})
	other := visited(t, store, func(s *ssestore.Session) { login(t, s, "7") })
	moved := browser{}
	moved.visit(t, former, t0, func(s *ssestore.Session) { login(t, s, "9") })
	line := func(b browser, name string) string { return name + "=" + b[name] }
	name := store.CookieName()
	for what, row := range map[string]struct {
		cookies []string
		now     time.Time
		want    int
	}{
		"nothing":        {nil, t0, 0},
		"foreign":        {[]string{name + "=theirs"}, t0, 0},
		"a user's":       {[]string{line(user, name)}, t0, 1},
		"two":            {[]string{line(user, name) + "; " + line(other, name)}, t0, 2},
		"a former place": {[]string{line(moved, "before")}, t0, 1},
		"legacy":         {[]string{"old=" + oldValue(t0, "user=5+note=a")}, t0, 1},
		"expired":        {[]string{line(user, name)}, after(31 * time.Minute), 0},
		"no time":        {[]string{line(user, name)}, time.Time{}, 0},
	} {
		for _, verdict = range []cookie.Reason{cookie.ReasonNone, cookie.ReasonRevoked} {
			asked = nil
			before := keys.Primary().Counters()
			about := store.About(row.cookies, row.now)
			if len(asked) != 0 || keys.Primary().Counters() != before {
				t.Errorf("%s: About asks the marks, or counts", what)
			}
			store.Load(row.cookies, row.now)
			if same(t, what, len(about), row.want); fmt.Sprint(about) != fmt.Sprint(asked) {
				t.Errorf("%s: %v, Load asks %v", what, about, asked)
			}
		}
	}
	same(t, "without marks", len(former.About([]string{line(moved, "before")}, t0)), 0)
	same(t, "nil", len((*ssestore.Store)(nil).About([]string{line(user, name)}, t0)), 0)
	same(t, "zero", len(new(ssestore.Store).About([]string{line(user, name)}, t0)), 0)
}
