package ssestore_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// jar is a browser at https://app.x.test/ that knows of domains.
type jar struct {
	t   *testing.T
	jar *cookiejar.Jar
}

var appURL = &url.URL{Scheme: "https", Host: "app.x.test", Path: "/"}

func newJar(t *testing.T) *jar {
	j, err := cookiejar.New(nil)
	must(t, err)
	return &jar{t, j}
}

func (j *jar) lines() []string {
	r := http.Request{Header: http.Header{}}
	for _, c := range j.jar.Cookies(appURL) {
		r.AddCookie(c)
	}
	return r.Header["Cookie"]
}

func (j *jar) names() string {
	var names []string
	for _, c := range j.jar.Cookies(appURL) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (j *jar) keep(out ssestore.Outcome) {
	j.jar.SetCookies(appURL, (&http.Response{Header: http.Header{"Set-Cookie": out.SetCookie}}).Cookies())
}

func (j *jar) visit(store *ssestore.Store, now time.Time, do func(s *ssestore.Session)) ssestore.Outcome {
	j.t.Helper()
	s := store.Load(j.lines(), now)
	do(s)
	out, err := s.Commit(200)
	must(j.t, err)
	j.keep(out)
	return out
}

// who is a visit that asks for the user and writes nothing.
func (j *jar) who(store *ssestore.Store, now time.Time) string {
	j.t.Helper()
	return whoami(j.t, store.Load(j.lines(), now), hash)
}

// The jar keeps cookies by the clock of this machine.
var now0 = time.Now().Truncate(time.Second)

// move is a change of the session cookie's configuration.
type move struct {
	name     string
	old, new cookie.Config
	renamed  bool
}

var moves = []move{
	{"Domain gone", cookie.Config{Name: "sid", Domain: "x.test"}, cookie.Config{Name: "sid"}, false},
	{"Domain set", cookie.Config{Name: "sid"}, cookie.Config{Name: "sid", Domain: "x.test"}, false},
	{"another Domain", cookie.Config{Name: "sid", Domain: "x.test"}, cookie.Config{Name: "sid", Domain: "app.x.test"}, false},
	{"another name", cookie.Config{Name: "sid"}, cookie.Config{}, true},
	{"name and Domain", cookie.Config{}, cookie.Config{Name: "shared", Domain: "x.test"}, true},
}

// stores are the instances before the change, after it, and after it without Former.
func (m move) stores(t *testing.T, c codec) (before, after, without *ssestore.Store) {
	t.Helper()
	at := func(place cookie.Config, former ...ssestore.Former) *ssestore.Store {
		return newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie, c.Former = place, former })
	}
	return at(m.old), at(m.new, ssestore.Former{Cookie: m.old, Until: now0.Add(100 * day)}), at(m.new)
}

func eachMove(t *testing.T, f func(t *testing.T, c codec, m move)) {
	each(t, func(t *testing.T, c codec) {
		for _, m := range moves {
			t.Run(m.name, func(t *testing.T) { f(t, c, m) })
		}
	})
}

// TestF105_SessionsMove: a login and an anonymous cart go on when the cookie's
// configuration changes, and the former cookie is gone after the first write.
func TestF105_SessionsMove(t *testing.T) {
	eachMove(t, func(t *testing.T, c codec, m move) {
		before, now, without := m.stores(t, c)
		name := now.CookieName()
		for _, user := range []string{"1", ""} {
			begin := func() *jar {
				j := newJar(t)
				j.visit(before, now0, func(s *ssestore.Session) {
					must(t, note.Set(s, "a"))
					if user != "" {
						login(t, s, user)
					}
				})
				return j
			}
			j := begin()
			j.visit(without, now0, set(t, "b"))
			if s := without.Load(j.lines(), now0); !m.renamed && note.Get(s) != "" || m.renamed && s.Principal().Identity().ID != "" {
				t.Error("without Former the session goes on: this test proves nothing")
			}

			j = begin()
			s := now.Load(j.lines(), now0)
			same(t, "the note", note.Get(s), "a")
			same(t, "the user", whoami(t, s, hash), user)
			s = now.Load(j.lines(), now0)
			s.Limit(ssestore.WritesRenewOnly)
			note.Get(s)
			out, err := s.Commit(200)
			must(t, err)
			same(t, "lines of a fetch", len(out.SetCookie), 0)

			id := now.Load(j.lines(), now0).Info()
			out = j.visit(now, now0, set(t, "b"))
			same(t, "one cookie", j.names(), name)
			// First: where Domain=app.x.test and none are one place, the session stays.
			same(t, "the deletion comes first", strings.HasPrefix(out.SetCookie[0], before.CookieName()+"=;"), true)
			same(t, "migrated", out.Migrated, m.renamed)
			j.visit(now, now0, func(s *ssestore.Session) {
				same(t, "the note", note.Get(s), "b")
				same(t, "the user", whoami(t, s, hash), user)
				same(t, "created", s.Info().Created, id.Created)
				same(t, "end", s.Info().Expires, id.Expires)
			})

			// A page that only reads moves it where nothing else is in doubt.
			j = begin()
			out = j.visit(now, now0, func(s *ssestore.Session) { whoami(t, s, hash); note.Get(s) })
			same(t, "moved by a read", len(out.SetCookie) == 2 && j.names() == name, m.renamed)

			// A fetch renews into the current place and deletes nothing; a logout
			// deletes both.
			j = begin()
			later := now0.Add(10 * time.Minute)
			j.visit(now, later, func(s *ssestore.Session) { s.Limit(ssestore.WritesRenewOnly); whoami(t, s, hash); note.Get(s) })
			same(t, "two cookies", len(j.jar.Cookies(appURL)), 2)
			s = now.Load(j.lines(), now0.Add(31*time.Minute))
			same(t, "alive by the renewal", note.Get(s), "a")
			out = j.visit(now, later, func(s *ssestore.Session) { must(t, s.Principal().End()) })
			same(t, "after the logout", j.names(), name+"-ended")
			same(t, "deleted", out.Deleted, true)

			j = begin()
			j.visit(now, later, func(s *ssestore.Session) { login(t, s, "2") })
			same(t, "another login", j.who(now, later), "2")
			same(t, "cookies after it", j.names(), name+" "+name+"-ended")
		}
	})
}

// TestF105_Barriers: a logout at an instance of either configuration holds against a
// late response of the other.
func TestF105_Barriers(t *testing.T) {
	eachMove(t, func(t *testing.T, c codec, m move) {
		before, now, _ := m.stores(t, c)
		loggedIn := func() *jar {
			j := newJar(t)
			j.visit(before, now0, func(s *ssestore.Session) { login(t, s, "1") })
			return j
		}
		late := func(j *jar, store *ssestore.Store) func() {
			s := store.Load(j.lines(), now0)
			must(t, note.Set(s, "late"))
			return func() {
				out, err := s.Commit(200)
				must(t, err)
				j.keep(out)
			}
		}
		logout := func(s *ssestore.Session) { must(t, s.Principal().End()) }

		j := loggedIn()
		land := late(j, now)
		j.visit(before, now0, logout)
		land()
		same(t, "logout before the change", j.who(now, now0), "")

		j = loggedIn()
		land = late(j, before)
		j.visit(now, now0, logout)
		land()
		same(t, "logout after the change", j.who(now, now0), "")

		// The entry is carried into the current barrier, and the former one goes.
		j = loggedIn()
		land = late(j, now)
		j.visit(before, now0, logout)
		j.visit(now, now0, set(t, "x"))
		same(t, "an ordinary write leaves it", strings.Contains(j.names(), before.CookieName()+"-ended"), true)
		j.visit(now, now0, func(s *ssestore.Session) { login(t, s, "2") })
		j.visit(now, now0, logout)
		same(t, "one barrier", j.names(), now.CookieName()+"-ended")
		land()
		same(t, "with the entry carried on", j.who(now, now0), "")
	})
}

// TestF105_TwoPlacesOfOneName: two values of one session are that session, as it was
// renewed last; of two they are none, until the former place is deleted.
func TestF105_TwoPlacesOfOneName(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		m := moves[0]
		before, now, without := m.stores(t, c)
		first := browser{}
		first.keep(t, (&jar{t, nil}).commit(before, nil, now0, func(s *ssestore.Session) { login(t, s, "1"); must(t, note.Set(s, "a")) }))
		renewed := first.copy()
		later := now0.Add(10 * time.Minute)
		renewed.keep(t, (&jar{t, nil}).commit(before, first.lines(), later, func(s *ssestore.Session) { must(t, note.Set(s, "renewed")) }))
		changed := first.copy()
		changed.keep(t, (&jar{t, nil}).commit(before, first.lines(), now0, func(s *ssestore.Session) { must(t, note.Set(s, "changed")) }))
		header := func(a, b browser) []string { return []string{"sid=" + a["sid"] + "; sid=" + b["sid"]} }
		for _, tt := range []struct {
			name string
			a, b browser
			want string
		}{
			{"renewed, behind", first, renewed, "renewed"},
			{"renewed, in front", renewed, first, "renewed"},
			{"the last is the newer", first, changed, "changed"},
			{"the last is the newer, turned round", changed, first, "a"},
		} {
			s := now.Load(header(tt.a, tt.b), later)
			same(t, tt.name, note.Get(s), tt.want)
			same(t, tt.name, whoami(t, s, hash), "1")
			same(t, tt.name+": without Former", note.Get(without.Load(header(tt.a, tt.b), later)), "")
		}

		// Two sessions: in the former place somebody else's.
		for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly, ssestore.WritesSolicited} {
			j := newJar(t)
			j.visit(without, now0, func(s *ssestore.Session) { login(t, s, "1") })
			mine := j.lines()
			other := newJar(t)
			j.keep(other.visit(before, now0, func(s *ssestore.Session) { login(t, s, "2") }))
			same(t, "cookies", len(j.jar.Cookies(appURL)), 2)
			out := j.visit(now, now0, func(s *ssestore.Session) {
				s.Limit(limit)
				same(t, "user", s.Principal().Identity().ID, "")
			})
			same(t, "verdict", out.Refused, cookie.ReasonAmbiguous)
			same(t, "the former place deleted", len(out.SetCookie) == 1 && strings.Contains(out.SetCookie[0], "Domain=x.test"), limit == ssestore.WritesAll)
			if limit == ssestore.WritesAll {
				same(t, "and mine is left", strings.Join(j.lines(), ""), strings.Join(mine, ""))
				same(t, "user", j.who(now, now0), "1")
			}
		}
	})
}

// commit is a request with these Cookie lines, without a jar.
func (j *jar) commit(store *ssestore.Store, lines []string, now time.Time, do func(s *ssestore.Session)) ssestore.Outcome {
	j.t.Helper()
	s := store.Load(lines, now)
	do(s)
	out, err := s.Commit(200)
	must(j.t, err)
	return out
}

// TestF105_Limits: how far a former place is believed.
func TestF105_Limits(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		m := moves[3] // sid, then __Host-session
		before, now, _ := m.stores(t, c)
		old := browser{}
		old.keep(t, (&jar{t, nil}).commit(before, nil, now0, func(s *ssestore.Session) { login(t, s, "1") }))
		mine := browser{}
		mine.keep(t, (&jar{t, nil}).commit(now, nil, now0, func(s *ssestore.Session) { login(t, s, "2") }))
		read := func(lines []string, at time.Time) (string, ssestore.Outcome) {
			s := now.Load(lines, at)
			user := whoami(t, s, hash)
			out, err := s.Commit(200)
			must(t, err)
			return user, out
		}
		with := func(current string) []string {
			return []string{"sid=" + old["sid"] + "; " + sessionName + "=" + current}
		}

		user, out := read(with(mine[sessionName]), now0)
		same(t, "the current place wins", user, "2")
		same(t, "and nobody asked for a deletion", len(out.SetCookie), 0)
		long := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie, c.Idle = m.old, 2*time.Hour })
		user, _ = read((browser{sessionName: mine[sessionName], "sid": old["sid"]}).lines(), now0.Add(time.Hour))
		same(t, "nor does one that has expired", user, "")
		same(t, "though there it would live", whoami(t, long.Load(old.lines(), now0.Add(time.Hour)), hash), "1")

		if c.name != "gorilla" { // whose format has no shape: everything counts as ours
			user, _ = read(with(mine[sessionName]+"x"), now0)
			same(t, "a broken value of ours doesn't fall back", user, "")
			user, out = read(with("of_another_program"), now0)
			same(t, "beside what is foreign", user, "1")
			same(t, "beside what is foreign: verdict", out.Refused, cookie.ReasonNone)
			user, out = read(with("of_another_program"), now0.Add(time.Hour))
			same(t, "expired, beside what is foreign", user, "")
			same(t, "the foreign one stays", len(out.SetCookie), 0)
			out = (&jar{t, nil}).commit(now, []string{"sid=of_another_program"}, now0, set(t, "x"))
			same(t, "a foreign one in the former place stays", len(out.SetCookie), 1)
		}

		user, out = read(old.lines(), now0.Add(time.Hour))
		same(t, "expired", user, "")
		same(t, "deleted there", len(out.SetCookie) == 1 && strings.HasPrefix(out.SetCookie[0], "sid=;"), true)
		same(t, "verdict", out.Refused, cookie.ReasonExpired)

		// Of several former places the first counts that has a value of ours.
		two := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie = cookie.Config{Name: "now"}
			c.Former = []ssestore.Former{{Cookie: m.old, Until: now0.Add(day)}, {Until: now0.Add(day)}}
		})
		both := browser{"sid": old["sid"], sessionName: mine[sessionName]}
		same(t, "the first of two", whoami(t, two.Load(both.lines(), now0), hash), "1")
		same(t, "the second alone", whoami(t, two.Load([]string{sessionName + "=" + mine[sessionName]}, now0), hash), "2")
		both.keep(t, (&jar{t, nil}).commit(now, mine.copy().lines(), now0.Add(20*time.Minute), func(s *ssestore.Session) { whoami(t, s, hash) }))
		same(t, "the second lives longer", whoami(t, two.Load([]string{sessionName + "=" + both[sessionName]}, now0.Add(45*time.Minute)), hash), "2")
		same(t, "behind an expired first", whoami(t, two.Load(both.lines(), now0.Add(45*time.Minute)), hash), "")

		// Behind the deadline nobody looks.
		gone := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Former = []ssestore.Former{{Cookie: m.old, Until: now0}}
		})
		same(t, "at the deadline", whoami(t, gone.Load(old.lines(), now0), hash), "")
		same(t, "a second before", whoami(t, gone.Load(old.lines(), now0.Add(-time.Second)), hash), "1")
		out = (&jar{t, nil}).commit(gone, old.lines(), now0, set(t, "x"))
		same(t, "and nothing is deleted", len(out.SetCookie), 1)

		// Nor does it make two values of one name one session.
		m, first := moves[0], ""
		before, _, _ = m.stores(t, c)
		ended := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie, c.Former = m.new, []ssestore.Former{{Cookie: m.old, Until: now0}}
		})
		var values []string
		for _, text := range []string{"a", "b"} {
			out = (&jar{t, nil}).commit(before, values, now0.Add(-time.Second), set(t, text))
			pair, _, _ := strings.Cut(out.SetCookie[0], ";")
			values = append([]string(nil), pair)
			if text == "b" {
				values = append(values, first)
			}
			first = pair
		}
		same(t, "one session, a second before", note.Get(ended.Load(values, now0.Add(-time.Second))) != "", true)
		same(t, "two values, at the deadline", note.Get(ended.Load(values, now0)), "")

		// A key that the instance lacks, and a session that nobody has verified.
		rotated := newStore(t, c, ring(t, 2, 1), func(c *ssestore.Config) {
			c.Former = []ssestore.Former{{Cookie: m.old, Until: now0.Add(day)}}
		})
		out = (&jar{t, nil}).commit(rotated, old.lines(), now0, func(s *ssestore.Session) { s.Principal().Identity() })
		same(t, "unverified under an older key", len(out.SetCookie), 0)
		out = (&jar{t, nil}).commit(rotated, old.lines(), now0, func(s *ssestore.Session) { whoami(t, s, hash) })
		same(t, "verified", len(out.SetCookie), 2)
		out = (&jar{t, nil}).commit(now, old.lines(), now0, func(s *ssestore.Session) { s.Principal().Identity() })
		same(t, "unverified under the primary", len(out.SetCookie), 2)
	})
}

// TestF105_LogoutThere: a logout or a clear ends what is in a former place of another
// name, also if that is no session here, as it does in the current place. At any status,
// and in a fetch, which deletes nothing by itself.
func TestF105_LogoutThere(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		m := moves[3] // sid, then __Host-session
		before, now, _ := m.stores(t, c)
		signIn := func(store *ssestore.Store, id string) (b browser) {
			b = browser{}
			b.visit(t, store, now0, func(s *ssestore.Session) { login(t, s, id) })
			return b
		}
		one, two := signIn(before, "1"), signIn(before, "2")
		stranger := signIn(newStore(t, c, ring(t, 7), func(c *ssestore.Config) { c.Cookie = m.old }), "1")
		for name, lines := range map[string][]string{
			"ambiguous":   {"sid=" + one["sid"] + "; sid=" + two["sid"]},
			"unknown key": stranger.lines(),
		} {
			for _, end := range []func(*ssestore.Session) error{(*ssestore.Session).Clear, func(s *ssestore.Session) error { return s.Principal().End() }} {
				for _, status := range []int{200, 503} {
					s := now.Load(lines, now0)
					s.Limit(ssestore.WritesRenewOnly)
					same(t, name+": nobody", whoami(t, s, hash), "")
					must(t, end(s))
					out, err := s.Commit(status)
					must(t, err)
					same(t, name+": deleted there", strings.HasPrefix(lineOf(out, "sid"), "sid=;"), true)
					same(t, name+": Deleted", out.Deleted, true)
					if name != "ambiguous" {
						continue
					}
					barrier, _, _ := strings.Cut(lineOf(out, barrierName), ";")
					for _, b := range []browser{one, two} { // one of them is left, or comes back
						same(t, "back", whoami(t, now.Load([]string{"sid=" + b["sid"] + "; " + barrier}, now0), hash), "")
					}
				}
			}
		}
	})
}

// TestF105_Rolling: instances of two releases, the first of which reads the new place
// and writes the old one, answer in turns.
func TestF105_Rolling(t *testing.T) {
	eachMove(t, func(t *testing.T, c codec, m move) {
		at := func(now, former cookie.Config) *ssestore.Store {
			return newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
				c.Cookie, c.Former = now, []ssestore.Former{{Cookie: former, Until: now0.Add(day)}}
			})
		}
		fleet := []*ssestore.Store{at(m.old, m.new), at(m.new, m.old)}
		j := newJar(t)
		j.visit(fleet[0], now0, func(s *ssestore.Session) { login(t, s, "1") })
		for i := range 40 {
			j.visit(fleet[i*i%7%2], now0.Add(time.Duration(i)*time.Minute), func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "1")
				same(t, "count", count.Get(s), i)
				if i%3 == 0 {
					s.Limit(ssestore.WritesRenewOnly)
				}
				must(t, count.Set(s, i+1))
			})
		}
	})
}

func TestF105_Config(t *testing.T) {
	until := t0.Add(day)
	_, err := ssestore.New(ssestore.Config{Keys: ring(t, 1), Former: []ssestore.Former{
		{Cookie: cookie.Config{Name: "a"}},
		{Cookie: cookie.Config{Name: "__Host-a", Domain: "x.test"}, Until: until},
		{Until: until},
		{Cookie: cookie.Config{Name: "__Host-session", Path: "/"}, Until: until},
		{}, {}, {}, {}, {},
	}})
	for _, want := range []string{"Former[0].Until", "Former[1]", "Former[2].Cookie", "Former[3].Cookie", "Former: at most 8"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
	var fault *ssestore.ConfigError
	same(t, "typed", errors.As(err, &fault), true)
	for name, f := range map[string]ssestore.Former{
		"a cookie that cannot be":      {Cookie: cookie.Config{Name: "__Host-a", Domain: "x.test"}, Until: until},
		"no name left for the barrier": {Cookie: cookie.Config{Name: strings.Repeat("n", 255)}, Until: until},
	} {
		if _, err := ssestore.New(ssestore.Config{Keys: ring(t, 1), Former: []ssestore.Former{f}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Cookie: cookie.Config{Partitioned: true}, Former: []ssestore.Former{{Until: until}}})
	must(t, err)
}

// TestF105_NothingThere: a former place without a session says nothing about the
// current one.
func TestF105_NothingThere(t *testing.T) {
	eachMove(t, func(t *testing.T, c codec, m move) {
		_, now, _ := m.stores(t, c)
		s := now.Load([]string{now.CookieName() + "=x"}, now0)
		read(s)
		out, err := s.Commit(200)
		must(t, err)
		if out.Refused == cookie.ReasonNone {
			t.Error("no verdict")
		}
		without := newStore(t, c, ring(t, 1))
		s = without.Load([]string{sessionName + "=x"}, now0)
		read(s)
		alone, err := s.Commit(200)
		must(t, err)
		same(t, "verdict", out.Refused, alone.Refused)
	})
}

// TestF105_ReasonStays: a former name under which nothing came doesn't hide why the
// value under the current name was refused.
func TestF105_ReasonStays(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1), func(c *ssestore.Config) {
		c.Cookie = cookie.Config{Name: "sid"}
		c.Former = []ssestore.Former{
			{Cookie: cookie.Config{Name: "old"}, Until: now0.Add(day)},
			{Cookie: cookie.Config{Name: "sid", Domain: "x.test"}, Until: now0.Add(day)},
		}
	})
	s := store.Load([]string{"sid=of another program"}, now0)
	s.Principal().Identity()
	out, err := s.Commit(200)
	must(t, err)
	same(t, "the reason", out.Refused, cookie.ReasonForeign)
}
