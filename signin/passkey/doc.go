// Package passkey lets people in with passkeys (WebAuthn), and lets them add, name and
// remove theirs.
//
// # Usage
//
// The application stores the passkeys (see [Users]), mounts the handler inside its
// guard, and puts two forms on its pages:
//
//	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: guard})
//	passkeys, err := passkey.New(desk, passkey.Config[*User]{Users: db, Account: (*User).Address})
//	mux.Handle("/passkey/", passkeys)
//
//	<form data-passkey="login" data-path="/passkey/" data-next="/members" hidden>
//	  <button>Use a passkey</button><p role="status"></p></form>
//	<form data-passkey="add" data-path="/passkey/" data-login="/login?next=/account" hidden>
//	  <label>Name <input name="name"></label><button>Add a passkey</button><p role="status"></p></form>
//	<script type="module" src="/passkey/passkey.js"></script>
//
// The script shows a form if the browser can do what it is for. If the page has a field
// with autocomplete="username webauthn", the browser offers passkeys there too, without
// the button. An input named remember, anywhere on the page, is "keep me logged in".
// The script runs under Content-Security-Policy: script-src 'self'; connect-src 'self'.
//
// Renaming and removing work without it. The application lists a user's passkeys, and
// posts an id to rename (with a name) or to remove:
//
//	<form method="post" action="/passkey/remove?next=/account">
//	  <input type="hidden" name="id" value="{{.ID}}"><button>Remove {{.Name}}</button></form>
//
// data-next and next work as in middleware.Guard.Next, if the guard has its default
// NextField.
//
// # What goes wrong
//
// The script puts a sentence into the form's role="status" elements. For words of your
// own, listen for the form's passkey event, whose detail is a word, and call its
// preventDefault. The words of the browser's side are cancelled, exists (this device
// has a passkey for the account), network, and browser: it refused, most often because
// the page isn't on the host of Origin, and its console has the reason. Those of the
// server are the code of a problem (RFC 9457):
//
//   - ticket: the challenge is older than five minutes, or of another browser or user.
//   - proof: the answer is wrong.
//   - unknown: nobody has this passkey. It was removed, so the script tells the
//     password manager (signalUnknownCredential).
//   - clone: its counter didn't go forward; see [Config].OnClone.
//   - full: the user has [Max] passkeys.
//   - login, recent: the user must log in, or log in again; see [Config].Recent. The
//     script goes to the form's data-login if it has one.
//   - changed: the passkey exists already, or the account has changed meanwhile.
//   - forbidden: an auth.Forbidden of the application, whose text is the detail.
//   - slow: too many attempts. down: a part of the application is down. broken: the
//     program has a mistake. The desk logs the cause of these two.
//   - json, type, size, name, method, missing: the request was wrong.
//
// The pages of rename and remove are named passkey/ and the same word; see
// signin.Page.
//
// # The Enter hook
//
// A login is a fetch here, not a navigation. A hook (signin.Config.Enter) that answers
// it, because it wants a second factor for example, redirects to a page of this origin
// with 303: the script opens the page that it was led to. To lead to another origin, it
// answers with the JSON {"next": "https://…"}.
//
// # Threat model
//
// A passkey is bound to the host of the desk's Origin, so a page elsewhere can't use it,
// and neither can a page on another subdomain. It is the only factor, so the browser
// must have verified the user, by a PIN or a fingerprint: this isn't an option. A
// challenge is random, in a ticket of five minutes, and bound to the browser that asked,
// to logging in or adding, and for adding also to the user. User handles are random and
// say nothing about the user. A key with a counter that doesn't go forward is refused.
// What an authenticator says about its make isn't asked for.
//
// # Limits
//
// Nothing is remembered of a challenge, so whoever has both an answer and the browser's
// binding cookie can send that answer again for five minutes. Only a passkey with a
// counter catches this, and most that are synced between devices have none. TLS and
// HttpOnly keep both from others.
//
// Removing a passkey doesn't end the sessions that it began. Change the user's stamp
// (auth.Config) for that.
//
// The throttle counts the answers of logins, which are what costs the user store something.
// It counts them by address only, because they name no account.
//
// A passkey belongs to one host name for good: if the application moves to another, all
// its users need new ones. Browsers have no passkeys for IP addresses, nor over plain
// HTTP except on http://localhost, nor where the user clicked past a certificate error.
package passkey
