// Package password keeps passwords as argon2id hashes and checks them without
// telling an attacker who has an account.
//
// # What it does
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
//   - Somebody tries addresses in the login form. If there is no such user, pass "" as
//     the stored hash, and Verify takes as long as for a wrong password. (After you
//     raise the parameters, checking a user who hasn't logged in since still takes as
//     long as their old hash does. This package doesn't hide that difference.)
//   - Somebody sends many passwords, or huge ones. The length is checked before any
//     work, and only [HasherConfig.Concurrent] hashes are computed at once. The others wait
//     for as long as their context allows.
//   - Somebody can write to the column. A hash with absurd parameters is refused with
//     [ErrHash], at the cost of one ordinary check.
//
// The application must limit the number of attempts per account or address, and
// decide what a good password is.
//
// # Stamps
//
// A session's stamp should change exactly when the password changes. A rehash at login
// changes the stored string but not the password. If you stamp the hash itself, the
// first login after you raise the parameters logs that user out everywhere else.
// Either accept that, or stamp a separate column that changes only with the password,
// as examples/demo does.
package password
