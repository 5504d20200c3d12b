package main

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
)

// One line for each request, with what happened, and without anything secret.
func TestLogTellsAndKeepsSecrets(t *testing.T) {
	s := start(t)
	v, boss := s.visitor(t), s.visitor(t)
	var secrets []string
	keep := func() {
		for _, c := range []string{v.Cookie(), boss.Cookie()} {
			if c != "" {
				secrets = append(secrets, c)
			}
		}
	}
	v.Post("/cart", "item", "canaryitem")
	keep()
	v.Login(bob, "canarypassword")
	v.Login(bob, seedPassword)
	keep()
	v.Get("/members?canaryquery=1")
	v.Get("/canarypath")
	boss.Login(ada, seedPassword)
	boss.Post("/keys/rotate")
	keep()
	v.Get("/members")
	keep()
	v.Post("/change", "current", seedPassword, "password", "canarypassword")
	keep()
	v.Post("/logout")

	log := s.log.String()
	for _, want := range []string{
		`event="login refused"`, "event=login user=2", `route="POST /cart" status=303`, `route="GET /members" status=200`,
		"resealed=true", `event="password changed" user=2`, "event=logout user=2", "deleted=true",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	keys, err := os.ReadFile(s.cfg.Keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range bytes.Split(keys, []byte(`"k":"`))[1:] {
		secrets = append(secrets, string(k[:43]))
	}
	u, err := s.users.ByEmail(t.Context(), bob)
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, u.Hash, u.Stamp, seedPassword, bob, "canary")
	for _, secret := range secrets {
		if len(secret) < 6 {
			t.Fatalf("%q is no canary", secret)
		}
		if strings.Contains(log, secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

func TestStatusLevels(t *testing.T) {
	s := start(t)
	if _, err := s.users.db.Exec(`DROP TABLE users`); err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	v.Login(bob, seedPassword).Want(t, http.StatusServiceUnavailable, "")
	if log := s.log.String(); !strings.Contains(log, `level=ERROR msg="hardtack: signin-failed"`) || !strings.Contains(log, "level=ERROR msg=request") {
		t.Errorf("the reason of a 503 is not in the log:\n%s", s.log)
	}
}
