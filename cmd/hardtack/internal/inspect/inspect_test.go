package inspect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/inspect"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// root is the root of the repository.
const root = "../../../.."

type sessionVectors struct {
	Ring    []vectors.Key `json:"ring"`
	Vectors []struct {
		ID     string
		Config struct {
			Name, Audience     string
			Idle, Absolute     int64
			PersistentIdle     int64           `json:"persistent_idle"`
			PersistentAbsolute int64           `json:"persistent_absolute"`
			Former             json.RawMessage `json:"former"`
		}
		Cookie  []string
		Now     int64
		Verdict string
		User    *string
	}
}

// The verdict on every published request is the published one, and every refusal has a
// cause.
func TestE54_SessionVectors(t *testing.T) {
	n := 0
	sec := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	for _, f := range vectors.Read[sessionVectors](t, root+"/ssestore/testdata/vectors") {
		for _, v := range f.Vectors {
			if v.Config.Former != nil || strings.ContainsAny(strings.Join(v.Cookie, ""), "\r\n") {
				continue // inspect doesn't look for former names, and reads lines
			}
			n++
			pasted := ""
			for _, line := range v.Cookie {
				pasted += "Cookie: " + line + "\n"
			}
			r, err := inspect.Request(inspect.Config{
				Ring: vectors.Ring(t, f.Ring...), Name: v.Config.Name, Audience: v.Config.Audience, Show: true,
				Idle: sec(v.Config.Idle), Absolute: sec(v.Config.Absolute),
				PersistentIdle: sec(v.Config.PersistentIdle), PersistentAbsolute: sec(v.Config.PersistentAbsolute),
			}, pasted, time.Unix(v.Now, 0))
			if bad := v.Now <= 0 || v.Now > 253402300799; bad != (err != nil) {
				t.Errorf("%s: %v", v.ID, err)
			}
			if err != nil {
				continue
			}
			if r.Verdict != v.Verdict {
				t.Errorf("%s: verdict %s, want %s", v.ID, r.Verdict, v.Verdict)
			}
			if r.Verdict != inspect.OK && r.Cause == "" {
				t.Errorf("%s: %s, and nothing says why", v.ID, r.Verdict)
			}
			for _, value := range r.Values {
				if value.Verdict != inspect.OK && value.Cause == "" {
					t.Errorf("%s: a value is %s, and nothing says why", v.ID, value.Verdict)
				}
				if s := value.Session; len(r.Values) == 1 && value.Verdict == inspect.OK && (s.User != nil) != (v.User != nil) {
					t.Errorf("%s: user %v", v.ID, s.User)
				} else if len(r.Values) == 1 && value.Verdict == inspect.OK && s.User != nil && s.User.Value != *v.User {
					t.Errorf("%s: user %q, want %q", v.ID, s.User.Value, *v.User)
				}
			}
		}
	}
	if n < 80 {
		t.Errorf("%d vectors", n)
	}
}

type tokenVectors struct {
	Ring    []vectors.Key `json:"ring"`
	Vectors []struct {
		ID, Name, Audience, Token, Result string
	}
}

// The verdict on every published token is the published one.
func TestE54_TokenVectors(t *testing.T) {
	n := 0
	for _, f := range vectors.Read[tokenVectors](t, root+"/cookie/testdata/vectors") {
		for _, v := range f.Vectors {
			if v.Token == "" || strings.ContainsAny(v.Token, ";\r\n \t=") {
				continue // no header and no line has such a value
			}
			n++
			c := inspect.Config{Ring: vectors.Ring(t, f.Ring...), Name: v.Name, Audience: v.Audience}
			r, err := inspect.Request(c, v.Token, time.Unix(1_700_000_000, 0))
			if err != nil || len(r.Values) != 1 {
				t.Errorf("%s: %+v, %v", v.ID, r, err)
				continue
			}
			// What opens need not be a session: most of the tokens hold other texts.
			good := r.Verdict == v.Result && r.Cause != ""
			if v.Result == "accepted" {
				good = r.Verdict == inspect.OK || r.Verdict == "malformed" && r.Cause != ""
			}
			if !good {
				t.Errorf("%s: %s (%s), want %s", v.ID, r.Verdict, r.Cause, v.Result)
			}
			c.Ring = nil
			r, err = inspect.Request(c, v.Token, time.Unix(1_700_000_000, 0))
			form := map[string]string{"accepted": inspect.Unopened, "unknown-key": inspect.Unopened, "bad-tag": inspect.Unopened}[v.Result]
			if form == "" {
				form = v.Result
			}
			if err != nil || r.Verdict != form && !(v.Result == "unknown-key" && r.Verdict == "malformed") {
				t.Errorf("%s without keys: %s, %v, want %s", v.ID, r.Verdict, err, form)
			}
		}
	}
	if n < 200 {
		t.Errorf("%d vectors", n)
	}
}

func TestConfigFaults(t *testing.T) {
	for what, c := range map[string]inspect.Config{
		"name":            {Name: "a b"},
		"no room for two": {Name: strings.Repeat("a", 256)},
		"idle":            {Name: "session", Ring: keyring.Generate(), Idle: -1},
	} {
		r, err := inspect.Request(c, "x", time.Unix(1, 0))
		var fault *cookie.ConfigError
		if !errors.As(err, &fault) || strings.Contains(fault.Rule, "zero Cookie") {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
}

// Without timeouts, those of ssestore count.
func TestDefaultTimeouts(t *testing.T) {
	keys := keyring.Generate()
	for per, want := range map[string][2]time.Duration{
		"":            {ssestore.DefaultIdle, ssestore.DefaultAbsolute},
		`,"per":true`: {ssestore.DefaultPersistentIdle, ssestore.DefaultPersistentAbsolute},
	} {
		codec, err := cookie.JWE("session", "")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Unix(1_700_000_000, 0)
		value, err := codec.Seal(keys, fmt.Appendf(nil, `{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":%d,"exp":9000000000,"rnw":%[1]d%s,"d":{"a":1}}`, start.Unix(), per))
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.Request(inspect.Config{Ring: keys, Name: "session"}, value, start)
		if err != nil || r.Verdict != inspect.OK {
			t.Fatalf("%+v, %v", r, err)
		}
		if s := r.Values[0].Session; s.IdleEnds.Sub(start) != want[0] || s.Ends.Sub(start) != want[1] {
			t.Errorf("%q: idle until %s, ends %s", per, s.IdleEnds, s.Ends)
		}
	}
}
