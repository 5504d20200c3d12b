// Package auth turns a session into a user of the application: login, logout,
// "who is this", and access rules. It knows nothing of HTTP; package middleware
// does.
//
// # What it does
//
// A program makes one [Manager], with a few functions that describe its users
// ([Config]). The methods work on the session of a request:
//
//   - [Manager.Login] logs a user in, after the application has checked a password
//     or the like.
//   - [Manager.GetUser] returns the user of this request. It asks the user store at
//     most once per request, and not at all if nobody calls it.
//   - [Manager.Logout] logs the user out. With a [Config].Ender there are also
//     [Manager.LogoutEverywhere], [Manager.LogoutOthers] and [Manager.Kick].
//   - [Manager.RefreshStamp] keeps this session after a password change, while all
//     other sessions of the user end.
//   - [Manager.Impersonate] shows an administrator the site as one of its users.
//   - [Manager.Authorize] applies rules, and [Manager.RecentLogin] guards sensitive
//     changes.
//
// Package auth/next has the two halves of "log in first, then come back here".
//
// # The stamp
//
// A session carries a keyed hash of its user's id and of one field of the user,
// usually the password hash. GetUser computes the hash again from the user as stored
// now and compares the two. A changed password therefore ends every earlier session,
// with no list of sessions anywhere. The claims name the key that the stamp was made
// under, so a check is one HMAC however many keys the ring has. A session under an
// older key moves to the primary, seal and stamp together, when its cookie is
// written. docs/STAMP.md has the format and known answers.
//
// docs/BEHAVIOUR.md says, row by row, what Login and GetUser do with every kind of
// session: L1 to L8 and G1 to G12.
//
// # When the user store is down
//
// A store that can't answer doesn't log anybody out. GetUser then returns
// [ErrUserStore], the session is left as it is, and nothing but a logout is written
// in that request. UserByID has to tell the two apart: it returns [ErrNoUser] for a
// user who doesn't exist. Any other error means that the store failed; that includes
// a raw sql.ErrNoRows.
//
// # Threat model and limits
//
// The session is in the browser. A copied cookie is valid until its idle or absolute
// timeout, or until the stamp changes; a logout in one browser doesn't end a copy in
// another. A counter in the stamped field provides "log out everywhere". A [Config].Ender
// adds what the stamp can't do: it ends one session, and its copies, everywhere.
//
// Login gives the session a new id and drops what another user left in it, so a
// session that an attacker planted never becomes the victim's. Login doesn't check
// passwords or whether an account is active. The application does, before it calls
// Login and in UserByID.
//
// User ids have 1 to 255 bytes. Room for one of 128 is reserved in every session; a
// longer one fits only next to less data, or Login returns a *cookie.SizeError.
//
// # Concurrency
//
// A Manager is immutable. Concurrent calls of GetUser in one request share one
// evaluation. UserByID must not call the Manager for the same session (GetUser,
// Authorize, RecentLogin, Login, Logout, RefreshStamp): it would wait for itself. To
// end the session of a disabled account, return ErrNoUser from UserByID, or log out
// where GetUser's answer is used.
package auth
