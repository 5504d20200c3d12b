// Package echoguard puts a guard of package middleware into echo v4. For echo v5 there
// is middleware/echo.
//
//	e := echo.New()
//	e.Use(echoguard.Wrap(guard.Handler))
//	e.POST("/logout", echo.WrapHandler(guard.LogoutHandler("/")))
//	members := e.Group("/members", echoguard.Wrap(guard.LoginRequired))
//
// A handler passes its request to the guard: guard.User(c.Request()). If every route has
// a session, you don't need an adapter. Put the guard around all of echo:
//
//	http.ListenAndServe(addr, guard.Handler(e))
//
// # Why an adapter
//
// echo answers a handler's error only after the middleware around the handler has
// returned. With echo.WrapMiddleware(guard.Handler), the guard has saved the session by
// then, even if the answer is a 500. middleware.ErrBypassed reports that.
package echoguard

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Wrap turns guard.Handler, guard.LoginRequired or another middleware of a Guard into
// echo's. Use guard.Handler once, before anything that asks for the session.
//
// If an error comes back to guard.Handler, echo's error handler answers it right there.
// The error then goes on to the middleware outside, which finds the response committed.
func Wrap(guard func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			response := c.Response()
			// Do this even after a panic. The code that recovers outside must not
			// write through the guard, which would take its status for the handler's.
			defer func() { c.SetResponse(response) }()
			guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				if w == http.ResponseWriter(response) { // a rule, which has no writer of its own
					err = next(c)
					return
				}
				c.SetResponse(echo.NewResponse(w, c.Echo()))
				if err = next(c); err != nil {
					c.Error(err)
				}
			})).ServeHTTP(response, c.Request())
			return err
		}
	}
}
