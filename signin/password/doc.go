// Package password keeps passwords as argon2id hashes and checks them without
// telling an attacker who has an account.
//
// # What it does
//
// A [Hasher] turns a password into a PHC string such as
//
//	$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$…
//
// and compares a password with such a string. The parameters travel with the
// hash, so they may be raised at any time: old hashes go on working, and
// [Hasher.NeedsRehash] tells which ones to replace while the password is at
// hand, which is right after a successful [Hasher.Verify].
//
// The hashing itself is golang.org/x/crypto/argon2 behind
// github.com/alexedwards/argon2id. That library trusts the parameters of the
// string it is given: zero iterations panic, four gigabytes are allocated, an
// empty key would compare as equal. So this package reads the string first,
// accepts one spelling only and holds every number within bounds.
//
// # Threat model
//
//   - The table of users leaks: argon2id at OWASP's recommended cost.
//   - Somebody tries addresses at the login form: for a user who does not exist
//     pass "" as the stored hash, and Verify works as long as for a wrong
//     password. (Once parameters were raised, users who have not logged in since
//     still cost what their old hash costs; that difference is theirs, not ours
//     to hide.)
//   - Somebody sends many or huge passwords: the input is capped before any
//     work, and only [Config.Concurrent] hashes are computed at once. The rest
//     wait for as long as their context lets them.
//   - Somebody can write to the column: a hash with absurd parameters is refused
//     with [ErrHash] at the price of one ordinary check.
//
// Limits on the number of attempts per account or address are the
// application's, as is a rule on what a good password is.
//
// # Stamps
//
// A session's stamp should change when the password changes and at no other
// time. A rehash at login changes the stored string while the password stays.
// If the stamp field is the hash itself, then one login after a raise of the
// parameters logs this user out everywhere else. Either accept that, or stamp a
// column of its own that changes with the password only, as examples/demo does.
package password
