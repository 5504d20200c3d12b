package signin

import "net/http"

// Allow counts an attempt of the request's client at an account, or at none ("").
// If there were too many, it answers 429 with Retry-After and returns false.
func (d *Desk[U]) Allow(w http.ResponseWriter, r *http.Request, account string) bool {
	after, ok := d.cfg.Throttle.Allow(r, account)
	if ok {
		return true
	}
	w.Header().Set("Retry-After", retryAfter(after))
	d.Show(w, r, Page{Name: "signin/slow", Status: http.StatusTooManyRequests, Title: "Too many attempts", Problem: "Wait a little, then try again."})
	return false
}
