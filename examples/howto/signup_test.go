package howto

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

func add(ctx context.Context, hasher *password.Hasher, create func(ctx context.Context, email, hash string) (*User, error), email, secret string) (*User, error) {
	if err := password.Validate(ctx, secret, email); err != nil {
		return nil, err // a password.Problem
	}
	hash, err := hasher.Hash(ctx, secret)
	if err != nil {
		return nil, err
	}
	return create(ctx, email, hash)
}

// TestSignUpWithoutMails runs the page of docs/SIGNIN.md.
func TestSignUpWithoutMails(t *testing.T) {
	keys := keyring.Generate()
	s := newSite(t, ssestore.Config{Keys: keys}, middleware.Config{})
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: s.guard})
	if err != nil {
		t.Fatal(err)
	}
	free := true
	create := func(_ context.Context, email, hash string) (*User, error) {
		if email != "ada@example.com" {
			return nil, errors.New("the table can't be written")
		}
		if !free {
			return nil, signin.ErrChanged
		}
		free = false
		s.ada.Hash = hash
		s.hash.Store(hash)
		return s.ada, nil
	}
	form := func(w http.ResponseWriter, _ *http.Request, problem string) {
		http.Error(w, problem, http.StatusUnprocessableEntity)
	}
	mux := s.app()
	mux.HandleFunc("POST /signup", func(w http.ResponseWriter, r *http.Request) {
		email := strings.ToLower(strings.TrimSpace(r.PostFormValue("email")))
		if !desk.Allow(w, r, email) {
			return // the answer is 429
		}
		if !strings.Contains(email, "@") {
			form(w, r, "That isn't an email address.") // your form, with 422
			return
		}
		u, err := add(r.Context(), hasher, create, email, r.PostFormValue("password"))
		problem := password.Problem("That address has an account already.")
		if errors.Is(err, signin.ErrChanged) || errors.As(err, &problem) {
			form(w, r, problem.Error())
			return
		}
		next := desk.Next(r)
		if err == nil {
			err = desk.Enter(w, r, signin.Entry[*User]{User: u, How: "password", Next: next})
		}
		switch {
		case err == nil:
			http.Redirect(w, r, next, http.StatusSeeOther)
		case !errors.Is(err, signin.ErrAnswered):
			desk.Fail(w, r, err)
		}
	})
	v := serve(t, s.guard.Handler(mux))
	const secret = "correct horse battery"
	v.Post("/signup", "email", "ada", "password", secret).Want(t, 422, "").Says(t, "isn't an email address")
	v.Post("/signup", "email", "ada@example.com", "password", "password").Want(t, 422, "").Says(t, "Too many people")
	v.Post("/signup", "email", "eve@example.com", "password", secret).Want(t, 503, "")
	v.Get("/members").Want(t, 302, "/login?next=/members")
	v.Post("/signup?next=/members", "email", " Ada@example.com", "password", secret).Want(t, 303, "/members")
	v.Get("/members").Want(t, 200, "").Says(t, "Hello, Ada!")
	v.Post("/signup", "email", "ada@example.com", "password", secret).Want(t, 422, "").Says(t, "has an account already")
	for range 10 {
		v.Post("/signup", "email", "ada@example.com", "password", "x")
	}
	v.Post("/signup", "email", "ada@example.com", "password", secret).Want(t, 429, "")
}
