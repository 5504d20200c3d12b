package frameworks_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	echo4 "github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	echoguard "github.com/hardtack-go/hardtack/middleware/echo"
	echoguard4 "github.com/hardtack-go/hardtack/middleware/echo4"
	ginguard "github.com/hardtack-go/hardtack/middleware/gin"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF203_UsualWiring: login, flash, logout, 404, streaming, errors and panics, in
// each framework in its usual wiring.
func TestF203_UsualWiring(t *testing.T) {
	for _, w := range wirings {
		t.Run(w.name, func(t *testing.T) {
			s := newSite(t, w.wire)
			b := s.browser()
			b.expect("GET", "/", 200, "nobody,,")
			h := b.expect("GET", "/members", 302, "*")
			if h.Get("Location") != "/?next=/members" {
				t.Errorf("Location %q", h.Get("Location"))
			}

			h = b.expect("POST", "/login", 303, "*")
			if len(h["Set-Cookie"]) == 0 || !strings.Contains(h.Get("Cache-Control"), "private") {
				t.Errorf("the login's header: %v", h)
			}
			h = b.expect("GET", "/members", 200, "members: ann,welcome,")
			if h.Get("Vary") != "Cookie" || !strings.Contains(h.Get("Cache-Control"), "private") {
				t.Errorf("the header of a user's page: %v", h)
			}
			b.expect("GET", "/members", 200, "members: ann,,") // the flash is shown once

			b.expect("GET", "/stream", 200, "one two")
			b.expect("GET", "/", 200, "ann,,|")
			b.expect("GET", "/status", 202, "")
			b.expect("GET", "/", 200, "ann,,||")
			b.expect("POST", "/change", 200, "*")
			b.expect("GET", "/", 200, "ann,,|||")

			// What fails changes nothing.
			if h := b.expect("GET", "/broken", 500, "*"); len(h["Set-Cookie"]) != 0 {
				t.Errorf("a 500 sets %v", h["Set-Cookie"])
			}
			b.expect("GET", "/panic", 500, "*")
			b.expect("GET", "/", 200, "ann,,|||")

			if w.plain404 {
				b.expect("GET", "/missing", 404, "*")
			} else {
				_, body, h := b.do("GET", "/missing")
				if strings.TrimSpace(body) != "no page for ann,,|||" || !strings.Contains(h.Get("Cache-Control"), "private") {
					t.Errorf("not found: %q %v", body, h)
				}
			}

			// Another site's form reaches no handler.
			outcomes, mistakes := s.told()
			for _, err := range outcomes {
				if err != nil && !errors.Is(err, auth.ErrNoUser) {
					t.Errorf("outcome %v", err)
				}
			}
			if len(mistakes) != 0 {
				t.Errorf("mistakes %v", mistakes)
			}
			b.expect("POST", "/change", 403, "*", "Sec-Fetch-Site", "cross-site")
			if outcomes, _ := s.told(); len(outcomes) != 1 || !errors.Is(outcomes[0], middleware.ErrCrossOrigin) {
				t.Errorf("outcomes %v, want ErrCrossOrigin", outcomes)
			}
			b.expect("GET", "/", 200, "ann,,|||")

			h = b.expect("POST", "/logout", 303, "*")
			if h.Get("Location") != "/" || !strings.Contains(strings.Join(h["Set-Cookie"], "\n"), "Max-Age=0") {
				t.Errorf("the logout's header: %v", h)
			}
			b.expect("GET", "/", 200, "nobody,,")
			b.expect("GET", "/members", 302, "*")
			if _, mistakes := s.told(); len(mistakes) != 0 {
				t.Errorf("mistakes %v", mistakes)
			}
		})
	}
}

// TestF203_WrongWiring: what people write by hand is reported.
func TestF203_WrongWiring(t *testing.T) {
	for _, tt := range []struct {
		name string
		wire func(s *site) http.Handler
		path string
		want error
	}{
		{"gin: c.Writer is still gin's", func(s *site) http.Handler {
			return ginRoutes(s, func(c *gin.Context) {
				s.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					c.Request = r
					c.Next()
				})).ServeHTTP(c.Writer, c.Request)
			})
		}, "/change", middleware.ErrBypassed},
		{"echo v4: the response is still echo's", func(s *site) http.Handler {
			return echo4Routes(s, func(next echo4.HandlerFunc) echo4.HandlerFunc {
				return func(c echo4.Context) (err error) {
					s.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						c.SetRequest(r)
						err = next(c)
					})).ServeHTTP(c.Response(), c.Request())
					return err
				}
			})
		}, "/change", middleware.ErrBypassed},
		{"echo v5: the response is still echo's", func(s *site) http.Handler {
			return echo5Routes(s, func(next echo5.HandlerFunc) echo5.HandlerFunc {
				return func(c *echo5.Context) (err error) {
					s.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						c.SetRequest(r)
						err = next(c)
					})).ServeHTTP(c.Response(), c.Request())
					return err
				}
			})
		}, "/change", middleware.ErrBypassed},
		{"echo v4: WrapMiddleware answers an error afterwards", func(s *site) http.Handler {
			return echo4Routes(s, echo4.WrapMiddleware(s.guard.Handler))
		}, "/broken", middleware.ErrBypassed},
		{"echo v5: WrapMiddleware answers an error afterwards", func(s *site) http.Handler {
			return echo5Routes(s, echo5.WrapMiddleware(s.guard.Handler))
		}, "/broken", middleware.ErrBypassed},
		{"gorilla/mux: Use doesn't reach the not-found page", func(s *site) http.Handler {
			r := muxRoutes(s)
			r.Use(s.guard.Handler)
			return r
		}, "/missing", ssestore.ErrNoSession},
		{"chi: no Handler at all", func(s *site) http.Handler { return chiRoutes(s) }, "/members", ssestore.ErrNoSession},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.wire)
			method := "GET"
			if tt.path == "/change" {
				method = "POST"
			}
			s.browser().do(method, tt.path)
			_, mistakes := s.told()
			if len(mistakes) == 0 || !errors.Is(mistakes[0], tt.want) {
				t.Errorf("mistakes %v, want %v", mistakes, tt.want)
			}
		})
	}
}

// TestF203_RecoveryOutside: what recovers stands outside the adapter in these wirings,
// so its 500 goes past the guard, which writes and tells nothing after a panic.
func TestF203_RecoveryOutside(t *testing.T) {
	for _, w := range wirings {
		if !strings.HasSuffix(w.name, ", Use") {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			s := newSite(t, w.wire)
			b := s.browser()
			b.expect("POST", "/login", 303, "*")
			s.told()
			if h := b.expect("GET", "/panic", 500, "*"); len(h["Set-Cookie"]) != 0 {
				t.Errorf("a panic sets %v", h["Set-Cookie"])
			}
			if outcomes, mistakes := s.told(); len(outcomes)+len(mistakes) != 0 {
				t.Errorf("outcomes %v, mistakes %v, want none after a panic", outcomes, mistakes)
			}
		})
	}
}

// TestF203_GinKeepsItsWords: status, size and the order of gin's handlers are as
// without the guard.
func TestF203_GinKeepsItsWords(t *testing.T) {
	var status, size int
	s := newSite(t, func(s *site) http.Handler {
		r := gin.New()
		r.Use(func(c *gin.Context) {
			c.Next()
			status, size = c.Writer.Status(), c.Writer.Size()
		})
		r.Use(ginguard.Wrap(s.guard.Handler))
		r.GET("/", func(c *gin.Context) {
			s.more(c.Request)
			c.String(http.StatusTeapot, "teapot")
		})
		return r
	})
	s.browser().expect("GET", "/", http.StatusTeapot, "teapot")
	if status != http.StatusTeapot || size != len("teapot") {
		t.Errorf("gin saw %d, %d bytes", status, size)
	}
}

// TestF203_GinWriter: what gin's writer can do beside Write reaches the guard in time.
func TestF203_GinWriter(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(c *gin.Context)
		status int
		saved  bool
	}{
		"Status alone":     {func(c *gin.Context) { c.Status(http.StatusAccepted) }, 202, true},
		"Status 503 alone": {func(c *gin.Context) { c.Status(http.StatusServiceUnavailable) }, 503, false},
		"String 503":       {func(c *gin.Context) { c.String(http.StatusServiceUnavailable, "x") }, 503, false},
		"WriteString 503": {func(c *gin.Context) {
			c.Status(http.StatusServiceUnavailable)
			c.Writer.WriteString("x")
		}, 503, false},
		"Flush 503": {func(c *gin.Context) {
			c.Status(http.StatusServiceUnavailable)
			c.Writer.Flush()
		}, 503, false},
		"WriteString":    {func(c *gin.Context) { c.Writer.WriteString("x") }, 200, true},
		"WriteHeaderNow": {func(c *gin.Context) { c.Writer.WriteHeaderNow() }, 200, true},
		"Flush":          {func(c *gin.Context) { c.Writer.Flush() }, 200, true},
		"a later Status": {func(c *gin.Context) {
			c.Status(http.StatusServiceUnavailable)
			c.String(http.StatusOK, "x")
		}, 200, true},
		"Commit": {func(c *gin.Context) {
			if extra, err := middleware.Commit(c.Writer); err != nil || len(extra["Set-Cookie"]) == 0 {
				t.Errorf("Commit: %v, %v", extra, err)
			}
		}, 200, true},
		"Hijack": {func(c *gin.Context) {
			if _, _, err := c.Writer.Hijack(); !errors.Is(err, middleware.ErrUncommitted) {
				t.Errorf("Hijack: %v, want ErrUncommitted", err)
			}
		}, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(s *site) http.Handler {
				r := gin.New()
				r.Use(ginguard.Wrap(s.guard.Handler))
				r.GET("/", func(c *gin.Context) {
					s.more(c.Request)
					tt.answer(c)
				})
				return r
			})
			h := s.browser().expect("GET", "/", tt.status, "*")
			if saved := len(h["Set-Cookie"]) > 0; saved != tt.saved {
				t.Errorf("saved: %v, want %v", saved, tt.saved)
			}
			if outcomes, _ := s.told(); len(outcomes) != 1 || outcomes[0] != nil {
				t.Errorf("outcomes %v, want one without an error", outcomes)
			}
		})
	}
}

// TestF203_EchoErrors: an error behind a rule is first for the middleware between it
// and Handler, and goes on to the middleware outside.
func TestF203_EchoErrors(t *testing.T) {
	var outside error
	for name, wire := range map[string]func(s *site) http.Handler{
		"v4": func(s *site) http.Handler {
			e := echo4.New()
			e.Use(func(next echo4.HandlerFunc) echo4.HandlerFunc {
				return func(c echo4.Context) error { outside = next(c); return outside }
			}, echoguard4.Wrap(s.guard.Handler))
			mends := func(next echo4.HandlerFunc) echo4.HandlerFunc {
				return func(c echo4.Context) error {
					if err := next(c); err != nil {
						return c.String(http.StatusOK, "mended")
					}
					return nil
				}
			}
			anyone := echoguard4.Wrap(func(h http.Handler) http.Handler { return h }) // a rule that lets everybody pass
			e.GET("/mended", func(c echo4.Context) error { return errBroken }, mends, anyone)
			e.GET("/broken", func(c echo4.Context) error { return errBroken }, anyone)
			return e
		},
		"v5": func(s *site) http.Handler {
			e := echo5.New()
			e.Use(func(next echo5.HandlerFunc) echo5.HandlerFunc {
				return func(c *echo5.Context) error { outside = next(c); return outside }
			}, echoguard.Wrap(s.guard.Handler))
			mends := func(next echo5.HandlerFunc) echo5.HandlerFunc {
				return func(c *echo5.Context) error {
					if err := next(c); err != nil {
						return c.String(http.StatusOK, "mended")
					}
					return nil
				}
			}
			anyone := echoguard.Wrap(func(h http.Handler) http.Handler { return h })
			e.GET("/mended", func(c *echo5.Context) error { return errBroken }, mends, anyone)
			e.GET("/broken", func(c *echo5.Context) error { return errBroken }, anyone)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSite(t, wire).browser()
			b.expect("GET", "/mended", 200, "mended")
			if outside != nil {
				t.Errorf("outside: %v, want nil", outside)
			}
			b.expect("GET", "/broken", 500, "*")
			if outside != errBroken {
				t.Errorf("outside: %v, want the handler's error", outside)
			}
		})
	}
}

var errBroken = errors.New("broken")
