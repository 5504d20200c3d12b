// Package middleware is the net/http side of hardtack: it puts the session into
// the request, writes it before the first byte of the response, and stands as a
// guard around handlers.
//
//	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
//	…
//	mux.Handle("GET /members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {…}))
//	mux.Handle("/admin/", guard.StaffRequired(admin))
//	mux.Handle("POST /logout", guard.LogoutHandler("/"))
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// In a handler [Session] gives the session. There is nothing to save: what a
// handler changes is written by itself.
//
// # When the session is written
//
// At the first of: a final WriteHeader, Write, ReadFrom, Flush, Hijack, or the
// return of the handler. 103 Early Hints and other 1xx responses are not final,
// 101 Switching Protocols is. From that moment a change is
// [ssestore.ErrCommitted] at the call, and a first read is the same, reported
// through [Config].OnOutcome; so use the session before you write. A WebSocket
// upgrader that writes its own response gets the headers from [Commit]; one
// that forgets is told by [ErrUncommitted] and not by a lost login.
//
// A status of 500 and above saves no change, except that a logout is a logout.
// A panic saves nothing at all. A user store that is down is 503 and never a
// logout: nothing is sent.
//
// # Which requests may write
//
// What a handler asks for is always written. What the store does of its own
// accord (renewal, moving to a new key, deleting a dead cookie) depends on what
// the browser says about the request: everything at a top-level navigation or
// where it says nothing, a due renewal at a fetch of the same origin, nothing
// for images, frames, prefetches and other sites. The reason is that a late
// response must not undo a logout. See the Fetch Metadata headers,
// https://www.w3.org/TR/fetch-metadata/.
//
// # Caching
//
// A response that depends on the session says Vary: Cookie. One that carries a
// cookie, or knows the user, is private, whatever the handler set; and no-store
// where the handler set nothing, because browsers otherwise show it again after
// a logout, at the press of the back button. A request that never touches its
// session gets no header and pays for no decryption.
//
// # Threat model
//
// Cross-site request forgery is the business of [http.CrossOriginProtection],
// wired in [Guard.Handler] and nowhere else, together with SameSite=Lax of the
// cookie. Both leave GET alone: a handler must not change anything on GET. A
// WebSocket handshake is a GET, so an upgrader must check Origin itself (the
// usual ones do). Redirect targets pass [next.Safe]. Forwarded headers are
// never read. Answers of this package are never cached, and carry no text of
// the request.
//
// # Limits
//
// The response writer always has Flush, Hijack and ReadFrom, since handlers ask
// for them by type assertion; where the server below cannot, they return
// http.ErrNotSupported. HTTP/2 server push is not passed on. A handler wrapped
// *inside* of Handler by something that buffers and rewrites headers after the
// fact can still remove our cookie. The request a handler gets is a copy, as
// with every middleware that adds a context value: what it sets on the request
// itself, such as Pattern, an outer middleware does not see.
package middleware
