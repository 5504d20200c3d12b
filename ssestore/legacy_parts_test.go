package ssestore_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// summed is the codec of a system whose values protect themselves, as the real ones do:
// what oldCodec opens, and a checksum behind sep.
type summed struct {
	oldCodec
	sep string
}

func (c summed) Open(ring *keyring.Keyring, v string) (cookie.Opened, error) {
	words, sum, ok := strings.Cut(v, c.sep)
	if !ok {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	if sum != checksum(words) {
		return cookie.Opened{}, cookie.ReasonBadTag.Err()
	}
	return c.oldCodec.Open(ring, words)
}

func checksum(words string) string {
	sum := sha256.Sum256([]byte(words))
	return hex.EncodeToString(sum[:8])
}

// partedConfig is a store that takes over sessions whose values may come in parts.
func partedConfig(c *ssestore.Config) {
	c.Legacy = []ssestore.Legacy{{
		Cookie: cookie.Config{Name: oldName, Path: "/app"}, Parts: ".", Until: after(10 * day), Migrate: migrate,
		Format: func(string, string) (cookie.Codec, error) { return summed{sep: "~"}, nil },
	}}
}

// signedConfig is a store whose earlier system kept a signature in a second cookie.
func signedConfig(c *ssestore.Config) {
	c.Legacy = []ssestore.Legacy{{
		Cookie: cookie.Config{Name: oldName}, Companion: ".sig", Until: after(10 * day), Migrate: migrate,
		Format: func(string, string) (cookie.Codec, error) { return summed{sep: ";"}, nil },
	}}
}

// protected is a value that partedConfig opens.
func protected(words string) string {
	v := oldValue(t0, words)
	return v + "~" + checksum(v)
}

// split cuts a value into n parts.
func split(v string, n int) browser {
	b := browser{}
	for i := range n {
		b[fmt.Sprint(oldName, ".", i)] = v[len(v)*i/n : len(v)*(i+1)/n]
	}
	return b
}

// deletes counts the lines that delete an old cookie, each at its own path.
func deletes(t *testing.T, out ssestore.Outcome) (n int) {
	t.Helper()
	for _, line := range out.SetCookie {
		if strings.HasPrefix(line, oldName) {
			if !strings.Contains(line, "=; Path=/app; Expires=Thu, 01 Jan 1970") {
				t.Errorf("not a deletion where it was set: %s", line)
			}
			n++
		}
	}
	return n
}

// TestH1_Parts: a value in parts is one session, and all of them go when it moves.
func TestH1_Parts(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), partedConfig)
		v := protected("user=1+note=x")
		for n := 1; n <= 4; n++ {
			b := split(v, n)
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "1")
				same(t, "note", note.Get(s), "x")
			})
			same(t, "migrated", out.Migrated, true)
			same(t, "cookie", did(out), "written")
			same(t, "deletions", deletes(t, out), n)
			same(t, "cookies left", len(b), 1)
			same(t, "user afterwards", whoami(t, b.peek(store, t0), hash), "1")
		}
		// Some systems count from 1, and say under the name alone how many there are.
		fromOne := newStore(t, c, ring(t, 1), partedConfig, func(c *ssestore.Config) { c.Legacy[0].Parts = ".1" })
		b := browser{oldName: "3", "old.1": v[:9], "old.2": v[9:20], "old.3": v[20:]}
		out := b.visit(t, fromOne, t0, func(s *ssestore.Session) { same(t, "from 1: user", whoami(t, s, hash), "1") })
		same(t, "from 1: deletions", deletes(t, out), 4)
		// In whichever order and header field.
		p := split(v, 3)
		for _, lines := range [][]string{
			{"old.2=" + p["old.2"] + "; old.0=" + p["old.0"] + "; x=y; old.1=" + p["old.1"]},
			{"old.1=" + p["old.1"], "old.2=" + p["old.2"], "old.0=" + p["old.0"] + "; old.0=" + p["old.0"]}, // the same twice is one
		} {
			same(t, "note", note.Get(store.Load(lines, t0)), "x")
		}
		// The id is that of the value, however it comes: a logout in one form ends both.
		whole, parts := browser{oldName: v}, split(v, 2)
		id := func(b browser) string { m, _ := b.peek(store, t0).Principal().Mark(); return m.ID }
		same(t, "id", id(whole), id(parts))
		b = parts.copy()
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "barrier only", len(b), 1)
		b[oldName] = v
		same(t, "verdict", b.visit(t, store, t0, read).Refused, cookie.ReasonEnded)
	})
}

// TestH2_FaultyParts: nobody is logged in, the verdict says what is wrong, and nothing is
// deleted.
func TestH2_FaultyParts(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1), partedConfig)
	v, other := protected("user=1+note=x"), protected("user=2+note=y")
	type row struct {
		name string
		b    browser
		more string // cookies of a name that is taken
		want cookie.Reason
	}
	with := func(b browser, name, value string) browser {
		b = b.copy()
		if b[name] = value; value == "-" {
			delete(b, name)
		}
		return b
	}
	long := strings.Repeat("x", 4097)
	rows := []row{
		{"the first is missing", with(split(v, 3), "old.0", "-"), "", cookie.ReasonMalformed},
		{"one is missing in the middle", with(split(v, 3), "old.1", "-"), "", cookie.ReasonMalformed},
		{"the last is missing", with(split(v, 3), "old.2", "-"), "", cookie.ReasonBadTag},
		{"a fifth", split(v, 5), "", cookie.ReasonMalformed},
		{"a fifth that is empty", with(split(v, 4), "old.4", ""), "", cookie.ReasonMalformed},
		{"a fifth alone", browser{"old.4": v}, "", cookie.ReasonMalformed},
		{"one too many", with(split(v, 2), "old.2", "x"), "", cookie.ReasonBadTag},
		{"two of one number", split(v, 2), "; old.1=x", cookie.ReasonAmbiguous},
		{"two of one number, and a gap", with(split(v, 3), "old.1", "-"), "; old.0=x", cookie.ReasonMalformed},
		{"mixed from two sessions", with(split(v, 2), "old.1", split(other, 2)["old.1"]), "", cookie.ReasonBadTag},
		{"too long together", browser{"old.0": long, "old.1": long, "old.2": long, "old.3": long}, "", cookie.ReasonMalformed},
		{"one that is too long", browser{"old.0": strings.Repeat("x", 16385)}, "", cookie.ReasonMalformed},
		{"another spelling of the number", browser{"old.00": v, "old.01": v, "old.+1": v}, "", cookie.ReasonNone},
		{"the name alone, cut short", browser{oldName: split(v, 2)["old.0"]}, "", cookie.ReasonMalformed},
	}
	for i := range v { // cut short, in either part
		p := split(v, 2)
		if n := len(p["old.0"]); i < n {
			rows = append(rows, row{fmt.Sprint("the first at ", i), with(p, "old.0", v[:i]), "", cookie.ReasonBadTag})
		} else {
			rows = append(rows, row{fmt.Sprint("the second at ", i-n), with(p, "old.1", v[n:i]), "", cookie.ReasonBadTag})
		}
	}
	for _, row := range rows {
		lines := row.b.lines()
		lines[0] += row.more
		s := store.Load(lines, t0)
		same(t, row.name+": user", s.Principal().Identity().ID, "")
		same(t, row.name+": note", note.Get(s), "")
		out, err := s.Commit(200)
		must(t, err)
		silent(t, out)
		if out.Refused != row.want && !(row.want == cookie.ReasonBadTag && out.Refused == cookie.ReasonMalformed) {
			t.Errorf("%s: %v, want %v", row.name, out.Refused, row.want)
		}
	}
	// 16,384 characters are opened, and no more.
	for length, want := range map[int]string{16384: "x", 16385: ""} {
		filler := oldValue(t0, "note=x+"+strings.Repeat("y", length-len(oldValue(t0, "note=x"))-2-16))
		whole := filler + "~" + checksum(filler)
		same(t, "length", len(whole), length)
		same(t, "at the limit", note.Get(split(whole, 4).peek(store, t0)), want)
	}
}

// TestH3_WholeAndParts: what an earlier and a later response of the other system left.
func TestH3_WholeAndParts(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), partedConfig)
		whole, parted := protected("note=whole"), protected("note=parts")
		for _, row := range []struct {
			name    string
			whole   string
			parts   browser
			want    string
			refused cookie.Reason
			gone    int
		}{
			{"both open", whole, split(parted, 2), "", cookie.ReasonAmbiguous, 0},
			{"both are one value", whole, split(whole, 2), "", cookie.ReasonAmbiguous, 0},
			{"parts that are left over", whole, browser{"old.1": "x"}, "whole", cookie.ReasonNone, 2},
			{"a fifth that is left over", whole, split(parted, 5), "whole", cookie.ReasonNone, 6},
			{"a name that is left over", "x", split(parted, 3), "parts", cookie.ReasonNone, 4},
		} {
			b := row.parts.copy()
			b[oldName] = row.whole
			same(t, row.name+": note", note.Get(b.peek(store, t0)), row.want)
			out := b.visit(t, store, t0, read)
			same(t, row.name+": verdict", out.Refused, row.refused)
			same(t, row.name+": deletions", deletes(t, out), row.gone)
		}
	})
}

// TestH4_BesideOurs: parts and companions beside a session of ours are not opened, and go
// with its next write, also under its own name.
func TestH4_BesideOurs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), partedConfig)
		b := visited(t, store, set(t, "ours"))
		for name, v := range split(protected("note=x"), 3) {
			b[name] = v
		}
		out := b.visit(t, store, t0, func(s *ssestore.Session) { same(t, "note", note.Get(s), "ours") })
		silent(t, out)
		out = b.visit(t, store, t0, set(t, "y"))
		same(t, "deletions", deletes(t, out), 3)
		same(t, "cookies left", len(b), 1)
		// At a logout without a session that moved, too.
		b = split(protected("note=x")[1:], 2)
		b[sessionName] = visited(t, store, set(t, "ours"))[sessionName]
		out = b.visitStatus(t, store, t0, 500, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "deletions", deletes(t, out), 2)
		same(t, "deleted", out.Deleted, true)

		sameName := newStore(t, c, ring(t, 1), signedConfig, func(c *ssestore.Config) { c.Cookie.Name = oldName })
		v := oldValue(t0, "note=x")
		b = browser{oldName: v, oldName + ".sig": checksum(v)}
		out = b.visit(t, sameName, t0, func(s *ssestore.Session) { same(t, "note", note.Get(s), "x") })
		same(t, "lines", len(out.SetCookie), 2) // the new value in the old one's place
		same(t, "companion", lineOf(out, oldName+".sig"), "old.sig=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
		b[oldName+".sig"] = "x" // a late response of the old program
		out = b.visit(t, sameName, t0, set(t, "y"))
		same(t, "lines", len(out.SetCookie), 2)
		same(t, "cookies left", len(b), 1)
		same(t, "note", note.Get(b.peek(sameName, t0)), "y")
		same(t, "lines", len(b.visit(t, sameName, t0, set(t, "z")).SetCookie), 1)
	})
}

// TestH5_Companion: the value means nothing without the cookie beside it.
func TestH5_Companion(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), signedConfig)
		v, other := oldValue(t0, "user=1+note=x"), oldValue(t0, "user=1+note=y")
		sig, sig2 := checksum(v), checksum(other)
		long := oldValue(t0, "user=1+note=x+"+strings.Repeat("y", 16385-16-len(oldValue(t0, "user=1+note=x+"))))
		b := browser{oldName: v, "old.sig": sig}
		out := b.visit(t, store, t0, func(s *ssestore.Session) { same(t, "user", whoami(t, s, hash), "1") })
		same(t, "migrated", out.Migrated, true)
		same(t, "cookies left", len(b), 1)
		for _, row := range []struct {
			name, line, want string
			refused          cookie.Reason
		}{
			{"no companion", "old=" + v, "", cookie.ReasonMalformed},
			{"a companion alone", "old.sig=" + sig, "", cookie.ReasonMalformed},
			{"that of another value", "old=" + v + "; old.sig=" + sig2, "", cookie.ReasonBadTag},
			{"cut short", "old=" + v + "; old.sig=" + sig[1:], "", cookie.ReasonBadTag},
			{"swapped", "old=" + sig + "; old.sig=" + v, "", cookie.ReasonBadTag},
			{"two, and one fits", "old=" + v + "; old.sig=x; old.sig=" + sig, "x", cookie.ReasonNone},
			{"two values, and one fits", "old=" + v + "; old=z; old.sig=" + sig, "x", cookie.ReasonNone},
			{"two sessions", "old=" + v + "; old=" + other + "; old.sig=" + sig + "; old.sig=" + sig2, "", cookie.ReasonAmbiguous},
			{"nine pairs", "old=" + v + "; old=2; old=3; old.sig=" + sig + "; old.sig=2; old.sig=3", "", cookie.ReasonAmbiguous},
			{"as long as it may be", "old=" + long[:len(long)-1] + "; old.sig=" + checksum(long[:len(long)-1]), "x", cookie.ReasonNone},
			{"too long together", "old=" + long + "; old.sig=" + checksum(long), "", cookie.ReasonMalformed},
			{"one that is too long, and one that fits", "old=" + strings.Repeat("x", 16384) + "; old=" + v + "; old.sig=" + sig, "x", cookie.ReasonNone},
		} {
			s := store.Load([]string{row.line}, t0)
			same(t, row.name+": note", note.Get(s), row.want)
			out, err := s.Commit(200)
			must(t, err)
			silent(t, out) // nobody has verified the user
			same(t, row.name, out.Refused, row.refused)
		}
	})
}

// TestH6_Issued: a format without a date counts from one constant, so that a copy of the
// cookie ends with it.
func TestH6_Issued(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) { c.Legacy[0].Issued = after(-time.Hour) })
		undated, dated := "x-user=1+note=x", oldValue(after(-11*time.Hour), "user=1")
		var ids []string
		for _, row := range []struct {
			name, value string
			now         time.Time
			created     time.Time // zero: refused
			refused     cookie.Reason
		}{
			{"at first", undated, t0, after(-time.Hour), cookie.ReasonNone},
			{"a copy, later", undated, after(10 * time.Hour), after(-time.Hour), cookie.ReasonNone},
			{"a copy after the absolute time", undated, after(11 * time.Hour), time.Time{}, cookie.ReasonExpired},
			{"before the constant", undated, after(-2 * time.Hour), time.Time{}, cookie.ReasonFuture},
			{"a date of its own", dated, t0, after(-11 * time.Hour), cookie.ReasonNone},
			{"a date of its own that is over", dated, after(time.Hour), time.Time{}, cookie.ReasonExpired},
		} {
			b := browser{oldName: row.value}
			s := b.peek(store, row.now)
			want := ""
			if !row.created.IsZero() {
				want = "1"
			}
			who := s.Principal().Identity()
			same(t, row.name+": user", who.ID, want)
			same(t, row.name+": auth time", who.AuthTime, row.created)
			same(t, row.name+": created", s.Info().Created, row.created)
			if m, ok := s.Principal().Mark(); ok && row.value == undated {
				ids = append(ids, m.ID)
			}
			out, err := s.Commit(200)
			must(t, err)
			same(t, row.name+": verdict", out.Refused, row.refused)
		}
		same(t, "sessions", len(ids), 2)
		same(t, "id of the copy", ids[1], ids[0])
	})
}

// TestH7_NewRefuses what can't be meant, with the field's name.
func TestH7_NewRefuses(t *testing.T) {
	legacy := func(name string) ssestore.Legacy {
		return ssestore.Legacy{Cookie: cookie.Config{Name: name}, Format: newOld, Until: after(day), Migrate: migrate}
	}
	for _, row := range []struct {
		name, field string // "": accepted
		change      func(l *ssestore.Legacy, c *ssestore.Config)
	}{
		{"parts", "", func(l *ssestore.Legacy, c *ssestore.Config) { l.Parts = "__" }},
		{"a companion", "", func(l *ssestore.Legacy, c *ssestore.Config) { l.Companion = ".sig" }},
		{"both", "Legacy[0].Companion", func(l *ssestore.Legacy, c *ssestore.Config) { l.Parts, l.Companion = ".", ".sig" }},
		{"a separator that no name can have", "Name", func(l *ssestore.Legacy, c *ssestore.Config) { l.Parts = ";" }},
		{"a suffix that no name can have", "Name", func(l *ssestore.Legacy, c *ssestore.Config) { l.Companion = "=" }},
		{"a day of the switch-over", "", func(l *ssestore.Legacy, c *ssestore.Config) { l.Issued = t0 }},
		{"one at the end", "Legacy[0].Issued", func(l *ssestore.Legacy, c *ssestore.Config) { l.Issued = l.Until }},
		{"one before all computers", "Legacy[0].Issued", func(l *ssestore.Legacy, c *ssestore.Config) { l.Issued = time.Unix(0, 0) }},
		{"read only", "", func(l *ssestore.Legacy, c *ssestore.Config) { l.ReadOnly = true }},
		{"read only, under our name", "Legacy[0].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) { l.ReadOnly, l.Cookie.Name = true, sessionName }},
		{"under our name", "", func(l *ssestore.Legacy, c *ssestore.Config) { l.Cookie.Name = sessionName }},
		{"a part of our name", "Legacy[0].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.Cookie.Name, l.Parts, c.Cookie.Name = "s", ".", "s.3"
		}},
		{"a companion that is our barrier", "Legacy[0].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.Cookie.Name, l.Companion = sessionName, "-ended"
		}},
		{"the barrier's name, and no barrier", "", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.Cookie.Name, l.Companion, c.DangerouslySkipBarrier = sessionName, "-ended", true
		}},
		{"read only, and taken over by another entry", "Legacy[1].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.ReadOnly = true
			c.Legacy = append(c.Legacy, legacy(oldName))
		}},
		{"the same in the other order", "Legacy[1].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			other := legacy(oldName)
			other.ReadOnly = true
			c.Legacy = append(c.Legacy, other)
		}},
		{"read only, and a part of another entry", "Legacy[1].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.ReadOnly, l.Cookie.Name = true, "x.0"
			other := legacy("x")
			other.Parts = "."
			c.Legacy = append(c.Legacy, other)
		}},
		{"two formats of one cookie that is read only", "", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.ReadOnly = true
			c.Legacy = append(c.Legacy, *l)
		}},
		{"read only, in a former place of ours", "Legacy[0].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.ReadOnly = true
			c.Former = []ssestore.Former{{Cookie: cookie.Config{Name: oldName}, Until: after(day)}}
		}},
		{"read only, where a former barrier was", "Legacy[0].Cookie.Name", func(l *ssestore.Legacy, c *ssestore.Config) {
			l.ReadOnly, l.Cookie.Name = true, "was-ended"
			c.Former = []ssestore.Former{{Cookie: cookie.Config{Name: "was"}, Until: after(day)}}
		}},
	} {
		cfg := ssestore.Config{Keys: ring(t, 1), Legacy: []ssestore.Legacy{legacy(oldName)}}
		l := cfg.Legacy[0]
		row.change(&l, &cfg)
		cfg.Legacy[0] = l
		_, err := ssestore.New(cfg)
		var fault *ssestore.ConfigError
		switch {
		case row.field == "" && err != nil, row.field != "" && !errors.As(err, &fault):
			t.Errorf("%s: %v", row.name, err)
		case row.field != "":
			same(t, row.name, fault.Field, row.field)
		}
	}
}

// talking is a codec that says more than a verdict.
type talking struct{ oldCodec }

var errTalk = errors.New("what is in it can't be read")

func (c talking) Open(ring *keyring.Keyring, v string) (cookie.Opened, error) {
	switch v {
	case "joined":
		return cookie.Opened{}, errors.Join(errTalk, cookie.ReasonMalformed.Err())
	case "wrapped":
		return cookie.Opened{}, fmt.Errorf("%w: %w", cookie.ReasonForeign.Err(), errTalk)
	case "alone":
		return cookie.Opened{}, errTalk
	}
	return c.oldCodec.Open(ring, v)
}

// TestH8_ErrorsOfFormats: an error that says more than a Reason reaches the Outcome, and
// its verdict counts as before.
func TestH8_ErrorsOfFormats(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, readOnly := range []bool{false, true} {
			store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
				c.Legacy[0].Format = func(string, string) (cookie.Codec, error) { return talking{}, nil }
				c.Legacy[0].ReadOnly = readOnly
			})
			for _, row := range []struct {
				line    string
				refused cookie.Reason
				told    bool
			}{
				{"old=joined", cookie.ReasonMalformed, true},
				{"old=wrapped", cookie.ReasonForeign, true},
				{"old=alone", cookie.ReasonForeign, true},
				{"old=joined; old=x", cookie.ReasonMalformed, true},
				{"old=!expired", cookie.ReasonExpired, false},
				{"old=x", cookie.ReasonForeign, false},
				{"old=" + oldValue(t0, "note=x"), cookie.ReasonNone, false},
			} {
				s := store.Load([]string{row.line}, t0)
				note.Get(s)
				out, err := s.Commit(304)
				must(t, err)
				same(t, row.line, out.Refused, row.refused)
				same(t, row.line+": told", errors.Is(out.NotMigrated, errTalk), row.told)
				same(t, row.line+": anything", out.NotMigrated != nil, row.told)
				silent(t, out)
			}
		}
	})
}

// TestH19_StoreOfEarlierSystem: if it doesn't answer, nobody knows who this is, and
// nothing is lost.
func TestH19_StoreOfEarlierSystem(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		down := errors.Join(cookie.ReasonUnverified.Err(), errTalk)
		inCodec := func(c *ssestore.Config) {
			c.Legacy[0].Format = func(string, string) (cookie.Codec, error) { return refusing{err: down}, nil }
		}
		inMigrate := func(c *ssestore.Config) {
			c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
				must(t, s.Adopt("1"))
				must(t, note.Set(s, "half"))
				return fmt.Errorf("asking: %w", down)
			}
		}
		for _, change := range []config{inCodec, inMigrate} {
			store := newStore(t, c, ring(t, 1), legacyConfig, change)
			b := browser{oldName: oldValue(t0, "user=1")}
			before := b.copy()
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				who := s.Principal().Identity()
				same(t, "user", who.ID, "")
				same(t, "unverified", who.Unverified, true)
				same(t, "note", note.Get(s), "")
				same(t, "Set", note.Set(s, "x"), ssestore.ErrHeld)
				same(t, "login", s.Principal().Begin("1", ssestore.Stamp{}, nil), ssestore.ErrHeld)
				same(t, "Clear", s.Clear(), ssestore.ErrHeld)
			})
			silent(t, out)
			same(t, "verdict", out.Refused, cookie.ReasonUnverified)
			same(t, "why", errors.Is(out.NotMigrated, errTalk), true)
			same(t, "cookies", fmt.Sprint(b), fmt.Sprint(before))
			// A logout works, and after it nobody is anybody.
			out = b.visit(t, store, t0, func(s *ssestore.Session) {
				must(t, s.Principal().End())
				same(t, "unverified", s.Principal().Identity().Unverified, false)
			})
			same(t, "deleted", out.Deleted, true)
			same(t, "cookies left", len(b), 0)

			// The next system isn't asked: one session of two would be another one.
			two := newStore(t, c, ring(t, 1), legacyConfig, change, func(c *ssestore.Config) {
				c.Legacy = append(c.Legacy, ssestore.Legacy{Cookie: cookie.Config{Name: "older"}, Format: newOld, Until: after(day), Migrate: migrate})
			})
			b = browser{oldName: oldValue(t0, "user=1"), "older": oldValue(t0, "user=2")}
			same(t, "user", b.peek(two, t0).Principal().Identity().ID, "")
			// Beside a session of ours it isn't asked either.
			b = visited(t, store, set(t, "ours"))
			b[oldName] = oldValue(t0, "user=1")
			same(t, "note", note.Get(b.peek(store, t0)), "ours")

			// A session that is read only is held as well.
			reading := newStore(t, c, ring(t, 1), legacyConfig, change, func(c *ssestore.Config) { c.Legacy[0].ReadOnly = true })
			b = browser{oldName: oldValue(t0, "user=1"), sessionName: b[sessionName]}
			out = b.visit(t, reading, t0, func(s *ssestore.Session) {
				same(t, "unverified", s.Principal().Identity().Unverified, true)
				same(t, "note", note.Get(s), "")
				same(t, "End", s.Principal().End(), ssestore.ErrReadOnly)
			})
			silent(t, out)
		}
		// One value of two that nobody can judge makes the other no better.
		store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Format = func(string, string) (cookie.Codec, error) { return refusing{err: down, but: "!"}, nil }
		})
		for _, line := range []string{"old=x; old=!expired", "old=!expired; old=x", "old=x; old=!" + oldValue(t0, "note=x")} {
			same(t, line, store.Load([]string{line}, t0).Principal().Refused(), cookie.ReasonUnverified)
		}
	})
}

// refusing is a codec that opens only what begins with but.
type refusing struct {
	oldCodec
	err error
	but string
}

func (c refusing) Open(ring *keyring.Keyring, v string) (cookie.Opened, error) {
	if c.but != "" && strings.HasPrefix(v, c.but) {
		return c.oldCodec.Open(ring, v)
	}
	return cookie.Opened{}, c.err
}
