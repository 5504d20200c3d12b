package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
)

// head makes headers from name, value pairs; a name may repeat.
func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestS5_4_CallerOf(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	for _, tt := range []struct {
		name string
		h    http.Header
		want string
	}{
		{"nothing", head(), "page"},
		{"browser", head("Accept", browser, "Sec-Fetch-Mode", "navigate"), "page"},
		{"curl", head("Accept", "*/*"), "page"},
		{"htmx", head("HX-Request", "true", "Sec-Fetch-Mode", "cors", "Accept", "*/*"), "htmx"},
		{"htmx before JSON", head("HX-Request", "true", "Accept", "application/json"), "htmx"},
		{"not quite htmx", head("HX-Request", "false"), "page"},
		{"fetch same-origin", head("Sec-Fetch-Mode", "same-origin"), "script"},
		{"image", head("Sec-Fetch-Mode", "no-cors"), "script"},
		{"websocket", head("Sec-Fetch-Mode", "websocket"), "script"},
		{"mode twice", head("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Mode", "navigate"), "script"},
		{"navigation that wants JSON", head("Sec-Fetch-Mode", "navigate", "Accept", "application/json"), "script"},
		{"API client", head("Accept", "application/json"), "script"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = tt.h
		if got := middleware.CallerOf(r); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestF302_WhoIsAPerson: protocols first; then whoever names HTML above JSON, in
// whatever mode it fetches; then Sec-Fetch-Mode; then Accept.
func TestF302_WhoIsAPerson(t *testing.T) {
	const (
		browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
		turbo   = "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"
	)
	fetch := func(more ...string) http.Header {
		return head(append(more, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin")...)
	}
	for _, tt := range []struct {
		name, method string
		h            http.Header
		want         string
	}{
		// By protocol, whatever else is said.
		{"htmx", "POST", fetch("HX-Request", "true", "Accept", "*/*"), "htmx"},
		{"htmx with what looks like XHR", "POST", fetch("HX-Request", "true", "X-Requested-With", "XMLHttpRequest", "Accept", "application/json"), "htmx"},
		{"Inertia", "GET", fetch("X-Inertia", "true", "X-Requested-With", "XMLHttpRequest", "Accept", "text/html, application/xhtml+xml"), "inertia"},
		{"Inertia without more", "DELETE", head("X-Inertia", "true"), "inertia"},
		{"not Inertia", "GET", head("X-Inertia", "false", "Accept", browser), "page"},
		{"X-Inertia twice", "GET", head("X-Inertia", "true", "X-Inertia", "true", "Accept", browser), "page"},
		{"WebSocket of a browser", "GET", head("Upgrade", "websocket", "Connection", "Upgrade", "Sec-Fetch-Mode", "websocket"), "script"},
		{"WebSocket before Fetch Metadata", "GET", head("Upgrade", "WebSocket", "Connection", "Upgrade"), "script"},
		{"WebSocket that names HTML", "GET", head("Upgrade", "websocket", "Accept", browser), "script"},
		{"another upgrade", "GET", head("Upgrade", "h2c, connect-udp"), "script"},
		{"h2c of Java's HttpClient", "GET", head("Upgrade", "h2c", "Accept", "text/html"), "page"},
		{"an empty Upgrade", "GET", head("Upgrade", " , "), "page"},
		{"EventSource", "GET", head("Accept", "text/event-stream"), "script"},
		{"events by fetch, or HTML", "GET", fetch("Accept", "text/event-stream, text/html, application/json"), "script"},
		{"events refused", "GET", head("Accept", "text/event-stream;q=0, text/html"), "page"},
		{"XHR before Fetch Metadata", "GET", head("X-Requested-With", "XMLHttpRequest", "Accept", "text/html, */*; q=0.01"), "script"},
		{"an app's WebView navigates", "GET", head("X-Requested-With", "com.example.app", "Accept", browser), "page"},

		// Whoever names HTML above JSON.
		{"navigation", "GET", head("Accept", browser, "Sec-Fetch-Mode", "navigate"), "page"},
		{"Turbo visits", "GET", fetch("Accept", "text/html, application/xhtml+xml"), "page"},
		{"Turbo submits", "POST", fetch("Accept", turbo), "page"},
		{"Turbo deletes", "DELETE", fetch("Accept", turbo), "page"},
		{"a service worker rebuilds a navigation", "GET", fetch("Accept", browser, "Upgrade-Insecure-Requests", "1"), "page"},
		{"HTML better than JSON", "GET", fetch("Accept", "text/html, application/json;q=0.9"), "page"},
		{"HTML no better than JSON", "GET", fetch("Accept", "text/html, application/json"), "script"},
		{"HTML by wildcard alone", "GET", fetch("Accept", "text/*, application/json;q=0.5"), "script"},
		{"HTML refused", "GET", fetch("Accept", "text/html;q=0"), "script"},

		// Then the mode.
		{"fetch", "GET", fetch("Accept", "*/*"), "script"},
		{"an image", "GET", head("Sec-Fetch-Mode", "no-cors", "Accept", "image/avif,image/webp,*/*;q=0.8"), "script"},
		{"a stylesheet", "GET", head("Sec-Fetch-Mode", "no-cors", "Accept", "text/css,*/*;q=0.1"), "script"},
		{"mode twice", "GET", head("Sec-Fetch-Mode", "navigate", "Sec-Fetch-Mode", "navigate"), "script"},

		// Then Accept.
		{"a navigation for JSON", "GET", head("Sec-Fetch-Mode", "navigate", "Accept", "application/json"), "script"},
		{"axios", "GET", head("Accept", "application/json, text/plain, */*"), "script"},
		{"HTML or JSON", "GET", head("Accept", "text/html, application/json"), "page"},
		{"curl", "GET", head("Accept", "*/*"), "page"},
		{"curl deletes", "DELETE", head("Accept", "*/*"), "page"},

		// No link and no form sends these.
		{"preflight", "OPTIONS", head("Accept", "*/*", "Sec-Fetch-Mode", "cors", "Access-Control-Request-Method", "PUT"), "script"},
		{"OPTIONS that names HTML", "OPTIONS", head("Accept", browser), "script"},
		{"WebSocket over HTTP/2", "CONNECT", head("Accept", browser), "script"},
		{"WebDAV", "PROPFIND", head("Accept", browser), "script"},
		{"QUERY", "QUERY", head("HX-Request", "true"), "script"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.Header = tt.method, tt.h
		if got := middleware.CallerOf(r); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestS5_4_PrefersJSON(t *testing.T) {
	for _, tt := range []struct {
		accept string
		want   bool
	}{
		{"", false},
		{"*/*", false},
		{"application/json", true},
		{"APPLICATION/JSON", true},
		{"application/problem+json", true},
		{"application/vnd.api+json", true},
		{"image/x+json", false},
		{"text/html", false},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
		{"application/json, text/plain, */*", true}, // axios
		{"application/json, */*;q=0.5", true},
		{"application/json, text/html", false}, // equal and both named: HTML
		{"text/html, application/json", false},
		{"text/html;q=0.8, application/json", true},
		{"text/html, application/json;q=0.9", false},
		{"application/json;q=0", false},
		{"application/json;q=0.000, */*", false},
		{"text/*, application/json", true},
		{"text/html;q=0, */*", true}, // anything but HTML
		{"application/*", true},
		{"application/*, text/html", false},
		{"application/json;q=0.2, application/*;q=1, text/html;q=0.5", false}, // the specific range decides
		{"application/json;q=2", false},
		{"application/json;q=1.001", false},
		{"application/json;q=0.1234", false},
		{"application/json;q=x", false},
		{"application/json;q=0.5x", false},
		{"application/json;q=1.", true},
		{"application/json;q=0.5;q=1, text/html;q=0.4", true},
		{"application/json ; charset=utf-8 ; q=0.7, text/html ; q=0.6", true},
		{",,;;,", false},
		{"text/*, application/json;q=0.5", false},
		{"application/xhtml+xml, application/json;q=0.5", false},
		{"text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", false}, // the better of the two
		// A weight of another form makes HTML void.
		{"text/html;q=.9, application/json;q=0.5", true},
		{"text/html;q=0.9/, application/json;q=0.5", true},
		{"text/html;q=0.9:, application/json;q=0.5", true},
	} {
		if got := middleware.PrefersJSON(tt.accept); got != tt.want {
			t.Errorf("Accept %q: %v, want %v", tt.accept, got, tt.want)
		}
	}
	if !middleware.PrefersJSON("text/html;q=0.5", "application/json") {
		t.Error("two Accept lines: the second is not read")
	}
}
