package main

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// harbour goes through Harbour ID as one of its people, from a form's path on.
func (g *guest) harbour(path, person string, pairs ...string) *visitor.Answer {
	g.t.Helper()
	lead := g.Post(path, pairs...).Want(g.t, 200, "")
	m := regexp.MustCompile(`href="([^"]+)"`).FindStringSubmatch(lead.Text)
	if m == nil {
		g.t.Fatalf("no way on:\n%s", lead.Text)
	}
	to := html.UnescapeString(m[1])
	for range 5 {
		a := g.Get(strings.TrimPrefix(to, g.s.URL))
		if a.StatusCode == 200 {
			id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(a.Text)
			if id == nil {
				g.t.Fatalf("no form:\n%s", a.Text)
			}
			a = g.Post(harbourPath+"/login", "id", id[1], "person", person)
		}
		to = a.Header.Get("Location")
		if u, err := url.Parse(to); err == nil && u.Path == "/oauth/harbour/callback" {
			return g.Get(strings.TrimPrefix(to, g.s.URL))
		}
	}
	g.t.Fatalf("no callback, but %q", to)
	return nil
}

func TestHarbour(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Post("/cart", "item", "rope")
	v.harbour("/oauth/harbour", "1001", "next", "/members").Want(t, 303, "/members")
	if who := v.Who(); who != "grace@harbour.example" {
		t.Errorf("%q is logged in\n%s", who, s.log)
	}
	v.Get("/").Says(t, "<li>rope</li>")
	v.Get("/account").Says(t, "with Harbour ID").Says(t, "address confirmed").Says(t, "Set a password by mail")
}
