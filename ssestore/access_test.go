package ssestore_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/ssestore"
)

// TestS7_1_AccessedModified is the table of row S7.1. Accessed shows as Vary,
// modified as a write under WritesNone, where nothing else is written.
func TestS7_1_AccessedModified(t *testing.T) {
	rows := []struct {
		name     string
		fresh    bool // without a cookie
		do       func(t *testing.T, s *ssestore.Session)
		accessed bool
		did      string
	}{
		{"touch nothing", false, func(t *testing.T, s *ssestore.Session) {}, false, "nothing"},
		{"touch nothing, new", true, func(t *testing.T, s *ssestore.Session) {}, false, "nothing"},
		{"now and limit", false, func(t *testing.T, s *ssestore.Session) { s.Now(); s.Limit(ssestore.WritesNone) }, false, "nothing"},
		{"memo", false, func(t *testing.T, s *ssestore.Session) {
			s.Principal().Memo(1, func(ssestore.Identity, any) any { return 1 })
		}, true, "nothing"},
		{"principal", false, func(t *testing.T, s *ssestore.Session) { s.Principal() }, false, "nothing"},
		{"read present", false, func(t *testing.T, s *ssestore.Session) { same(t, "note", note.Get(s), "a") }, true, "nothing"},
		{"read missing", false, func(t *testing.T, s *ssestore.Session) { same(t, "count", count.Get(s), 0) }, true, "nothing"},
		{"read missing, new", true, func(t *testing.T, s *ssestore.Session) { same(t, "count", count.Get(s), 0) }, true, "nothing"},
		{"has present", false, func(t *testing.T, s *ssestore.Session) { _, ok := note.Lookup(s); same(t, "has", ok, true) }, true, "nothing"},
		{"has missing", false, func(t *testing.T, s *ssestore.Session) { _, ok := count.Lookup(s); same(t, "has", ok, false) }, true, "nothing"},
		{"list keys", false, func(t *testing.T, s *ssestore.Session) {
			if got := s.Names(); !slices.Equal(got, []string{"flash", "note"}) {
				t.Errorf("names: %v", got)
			}
		}, true, "nothing"},
		{"identity", false, func(t *testing.T, s *ssestore.Session) { s.Principal().Identity() }, true, "nothing"},
		{"info", false, func(t *testing.T, s *ssestore.Session) { s.Info() }, true, "nothing"},
		{"set another", false, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "b")) }, true, "written"},
		{"set new", true, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "b")) }, true, "written"},
		{"set an equal encoding", false, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "a")) }, true, "nothing"},
		{"pop present", false, func(t *testing.T, s *ssestore.Session) {
			v, ok := flash.Pop(s)
			same(t, "popped", ok && slices.Equal(v, []string{"saved"}), true)
			_, ok = flash.Pop(s)
			same(t, "popped again", ok, false)
		}, true, "written"},
		{"pop missing", false, func(t *testing.T, s *ssestore.Session) { _, ok := count.Pop(s); same(t, "popped", ok, false) }, true, "nothing"},
		{"delete present", false, func(t *testing.T, s *ssestore.Session) { must(t, note.Delete(s)) }, true, "written"},
		{"delete missing", false, func(t *testing.T, s *ssestore.Session) { must(t, count.Delete(s)) }, true, "nothing"},
		{"clear", false, func(t *testing.T, s *ssestore.Session) { must(t, s.Clear()) }, true, "deleted"},
		{"clear, new", true, func(t *testing.T, s *ssestore.Session) { must(t, s.Clear()) }, true, "nothing"},
		{"clear after set, new", true, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "b")); must(t, s.Clear()) }, true, "nothing"},
		{"remember", false, func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)) }, true, "written"},
		{"remember, as it is", false, func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(false)) }, false, "nothing"},
		{"remember, new and empty", true, func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)) }, false, "nothing"},
		{"expire", false, func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(after(time.Hour))) }, true, "written"},
		{"expire, as it is", false, func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})) }, false, "nothing"},
	}
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				b := browser{}
				if !row.fresh {
					b = visited(t, store, func(s *ssestore.Session) {
						must(t, note.Set(s, "a"))
						must(t, flash.Set(s, []string{"saved"}))
					})
				}
				out := b.visit(t, store, after(time.Second), func(s *ssestore.Session) {
					s.Limit(ssestore.WritesNone)
					row.do(t, s)
				})
				same(t, "accessed", out.Vary, row.accessed || row.did != "nothing")
				same(t, "cookie", did(out), row.did)
			})
		}
	})
}

// TestS7_2_Unencodable: an error at Set, and nothing is lost.
func TestS7_2_Unencodable(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, set(t, "a"))
		out := b.visit(t, store, after(time.Second), func(s *ssestore.Session) {
			if err := ssestore.NewKey[any]("note").Set(s, make(chan int)); !errors.Is(err, ssestore.ErrBadValue) {
				t.Errorf("a channel: %v", err)
			}
			if err := ssestore.NewKey[float64]("note").Set(s, math.NaN()); !errors.Is(err, ssestore.ErrBadValue) {
				t.Errorf("NaN: %v", err)
			}
			same(t, "note", note.Get(s), "a")
		})
		silent(t, out)
	})
}

// TestS7_3_Override: by duration, by time, to browser close, and back to default.
func TestS7_3_Override(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		start := func(t *testing.T, persistent bool) browser {
			return visited(t, store, func(s *ssestore.Session) {
				must(t, s.Remember(persistent))
				must(t, note.Set(s, "a"))
			})
		}
		expires := func(b browser, now time.Time) time.Time { return b.peek(store, now).Info().Expires }

		t.Run("shortens", func(t *testing.T) {
			b := start(t, false)
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(after(5*time.Minute))) })
			same(t, "just before", note.Get(b.peek(store, after(5*time.Minute-time.Second))), "a")
			same(t, "at the end", note.Get(b.peek(store, after(5*time.Minute))), "")
		})
		t.Run("never lengthens", func(t *testing.T) {
			b := start(t, false)
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(after(1000*day))) })
			same(t, "end", expires(b, t0), after(12*time.Hour))
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(time.Unix(1<<40, 0))) })
			same(t, "end", expires(b, t0), after(12*time.Hour))
		})
		t.Run("back to default", func(t *testing.T) {
			b := start(t, false)
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(after(time.Minute))) })
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})) })
			same(t, "end", expires(b, t0), after(12*time.Hour))
		})
		t.Run("to browser close", func(t *testing.T) {
			b := start(t, true)
			out := b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Remember(false)) })
			same(t, "line", attributes(lineOf(out, sessionName)), "HttpOnly; Path=/; SameSite=Lax; Secure")
			same(t, "idle end", b.peek(store, t0).Info().IdleEnds, after(30*time.Minute))
		})
		t.Run("in the past", func(t *testing.T) {
			b := start(t, true)
			out := b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(after(-time.Second))) })
			same(t, "cookie", did(out), "deleted")
			b = browser{}
			silent(t, b.visit(t, store, t0, func(s *ssestore.Session) {
				must(t, s.ExpireAt(t0))
				must(t, note.Set(s, "never"))
			}))
			silent(t, b.visit(t, store, t0, func(s *ssestore.Session) {
				must(t, s.ExpireAt(time.Unix(-5, 0)))
				must(t, note.Set(s, "never"))
			}))
		})
		t.Run("as a wish, before there is a session", func(t *testing.T) {
			b := browser{}
			b.visit(t, store, t0, func(s *ssestore.Session) {
				must(t, s.ExpireAt(after(time.Minute)))
				must(t, s.Remember(true))
				must(t, note.Set(s, "a"))
			})
			i := b.peek(store, t0).Info()
			same(t, "end", i.Expires, after(time.Minute))
			same(t, "persistent", i.Persistent, true)
		})
	})
}

// TestS7_4_EnforcedFromThePayload: the browser's clock and cookie do not matter.
func TestS7_4_EnforcedFromThePayload(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, s.Remember(true))
			must(t, note.Set(s, "a"))
		})
		s := b.peek(store, after(31*day))
		same(t, "note", note.Get(s), "")
		same(t, "new", s.Info().New, true)
	})
}

// TestInfo_NoTimes: what has not happened has the zero time, not that of 1970.
func TestInfo_NoTimes(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		i := newStore(t, c, ring(t, 1)).Load(nil, t0).Info()
		for name, when := range map[string]time.Time{"Created": i.Created, "AuthTime": i.AuthTime, "Renewed": i.Renewed, "Expires": i.Expires} {
			same(t, name, when, time.Time{})
		}
	})
}

// TestInfo_ChangedData: Info shows the session as it would be written now.
func TestInfo_ChangedData(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		visited(t, store, set(t, "a")).visit(t, store, t0, func(s *ssestore.Session) {
			before := s.Info()
			must(t, note.Set(s, strings.Repeat("b", 100)))
			i := s.Info()
			if !strings.Contains(string(i.Claims), strings.Repeat("b", 100)) || i.Bytes < before.Bytes+100 {
				t.Errorf("%d bytes of %s, before %d", i.Bytes, i.Claims, before.Bytes)
			}
		})
	})
}
