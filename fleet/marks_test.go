package fleet_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

func TestY18_End(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(4, nil)
		now := time.Now()
		link := marks.NameOf("sid:https://id.example#1")
		for _, c := range []struct {
			mark  marks.Mark
			about marks.About
		}{
			{marks.Mark{Kind: marks.Session, ID: "s1"}, marks.About{Session: "s1"}},
			{marks.Mark{Kind: marks.User, ID: "alice"}, marks.About{Session: "s2", User: "alice"}},
			{marks.Mark{Kind: marks.Link, ID: "sid:https://id.example#1"}, marks.About{Session: "s3", Links: [2]marks.Name{link}}},
			{marks.Mark{Kind: marks.All}, marks.About{Session: "s4"}},
		} {
			c.about.Issued, c.about.Now = now.Unix(), now.Unix()
			for i, in := range all {
				if got := in.Marks().Judge(c.about); got != cookie.ReasonNone {
					t.Errorf("%v, before the mark: instance %d says %v", c.about, i, got)
				}
			}
			all[1].end(c.mark)
			if got := all[1].Marks().Judge(c.about); got != cookie.ReasonRevoked {
				t.Errorf("%v: at once, the instance itself says %v", c.mark, got)
			}
			wait(10 * time.Millisecond)
			for i, in := range all {
				if got := in.Marks().Judge(c.about); got != cookie.ReasonRevoked {
					t.Errorf("%v: instance %d says %v", c.mark, i, got)
				}
			}
			if got := w.some(1, nil)[0].Marks().Judge(c.about); got != cookie.ReasonRevoked {
				t.Errorf("%v: a new instance says %v", c.mark, got)
			}
		}
		if s := all[1].Status(); s.Counters.Ended != 4 || s.Marks == 0 {
			t.Errorf("counted: %+v", s)
		}
	})
}

func TestY19_TimesOfMarks(t *testing.T) {
	const (
		now     = 946684820 // the clock of a bubble starts twenty seconds before
		longest = 40 * 24 * 3600
	)
	for name, c := range map[string]struct {
		mark, want marks.Mark // no want: refused
		nothing    bool       // nothing to do
	}{
		"a session": {marks.Mark{Kind: marks.Session, ID: "s"}, marks.Mark{Kind: marks.Session, ID: "s", Until: now + longest}, false},
		"a session has no time": {marks.Mark{Kind: marks.Session, ID: "s", Before: now, Until: now + 9},
			marks.Mark{Kind: marks.Session, ID: "s", Until: now + 9}, false},
		"a user":          {marks.Mark{Kind: marks.User, ID: "u"}, marks.Mark{Kind: marks.User, ID: "u", Before: now + 1, Until: now + 1 + longest}, false},
		"a link":          {marks.Mark{Kind: marks.Link, ID: "l"}, marks.Mark{Kind: marks.Link, ID: "l", Before: now + 1, Until: now + 1 + longest}, false},
		"all":             {marks.Mark{Kind: marks.All}, marks.Mark{Kind: marks.All, Before: now + 1, Until: now + 1 + longest}, false},
		"a time in past":  {marks.Mark{Kind: marks.User, ID: "u", Before: now - 99}, marks.Mark{Kind: marks.User, ID: "u", Before: now - 99, Until: now + longest}, false},
		"a minute ahead":  {marks.Mark{Kind: marks.All, Before: now + 60}, marks.Mark{Kind: marks.All, Before: now + 60, Until: now + 60 + longest}, false},
		"and a second":    {mark: marks.Mark{Kind: marks.All, Before: now + 61}},
		"negative":        {mark: marks.Mark{Kind: marks.User, ID: "u", Before: -1}},
		"negative end":    {mark: marks.Mark{Kind: marks.Session, ID: "s", Until: -1}},
		"over":            {mark: marks.Mark{Kind: marks.Session, ID: "s", Until: now}, nothing: true},
		"an end far away": {marks.Mark{Kind: marks.Session, ID: "s", Until: now + 1<<40}, marks.Mark{Kind: marks.Session, ID: "s", Until: now + 400*24*3600}, false},
		"no kind":         {mark: marks.Mark{ID: "s"}},
		"no such kind":    {mark: marks.Mark{Kind: 5, ID: "s"}},
		"no id":           {mark: marks.Mark{Kind: marks.Session}},
		"no user":         {mark: marks.Mark{Kind: marks.User}},
		"no link":         {mark: marks.Mark{Kind: marks.Link}},
		"all, and an id":  {mark: marks.Mark{Kind: marks.All, ID: "u"}},
		"a long id":       {mark: marks.Mark{Kind: marks.User, ID: strings.Repeat("u", 513)}},
		"the longest id": {marks.Mark{Kind: marks.User, ID: strings.Repeat("u", 512)},
			marks.Mark{Kind: marks.User, ID: strings.Repeat("u", 512), Before: now + 1, Until: now + 1 + longest}, false},
		"any bytes": {marks.Mark{Kind: marks.Link, ID: "\x00\xff", Before: now}, marks.Mark{Kind: marks.Link, ID: "\x00\xff", Before: now, Until: now + longest}, false},
	} {
		bubble(t, func(w *world) {
			var heard []marks.Mark
			in := w.some(1, func(c *fleet.Config) {
				c.Longest = 40 * day
				c.Rotation.Every = 30 * day
				c.OnMark = func(m marks.Mark) { heard = append(heard, m) }
			})[0]
			wait(time.Until(time.Unix(now, 0)))
			err := in.End(w.Context(), c.mark)
			synctest.Wait()
			if c.want.Kind == 0 {
				if (err == nil) != c.nothing || err != nil && !errors.Is(err, fleet.ErrMark) || len(heard) != 0 || w.Counts()["m"].Appends != 0 {
					t.Errorf("%s: %v, and %v was heard", name, err, heard)
				}
			} else if err != nil || !slices.Equal(heard, []marks.Mark{c.want, c.want}) { // from itself, and by the engine
				t.Errorf("%s: %v, heard %+v, want %+v", name, err, heard, c.want)
			}
		})
	}
}

func TestY20_EndFails(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		mark := marks.Mark{Kind: marks.Session, ID: "s", Until: time.Now().Add(time.Hour).Unix()}
		in, other := all[0], all[1]

		in.conn.Down(true)
		if err := in.End(w.Context(), mark); !errors.Is(err, enginetest.ErrDown) {
			t.Errorf("End while the engine is down: %v", err)
		}
		if !in.refuses("s", "", time.Now()) {
			t.Error("it doesn't hold here")
		}
		in.conn.Down(false)

		in.conn.Hang(true)
		began := time.Now()
		if err := in.End(w.Context(), mark); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("End while the engine hangs: %v after %v", err, time.Since(began))
		}
		in.conn.Hang(false)
		wait(time.Minute)

		in.conn.LoseAnswers(true)
		for range 3 {
			if err := in.End(w.Context(), mark); err == nil {
				t.Error("a lost answer is no error")
			}
		}
		in.conn.LoseAnswers(false)
		in.end(mark)
		in.end(mark)
		wait(time.Second)
		if !other.refuses("s", "", time.Now()) {
			t.Error("it isn't heard of")
		}
		stored := 0
		for name := range w.Stored() {
			if strings.HasPrefix(name, "m.") {
				stored++
			}
		}
		if stored != 1 {
			t.Errorf("the same mark is stored %d times", stored)
		}
		// A second one for the same user is another mark.
		in.end(marks.Mark{Kind: marks.User, ID: "u"})
		wait(2 * time.Second)
		again := time.Now()
		in.end(marks.Mark{Kind: marks.User, ID: "u"})
		wait(time.Second)
		if !other.refuses("t", "u", again) {
			t.Error("the second mark of a user isn't heard of")
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if err := in.End(ctx, mark); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that ended: %v", err)
		}
	})
}

// sealMark makes what End stores, as somebody who has a key can.
func sealMark(key keyring.Key, application, purpose string, plaintext []byte) []byte {
	label := keyring.Label{Purpose: purpose, Audience: application}
	box := jwe.NewBox(key.Derive(label)).(*jwe.Box)
	label.Purpose += "-nonce"
	return []byte(jwe.Seal(box.AEAD, jwe.NewNonces(key.Derive(label)).(*jwe.Nonces), key.ID(), plaintext))
}

func plainMark(m marks.Mark) []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(m.Kind)}, uint64(m.Before))
	return append(binary.BigEndian.AppendUint64(b, uint64(m.Until)), m.ID...)
}

func TestY21_MarksBeforeTheirKey(t *testing.T) {
	for _, n := range []int{1, 1024, 1025, 5000} {
		bubble(t, func(w *world) {
			all := w.some(2, nil)
			behind := all[1]
			// All marks come before the ring, to one that is there already and to a new one.
			fresh := keyring.NewKey()
			for i := range n {
				m := marks.Mark{Kind: marks.Session, ID: fmt.Sprint("s", i), Until: time.Now().Add(time.Hour).Unix()}
				w.Forge(fmt.Sprint("m.", i), sealMark(fresh, "shop", "mark", plainMark(m)))
			}
			wait(beat)
			if behind.refuses("s0", "", time.Now()) {
				t.Fatal("it is read without its key")
			}
			if got := behind.Status().Aside; got != min(n, 1024) {
				t.Errorf("of %d, %d wait", n, got)
			}
			all[0].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Add(fresh) })
			wait(5 * beat)
			all = append(all, w.some(1, nil)...)
			for i, in := range all {
				missing := 0
				for j := range n {
					if !in.refuses(fmt.Sprint("s", j), "", time.Now()) {
						missing++
					}
				}
				if s := in.Status(); missing > 0 || s.Aside != 0 || s.Marks != n {
					t.Errorf("of %d marks instance %d lacks %d: %+v", n, i, missing, s)
				}
			}
		})
	}
	// Somebody who fills the engine with marks of no key can't make it all be read for ever.
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		stranger := keyring.NewKey()
		for i := range 3000 {
			w.Forge(fmt.Sprint("m.", i), sealMark(stranger, "shop", "mark", plainMark(marks.Mark{Kind: marks.All, Before: 1, Until: 1 << 40})))
		}
		wait(beat)
		fresh := w.some(1, nil)[0]
		w.Counts()
		wait(time.Hour)
		if told := w.Counts()["m"].Told; told > 3000 {
			t.Errorf("marks were told %d times in an hour", told)
		}
		for _, in := range []*instance{in, fresh} {
			if s := in.Status(); s.Aside > 1024 || s.NewsAge > 5 {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestY22_ForeignMarks(t *testing.T) {
	bubble(t, func(w *world) {
		in := w.some(1, nil)[0]
		key := in.At(time.Now()).Primary()
		now := time.Now().Unix()
		all := plainMark(marks.Mark{Kind: marks.All, Before: now, Until: now + 3600})
		about := marks.About{Session: "s", User: "u", Issued: now - 60, Now: now}
		own := sealMark(key, "shop", "mark", all)
		flipped := bytes.Clone(own)
		flipped[70] ^= 1
		refused := uint64(0)
		forge := func(name string, value []byte) {
			t.Helper()
			w.Forge("m.x", value)
			wait(time.Millisecond)
			if got := in.Marks().Judge(about); got != cookie.ReasonNone {
				t.Errorf("%s: the sessions are %v", name, got)
			}
			if got := in.Status().Counters.RefusedMarks; got <= refused && name != "an unknown key" {
				t.Errorf("%s isn't counted", name)
			} else {
				refused = got
			}
		}
		forge("garbage", []byte("x"))
		forge("altered", flipped)
		forge("cut", own[:len(own)-1])
		forge("longer", append(bytes.Clone(own), 'A'))
		forge("of another application", sealMark(key, "shop2", "mark", all))
		forge("of none", sealMark(key, "", "mark", all))
		forge("a ticket", sealMark(key, "shop", "ticket", all))
		forge("a beat", w.Stored()["beat"])
		forge("an unknown key", sealMark(keyring.NewKey(), "shop", "mark", all))
		forge("a long one under an unknown key", sealMark(keyring.NewKey(), "shop", "mark", make([]byte, 800)))
		forge("empty", sealMark(key, "shop", "mark", nil))
		forge("too short", sealMark(key, "shop", "mark", all[:16]))
		forge("an id too many", sealMark(key, "shop", "mark", append(bytes.Clone(all), 'u')))
		forge("no id", sealMark(key, "shop", "mark", plainMark(marks.Mark{Kind: marks.User, Before: now, Until: now + 3600})))
		forge("no kind", sealMark(key, "shop", "mark", plainMark(marks.Mark{ID: "u", Before: now, Until: now + 3600})))
		forge("a time that isn't one", sealMark(key, "shop", "mark", plainMark(marks.Mark{Kind: marks.All, Before: 1 << 62, Until: now + 3600})))
		forge("a negative end", sealMark(key, "shop", "mark", plainMark(marks.Mark{Kind: marks.All, Before: now, Until: -1})))
		// Right but over, or of a time to come: the set of marks knows.
		w.Forge("m.x", sealMark(key, "shop", "mark", plainMark(marks.Mark{Kind: marks.All, Before: now, Until: now - 1})))
		w.Forge("m.y", sealMark(key, "shop", "mark", plainMark(marks.Mark{Kind: marks.All, Before: now + 3600, Until: now + 7200})))
		wait(time.Millisecond)
		if got := in.Marks().Judge(about); got != cookie.ReasonNone {
			t.Errorf("over or to come: %v", got)
		}
		w.Forge("m.x", own)
		wait(time.Millisecond)
		if got := in.Marks().Judge(about); got != cookie.ReasonRevoked {
			t.Errorf("the right one: %v", got)
		}
		// What a later version may store under other names is no fault.
		before := in.Status()
		w.Forge("later", []byte("x"))
		wait(time.Millisecond)
		if after := in.Status(); after.Counters != before.Counters {
			t.Error("an unknown name is counted")
		}
	})
}

// TestY23_EngineLearnsNothing searches what the engine holds for keys, and for those whom
// marks are about.
func TestY23_EngineLearnsNothing(t *testing.T) {
	bubble(t, func(w *world) {
		all := w.some(2, nil)
		var told []marks.Mark
		now := time.Now().Unix()
		for _, id := range []string{"AAECAwQFBgcICQoLDA0ODw", "alice@example.com", "1", "sid:https://id.example#08a5d2"} {
			for _, kind := range []marks.Kind{marks.Session, marks.User, marks.Link} {
				m := marks.Mark{Kind: kind, ID: id, Before: now, Until: now + 3600}
				if kind == marks.Session {
					m.Before = 0
				}
				told = append(told, m)
				all[0].end(m)
			}
		}
		all[0].change((*keyring.Keyring).Rotate)
		all[0].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(r.Primary().ID()) })
		wait(5 * beat)

		var secrets [][]byte
		for _, in := range all {
			var set struct{ Keys []struct{ K string } }
			if err := json.Unmarshal(in.At(time.Now()).JWKSet(), &set); err != nil {
				t.Fatal(err)
			}
			for i, k := range in.At(time.Now()).Keys() {
				root, err := base64.RawURLEncoding.DecodeString(set.Keys[i].K)
				if err != nil {
					t.Fatal(err)
				}
				secrets = append(secrets, root)
				for _, purpose := range []string{"mark", "beat", "mark-name"} {
					secrets = append(secrets, k.Derive(keyring.Label{Purpose: purpose, Audience: "shop"}))
				}
			}
		}
		var ids [][]byte
		for _, m := range told {
			name := marks.NameOf(m.ID)
			ids = append(ids, name[:])
			if len(m.ID) > 1 {
				ids = append(ids, []byte(m.ID))
			}
			plain := plainMark(m)
			for _, input := range [][]byte{[]byte(m.ID), plain[:1], append(plain[:1:1], m.ID...), plain} {
				sum := sha256.Sum256(input)
				empty := hmac.New(sha256.New, nil)
				empty.Write(input)
				for _, n := range []int{8, 16, 32} {
					ids = append(ids, sum[:n], empty.Sum(nil)[:n])
				}
			}
		}
		stored := w.Stored()
		if len(stored) != len(told)+2 {
			t.Errorf("%d values are stored, of %d marks", len(stored), len(told))
		}
		var text []byte
		for name, value := range stored {
			text = append(append(append(text, name...), ' '), value...)
			// What is inside of base64, too.
			for _, part := range strings.FieldsFunc(string(value), func(c rune) bool { return c == '.' }) {
				if b, err := base64.RawURLEncoding.DecodeString(part); err == nil {
					text = append(append(text, ' '), b...)
				}
			}
		}
		for i, secret := range append(secrets, ids...) {
			for _, form := range []string{
				string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
				base64.RawURLEncoding.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret),
			} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("the engine holds secret %d of %d, as %q", i, len(secrets), form)
				}
			}
		}
	})
}

func TestY24_LeakedKey(t *testing.T) {
	bubble(t, func(w *world) {
		rotation := fleet.Rotation{Every: 10 * day} // no other change of the ring for now
		slow := func(c *fleet.Config) { c.Beat, c.Rotation = time.Minute, rotation }
		all := w.some(2, slow)
		first := all[0].At(time.Now()).Primary().ID()
		under := all[0].seal()
		all[0].change((*keyring.Keyring).Rotate)
		leaked := all[0].At(time.Now()).Primary()
		// These end while the key that is going to leak is the primary.
		all[0].end(marks.Mark{Kind: marks.Session, ID: "s"})
		all[0].end(marks.Mark{Kind: marks.User, ID: "u"})
		byLeaked := all[0].seal()
		issued := time.Now()
		wait(5 * time.Minute)
		all[1].change(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Replace(leaked.ID()) })
		replaced := time.Now()
		wait(5 * time.Minute)
		all = append(all, w.some(1, slow)...)
		for i, in := range all {
			if in.opens(byLeaked) || !in.opens(under) {
				t.Errorf("instance %d opens %v and %v", i, in.opens(byLeaked), in.opens(under))
			}
			if strings.Contains(in.kids(), leaked.ID()) || !strings.Contains(in.kids(), first) {
				t.Errorf("instance %d has the keys %s", i, in.kids())
			}
			if !in.refuses("s", "", time.Now()) || !in.refuses("t", "u", issued) {
				t.Errorf("at instance %d a session that was ended is back", i)
			}
			if in.refuses("other", "v", issued) {
				t.Errorf("at instance %d another session is over", i)
			}
		}
		// Beats under it count no more.
		w.Forge("beat", sealMark(leaked, "shop", "beat", make([]byte, 16)))
		w.Forge("m.x", sealMark(leaked, "shop", "mark", plainMark(marks.Mark{Kind: marks.Session, ID: "late", Until: time.Now().Unix() + 3600})))
		wait(time.Millisecond)
		// It is known what the key sealed, so this is, too; docs/THREATS.md says so.
		if !all[0].refuses("late", "", time.Now()) {
			t.Error("marks under it aren't read")
		}
		// It is for as long as a ring that has it can come back, and not for another minute,
		// although the fleet has written no ring since.
		for _, c := range []struct {
			id    string
			after time.Duration
			read  bool
		}{
			{"before", rotation.Every + 30*day, true},
			{"after", rotation.Every + 30*day + 2*time.Minute, false},
		} {
			wait(time.Until(replaced.Add(c.after)))
			w.Forge("m."+c.id, sealMark(leaked, "shop", "mark", plainMark(marks.Mark{Kind: marks.Session, ID: c.id, Until: time.Now().Unix() + 3600})))
			wait(time.Millisecond)
			if got := all[0].refuses(c.id, "", time.Now()); got != c.read {
				t.Errorf("%v later, a mark under it is read: %v", c.after, got)
			}
		}
	})
}

func TestY26_OnMark(t *testing.T) {
	bubble(t, func(w *world) {
		heard := map[string]int{}
		w.some(1, nil)[0].end(marks.Mark{Kind: marks.Session, ID: "before"})
		in := w.some(1, func(c *fleet.Config) {
			c.OnMark = func(m marks.Mark) { heard[m.ID]++ } // the race detector sees two at once
		})[0]
		done := make(chan bool)
		for i := range 4 {
			go func() {
				for j := range 50 {
					in.end(marks.Mark{Kind: marks.Session, ID: fmt.Sprint(i, "-", j)})
				}
				done <- true
			}()
		}
		for range 4 {
			<-done
		}
		wait(beat)
		in.stop()
		if len(heard) != 201 || heard["before"] != 1 {
			t.Errorf("heard of %d marks, %d times of the first", len(heard), heard["before"])
		}
	})
}
