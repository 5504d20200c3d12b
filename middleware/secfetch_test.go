package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestS8_10_WritesFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.Header
		want ssestore.Writes
	}{
		{"no fetch metadata (curl, old browsers)", head(), ssestore.WritesAll},
		{"address bar", head("Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "none"), ssestore.WritesAll},
		{"link on this site", head("Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin"), ssestore.WritesAll},
		{"link on another site", head("Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site"), ssestore.WritesAll},
		{"fetch of this origin", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"), ssestore.WritesRenewOnly},
		{"fetch of a sibling", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site"), ssestore.WritesSolicited},
		{"fetch of another site", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site"), ssestore.WritesSolicited},
		{"fetch of no known site", head("Sec-Fetch-Dest", "empty"), ssestore.WritesSolicited},
		{"image of this origin", head("Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin"), ssestore.WritesSolicited},
		{"script", head("Sec-Fetch-Dest", "script", "Sec-Fetch-Site", "same-origin"), ssestore.WritesSolicited},
		{"frame of this origin", head("Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin"), ssestore.WritesRenewOnly},
		{"frame of a sibling", head("Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-site"), ssestore.WritesSolicited},
		{"service worker script", head("Sec-Fetch-Dest", "serviceworker", "Sec-Fetch-Site", "same-origin"), ssestore.WritesSolicited},
		{"navigation through a service worker", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin"), ssestore.WritesRenewOnly},
		{"websocket, Chromium", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-origin"), ssestore.WritesRenewOnly},
		{"websocket, Firefox", head("Sec-Fetch-Dest", "websocket", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-origin"), ssestore.WritesRenewOnly},
		{"sendBeacon", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin"), ssestore.WritesSolicited},
		{"prefetch of a page", head("Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Purpose", "prefetch"), ssestore.WritesSolicited},
		{"prerender", head("Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch;prerender"), ssestore.WritesSolicited},
		{"dest twice", head("Sec-Fetch-Dest", "document", "Sec-Fetch-Dest", "image"), ssestore.WritesSolicited},
		{"site twice", head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"), ssestore.WritesSolicited},
		{"dest in capitals", head("Sec-Fetch-Dest", "Document"), ssestore.WritesSolicited},
		{"dest empty string", head("Sec-Fetch-Dest", ""), ssestore.WritesSolicited},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = tt.h
		if got := middleware.WritesFor(http.NewCrossOriginProtection(), r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

const (
	absent  = "-" // the header isn't sent
	trusted = "https://app.x.test"
)

// cell is a row of the table that TestF101_EveryCell compares with. "*" is
// anything.
type cell struct {
	dest, mode, site, origin string
	want                     ssestore.Writes
	who                      string // uses the session here; and what a late response could undo
}

// cells says it the long way round, so that the code can be compared with it. The
// first row that fits decides.
var cells = []cell{
	{absent, absent, absent, "*", ssestore.WritesAll, "an old browser, plain http, a program: perhaps a person. Anything; but it can't say what it is, and must be able to live and to be cleaned up"},

	{"document", "navigate", "*", "*", ssestore.WritesAll, "a person who gets a new page. It replaces the page that could have had rivals"},
	{"document", absent, "*", "*", ssestore.WritesAll, "the same; a document is always navigated to"},
	{absent, "navigate", "*", "*", ssestore.WritesAll, "the same, in Chrome 76 to 79, which called frames nested-navigate"},

	{"iframe", "navigate", "same-origin", "*", ssestore.WritesRenewOnly, "a person in a frame of this site. A change of the page around it made meanwhile"},
	{"iframe", absent, "same-origin", "*", ssestore.WritesRenewOnly, "the same"},
	{"frame", "navigate", "same-origin", "*", ssestore.WritesRenewOnly, "the same, in a frameset"},
	{"frame", absent, "same-origin", "*", ssestore.WritesRenewOnly, "the same"},

	{"empty", "cors", "same-origin", "*", ssestore.WritesRenewOnly, "a page of this origin, in use or polling. A change made meanwhile; no deletion, which could hit a new login"},
	{"empty", "same-origin", "same-origin", "*", ssestore.WritesRenewOnly, "the same"},
	{"empty", "navigate", "same-origin", "*", ssestore.WritesRenewOnly, "a service worker that fetches the page asked for"},
	{"empty", "websocket", "same-origin", "*", ssestore.WritesRenewOnly, "a page that opens a connection"},
	{"empty", absent, "same-origin", "*", ssestore.WritesRenewOnly, "a fetch of this origin"},
	{"websocket", "websocket", "same-origin", "*", ssestore.WritesRenewOnly, "a page that opens a connection, in Firefox"},
	{absent, "cors", "same-origin", "*", ssestore.WritesRenewOnly, "a fetch, in Chrome 76 to 79"},
	{absent, "same-origin", "same-origin", "*", ssestore.WritesRenewOnly, "the same"},
	{absent, "websocket", "same-origin", "*", ssestore.WritesRenewOnly, "the same"},

	{"empty", "cors", "same-site", trusted, ssestore.WritesRenewOnly, "the application's page on its other host"},
	{"empty", "same-origin", "same-site", trusted, ssestore.WritesRenewOnly, "the same; browsers don't send it"},
	{"empty", "navigate", "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"empty", "websocket", "same-site", trusted, ssestore.WritesRenewOnly, "the same, opening a connection"},
	{"empty", absent, "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"websocket", "websocket", "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "cors", "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "same-origin", "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "websocket", "same-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"empty", "cors", "cross-site", trusted, ssestore.WritesRenewOnly, "the application's page on another site, with SameSite=None: nothing else ever asks"},
	{"empty", "same-origin", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"empty", "navigate", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"empty", "websocket", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"empty", absent, "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{"websocket", "websocket", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "cors", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "same-origin", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},
	{absent, "websocket", "cross-site", trusted, ssestore.WritesRenewOnly, "the same"},

	{"empty", "no-cors", "*", "*", ssestore.WritesSolicited, "nobody: sendBeacon and ping leave a page, often by a logout, and nobody reads the answer"},
	{"empty", "*", "same-site", "*", ssestore.WritesSolicited, "a page that isn't ours, as often as it likes"},
	{"empty", "*", "cross-site", "*", ssestore.WritesSolicited, "the same"},
	{"empty", "*", "none", "*", ssestore.WritesSolicited, "an extension, or the browser"},
	{"iframe", "*", "*", "*", ssestore.WritesSolicited, "another site's page shows it"},
	{"frame", "*", "*", "*", ssestore.WritesSolicited, "the same"},
	{"*", "*", "*", "*", ssestore.WritesSolicited, "a page loads it, many at once; or it contradicts itself; or it is new"},
}

func (c cell) fits(dest, mode, site, origin string) bool {
	for _, p := range [][2]string{{c.dest, dest}, {c.mode, mode}, {c.site, site}, {c.origin, origin}} {
		if p[0] != "*" && p[0] != p[1] {
			return false
		}
	}
	return true
}

// TestF101_EveryCell: Sec-Fetch-Site × Dest × Mode × User × Origin, with each
// header absent, known, unknown, empty and twice.
func TestF101_EveryCell(t *testing.T) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(trusted); err != nil {
		t.Fatal(err)
	}
	protection.AddInsecureBypassPattern("/hook")
	dests := []string{absent, "document", "empty", "iframe", "frame", "fencedframe", "embed", "object", "websocket", "audio",
		"audioworklet", "font", "image", "json", "manifest", "paintworklet", "report", "script", "serviceworker",
		"sharedworker", "style", "text", "track", "video", "webidentity", "worker", "xslt", "", "Document", "new-in-2030"}
	modes := []string{absent, "navigate", "cors", "no-cors", "same-origin", "websocket", "nested-navigate", "webtransport", "", "Navigate"}
	sites := []string{absent, "same-origin", "same-site", "cross-site", "none", "", "Same-Origin", "new-in-2030"}
	users := []string{absent, "?1", "?0", ""}
	origins := []string{absent, trusted, "https://evil.x.test", "null"}
	used := map[int]int{}
	ask := func(h http.Header, path string) ssestore.Writes {
		r := httptest.NewRequest("GET", "https://api.x.test"+path, nil)
		r.Header = h
		return middleware.WritesFor(protection, r)
	}
	for _, dest := range dests {
		for _, mode := range modes {
			for _, site := range sites {
				for _, origin := range origins {
					i := 0
					for !cells[i].fits(dest, mode, site, origin) {
						i++
					}
					used[i]++
					for _, user := range users {
						h := http.Header{}
						for name, v := range map[string]string{"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": mode, "Sec-Fetch-Site": site, "Sec-Fetch-User": user, "Origin": origin} {
							if v != absent {
								h[name] = []string{v}
							}
						}
						want := cells[i].want
						if want == ssestore.WritesAll && dest == absent && mode == absent && user != absent {
							want = ssestore.WritesSolicited // it says something after all, and not enough
						}
						if got := ask(h, "/me"); got != want {
							t.Fatalf("%v: %v, want %v: %s", h, got, want, cells[i].who)
						}
						if user != absent {
							continue
						}
						// No prefetch, and no header that came twice.
						for _, name := range []string{"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Purpose"} {
							twice := h.Clone()
							if name == "Sec-Purpose" {
								twice.Set(name, "prefetch")
							} else if old := h[name]; old != nil {
								twice[name] = []string{old[0], old[0]}
							} else {
								continue
							}
							if got := ask(twice, "/me"); got != ssestore.WritesSolicited {
								t.Fatalf("%v: %v", twice, got)
							}
						}
					}
				}
			}
		}
	}
	for i, c := range cells {
		if used[i] == 0 {
			t.Errorf("no cell reaches %+v", c)
		}
	}

	// Trust: the origin once, and not a path that lets everybody pass.
	fetch := head("Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site", "Origin", trusted)
	expect(t, "a trusted origin", ask(fetch, "/me"), ssestore.WritesRenewOnly)
	expect(t, "a bypass pattern", ask(fetch, "/hook"), ssestore.WritesSolicited)
	fetch.Add("Sec-Fetch-User", "?1")
	fetch.Add("Sec-Fetch-User", "?1")
	expect(t, "the user twice", ask(fetch, "/me"), ssestore.WritesSolicited)
	fetch.Del("Sec-Fetch-User")
	fetch.Add("Origin", trusted)
	expect(t, "the origin twice", ask(fetch, "/me"), ssestore.WritesSolicited)
}

// sibling is what a page on a trusted sibling origin sends.
var sibling = []string{"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site", "Origin", trusted}

// TestF101_SiblingStaysAlive: a single-page application on a sibling origin keeps
// its session for as long as it fetches, and loses it after the idle time.
func TestF101_SiblingStaysAlive(t *testing.T) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(trusted); err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(s *setup) { s.guard.CrossOrigin = protection })
	c := a.browser()
	a.login(c, "ann")
	for m := 5; m <= 120; m += 5 {
		a.advance(5 * time.Minute)
		expect(t, "minute "+strconv.Itoa(m), a.do(c, "GET", "/who", sibling...).body, "ann")
	}
	a.advance(31 * time.Minute)
	expect(t, "after the idle time", a.do(c, "GET", "/who", sibling...).body, "nobody")
}

// TestF101_RidesOnEveryWrite: whatever kind of request it is, a renewal that is
// due rides on what the handler asks for; a handler that limits the session to
// WritesNone forbids it.
func TestF101_RidesOnEveryWrite(t *testing.T) {
	a := newApp(t, nil)
	n := 0
	a.mux.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		if r.URL.Query().Has("poll") {
			s.Limit(ssestore.WritesNone)
		}
		n++
		if err := note.Set(s, strconv.Itoa(n)); err != nil {
			t.Error(err)
		}
	})
	kinds := map[string][]string{
		"page":    asBrowser,
		"fetch":   asFetch,
		"sibling": {"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site"},
		"image":   {"Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin"},
		"beacon":  {"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "same-origin"},
		"nothing": nil,
	}
	for kind, headers := range kinds {
		for _, path := range []string{"/write", "/write?poll"} {
			c := a.browser()
			a.login(c, "ann")
			for range 12 { // an hour
				a.advance(5 * time.Minute)
				a.do(c, "GET", path, headers...)
			}
			want := "ann"
			if strings.Contains(path, "poll") {
				want = "nobody"
			}
			expect(t, kind+" "+path, a.do(c, "GET", "/who", "Sec-Fetch-Dest", "image").body, want)
		}
	}
}
