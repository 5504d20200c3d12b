// Command echo uses the framework github.com/labstack/echo, version 5, through
// middleware/echo. For version 4 there is middleware/echo4.
//
//	go run ./examples/echo
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/labstack/echo/v5"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	echoguard "github.com/hardtack-go/hardtack/middleware/echo"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

var flash = ssestore.NewKey[string]("flash") // a message for the next page

func app(ada *user) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if id != ada.Name {
				return nil, auth.ErrNoUser
			}
			return ada, nil
		},
		ID:    func(u *user) string { return u.Name },
		Stamp: func(u *user) string { return u.Password },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	e := echo.New()
	e.Use(echoguard.Wrap(guard.Handler))
	e.GET("/login", func(c *echo.Context) error {
		return c.HTML(http.StatusOK, `<!doctype html><form method="post"><input name="password" type="password"><button>Log in</button></form>`)
	})
	e.POST("/login", func(c *echo.Context) error {
		r := c.Request()
		if subtle.ConstantTimeCompare([]byte(r.FormValue("password")), []byte(ada.Password)) != 1 {
			return c.String(http.StatusUnauthorized, "wrong password")
		}
		if err := errors.Join(guard.Login(r, ada), flash.Set(guard.Session(r), "Welcome back.")); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, guard.Next(r, "/"))
	})
	e.POST("/logout", echo.WrapHandler(guard.LogoutHandler("/login")))
	e.GET("/", func(c *echo.Context) error {
		u, _ := guard.User(c.Request()) // there is one, behind LoginRequired
		message, _ := flash.Pop(guard.Session(c.Request()))
		return c.HTML(http.StatusOK, fmt.Sprintf(`<!doctype html><p>%s</p>Hello, %s! <form method="post" action="/logout"><button>Log out</button></form>`, message, u.Name))
	}, echoguard.Wrap(guard.LoginRequired))
	return e, nil
}

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on, such as localhost:8081")
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	handler, err := app(&user{"ada", "open sesame"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/ and the password is %q\n", *addr, "open sesame")
	log.Fatal(http.ListenAndServe(*addr, handler))
}
