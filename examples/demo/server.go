package main

import (
	"net"
	"net/http"
	"strings"
	"sync"
)

// maxBody is the largest form in bytes. The longest honest one has a password of
// 1,024 bytes, and each byte may take three in a form.
const maxBody = 16 << 10

// limitBody keeps a request from filling the memory: parsing a longer form fails.
// It is outside the guard, so that http.MaxBytesReader reaches the server's own
// writer and can tell it to close the connection.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// policy allows what the pages use: one style sheet, pictures, the script of package
// passkey, and forms that post back here. The form for Harbour ID does, too: it is
// answered with a page that leads on.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers that every answer carries, including errors.
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

// overHTTP tells people why a login can't work where the browser drops the cookie:
// over plain http on any host but localhost. There browsers name the page in Origin
// and send no Fetch Metadata, which go to trustworthy origins only
// (https://www.w3.org/TR/fetch-metadata/). Behind a proxy that ends TLS, Origin says
// https.
func (a *app) overHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		if !a.insecureHTTP && r.Method == http.MethodPost && h.Get("Origin") == "http://"+r.Host && h.Get("Sec-Fetch-Site") == "" {
			a.log.Warn("plain http: browsers drop the cookie", "cure", httpCure)
			a.errorText(w, r, http.StatusBadRequest, "Your browser won’t keep the session cookie, because this page came over plain http. To use the demo, "+httpCure+".")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// httpCure is what helps against a cookie that is dropped.
const httpCure = "open it as http://localhost on its own machine, put a server with TLS in front of it, or start it with -insecure-http on a network that you trust"

// cached lets anybody keep the assets for a while.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		next.ServeHTTP(w, r)
	})
}

// refuse is middleware.Config.Refuse: people see a page, and programs get what the
// guard writes.
func (a *app) refuse(w http.ResponseWriter, r *http.Request, status int, _ error) {
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		a.errorPage(w, r, status)
	}
}

// notFound answers every request that no other route takes.
func (a *app) notFound(w http.ResponseWriter, r *http.Request) {
	a.errorPage(w, r, http.StatusNotFound)
}

// unused are the connections over which no request has come yet. Browsers make some
// ahead of time, and http.Server.Shutdown waits five seconds for each.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// note is http.Server.ConnState.
func (u *unused) note(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]bool{}
	}
	u.conns[c] = true
}

func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		c.Close()
	}
}
