package main

import (
	"net/http"
	"strings"
)

// maxBody is the largest form in bytes. The longest honest one is a password of
// 1,024 bytes, each three characters in a form.
const maxBody = 16 << 10

// limitBody keeps a request from filling the memory: http.MaxBytesReader makes
// the parse of a longer form fail and closes the connection.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// policy allows what the pages use, which is one style sheet, one picture and
// forms that post back here. There is no script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers that every answer carries, errors included.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // the login redirect of a POST looks at the Referer
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// cached lets anybody keep the assets for a while.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		next.ServeHTTP(w, r)
	})
}

// dressed turns the plain one-line errors of the guard, the router and the file
// server into a page where a person is looking. Status and all headers stay,
// the session's among them.
func (a *app) dressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			w = &dresser{ResponseWriter: w, app: a, request: r}
		}
		next.ServeHTTP(w, r)
	})
}

type dresser struct {
	http.ResponseWriter
	app     *app
	request *http.Request
	done    bool // a page took the place of the plain text
}

// Unwrap serves http.ResponseController.
func (d *dresser) Unwrap() http.ResponseWriter { return d.ResponseWriter }

func (d *dresser) WriteHeader(status int) {
	if status >= 400 && strings.HasPrefix(d.Header().Get("Content-Type"), "text/plain") {
		d.done = true
		d.Header().Del("Content-Length")
		d.app.errorPage(d.ResponseWriter, d.request, status)
		return
	}
	d.ResponseWriter.WriteHeader(status)
}

func (d *dresser) Write(p []byte) (int, error) {
	if d.done {
		return len(p), nil
	}
	return d.ResponseWriter.Write(p)
}
