package e2e_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/function"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// TestE4_FunctionsFramework logs in and out through the framework of Cloud Run, running
// as it does there.
func TestE4_FunctionsFramework(t *testing.T) {
	url := function.StartCloudRun(t, function.Build(t, "cloudrun/cmd"),
		"SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame")
	v := visitor.New(t, url)
	v.Get("/").Want(t, 200, "").Says(t, "<form")
	v.Post("/login", "password", "guess").Want(t, 401, "")
	v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	if lines := v.Post("/logout").Want(t, 303, "/").Header["Set-Cookie"]; len(lines) != 2 {
		t.Errorf("the logout sets %q", lines)
	}
	v.Get("/").Want(t, 200, "").Says(t, "<form")
}
