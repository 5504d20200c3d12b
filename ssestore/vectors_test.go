package ssestore_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

const vectorDir = "testdata/vectors"

// The committed vectors are what the generator makes: nobody edits them by hand.
func TestVectorsAreGenerated(t *testing.T) {
	vectors.Hold(t, vectorDir, makeSessionVectors(t), *update)
}

func (c vectorConfig) store(t testing.TB, keys keyring.Source) *ssestore.Store {
	t.Helper()
	sec := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	cfg := ssestore.Config{
		Keys: keys, Audience: c.Audience, Cookie: cookie.Config{Name: c.Name},
		RenewVerified: sec(c.RenewVerified), Idle: sec(c.Idle), Absolute: sec(c.Absolute), PersistentIdle: sec(c.PersistentIdle), PersistentAbsolute: sec(c.PersistentAbsolute),
	}
	for _, f := range c.Former {
		cfg.Former = append(cfg.Former, ssestore.Former{Cookie: cookie.Config{Name: f.Name, Domain: f.Domain}, Until: time.Unix(f.Until, 0)})
	}
	s, err := ssestore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestV1_SessionVectors: each request has the verdict and the session that the vector
// says. What runs a vector may be in any language.
func TestV1_SessionVectors(t *testing.T) {
	n := 0
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			n++
			s := v.Config.store(t, ring).Load(v.Cookie, time.Unix(v.Now, 0))
			p, info := s.Principal(), s.Info()
			verdict := p.Refused().String()
			if !info.New {
				same(t, v.ID+": reason", verdict, "none")
				verdict = "ok"
			}
			if verdict != v.Verdict {
				t.Errorf("%s: verdict %s, want %s", v.ID, verdict, v.Verdict)
				continue
			}
			who, user, actor := p.Identity(), "", ""
			if v.User != nil {
				user = *v.User
			}
			if v.Actor != nil {
				actor = *v.Actor
			}
			same(t, v.ID+": user", who.ID, user)
			same(t, v.ID+": somebody is behind", who.Actor != nil, v.Actor != nil)
			if who.Actor != nil {
				same(t, v.ID+": actor", who.Actor.ID, actor)
			}
			if verdict == "ok" {
				_, within := p.Within()
				same(t, v.ID+": within", within, v.Within != nil && *v.Within)
				same(t, v.ID+": claims", string(info.Claims), withoutSecrets(t, v.Claims))
			} else {
				same(t, v.ID+": names", len(s.Names()), 0)
			}
		}
	}
	if n < 80 {
		t.Errorf("%d vectors, want at least 80", n)
	}
}

var actorStamp = regexp.MustCompile(`("-act":\{[^}]*),"stp":"[^"]*"`)

// withoutSecrets returns claims as Info shows them: with empty session id and stamps,
// and not at all if there is nothing worth a cookie.
func withoutSecrets(t testing.TB, text string) string {
	t.Helper()
	var c claims.Claims
	if !c.Parse([]byte(text)) {
		t.Fatalf("not the one spelling of claims: %s", text)
	}
	if c.Sub == "" && c.D == nil {
		return ""
	}
	c.SID, c.Stp = claims.SID{}, [32]byte{}
	return actorStamp.ReplaceAllString(string(c.Append(nil)), "$1")
}

// The reader's keys in a file are those that an operator would export for it.
func TestVectors_ReaderKeys(t *testing.T) {
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, k := range f.Reader.Keys {
			key, _ := ring.Key(k.Kid)
			var exported vectorJWK
			must(t, json.Unmarshal(key.ExportJWK(keyring.Label{Purpose: k.Purpose, Audience: k.Audience, Name: k.Name}), &exported))
			same(t, "exported key", exported, k)
		}
	}
}
