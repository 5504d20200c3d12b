package signin

import (
	"math"
	"net/http"
	"strconv"
)

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
	seconds := max(1, math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	when := "in a minute"
	if seconds > 90 {
		when = "in " + strconv.FormatInt(int64(math.Ceil(seconds/60)), 10) + " minutes"
	}
	d.Show(w, r, Page{Name: "signin/slow", Status: http.StatusTooManyRequests, Title: "Too many attempts", Problem: "There were too many attempts. Try again " + when + "."})
	return false
}
