package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/middleware/middlewaretest"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestOrder is a test without a login form: middlewaretest logs in.
func TestOrder(t *testing.T) {
	guard, err := guardOf(&User{ID: 7, Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/order", nil)
	middlewaretest.Login(t, guard, r, &User{ID: 7, Email: "ada@example.com"})
	w := httptest.NewRecorder()
	guard.Handler(guard.ForUser(order)).ServeHTTP(w, r)
	if body := w.Body.String(); body != "Thank you, ada@example.com. You ordered 0 things." {
		t.Error(body)
	}
}

// guardOf returns a guard that knows one user.
func guardOf(u *User) (*middleware.Guard[*User], error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*User]{
		UserByID: func(context.Context, string) (*User, error) { return u, nil },
		ID:       id,
		Stamp:    stamp,
	})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return middleware.New(store, accounts, middleware.Config{LoginURL: "/password/login"})
}
