package frameworks_test

import (
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	echo4 "github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"

	echoguard "github.com/hardtack-go/hardtack/middleware/echo"
	echoguard4 "github.com/hardtack-go/hardtack/middleware/echo4"
	ginguard "github.com/hardtack-go/hardtack/middleware/gin"
)

// Each function below builds the same site in one framework, in its own idioms:
//
//	GET  /         home
//	POST /login    303 to /members
//	POST /logout   guard.LogoutHandler
//	GET  /members  behind guard.LoginRequired
//	GET  /stream   counts, then sends two chunks
//	GET  /status   counts, and answers 202 without a body
//	GET  /broken   counts, and answers 500 as the framework does it
//	GET  /panic    counts, and panics
//	POST /change   counts
//	else           404, with a page that names the user where the framework can
type wiring struct {
	name string
	wire func(s *site) http.Handler
	// plain404: the not-found page is the framework's own
	plain404 bool
}

var wirings = []wiring{
	{"gin, Use", func(s *site) http.Handler { return ginRoutes(s, ginguard.Wrap(s.guard.Handler)) }, false},
	{"gin, around the engine", func(s *site) http.Handler { return s.guard.Handler(ginRoutes(s)) }, false},
	{"echo v4, Use", func(s *site) http.Handler { return echo4Routes(s, echoguard4.Wrap(s.guard.Handler)) }, false},
	{"echo v4, around echo", func(s *site) http.Handler { return s.guard.Handler(echo4Routes(s)) }, false},
	{"echo v5, Use", func(s *site) http.Handler { return echo5Routes(s, echoguard.Wrap(s.guard.Handler)) }, false},
	{"echo v5, around echo", func(s *site) http.Handler { return s.guard.Handler(echo5Routes(s)) }, false},
	{"chi, Use", func(s *site) http.Handler { return chiRoutes(s, s.guard.Handler) }, false},
	{"chi, around the router", func(s *site) http.Handler { return s.guard.Handler(chiRoutes(s)) }, false},
	{"gorilla/mux, around the router", func(s *site) http.Handler { return s.guard.Handler(muxRoutes(s)) }, false},
	{"gorilla/mux, Use", func(s *site) http.Handler {
		r := muxRoutes(s)
		r.Use(s.guard.Handler)
		r.NotFoundHandler = nil // mux doesn't run middleware for it, so it has no session
		return r
	}, true},
}

func ginRoutes(s *site, use ...gin.HandlerFunc) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.RecoveryWithWriter(io.Discard))
	r.Use(use...)
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, s.home(c.Request)) })
	r.POST("/login", func(c *gin.Context) {
		s.login(c.Request)
		c.Redirect(http.StatusSeeOther, "/members")
	})
	r.POST("/logout", gin.WrapH(s.guard.LogoutHandler("/")))
	members := r.Group("/members", ginguard.Wrap(s.guard.LoginRequired))
	members.GET("", func(c *gin.Context) { c.String(http.StatusOK, "members: "+s.home(c.Request)) })
	r.GET("/stream", func(c *gin.Context) {
		s.more(c.Request)
		chunks := []string{"one ", "two"}
		c.Stream(func(w io.Writer) bool {
			io.WriteString(w, chunks[0])
			chunks = chunks[1:]
			return len(chunks) > 0
		})
	})
	r.GET("/status", func(c *gin.Context) {
		s.more(c.Request)
		c.Status(http.StatusAccepted)
	})
	r.GET("/broken", func(c *gin.Context) {
		s.more(c.Request)
		c.AbortWithError(http.StatusInternalServerError, errors.New("broken"))
	})
	r.GET("/panic", func(c *gin.Context) {
		s.more(c.Request)
		panic("panic")
	})
	r.POST("/change", func(c *gin.Context) {
		s.more(c.Request)
		c.JSON(http.StatusOK, gin.H{"changed": true})
	})
	r.NoRoute(func(c *gin.Context) { c.String(http.StatusNotFound, "no page for "+s.home(c.Request)) })
	return r
}

func echo4Routes(s *site, use ...echo4.MiddlewareFunc) *echo4.Echo {
	e := echo4.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(func(next echo4.HandlerFunc) echo4.HandlerFunc { // as middleware.Recover does
		return func(c echo4.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					c.Error(errors.New("panic"))
				}
			}()
			return next(c)
		}
	})
	e.Use(use...)
	e.HTTPErrorHandler = func(err error, c echo4.Context) {
		if c.Response().Committed {
			return
		}
		if errors.Is(err, echo4.ErrNotFound) {
			c.String(http.StatusNotFound, "no page for "+s.home(c.Request()))
			return
		}
		e.DefaultHTTPErrorHandler(err, c)
	}
	e.GET("/", func(c echo4.Context) error { return c.String(http.StatusOK, s.home(c.Request())) })
	e.POST("/login", func(c echo4.Context) error {
		s.login(c.Request())
		return c.Redirect(http.StatusSeeOther, "/members")
	})
	e.POST("/logout", echo4.WrapHandler(s.guard.LogoutHandler("/")))
	members := e.Group("/members", echoguard4.Wrap(s.guard.LoginRequired))
	members.GET("", func(c echo4.Context) error { return c.String(http.StatusOK, "members: "+s.home(c.Request())) })
	e.GET("/stream", func(c echo4.Context) error {
		s.more(c.Request())
		for _, chunk := range []string{"one ", "two"} {
			io.WriteString(c.Response(), chunk)
			c.Response().Flush()
		}
		return nil
	})
	e.GET("/status", func(c echo4.Context) error {
		s.more(c.Request())
		return c.NoContent(http.StatusAccepted)
	})
	e.GET("/broken", func(c echo4.Context) error {
		s.more(c.Request())
		return errors.New("broken")
	})
	e.GET("/panic", func(c echo4.Context) error {
		s.more(c.Request())
		panic("panic")
	})
	e.POST("/change", func(c echo4.Context) error {
		s.more(c.Request())
		return c.JSON(http.StatusOK, map[string]bool{"changed": true})
	})
	return e
}

func echo5Routes(s *site, use ...echo5.MiddlewareFunc) *echo5.Echo {
	e := echo5.New()
	e.Use(func(next echo5.HandlerFunc) echo5.HandlerFunc { // as middleware.Recover does
		return func(c *echo5.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = errors.New("panic")
				}
			}()
			return next(c)
		}
	})
	e.Use(use...)
	deflt := echo5.DefaultHTTPErrorHandler(false)
	e.HTTPErrorHandler = func(c *echo5.Context, err error) {
		if r, _ := echo5.UnwrapResponse(c.Response()); r != nil && r.Committed {
			return
		}
		if errors.Is(err, echo5.ErrNotFound) {
			c.String(http.StatusNotFound, "no page for "+s.home(c.Request()))
			return
		}
		deflt(c, err)
	}
	e.GET("/", func(c *echo5.Context) error { return c.String(http.StatusOK, s.home(c.Request())) })
	e.POST("/login", func(c *echo5.Context) error {
		s.login(c.Request())
		return c.Redirect(http.StatusSeeOther, "/members")
	})
	e.POST("/logout", echo5.WrapHandler(s.guard.LogoutHandler("/")))
	members := e.Group("/members", echoguard.Wrap(s.guard.LoginRequired))
	members.GET("", func(c *echo5.Context) error { return c.String(http.StatusOK, "members: "+s.home(c.Request())) })
	e.GET("/stream", func(c *echo5.Context) error {
		s.more(c.Request())
		for _, chunk := range []string{"one ", "two"} {
			io.WriteString(c.Response(), chunk)
			if err := http.NewResponseController(c.Response()).Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	e.GET("/status", func(c *echo5.Context) error {
		s.more(c.Request())
		return c.NoContent(http.StatusAccepted)
	})
	e.GET("/broken", func(c *echo5.Context) error {
		s.more(c.Request())
		return errors.New("broken")
	})
	e.GET("/panic", func(c *echo5.Context) error {
		s.more(c.Request())
		panic("panic")
	})
	e.POST("/change", func(c *echo5.Context) error {
		s.more(c.Request())
		return c.JSON(http.StatusOK, map[string]bool{"changed": true})
	})
	return e
}

// The handlers of routers that take net/http's.
func (s *site) netHome(w http.ResponseWriter, r *http.Request) { io.WriteString(w, s.home(r)) }
func (s *site) netMembers(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "members: "+s.home(r))
}
func (s *site) netLogin(w http.ResponseWriter, r *http.Request) {
	s.login(r)
	http.Redirect(w, r, "/members", http.StatusSeeOther)
}
func (s *site) netStream(w http.ResponseWriter, r *http.Request) {
	s.more(r)
	for _, chunk := range []string{"one ", "two"} {
		io.WriteString(w, chunk)
		w.(http.Flusher).Flush()
	}
}
func (s *site) netStatus(w http.ResponseWriter, r *http.Request) {
	s.more(r)
	w.WriteHeader(http.StatusAccepted)
}
func (s *site) netBroken(w http.ResponseWriter, r *http.Request) {
	s.more(r)
	http.Error(w, "broken", http.StatusInternalServerError)
}
func (s *site) netPanic(w http.ResponseWriter, r *http.Request) {
	s.more(r)
	panic("panic")
}
func (s *site) netChange(w http.ResponseWriter, r *http.Request) {
	s.more(r)
	io.WriteString(w, "changed")
}
func (s *site) netNotFound(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no page for "+s.home(r), http.StatusNotFound)
}

// recovered is the recoverer of routers that have none, or one that logs.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func chiRoutes(s *site, use ...func(http.Handler) http.Handler) chi.Router {
	r := chi.NewRouter()
	r.Use(recovered)
	r.Use(use...)
	r.Get("/", s.netHome)
	r.Post("/login", s.netLogin)
	r.Post("/logout", s.guard.LogoutHandler("/"))
	r.Group(func(r chi.Router) {
		r.Use(s.guard.LoginRequired)
		r.Get("/members", s.netMembers)
	})
	r.Get("/stream", s.netStream)
	r.Get("/status", s.netStatus)
	r.Get("/broken", s.netBroken)
	r.Get("/panic", s.netPanic)
	r.Post("/change", s.netChange)
	r.NotFound(s.netNotFound)
	return r
}

func muxRoutes(s *site) *mux.Router {
	r := mux.NewRouter()
	r.Use(recovered)
	r.HandleFunc("/", s.netHome).Methods("GET")
	r.HandleFunc("/login", s.netLogin).Methods("POST")
	r.Handle("/logout", s.guard.LogoutHandler("/")).Methods("POST")
	r.Handle("/members", s.guard.LoginRequired(http.HandlerFunc(s.netMembers))).Methods("GET")
	r.HandleFunc("/stream", s.netStream).Methods("GET")
	r.HandleFunc("/status", s.netStatus).Methods("GET")
	r.HandleFunc("/broken", s.netBroken).Methods("GET")
	r.HandleFunc("/panic", s.netPanic).Methods("GET")
	r.HandleFunc("/change", s.netChange).Methods("POST")
	r.NotFoundHandler = http.HandlerFunc(s.netNotFound)
	return r
}
