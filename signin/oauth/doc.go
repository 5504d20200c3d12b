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
// The form is answered with a page that leads to the provider by itself, without a script.
// A redirect would be stopped by form-action 'self' of the page with the form, because
// browsers apply that to every hop. The state that travels to the provider and back is a
// ticket: sealed, for this provider, for ten minutes, bound to the browser. It holds the
// secret of PKCE (RFC 7636), from which the nonce is derived, the page to go to, and for a
// connection the user who asked. Nothing is kept on the server.
//
// The callback checks, in this order: the parameters; the ticket and the browser; for
// a connection that the same user is still logged in; iss (RFC 9207), where it comes or
// the provider has announced it; then it sends the code, once, and checks the ID token.
// [Users] says who it is, and the desk's Enter lets them in.
//
// An application whose session cookie is Strict needs nothing special: the callback,
// to which another site leads, loads itself once more.
//
// # Back-channel logout
//
// A provider of OpenID Connect can say that somebody has logged out there, or was
// disabled, by a POST from its server to this one (OpenID Connect Back-Channel Logout
// 1.0). With [Config].Ender, the handler takes it and ends the sessions of that login, on
// every instance. Register https://example.com/oauth/acme/backchannel-logout at the
// provider as backchannel_logout_uri, each provider's own, and ask for
// backchannel_logout_session_required.
//
// A login links its session to two outside names (ssestore.Principal.Link): the account
// at the provider, and the session there if the ID token has a sid. A notice with a sid
// ends the sessions that began with that one. A notice without one ends all sessions of
// the account that began with a login at this provider. It ends no session that its
// user began by other means, such as a password: to do that too, change the user's
// stamp in an Ender of your own. A session that began before there was an Ender has no
// links, so a notice doesn't end it.
//
// A notice ends what began before it arrived and less than a minute after it was issued,
// as the provider's clock has it. So notices can come late and twice: nobody is logged
// out by one who has logged in since.
//
// # Threat model
//
// The attacker sends people links and forms, has an account at the provider, and may
// run one of the providers. They can't finish in their victim's browser what they began
// in their own, nor the reverse, nor use one provider's answer at another's callback,
// nor lead the visitor to another site. An address never finds an account, verified or
// not: see [Users]. A provider can log in as any user who has connected an account
// there, and as nobody else.
//
// A callback works once because the provider takes a code once (RFC 6749 section
// 4.1.2), and not because this package remembers it.
//
// Anybody can post to the address for logouts. Only the provider's signature ends
// sessions, and an ID token isn't taken for a logout token: it has a nonce, and names
// no event. The type of a logout token can't be insisted on, since most providers write
// "JWT" or none, which section 4.1 of the specification allows for. A provider can end
// the sessions that began with a login there, and no others.
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
// and the guard refuses it. Clients without a secret, front-channel logout, encrypted
// tokens, the hybrid flow and GitHub Enterprise Server aren't supported. A next that would
// make the state longer than 500 characters, which is the most that X takes, is dropped.
package oauth
