// Package middleware is the net/http side of Hardtack. It puts the session into
// the request, writes it before the first byte of the response, and guards
// handlers.
//
//	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
//	…
//	mux.HandleFunc("GET /members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {…}))
//	mux.Handle("/admin/", guard.StaffRequired(admin))
//	mux.HandleFunc("POST /logout", guard.LogoutHandler("/"))
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// In a handler, [Guard.Session] returns the session and [Guard.User] its user.
// [Guard.Login] and [Guard.Logout] change who that is. There is nothing to save: a
// handler's changes are written automatically. docs/HOWTO.md has recipes.
//
// # When the session is written
//
// The session is written at the first of these: a final WriteHeader, Write,
// ReadFrom, Flush, Hijack, or the return of the handler. 101 Switching Protocols
// is final; 103 Early Hints and the other 1xx responses aren't. After that, a
// change returns [ssestore.ErrCommitted], and both a change and a first read are
// reported as a mistake. Use the session before you write the response. A WebSocket
// upgrader that writes its own response takes the headers from [Commit]; one that
// doesn't gets [ErrUncommitted] instead of losing a login.
//
// A status of 500 or above saves no change, but a logout still logs out. A panic
// saves nothing. A user store that is down is a 503 and never a logout: no cookie
// is sent.
//
// # Which requests may write
//
// A handler's own changes are always written, and a renewal that is due goes with
// them. What the store does on its own initiative (renew, move to a new key, delete
// a dead cookie) depends on what the browser says about the request in its Fetch
// Metadata headers (https://www.w3.org/TR/fetch-metadata/). A top-level navigation
// allows all of it, and so does a client that says nothing. A fetch or a frame of
// the same origin allows a renewal that is due, and so does a fetch from an origin
// that [Config].CrossOrigin trusts. Images, beacons, prefetches and other sites
// allow nothing, because a late response must not undo a logout.
//
// A background poll that must not keep a session alive says so in its handler:
//
//	middleware.Session(r).Limit(ssestore.WritesNone)
//
// # What the guard tells
//
// [Config].OnOutcome is called once for each response whose session was used or
// that the guard wrote in the handler's place. The reasons for the latter:
//
//	302, 303, 401,
//	403 or 409        auth.ErrNoUser       nobody is logged in
//	403               ErrCrossOrigin       an unsafe request of another site
//	403               auth.Forbidden       a rule refused
//	404               auth.ErrNotStaff     the user isn't staff
//	405               ErrMethod            a logout that isn't a POST
//	425               ErrTooEarly          an unsafe request in early data
//	500               the rule's error     a rule returned an error of another kind
//	500               cookie.ErrNoPrimary, *cookie.SizeError, ssestore.ErrUnconfirmed
//	                                       the session couldn't be written; the
//	                                       handler's own answer is dropped
//	500               ErrNoMarks           Fresh without Marks
//	500               ssestore.ErrReadOnly a logout, without Config.LogoutURL
//	503               auth.ErrUserStore    the user store is down, or that of an earlier
//	                                       system, or the news of ended sessions is too old
//
// Mistakes in the program go to [Config].OnMistake and, at most once a minute
// each, to [Config].Log, which is slog.Default unless you set it:
//
//	missing-handler     ssestore.ErrNoSession   a guard or Session outside Handler; a guard answers 500
//	late-use            ssestore.ErrCommitted   the session was used after the response began
//	read-only-session   ssestore.ErrReadOnly    a change of a session that another system writes
//	uncommitted-hijack  ErrUncommitted          a Hijack was refused
//	bypassed-writer     ErrBypassed             the response didn't go through Handler's writer
//	two-managers        ErrNested               two guards over one store have different managers; 500
//	one-cookie          ErrNested               two nested stores have one cookie name; 500
//	insecure-cookie     ErrDropped              a Secure cookie over plain http
//	foreign-domain      ErrDropped              a cookie for another host than the page's
//	cross-site-cookie   ErrDropped              a cookie that a page of another site fetches
//	missing-marks       ErrNoMarks              Fresh without Marks; 500
//
// Six more lines go to the log alone, since OnOutcome has their error: user-store and
// stale-marks with a 503, broken-rule, bad-identity and not-saved with a 500, and
// unpublished-mark with any status. unmade-guard is
// a Guard that [New] didn't return; it and [Session] outside Handler are logged
// through slog.Default.
//
// Over plain http on any host but localhost, browsers drop the session's cookie
// without a word, and every login leads back to the login page. insecure-cookie
// says that this is happening. Serve https, even on a LAN, or set
// DangerouslyAllowHTTP in cookie.Config.
//
// # Routers
//
// [Guard.Handler] around any router is enough. Routers whose middleware is net/http's,
// such as chi, take it and the rules as they are: r.Use(guard.Handler). gorilla/mux
// runs no middleware for its not-found page, which then has no session. gin and echo
// need the adapters in middleware/gin, middleware/echo (v5) and middleware/echo4, each
// a module of its own:
//
//	r.Use(ginguard.Wrap(guard.Handler))
//	members := r.Group("/members", ginguard.Wrap(guard.LoginRequired))
//
// # Sections
//
// A section with a login page of its own gets its guard from [Guard.WithLogin]. It
// needs no Handler of its own inside the site's:
//
//	staff, err := guard.WithLogin("/staff/login")
//	…
//	mux.Handle("/staff/", staff.StaffRequired(pages))
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// Guards over one store share its session and must share one [auth.Manager]. If
// customers and staff are in two tables, each has a store of its own, with another
// Audience and cookie name; their guards nest in any order.
//
// # Caching
//
// A response that depends on the session says Vary: Cookie. It is private, whatever
// the handler set, if a session came with the request and was read, since it may
// show what the session holds and some CDNs ignore Vary. If the response carries a
// cookie or was made for a user, and the handler set no Cache-Control, it is
// no-store too, because otherwise the back button shows it again after a logout. A
// request that never touches its session gets no header and pays for no decryption.
//
// # Threat model
//
// [http.CrossOriginProtection], installed by [Guard.Handler] and nowhere else,
// prevents cross-site request forgery together with the cookie's SameSite=Lax.
// Neither protects GET, so a handler must not change anything on GET. A WebSocket
// handshake is a GET: an upgrader must check Origin itself, and the usual ones do.
// Redirect targets pass [next.Safe]. [Guard.ForwardAuth] alone reads forwarded
// headers.
// Its own answers aren't cached and repeat no text of the request.
//
// # Early data
//
// TLS 1.3 lets a client send a request along with its first packet, and an attacker
// can replay that packet (RFC 8470). The server of net/http never accepts such early
// data. A proxy or CDN in front of it may, and marks the requests with Early-Data if
// it is configured to: for nginx, ssl_early_data on needs
//
//	proxy_set_header Early-Data $ssl_early_data;
//
// [Guard.Handler] then answers unsafe methods with 425 Too Early, and the browser
// sends them again after the handshake. Safe methods pass, because a replay of them
// does nothing: a handler must not change anything on GET, and the answer to a
// replay, with any cookie in it, is encrypted for the client that the packet came
// from. Without the header the guard can't know, so don't turn early data on
// without it.
//
// # Limits
//
// The response writer always has Flush, Hijack and ReadFrom, because handlers ask
// for them by type assertion. Where the server can't do them, they return
// http.ErrNotSupported. HTTP/2 server push isn't passed on. Middleware *inside*
// Handler that buffers the response and rewrites its headers can still remove our
// cookie. A handler gets a copy of the request, as with every middleware that adds
// a context value, so outer middleware doesn't see what is set on it, such as
// Pattern.
//
// Limit the size of request bodies outside Handler:
//
//	http.ListenAndServe(addr, http.MaxBytesHandler(guard.Handler(mux), 1<<20))
//
// http.MaxBytesReader tells the server to close the connection by a method that only
// net/http's own response writer has. With a handler's writer it limits the body too,
// but then the server first reads on, up to 256 KB, before it answers.
package middleware
