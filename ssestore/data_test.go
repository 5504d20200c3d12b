package ssestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestTypedKeys(t *testing.T) {
	type item struct {
		ID   int
		Name string
	}
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		items := ssestore.NewKey[[]item]("shop.cart")
		when := ssestore.NewKey[time.Time]("a/b:c_d-e.F9")
		ptr := ssestore.NewKey[*item]("p")
		raw := ssestore.NewKey[json.RawMessage]("raw")
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, items.Set(s, []item{{1, "a"}, {2, `b <&> "c" é 🚢`}}))
			must(t, when.Set(s, t0))
			must(t, ptr.Set(s, nil))
			must(t, raw.Set(s, json.RawMessage(` { "x" : [ 1 , 2 ] } `)))
		})
		s := b.peek(store, t0)
		got := items.Get(s)
		same(t, "items", len(got), 2)
		same(t, "item", got[1], item{2, `b <&> "c" é 🚢`})
		same(t, "time", when.Get(s).Equal(t0), true)
		p, ok := ptr.Lookup(s)
		same(t, "nil pointer, present", p == nil && ok, true)
		same(t, "compacted", string(raw.Get(s)), `{"x":[1,2]}`)
		same(t, "names", strings.Join(s.Names(), " "), "a/b:c_d-e.F9 p raw shop.cart")
		// A copy: changing it changes nothing.
		got[0].Name = "changed"
		same(t, "unchanged", items.Get(s)[0].Name, "a")
	})
}

func TestKeyNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, strings.Repeat("x", 64): true, "A-Za.z0:9_/": true,
		"": false, strings.Repeat("x", 65): false, "a b": false, `a"b`: false, "é": false, "a\nb": false, "a,b": false, "a;b": false, "a=b": false,
	} {
		k := ssestore.NewKey[int](name)
		s := newStore(t, codecs[0], ring(t, 1)).Load(nil, t0)
		if err := k.Set(s, 1); (err == nil) != ok || !ok && err != ssestore.ErrBadName {
			t.Errorf("%q: Set: %v", name, err)
		}
		_, found := k.Lookup(s)
		same(t, name, found, ok)
		same(t, "Name", k.Name(), map[bool]string{true: name}[ok])
		_, found = k.Pop(s)
		same(t, name, found, ok)
		must(t, k.Delete(s))
	}
	var zero ssestore.Key[int]
	same(t, "zero Key", zero.Set(newStore(t, codecs[0], ring(t, 1)).Load(nil, t0), 1), ssestore.ErrBadName)
}

// TestUndecodable: a value of another type reads as absent, wholly, and is named.
func TestUndecodable(t *testing.T) {
	type pair struct{ A, B int }
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		pairs := ssestore.NewKey[pair]("pair")
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, ssestore.NewKey[map[string]any]("pair").Set(s, map[string]any{"A": 1, "B": "two"}))
			must(t, note.Set(s, "a"))
		})
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			v, ok := pairs.Lookup(s)
			same(t, "found", ok, false)
			same(t, "nothing half filled", v, pair{})
			pairs.Get(s)
			same(t, "note", note.Get(s), "a")
		})
		silent(t, out)
		same(t, "unreadable", strings.Join(out.Unreadable, " "), "pair")
		// Pop removes it all the same.
		out = b.visit(t, store, t0, func(s *ssestore.Session) { _, ok := pairs.Pop(s); same(t, "popped", ok, false) })
		same(t, "cookie", did(out), "written")
		same(t, "names", strings.Join(b.peek(store, t0).Names(), " "), "note")
	})
}

// TestSetRefuses what Load would not read again, and quotes nothing of it.
func TestSetRefuses(t *testing.T) {
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	raw := ssestore.NewKey[json.RawMessage]("raw")
	s := newStore(t, codecs[0], ring(t, 1)).Load(nil, t0)
	must(t, raw.Set(s, deep(64)))
	for name, v := range map[string]json.RawMessage{"65 levels": deep(65), "invalid UTF-8": json.RawMessage("\"canary\xff\""), "no JSON": json.RawMessage("canary"), "empty": {}} {
		err := raw.Set(s, v)
		if !errors.Is(err, ssestore.ErrBadValue) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, "kept", string(raw.Get(s)), string(deep(64)))
}

// TestPanicInMarshal leaves the session as it was, and unlocked.
func TestPanicInMarshal(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, set(t, "a"))
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			func() {
				defer func() { same(t, "panicked", recover() != nil, true) }()
				ssestore.NewKey[panics]("note").Set(s, panics{})
			}()
			func() {
				defer func() { same(t, "panicked", recover() != nil, true) }()
				s.Principal().Begin("1", ssestore.Stamp{}, func(string) bool { panic("keep") })
			}()
			same(t, "note", note.Get(s), "a")
		})
		silent(t, out)
	})
}

// TestUnmarshalMayWrite: what UnmarshalJSON does to its argument is nobody
// else's business.
func TestUnmarshalMayWrite(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		s := visited(t, store, set(t, "abc")).peek(store, t0)
		ssestore.NewKey[scribbles]("note").Get(s)
		same(t, "note", note.Get(s), "abc")
	})
}

type scribbles struct{}

func (*scribbles) UnmarshalJSON(b []byte) error { clear(b); return nil }

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("marshal") }

// TestSize: what Set accepts can be written, even when the longest login follows;
// what it refuses changes nothing and names the culprits.
func TestSize(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, maxLine := range []int{0, 1200, 8190} {
			store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
				c.Cookie.MaxLine = maxLine
				c.PersistentAbsolute = 400 * day
			})
			s := store.Load(nil, t0)
			must(t, s.Remember(true))
			must(t, s.ExpireAt(after(399*day)))
			must(t, ssestore.NewKey[string]("small").Set(s, "s"))
			must(t, ssestore.NewKey[string]("middle").Set(s, strings.Repeat("m", 60)))
			n := 0
			var err error
			for ; err == nil && n < cookie.MaxPair; n++ {
				err = note.Set(s, strings.Repeat("x", n+1))
			}
			same(t, "the last that fits stays", len(note.Get(s)), n-1)
			var size *cookie.SizeError
			if !errors.As(err, &size) {
				t.Fatalf("Set: %v", err)
			}
			same(t, "largest", strings.Join(size.Largest, " "), "note middle small")
			if size.Size <= size.Limit {
				t.Errorf("size %d, limit %d", size.Size, size.Limit)
			}
			st, err := s.Principal().Stamp("x", hash)
			must(t, err)
			must(t, s.Principal().Begin(strings.Repeat("x", 128), st, nil))
			out, err := s.Commit(200)
			must(t, err)
			limit := maxLine
			if maxLine == 0 {
				limit = cookie.DefaultMaxLine
			}
			line := lineOf(out, sessionName)
			value, _, _ := strings.Cut(strings.TrimPrefix(line, sessionName+"="), ";")
			if len(line) > limit || len(sessionName)+len(value) > cookie.MaxPair || out.Bytes != len(sessionName)+len(value) {
				t.Errorf("line %d of %d, bytes %d", len(line), limit, out.Bytes)
			}
			// Reserved is what the numbers may still grow by, and not much more.
			if limit < 4096 && len(line) < limit-40 {
				t.Errorf("MaxLine %d: only %d used", limit, len(line))
			}
			b := browser{}
			b.keep(t, out)
			same(t, "read again", len(note.Get(b.peek(store, t0))), n-1)
			// Deleting always works.
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, note.Delete(s)) })
			same(t, "names", strings.Join(b.peek(store, t0).Names(), " "), "middle small")
		}
	})
}

// TestSize_Shrunk: a session that was written under a larger limit reads, and
// cannot be written before something was deleted. A renewal that nobody asked for
// is reported and spoils no answer; a change is an error.
func TestSize_Shrunk(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := visited(t, newStore(t, c, ring(t, 1)), func(s *ssestore.Session) {
			must(t, note.Set(s, strings.Repeat("x", 1200)))
			must(t, count.Set(s, 1))
		})
		small := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.MaxLine = 1200 })
		s := b.peek(small, after(10*time.Minute)) // a renewal is due
		same(t, "count", count.Get(s), 1)
		out, err := s.Commit(200)
		var size *cookie.SizeError
		must(t, err)
		same(t, "renewal is a SizeError", errors.As(out.Skipped, &size), true)
		silent(t, out)
		s = b.peek(small, t0)
		must(t, s.Remember(true))
		out, err = s.Commit(200)
		same(t, "change is a SizeError", errors.As(err, &size) && out.Skipped == nil, true)
		silent(t, out)
		b.visit(t, small, t0, func(s *ssestore.Session) { must(t, note.Delete(s)) })
		same(t, "names", strings.Join(b.peek(small, t0).Names(), " "), "count")
	})
}

// TestSetRandom drives the data with random changes next to a plain map.
func TestSetRandom(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		r := rand.New(rand.NewPCG(1, 2))
		b, model := browser{}, map[string]string{}
		for range 200 {
			b.visit(t, store, t0, func(s *ssestore.Session) {
				for range r.IntN(5) {
					name := fmt.Sprintf("k%d", r.IntN(12))
					k := ssestore.NewKey[string](name)
					switch r.IntN(8) {
					case 0:
						must(t, k.Delete(s))
						delete(model, name)
					case 1:
						v, ok := k.Pop(s)
						want, there := model[name]
						same(t, "popped", ok, there)
						same(t, "popped", v, want)
						delete(model, name)
					case 2:
						if r.IntN(8) == 0 {
							must(t, s.Clear())
							clear(model)
						}
					default:
						v := strings.Repeat(name, r.IntN(200))
						if err := k.Set(s, v); err == nil {
							model[name] = v
						}
					}
				}
			})
			s := b.peek(store, t0)
			same(t, "names", len(s.Names()), len(model))
			for name, want := range model {
				same(t, name, ssestore.NewKey[string](name).Get(s), want)
			}
		}
	})
}

// TestF204_LateUse: after Commit changes are errors, reads work, and Late reports
// both, since callers don't always look at the error of a change.
func TestF204_LateUse(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		committed := func(before func(s *ssestore.Session)) *ssestore.Session {
			s := loggedIn(t, c, 1).peek(store, t0)
			before(s)
			if _, err := s.Commit(200); err != nil {
				t.Error(err)
			}
			return s
		}
		s := committed(read)
		for name, err := range map[string]error{
			"Set": note.Set(s, "x"), "Delete": note.Delete(s), "Clear": s.Clear(), "Logout": s.Principal().End(), "Remember": s.Remember(true),
			"ExpireAt": s.ExpireAt(t0), "Begin": s.Principal().Begin("1", ssestore.Stamp{}, nil), "Restamp": s.Principal().Restamp(ssestore.Stamp{}),
		} {
			same(t, name, err, ssestore.ErrCommitted)
		}
		_, err := s.Commit(200)
		same(t, "Commit", err, ssestore.ErrCommitted)
		same(t, "note", note.Get(s), "a")
		same(t, "user", s.Principal().Identity().ID, "1")
		_, ok := note.Pop(s)
		same(t, "Pop still gives the value", ok, true)

		// The session was read in time, so only the change is late.
		for name, change := range map[string]func(s *ssestore.Session){
			"Set":       func(s *ssestore.Session) { note.Set(s, "x") },
			"Set equal": func(s *ssestore.Session) { note.Set(s, "a") },
			"Delete":    func(s *ssestore.Session) { note.Delete(s) },
			"Pop":       func(s *ssestore.Session) { note.Pop(s) },
			"Clear":     func(s *ssestore.Session) { s.Clear() },
			"Remember":  func(s *ssestore.Session) { s.Remember(true) },
			"ExpireAt":  func(s *ssestore.Session) { s.ExpireAt(t0) },
			"Begin":     func(s *ssestore.Session) { s.Principal().Begin("1", ssestore.Stamp{}, nil) },
			"Restamp":   func(s *ssestore.Session) { s.Principal().Restamp(ssestore.Stamp{}) },
			"End":       func(s *ssestore.Session) { s.Principal().End() },
		} {
			s := committed(read)
			read(s)
			same(t, "Late after a read in time, before "+name, s.Late(), nil)
			change(s)
			same(t, "Late after "+name, s.Late(), ssestore.ErrCommitted)
		}

		for name, row := range map[string]struct {
			do   func(s *ssestore.Session)
			want error
		}{
			"nothing":     {func(s *ssestore.Session) {}, nil},
			"read":        {read, ssestore.ErrCommitted},
			"identity":    {func(s *ssestore.Session) { s.Principal().Identity() }, ssestore.ErrCommitted},
			"pop missing": {func(s *ssestore.Session) { count.Pop(s) }, ssestore.ErrCommitted}, // it read
			"set":         {func(s *ssestore.Session) { note.Set(s, "x") }, ssestore.ErrCommitted},
			"now":         {func(s *ssestore.Session) { s.Now() }, nil},
		} {
			s := committed(func(*ssestore.Session) {})
			row.do(s)
			same(t, "Late after first "+name, s.Late(), row.want)
		}
	})
}

// TestConcurrent: handlers may go on after http.TimeoutHandler answered.
func TestConcurrent(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		s := loggedIn(t, c, 1).peek(store, t0)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				k := ssestore.NewKey[int](fmt.Sprintf("k%d", i))
				for j := range 50 {
					k.Set(s, j)
					k.Get(s)
					s.Names()
					s.Info()
					whoami(t, s, hash)
					s.Principal().Memo(i%2, func(ssestore.Identity, any) any { return i })
					if i == 7 && j == 25 {
						if _, err := s.Commit(200); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestF110_Shrinking: a session that no longer fits, because MaxLine was lowered, can
// be made smaller in steps, and logs nobody in before it fits.
func TestF110_Shrinking(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := visited(t, newStore(t, c, ring(t, 1)), func(s *ssestore.Session) {
			must(t, note.Set(s, strings.Repeat("x", 1200)))
			must(t, count.Set(s, 1))
		})
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.MaxLine = 1200 })
		tooLarge := func(what string, err error) {
			t.Helper()
			var size *cookie.SizeError
			if !errors.As(err, &size) || size.Size <= size.Limit || size.Largest[0] != "note" {
				t.Errorf("%s: %v", what, err)
			}
		}
		s := b.peek(store, t0)
		must(t, note.Set(s, strings.Repeat("x", 1100)))
		tooLarge("larger again", note.Set(s, strings.Repeat("x", 1101)))
		tooLarge("as large", note.Set(s, strings.Repeat("y", 1100)))
		tooLarge("another", ssestore.NewKey[int]("other").Set(s, 1))
		same(t, "note", len(note.Get(s)), 1100)
		st, err := s.Principal().Stamp("1", hash)
		must(t, err)
		before := s.Info()
		tooLarge("login", s.Principal().Begin("1", st, nil))
		after := s.Info()
		same(t, "user", after.UserID, "")
		same(t, "session id", after.LogID, before.LogID)
		_, err = s.Commit(200)
		var size *cookie.SizeError
		same(t, "Commit", errors.As(err, &size), true)

		b.visit(t, store, t0, func(s *ssestore.Session) {
			tooLarge("login", s.Principal().Begin("1", st, func(name string) bool { return name == "note" }))
			same(t, "nothing was dropped", strings.Join(s.Names(), " "), "count note")
			must(t, s.Principal().Begin("1", st, func(name string) bool { return name == "count" }))
		})
		same(t, "kept", strings.Join(b.peek(store, t0).Names(), " "), "count")
	})
}

// TestF504_LongIDs: an id of up to 255 bytes is as good as any, where it fits.
func TestF504_LongIDs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		long := func(n int) string { return strings.Repeat("x", n) }
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.MaxLine = 1200 })
		full := func(s *ssestore.Session) (n int) {
			for note.Set(s, long(n+1)) == nil {
				n++
			}
			return n
		}
		var size *cookie.SizeError
		n := 0
		b := visited(t, store, func(s *ssestore.Session) {
			n = full(s)
			st, err := s.Principal().Stamp("x", hash)
			must(t, err)
			for _, id := range []string{long(255), long(129), long(127) + `"`} {
				same(t, "no room", errors.As(s.Principal().Begin(id, st, nil), &size), true)
			}
			same(t, "user", s.Principal().Identity().ID, "")
			must(t, s.Principal().Begin(long(128), st, nil))
		})
		// With room, the longest goes in; after it, what Set accepts can be written.
		b.visit(t, store, t0, func(s *ssestore.Session) {
			must(t, s.Clear())
			login(t, s, long(255))
			must(t, s.Remember(true))
			must(t, s.ExpireAt(after(day)))
			same(t, "data", full(s), n-127)
		})
		s := b.peek(store, t0)
		same(t, "id", s.Principal().Identity().ID, long(255))
		same(t, "data", len(note.Get(s)), n-127)

		// Nor does a migration take over what can't be written.
		old := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie.MaxLine = 1200
			c.Legacy = []ssestore.Legacy{{Cookie: cookie.Config{Name: oldName}, Format: newOld, Until: after(day), Migrate: func(s *ssestore.Session, _ []byte) error {
				return errors.Join(note.Set(s, long(n)), s.Adopt(long(255)))
			}}}
		})
		out := browser{oldName: oldValue(t0, "")}.visit(t, old, t0, read)
		same(t, "migration", errors.As(out.NotMigrated, &size), true)
		silent(t, out)
	})
}
