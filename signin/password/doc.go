// Package password lets people in with passwords: login, sign-up, a forgotten password,
// and changes of password and address. It keeps passwords as argon2id hashes, and
// doesn't tell an attacker who has an account.
//
// # Usage
//
//	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: guard, Send: mails, LoginURL: "/password/login"})
//	…
//	passwords, err := password.New(desk, password.Config[*User]{
//		Users:   db,
//		Account: func(u *User) password.Account { return password.Account{Email: u.Email, Hash: u.Hash} },
//		Create:  db.SignUp,
//	})
//	…
//	mux.Handle("/password/", passwords)
//
// That is all: [New] lists the pages. A login page of your own posts to one of them:
//
//	<form method="post" action="/password/login">
//	  <label>Email <input type="email" name="email" autocomplete="username"></label>
//	  <label>Password <input type="password" name="password" autocomplete="current-password"></label>
//	  <label><input type="checkbox" name="remember" value="1"> Keep me logged in</label>
//	  <button>Log in</button>
//	</form>
//
// A program that has pages of its own can use [Hasher] and [Validate] alone.
//
// # The flows
//
// Sign-up asks for an address and mails a link to it. Who follows the link chooses a
// password, and only then is there an account. An address that has an account gets the
// same answer, and its owner a mail that says so.
//
// Whoever has forgotten their password asks for a link. It works for an hour, and once:
// it is bound to the user's id, address and hash. The page behind it names the account,
// sets a password, ends all sessions, and logs nobody in.
//
// Whoever is logged in changes their password with the current one. All their other
// sessions end. With [Config.Addresses] they can prove their address, or change it with
// a link that goes to the new address. That ends their other sessions, too. The old
// address gets a notice.
//
// A link is opened by a GET, which changes nothing but the session of the visitor: its
// ticket waits there, under a typed key, and a redirect takes it out of the URL. Buttons
// do the rest. Nothing needs a script.
//
// # Pages and mails
//
// [signin.Config].Page may draw the pages itself. Those with a form are password/login
// (with the fields email, next and remember), forgotten (email), signup (email, next),
// change, reset and welcome (email: the account), verify and verified (email), email
// (old, email) and move (old, email). Those that say something are sent, set, changed,
// proven and moved (email); spent (ask: where to ask for another link), full,
// other, refused, form, and link (link: where the page leads).
//
// [Config.Mail] may write the mails: password/reset, signup, verify and email carry the
// link to follow; taken and changed one to the login page; moved goes to the old
// address.
//
// # Hashes
//
// A [Hasher] turns a password into a PHC string such as
//
//	$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$…
//
// and checks a password against such a string. The hash carries its parameters, so
// you can raise them at any time. Old hashes still work, and [Hasher.NeedsRehash]
// says which ones to replace. Do that right after a successful [Hasher.Verify], when
// you have the password.
//
// golang.org/x/crypto/argon2 does the hashing, through
// github.com/alexedwards/argon2id. That library trusts the parameters in the string:
// zero iterations make it panic, it allocates four gigabytes if told to, and an empty
// key would compare equal. So this package parses the string first, accepts only one
// spelling, and keeps every number within bounds.
//
// # Hashes of other systems
//
// Verify also reads bcrypt hashes ($2a$, $2b$ and $2y$) and those of Django and Plain
// (pbkdf2_sha256$…). NeedsRehash is true for them, so every user has an argon2id hash
// after the next login. Nobody has to choose a new password, and no hash of a hash is
// needed. Three things to know:
//
//   - bcrypt looks at the first 72 bytes of a password only. Until the first login here,
//     a longer one is as good as its beginning, as it was before the move.
//   - Until then a login also takes as long as the old hash does, which an unknown
//     address doesn't.
//   - The cost is bounded before any work, at about a second.
//
// # Unicode
//
// A password is the bytes that came, with no normalization: OWASP ASVS 5.0 (6.2.8) asks
// for exactly that, and the hashes of other systems were made so. Browsers send what the
// keyboard composes, which is the same on nearly all devices. Somebody whose keyboard
// sends "é" in two characters and who then logs in with another one needs a new
// password. (NIST SP 800-63B recommends NFKC. It would need a table of Unicode in every
// program, and lock out whoever is moved here with such a password.)
//
// # Threat model
//
//   - The table of users leaks. Its hashes are argon2id at OWASP's recommended cost.
//   - Somebody measures how long a login takes. For an unknown address Verify takes as
//     long as for a wrong password. (After you raise the parameters, checking a user who
//     hasn't logged in since still takes as long as their old hash does. This package
//     doesn't hide that difference.)
//   - Somebody sends many passwords, or huge ones. The length is checked before any
//     work, and only [HasherConfig.Concurrent] hashes are computed at once. The others wait
//     for as long as their context allows.
//   - Somebody can write to the column. A hash with absurd parameters is refused with
//     [ErrHash], at the cost of one ordinary check.
//   - Somebody tries many passwords. The desk's throttle slows them down, by account and
//     by network, before any hash is computed. It counts for each instance of the
//     program; an application that runs many gives the desk one of its own.
//   - Somebody wants to know who has an account. Login, sign-up, forgotten and a change
//     of address answer alike, with as many hashes and seals. Where only an account gets
//     a mail, as in forgotten, Send must not wait for the network.
//   - Somebody opens accounts with other people's addresses, to wait for them. There is
//     none before the address is proven. Where an application has others, a reset drops
//     what was attached to them (see [Users].SetPassword).
//   - Somebody reads a link later, in a log, a browser's history or a Referer. It isn't
//     in the URL of a page, and it is spent by its use.
//   - Somebody sits at a browser that was left logged in. They need the current password
//     to change anything.
//
// Whoever reads the mails of an account can get into it. A second factor is for the
// Enter hook of the desk to ask for.
//
// # Stamps
//
// A session's stamp should change exactly when the password changes. A rehash at login
// changes the stored string but not the password. If you stamp the hash itself, the
// first login after you raise the parameters logs that user out everywhere else.
// Either accept that, or stamp a separate column that changes only with the password,
// as examples/demo does.
//
// # Limits
//
// A link waits in the session, so it needs cookies, and about 300 characters of room. It
// is gone when the session is, after half an hour without a request by default; opening
// the link again helps. If [auth.Config].KeepOnLogin is set, it has to list
// "signin.password", or the links of Addresses don't survive a login. All tickets of a
// user end when a login replaces an old hash.
package password
