package main

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

func TestTour(t *testing.T) {
	handler, err := app(&user{"ada", "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	v := visitor.New(t, server.URL)
	// fetch sends what the page's fetch does.
	fetch := func(site, method, path, body string) *visitor.Answer {
		r := v.Request(method, path, nil)
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Set("Accept", "*/*")
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Sec-Fetch-Dest", "empty")
		return v.Do(r)
	}
	me := func() (name, message string) {
		var got struct{ Name, Message string }
		if err := json.Unmarshal([]byte(fetch("same-origin", "GET", "/api/me", "").Want(t, 200, "").Text), &got); err != nil {
			t.Error(err)
		}
		return got.Name, got.Message
	}

	v.Get("/").Want(t, 200, "").Says(t, "<script")
	fetch("same-origin", "GET", "/api/me", "").Want(t, 401, "")
	fetch("same-origin", "POST", "/api/login", `{"password": "guess"}`).Want(t, 403, "")
	fetch("cross-site", "POST", "/api/login", `{"password": "open sesame"}`).Want(t, 403, "")
	fetch("same-origin", "POST", "/api/login", `not JSON`).Want(t, 400, "")
	fetch("same-origin", "POST", "/api/login", `{"password": "open sesame"}`).Want(t, 204, "")
	for _, want := range []string{"Welcome back.", ""} {
		if name, message := me(); name != "ada" || message != want {
			t.Errorf("name %q, message %q, want %q", name, message, want)
		}
	}
	fetch("same-origin", "GET", "/api/nothing", "").Want(t, 404, "")
	fetch("same-origin", "POST", "/api/logout", "").Want(t, 303, "/")
	fetch("same-origin", "GET", "/api/me", "").Want(t, 401, "")
}
