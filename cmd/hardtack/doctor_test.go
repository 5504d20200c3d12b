package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
)

// The doctor logs in as a page of the site would, and examines the answer.
func TestE59_DoctorLogsIn(t *testing.T) {
	value := sealed(t, keySet, cookie.DefaultName, "", session())
	protection := http.NewCrossOriginProtection()
	site := httptest.NewServer(protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/login":
			http.Redirect(w, r, "/login", http.StatusFound)
		case r.Method == "POST" && r.PostFormValue("email") == "ada@example.com" && r.Header.Get("Sec-Fetch-Site") == "same-origin":
			w.Header().Set("Set-Cookie", cookie.DefaultName+"="+value+"; Path=/; Secure; HttpOnly; SameSite=Lax")
			w.Header().Set("Cache-Control", "private, no-store")
			w.Header().Set("Vary", "Cookie")
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	})))
	defer site.Close()
	const form = "email=ada@example.com&password=correct"
	c := call(form, "doctor", site.URL+"/login", "--post")
	if c.code != exitDone || !strings.Contains(c.out, "status 303") || !strings.Contains(c.out, "ok      name: __Host-") {
		t.Errorf("a good login: %+v", c)
	}
	if strings.Contains(c.out+c.diag, value) || strings.Contains(c.out+c.diag, "correct") {
		t.Errorf("it prints the cookie or the password: %+v", c)
	}
	if c := call(form, "doctor", site.URL+"/login", "--post", "--json"); c.code != exitDone || !strings.Contains(c.out, `"healthy": true`) {
		t.Errorf("as JSON: %+v", c)
	}
	// A redirect is examined itself, and not where it leads.
	if c := call("", "doctor", site.URL+"/"); c.code != exitRefused || !strings.Contains(c.out, "status 302") || !strings.Contains(c.out, "no session cookie was set") {
		t.Errorf("a page: %+v", c)
	}
	if c := call("", "doctor", site.URL+"/login", "--post"); c.code != exitUsage {
		t.Errorf("no form: %+v", c)
	}
	site.Close()
	if c := call("", "doctor", site.URL+"/login"); c.code != exitIO {
		t.Errorf("no server: %+v", c)
	}
}
