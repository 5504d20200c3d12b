package howto

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v5"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	echoguard "github.com/hardtack-go/hardtack/middleware/echo"
	ginguard "github.com/hardtack-go/hardtack/middleware/gin"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// one is a table with one user.
type one struct{ *User }

func (o one) ByEmail(_ context.Context, email string) (*User, error) {
	if email != "ada@example.com" {
		return nil, auth.ErrNoUser
	}
	return o.User, nil
}
func (o one) ByID(context.Context, string) (*User, error) { return o.User, nil }
func (one) SetPassword(context.Context, *User, string, bool) (*User, error) {
	return nil, signin.ErrChanged
}
func (one) Rehash(context.Context, *User, string) (*User, error) { return nil, signin.ErrChanged }

// TestF509_SigninInRouters: a way to log in is mounted in each router as docs/SIGNIN.md
// says.
func TestF509_SigninInRouters(t *testing.T) {
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for name, mount := range map[string]func(g *middleware.Guard[*User], passwords http.Handler, page http.HandlerFunc) http.Handler{
		"chi": func(g *middleware.Guard[*User], passwords http.Handler, page http.HandlerFunc) http.Handler {
			r := chi.NewRouter()
			r.Use(g.Handler)
			r.Handle("/password/*", passwords)
			r.Get("/members", page)
			return r
		},
		"gorilla": func(g *middleware.Guard[*User], passwords http.Handler, page http.HandlerFunc) http.Handler {
			r := mux.NewRouter()
			r.PathPrefix("/password/").Handler(passwords)
			r.HandleFunc("/members", page)
			return g.Handler(r)
		},
		"gin": func(g *middleware.Guard[*User], passwords http.Handler, page http.HandlerFunc) http.Handler {
			gin.SetMode(gin.ReleaseMode)
			r := gin.New()
			r.Use(ginguard.Wrap(g.Handler))
			r.Any("/password/*page", gin.WrapH(passwords))
			r.GET("/members", gin.WrapF(page))
			return r
		},
		"echo": func(g *middleware.Guard[*User], passwords http.Handler, page http.HandlerFunc) http.Handler {
			e := echo.New()
			e.Use(echoguard.Wrap(g.Handler))
			e.Any("/password/*", echo.WrapHandler(passwords))
			e.GET("/members", echo.WrapHandler(page))
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			keys := keyring.Generate()
			s := newSite(t, ssestore.Config{Keys: keys}, middleware.Config{})
			s.ada.Hash = hash
			s.hash.Store(hash)
			desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: s.guard})
			if err != nil {
				t.Fatal(err)
			}
			passwords, err := password.New(desk, password.Config[*User]{
				Users:   one{s.ada},
				Account: func(u *User) password.Account { return password.Account{Email: "ada@example.com", Hash: u.Hash} },
				Hasher:  hasher,
			})
			if err != nil {
				t.Fatal(err)
			}
			v := serve(t, mount(s.guard, passwords, s.guard.ForUser(members)))
			v.Get("/password/login").Want(t, 200, "").Says(t, "Log in")
			v.Post("/password/login", "email", "ada@example.com", "password", strings.Repeat("x", 9)).Want(t, 422, "")
			v.Post("/password/login", "email", "ada@example.com", "password", "correct horse", "next", "/members").Want(t, 303, "/members")
			v.Get("/members").Want(t, 200, "").Says(t, "Hello, Ada!")
		})
	}
}
