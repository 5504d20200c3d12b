package readers

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

type task map[string]any

type result struct {
	Verdict   string `json:"verdict"`
	Kid       string `json:"kid"`
	Plaintext string `json:"plaintext"`
	Session   *struct {
		User       *string                    `json:"user"`
		Actor      *string                    `json:"actor"`
		Created    int64                      `json:"created"`
		AuthTime   *int64                     `json:"authTime"`
		Renewed    int64                      `json:"renewed"`
		Expires    int64                      `json:"expires"`
		Persistent bool                       `json:"persistent"`
		Data       map[string]json.RawMessage `json:"data"`
	} `json:"session"`
}

// each runs a test with the reader of each language. A language that isn't installed is
// skipped, or fails the test where it has been installed on purpose (HARDTACK_CI=1).
func each(t *testing.T, test func(t *testing.T, run func([]task) []result)) {
	for _, l := range []struct{ program, probe, script, missing string }{
		{"python3", "import cryptography", "drive.py", "python3-cryptography"},
		{"ruby", "", "drive.rb", "ruby"},
	} {
		t.Run(l.program, func(t *testing.T) {
			program := ""
			// Debian's packages belong to Debian's program, which needn't be the first one.
			for _, path := range []string{"/usr/bin/" + l.program, l.program} {
				flag := map[string]string{"python3": "-c", "ruby": "-e"}[l.program]
				if program == "" && exec.Command(path, flag, l.probe).Run() == nil {
					program = path
				}
			}
			if program == "" && os.Getenv("HARDTACK_CI") == "1" {
				t.Fatalf("%s isn't installed, and HARDTACK_CI=1 says that it should be", l.missing)
			} else if program == "" {
				t.Skipf("%s isn't installed", l.missing)
			}
			test(t, func(tasks []task) (results []result) {
				t.Helper()
				input, err := json.Marshal(tasks)
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.CommandContext(t.Context(), program, l.script)
				cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
				var stderr bytes.Buffer
				cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
				out, err := cmd.Output()
				if err == nil {
					err = json.Unmarshal(out, &results)
				}
				if err != nil || len(results) != len(tasks) || stderr.Len() > 0 {
					t.Fatalf("%d results for %d tasks: %v\n%s", len(results), len(tasks), err, &stderr)
				}
				return results
			})
		})
	}
}

type vectorFile struct {
	Ring       []vectors.Key   `json:"ring"`
	ReaderKeys json.RawMessage `json:"reader_keys"`
	Vectors    []struct {
		ID, Name, Audience, Token, Result, Kid, Verdict, Claims string

		Plaintext string         `json:"plaintext_hex"`
		Config    map[string]any `json:"config"`
		Cookie    []string       `json:"cookie"`
		Now       int64          `json:"now"`
		User      *string        `json:"user"`
		Actor     *string        `json:"actor"`
	} `json:"vectors"`
}

func readVectors(t *testing.T, pkg string) []vectorFile {
	t.Helper()
	return vectors.Read[vectorFile](t, filepath.Join("..", "..", pkg, "testdata", "vectors"))
}

// TestH60_TokenVectors: every token gets the verdict of its vector, and opens to the same
// bytes under the same key.
func TestH60_TokenVectors(t *testing.T) {
	var tasks []task
	var want []result
	for _, f := range readVectors(t, "cookie") {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			var keys []string
			for _, k := range ring.Keys() {
				keys = append(keys, string(k.ExportJWK(cookie.SealLabel(v.Name, v.Audience))))
			}
			tasks = append(tasks, task{"do": "open", "token": v.Token, "keys": json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)})
			r := result{Verdict: v.Result}
			if v.Result == "accepted" {
				r = result{Verdict: "ok", Kid: v.Kid, Plaintext: v.Plaintext}
			}
			want = append(want, r)
		}
	}
	each(t, func(t *testing.T, run func([]task) []result) {
		for i, r := range run(tasks) {
			if r != want[i] {
				t.Errorf("%.80s: %+v, want %+v", tasks[i]["token"], r, want[i])
			}
		}
		t.Logf("%d vectors", len(tasks))
	})
}

// TestH60_SessionVectors: every request gets the verdict of its vector, and the session.
func TestH60_SessionVectors(t *testing.T) {
	type expected struct {
		id, verdict, claims string
		user, actor         *string
		config              map[string]any
	}
	var tasks []task
	var want []expected
	for _, f := range readVectors(t, "ssestore") {
		for _, v := range f.Vectors {
			options := map[string]any{}
			for _, name := range []string{"name", "audience", "idle", "absolute", "persistent_idle", "persistent_absolute"} {
				options[name] = v.Config[name]
			}
			former := [][]any{}
			if list, ok := v.Config["former"].([]any); ok {
				for _, e := range list {
					m := e.(map[string]any)
					former = append(former, []any{m["name"], m["until"]})
				}
			}
			options["former"] = former
			tasks = append(tasks, task{"do": "read", "keys": f.ReaderKeys, "options": options, "cookie": v.Cookie, "now": v.Now})
			want = append(want, expected{v.ID, v.Verdict, v.Claims, v.User, v.Actor, v.Config})
		}
	}
	each(t, func(t *testing.T, run func([]task) []result) {
		for i, r := range run(tasks) {
			v := want[i]
			if r.Verdict != v.verdict || (r.Session != nil) != (v.verdict == "ok") {
				t.Errorf("%s: %s, want %s", v.id, r.Verdict, v.verdict)
				continue
			}
			if r.Session == nil {
				continue
			}
			var c struct {
				Iat, Exp, Rnw, End int64
				AuthTime           int64 `json:"auth_time"`
				Per                bool
				D                  map[string]json.RawMessage
			}
			if err := json.Unmarshal([]byte(v.claims), &c); err != nil {
				t.Fatal(err)
			}
			absolute := int64(v.config["absolute"].(float64))
			if c.Per {
				absolute = int64(v.config["persistent_absolute"].(float64))
			}
			end := min(c.Exp, c.Iat+absolute)
			if c.AuthTime != 0 {
				end = min(end, c.AuthTime+absolute)
			}
			if c.End != 0 {
				end = min(end, c.End)
			}
			user := v.user
			if v.actor != nil && *v.actor == "" {
				user = nil // somebody is behind the user who can't be read
			}
			for name := range c.D {
				if name[0] == '-' {
					delete(c.D, name)
				}
			}
			s := r.Session
			if show(s.User) != show(user) || show(s.Actor) != show(v.actor) || s.Created != c.Iat || s.Renewed != c.Rnw ||
				s.Expires != end || s.Persistent != c.Per || (s.AuthTime == nil) != (c.AuthTime == 0) ||
				s.AuthTime != nil && *s.AuthTime != c.AuthTime || plain(t, s.Data) != plain(t, c.D) {
				t.Errorf("%s: %+v, want %s until %d", v.id, *s, v.claims, end)
			}
		}
		t.Logf("%d vectors", len(tasks))
	})
}

func show(s *string) string {
	if s == nil {
		return "nobody"
	}
	return "user " + *s
}

// plain spells data in one way, whatever its numbers and escapes look like.
func plain(t *testing.T, data map[string]json.RawMessage) string {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := json.Unmarshal(b, &values); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(values); err != nil || len(values) == 0 {
		return "{}"
	}
	return string(b)
}

const now = 1_700_000_000

// cookies returns the Cookie header field of a browser that got what a session commits.
func cookies(t *testing.T, s *ssestore.Session) string {
	t.Helper()
	out, err := s.Commit(200)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, line := range out.SetCookie {
		pair, _, _ := strings.Cut(line, ";")
		if !strings.HasSuffix(pair, "=") {
			pairs = append(pairs, pair)
		}
	}
	return strings.Join(pairs, "; ")
}

// live makes a session as an application does, and the keys that a reader gets.
func live(t *testing.T) (store *ssestore.Store, keys json.RawMessage, header string) {
	t.Helper()
	ring := keyring.Generate()
	store, err := ssestore.New(ssestore.Config{Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, label := range []keyring.Label{cookie.SealLabel(cookie.DefaultName, ""), {Purpose: "barrier", Name: cookie.DefaultName}} {
		list = append(list, string(ring.Primary().ExportJWK(label)))
	}
	s := store.Load(nil, time.Unix(now, 0))
	stamp, err := s.Principal().Stamp("42", "hash")
	if err == nil {
		err = s.Principal().Begin("42", stamp, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return store, json.RawMessage(`{"keys":[` + strings.Join(list, ",") + `]}`), cookies(t, s)
}

// TestH61_FromLoginToLogout: a session that the library made opens under the keys that its
// ring exports, until it's idle for too long or logged out. None of its mutants is one.
func TestH61_FromLoginToLogout(t *testing.T) {
	store, keys, header := live(t)
	s := store.Load([]string{header}, time.Unix(now+1, 0))
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	ended := cookies(t, s)
	read := func(now int64, fields ...string) task {
		return task{"do": "read", "keys": keys, "options": task{}, "cookie": fields, "now": now}
	}
	tasks := []task{
		read(now, header), read(now+1800, header), read(now+1801, header), read(now-60, header), read(now-61, header),
		read(now+1, header+"; "+ended), read(now+1, ended, header), read(now+1, ended),
	}
	want := []string{"ok", "ok", "expired", "ok", "future", "ended", "ended", "none"}
	name, value, _ := strings.Cut(header, "=")
	const letters = "AQgw-_.=+/ \u00e9\n"
	for i := range value {
		for _, c := range letters[i%4 : i%4+4] {
			if string(c) != value[i:i+1] {
				tasks = append(tasks, read(now, name+"="+value[:i]+string(c)+value[i+1:]))
			}
		}
		tasks = append(tasks, read(now, name+"="+value[:i]), read(now, name+"="+value[i+1:]))
	}
	each(t, func(t *testing.T, run func([]task) []result) {
		for i, r := range run(tasks) {
			switch {
			case i < len(want) && r.Verdict != want[i]:
				t.Errorf("%d: %s, want %s", i, r.Verdict, want[i])
			case i >= len(want) && r.Verdict != "foreign" && r.Verdict != "malformed" && r.Verdict != "bad-tag" && r.Verdict != "unknown-key" || i >= len(want) && r.Session != nil:
				t.Errorf("%s for %q", r.Verdict, tasks[i]["cookie"])
			}
		}
		t.Logf("%d mutants", len(tasks)-len(want))
	})
}

// TestH62_Keys: without the keys for its cookie a reader isn't made, and no error has a key.
func TestH62_Keys(t *testing.T) {
	_, keys, header := live(t)
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(keys, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%v, %d keys", err, len(set.Keys))
	}
	only := func(i int) any { return task{"keys": set.Keys[i : i+1]} }
	tasks := []task{
		{"keys": only(0)}, {"keys": only(1)}, {"keys": nil}, {"keys": keys, "options": task{"name": "other"}}, {"keys": keys, "options": task{"audience": "other"}},
	}
	for _, task := range tasks {
		task["do"], task["cookie"], task["now"] = "read", []string{header}, now
		if task["options"] == nil {
			task["options"] = map[string]any{}
		}
	}
	each(t, func(t *testing.T, run func([]task) []result) {
		for i, r := range run(tasks) {
			if !strings.Contains(r.Verdict, "seal or barrier keys are missing") || strings.Contains(r.Verdict, set.Keys[0]["k"]) || strings.Contains(r.Verdict, set.Keys[1]["k"]) {
				t.Errorf("%d: %s", i, r.Verdict)
			}
		}
	})
}
