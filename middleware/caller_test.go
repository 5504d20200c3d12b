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
		{"fetch that says HTML", head("Sec-Fetch-Mode", "cors", "Accept", browser), "script"},
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
