package route_test

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

func TestMount(t *testing.T) {
	for path, want := range map[string]bool{
		"": true, "/": true, "/password/": true, "/app/log-in/v1.0/": true, "/~ada/_x/": true,
		"password/": false, "/password": false, "//": false, "//example.com/": false, "/a//b/": false,
		"/a b/": false, "/a?b/": false, "/a#b/": false, "/{a}/": false, "/a%2fb/": false, "/ü/": false, "/a/\n": false, `/\a/`: false,
	} {
		faults := config.Faults{Package: "way"}
		got, err := route.Mount(&faults, path, "/usual/"), faults.Err()
		if (err == nil) != want || got != cmp.Or(path, "/usual/") {
			t.Errorf("Mount(%q) = %q, %v", path, got, err)
		}
		if fault, ok := errors.AsType[*config.Error](err); err != nil && (!ok || fault.Field != "Path") {
			t.Errorf("Mount(%q): %v", path, err)
		}
	}
}

func TestName(t *testing.T) {
	for path, want := range map[string]string{
		"/app/way/login": "login", "/way/login": "login", "/login": "login", "/app/way/": "", "/": "",
		"/other/way/login": "no", "/pp/way/login": "no", "/app/login": "no", "/app/way/login/": "no", "/way/x/login": "no", "login": "no", "": "no", "//login": "no",
	} {
		name, ok := route.Name("/app/way/", &http.Request{URL: &url.URL{Path: path}})
		if ok != (want != "no") || ok && name != want {
			t.Errorf("%q: %q, %v", path, name, ok)
		}
	}
}

func TestOnward(t *testing.T) {
	for to, want := range map[string]string{
		"/a//b/../c?x=//y": "/a//b/../c?x=//y",
		"/größe":           "/gr%C3%B6%C3%9Fe",
		"/a\r\nb":          "/a%0D%0Ab",
	} {
		w := httptest.NewRecorder()
		route.Onward(w, to)
		if got := w.Header().Get("Location"); w.Code != 303 || got != want {
			t.Errorf("%d to %q, want 303 to %q", w.Code, got, want)
		}
	}
}
