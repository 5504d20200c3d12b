// Package hardtack holds no code. It is the front page of a library that keeps
// a whole web session inside one encrypted cookie: a standard JWE on the wire,
// keys that rotate without logging anyone out, and a login that ends when the
// password changes. There is no database, no cache server and no sticky load
// balancer behind a session.
//
// # Where to start
//
// A net/http server needs four packages and about thirty lines; the README
// holds them as a program that runs as it stands, and examples/demo is the same
// thing grown up, with SQLite and a page that shows the session.
//
//   - [github.com/hardtack-go/hardtack/keyring] holds the root keys: one primary
//     seals, the others only open.
//   - [github.com/hardtack-go/hardtack/cookie] turns bytes into a cookie value and
//     a Set-Cookie line, and back.
//   - [github.com/hardtack-go/hardtack/ssestore] is the Stateless SEssion store:
//     raw Cookie lines and a time go in, Set-Cookie lines come out.
//   - [github.com/hardtack-go/hardtack/auth] knows which of your users a session
//     belongs to, and when it no longer does.
//   - [github.com/hardtack-go/hardtack/middleware] is the net/http side.
//
// # Layers
//
// Imports run strictly downward: middleware, auth, ssestore, cookie, keyring.
// The last four are the core. They use the standard library alone and none of
// net/http, net, crypto/x509, crypto/tls, encoding/gob, log/slog, the
// environment, goroutines or init functions. That is why one code path serves
// net/http, a Lambda event, a WebAssembly worker and a proxy. A test over the
// import graph holds this for linux, js/wasm and wasip1.
//
// [github.com/hardtack-go/hardtack/auth/next] belongs to the core too and imports
// none of it: it decides where a redirect after a login may lead.
//
// Two packages stand beside the core for other people's formats:
// [github.com/hardtack-go/hardtack/cookie/gorilla] for cookies made by
// gorilla/securecookie, and [github.com/hardtack-go/hardtack/cookie/jose] for
// tokens that other JOSE libraries issued.
//
// # What it cannot do
//
// A server that remembers nothing cannot take a copied cookie back one by one.
// docs/THREATS.md says plainly what follows from that, what limits it, and when
// another design is the right one.
//
// # Compatibility
//
// Before version 1.0 names may still change; each change stands in CHANGELOG.md
// and in docs/api, where a test keeps the exported surface. The format of the
// cookie (docs/FORMAT.md) changes only under a new version label in its key
// derivation, so that an old cookie is never read by new rules.
package hardtack
