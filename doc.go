// Package hardtack contains no code. It is the front page of a library that keeps an
// entire web session in one encrypted cookie. The cookie is a standard JWE, its keys
// rotate without logging anyone out, and a login ends when the password changes.
// There is no database, no cache server and no sticky load balancer behind a session.
//
// # Where to start
//
// A net/http server needs four packages and about thirty lines of code. The README
// has them as a complete program. The application in examples/demo is the same thing
// grown up, with SQLite and a page that shows the session. docs/HOWTO.md has recipes
// for routers, front ends, proxies, tests and moving from other libraries.
//
//   - [github.com/hardtack-go/hardtack/keyring] holds the root keys. One primary key
//     seals; the others only open.
//   - [github.com/hardtack-go/hardtack/cookie] turns bytes into a cookie value and
//     a Set-Cookie line, and back.
//   - [github.com/hardtack-go/hardtack/ssestore] is the Stateless SEssion store.
//     Raw Cookie lines and a time go in, Set-Cookie lines come out.
//   - [github.com/hardtack-go/hardtack/ticket] seals a value that leaves and comes back,
//     such as the link of a password reset.
//   - [github.com/hardtack-go/hardtack/auth] knows which of your users a session
//     belongs to, and when it no longer does.
//   - [github.com/hardtack-go/hardtack/middleware] connects all of this to net/http.
//
// # Layers
//
// Imports run strictly downward: middleware, auth, ssestore, cookie, keyring.
// The last four are the core. They use only the standard library, and none of
// net/http, net, crypto/x509, crypto/tls, encoding/gob, log/slog, the environment,
// goroutines or init functions. That is why the same code works for net/http, a
// Lambda event, a WebAssembly worker and a proxy. A test checks the import graph for
// linux, js/wasm and wasip1.
//
// [github.com/hardtack-go/hardtack/ticket] is part of the core too, and stands next to
// ssestore. So is [github.com/hardtack-go/hardtack/auth/next], which imports none of
// it and decides where a redirect after a login may lead.
//
// Two more packages handle other people's formats:
// [github.com/hardtack-go/hardtack/cookie/gorilla] is for cookies made by
// gorilla/securecookie, and [github.com/hardtack-go/hardtack/cookie/jose] is for
// tokens issued by other JOSE libraries.
//
// # What it cannot do
//
// A server that remembers nothing can't revoke a single copied cookie. One that
// remembers only what has ended can: see packages marks and fleet.
// docs/THREATS.md says plainly what follows from that, what limits the damage, and
// when another design is the right one.
//
// # Compatibility
//
// Before version 1.0, names may still change. CHANGELOG.md lists every change, and
// docs/api holds the exported API, which a test compares with the code. The format of
// the cookie (docs/FORMAT.md) changes only under a new version label in its key
// derivation, so new rules are never applied to an old cookie.
package hardtack
