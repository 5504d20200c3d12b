package marks_test

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// The vectors in testdata/vectors are made here, by the second writer in plain_test.go.
//
//	go test ./marks -run Vectors -update
//
// writes the files; without -update the test compares them.

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

type vectorFile struct {
	Format   string          `json:"format"`
	About    string          `json:"about"`
	Ring     []vectors.Key   `json:"ring"`
	Audience string          `json:"audience"`
	Reader   json.RawMessage `json:"reader_keys"`

	Objects []objectVector    `json:"objects,omitempty"`
	Bucket  map[string]string `json:"bucket_hex,omitempty"`
	Vectors []sessionVector   `json:"sessions,omitempty"`
}

// objectVector is an object, and what a reader says of it.
type objectVector struct {
	ID      string `json:"id"`
	Comment string `json:"comment"`
	Name    string `json:"name"`                 // under which it was stored
	Before  string `json:"before_hex,omitempty"` // the one that was there before
	Object  string `json:"object_hex"`
	Now     int64  `json:"now"`
	Verdict string `json:"verdict"`

	// Only with "ok".
	Sequence uint64      `json:"sequence,omitempty,string"`
	Time     int64       `json:"time,omitempty"`
	All      int64       `json:"all,omitempty"`
	Ended    []uint64    `json:"ended,omitempty"` // fingerprints
	Timed    [][2]uint64 `json:"timed,omitempty"` // fingerprints and times
}

// sessionVector is a session to be judged by the bucket of the file.
type sessionVector struct {
	ID      string   `json:"id"`
	Comment string   `json:"comment"`
	Session string   `json:"sid"`
	User    string   `json:"user,omitempty"`
	Actor   string   `json:"actor,omitempty"`
	Links   []string `json:"links,omitempty"` // as in the session: b64 of 16 bytes
	Issued  int64    `json:"iat"`
	Login   int64    `json:"auth_time,omitempty"`
	Now     int64    `json:"now"`
	Stale   int64    `json:"max_stale,omitempty"`
	Closed  bool     `json:"fail_closed,omitempty"`
	Without []string `json:"without,omitempty"` // objects that can't be fetched
	Verdict string   `json:"verdict"`           // "ok", "revoked" or "unverified"
}

var verdicts = map[string]error{
	"ok": nil, "forged": marks.ErrForged, "unknown-key": marks.ErrUnknownKey, "malformed": marks.ErrMalformed, "misplaced": marks.ErrMisplaced,
	"future": marks.ErrFuture, "rollback": marks.ErrRollback,
}

func vectorKeys() []vectors.Key {
	return []vectors.Key{
		{Kid: "bWFya3M", Root: strings.Repeat("0f1e2d3c4b5a6978", 4), Created: 2},
		{Kid: "b-_kZXI", Root: strings.Repeat("8796a5b4c3d2e1f0", 4), Created: 1},
	}
}

func makeVectors(t testing.TB) map[string][]byte {
	ring := vectors.Ring(t, vectorKeys()...)
	var reader []string
	for _, k := range ring.Keys() {
		reader = append(reader, string(k.ExportJWK(keyring.Label{Purpose: "marks", Audience: audience})))
	}
	made := map[string][]byte{}
	for name, f := range map[string]vectorFile{
		"objects.json":  {About: "Objects of a snapshot, good and bad.", Objects: objectVectors(ring)},
		"sessions.json": sessionVectors(ring),
	} {
		f.Format, f.Audience, f.Ring = "hardtack marks, vectors version 1", audience, vectorKeys()
		f.Reader = json.RawMessage(`{"keys":[` + strings.Join(reader, ",") + `]}`)
		made[name] = vectors.Encode(t, f)
	}
	return made
}

func objectVectors(ring *keyring.Keyring) (list []objectVector) {
	key, fallback := ring.Keys()[0], ring.Keys()[1]
	subkey := marksKey(key, audience)
	prints := func(n int) (list []uint64) {
		for i := range n {
			list = append(list, printOf(subkey, marks.Session, fmt.Sprint("s", i)))
		}
		return list
	}
	timed := []plainTimed{{printOf(subkey, marks.User, "42"), noon}, {printOf(subkey, marks.Link, "one"), noon - 5}}
	usual := plain{kid: key.ID(), sequence: 1, time: noon, ended: prints(9), timed: timed}
	head := plain{kid: key.ID(), index: headIndex, sequence: noon * 1000, time: noon, shift: 3, before: noon - 900}
	add := func(verdict, what string, o plain, object []byte, edits ...func(*objectVector)) {
		v := objectVector{ID: fmt.Sprint(len(list) + 1), Comment: what, Name: o.name(), Object: hex.EncodeToString(object), Now: noon, Verdict: verdict}
		if verdict == "ok" {
			v.Sequence, v.Time, v.All = o.sequence, int64(o.time), int64(o.before)
			v.Ended = slices.Sorted(slices.Values(o.ended))
			for _, m := range slices.SortedFunc(slices.Values(o.timed), func(a, b plainTimed) int { return cmp.Compare(a.print, b.print) }) {
				v.Timed = append(v.Timed, [2]uint64{m.print, m.before})
			}
		}
		for _, edit := range edits {
			edit(&v)
		}
		list = append(list, v)
	}
	for _, row := range spellings(prints) {
		o := usual
		o.timed = slices.Clone(timed)
		row.edit(&o)
		verdict := "malformed"
		if row.ok {
			verdict = "ok"
		}
		if object := o.bytes(subkey); len(object) < 2000 {
			add(verdict, row.what, o, object)
		}
	}
	in := func(shift, index int) (part []uint64) {
		for _, p := range prints(200) {
			if int(p>>(48-shift)) == index {
				part = append(part, p)
			}
		}
		return part
	}
	for _, at := range [][2]int{{1, 1}, {4, 0}, {4, 15}, {8, 0}, {8, 200}, {8, 255}} {
		o := plain{kid: key.ID(), shift: at[0], index: at[1], sequence: 1 << 63, time: noon, ended: in(at[0], at[1])}
		add("ok", fmt.Sprintf("shard %d of %d", at[1], 1<<at[0]), o, o.bytes(subkey))
	}
	good := head.bytes(subkey)
	add("ok", "a head", head, good)
	other := head
	other.kid = fallback.ID()
	add("ok", "under a fallback key", other, other.bytes(marksKey(fallback, audience)))
	add("forged", "under one key, and the kid of the other", other, other.bytes(subkey))
	add("forged", "of another audience", head, head.bytes(marksKey(key, "forum")))
	add("forged", "under the key of another purpose", head, head.bytes(key.Derive(keyring.Label{Purpose: "barrier", Audience: audience})))
	add("forged", "cut by a byte", head, good[:len(good)-1])
	add("forged", "cut in the header", head, good[:40])
	add("forged", "nothing", head, nil)
	add("forged", "a byte more", head, append(slices.Clone(good), 0))
	for _, i := range []int{0, 11, 13, 17, 21, 29, 37, 45, 46, 77} {
		altered := slices.Clone(good)
		altered[i] ^= 1
		add("forged", fmt.Sprint("byte ", i, " is another"), head, altered)
	}
	v2 := head
	v2.magic = "HTM2"
	add("forged", "another version", head, v2.bytes(subkey))
	other.kid = "AAAAAAA"
	add("unknown-key", "under a key that the reader doesn't have", other, other.bytes(subkey))
	withMarks := head
	withMarks.ended = prints(1)
	add("malformed", "a head with a mark", withMarks, withMarks.bytes(subkey))
	under := func(name string) func(*objectVector) { return func(v *objectVector) { v.Name = name } }
	add("misplaced", "a head under the name of a shard", head, good, under("marks."+key.ID()+".8.0"))
	two := plain{kid: key.ID(), shift: 3, index: 2, sequence: 1, time: noon}
	add("misplaced", "a shard under the name of another", two, two.bytes(subkey), under("marks."+key.ID()+".8.3"))
	add("misplaced", "a shard as the head", two, two.bytes(subkey), under("marks.head"))
	ahead := head
	ahead.time = noon + 60
	add("ok", "a minute ahead", ahead, ahead.bytes(subkey))
	ahead.time++
	add("future", "more than a minute ahead", ahead, ahead.bytes(subkey))
	ahead.time = 1
	add("ok", "of 1970: how old it may be is up to the reader", ahead, ahead.bytes(subkey))
	after := func(sequence uint64) func(*objectVector) {
		before := head
		before.sequence = sequence
		return func(v *objectVector) { v.Before = hex.EncodeToString(before.bytes(subkey)) }
	}
	add("ok", "after the one before it", head, good, after(head.sequence-1))
	add("ok", "after itself", head, good, after(head.sequence))
	add("rollback", "after the next one", head, good, after(head.sequence+1))
	add("rollback", "after one that is much later", head, good, after(1<<64-1))
	return list
}

func sessionVectors(ring *keyring.Keyring) (f vectorFile) {
	key := ring.Primary()
	subkey := marksKey(key, audience)
	sid := func(n int) string { return fmt.Sprintf("AAECAwQFBgcICQoLDA%02dDw", n) }
	link := func(name string) string { n := marks.NameOf(name); return base64.RawURLEncoding.EncodeToString(n[:]) }
	head := plain{kid: key.ID(), index: headIndex, shift: 2, sequence: 5, time: noon, before: noon - 5000}
	shards := make([]plain, 4)
	for i := range shards {
		shards[i] = head
		shards[i].index = i
	}
	of := func(print uint64) *plain { return &shards[print>>46] }
	for i := range 40 {
		p := printOf(subkey, marks.Session, sid(i))
		of(p).ended = append(of(p).ended, p)
	}
	for id, before := range map[string]uint64{"42": noon - 100, "größe": noon - 100, strings.Repeat("x", 255): noon - 100, "ahead": noon + 50, "far": noon + 61} {
		p := printOf(subkey, marks.User, id)
		of(p).timed = append(of(p).timed, plainTimed{p, before})
	}
	for _, id := range []string{"sid:https://id.example#08a5", "tenant:7"} {
		p := printOf(subkey, marks.Link, id)
		of(p).timed = append(of(p).timed, plainTimed{p, noon - 200})
	}
	f = vectorFile{About: "Sessions, judged by the snapshot in bucket_hex. Times are in seconds; max_stale 0 means never.", Bucket: map[string]string{"marks.head": hex.EncodeToString(head.bytes(subkey))}}
	for _, s := range shards {
		f.Bucket[s.name()] = hex.EncodeToString(s.bytes(subkey))
	}
	good := func() sessionVector {
		return sessionVector{Session: sid(77), User: "7", Issued: noon - 10, Now: noon, Closed: true, Stale: 300}
	}
	add := func(verdict, comment string, edit func(*sessionVector)) {
		v := good()
		edit(&v)
		v.ID, v.Comment, v.Verdict = fmt.Sprint(len(f.Vectors)+1), comment, verdict
		f.Vectors = append(f.Vectors, v)
	}
	add("ok", "nothing says that it ended", func(*sessionVector) {})
	add("ok", "nobody is logged in", func(v *sessionVector) { v.User = "" })
	for _, i := range []int{0, 1, 2, 17, 39} {
		add("revoked", "a session mark", func(v *sessionVector) { v.Session = sid(i) })
	}
	add("ok", "not the next one", func(v *sessionVector) { v.Session = sid(40) })
	add("revoked", "a session mark, and nobody is logged in", func(v *sessionVector) { v.Session, v.User = sid(3), "" })
	add("ok", "a user whose id is that of a session", func(v *sessionVector) { v.User = sid(3) })
	for _, id := range []string{"42", "größe", strings.Repeat("x", 255)} {
		add("revoked", "a user's mark", func(v *sessionVector) { v.User, v.Issued = id, noon-101 })
		add("ok", "a user's mark, and a login since", func(v *sessionVector) { v.User, v.Issued = id, noon-100 })
		add("revoked", "the mark of whoever acts as the user", func(v *sessionVector) { v.Actor, v.Issued = id, noon-101 })
		add("ok", "that, and a login since", func(v *sessionVector) { v.Actor, v.Issued = id, noon-100 })
	}
	add("revoked", "a mark that a clock ahead made", func(v *sessionVector) { v.User = "ahead" })
	add("unverified", "a mark further ahead than clocks differ", func(v *sessionVector) { v.User = "far" })
	add("ok", "the same, in an open reader", func(v *sessionVector) { v.User, v.Closed = "far", false })
	for i, id := range []string{"sid:https://id.example#08a5", "tenant:7"} {
		links := []string{link("another"), link(id)}[1-i:]
		add("revoked", "a link's mark", func(v *sessionVector) { v.Links, v.Issued = links, noon-201 })
		add("ok", "a link's mark, and a login since", func(v *sessionVector) { v.Links, v.Issued = links, noon-200 })
	}
	add("ok", "another link", func(v *sessionVector) { v.Links, v.Issued = []string{link("another")}, noon-4000 })
	add("revoked", "all, until then", func(v *sessionVector) { v.Issued = noon - 5001 })
	add("ok", "all, since then", func(v *sessionVector) { v.Issued = noon - 5000 })
	add("revoked", "all, and nobody is logged in", func(v *sessionVector) { v.Issued, v.User = noon-5001, "" })
	add("ok", "the last second", func(v *sessionVector) { v.Now = noon + 300 })
	add("unverified", "too old", func(v *sessionVector) { v.Now = noon + 301 })
	add("ok", "too old, in an open reader", func(v *sessionVector) { v.Now, v.Closed = noon+301, false })
	add("ok", "too old, and nobody is logged in", func(v *sessionVector) { v.Now, v.User = noon+301, "" })
	add("revoked", "too old, and a mark", func(v *sessionVector) { v.Now, v.Session = noon+301, sid(5) })
	add("ok", "never too old", func(v *sessionVector) { v.Now, v.Stale = noon+100000, 0 })
	var all []string
	for _, s := range shards {
		all = append(all, s.name())
	}
	add("unverified", "no shards", func(v *sessionVector) { v.Without = all })
	add("ok", "no shards, in an open reader", func(v *sessionVector) { v.Without, v.Closed = all, false })
	add("ok", "no shards, and nobody is logged in", func(v *sessionVector) { v.Without, v.User = all, "" })
	add("revoked", "no shards, and all", func(v *sessionVector) { v.Without, v.Issued = all, noon-5001 })
	add("unverified", "no head", func(v *sessionVector) { v.Without = []string{"marks.head"} })
	add("ok", "no head, in an open reader", func(v *sessionVector) { v.Without, v.Closed = []string{"marks.head"}, false })
	anew := func(before, login int64, edit func(*sessionVector)) func(*sessionVector) {
		return func(v *sessionVector) {
			v.Issued, v.Login = before, login
			edit(v)
		}
	}
	linked := func(v *sessionVector) { v.Links = []string{link("tenant:7")} }
	add("revoked", "a link's mark, and a session issued anew since", anew(noon-10, noon-201, linked))
	add("ok", "a link's mark, and a login since that was issued anew", anew(noon-10, noon-200, linked))
	add("revoked", "a link's mark, and a session issued before a login", anew(noon-201, noon-10, linked))
	add("ok", "a user's mark, and a session issued anew since", anew(noon-100, noon-4000, func(v *sessionVector) { v.User = "42" }))
	add("revoked", "all, and a session issued anew since", anew(noon-5000, noon-5061, func(*sessionVector) {}))
	add("ok", "all, and a login that was issued a minute ahead", anew(noon-5000, noon-5060, func(*sessionVector) {}))
	return f
}

func TestVectorsAreGenerated(t *testing.T) {
	vectors.Hold(t, vectorDir, makeVectors(t), *update)
}

// TestN71_VectorsOfSnapshots: each object and each session of the vectors gets the verdict
// that is written there. What runs a vector may be in any language.
func TestN71_VectorsOfSnapshots(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	n := 0
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Objects {
			n++
			reader := subscribe(t, marks.ReaderConfig{Keys: ring, Audience: f.Audience}, nil)
			if part := strings.Split(v.Name, "."); len(part) == 4 { // a head leads to the shard
				for i, k := range ring.Keys() {
					shift := strings.Index("1   2   4   8   16  32  64  128 256 512", part[2]+" ") / 4
					if k.ID() == part[1] && shift >= 0 {
						head := plain{kid: k.ID(), index: headIndex, shift: shift, time: noon}
						reader.Put(at(noon), "marks.head", head.bytes(marksKey(ring.Keys()[i], f.Audience)))
					}
				}
			}
			if v.Before != "" {
				if err := reader.Put(at(v.Now), v.Name, unhex(v.Before)); err != nil {
					t.Fatal(err)
				}
			}
			err := reader.Put(at(v.Now), v.Name, unhex(v.Object))
			if want := verdicts[v.Verdict]; !errors.Is(err, want) {
				// Of 512 shards, none can be asked for.
				if !strings.Contains(v.Name, ".512.") && !strings.HasSuffix(v.Name, ".2.2") {
					t.Errorf("%s (%s): %v, want %s", v.ID, v.Comment, err, v.Verdict)
				}
			}
			if v.Verdict == "ok" && reader.Len() != len(v.Ended)+len(v.Timed) {
				t.Errorf("%s (%s): %d marks", v.ID, v.Comment, reader.Len())
			}
		}
		for _, v := range f.Vectors {
			n++
			b := bucket{}
			for name, object := range f.Bucket {
				if !slices.Contains(v.Without, name) {
					b[name] = unhex(object)
				}
			}
			reader := subscribe(t, marks.ReaderConfig{Keys: ring, Audience: f.Audience, Policy: marks.Policy{MaxStale: time.Duration(v.Stale) * time.Second, FailClosed: v.Closed}}, b)
			a := marks.About{Session: v.Session, User: v.User, Actor: v.Actor, Issued: v.Issued, Login: v.Login, Now: v.Now}
			for i, l := range v.Links {
				raw, err := base64.RawURLEncoding.DecodeString(l)
				if err != nil {
					t.Fatal(err)
				}
				a.Links[i] = marks.Name(raw)
			}
			reader.Refresh(t.Context(), at(v.Now), a)
			got := reader.Judge(a).String()
			if got == "none" {
				got = "ok"
			}
			if got != v.Verdict {
				t.Errorf("session %s (%s): %s, want %s", v.ID, v.Comment, got, v.Verdict)
			}
		}
	}
	t.Logf("%d vectors", n)
}
