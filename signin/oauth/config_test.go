package oauth_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

func TestO27_ConfigurationFaults(t *testing.T) {
	app := rig.New(t, rig.Options{})
	fine := func() *oauth.Provider { return oauth.OIDC("harbour", harbourIssuer, "client", "secret") }
	with := func(name string) *oauth.Provider {
		p := fine()
		p.Params = url.Values{name: {"x"}}
		return p
	}
	for name, row := range map[string]struct {
		change func(*oauth.Config[*rig.User])
		fields []string
	}{
		"nothing":        {func(c *oauth.Config[*rig.User]) { *c = oauth.Config[*rig.User]{} }, []string{"Users", "Providers"}},
		"path":           {func(c *oauth.Config[*rig.User]) { c.Path = "/oauth" }, []string{"Path"}},
		"relative path":  {func(c *oauth.Config[*rig.User]) { c.Path = "oauth/" }, []string{"Path"}},
		"path of a host": {func(c *oauth.Config[*rig.User]) { c.Path = "//oauth/" }, []string{"Path"}},
		"recent":         {func(c *oauth.Config[*rig.User]) { c.Recent = -1 }, []string{"Recent"}},
		"nil provider":   {func(c *oauth.Config[*rig.User]) { c.Providers[0] = nil }, []string{"Providers[0]"}},
		"zero provider":  {func(c *oauth.Config[*rig.User]) { c.Providers[0] = new(oauth.Provider) }, []string{"Providers[0]", "Providers[0]", "Providers[0]"}},
		"twice":          {func(c *oauth.Config[*rig.User]) { c.Providers = append(c.Providers, fine()) }, []string{"Providers[1]"}},
		"name":           {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("Harbour", harbourIssuer, "a", "b") }, []string{"Providers[0]"}},
		"name callback":  {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("callback", harbourIssuer, "a", "b") }, []string{"Providers[0]"}},
		"http":           {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("x", "http://harbour.example", "a", "b") }, []string{"Providers[0]"}},
		"garbled issuer": {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("x", "https://%zz", "a", "b") }, []string{"Providers[0]"}},
		"no host":        {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("x", "https:///x", "a", "b") }, []string{"Providers[0]"}},
		"a user": {func(c *oauth.Config[*rig.User]) {
			c.Providers[0] = oauth.OIDC("x", "https://u@harbour.example", "a", "b")
		}, []string{"Providers[0]"}},
		"ftp":       {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("x", "ftp://harbour.example", "a", "b") }, []string{"Providers[0]"}},
		"no id":     {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.GitHub("", "secret") }, []string{"Providers[0]"}},
		"query":     {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.OIDC("x", harbourIssuer+"?x", "a", "b") }, []string{"Providers[0]"}},
		"no secret": {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.Google("id", "") }, []string{"Providers[0]"}},
		"tenant":    {func(c *oauth.Config[*rig.User]) { c.Providers[0] = oauth.Microsoft("contoso.example", "a", "b") }, []string{"Providers[0]"}},
		"form_post": {func(c *oauth.Config[*rig.User]) { c.Providers[0] = with("response_mode") }, []string{"Providers[0]"}},
		"state":     {func(c *oauth.Config[*rig.User]) { c.Providers[0] = with("state") }, []string{"Providers[0]"}},
	} {
		c := oauth.Config[*rig.User]{Users: rig.OAuthUsers{Table: app.Users}, Providers: []*oauth.Provider{fine()}}
		row.change(&c)
		h, err := oauth.New(app.Desk, c)
		if h != nil || err == nil {
			t.Errorf("%s: no fault", name)
			continue
		}
		var fields []string
		for _, e := range unjoin(err) {
			var fault *middleware.ConfigError
			if !errors.As(e, &fault) || fault.Package != "oauth" {
				t.Errorf("%s: %v", name, e)
				continue
			}
			fields = append(fields, fault.Field)
		}
		if !slices.Equal(fields, row.fields) {
			t.Errorf("%s: faults in %q, want %q (%v)", name, fields, row.fields, err)
		}
	}
	var fault *middleware.ConfigError
	if _, err := oauth.New[*rig.User](nil, oauth.Config[*rig.User]{}); !errors.As(err, &fault) || fault.Field != "desk" {
		t.Errorf("no desk: %v", err)
	}
	h, err := oauth.New(app.Desk, oauth.Config[*rig.User]{Users: rig.OAuthUsers{Table: app.Users}, Providers: []*oauth.Provider{fine(), oauth.Google("a", "b"), oauth.GitHub("a", "b"), oauth.Microsoft("common", "a", "b")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Check("harbour", "google", "github", "microsoft"); err != nil {
		t.Error(err)
	}
	if err := h.Check("harbour", "gitlab", "Google"); err == nil || err.Error() != `oauth: no provider is named "gitlab", "Google"` {
		t.Errorf("Check: %v", err)
	}
}

func TestO27_ChangesAfterNew(t *testing.T) {
	harbour := oauth.OIDC("harbour", harbourIssuer, "client", "secret")
	harbour.Params = url.Values{"prompt": {"login"}}
	s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], _ internet) { c.Providers[0] = harbour })
	harbour.Title, harbour.Client = "Another", nil
	harbour.Params.Set("prompt", "none")
	a := s.Browser(t).Post("/oauth/harbour", nil)
	if to := forwarded(t, a); to.Query().Get("prompt") != "login" || strings.Contains(a.Body, "Another") {
		t.Errorf("%s\n%s", to, a.Body)
	}
}

func TestO28_ProviderRotatesItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, rig.Options{})
		expect(t, s.login(s.Browser(t), ada), http.StatusSeeOther)
		synctest.Wait() // go-oidc shares a fetch of keys until the goroutine that made it has ended
		s.harbour.rotate("two")
		expect(t, s.login(s.Browser(t), ada), http.StatusSeeOther)
		if _, asked := s.harbour.counts(); asked != 1 {
			t.Errorf("the configuration was asked %d times", asked)
		}
	})
}

func TestO29_OutsideTheGuardAndElsewhere(t *testing.T) {
	s := newSite(t, rig.Options{Guard: func(c *middleware.Config) { c.Log = slog.New(slog.DiscardHandler) }})
	for _, path := range []string{"/oauth/harbour", "/oauth/harbour/callback"} {
		w := httptest.NewRecorder()
		s.oauth.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("outside the guard: %d", w.Code)
		}
	}
	for name, h := range map[string]*oauth.Handler[*rig.User]{"nil": nil, "zero": new(oauth.Handler[*rig.User])} {
		w := httptest.NewRecorder()
		s.Guard.Handler(h).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/oauth/harbour", nil))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("a %s handler: %d", name, w.Code)
		}
	}
	// Below a path that the program itself takes away.
	s.Mux.Handle("/login/with/", http.StripPrefix("/login/with/", s.oauth))
	s.start(s.Browser(t), nil)
	forwarded(t, s.Browser(t).Post("/login/with/harbour", nil))
	expect(t, s.Browser(t).Get("/login/with/callback"), http.StatusNotFound)
	// Below another path, where a proxy took a part away.
	s = newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], _ internet) { c.Path = "/app/auth/" })
	s.Mux.Handle("/auth/", http.StripPrefix("/auth", s.oauth))
	b := s.Browser(t)
	to := forwarded(t, b.Post("/auth/harbour", nil))
	if got := to.Query().Get("redirect_uri"); got != "https://example.com/app/auth/harbour/callback" {
		t.Error(got)
	}
	back := s.harbour.accept(to, ada)
	back.Path = strings.TrimPrefix(back.Path, "/app")
	expect(t, come(b, back), http.StatusSeeOther)
}

// patient is a throttle that lets three attempts through.
type patient struct{ attempts int }

func (p *patient) Allow(_ *http.Request, account string) (time.Duration, bool) {
	if account == "" {
		p.attempts++
	}
	return time.Minute, p.attempts <= 3
}

func TestO30_Throttle(t *testing.T) {
	throttle := new(patient)
	s := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = throttle }})
	b := s.Browser(t)
	state := s.start(b, nil).Query().Get("state")
	for i := range 5 {
		status := http.StatusBadGateway
		if i >= 3 {
			status = http.StatusTooManyRequests
		}
		expect(t, b.Get("/oauth/harbour/callback?code=x&state="+state), status)
	}
	if exchanges, _ := s.harbour.counts(); exchanges != 3 || throttle.attempts != 5 {
		t.Errorf("%d token requests, %d attempts", exchanges, throttle.attempts)
	}
}

// unjoin returns the errors that were joined, one by one.
func unjoin(err error) (all []error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, unjoin(e)...)
		}
		return all
	}
	return []error{err}
}
