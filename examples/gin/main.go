// Command gin uses the framework github.com/gin-gonic/gin through middleware/gin.
//
//	go run ./examples/gin
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

	"github.com/gin-gonic/gin"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	ginguard "github.com/hardtack-go/hardtack/middleware/gin"
	"github.com/hardtack-go/hardtack/ssestore"
)

type user struct{ Name, Password string } // a real one holds a hash: see signin/password

var flash = ssestore.NewKey[string]("flash") // a message for the next page

const html = "text/html; charset=utf-8"

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
	r := gin.Default()
	r.Use(ginguard.Wrap(guard.Handler))
	r.NoRoute(func(c *gin.Context) {
		_, err := guard.User(c.Request)
		c.String(http.StatusNotFound, "There is no such page. Logged in: %t", err == nil)
	})
	r.GET("/login", func(c *gin.Context) {
		c.Data(http.StatusOK, html, []byte(`<!doctype html><form method="post"><input name="password" type="password"><button>Log in</button></form>`))
	})
	r.POST("/login", func(c *gin.Context) {
		if subtle.ConstantTimeCompare([]byte(c.PostForm("password")), []byte(ada.Password)) != 1 {
			c.String(http.StatusUnauthorized, "wrong password")
		} else if err := errors.Join(guard.Login(c.Request, ada), flash.Set(guard.Session(c.Request), "Welcome back.")); err != nil {
			c.String(http.StatusInternalServerError, "cannot log in")
		} else {
			c.Redirect(http.StatusSeeOther, guard.Next(c.Request, "/"))
		}
	})
	r.POST("/logout", gin.WrapH(guard.LogoutHandler("/login")))
	members := r.Group("/", ginguard.Wrap(guard.LoginRequired))
	members.GET("/", func(c *gin.Context) {
		u, _ := guard.User(c.Request) // there is one, behind LoginRequired
		message, _ := flash.Pop(guard.Session(c.Request))
		c.Data(http.StatusOK, html, fmt.Appendf(nil, `<!doctype html><p>%s</p>Hello, %s! <form method="post" action="/logout"><button>Log out</button></form>`, message, u.Name))
	})
	return r, nil
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
