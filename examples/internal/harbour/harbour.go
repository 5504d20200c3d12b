// Package harbour is Harbour ID, an identity provider for people who have no account
// anywhere else: those who try the demo, and the tests. It speaks OpenID Connect by the
// provider of zitadel/oidc, keeps everything in memory, and lets in whoever presses the
// button with a person's name. The tests can make it lie.
package harbour

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"sync"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The one client that Harbour ID knows.
const (
	ClientID     = "hardtack"
	ClientSecret = "not a secret: the provider runs in the same program"
)

// A Person has an account at Harbour ID.
type Person struct {
	Subject, Name, Email string
	Verified             bool // what Harbour ID says about the address
}

// Lies are what Harbour ID does wrong. The zero value is honest.
type Lies struct {
	Nonce    string // the nonce of every ID token
	Subject  string // the subject of every answer of the userinfo endpoint
	Verified any    // email_verified, such as the text "true"
	Iss      string // the iss of the callback, or "-" for none
	Down     bool   // everything is answered with 503
}

// A Provider is an http.Handler for all paths below the issuer. It is safe for
// concurrent use. Make one with [New].
type Provider struct {
	issuer  string
	base    string // the path of the issuer
	home    string // where people can go back to
	people  []Person
	op      *op.Provider
	storage *storage

	mu     sync.Mutex
	lies   Lies
	tokens int // requests of the token endpoint
	notify func(context.Context, url.Values) error
}

// New returns Harbour ID at an issuer: an origin with or without a path. redirect is
// where it sends people back to.
func New(issuer string, people []Person, redirect ...string) (*Provider, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("harbour: the issuer %q is no URL", issuer)
	}
	p := &Provider{issuer: issuer, base: u.Path, people: people}
	for _, to := range redirect {
		if at, err := url.Parse(to); err == nil && p.home == "" {
			p.home = at.ResolveReference(&url.URL{Path: "/"}).String()
		}
	}
	if p.storage, err = newStorage(p, redirect); err != nil {
		return nil, err
	}
	config := &op.Config{CryptoKeyId: "harbour", CodeMethodS256: true, AuthMethodPost: true, BackChannelLogoutSupported: true, BackChannelLogoutSessionSupported: true}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, err
	}
	options := []op.Option{op.WithHttpInterceptors(p.intercept)}
	if u.Scheme == "http" {
		options = append(options, op.WithAllowInsecure())
	}
	p.op, err = op.NewProvider(config, p.storage, op.StaticIssuer(issuer), options...)
	return p, err
}

// Lie makes the provider lie from now on.
func (p *Provider) Lie(l Lies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = l
}

func (p *Provider) lie() Lies {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lies
}

// Exchanges returns how many requests the token endpoint has had.
func (p *Provider) Exchanges() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.lie().Down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	http.StripPrefix(p.base, p.op).ServeHTTP(w, r)
}

// intercept adds what the provider of zitadel/oidc doesn't have: the login form, and
// the parameter iss of RFC 9207 with its announcement.
func (p *Provider) intercept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			p.login(&callback{w, p}, r)
		case "/authorize", "/authorize/callback":
			next.ServeHTTP(&callback{w, p}, r)
		case oidc.DiscoveryEndpoint:
			writeJSON(w, struct {
				*oidc.DiscoveryConfiguration
				Iss bool `json:"authorization_response_iss_parameter_supported"`
			}{op.CreateDiscoveryConfig(r.Context(), p.op, p.storage), true})
		case "/oauth/token":
			p.mu.Lock()
			p.tokens++
			p.mu.Unlock()
			next.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// callback adds iss to a redirect back to the client.
type callback struct {
	http.ResponseWriter
	provider *Provider
}

func (c *callback) WriteHeader(status int) {
	iss := cmp.Or(c.provider.lie().Iss, c.provider.issuer)
	if u, err := url.Parse(c.Header().Get("Location")); err == nil && u.Query().Has("state") && iss != "-" {
		q := u.Query()
		q.Set("iss", iss)
		u.RawQuery = q.Encode()
		c.Header().Set("Location", u.String())
	}
	c.ResponseWriter.WriteHeader(status)
}

// login asks who is there, and believes it.
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	request, err := p.storage.request(func(a *request) bool { return a.id == id })
	if err != nil {
		p.show(w, http.StatusBadRequest, "over", p.home)
		return
	}
	if r.Method != http.MethodPost {
		p.show(w, http.StatusOK, "who", map[string]any{"ID": id, "Action": p.base + "/login", "People": p.people})
		return
	}
	for _, someone := range p.people {
		if r.PostFormValue("person") == someone.Subject {
			p.storage.done(id, someone.Subject)
			http.Redirect(w, r, op.AuthCallbackURL(p.op)(r.Context(), id), http.StatusSeeOther)
			return
		}
	}
	// Cancel. The redirect URI is one that the provider has accepted.
	q := url.Values{"error": {"access_denied"}, "error_description": {"nobody was there"}, "state": {request.State}}
	http.Redirect(w, r, request.RedirectURI+"?"+q.Encode(), http.StatusSeeOther)
}

// show writes a page.
func (p *Provider) show(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data)
}

// person returns the person with a subject.
func (p *Provider) person(subject string) (Person, bool) {
	for _, someone := range p.people {
		if someone.Subject == subject {
			return someone, true
		}
	}
	return Person{}, false
}

// fill writes what the scopes ask for.
func (p *Provider) fill(info *oidc.UserInfo, subject string, scopes []string) error {
	someone, ok := p.person(subject)
	if !ok {
		return oidc.ErrAccessDenied()
	}
	lies := p.lie()
	info.Subject = cmp.Or(lies.Subject, subject)
	for _, scope := range scopes {
		switch scope {
		case oidc.ScopeProfile:
			info.Name = someone.Name
		case oidc.ScopeEmail:
			info.Email = someone.Email
			if lies.Verified != nil {
				info.AppendClaims("email_verified", lies.Verified)
			} else {
				info.EmailVerified = oidc.Bool(someone.Verified)
			}
		}
	}
	return nil
}

var pages = template.Must(template.New("").Parse(`{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Harbour ID</title>
<style>
body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0; display: grid; place-items: center; min-height: 100vh; background: light-dark(#e9f1f4, #0e1a20); color: light-dark(#10242c, #e6eef1) }
main { width: min(24rem, 100% - 3rem); padding: 2rem 1.5rem; box-sizing: border-box }
h1 { font-size: 1.75rem; margin: 0 }
p { margin: .5rem 0 1.5rem }
button { font: inherit; display: block; width: 100%; min-height: 3rem; margin: .75rem 0; padding: .5rem 1rem; text-align: start; border: 1px solid light-dark(#64808c, #5f7a86); border-radius: .5rem; background: light-dark(#fff, #182830); color: inherit; cursor: pointer }
button small { display: block; color: light-dark(#4b626c, #a5b8c0) }
button:focus-visible { outline: 3px solid light-dark(#0b5d7a, #7cc7e8); outline-offset: 2px }
button.no { border-color: transparent; background: none; text-align: center; text-decoration: underline }
a { color: inherit; display: inline-block; padding: .25rem 0 }
a:focus-visible { outline: 3px solid light-dark(#0b5d7a, #7cc7e8); outline-offset: 2px }
</style></head>{{end}}

{{define "over"}}{{template "head"}}
<body><main><h1>This login is over</h1>
<p>It was finished, or it is too old. Go back to where you came from and start again.</p>
<p><a href="{{.}}">Back to the site</a></p>
</main></body></html>{{end}}

{{define "who"}}{{template "head"}}
<body><main><h1>Harbour ID</h1>
<p>Who wants to log in? This provider is part of the program, and believes you.</p>
<form method="post" action="{{.Action}}"><input type="hidden" name="id" value="{{.ID}}">
{{range .People}}<button name="person" value="{{.Subject}}">Continue as {{.Name}}<small>{{.Email}}</small></button>
{{end}}<button class="no" name="person" value="">Cancel</button>
</form></main></body></html>{{end}}
`))
