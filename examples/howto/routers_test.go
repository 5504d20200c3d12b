package howto

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v5"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	echoguard "github.com/hardtack-go/hardtack/middleware/echo"
	ginguard "github.com/hardtack-go/hardtack/middleware/gin"
	"github.com/hardtack-go/hardtack/ssestore"
)

// notFound is a page of the application's own, which shows who is logged in.
func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	u, err := s.guard.User(r) // before the first byte
	w.WriteHeader(http.StatusNotFound)
	if err == nil {
		fmt.Fprintf(w, "Sorry, %s", u.Name)
	}
}

// tour logs in, looks around and logs out.
func tour(t *testing.T, h http.Handler) {
	t.Helper()
	v := serve(t, h)
	v.Get("/members").Want(t, 302, "/login?next=/members")
	v.Post("/login", "next", "/members").Want(t, 303, "/members")
	v.Get("/members").Want(t, 200, "").Says(t, "Hello, Ada!")
	v.Get("/nowhere").Want(t, 404, "").Says(t, "Sorry, Ada")
	v.Post("/logout").Want(t, 303, "/")
	v.Get("/members").Want(t, 302, "/login?next=/members")
}

func TestF509_Chi(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, login, notFound := s.guard, s.login, s.notFound

	r := chi.NewRouter()
	r.Use(chimiddleware.Recoverer, guard.Handler)
	r.NotFound(notFound)
	r.Post("/login", login)
	r.Post("/logout", guard.LogoutHandler("/"))
	r.Group(func(r chi.Router) {
		r.Use(guard.Require()) // or guard.Require(accounts.Staff), or a rule of your own
		r.Get("/members", guard.ForUser(members))
	})

	tour(t, r)
}

func TestF509_Mux(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, login, notFound := s.guard, s.login, s.notFound

	r := mux.NewRouter()
	r.NotFoundHandler = http.HandlerFunc(notFound)
	r.HandleFunc("/login", login).Methods("POST")
	r.HandleFunc("/logout", guard.LogoutHandler("/"))
	pages := r.PathPrefix("/members").Subrouter()
	pages.Use(guard.Require())
	pages.HandleFunc("", guard.ForUser(members)).Methods("GET")

	handler := guard.Handler(r) // for http.ListenAndServe; not r.Use(guard.Handler)

	tour(t, handler)

	// What the page says about Use: the NotFoundHandler has no session.
	var got error
	s.mistake = ssestore.ErrNoSession
	r = mux.NewRouter()
	r.Use(guard.Handler)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, got = guard.User(r)
		http.NotFound(w, r)
	})
	serve(t, r).Get("/nowhere").Want(t, 404, "")
	if !errors.Is(got, auth.ErrNoSession) {
		t.Errorf("inside Use: %v", got)
	}
}

func TestF509_Gin(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, login := s.guard, gin.WrapF(s.login)
	notFound := func(c *gin.Context) { s.notFound(c.Writer, c.Request) }
	gin.SetMode(gin.ReleaseMode)

	r := gin.New()
	r.Use(gin.Recovery(), ginguard.Wrap(guard.Handler))
	r.NoRoute(notFound)
	r.POST("/login", login)
	r.POST("/logout", gin.WrapH(guard.LogoutHandler("/")))
	pages := r.Group("/members", ginguard.Wrap(guard.LoginRequired))
	pages.GET("", func(c *gin.Context) {
		u, err := guard.User(c.Request) // the guard knows c.Request, not c
		if err != nil {
			c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.String(http.StatusOK, "Hello, %s!", u.Name)
	})

	tour(t, r)

	// What the page says about WrapH.
	ran := false
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	open := r.Group("/open", gin.WrapH(guard.LoginRequired(nothing)))
	open.POST("", func(c *gin.Context) { ran = true })
	serve(t, r).Post("/open")
	if !ran {
		t.Error("WrapH has stopped the handler behind it")
	}
}

func TestF509_Echo(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, login := s.guard, echo.WrapHandler(http.HandlerFunc(s.login))
	members := func(c *echo.Context) error {
		u, err := guard.User(c.Request())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, "Hello, "+u.Name+"!")
	}

	e := echo.New()
	e.Use(echoguard.Wrap(guard.Handler))
	e.POST("/login", login)
	e.POST("/logout", echo.WrapHandler(guard.LogoutHandler("/")))
	e.GET("/members", members, echoguard.Wrap(guard.LoginRequired))

	e.RouteNotFound("/*", echo.WrapHandler(http.HandlerFunc(s.notFound)))
	tour(t, e)
}
