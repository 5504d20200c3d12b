// Package auth turns a session into a user of the application: login, logout,
// "who is this", and access rules. It knows nothing of HTTP; package middleware
// does.
//
// # What it does
//
// A [Manager] is made once, with four functions that say how the application's
// users look ([Config]). Its methods work on the session of a request:
//
//   - [Manager.Login] after the application has checked a password or the like.
//   - [Manager.GetUser] for the user of this request. It asks the user store at
//     most once per request, and not at all if nobody calls it.
//   - [Manager.Logout].
//   - [Manager.RefreshStamp] after a password change, to keep this session while
//     all others of the user end.
//   - [Manager.Authorize] with rules, and [Manager.RecentLogin] before sensitive
//     changes.
//
// Package auth/next has the two halves of "log in first, then come back here".
//
// # The stamp
//
// A session carries a keyed hash of its user's id and of one field of the user,
// most often the password hash. GetUser makes it again from the user as stored
// now and compares. So a changed password ends every session that was made
// before, with no list of sessions anywhere. The claims name the key that the
// stamp was made under: checking is one HMAC however many keys the ring has, and
// a session whose key is older than the primary moves to the primary, seal and
// stamp together, when its cookie is written. docs/STAMP.md has the format and
// known answers.
//
// docs/BEHAVIOUR.md says, row by row, what Login and GetUser do with every kind of
// session: L1 to L8 and G1 to G12.
//
// # When the user store is down
//
// "I cannot tell" is not "nobody": GetUser then returns [ErrUserStore], the
// session is left as it is, and nothing is written in that request but a logout.
// UserByID has to make the difference: [ErrNoUser] for a user who does not
// exist, anything else for trouble. A raw sql.ErrNoRows is trouble.
//
// # Threat model and limits
//
// The session is in the browser. Whoever copies the cookie has the session until
// its idle or absolute timeout, or until the stamp changes; logging out in one
// browser does not end a copy in another. A counter in the stamped field gives
// "log out everywhere".
//
// Login gives the session a new id and drops what another user left in it, so a
// session that somebody planted never becomes the victim's. Login does not check
// passwords, and not whether an account is active: that is for the application,
// before it calls Login and in UserByID.
//
// User ids are 1 to 128 bytes.
//
// # Concurrency
//
// A Manager is immutable. Calls of GetUser in one request that run at the same
// time share one evaluation. UserByID must not call back into the Manager for the
// same session (GetUser, Authorize, RecentLogin, Login, Logout, RefreshStamp): it
// would wait for itself. To end the session of a disabled account, return
// ErrNoUser there, or log out where GetUser's answer is used.
package auth
