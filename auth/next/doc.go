// Package next decides where a visitor may go after a login or logout. [LoginURL]
// returns the address of the login page, with the requested page in a query
// parameter. [Safe] judges that parameter when it comes back from the browser.
// [Location] makes a URL safe for a Location header.
//
// The functions take and return strings, and know nothing about users or HTTP.
// Package middleware calls them. Adapters for other frameworks or for serverless
// platforms can do the same.
//
// # Threat model
//
// The attacker controls the parameter. In the classic open redirect, a link leads to
// the real login page, and its next leads to a copy of that page. Safe accepts a
// target only if a browser that follows it stays on this site or reaches one of the
// listed hosts. It refuses anything with two readings instead of repairing it.
// Neither LoginURL nor Location writes a control character, so no argument can start
// another header.
//
// # Limits
//
// A next has at most 2,048 bytes. Safe doesn't judge what a page on the same site
// does: a page that redirects by its own parameter undoes the check.
package next
