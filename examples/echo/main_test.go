package main

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

func TestTour(t *testing.T) {
	handler, err := app(&user{"ada", "open sesame"})
	v := visitor.Serve(t, handler, err)

	v.Get("/").Want(t, 302, "/login?next=/")
	v.Get("/nowhere").Want(t, 404, "")
	v.Get("/login").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login?next=/", "password", "open sesame").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Welcome back.").Says(t, "Hello, ada!")
	if a := v.Get("/").Want(t, 200, ""); strings.Contains(a.Text, "Welcome back.") {
		t.Error("the message is shown twice")
	}
	v.Get("/nowhere").Want(t, 404, "")
	v.Post("/logout").Want(t, 303, "/login")
	v.Get("/").Want(t, 302, "/login?next=/")
}
