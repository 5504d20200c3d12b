// Package ginguard puts a guard of package middleware into gin.
//
//	r := gin.Default()
//	r.Use(ginguard.Wrap(guard.Handler))
//	r.POST("/logout", gin.WrapH(guard.LogoutHandler("/")))
//	members := r.Group("/members", ginguard.Wrap(guard.LoginRequired))
//
// A handler passes its request to the guard: guard.User(c.Request). If every route has a
// session, you don't need an adapter. Put the guard around the whole engine:
//
//	http.ListenAndServe(addr, guard.Handler(r))
//
// # Why an adapter
//
// gin's handlers write to c.Writer, and gin decides on the status late. If you call a
// guard from a gin.HandlerFunc without replacing c.Writer by the guard's writer, the guard
// never sees the response, and the session isn't saved. middleware.ErrBypassed reports
// that.
//
// Don't use gin.WrapH for middleware, as in gin.WrapH(guard.LoginRequired(…)). It doesn't
// stop the handlers behind it, so they run for everybody.
package ginguard

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Wrap turns guard.Handler, guard.LoginRequired or another middleware of a Guard into
// gin's. Use guard.Handler once, after gin.Recovery and before anything that asks for the
// session.
//
// If the guard itself answers, for example with a redirect to the login page, the
// request's remaining handlers don't run.
func Wrap(guard func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		writer, passed := c.Writer, false
		// Do this even after a panic. The code that recovers outside must not write
		// through the guard, which would take its status for the handler's.
		defer func() { c.Writer = writer }()
		guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passed = true
			inner := &guarded{writer, w}
			c.Writer, c.Request = inner, r
			c.Next()
			inner.commit() // gin writes the headers of an empty answer only at the very end
		})).ServeHTTP(writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}

// guarded is gin's writer with the guard's in front of it. The guard learns the status
// when gin sends it, not before.
type guarded struct {
	gin.ResponseWriter
	w http.ResponseWriter
}

// commit tells the guard the status, before the first byte.
func (g *guarded) commit() {
	if !g.Written() {
		g.w.WriteHeader(g.Status())
	}
}

func (g *guarded) WriteHeaderNow() {
	g.commit()
	g.ResponseWriter.WriteHeaderNow()
}

func (g *guarded) Write(p []byte) (int, error) {
	g.commit()
	return g.w.Write(p)
}

func (g *guarded) WriteString(s string) (int, error) {
	g.commit()
	return io.WriteString(g.w, s)
}

func (g *guarded) Flush() {
	g.commit()
	_ = http.NewResponseController(g.w).Flush()
}

func (g *guarded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(g.w).Hijack()
}

// Unwrap serves http.ResponseController and middleware.Commit.
func (g *guarded) Unwrap() http.ResponseWriter { return g.w }
