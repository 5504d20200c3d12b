// Package oauth logs people in with an account that they have elsewhere: at any
// provider of OpenID Connect, at Google, Microsoft or GitHub. Users can also connect
// such accounts to the one they have, and remove them again.
//
// # Usage
//
//	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: guard})
//	…
//	with, err := oauth.New(desk, oauth.Config[*User]{Users: db, Providers: []*oauth.Provider{
//		oauth.Google(googleID, googleSecret),
//		oauth.GitHub(gitHubID, gitHubSecret),
//		oauth.OIDC("acme", "https://login.acme.example", acmeID, acmeSecret),
//	}})
//	…
//	mux.Handle("/oauth/", with)
//
// and on the login page
//
//	<form method="post" action="/oauth/google"><button>Continue with Google</button></form>
//
// The redirect URI to tell Google is https://example.com/oauth/google/callback; every
// provider has its own. On the account page the action is /oauth/google/connect or
// /oauth/google/disconnect. A form may have the field next, and at login remember.
//
// Let the handler of the login page call Desk.Bind. A browser gets its binding cookie
// with its first form otherwise, and if it sends two at the same moment, the second
// cookie replaces the first.
//
// # What happens
//
// The form is answered with a page that leads to the provider by itself, without a
// script. A redirect would be stopped by form-action 'self' of the page with the form,
// because browsers apply that to every hop. The state that travels to the provider and
// back is a ticket: sealed, for this provider, for ten minutes, bound to the browser. It
// holds the secret of PKCE (RFC 7636), of which the nonce is derived, the page to go to,
// and for a connection the user who asked. Nothing is kept on the server.
//
// The callback checks, in this order: the parameters; the ticket and the browser; for
// a connection that the same user is still logged in; iss (RFC 9207), where it comes or
// the provider has announced it; then it sends the code, once, and checks the ID token.
// [Users] says who it is, and the desk's Enter lets them in.
//
// An application whose session cookie is Strict needs nothing special: the callback,
// to which another site leads, loads itself once more.
//
// # Threat model
//
// The attacker sends people links and forms, has an account at the provider, and may
// run one of the providers. They can't finish in their victim's browser what they began
// in their own, nor the reverse, nor use one provider's answer at another's callback,
// nor lead the visitor to another site. An address never finds an account, verified or
// not: see [Users]. A provider can say that anybody is there who has connected an
// account of it, and nobody else.
//
// A callback works once because the provider takes a code once (RFC 6749 section
// 4.1.2), and not because this package remembers it.
//
// # Pages
//
// The pages that [signin.Config].Page may draw itself, with their status: oauth/spent
// (400), oauth/form (400), oauth/denied, oauth/unknown, oauth/other, oauth/login and
// oauth/recent (403), oauth/none (404), oauth/last, oauth/taken and oauth/changed (409),
// oauth/refused (502), oauth/down (503). Each says what happened and has one link. The
// page that leads to the provider is not among them.
//
// # Limits
//
// The provider must send its answer in the query of a GET. With
// response_mode=form_post, which Apple demands as soon as it is asked for an address,
// it comes as a POST of another site: browsers don't send the binding cookie with it,
// and the guard refuses it. Clients without a secret, front- and back-channel logout,
// encrypted ID tokens, the hybrid flow and GitHub Enterprise Server aren't supported. A next that would make the
// state longer than 500 characters, which is the most that X takes, is dropped.
package oauth
