package middleware

import (
	"net/http"

	"github.com/hardtack-go/hardtack/ssestore"
)

// unsaid stands for a header that isn't there. A client that sends these very
// characters might as well send nothing.
const unsaid = "(unsaid)"

// writesFor maps what the browser says about a request (Fetch Metadata, W3C) to the
// writes that the store may do on its own initiative: renewal, reseal, the deletion
// of a dead cookie. What the handler asks for is always written, and a renewal that
// is due goes along with it, since that cookie is sent anyway.
//
// Two questions decide each row. First, who is using the session here? If it is a
// person, the idle time must restart, because a session doesn't die while it is in
// use. Second, what could a response of this kind undo if it arrives late? The last
// Set-Cookie wins. A renewal rewrites the session as its request found it, over a
// value that was set in the meantime. It can't bring back a session that has ended,
// because the barrier names it. A deletion deletes whatever the browser has by then,
// even a new login.
//
// The first row that fits decides:
//
//	a header twice                 Solicited  a proxy glued two requests together, or
//	                                          somebody tries; it says nothing reliable
//	Sec-Purpose                    Solicited  prefetch, prerender: nobody asked for it,
//	                                          and it is shown minutes later or never
//	nothing sent                   All        an old browser, plain http or a program.
//	                                          It may be a person, and can't say so
//	document × navigate × any site All        a person looks at a new page. It replaces
//	                                          the page that could have had rivals
//	frame × navigate × same-origin RenewOnly  a person works in a frame of this site and
//	                                          may never leave it; the page around it, and
//	                                          other frames, answer at the same time
//	frame × other sites            Solicited  another site's page shows it. A GET has no
//	                                          Origin, so that site can't be a trusted one
//	fetch × same-origin            RenewOnly  a single-page application navigates once and
//	                                          then fetches, several at a time. A service
//	                                          worker that passes a navigation on is one too
//	fetch × a trusted origin       RenewOnly  the same, from the application's other host
//	fetch × same-site, cross-site  Solicited  a page that isn't ours decides how often
//	fetch × none                   Solicited  an extension or the browser itself
//	empty × no-cors                Solicited  sendBeacon and ping: the page is being left,
//	                                          often by a logout, and nobody reads the answer
//	everything else                Solicited  images, scripts, fonts, media, workers: a page
//	                                          loads many at once, and it was counted itself.
//	                                          Also what contradicts itself, and what is new
//
// Sec-Fetch-User decides nothing. A navigation without a click may be a redirect from
// an identity provider just as well as a page that reloads itself, and a click
// doesn't say whose page was clicked.
//
// A missing mode is taken to be the one that belongs to the destination, and the
// other way round, because Chrome 76 to 79 didn't send Sec-Fetch-Dest.
func writesFor(protection *http.CrossOriginProtection, r *http.Request) ssestore.Writes {
	h := r.Header
	site, mode, dest, user := h["Sec-Fetch-Site"], h["Sec-Fetch-Mode"], h["Sec-Fetch-Dest"], h["Sec-Fetch-User"]
	switch {
	case len(site) > 1, len(mode) > 1, len(dest) > 1, len(user) > 1, len(h["Sec-Purpose"]) > 0:
		return ssestore.WritesSolicited
	case len(site)+len(mode)+len(dest)+len(user) == 0:
		return ssestore.WritesAll
	}
	switch kindOf(said(dest), said(mode)) {
	case ofDocument:
		return ssestore.WritesAll
	case ofFrame:
		if said(site) == "same-origin" {
			return ssestore.WritesRenewOnly
		}
	case ofFetch:
		switch said(site) {
		case "same-origin":
			return ssestore.WritesRenewOnly
		case "same-site", "cross-site":
			if trusted(protection, r) {
				return ssestore.WritesRenewOnly
			}
		}
	}
	return ssestore.WritesSolicited
}

// The kinds of requests in which somebody may be using the session.
const (
	ofOther = iota
	ofDocument
	ofFrame
	ofFetch
)

// kindOf reads Sec-Fetch-Dest and Sec-Fetch-Mode together.
func kindOf(dest, mode string) int {
	switch dest {
	case "document":
		if mode == "navigate" || mode == unsaid {
			return ofDocument
		}
	case "iframe", "frame":
		if mode == "navigate" || mode == unsaid {
			return ofFrame
		}
	case "empty":
		// "navigate" is a service worker that fetches what it was asked for.
		switch mode {
		case "cors", "same-origin", "navigate", "websocket", unsaid:
			return ofFetch
		}
	case "websocket":
		if mode == "websocket" {
			return ofFetch
		}
	case unsaid:
		switch mode {
		case "navigate": // frames were "nested-navigate" then
			return ofDocument
		case "cors", "same-origin", "websocket":
			return ofFetch
		}
	}
	return ofOther
}

// trusted reports whether a request comes from an origin that the application trusts
// like its own: one whose POST the protection allows. If it also allows a POST from
// any other origin, there is a bypass pattern, which says something about the path
// but nothing about the origin.
func trusted(protection *http.CrossOriginProtection, r *http.Request) bool {
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	probe := r.WithContext(r.Context()) // a copy
	probe.Method = http.MethodPost
	probe.Header = http.Header{"Sec-Fetch-Site": r.Header["Sec-Fetch-Site"], "Origin": origin}
	if protection.Check(probe) != nil {
		return false
	}
	probe.Header["Origin"] = []string{"null"} // AddTrustedOrigin refuses it
	return protection.Check(probe) != nil
}

// said returns the value of a header that came at most once.
func said(lines []string) string {
	if len(lines) == 0 {
		return unsaid
	}
	return lines[0]
}

// only reports whether a header came exactly once and with this value.
func only(lines []string, value string) bool {
	return len(lines) == 1 && lines[0] == value
}
