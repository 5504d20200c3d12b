package middleware_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
)

// TestF301_SessionThatWasRead: a page that shows a guest's cart is private, and a
// CDN that ignores Vary doesn't keep it (barefootjs#2790). A user's page is
// no-store too.
func TestF301_SessionThatWasRead(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/cart", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("CDN-Cache-Control", "max-age=600")
		io.WriteString(w, note.Get(middleware.Session(r)))
	})
	stranger, guest, ann := a.browser(), a.browser(), a.browser()
	a.do(guest, "POST", "/set?v=biscuit")
	a.login(ann, "ann")
	for _, tt := range []struct {
		who                     string
		c                       *http.Client
		path                    string
		cacheControl, cdn, vary string
	}{
		{"stranger", stranger, "/get", "", "", "Cookie"},
		{"stranger", stranger, "/who", "", "", "Cookie"},
		{"stranger", stranger, "/cart", "public, max-age=60", "max-age=600", "Cookie"},
		{"guest", guest, "/untouched", "", "", ""},
		{"guest", guest, "/get", "private", "", "Cookie"},
		{"guest", guest, "/who", "private", "", "Cookie"},
		{"guest", guest, "/cart", "max-age=60, private", "", "Cookie"},
		{"ann", ann, "/untouched", "", "", ""},
		{"ann", ann, "/get", "private", "", "Cookie"},
		{"ann", ann, "/who", "private, no-store", "", "Cookie"},
	} {
		r := a.do(tt.c, "GET", tt.path)
		what := tt.who + " at " + tt.path
		expect(t, what+", Cache-Control", r.header.Get("Cache-Control"), tt.cacheControl)
		expect(t, what+", CDN-Cache-Control", r.header.Get("CDN-Cache-Control"), tt.cdn)
		expect(t, what+", Vary", r.header.Get("Vary"), tt.vary)
	}
}
