package main

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

func TestTour(t *testing.T) {
	handler, err := app(map[string]*user{"ada": {"ada", "open sesame", true}, "bob": {"bob", "swordfish", false}})
	v := visitor.Serve(t, handler, err)

	v.Get("/").Want(t, 302, "/login?next=/")
	v.Get("/nowhere").Want(t, 404, "").Says(t, "no such page")
	v.Get("/login").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "name", "ada", "password", "swordfish").Want(t, 401, "")
	v.Post("/login", "name", "bob", "password", "swordfish").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Welcome back.").Says(t, "Hello, bob!")
	if a := v.Get("/"); strings.Contains(a.Text, "Welcome back.") {
		t.Error("the message is shown twice")
	}
	v.Get("/nowhere").Want(t, 404, "").Says(t, "(bob)")
	v.Get("/staff").Want(t, 404, "")
	v.Post("/login", "name", "ada", "password", "open sesame", "next", "/staff").Want(t, 303, "/staff")
	v.Get("/staff").Want(t, 200, "").Says(t, "staff only")
	v.Post("/logout").Want(t, 303, "/login")
	v.Get("/staff").Want(t, 302, "/login?next=/staff")
}
