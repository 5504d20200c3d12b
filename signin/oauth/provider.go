package oauth

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hardtack-go/hardtack/internal/config"
)

// A Provider is where people have an account already. Make one with [OIDC], [Google],
// [Microsoft] or [GitHub], and give it to [New] in [Config]: New checks it and copies
// it, so later changes do nothing. The zero Provider is refused.
type Provider struct {
	// Title names the provider on the pages of this package. "" means the name, its
	// first letter in upper case.
	Title string

	// Params are added to the request that sends people to the provider, such as
	// prompt=select_account. They can't be those of the protocol itself.
	Params url.Values

	// Client makes this program's own requests to the provider. nil means a client
	// with http.DefaultTransport. It is used with a timeout of 10 seconds unless it
	// has one, follows no redirects, and reads at most 1 MiB of an answer.
	Client *http.Client

	name, issuer, id, secret string
	scopes                   []string
	github                   bool // not OpenID Connect
	tenants                  bool // the issuer has {tenantid} in it
}

// OIDC returns a provider of OpenID Connect.
//
// name is a to z, 0 to 9 and "-", at most 32 characters. It is part of the redirect
// URI, which is {Origin}{Path}{name}/callback, and of every [Identity]. It must stay
// with this provider for ever. issuer is what the provider calls itself, to the letter,
// such as "https://accounts.example.com": the configuration is read from
// {issuer}/.well-known/openid-configuration when somebody first asks for it. http is
// allowed where the desk's Origin is http. id and secret are those of this application
// at the provider. The scopes openid, profile and email are always asked for, scopes
// besides them.
func OIDC(name, issuer, id, secret string, scopes ...string) *Provider {
	return &Provider{
		name: name, issuer: issuer, id: id, secret: secret,
		scopes: append([]string{"openid", "profile", "email"}, scopes...),
	}
}

// Google returns [OIDC] for Google, named "google". To let in nobody but the members of
// an organization, look at the claim hd of [Identity.Claims]; a parameter hd in Params
// only preselects.
func Google(id, secret string, scopes ...string) *Provider {
	p := OIDC("google", "https://accounts.google.com", id, secret, scopes...)
	p.Title = "Google"
	return p
}

// microsoftPersonal is the tenant of all personal accounts, which "consumers" stands
// for: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc.
const microsoftPersonal = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Microsoft returns [OIDC] for Microsoft Entra ID, named "microsoft". tenant is the id
// of one organization (a UUID), "consumers" for personal accounts, "organizations" for
// the accounts of any organization, or "common" for both. For the last two, each token
// must name the issuer of its own tenant. That Microsoft signs for organizations and for
// persons with keys of their own isn't checked.
//
// Microsoft doesn't say whether an address is verified, and administrators of a tenant
// can write any address into their accounts, so EmailVerified is always false.
func Microsoft(tenant, id, secret string, scopes ...string) *Provider {
	p := OIDC("microsoft", "https://login.microsoftonline.com/"+tenant+"/v2.0", id, secret, scopes...)
	p.Title = "Microsoft"
	switch {
	case tenant == "common" || tenant == "organizations":
		p.tenants = true
	case tenant == "consumers":
		p.issuer = "https://login.microsoftonline.com/" + microsoftPersonal + "/v2.0"
	case !isUUID(tenant):
		p.issuer = "" // New says what is wrong
	}
	return p
}

// gitHubIssuer is what GitHub calls itself in the parameter iss of a callback
// (nextauthjs/next-auth#13409).
const gitHubIssuer = "https://github.com/login/oauth"

// GitHub returns GitHub, named "github", which speaks OAuth but not OpenID Connect.
// The subject is the account's numeric id, because people can change their user names
// and others can take them. Email is the primary address. The scope user:email is
// always asked for, scopes besides it.
func GitHub(id, secret string, scopes ...string) *Provider {
	return &Provider{
		Title: "GitHub", name: "github", issuer: gitHubIssuer, id: id, secret: secret,
		scopes: append([]string{"user:email"}, scopes...), github: true,
	}
}

var (
	nameRule = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	uuidRule = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func isUUID(s string) bool { return uuidRule.MatchString(s) }

// reserved are the parameters that the protocol needs for itself. response_mode is
// among them because form_post can't work: see the package documentation.
var reserved = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "request", "request_uri",
}

// check adds what is wrong with p.
func (p *Provider) check(field string, allowHTTP bool, faults *config.Faults) {
	if !nameRule.MatchString(p.name) || isAction(p.name) {
		faults.Add(field, "must have a name of 1 to 32 of a-z 0-9 -, other than connect, disconnect, callback and backchannel-logout")
	}
	u, err := url.Parse(p.issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(p.issuer, "?#") || u.Scheme != "https" && u.Scheme != "http":
		faults.Add(field, "must have an https issuer without query and fragment; for Microsoft a UUID, common, organizations or consumers")
	case u.Scheme == "http" && !allowHTTP:
		faults.Add(field, "must have an https issuer: http is for an Origin that is http")
	case len(p.issuer) > maxIssuer:
		faults.Add(field, fmt.Sprintf("must have an issuer of at most %d bytes", maxIssuer))
	}
	if p.id == "" || p.secret == "" {
		faults.Add(field, "must have a client id and a client secret: one of them is empty")
	}
	for _, name := range reserved {
		if p.Params.Has(name) {
			faults.Add(field, "must not have "+name+" in Params")
		}
	}
}

// title returns the name for the pages.
func (p *Provider) title() string {
	if p.Title != "" || p.name == "" {
		return p.Title
	}
	return strings.ToUpper(p.name[:1]) + p.name[1:]
}
