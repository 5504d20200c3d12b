package signin

import (
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
)

// errProxied is logged about the default throttle. Anybody can send the fields that it is
// about, so they decide nothing else.
var errProxied = errors.New("signin: an attempt that came through a proxy was refused, and all clients of the proxy count as one: set Throttle in Config to NewMemory with a function that returns the client's address")

// Allow counts an attempt of the request's client at an account, or at none (""). If
// there were too many, it answers 429 with Retry-After and returns false.
func (d *Desk[U]) Allow(w http.ResponseWriter, r *http.Request, account string) bool {
	if !d.ready() {
		unmade(w, r)
		return false
	}
	wait, ok := d.cfg.Throttle.Allow(r, account)
	if ok {
		return true
	}
	if d.proxied != nil && proxied(r) {
		d.proxied.say(r.Context(), "one-client", errProxied)
	}
	seconds := max(1, math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	when := "in a minute"
	if seconds > 90 {
		when = "in " + strconv.FormatInt(int64(math.Ceil(seconds/60)), 10) + " minutes"
	}
	d.Show(w, r, Page{Name: "signin/slow", Status: http.StatusTooManyRequests, Title: "Too many attempts", Problem: "There were too many attempts. Try again " + when + "."})
	return false
}

// proxied reports whether a proxy passed the request on, and RemoteAddr is the proxy's.
// Package serverless and some middleware put the client's address there: then it is what
// X-Forwarded-For says.
func proxied(r *http.Request) bool {
	client := r.Header.Get("X-Forwarded-For")
	if client == "" {
		return r.Header.Get("Forwarded") != ""
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return client != host
}
