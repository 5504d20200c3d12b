// Package ssestore is the Stateless SEssion store: a web session that lives in
// one encrypted cookie. There is no database behind it, and instances share nothing
// but the keys.
//
// # A request
//
// [Store.Load] takes the Cookie header and the time and returns a [Session]. Typed
// keys read and change its data. [Session.Commit] decides, once, what the response
// must carry, and returns that as an [Outcome].
//
//	var visits = ssestore.NewKey[int]("visits")
//
//	s := store.Load(r.Header["Cookie"], time.Now())
//	err := visits.Set(s, visits.Get(s)+1)
//	out, err := s.Commit(http.StatusOK)
//	out.Merge(w.Header())
//
// Package middleware does this around net/http handlers. This package doesn't
// import net/http, so the same code serves a Lambda event, a WebAssembly worker and
// a proxy.
//
// # What is written, and when
//
// A Set-Cookie is either solicited, because the handler changed something, or
// unsolicited: the library renews the idle time, moves the session to a new key, or
// deletes a cookie that has expired. Solicited writes happen when the status is
// below 500; Clear and Logout delete at any status. Unsolicited writes need a session
// that was accessed, a status other than 304, and an adapter that allows them
// ([Session.Limit]). This keeps the response to a background fetch from undoing a
// login or logout that happened at the same time. A session that nobody touched
// sends no header at all.
//
// A logout also sets a second cookie, the barrier. A response that was already under
// way may put the old session cookie back into the browser, but the barrier gets the
// session in it refused.
//
// docs/BEHAVIOUR.md has the rules one by one: S4 for rotation, S7 for the session
// object, S8 for what each response carries.
//
// # Lifetimes
//
// Lifetimes are enforced from the sealed claims; the cookie's Max-Age only follows
// them. A session ends when it hasn't been used for Idle, at the end fixed at login
// (Absolute), or at an earlier end of its own ([Session.ExpireAt]). A shorter Idle
// or Absolute in the configuration applies to existing sessions at once. There are
// two profiles: browser session, and persistent ([Session.Remember]).
//
// # Keys
//
// The primary key of the ring seals every cookie; the other keys only open. An
// unsolicited write never uses an older key than the session came with, so a fleet
// in the middle of a rotation doesn't reseal back and forth. A session with a user
// moves to the new key only after the user has been verified.
//
// # Threat model
//
// The browser and the network see an opaque value. Nobody without a key can make,
// change or read a session, or pass a cookie of another name or audience off as one.
// Anyone with a key can make any session. A stateless design can't revoke a *copied*
// cookie: it stays valid until it expires, or until the stamp ends it; see package
// auth. [Config].Marks are the state that can. Each instance holds in memory which
// sessions have ended before their time, and Load refuses them; see package marks.
//
// # Limits
//
// The default cookie holds about 2,300 bytes of JSON; Set refuses more with a
// *cookie.SizeError. When two responses both write, the browser keeps the one that
// arrives last, and the other's changes are lost. User ids have at most 255 bytes.
//
// # Compatibility
//
// Every later version 1 of this module opens what version 1 sealed.
package ssestore
