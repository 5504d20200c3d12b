package advisories_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// kidOf reads the key id in the header of a token.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := b64.DecodeString(header)
	_, kid, ok := strings.Cut(string(text), `"kid":"`)
	if err != nil || !ok {
		t.Fatalf("no kid in %q", text)
	}
	return strings.TrimSuffix(kid, `"}`)
}

func TestAdvisory_CVE_2025_47278_SealedWithAFallback(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	sets := 0
	for range 5 {
		s.rotate()
		primary := s.keys.At(s.now()).Primary().ID()
		for _, path := range []string{"/who", "/set?v=" + primary, "/who"} {
			r := b.do("GET", path)
			for _, line := range r.lines(sessionName) {
				c, _ := http.ParseSetCookie(line)
				same(t, path, kidOf(t, c.Value), primary)
				sets++
			}
		}
		same(t, "a new session", kidOf(t, func() string { n := s.browser(); n.login("bob"); return n.cookies[sessionName] }()), primary)
		same(t, "user", b.who(), "ann")
	}
	if sets < 10 {
		t.Errorf("only %d cookies were set", sets)
	}
}

func TestAdvisory_securecookie_EncodeMulti_FallsToTheNextKey(t *testing.T) {
	// The primary cannot seal (its time has not come), the fallback could.
	waiting := keyring.NewKeyAt(time.Now().Add(time.Hour))
	fallback := keyring.NewKeyAt(time.Now().Add(2 * time.Hour))
	ring, err := keyring.New(waiting, fallback)
	if err != nil {
		t.Fatal(err)
	}
	codecs, err := gorilla.Codecs(ring, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := securecookie.EncodeMulti("name", map[any]any{"a": 1}, codecs...); err == nil {
		t.Errorf("sealed as %q", text)
	}
	for name, make := range map[string]cookie.Format{"JWE": cookie.JWE, "gorilla": gorilla.SecureCookie} {
		c, _ := make(sessionName, "")
		if text, err := c.Seal(ring.At(time.Now()), []byte("x")); err == nil {
			t.Errorf("%s sealed as %q", name, text)
		}
	}
	// In a site: 500 and no cookie, not a session under another key.
	s := newSite(t, nil)
	s.keys.Set(ring)
	r := s.send("POST", "/login?id=ann", "")
	if r.status < 400 || len(r.header["Set-Cookie"]) != 0 {
		t.Errorf("login: %d %v", r.status, r.header["Set-Cookie"])
	}
	r = s.send("GET", "/set?v=1", "")
	if r.status != 500 || len(r.header["Set-Cookie"]) != 0 {
		t.Errorf("set: %d %v", r.status, r.header["Set-Cookie"])
	}
}

// plain is a codec as weak as one can be: it opens everything.
type plain struct{}

func (plain) Seal(*keyring.Keyring, []byte) (string, error) { return "", errors.New("no") }
func (plain) Size(n int) int                                { return n }
func (plain) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	return cookie.Opened{Plaintext: []byte(value), Issued: time.Now().Add(-time.Minute)}, nil
}

func TestAdvisory_CVE_2026_39324_FallsToAPlainDecoder(t *testing.T) {
	opened := 0
	for _, name := range []string{"legacy", sessionName} {
		s := newSite(t, func(c *ssestore.Config) {
			c.Legacy = []ssestore.Legacy{{
				Cookie: cookie.Config{Name: name},
				Format: func(string, string) (cookie.Codec, error) { return plain{}, nil },
				Until:  time.Now().Add(time.Hour),
				Migrate: func(s *ssestore.Session, plaintext []byte) error {
					opened++
					return s.Adopt("ann")
				},
			}}
		})
		b := s.browser()
		b.login("bob")
		value := b.cookies[sessionName]
		for what, bad := range map[string]string{
			"altered":     value[:len(value)-4] + "AAAA",
			"cut":         value[:len(value)-30],
			"unknown key": func() string { o := newSite(t, nil).browser(); o.login("bob"); return o.cookies[sessionName] }(),
		} {
			r := s.send("GET", "/who", sessionName+"="+bad+"; legacy=anything")
			same(t, name+": "+what, r.body, "nobody")
		}
		same(t, name+": what the plain decoder was given", opened, 0)
		// Alone it is asked, so the test could fail.
		s.send("GET", "/who", name+"=anything")
		same(t, name+": alone", opened, 1)
		opened = 0
	}
}

// slow adds a page that begins, waits and then changes the session.
func (s *site) slow(path string, change func(r *http.Request)) (began, finish chan struct{}) {
	began, finish = make(chan struct{}), make(chan struct{})
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		change(r)
		began <- struct{}{}
		<-finish
	})
	return began, finish
}

// late runs during between the moment at which a slow page has its session and
// the moment at which its answer reaches the browser.
func (b *browser) late(path string, began, finish chan struct{}, during func()) reply {
	answer := make(chan reply)
	header := b.header()
	go func() { answer <- b.s.send("GET", path, header) }()
	<-began
	during()
	finish <- struct{}{}
	r := <-answer
	b.keep(r.header)
	return r
}

func TestAdvisory_CVE_2025_32441_LateResponseRevivesASession(t *testing.T) {
	s := newSite(t, nil)
	began, finish := s.slow("/slow", func(r *http.Request) { note.Set(middleware.Session(r), "late") })
	b := s.browser()
	b.login("ann")
	r := b.late("/slow", began, finish, func() {
		b.do("POST", "/logout")
		same(t, "after logout", b.who(), "nobody")
	})
	if len(r.lines(sessionName)) != 1 || b.cookies[sessionName] == "" {
		t.Fatal("the late response set no cookie: the test shows nothing")
	}
	same(t, "after the late response", b.who(), "nobody")
	if b.do("GET", "/members").status != http.StatusFound {
		t.Error("the late response opened a guarded page")
	}
	delete(b.cookies, barrierName)
	// Without its barrier the browser would be logged in: that is what was prevented.
	b2 := s.browser()
	b2.cookies[sessionName] = strings.TrimPrefix(strings.SplitN(r.lines(sessionName)[0], ";", 2)[0], sessionName+"=")
	same(t, "a thief, who leaves the barrier out (docs/THREATS.md)", b2.who(), "ann")
}

func TestAdvisory_CVE_2025_46336_LateRenewalRevivesASession(t *testing.T) {
	s := newSite(t, nil)
	began, finish := s.slow("/slow", func(r *http.Request) { s.accounts.GetUser(r.Context(), middleware.Session(r)) })
	b := s.browser()
	b.login("ann")
	s.advance(10 * time.Minute) // a renewal is due
	r := b.late("/slow", began, finish, func() { b.do("POST", "/logout") })
	if len(r.lines(sessionName)) != 1 {
		t.Fatal("the late response renewed nothing: the test shows nothing")
	}
	same(t, "after the late renewal", b.who(), "nobody")
	// Nor may it bring an earlier user back over a login that came after.
	b = s.browser()
	b.login("ann")
	s.advance(10 * time.Minute)
	b.late("/slow", began, finish, func() {
		b.do("POST", "/logout")
		b.login("bob")
	})
	if who := b.who(); who == "ann" {
		t.Error("the earlier user is back")
	}
}

func TestAdvisory_CVE_2025_46344_NoInnerExpiry(t *testing.T) {
	s := newSite(t, nil)
	s.mux.HandleFunc("/remember", func(w http.ResponseWriter, r *http.Request) {
		x := middleware.Session(r)
		err := errors.Join(x.Remember(true), s.accounts.Login(r.Context(), x, &user{"ann", "hash-ann"}))
		fmt.Fprint(w, err)
	})
	for name, tt := range map[string]struct {
		login          string
		idle, absolute time.Duration
	}{
		"browser session": {"/login?id=ann", ssestore.DefaultIdle, ssestore.DefaultAbsolute},
		"persistent":      {"/remember", ssestore.DefaultPersistentIdle, ssestore.DefaultPersistentAbsolute},
	} {
		// A thief keeps the cookie, whatever its Max-Age says.
		b := s.browser()
		b.do("POST", tt.login)
		copied := b.copy()
		s.advance(tt.idle)
		same(t, name+" at the idle timeout", copied.copy().who(), "ann")
		s.advance(time.Second)
		same(t, name+" after it", copied.who(), "nobody")
		// Used again and again, it still ends.
		b = s.browser()
		b.do("POST", tt.login)
		for spent := time.Duration(0); spent+tt.idle/2 < tt.absolute; spent += tt.idle / 2 {
			same(t, name+" in use", b.who(), "ann")
			s.advance(tt.idle / 2)
		}
		last := b.copy()
		s.advance(tt.idle / 2)
		same(t, name+" at the absolute timeout", last.who(), "nobody")
	}
}

func TestAdvisory_CVE_2026_6873_ContextsThatConcatenate(t *testing.T) {
	ring := keyring.Generate()
	type context struct{ name, audience string }
	contexts := []context{{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"a", "b\x00c"}, {"c", "ab"}, {"b", "ca"}, {"a", "bc\x00"}, {"seal", "abc"}}
	values := make([]string, len(contexts))
	for i, c := range contexts {
		codec, err := cookie.JWE(c.name, c.audience)
		if err != nil {
			t.Fatal(err)
		}
		if values[i], err = codec.Seal(ring, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range contexts {
		codec, _ := cookie.JWE(c.name, c.audience)
		for j, v := range values {
			if _, err := codec.Open(ring, v); (err == nil) != (i == j) {
				t.Errorf("sealed for %q, opened for %q: %v", contexts[j], c, err)
			}
		}
	}
	seen := map[string]keyring.Label{}
	for _, l := range []keyring.Label{{Purpose: "a", Audience: "b", Name: "c"}, {Purpose: "ab", Name: "c"}, {Purpose: "abc"}, {Audience: "abc"}, {Name: "abc"}, {Purpose: "a", Name: "bc"}, {Purpose: "a", Audience: "bc"}, {}} {
		sub := string(ring.Primary().Derive(l))
		if other, ok := seen[sub]; ok {
			t.Errorf("%+v and %+v share a subkey", l, other)
		}
		seen[sub] = l
	}
}

func TestAdvisory_oauth2_proxy_SignedConcatenation(t *testing.T) {
	s := newSite(t, nil)
	x := s.store.Load(nil, s.now())
	seen := map[[32]byte]string{}
	for _, in := range [][2]string{{"ann", "1hash"}, {"ann1", "hash"}, {"ann1hash", ""}, {"", "ann1hash"}, {"ann\x00", "1hash"}, {"ann", "\x001hash"}} {
		stamp, err := x.Principal().Stamp(in[0], in[1])
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[stamp.Sum]; ok {
			t.Errorf("%q and %s share a stamp", in, other)
		}
		seen[stamp.Sum] = fmt.Sprintf("%q", in)
	}
}

// forge writes any claims, as the holder of a leaked key could.
func (s *site) forge(t *testing.T, claims string) string {
	t.Helper()
	codec, err := cookie.JWE(sessionName, "")
	if err != nil {
		t.Fatal(err)
	}
	value, err := codec.Seal(s.keys.At(s.now()), []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return sessionName + "=" + value
}

func (s *site) claims(d string) string {
	now := s.now().Unix()
	return fmt.Sprintf(`{"sid":"AAAAAAAAAAAAAAAAAAAAAA","iat":%d,"exp":%d,"rnw":%d,"d":%s}`, now, now+3600, now, d)
}

func TestAdvisory_CVE_2018_15133_ObjectsAfterAKeyLeak(t *testing.T) {
	s := newSite(t, nil)
	same(t, "an honest value", s.send("GET", "/get", s.forge(t, s.claims(`{"note":"hello"}`))).body, "hello")
	for _, d := range []string{
		`{"note":{"@type":"java.lang.Runtime","exec":"id"}}`, `{"note":["O:8:\"stdClass\":0:{}"]}`, `{"note":1}`, `{"note":null}`,
		`{"note":"a","note":"b"}`, `{"note":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `{"note":"a"},"x":{"y":1}`, `{"note":tru}`,
	} {
		r := s.send("GET", "/get", s.forge(t, s.claims(d)))
		if r.status != 200 || r.body != "" {
			t.Errorf("%s gave %d %q", d, r.status, r.body)
		}
	}
}

func TestAdvisory_CVE_2024_55556_GobInACookie(t *testing.T) {
	s := newSite(t, nil)
	gob := "\x0e\xff\x81\x04\x01\x02\xff\x82\x00\x01\x10\x01\x10\x00\x00"
	for _, claims := range []string{gob, `O:8:"stdClass":0:{}`, "\xac\xed\x00\x05sr", "\x80\x04\x95", s.claims(gob)} {
		r := s.send("GET", "/get", s.forge(t, claims))
		if r.status != 200 || r.body != "" {
			t.Errorf("%q gave %d %q", claims, r.status, r.body)
		}
	}
	for _, dep := range dependencies(t, "github.com/hardtack-go/hardtack/middleware") {
		if dep == "encoding/gob" || strings.Contains(dep, "gopkg.in/yaml") {
			t.Errorf("a session's path reaches %s", dep)
		}
	}
}

func TestAdvisory_CVE_2023_48309_AnotherCookieAsASession(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	same(t, "at its place", b.who(), "ann")
	plaintext := []byte(s.claims(`{"note":"x"}`))
	for _, name := range []string{"__Host-state", barrierName, "__Host-sessio", "session"} {
		codec, _ := cookie.JWE(name, "")
		value, err := codec.Seal(s.keys.At(s.now()), plaintext)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, s.send("GET", "/get", sessionName+"="+value).body, "")
	}
	// Another application with the same keys, under the same cookie name.
	other := newSite(t, func(c *ssestore.Config) { c.Audience, c.Keys = "other", s.keys })
	o := other.browser()
	o.keep(http.Header{"Set-Cookie": other.loginElsewhere(t)})
	same(t, "a session of another application", s.send("GET", "/who", o.header()).body, "nobody")
	b.do("POST", "/logout")
	if b.cookies[barrierName] == "" {
		t.Fatal("no barrier")
	}
	same(t, "the barrier", s.send("GET", "/who", sessionName+"="+b.cookies[barrierName]).body, "nobody")
}

// loginElsewhere logs ann in and returns the Set-Cookie lines.
func (s *site) loginElsewhere(t *testing.T) []string {
	t.Helper()
	r := s.send("POST", "/login?id=ann", "")
	if len(r.lines(sessionName)) != 1 {
		t.Fatalf("login: %d %s", r.status, r.body)
	}
	return r.header["Set-Cookie"]
}

func TestAdvisory_CVE_2024_38513_PlantedSession(t *testing.T) {
	s := newSite(t, nil)
	// A session id that the attacker makes up is no session.
	for _, made := range []string{"attacker", "AAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("A", 200)} {
		r := s.send("GET", "/set?v=1", sessionName+"="+made)
		for _, line := range r.lines(sessionName) {
			if strings.Contains(line, made) {
				t.Errorf("the value %q was taken over", made)
			}
		}
	}
	// Nor is a real one any use: it changes at the login.
	attacker := s.browser()
	attacker.do("GET", "/set?v=planted")
	victim := attacker.copy()
	victim.login("ann")
	same(t, "the victim", victim.who(), "ann")
	same(t, "the attacker", attacker.who(), "nobody")
	same(t, "the victim's new session id", s.logID(victim) != s.logID(attacker), true)
}

// logID is the keyed hash of a browser's session id.
func (s *site) logID(b *browser) string {
	return s.store.Load([]string{b.header()}, s.now()).Info().LogID
}

func TestAdvisory_CVE_2021_41246_SessionIDKeptAtLogin(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	seen := map[string]string{}
	step := func(what string, path string) {
		b.do("POST", path)
		id := s.logID(b)
		if before, ok := seen[id]; ok || id == "" {
			t.Errorf("after %s the session id is that of %s", what, before)
		}
		seen[id] = what
	}
	b.do("GET", "/set?v=anonymous")
	seen[s.logID(b)] = "the anonymous session"
	step("the first login", "/login?id=ann")
	step("a login of the same user", "/login?id=ann")
	b.do("GET", "/set?v=ann's")
	step("a login of another user", "/login?id=bob")
	same(t, "the data of the user before", b.do("GET", "/get").body, "")
}

func TestAdvisory_CVE_2021_41268_RememberedAfterAPasswordChange(t *testing.T) {
	s := newSite(t, nil)
	s.mux.HandleFunc("/remember", func(_ http.ResponseWriter, r *http.Request) {
		if err := middleware.Session(r).Remember(true); err != nil {
			t.Error(err)
		}
	})
	b := s.browser()
	b.do("POST", "/login?id=ann")
	r := b.do("GET", "/remember")
	if len(r.lines(sessionName)) != 1 || !strings.Contains(r.lines(sessionName)[0], "Max-Age=") {
		t.Fatal("not persistent")
	}
	same(t, "before", b.copy().who(), "ann")
	s.advance(2 * time.Minute) // a young session is refused, and its cookie stays
	s.change(func() { s.users["ann"].Hash = "new" })
	same(t, "after", b.copy().who(), "nobody")
	r = b.do("GET", "/who")
	if b.cookies[sessionName] != "" {
		t.Errorf("the cookie stays: %v", r.header["Set-Cookie"])
	}
	// Another user's change ends nothing.
	c := s.browser()
	c.login("bob")
	s.change(func() { s.users["ann"].Hash = "newer" })
	same(t, "bob", c.who(), "bob")
}

func TestAdvisory_GHSA_2vg6_SurvivesDeletion(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	same(t, "before", b.do("GET", "/members").body, "ann")
	s.change(func() { delete(s.users, "ann") })
	same(t, "after", b.who(), "nobody")
	same(t, "a guarded page", b.do("GET", "/members").status, http.StatusFound)
	// A new account under the old id is not the old one's session.
	s.change(func() { s.users["ann"] = &user{"ann", "somebody else's hash"} })
	same(t, "a new account", b.who(), "nobody")
}

func TestAdvisory_CVE_2026_73421_ErrorThatLooksLikeAUser(t *testing.T) {
	s := newSite(t, nil)
	entered := false
	s.mux.Handle("/guarded", s.guard.ForUser(func(http.ResponseWriter, *http.Request, *user) { entered = true }))
	b := s.browser()
	b.login("ann")
	for _, fault := range []error{errors.New("down"), io.EOF} {
		s.change(func() { s.down = fault })
		r := b.do("GET", "/guarded")
		same(t, "status", r.status, http.StatusServiceUnavailable)
		u, err := s.accounts.GetUser(t.Context(), s.store.Load([]string{b.header()}, s.now()))
		if u != nil || err == nil {
			t.Errorf("GetUser = %v, %v", u, err)
		}
	}
	var none middleware.Guard[*user]
	for what, h := range map[string]http.Handler{
		"zero guard": none.LoginRequired(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered = true })),
		"no handler": s.guard.ForUser(func(http.ResponseWriter, *http.Request, *user) { entered = true }),
	} {
		w := newRecorder()
		req, _ := http.NewRequest("GET", "https://example.com/", nil)
		req.Header.Set("Cookie", b.header())
		h.ServeHTTP(w, req)
		same(t, what, w.Code, http.StatusInternalServerError)
	}
	same(t, "somebody came in", entered, false)
	s.change(func() { s.down = nil })
	b.do("GET", "/guarded")
	same(t, "the user came in", entered, true)
}

// A browser in which the cookies of the logout got lost is used by somebody else.
func TestAdvisory_CVE_2025_12390_NextUserOfTheBrowser(t *testing.T) {
	for _, lost := range []string{"", sessionName, barrierName} {
		s := newSite(t, nil)
		b := s.browser()
		b.login("ann")
		b.do("GET", "/set?v=secret")
		before := b.cookies[sessionName]
		b.do("POST", "/logout")
		if lost == sessionName {
			b.cookies[sessionName] = before // its deletion got lost
		}
		if lost == barrierName {
			b.cookies = map[string]string{sessionName: before} // both did
		}
		b.login("bob")
		same(t, "user, without "+lost, b.who(), "bob")
		same(t, "note, without "+lost, b.do("GET", "/get").body, "")
		if b.cookies[sessionName] == before {
			t.Error("the session of the user before is still there")
		}
		// What the user before kept is not the session of this one.
		old := s.send("GET", "/who", sessionName+"="+before).body
		if old == "bob" {
			t.Errorf("the cookie of ann is %s's", old)
		}
	}
}
