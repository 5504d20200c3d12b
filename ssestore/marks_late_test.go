package ssestore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestN9_LateResponses: a session that was ended stays refused, whatever a response does
// to it that was under way at the time: renew, reseal, restamp or lengthen it. That holds
// until no configuration could let it live, and without the barrier, which a thief leaves
// out.
func TestN9_LateResponses(t *testing.T) {
	const absolute, persistent = 12 * time.Hour, 30 * day
	nothing := func(*ssestore.Session) {}
	remember := func(on bool) func(*ssestore.Session) {
		return func(s *ssestore.Session) { must(t, s.Remember(on)) }
	}
	expire := func(at time.Time) func(*ssestore.Session) {
		return func(s *ssestore.Session) { must(t, s.ExpireAt(at)) }
	}
	begin := map[string]func(*ssestore.Session){
		"browser":    func(s *ssestore.Session) { login(t, s, "1") },
		"persistent": func(s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") },
	}
	// What is done to the session before it is ended, and what a response that was
	// under way before that does then.
	before := map[string]func(*ssestore.Session){
		"nothing": nothing, "Remember(false)": remember(false), "Remember(true)": remember(true), "ExpireAt": expire(after(40 * time.Minute)),
	}
	late := map[string]func(*ssestore.Session){
		"a value":              set(t, "late"),
		"renewal":              func(s *ssestore.Session) { whoami(t, s, hash); must(t, s.Renew()) },
		"reseal and new stamp": func(s *ssestore.Session) { whoami(t, s, hash) },
		"restamp":              restamp(t, hash),
		"Remember(true)":       func(s *ssestore.Session) { must(t, s.Remember(true)); must(t, note.Set(s, "late")) },
		"Remember(false)":      remember(false),
		"no ExpireAt":          func(s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})); must(t, note.Set(s, "late")) },
		"a later ExpireAt":     expire(after(persistent)),
		"all": func(s *ssestore.Session) {
			whoami(t, s, hash)
			must(t, errors.Join(s.Remember(true), s.ExpireAt(time.Time{}), s.Renew(), note.Set(s, "late")))
		},
	}
	// How it is ended.
	logout := func(s *ssestore.Session) { must(t, s.Principal().End()) }
	ends := map[string]func(*ssestore.Session){
		"logout": logout,
		"logout of a session that was shortened in that request": func(s *ssestore.Session) {
			must(t, errors.Join(s.Remember(false), s.ExpireAt(after(31*time.Minute))))
			logout(s)
		},
		"another login":      func(s *ssestore.Session) { login(t, s, "2") },
		"from a list":        nil, // with the mark that was kept at the login
		"with a mark of now": nil,
	}
	const now = 30 * time.Minute
	each(t, func(t *testing.T, c codec) {
		refused, expired := 0, 0
		for beginName, begin := range begin {
			for beforeName, before := range before {
				for endName, end := range ends {
					for lateName, late := range late {
						set := marks.New(marks.Policy{})
						store := newStore(t, c, ring(t, 1), judged(set))
						newer := newStore(t, c, ring(t, 2, 1), judged(set))
						short := newStore(t, c, ring(t, 2, 1), judged(set), func(c *ssestore.Config) { c.Absolute, c.PersistentAbsolute = time.Hour, time.Hour })
						var kept marks.Mark
						b := visited(t, store, func(s *ssestore.Session) {
							begin(s)
							kept, _ = s.Principal().Mark()
						})
						b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) { must(t, s.Renew()); before(s) })
						slow := b.peek(newer, after(now))
						late(slow)
						if end == nil {
							if endName == "with a mark of now" {
								kept = markOf(t, store, b, after(now))
							}
							set.Apply(after(now), kept)
						} else {
							s := b.peek(short, after(now))
							if s.Principal().Identity().ID == "" {
								s = b.peek(newer, after(now))
							}
							end(s)
							over := s.Principal().Ended()
							same(t, "marks", len(over), 1)
							set.Apply(after(now), over...)
						}
						out, err := slow.Commit(200)
						must(t, err)
						b.keep(t, out)
						for _, later := range []time.Duration{now, now + 20*time.Minute, time.Hour, absolute - time.Second, absolute, 10 * day, persistent - time.Second} {
							set.Apply(after(later)) // which forgets what is over
							got, user := verdictOf(browser{sessionName: b[sessionName]}, newer, after(later))
							switch {
							case user || got != "revoked" && got != "expired":
								t.Errorf("%s, %s, ended by %s, late %s, after %v: %s", beginName, beforeName, endName, lateName, later, got)
							case got == "revoked":
								refused++
							default:
								expired++
							}
						}
					}
				}
			}
		}
		if refused == 0 || expired == 0 {
			t.Errorf("%d refused, %d expired: the times show nothing", refused, expired)
		}
	})
}

// TestN9_KeptOpen: a request that began before its session was ended gets no other id for
// it, which the mark doesn't name.
func TestN9_KeptOpen(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		said := cookie.ReasonNone
		store := newStore(t, c, ring(t, 1), judged(verdict(&said)))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		for reason, want := range map[cookie.Reason]error{
			cookie.ReasonNone: nil, cookie.ReasonRevoked: ssestore.ErrNobody, cookie.ReasonUnverified: ssestore.ErrHeld,
		} {
			for name, do := range map[string]func(ssestore.Principal) error{
				"Reissue": func(p ssestore.Principal) error { return second(p.Reissue(p.Identity())) },
				"Become": func(p ssestore.Principal) error {
					return p.Become(p.Identity(), "2", ssestore.Stamp{}, &ssestore.Actor{ID: "1"})
				},
			} {
				said = cookie.ReasonNone
				s := b.peek(store, t0)
				same(t, "user", whoami(t, s, hash), "1")
				before, _ := s.Principal().Mark()
				said = reason
				if err := do(s.Principal()); !errors.Is(err, want) {
					t.Errorf("%s, %v: %v", name, reason, err)
				}
				now, _ := s.Principal().Mark()
				same(t, name+": the same id", now.ID == before.ID, want != nil)
			}
		}
	})
	// The marks see what the session is by now.
	var asked marks.About
	m := judge(func(a marks.About) cookie.Reason { asked = a; return cookie.ReasonNone })
	store := newStore(t, codecs[0], ring(t, 1), judged(m))
	b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
	s := b.peek(store, t0)
	whoami(t, s, hash)
	must(t, s.Principal().Link("tenant:7"))
	must(t, second(s.Principal().Reissue(s.Principal().Identity())))
	same(t, "links", asked.Links[0], marks.NameOf("tenant:7"))
}

// TestN17_Deletion: the cookie of a revoked session goes when that of one that was logged
// out would, and never when it isn't certain.
func TestN17_Deletion(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		said := cookie.ReasonNone
		store := newStore(t, c, ring(t, 1), judged(verdict(&said)))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		for _, reason := range []cookie.Reason{cookie.ReasonRevoked, cookie.ReasonUnverified} {
			said = reason
			for status := range map[int]bool{200: true, 303: true, 304: true, 404: true, 500: true, 503: true} {
				for limit := ssestore.WritesAll; limit <= ssestore.WritesNone; limit++ {
					for _, used := range []bool{false, true} {
						want := "nothing"
						if reason == cookie.ReasonRevoked && limit == ssestore.WritesAll && used && status < 500 && status != 304 {
							want = "deleted"
						}
						out := b.copy().visitStatus(t, store, t0, status, func(s *ssestore.Session) {
							s.Limit(limit)
							if used {
								read(s)
							}
						})
						same(t, fmt.Sprint(reason, status, limit, used), did(out), want)
						same(t, "barrier", lineOf(out, barrierName), "")
					}
				}
			}
		}
		// A value that is set begins a new session, and nothing of the old one is left.
		said = cookie.ReasonRevoked
		out := b.visit(t, store, t0, set(t, "a"))
		same(t, "written", did(out), "written")
		said = cookie.ReasonNone
		same(t, "user", b.peek(store, t0).Principal().Identity().ID, "")
	})
}

// claimant is a codec that says what only marks can know.
type claimant struct{ cookie.Codec }

func (claimant) Open(*keyring.Keyring, string) (cookie.Opened, error) {
	return cookie.Opened{}, cookie.ReasonUnverified.Err()
}

// TestN18_CodecKnowsNoMarks: a format can't hold a session that it hasn't read.
func TestN18_CodecKnowsNoMarks(t *testing.T) {
	format := func(name, audience string) (cookie.Codec, error) {
		inner, err := cookie.JWE(name, audience)
		return claimant{inner}, err
	}
	store := newStore(t, codec{"claimant", format, true}, ring(t, 1))
	expired := browser{sessionName: "x"}
	s := expired.peek(store, t0)
	same(t, "verdict", s.Principal().Refused(), cookie.ReasonForeign)
	same(t, "unverified", s.Principal().Identity().Unverified, false)
	must(t, note.Set(s, "a")) // nothing is held

	legacy := newStore(t, codecs[0], ring(t, 1), func(c *ssestore.Config) {
		c.Legacy = []ssestore.Legacy{{Cookie: cookie.Config{Name: oldName}, Format: format, Until: after(day), Migrate: migrate}}
	})
	s = browser{oldName: strings.Repeat("x", 10)}.peek(legacy, t0)
	same(t, "legacy", s.Principal().Refused(), cookie.ReasonUnverified) // see H19
}
