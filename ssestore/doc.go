// Package ssestore is the Stateless SEssion store: a web session that lives in
// one encrypted cookie. There is no database behind it and nothing to share
// between instances but the keys.
//
// # A request
//
// [Store.Load] takes the Cookie header and the time and gives a [Session]. Typed
// keys read and change its data. [Session.Commit] decides, once, what the response
// must carry, and returns it as an [Outcome].
//
//	var visits = ssestore.NewKey[int]("visits")
//
//	s := store.Load(r.Header["Cookie"], time.Now())
//	err := visits.Set(s, visits.Get(s)+1)
//	out, err := s.Commit(http.StatusOK)
//	out.Merge(w.Header())
//
// Package middleware does this around handlers of net/http. This package does not
// import net/http: the same code serves a Lambda event, a WebAssembly worker and
// a proxy.
//
// # What is written, and when
//
// A Set-Cookie is either solicited, because the handler changed something, or
// unsolicited: renewing the idle time, moving to a new key, deleting what is over.
// Solicited writes happen when the status is below 500; Clear and Logout delete at
// any status. Unsolicited ones need a session that was accessed, a status other
// than 304, and an adapter that allows them ([Session.Limit]). That keeps the
// response to a background fetch from undoing a login or logout that happened
// beside it. A session that nobody touched sends no header at all.
//
// A logout also sets a second cookie, the barrier, for responses that were already
// under way: they may bring the old session cookie back into the browser, but the
// session in it is refused.
//
// docs/BEHAVIOUR.md has the rules one by one: S4 for rotation, S7 for the session
// object, S8 for what each response carries.
//
// # Lifetimes
//
// They stand in the sealed claims and nowhere else; the Max-Age of the cookie only
// follows. A session ends when it was not used for Idle, at the end fixed at login
// (Absolute), or at an earlier end of its own ([Session.ExpireAt]). Shortening Idle
// or Absolute in the configuration takes effect on sessions that exist. There are
// two profiles: browser session, and persistent ([Session.Remember]).
//
// # Keys
//
// Every cookie is sealed under the primary key of the ring; the others open. An
// unsolicited write never goes to an older key than the session came with, so a
// fleet in the middle of a rotation does not reseal back and forth, and a session
// with a user moves to the new key only after the user was verified.
//
// # Threat model
//
// The browser and the network see an opaque value. Nobody without a key can make,
// change or read a session, or use a cookie of another name or audience as one.
// What cannot be had without a server-side store: a cookie that was *copied* stays
// good until it expires, or until the stamp ends it; see package auth. Whoever has
// a key can make any session.
//
// # Limits
//
// About 2,300 bytes of JSON fit the default cookie; Set refuses more with a
// *cookie.SizeError. Two responses that both write race in the browser: the last
// one wins, with all that it knew. User ids have at most 128 bytes.
//
// # Compatibility
//
// What version 1 of this module seals, every later version 1 opens.
package ssestore
