package oauth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutPath  = "/oauth/harbour/backchannel-logout"
)

// A publisher brings marks to the instances of the test, which share a Set.
type publisher struct {
	set *marks.Set
	now func() time.Time

	mu    sync.Mutex
	ended []marks.Mark
	fail  error
	wait  func(context.Context)
}

func (p *publisher) End(ctx context.Context, m marks.Mark) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wait != nil {
		p.wait(ctx)
	}
	if err := errors.Join(ctx.Err(), p.fail); err != nil {
		return err
	}
	p.ended = append(p.ended, m)
	m.Until = p.now().Add(ssestore.DefaultPersistentAbsolute).Unix()
	p.set.Apply(p.now(), m)
	return nil
}

func (p *publisher) take() (ended []marks.Mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ended, p.ended = p.ended, nil
	return ended
}

// A federated site ends sessions when its provider says so.
type federated struct {
	*site
	ends  *publisher
	other http.Handler // another instance
}

func newFederated(t testing.TB, o rig.Options, change ...func(*oauth.Config[*rig.User], internet)) *federated {
	t.Helper()
	f := &federated{ends: &publisher{set: marks.New(marks.Policy{})}}
	o.Store = func(c *ssestore.Config) { c.Marks = f.ends.set }
	f.site = newSite(t, o, append([]func(*oauth.Config[*rig.User], internet){func(c *oauth.Config[*rig.User], _ internet) {
		c.Ender = f.ends
	}}, change...)...)
	f.ends.now = f.Now
	f.other = instance(t, ssestore.Config{Keys: f.Keys, Marks: f.ends.set}, f.Guard, f.Now)
	return f
}

// instance returns another instance of an application. It says who is logged in.
func instance(t testing.TB, c ssestore.Config, like *middleware.Guard[*rig.User], now func() time.Time) http.Handler {
	t.Helper()
	store, err1 := ssestore.New(c)
	guard, err2 := middleware.New(store, like.Accounts(), middleware.Config{LoginURL: "/login", Now: now})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return guard.Handler(guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *rig.User, ok bool) {
		if !ok {
			fmt.Fprint(w, "nobody")
			return
		}
		fmt.Fprint(w, u.ID)
	}))
}

// enter logs somebody in whose session at the provider is sid, or anything else that the
// claim is to be; nil leaves it out.
func (f *federated) enter(who person, sid any) *rig.Browser {
	f.t.Helper()
	f.harbour.claims = func(c map[string]any) {
		if sid != nil {
			c["sid"] = sid
		}
	}
	b := f.Browser(f.t)
	expect(f.t, f.login(b, who), http.StatusSeeOther)
	return b
}

// in reports whether the browser is logged in, on both instances.
func (f *federated) in(b *rig.Browser) bool {
	f.t.Helper()
	// A copy, because the first to refuse a session deletes the cookie.
	r := httptest.NewRequest(http.MethodGet, "https://example.com/", nil)
	u, err := url.Parse("https://example.com/")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	f.other.ServeHTTP(w, r)
	here, there := snapshot(f.t, f.site, b).Who() != "nobody", w.Body.String() != "nobody"
	if here != there {
		f.t.Errorf("in here: %t, on the other instance: %t", here, there)
	}
	return here
}

// expectIn checks which browsers are logged in.
func (f *federated) expectIn(want string, browsers ...*rig.Browser) {
	f.t.Helper()
	got := ""
	for _, b := range browsers {
		got += map[bool]string{true: "+", false: "-"}[f.in(b)]
	}
	if got != want {
		f.t.Errorf("logged in: %s, want %s", got, want)
	}
}

// over is what an honest provider says about a session, or with only a subject about an
// account.
func (f *federated) over(sub, sid string) map[string]any {
	claims := map[string]any{
		"iss": f.harbour.issuer, "aud": "client", "iat": f.Now().Unix(), "exp": f.Now().Add(2 * time.Minute).Unix(),
		"jti": "bWJq", "events": map[string]any{logoutEvent: map[string]any{}},
	}
	if sub != "" {
		claims["sub"] = sub
	}
	if sid != "" {
		claims["sid"] = sid
	}
	return claims
}

// token signs claims as the provider does.
func (f *federated) token(claims any, typ ...any) string {
	return f.harbour.signed(claims, jose.ES256, f.harbour.key, typ...)
}

// notice posts a logout token as a provider does.
func (f *federated) notice(token string) *httptest.ResponseRecorder {
	return f.send(logoutPath, url.Values{"logout_token": {token}})
}

func (f *federated) send(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://example.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// expectAnswer checks an answer to a provider.
func expectAnswer(t testing.TB, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status || w.Header().Get("Cache-Control") != "no-store" || w.Header()["Set-Cookie"] != nil {
		t.Errorf("%d %v, want %d", w.Code, w.Header(), status)
	}
	want := map[int]string{
		http.StatusOK:                 ``,
		http.StatusBadRequest:         `{"error":"invalid_request","error_description":"The request has no logout token that is valid here."}` + "\n",
		http.StatusServiceUnavailable: `{"error":"temporarily_unavailable","error_description":"Try again."}` + "\n",
	}[status]
	if body := w.Body.String(); body != want {
		t.Errorf("the body is %q, want %q", body, want)
	}
	if typ := w.Header().Get("Content-Type"); want != "" && typ != "application/json" {
		t.Errorf("Content-Type: %q", typ)
	}
	if retry := w.Header().Get("Retry-After"); (retry == "10") != (status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After: %q", retry)
	}
}

// A bob is somebody else at the provider.
var bob = person{"bob", "bob@example.com", true}

func TestB1_SessionOfTheProvider(t *testing.T) {
	f := newFederated(t, rig.Options{})
	first, second, third, bobs := f.enter(ada, "s1"), f.enter(ada, "s1"), f.enter(ada, "s2"), f.enter(bob, "s3")
	f.Wait(time.Minute)
	f.expectIn("++++", first, second, third, bobs)
	expectAnswer(t, f.notice(f.token(f.over("", "s1"))), http.StatusOK)
	f.expectIn("--++", first, second, third, bobs)
	expectAnswer(t, f.notice(f.token(f.over(bob.sub, "s3"))), http.StatusOK) // both names: the session
	f.expectIn("--+-", first, second, third, bobs)
	for _, m := range f.ends.take() {
		if m.Kind != marks.Link || m.Before != f.Now().Unix()+1 || m.Until != 0 {
			t.Errorf("%+v", m)
		}
	}
	if fails := f.fails(); fails != nil {
		t.Error(fails)
	}
}

// TestB1_ActingAsAnother: an administrator whose session at the provider is over is out,
// also while they look at the site as somebody else.
func TestB1_ActingAsAnother(t *testing.T) {
	f := newFederated(t, rig.Options{})
	f.Mux.HandleFunc("POST /as", func(w http.ResponseWriter, r *http.Request) {
		_, _ = f.Guard.User(r)
		if err := f.Guard.Accounts().Impersonate(r.Context(), f.Guard.Session(r), f.Users.Get("2")); err != nil {
			t.Error(err)
		}
	})
	admin, user := f.enter(ada, "s1"), f.enter(bob, "s2")
	admin.Post("/as", nil)
	if who := admin.Who(); !strings.HasPrefix(who, "2 ") {
		t.Fatal(who)
	}
	expectAnswer(t, f.notice(f.token(f.over("", "s1"))), http.StatusOK)
	f.expectIn("-+", admin, user)
}

// TestB1_Fleet: the notice reaches one instance of a fleet, and the session is over on
// another.
func TestB1_Fleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		var engine enginetest.Memory
		secret, err := fleet.Secret(bytes.Repeat([]byte("k"), 32))
		if err != nil {
			t.Fatal(err)
		}
		join := func() *fleet.Fleet {
			f, err := fleet.New(fleet.Config{Engine: engine.Open(), Wrapper: secret, Application: "example"})
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = f.Run(ctx) }()
			<-f.Ready()
			return f
		}
		here, there := join(), join()
		o := rig.Options{Keys: here, Guard: func(c *middleware.Config) { c.Now = time.Now }, Store: func(c *ssestore.Config) { c.Marks = here.Marks() }}
		f := &federated{site: newSite(t, o, func(c *oauth.Config[*rig.User], _ internet) { c.Ender = here })}
		f.harbour.now = time.Now
		f.other = instance(t, ssestore.Config{Keys: there, Marks: there.Marks()}, f.Guard, time.Now)
		first, second := f.enter(ada, "s1"), f.enter(ada, "s2")
		time.Sleep(time.Minute)
		f.expectIn("++", first, second)
		claims := f.over("", "s1")
		claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Unix()+120
		expectAnswer(t, f.notice(f.token(claims)), http.StatusOK)
		synctest.Wait()
		f.expectIn("-+", first, second)
	})
}

func TestB2_AccountAtTheProvider(t *testing.T) {
	f := newFederated(t, rig.Options{})
	first, second, unnamed, bobs := f.enter(ada, "s1"), f.enter(ada, "s2"), f.enter(ada, nil), f.enter(bob, "s3")
	other := f.Browser(t)
	f.password(other, f.Users.Get("1"))
	expectAnswer(t, f.notice(f.token(f.over(ada.sub, ""))), http.StatusOK)
	f.expectIn("---++", first, second, unnamed, bobs, other)
	// The names of sessions and of accounts don't meet.
	expectAnswer(t, f.notice(f.token(f.over("", bob.sub))), http.StatusOK)
	expectAnswer(t, f.notice(f.token(f.over("s3", ""))), http.StatusOK)
	f.expectIn("++", bobs, other)
}

func TestB3_RefusedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFederated(t, rig.Options{})
		b := f.enter(ada, "s1")
		f.fails()
		other := newProvider(t, harbourIssuer)
		claims := func(change func(map[string]any)) map[string]any {
			c := f.over(ada.sub, "s1")
			change(c)
			return c
		}
		set := func(name string, v any) string {
			return f.token(claims(func(c map[string]any) { c[name] = v }))
		}
		without := func(names ...string) string {
			return f.token(claims(func(c map[string]any) {
				for _, name := range names {
					delete(c, name)
				}
			}))
		}
		event := func(v any) string { return set("events", map[string]any{logoutEvent: v}) }
		good := f.token(f.over(ada.sub, "s1"))
		parts := strings.Split(good, ".")
		jws, err := jose.ParseSignedCompact(good, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		now := f.Now().Unix()
		for name, token := range map[string]string{
			"issuer":                    set("iss", "https://evil.example"),
			"issuer with a slash":       set("iss", harbourIssuer+"/"),
			"no issuer":                 without("iss"),
			"audience":                  set("aud", "another"),
			"no audience":               without("aud"),
			"two audiences":             set("aud", []string{"client", "another"}),
			"party":                     set("azp", "another"),
			"party as a number":         set("azp", 1),
			"no jti":                    without("jti"),
			"no iat":                    without("iat"),
			"iat of zero":               set("iat", 0),
			"no exp":                    without("exp"),
			"over":                      set("exp", now-1),
			"issued in the future":      set("iat", now+61),
			"nonce":                     set("nonce", "n-0S6_WzA2Mj"),
			"empty nonce":               set("nonce", ""),
			"null nonce":                set("nonce", nil),
			"no events":                 without("events"),
			"events of another kind":    set("events", map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{}}),
			"events as a list":          set("events", []string{logoutEvent}),
			"event as a text":           event("yes"),
			"event as null":             event(nil),
			"event as a list":           event([]string{}),
			"no subject and session":    without("sub", "sid"),
			"empty subject and session": f.token(claims(func(c map[string]any) { c["sub"], c["sid"] = "", "" })),
			"long session":              set("sid", strings.Repeat("x", 256)),
			"session with a line":       set("sid", "s1\n"),
			"session as a number":       set("sid", 1),
			"long subject":              set("sub", strings.Repeat("x", 256)),
			"typ of an access token":    f.token(f.over(ada.sub, "s1"), "at+jwt"),
			"typ of an ID token":        f.token(f.over(ada.sub, "s1"), "id_token+jwt"),
			"typ of another event":      f.token(f.over(ada.sub, "s1"), "secevent+jwt"),
			"typ that isn't text":       f.token(f.over(ada.sub, "s1"), []string{"logout+jwt"}),
			"another key":               other.signed(f.over(ada.sub, "s1"), jose.ES256, other.key),
			"alg none":                  f.harbour.signed(f.over(ada.sub, "s1"), "none", nil),
			"alg HS256":                 f.harbour.signed(f.over(ada.sub, "s1"), jose.HS256, []byte("secret secret secret secret secret")),
			"signature of another":      parts[0] + "." + parts[1] + "." + strings.Split(set("jti", "other"), ".")[2],
			"no signature":              parts[0] + "." + parts[1] + ".",
			"JSON form":                 jws.FullSerialize(),
			"nested":                    f.token(good),
			"five parts":                good + ".x.y",
			"spaces":                    " " + good,
			"no token":                  "SAYS WHOEVER POSTS",
			"empty":                     "",
		} {
			time.Sleep(10 * time.Second) // until the provider may be asked for its keys again
			expectAnswer(t, f.notice(token), http.StatusBadRequest)
			if ended, fails := f.ends.take(), f.fails(); len(ended) != 0 || len(fails) != 1 || !strings.HasPrefix(fails[0], "harbour: ") {
				t.Errorf("ended %v, failures %q", ended, fails)
			}
			if t.Failed() {
				t.Fatal(name)
			}
		}
		f.expectIn("+", b)
		expectAnswer(t, f.notice(good), http.StatusOK) // nothing else is wrong with them
		f.expectIn("-", b)
	})
}

// TestB3_AnIDTokenEndsNothing: what the provider sends at a login can't be turned into a
// logout, whatever its type.
func TestB3_AnIDTokenEndsNothing(t *testing.T) {
	f := newFederated(t, rig.Options{})
	for _, typ := range [][]any{nil, {"JWT"}, {"logout+jwt"}} {
		var token string
		f.harbour.sign = func(c map[string]any) string {
			c["sid"] = "s1"
			token = f.token(c, typ...)
			return token
		}
		b := f.Browser(t)
		expect(t, f.login(b, ada), http.StatusSeeOther)
		expectAnswer(t, f.notice(token), http.StatusBadRequest)
		f.expectIn("+", b)
	}
}

func TestB4_AcceptedTokens(t *testing.T) {
	f := newFederated(t, rig.Options{})
	set := func(pairs ...any) map[string]any {
		c := f.over(ada.sub, "s1")
		for i := 0; i < len(pairs); i += 2 {
			c[pairs[i].(string)] = pairs[i+1]
		}
		return c
	}
	now := f.Now().Unix()
	for name, token := range map[string]string{
		"no typ":                    f.token(set()),
		"logout+jwt":                f.token(set(), "logout+jwt"),
		"capitals":                  f.token(set(), "Logout+JWT"),
		"a whole media type":        f.token(set(), "application/logout+jwt"),
		"JWT":                       f.token(set(), "JWT"),
		"audience in a list":        f.token(set("aud", []string{"client"})),
		"two audiences and a party": f.token(set("aud", []string{"client", "another"}, "azp", "client")),
		"claims of its own":         f.token(set("trace", 1, "auth_time", "yesterday")),
		"an event that says more":   f.token(set("events", map[string]any{logoutEvent: map[string]any{"why": "x"}, "https://example.com/other": "x"})),
		"a clock that is ahead":     f.token(set("iat", now+60)),
		"the last second":           f.token(set("exp", now)),
		"a long session":            f.token(set("sid", strings.Repeat("x", 255))),
	} {
		w := f.send(logoutPath, url.Values{"logout_token": {token}, "another": {"x", "y"}})
		expectAnswer(t, w, http.StatusOK)
		if ended := f.ends.take(); len(ended) != 1 || ended[0].Before != now+1 {
			t.Errorf("%s: ended %v, failures %q", name, ended, f.fails())
		}
	}
}

func TestB5_Requests(t *testing.T) {
	f := newFederated(t, rig.Options{})
	b := f.enter(ada, "s1")
	token := f.token(f.over("", "s1"))
	form := url.Values{"logout_token": {token}}.Encode()
	const formType = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		name, method, query, typ, body string
		head                           http.Header
		status                         int
	}{
		{"in the query", "POST", "?" + form, formType, "", nil, 400},
		{"twice", "POST", "", formType, form + "&" + form, nil, 400},
		{"twice, once empty", "POST", "", formType, form + "&logout_token=", nil, 400},
		{"another name", "POST", "", formType, "token=" + token, nil, 400},
		{"as text", "POST", "", "text/plain", form, nil, 400},
		{"as JSON", "POST", "", "application/json", `{"logout_token":"` + token + `"}`, nil, 400},
		{"as a JWT", "POST", "", "application/logout+jwt", token, nil, 400},
		{"without a type", "POST", "", "", form, nil, 400},
		{"in parts", "POST", "", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n" + token + "\r\n--x--\r\n", nil, 400},
		{"too long", "POST", "", formType, form + "&x=" + strings.Repeat("x", 64<<10), nil, 400},
		{"garbled", "POST", "", formType, form + "&%zz", nil, 400},
		{"GET", "GET", "?" + form, "", "", nil, 405},
		{"HEAD", "HEAD", "?" + form, "", "", nil, 405},
		{"PUT", "PUT", "", formType, form, nil, 405},
		{"from a page of another site", "POST", "", formType, form, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, 403},
	} {
		r := httptest.NewRequest(row.method, "https://example.com"+logoutPath+row.query, strings.NewReader(row.body))
		maps.Copy(r.Header, row.head)
		if row.typ != "" {
			r.Header.Set("Content-Type", row.typ)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if row.status == http.StatusBadRequest {
			expectAnswer(t, w, row.status)
		}
		if w.Code != row.status || w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d %v", row.name, w.Code, w.Header())
		}
		if ended := f.ends.take(); ended != nil {
			t.Errorf("%s: ended %v", row.name, ended)
		}
	}
	f.expectIn("+", b)
	// A provider has no cookies, says nothing about where it comes from, and doesn't count
	// as somebody who tries.
	for range 150 {
		expectAnswer(t, f.notice(token), http.StatusOK)
	}
	f.expectIn("-", b)
}

func TestB6_EndFails(t *testing.T) {
	var logged bytes.Buffer
	f := newFederated(t, rig.Options{})
	b := f.enter(ada, "s1")
	token := f.token(f.over("", "s1"))
	f.ends.fail = errors.New("the engine is down")
	expectAnswer(t, f.notice(token), http.StatusServiceUnavailable)
	f.expectIn("+", b)
	if fails := f.fails(); fails != nil {
		t.Errorf("the provider is blamed: %q", fails)
	}
	f.ends.fail = nil
	expectAnswer(t, f.notice(token), http.StatusOK)
	f.expectIn("-", b)

	// The cause is in the log.
	f = newFederated(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Log = slog.New(slog.NewTextHandler(&logged, nil)) }})
	f.ends.fail = errors.New("the engine is down")
	expectAnswer(t, f.notice(f.token(f.over("", "s1"))), http.StatusServiceUnavailable)
	if !strings.Contains(logged.String(), "the engine is down") {
		t.Errorf("logged: %s", logged.String())
	}
}

// TestB6_ProviderHangsUp: the logout goes on, for ten seconds at most.
func TestB6_ProviderHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFederated(t, rig.Options{})
		b := f.enter(ada, "s1")
		token := f.token(f.over("", "s1"))
		post := func(ctx context.Context) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://example.com"+logoutPath, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			return w
		}
		began := time.Now()
		f.ends.wait = func(ctx context.Context) { <-ctx.Done() }
		expectAnswer(t, post(t.Context()), http.StatusServiceUnavailable)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("End may take %s", took)
		}
		f.expectIn("+", b)
		ctx, hangUp := context.WithCancel(t.Context())
		f.ends.wait = func(context.Context) { hangUp() }
		expectAnswer(t, post(ctx), http.StatusOK)
		f.expectIn("-", b)
	})
}

func TestB7_KeysOfTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFederated(t, rig.Options{})
		keyed := func() int {
			f.harbour.mu.Lock()
			defer f.harbour.mu.Unlock()
			return f.harbour.keyed
		}
		notice := func(status int) {
			t.Helper()
			expectAnswer(t, f.notice(f.token(f.over("", "s1"))), status)
		}
		notice(http.StatusOK) // the first token of all
		time.Sleep(time.Minute)
		f.harbour.rotate("two")
		notice(http.StatusOK)
		before := keyed()

		// Anybody can post what has a key that the provider doesn't have. It must not be
		// asked each time, and what its keys have signed goes on to work.
		eve := newProvider(t, harbourIssuer)
		eve.kid = "three"
		forged := eve.signed(f.over("", "s1"), jose.ES256, eve.key)
		time.Sleep(10 * time.Second)
		expectAnswer(t, f.notice(forged), http.StatusBadRequest)
		synctest.Wait() // go-oidc shares a fetch of keys until the goroutine that made it has ended
		for range 20 {
			expectAnswer(t, f.notice(forged), http.StatusServiceUnavailable)
			notice(http.StatusOK)
		}
		if n := keyed() - before; n != 1 {
			t.Errorf("the keys were asked for %d times", n)
		}
		// A login doesn't suffer from it, though the key is new.
		f.harbour.rotate("four")
		f.Wait(time.Second)
		f.expectIn("+", f.enter(ada, "s1"))
		notice(http.StatusServiceUnavailable)
		time.Sleep(10*time.Second - time.Nanosecond)
		notice(http.StatusServiceUnavailable)
		time.Sleep(time.Nanosecond)
		notice(http.StatusOK)
	})
}

func TestB7_ProviderDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFederated(t, rig.Options{})
		down := func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusInternalServerError); return true }
		token := f.token(f.over("", "s1"))
		f.harbour.down = down // before its configuration is known
		expectAnswer(t, f.notice(token), http.StatusServiceUnavailable)
		f.harbour.down = nil
		time.Sleep(time.Minute)
		f.start(f.Browser(t), nil) // the configuration is known, and no key
		f.harbour.down = down
		expectAnswer(t, f.notice(token), http.StatusServiceUnavailable)
		f.harbour.down = nil
		time.Sleep(time.Minute)
		expectAnswer(t, f.notice(token), http.StatusOK)
		f.harbour.down = down // what is known is enough
		expectAnswer(t, f.notice(token), http.StatusOK)
		if fails := f.fails(); len(fails) != 2 {
			t.Errorf("failures: %q", fails)
		}
	})
}

// unreachable is a network that breaks down once the configuration was read.
type unreachable struct{ internet }

func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/keys" {
		return nil, errors.New("no route to host")
	}
	return u.internet.RoundTrip(r)
}

func TestB7_Unreachable(t *testing.T) {
	f := newFederated(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
		c.Providers[0].Client = &http.Client{Transport: unreachable{net}}
	})
	expectAnswer(t, f.notice(f.token(f.over("", "s1"))), http.StatusServiceUnavailable)
}

func TestB8_LaterLogins(t *testing.T) {
	f := newFederated(t, rig.Options{})
	old := f.enter(ada, "s1")
	f.Wait(time.Second)
	byAccount, bySession := f.token(f.over(ada.sub, "")), f.token(f.over("", "s1"))
	// Ada has logged in again, by another session of the provider, when the notice about
	// the first one comes.
	newer := f.enter(ada, "s2")
	expectAnswer(t, f.notice(bySession), http.StatusOK)
	f.expectIn("-+", old, newer)
	// A second later than a notice about all of them, she can log in, by the same session
	// too, should the provider go on with it.
	expectAnswer(t, f.notice(byAccount), http.StatusOK)
	f.expectIn("-", newer)
	f.Wait(time.Second)
	again, same := f.enter(ada, "s3"), f.enter(ada, "s1")
	f.expectIn("++", again, same)
	// The notices come once more, as long as they can.
	f.Wait(time.Minute)
	latest := f.enter(ada, "s1")
	f.Wait(time.Minute - time.Second)
	expectAnswer(t, f.notice(byAccount), http.StatusOK)
	expectAnswer(t, f.notice(bySession), http.StatusOK)
	f.expectIn("+", latest)
	ended := f.ends.take()
	last := ended[len(ended)-1]
	f.notice(bySession)
	if again := f.ends.take(); again[0] != last {
		t.Errorf("a replay asks for %+v, before it was %+v", again[0], last)
	}
	f.Wait(2 * time.Second)
	expectAnswer(t, f.notice(byAccount), http.StatusBadRequest)
}

// TestB8_ClockThatIsBehind: the provider's clock is half a minute slow.
func TestB8_ClockThatIsBehind(t *testing.T) {
	f := newFederated(t, rig.Options{})
	f.Wait(time.Hour)
	b := f.enter(ada, "s1")
	claims := f.over("", "s1")
	claims["iat"] = f.Now().Unix() - 30
	expectAnswer(t, f.notice(f.token(claims)), http.StatusOK)
	f.expectIn("-", b)
}

func TestB8_NobodyThere(t *testing.T) {
	f := newFederated(t, rig.Options{})
	b := f.enter(ada, "s1")
	expectAnswer(t, f.notice(f.token(f.over("", "s9"))), http.StatusOK)
	expectAnswer(t, f.notice(f.token(f.over("nobody", ""))), http.StatusOK)
	f.expectIn("+", b)
}

func TestB9_SeveralProviders(t *testing.T) {
	pier := newProvider(t, "https://pier.example")
	f := newFederated(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
		c.Providers = append(c.Providers, oauth.OIDC("pier", "https://pier.example", "client", "secret"), oauth.GitHub("client", "secret"))
		net["pier.example"] = pier
	})
	pier.now = f.Now
	b := f.enter(ada, "s1")
	token := f.token(f.over(ada.sub, "s1"))
	for path, status := range map[string]int{
		"/oauth/pier/backchannel-logout":   http.StatusBadRequest, // another's key
		"/oauth/github/backchannel-logout": http.StatusNotFound,   // no OpenID Connect
		"/oauth/nobody/backchannel-logout": http.StatusNotFound,
		"/oauth/backchannel-logout":        http.StatusNotFound,
	} {
		if w := f.send(path, url.Values{"logout_token": {token}}); w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	f.expectIn("+", b)
	// The same subject and session at the other provider are somebody else's.
	claims := f.over(ada.sub, "s1")
	claims["iss"] = "https://pier.example"
	for _, drop := range []string{"sub", "sid"} {
		c := maps.Clone(claims)
		delete(c, drop)
		token := pier.signed(c, jose.ES256, pier.key)
		expectAnswer(t, f.send("/oauth/pier/backchannel-logout", url.Values{"logout_token": {token}}), http.StatusOK)
	}
	f.expectIn("+", b)
}

func TestB9_WithoutAnEnder(t *testing.T) {
	plain, f := newSite(t, rig.Options{}), newFederated(t, rig.Options{})
	plain.harbour.claims = func(c map[string]any) { c["sid"] = "s1" }
	b := plain.Browser(t)
	expect(t, plain.login(b, ada), http.StatusSeeOther)
	expect(t, b.Post(logoutPath, nil), http.StatusNotFound)
	// The session holds nothing that it doesn't need.
	with := f.enter(ada, "s1")
	if without, with := len(b.Cookie("__Host-session")), len(with.Cookie("__Host-session")); without >= with || with-without > 90 {
		t.Errorf("the cookie has %d characters, and %d with links", without, with)
	}
}

func TestB10_NoUsableSession(t *testing.T) {
	f := newFederated(t, rig.Options{})
	for _, sid := range []any{nil, "", 1, []string{"S-1-5-21"}, strings.Repeat("x", 256), strings.Repeat("x", 600), "größe", map[string]any{}} {
		b := f.enter(ada, sid)
		f.expectIn("+", b)
		f.Wait(time.Minute)
		expectAnswer(t, f.notice(f.token(f.over(ada.sub, ""))), http.StatusOK)
		f.expectIn("-", b)
		f.Wait(time.Minute)
	}
	// The longest.
	b := f.enter(ada, strings.Repeat("x", 255))
	f.Wait(time.Minute)
	expectAnswer(t, f.notice(f.token(f.over("", strings.Repeat("x", 255)))), http.StatusOK)
	f.expectIn("-", b)
}

// TestB11_SecondFactor: a hook that asks for more lets the user in later, and carries the
// links along.
func TestB11_SecondFactor(t *testing.T) {
	var f *federated
	var waiting signin.Entry[*rig.User]
	f = newFederated(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			waiting = e
			fmt.Fprint(w, "the code, please")
			return signin.ErrAnswered
		}
	}})
	f.Mux.HandleFunc("POST /code", func(w http.ResponseWriter, r *http.Request) {
		if err := f.Desk.Login(r, waiting); err != nil {
			t.Error(err)
		}
	})
	f.harbour.claims = func(c map[string]any) { c["sid"] = "s1" }
	b := f.Browser(t)
	expect(t, f.login(b, ada), http.StatusOK)
	if want := []string{"sub:" + harbourIssuer + "#" + ada.sub, "sid:" + harbourIssuer + "#s1"}; !slices.Equal(waiting.Links, want) {
		t.Errorf("the links are %q", waiting.Links)
	}
	b.Post("/code", nil)
	f.expectIn("+", b)
	expectAnswer(t, f.notice(f.token(f.over("", "s1"))), http.StatusOK)
	f.expectIn("-", b)
}

func TestB12_ConfigurationFaults(t *testing.T) {
	app := rig.New(t, rig.Options{})
	users := rig.OAuthUsers{Table: app.Users}
	var none *publisher
	for want, c := range map[string]oauth.Config[*rig.User]{
		"Ender: ends nothing":            {Ender: &publisher{}, Providers: []*oauth.Provider{oauth.OIDC("harbour", harbourIssuer, "client", "secret")}},
		"Ender: holds a nil pointer":     {Ender: none, Providers: []*oauth.Provider{oauth.OIDC("harbour", harbourIssuer, "client", "secret")}},
		"Providers[0]: must have a name": {Providers: []*oauth.Provider{oauth.OIDC("backchannel-logout", harbourIssuer, "client", "secret")}},
		"must have an issuer of at most": {Providers: []*oauth.Provider{oauth.OIDC("harbour", "https://harbour.example/"+strings.Repeat("x", 230), "client", "secret")}},
	} {
		c.Users = users
		if _, err := oauth.New(app.Desk, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := oauth.Config[*rig.User]{Users: users, Providers: []*oauth.Provider{oauth.OIDC("harbour", "https://harbour.example/"+strings.Repeat("x", 228), "client", "secret")}}
	if _, err := oauth.New(app.Desk, c); err != nil {
		t.Error(err)
	}
}

// TestB9_TenantsOfMicrosoft: with one configuration for all tenants, each speaks for its
// own people.
func TestB9_TenantsOfMicrosoft(t *testing.T) {
	const base = "https://login.microsoftonline.com/"
	one, two := base+"11111111-2222-3333-4444-555555555555/v2.0", base+"99999999-2222-3333-4444-555555555555/v2.0"
	ms := newProvider(t, "https://login.microsoftonline.com")
	f := newFederated(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
		c.Providers = append(c.Providers, oauth.Microsoft("common", "client", "secret"))
		net["login.microsoftonline.com"] = http.StripPrefix("/common/v2.0", ms)
	})
	ms.now, ms.issuer = f.Now, base+"common/v2.0"
	ms.discovery = func(found map[string]any) { found["issuer"] = base + "{tenantid}/v2.0" }
	ms.claims = func(c map[string]any) {
		c["iss"], c["tid"], c["sid"] = one, "11111111-2222-3333-4444-555555555555", "s1"
	}
	b := f.Browser(t)
	expect(t, come(b, ms.accept(forwarded(t, b.Post("/oauth/microsoft", nil)), ada)), http.StatusSeeOther)
	notice := func(iss string, status int) {
		t.Helper()
		claims := f.over("", "s1")
		claims["iss"] = iss
		expectAnswer(t, f.send("/oauth/microsoft/backchannel-logout", url.Values{"logout_token": {ms.signed(claims, jose.ES256, ms.key)}}), status)
	}
	notice(two, http.StatusOK)
	notice("https://evil.example/11111111-2222-3333-4444-555555555555/v2.0", http.StatusBadRequest)
	notice(base+"{tenantid}/v2.0", http.StatusBadRequest)
	f.expectIn("+", b)
	notice(one, http.StatusOK)
	f.expectIn("-", b)
}

// TestB13_LogoutThatGoesOnAtTheProvider: LogoutHandler leads to a fixed page of another
// site too, unless the request names a safe page of this one.
func TestB13_LogoutThatGoesOnAtTheProvider(t *testing.T) {
	f := newFederated(t, rig.Options{})
	end := harbourIssuer + "/end?" + url.Values{"client_id": {"client"}, "post_logout_redirect_uri": {"https://example.com/"}}.Encode()
	f.Mux.HandleFunc("/bye", f.Desk.LogoutHandler(end))
	for next, to := range map[string]string{"": end, "https://evil.example/": end, "/bye?": "/bye?"} {
		b := f.enter(ada, "s1")
		if a := b.Post("/bye", url.Values{"next": {next}}); a.StatusCode != http.StatusSeeOther || a.Location() != to {
			t.Errorf("%d %s, want %s", a.StatusCode, a.Location(), to)
		}
		f.expectIn("-", b)
	}
}

// TestB4_DefaultAlgorithm: a provider that lists no algorithms signs with RS256 (OpenID
// Connect Core 1.0 section 2).
func TestB4_DefaultAlgorithm(t *testing.T) {
	f := newFederated(t, rig.Options{})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f.harbour.discovery = func(found map[string]any) { delete(found, "id_token_signing_alg_values_supported") }
	f.harbour.more = []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}}
	expectAnswer(t, f.notice(f.harbour.signed(f.over("", "s1"), jose.RS256, key)), http.StatusOK)
}

// TestB3_Algorithms: a provider that lists algorithms without a signature, or with a shared
// secret, gets none of them; one that lists nothing else gets RS256.
func TestB3_Algorithms(t *testing.T) {
	for _, row := range []struct {
		listed []string
		status int // of a token by ES256, which all of them sign
	}{
		{[]string{"none", "HS256", "ES256"}, http.StatusOK},
		{[]string{"none", "HS256"}, http.StatusBadRequest},
		{nil, http.StatusBadRequest},
		{[]string{"RS256", "PS512"}, http.StatusBadRequest},
	} {
		f := newFederated(t, rig.Options{})
		f.harbour.discovery = func(found map[string]any) { found["id_token_signing_alg_values_supported"] = row.listed }
		expectAnswer(t, f.notice(f.token(f.over("", "s1"))), row.status)
		shared := f.harbour.signed(f.over("", "s1"), jose.HS256, []byte("secret secret secret secret secret"))
		for _, token := range []string{shared, f.harbour.signed(f.over("", "s1"), "none", nil)} {
			f.fails()
			expectAnswer(t, f.notice(token), http.StatusBadRequest)
			// Refused by its header, before any key is looked for.
			if fails := f.fails(); len(fails) != 1 || !strings.Contains(fails[0], "no logout token") {
				t.Errorf("%q: %q", row.listed, fails)
			}
		}
	}
}
