package takeover

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

// A jar is the cookies of a browser.
type jar map[string]string

func (j jar) take(lines []string) {
	for _, line := range lines {
		if c, err := http.ParseSetCookie(line); err == nil && (c.MaxAge < 0 || c.Value == "") {
			delete(j, c.Name)
		} else if err == nil {
			j[c.Name] = c.Value
		}
	}
}

func (j jar) list() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(j)) {
		list = append(list, name+"="+j[name])
	}
	return list
}

// startExpress runs express.mjs until the test ends. get asks it for a path.
func startExpress(t *testing.T) (get func(j jar, path string) string) {
	t.Helper()
	port, _ := run(t, exec.Command(node(t), "express.mjs", secret))
	address := "http://127.0.0.1:" + port
	return func(j jar, path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", strings.Join(j.list(), "; "))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v, %s: %s", err, resp.Status, body)
		}
		j.take(resp.Header.Values("Set-Cookie"))
		return string(body)
	}
}

// TestH34_BesideExpress: while an Express application goes on writing its session, a
// hundred requests here read it, and it stays what it was, byte for byte.
func TestH34_BesideExpress(t *testing.T) {
	get := startExpress(t)
	for _, sys := range systems() {
		if sys.name != "cookiesession" && sys.name != "expressopenidconnect" {
			continue
		}
		t.Run(sys.name, func(t *testing.T) {
			x := newSite(t, sys, func(l *ssestore.Legacy) { l.ReadOnly = true }, secret)
			j := jar{}
			get(j, "/login")
			before := get(j, "/session")
			if !strings.Contains(before, "tea") || len(j) < 4 {
				t.Fatalf("%d cookies, %s", len(j), before)
			}
			for range 3 {
				cookies := j.list()
				for n := range 100 {
					page, out, lines := x.visit(cookies...)
					if page != "ann teal" || len(lines) != 0 || out.Migrated {
						t.Fatalf("request %d: %q, %v, %q", n, page, out.Refused, lines)
					}
				}
				if page, lines := x.change(t, cookies); page != "ann teal" || len(lines) != 0 {
					t.Errorf("after an attempt to change it: %q, %q", page, lines)
				}
				if after := get(j, "/session"); after != before {
					t.Errorf("the session was\n%s\nand is\n%s", before, after)
				}
			}
		})
	}
}

// change sends a request whose handler tries all that would change the session.
func (x *site) change(t *testing.T, cookies []string) (page string, lines []string) {
	t.Helper()
	h := x.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := x.guard.Session(r)
		for what, err := range map[string]error{
			"Set": colour.Set(s, "red"), "Login": x.guard.Login(r, &user{"eve", "hash"}),
			"Logout": x.guard.Logout(r), "Remember": s.Remember(true),
		} {
			if !errors.Is(err, ssestore.ErrReadOnly) {
				t.Errorf("%s: %v", what, err)
			}
		}
		u, err := x.guard.User(r)
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(w, u.id+" "+colour.Get(s))
	}))
	r := httptest.NewRequest("GET", "https://app.example/", nil)
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String(), w.Header().Values("Set-Cookie")
}
