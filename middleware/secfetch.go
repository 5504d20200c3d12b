package middleware

import (
	"net/http"

	"github.com/hardtack-go/hardtack/ssestore"
)

// writesFor maps what the browser says about a request (Fetch Metadata, W3C)
// to the writes that the store may do on its own initiative: renewal, reseal,
// the deletion of a dead cookie. What the handler asks for is always written.
//
// The point is order. Two responses that are under way at once reach the
// browser in any order, and the later Set-Cookie wins: an image that renews an
// old session would undo the logout that finished before it. A top-level
// navigation replaces the page, so it has the fewest rivals.
//
//   - a navigation, or a browser or program that says nothing: all;
//   - fetch and XMLHttpRequest of the same origin: a renewal that is due, since
//     a single-page application makes no navigations and must stay alive;
//   - images, scripts, frames, workers, prefetches, other origins, and headers
//     that appear twice: none.
func writesFor(h http.Header) ssestore.Writes {
	// A prefetched or prerendered page says "document" but nobody asked for
	// it, and it may be shown, or dropped, minutes later.
	if len(h["Sec-Purpose"]) > 0 {
		return ssestore.WritesNone
	}
	dest := h["Sec-Fetch-Dest"]
	switch {
	case len(dest) == 0:
		return ssestore.WritesAll
	case len(dest) > 1:
		return ssestore.WritesNone
	case dest[0] == "document":
		return ssestore.WritesAll
	case dest[0] == "empty" && only(h["Sec-Fetch-Site"], "same-origin"):
		return ssestore.WritesRenewOnly
	}
	return ssestore.WritesNone
}

// only reports whether a header came exactly once and with this value.
func only(lines []string, value string) bool {
	return len(lines) == 1 && lines[0] == value
}
