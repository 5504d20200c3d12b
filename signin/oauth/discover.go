package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// timeout is for one request to a provider. A visitor waits for it.
	timeout = 10 * time.Second

	// maxAnswer is more than any configuration, key set or user document has.
	maxAnswer = 1 << 20

	// After a failure the provider is asked again on the first request that comes a
	// second later, then 2, 4 and so on, at last a minute.
	firstPause = time.Second
	lastPause  = time.Minute

	// configurationLife is how long a configuration is used before it is read again.
	// Keys are read again whenever a token names an unknown one.
	configurationLife = 24 * time.Hour
)

// A configuration is what a provider says about itself.
type configuration struct {
	endpoint  oauth2.Endpoint // with its AuthStyle
	issuer    string          // with {tenantid} in it for many tenants
	sendsIss  bool            // a callback without iss is refused
	provider  *oidc.Provider  // nil for GitHub
	userInfo  string          // "" if there is no such endpoint
	anyTenant bool

	// For logout tokens.
	algorithms []string
	logoutKeys *oidc.RemoteKeySet
}

// knows reports whether iss names the provider, or one of its tenants. It returns the
// tenant.
func (c *configuration) knows(iss string) (tenant string, ok bool) {
	if !c.anyTenant {
		return "", iss == c.issuer
	}
	before, after, _ := strings.Cut(c.issuer, "{tenantid}")
	rest, ok1 := strings.CutPrefix(iss, before)
	rest, ok2 := strings.CutSuffix(rest, after)
	return rest, ok1 && ok2 && isUUID(rest)
}

// A source reads the configuration of a provider when somebody needs it, and keeps it.
type source struct {
	fetch func(context.Context) (*configuration, error)

	mu      sync.Mutex
	known   *configuration
	expires time.Time     // of known
	failed  error         // why the last attempt failed
	pause   time.Duration // after it
	next    time.Time     // no attempt before
	busy    chan struct{} // closed when the attempt under way has ended
}

// get returns the configuration. Of the requests that find none, one fetches it and
// the others wait for it. After a failure nobody waits but the one that tries again: a
// provider that is down must not hold up every visitor.
func (s *source) get(ctx context.Context) (*configuration, error) {
	for {
		s.mu.Lock()
		now := time.Now()
		switch {
		case s.known != nil && (now.Before(s.expires) || now.Before(s.next) || s.busy != nil):
			defer s.mu.Unlock()
			return s.known, nil // an old one, if there is no newer one
		case s.failed != nil && (now.Before(s.next) || s.busy != nil):
			defer s.mu.Unlock()
			return nil, s.failed
		case s.busy != nil:
			busy := s.busy
			s.mu.Unlock()
			select {
			case <-busy:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			continue
		}
		s.busy = make(chan struct{})
		s.mu.Unlock()
		return s.attempt(ctx)
	}
}

// attempt fetches the configuration. The visitor who happened to ask first may go away
// meanwhile; the others still need the answer.
func (s *source) attempt(ctx context.Context) (c *configuration, err error) {
	err = errors.New("oauth: the provider's client has panicked") // unless fetch returns
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.busy)
		s.busy, s.failed = nil, err
		if err == nil {
			s.known, s.expires, s.pause = c, time.Now().Add(configurationLife), 0
			return
		}
		s.pause = min(max(firstPause, 2*s.pause), lastPause)
		s.next = time.Now().Add(s.pause)
		if s.known != nil {
			c, err = s.known, nil
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return s.fetch(ctx)
}

// discover returns the fetch of an OpenID provider's configuration.
func (p *Provider) discover(client *http.Client) func(context.Context) (*configuration, error) {
	return func(ctx context.Context) (*configuration, error) {
		ctx = oidc.ClientContext(ctx, client)
		issuer := p.issuer
		if p.tenants {
			// What is found there names the issuer as a template, and not as it was asked.
			issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
			ctx = oidc.InsecureIssuerURLContext(ctx, issuer)
		}
		found, err := oidc.NewProvider(ctx, p.issuer)
		if err != nil {
			return nil, err
		}
		var more struct {
			Issuer  string   `json:"issuer"`
			JWKS    string   `json:"jwks_uri"`
			Methods []string `json:"token_endpoint_auth_methods_supported"`
			Iss     bool     `json:"authorization_response_iss_parameter_supported"`
			Algs    []string `json:"id_token_signing_alg_values_supported"`
		}
		if err := found.Claims(&more); err != nil {
			return nil, err
		}
		if more.Issuer != issuer {
			return nil, errors.New("oauth: the configuration names another issuer")
		}
		c := &configuration{
			endpoint: found.Endpoint(), issuer: issuer, sendsIss: more.Iss,
			provider: found, userInfo: found.UserInfoEndpoint(), anyTenant: p.tenants,
			algorithms: asymmetric(more.Algs),
		}
		patient := *client
		patient.Transport = &sparing{RoundTripper: client.Transport}
		// Not ctx: the key set would hold what the context of a request holds.
		c.logoutKeys = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &patient), more.JWKS)
		if c.endpoint.AuthStyle, err = authStyle(more.Methods); err != nil {
			return nil, err
		}
		for name, endpoint := range map[string]string{
			"authorization_endpoint": c.endpoint.AuthURL, "token_endpoint": c.endpoint.TokenURL, "jwks_uri": more.JWKS, "userinfo_endpoint": c.userInfo,
		} {
			if endpoint == "" && name == "userinfo_endpoint" {
				continue
			}
			u, err := url.Parse(endpoint)
			if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && strings.HasPrefix(p.issuer, "http:")) {
				return nil, fmt.Errorf("oauth: the %s is no https URL", name)
			}
		}
		return c, nil
	}
}

// asymmetric returns the algorithms of the list that prove who has signed, as package
// oidc takes them for ID tokens: no "none", and none by which who checks could sign too.
// Without any it returns the default of OpenID Connect Core 1.0 section 2.
func asymmetric(listed []string) []string {
	listed = slices.DeleteFunc(listed, func(a string) bool {
		return !slices.Contains([]string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}, a)
	})
	if len(listed) == 0 {
		return []string{oidc.RS256}
	}
	return listed
}

// authStyle returns how the token endpoint wants to be told the client's secret. To
// leave that to package oauth2 means that it tries one way and then the other, and so
// sends a code that the provider refuses twice. A provider may revoke what it gave for
// a code that comes twice (RFC 6749 section 4.1.2).
func authStyle(methods []string) (oauth2.AuthStyle, error) {
	switch {
	case len(methods) == 0, slices.Contains(methods, "client_secret_basic"): // the default: OpenID Connect Discovery 1.0 section 3
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, errors.New("oauth: the token endpoint takes no client secret")
}

// bounded returns client with a timeout, without redirects and with answers of at most
// maxAnswer. A redirected token request would take the secret to another place.
func bounded(client *http.Client) *http.Client {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = limited{c.Transport}
	if c.Timeout == 0 {
		c.Timeout = timeout
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}
