package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/jsreader"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// The tests of js/marks.js, in Node and in workerd.

type marksFile struct {
	Audience   string          `json:"audience"`
	ReaderKeys json.RawMessage `json:"reader_keys"`
	Objects    []struct {
		jsreader.Content
		ID      string `json:"id"`
		Comment string `json:"comment"`
		Name    string `json:"name"`
		Before  string `json:"before_hex"`
		Object  string `json:"object_hex"`
		Now     int64  `json:"now"`
		Verdict string `json:"verdict"`
	} `json:"objects"`
	Bucket   map[string]string `json:"bucket_hex"`
	Sessions []struct {
		ID      string   `json:"id"`
		Comment string   `json:"comment"`
		Sid     string   `json:"sid"`
		User    string   `json:"user"`
		Actor   string   `json:"actor"`
		Links   []string `json:"links"`
		Iat     int64    `json:"iat"`
		Login   int64    `json:"auth_time"`
		Now     int64    `json:"now"`
		Stale   int64    `json:"max_stale"`
		Closed  bool     `json:"fail_closed"`
		Without []string `json:"without"`
		Verdict string   `json:"verdict"`
	} `json:"sessions"`
}

// sessionTask is a session as the reader passes it on.
func sessionTask(sid, user, actor string, iat int64, links ...string) task {
	data := task{}
	if actor != "" {
		data["-act"] = task{"sub": actor}
	}
	if len(links) > 0 {
		data["-lnk"] = links
	}
	s := task{"sid": sid, "iat": iat, "data": data}
	if user != "" {
		s["user"] = user
	}
	return s
}

// TestN72_MarksVectors: js/marks.js reads every object of the vectors as they say, and judges
// every session.
func TestN72_MarksVectors(t *testing.T) {
	var tasks []task
	var check []func(*testing.T, result)
	for _, f := range vectors.Read[marksFile](t, filepath.Join(parent, "marks", "testdata", "vectors")) {
		for _, v := range f.Objects {
			tasks = append(tasks, task{"do": "object", "keys": f.ReaderKeys, "name": v.Name, "before": v.Before, "object": v.Object, "now": v.Now})
			check = append(check, func(t *testing.T, r result) {
				if r.Verdict != v.Verdict {
					t.Errorf("object %s (%s): %s, want %s", v.ID, v.Comment, r.Verdict, v.Verdict)
				}
				if c := r.Content; v.Verdict == "ok" && (c == nil || c.Sequence != v.Sequence || c.Time != v.Time || c.All != v.All ||
					!slices.Equal(c.Ended, v.Ended) || !slices.Equal(c.Timed, v.Timed)) {
					t.Errorf("object %s (%s): %+v, want %+v", v.ID, v.Comment, c, v.Content)
				}
			})
		}
		for _, v := range f.Sessions {
			bucket := map[string]string{}
			for name, object := range f.Bucket {
				if !slices.Contains(v.Without, name) {
					bucket[name] = object
				}
			}
			s := sessionTask(v.Sid, v.User, v.Actor, v.Iat, v.Links...)
			s["auth_time"] = v.Login
			tasks = append(tasks, task{"do": "marks", "keys": f.ReaderKeys, "options": task{"audience": f.Audience, "maxStale": v.Stale, "failClosed": v.Closed},
				"turns": []task{{"bucket": bucket, "now": v.Now, "sessions": []task{s}}}})
			check = append(check, func(t *testing.T, r result) {
				if len(r.Turns) != 1 || r.Turns[0].Verdicts[0] != v.Verdict {
					t.Errorf("session %s (%s): %+v, want %s", v.ID, v.Comment, r.Turns, v.Verdict)
				}
			})
		}
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		for i, r := range run(t, tasks) {
			check[i](t, r)
		}
		t.Logf("%d vectors", len(tasks))
	})
}

// snapshotOf publishes marks as the bucket of a task.
func snapshotOf(t *testing.T, ring *keyring.Keyring, shards int, sec int64, ms ...marks.Mark) map[string]string {
	t.Helper()
	bucket := map[string]string{}
	s, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Shards: shards, Store: func(_ context.Context, name string, object []byte) error {
		bucket[name] = hex.EncodeToString(object)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Apply(time.Unix(sec, 0), ms...)
	if err := s.Publish(t.Context(), time.Unix(sec, 0)); err != nil {
		t.Fatal(err)
	}
	return bucket
}

func marksKeys(ring *keyring.Keyring) json.RawMessage {
	var keys []string
	for _, key := range ring.Keys() {
		keys = append(keys, string(key.ExportJWK(keyring.Label{Purpose: "marks"})))
	}
	return json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

// TestN73_MarksFetch: js/marks.js fetches what a session needs, once in every, and goes on with
// the last good object, as a Reader does.
func TestN73_MarksFetch(t *testing.T) {
	ring := keyring.Generate()
	ended := marks.Mark{Kind: marks.Session, ID: "ended", Until: now + 9999}
	first := snapshotOf(t, ring, 256, now, ended)
	later := snapshotOf(t, ring, 256, now+100, ended, marks.Mark{Kind: marks.User, ID: "42", Before: now, Until: now + 9999})
	down := map[string]string{}
	for name := range first {
		down[name] = "throw"
	}
	forged := map[string]string{}
	for name, object := range later {
		forged[name] = "ff" + object[2:]
	}
	rotated, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	under := snapshotOf(t, rotated, 2, now+700, ended)
	both := sessionTask("ended", "42", "", now-10)
	good := sessionTask("good", "42", "", now-10)
	tasks := []task{{"do": "marks", "keys": marksKeys(rotated), "options": task{"maxStale": 300, "failClosed": true}, "turns": []task{
		{"now": now, "bucket": first, "sessions": []task{good}},
		{"now": now, "sessions": []task{good, both, both}},
		{"now": now + 29, "sessions": []task{good, both}},
		{"now": now + 30, "sessions": []task{good, good}},            // the second goes on with what is there
		{"now": now + 100, "bucket": down, "sessions": []task{good}}, // faults, and the last good ones
		{"now": now + 104, "bucket": later, "sessions": []task{good}},
		{"now": now + 105, "sessions": []task{good}},
		{"now": now + 140, "bucket": first, "sessions": []task{good, both}}, // a rollback
		{"now": now + 180, "bucket": forged, "sessions": []task{good, both}},
		{"now": now + 600, "sessions": []task{good, sessionTask("new", "7", "", now), sessionTask("new", "", "", now)}},
		{"now": now + 700, "bucket": under, "sessions": []task{both, sessionTask("new", "7", "", now)}}, // another key, and two shards
		{"now": now + 701, "sessions": []task{{"sid": "new", "iat": now, "user": "7", "data": task{"-act": task{"sub": ""}}},
			{"sid": "new", "iat": now, "user": "7", "data": task{"-act": nil}}, {"sid": "new", "iat": now, "user": "7", "data": task{"-act": 1}},
			{"sid": "new", "iat": now, "user": "7", "data": task{"-lnk": []string{"short"}}}, {"sid": "new", "iat": now, "user": "7", "data": task{"-lnk": 7}}}},
	}}, {"do": "marks", "keys": marksKeys(ring), "options": task{"max": 2}, "turns": []task{
		{"now": now, "bucket": snapshotOf(t, ring, 1, now, ended, marks.Mark{Kind: marks.Session, ID: "b", Until: now + 1}, marks.Mark{Kind: marks.Session, ID: "c", Until: now + 1}), "sessions": []task{both}},
	}}}
	want := []string{
		"[ok] 3 []",
		"[ok revoked revoked] 2 []", // both requests have no shard yet for that session
		"[ok revoked] 0 []",
		"[ok ok] 3 []",
		"[ok] 3 [gone down]",
		"[ok] 0 []",
		"[revoked] 3 []",
		"[revoked revoked] 4 [rollback]",
		"[revoked revoked] 4 [forged]",
		"[revoked unverified ok] many [forged]", // what is stale, each fetches
		"[revoked ok] many []",
		"[newer newer newer newer newer] 0 []",
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		results := run(t, tasks)
		for i, turn := range results[0].Turns {
			var kinds []string
			for _, fault := range turn.Faults {
				fields := strings.Fields(fault)
				kinds = append(kinds, strings.Join(slices.Delete(fields, 1, 2), " "))
			}
			slices.Sort(kinds)
			fetched := fmt.Sprint(turn.Fetched)
			if i < len(want) && strings.Contains(want[i], "many") {
				fetched = "many"
			}
			if got := fmt.Sprint(turn.Verdicts, " ", fetched, " ", slices.Compact(kinds)); i >= len(want) || got != want[i] {
				t.Errorf("turn %d: %s, want %s", i, got, want[i])
			}
		}
		if len(results[0].Turns) != len(want) {
			t.Errorf("%d turns", len(results[0].Turns))
		}
		if turn := results[1].Turns[0]; fmt.Sprint(turn.Verdicts) != "[ok]" || len(turn.Faults) != 1 || !strings.HasPrefix(turn.Faults[0], "too-large") {
			t.Errorf("more marks than there is room for: %+v", turn)
		}
	})
}

// TestN74_MarksPackage: js/marks.js stays small, depends on nothing, and isn't made where it
// would be unsafe.
func TestN74_MarksPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(parent, "js", "marks.js"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	z.Write(text)
	z.Close()
	lines := bytes.Count(text, []byte("\n"))
	t.Logf("%d lines, %d bytes, %d with gzip", lines, len(text), packed.Len())
	if lines > 120 || packed.Len() > 3328 {
		t.Errorf("%d lines, want at most 120; %d bytes with gzip, want at most 3,328", lines, packed.Len())
	}
	for _, word := range []string{"import ", "require(", "import(", "eval(", "Function(", " fetch(", "document.", "encrypt"} {
		if bytes.Contains(text, []byte(word)) {
			t.Errorf("marks.js has %s", word)
		}
	}
	ring := keyring.Generate()
	all := string(marksKeys(ring))
	k := strings.Split(strings.Split(all, `"k":"`)[1], `"`)[0]
	rows := []struct {
		what, keys string
		options    task
		refusal    string // "" if it is made
	}{
		{"good", all, task{}, ""},
		{"every option", all, task{"audience": "", "every": 1, "maxStale": 2, "failClosed": true, "max": 1}, ""},
		{"the reader's keys as well", strings.Replace(all, "]}", "", 1) + "," + strings.Replace(readKeys(ring), `{"keys":[`, "", 1), task{}, ""},
		{"nothing", "", task{}, "JWK Set"},
		{"cut", all[:len(all)-20], task{}, "JWK Set"},
		{"null", "null", task{}, "JWK Set"},
		{"an empty set", `{"keys":[]}`, task{}, "marks keys are missing"},
		{"a null in it", `{"keys":[null]}`, task{}, "marks keys are missing"},
		{"the reader's keys", exported(ring, name), task{}, "marks keys are missing"},
		{"root keys", string(ring.JWKSet()), task{}, "marks keys are missing"},
		{"another audience", all, task{"audience": "shop"}, "marks keys are missing"},
		{"a key with a name", string(ring.Primary().ExportJWK(keyring.Label{Purpose: "marks", Name: "x"})), task{}, "JWK Set"},
		{"a short key", strings.ReplaceAll(all, k, k[:22]), task{}, "a key is wrong"},
		{"no key", strings.ReplaceAll(all, k, "*"), task{}, "a key is wrong"},
		{"an unknown option", all, task{"maxstale": 5}, "option maxstale"},
		{"a text as number", all, task{"every": "30"}, "option every"},
		{"null", all, task{"max": nil}, "option max"},
		{"zero", all, task{"every": 0}, "option every"},
		{"negative", all, task{"maxStale": -1}, "option maxStale"},
		{"no function", all, task{"fetch": "https://"}, "option fetch"},
		{"stale before it is fetched again", all, task{"maxStale": 30}, "maxStale must be longer"},
	}
	var tasks []task
	for _, row := range rows {
		tasks = append(tasks, task{"do": "makeMarks", "keys": row.keys, "options": row.options})
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		for i, r := range run(t, tasks) {
			if row := rows[i]; (row.refusal == "") != (r.Verdict == "made") || !strings.Contains(r.Verdict, row.refusal) || strings.Contains(r.Verdict, k[:8]) {
				t.Errorf("%s: %s", row.what, r.Verdict)
			}
		}
	})
}
