// Package next answers where a visitor may go on to after a login or logout.
// [LoginURL] writes the address of the login page, with the page that was asked
// for in a query parameter. [Safe] judges that parameter when it comes back from
// the browser. [Location] writes a URL into a header.
//
// The functions take and return strings and know nothing of users or of HTTP.
// Package middleware calls them; an adapter for another framework or for a
// serverless platform can do the same.
//
// # Threat model
//
// The parameter is the attacker's: a link to the real login page whose next
// leads to a copy of it is the classic open redirect. Safe accepts a target only
// if a browser that follows it stays on this site or reaches one of the listed
// hosts. It refuses whatever has two readings instead of repairing it. Neither
// LoginURL nor Location writes a control character, so no argument can start
// another header.
//
// # Limits
//
// A next is at most 2,048 bytes. Safe does not judge what a page on the same
// site does with the visitor: a page that redirects by its own parameter undoes
// the check.
package next
