package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// The walk of a person through the built demo, in a real browser over plain HTTP
// on localhost, where __Host- cookies work.
func TestBrowserWalk(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	here := openBrowser(t, p.url)
	reports := here.reportShown()

	// An anonymous cart, which the login keeps.
	here.open("/")
	here.shoot("01-anonymous")
	here.fill("#item", "Twelve biscuits, salted")
	here.click(".add button")
	here.fill("#item", "Lime juice")
	here.click(".add button")
	here.says("Lime juice")
	here.shoot("02-cart")
	if status := here.open("/members"); status != 200 || here.at() != "/login?next=/members" {
		t.Errorf("a visitor at the members' page: %d at %s", status, here.at())
	}
	here.shoot("03-login")
	here.fill("#email", bob, "#password", "wrong")
	if status := here.click("#submit"); status != 422 {
		t.Errorf("a wrong password: %d", status)
	}
	here.says("Email and password don’t match.")
	here.shoot("04-refused")
	here.fill("#password", seedPassword)
	here.click("#submit")
	if here.at() != "/members" {
		t.Errorf("after the login at %s", here.at())
	}
	here.says(bob)
	here.shoot("05-members")
	here.open("/")
	here.says("Lime juice")
	here.says("You are user 2")
	here.shoot("06-home")

	// The staff's page is not there for bob, and there for ada.
	if status := here.open("/staff"); status != 404 {
		t.Errorf("bob at the staff's page: %d", status)
	}
	here.shoot("07-not-found")
	boss := openBrowser(t, p.url)
	boss.login(ada, seedPassword)
	if status := boss.open("/staff"); status != 200 {
		t.Errorf("ada at the staff's page: %d", status)
	}

	// Two rotations.
	here.open("/session")
	kids := map[string]bool{eval[string](here, `document.querySelector("#kid").textContent`): true}
	here.shoot("08-session")
	for range 2 {
		boss.open("/staff")
		boss.click("#rotate")
		boss.says("Nobody was logged out.")
	}
	boss.open("/staff")
	boss.shoot("09-staff")
	here.open("/session")
	here.says("not the primary")
	here.shoot("10-after-rotation")
	here.open("/session")
	kid := eval[string](here, `document.querySelector("#kid").textContent`)
	if role := eval[string](here, `document.querySelector("#role").textContent`); kids[kid] || role != "primary" {
		t.Errorf("after two rotations under %s, which is %s", kid, role)
	}
	if here.who() != bob || boss.who() != ada {
		t.Fatal("a rotation logged somebody out")
	}
	here.open("/")
	here.says("Lime juice")

	// The password, changed in another browser.
	other := openBrowser(t, p.url)
	other.login(bob, seedPassword)
	other.open("/change")
	other.shoot("11-password")
	other.fill("[name=current]", seedPassword, "[name=password]", "a better password")
	other.click("main form button")
	other.says("Your password is changed")
	other.shoot("12-changed")
	if here.who() != "" {
		t.Error("this browser is still logged in after the change in the other one")
	}
	here.says("Log in")
	here.says("Your password was changed")
	if other.who() != bob {
		t.Error("the changer was logged out")
	}

	// Logged in again; then out, and back.
	here.login(bob, "a better password")
	here.open("/account")
	here.says("Your account")
	here.open("/members")
	here.click("#logout")
	here.says("A whole session in")
	if s := here.back(reports); strings.Contains(s.Text, "This page is for you") || strings.Contains(s.Text, "Your account") || !strings.HasPrefix(s.Path, "/login") {
		t.Errorf("the back button after the logout shows %+v", s)
	}
	if here.who() != "" {
		t.Error("going back logged in again")
	}
	here.open("/signup")
	here.shoot("13-signup")
	if log := p.stderr.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the log:\n%s", log)
	}
}

// Over plain HTTP on a name that isn't localhost a browser drops the cookie. The
// person there is told, and so is the log; the login doesn't just come back.
func TestBrowserPlainHTTPIsTold(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	for _, insecure := range []bool{false, true} {
		p := launch(t, "-addr", "127.0.0.1:0", "-insecure-http="+strconv.FormatBool(insecure))
		b := openBrowser(t, "http://shop.test:"+p.port())
		b.open("/login")
		b.fill("#email", bob, "#password", seedPassword)
		status := b.click("#submit")
		if insecure {
			if status != 200 || b.who() != bob {
				t.Errorf("with -insecure-http there is no login: %d at %s", status, b.at())
			}
			continue
		}
		if status != 400 {
			t.Errorf("the login: %d at %s", status, b.at())
		}
		b.says("came over plain http")
		b.says("http://localhost")
		p.logs(t, "browsers drop the cookie")
	}
}

// The check of the walk's last step can fail: without no-store the same button
// brings the private page back.
func TestBrowserBackButtonNeedsNoStore(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	// Plain HTTP: a browser keeps nothing that came under a certificate which it
	// does not trust.
	server := httptest.NewServer(launch(t, "-addr", "127.0.0.1:0").proxy(t, func(h http.Header) {
		if h.Get("Cache-Control") != "" {
			h.Set("Cache-Control", "private")
		}
	}))
	defer server.Close()
	b := openBrowser(t, localhost(t, server.URL))
	reports := b.reportShown()
	b.login(bob, seedPassword)
	b.open("/members")
	b.click("#logout")
	if got := b.back(reports); !strings.Contains(got.Text, "Your account") {
		t.Errorf("without no-store going back shows %+v: the walk's last step proves nothing", got)
	}
}

// holder sits between the server and the application and decides when the
// answers to requests with ?hold are given, and when they are worked out.
type holder struct {
	next http.Handler

	mu      sync.Mutex
	arrived chan struct{} // one for each request that is held
	release chan struct{} // closed: let them go
	early   bool          // work out the answer on arrival, hold it; else hold the request
	strip   bool          // hide what the browser says about the request
	spoil   bool          // delete the cookie in each answer
}

// set changes what the holder does.
func (h *holder) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// arm prepares for a batch of requests.
func (h *holder) arm(early bool) (arrived <-chan struct{}, release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrived, h.release, h.early = make(chan struct{}, 100), make(chan struct{}), early
	return h.arrived, sync.OnceFunc(func() { close(h.release) })
}

func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("hold") {
		h.next.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	arrived, release, early := h.arrived, h.release, h.early
	if h.strip {
		for name := range r.Header {
			if strings.HasPrefix(name, "Sec-Fetch-") {
				r.Header.Del(name)
			}
		}
	}
	if h.spoil {
		w.Header().Add("Set-Cookie", "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
	}
	h.mu.Unlock()
	wait := func() {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}
	if !early {
		wait()
		h.next.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	h.next.ServeHTTP(answer, r)
	wait()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// Twenty fetches are under way in one tab while the user does something in another tab
// of the same browser. Their answers arrive late, or are even computed late from the
// old cookies. What the user did last counts.
func TestBrowserParallelFetches(t *testing.T) {
	const fetches = 20
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	h := &holder{next: p.proxy(t, nil)}
	// HTTP/2, so that a browser can have many requests under way.
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	boss := visitor.New(t, p.url)
	boss.Login(ada, seedPassword)
	b := openBrowser(t, localhost(t, server.URL))
	background := b.newTab()
	background.bypassPolicy()
	pw := seedPassword

	// flight starts the fetches and returns when all of them have reached the
	// server; land lets them go and returns when all have been answered.
	flight := func(t *testing.T, early bool) (land func() []int) {
		arrived, release := h.arm(early)
		t.Cleanup(release)
		eval[bool](background, fmt.Sprintf(`(window.flying = Promise.all(Array.from({length: %d}, (_, i) =>
			fetch(["/", "/members", "/session", "/staff", "/account"][i %% 5] + "?hold=" + i, {redirect: "manual"}).then(r => r.status)))) != null`, fetches))
		for range fetches {
			select {
			case <-arrived:
			case <-time.After(patience):
				t.Fatal("the fetches do not reach the server")
			}
		}
		return func() []int { release(); return eval[[]int](background, `window.flying`) }
	}

	actions := []struct {
		name          string
		before, after string // who is logged in
		act           func()
	}{
		{"login", "", bob, func() { b.login(bob, pw) }},
		{"logout", bob, "", func() { b.open("/members"); b.click("#logout") }},
		{"password", bob, bob, func() {
			b.open("/change")
			next := pw + "!"
			b.fill("[name=current]", pw, "[name=password]", next)
			b.click("main form button")
			pw = next
		}},
		{"other user", ada, bob, func() { b.login(bob, pw) }},
	}
	for _, a := range actions {
		for _, early := range []bool{true, false} {
			for _, rotated := range []bool{false, true} {
				name := fmt.Sprintf("%s/worked out early %v/keys rotated %v", a.name, early, rotated)
				t.Run(name, func(t *testing.T) {
					// Begin from the state that the action needs.
					if b.who() != "" {
						b.click("#logout")
					}
					switch a.before {
					case bob:
						b.login(bob, pw)
					case ada:
						b.login(ada, seedPassword)
					}
					background.open("/")
					background.open("/") // whatever message there was has been shown
					if rotated {         // a reseal is due, which no fetch may carry
						boss.Post("/keys/rotate").Want(t, 303, "/session")
						boss.Get("/session")
					}
					land := flight(t, early)
					a.act()
					statuses := land()
					for _, status := range statuses {
						if status >= 500 {
							t.Errorf("statuses %v", statuses)
							break
						}
					}
					if got := b.who(); got != a.after {
						t.Errorf("%q is logged in, not %q", got, a.after)
					}
					if got := background.who(); got != a.after {
						t.Errorf("the other tab: %q is logged in, not %q", got, a.after)
					}
				})
			}
		}
	}

	// Without Fetch Metadata the server doesn't learn that these are fetches. Worked out
	// after the password change, a request from before it still deletes nothing, because
	// the session is younger than a minute.
	again := func(t *testing.T, want string) {
		b.login(bob, pw)
		background.open("/")
		background.open("/")
		land := flight(t, false)
		actions[2].act()
		land()
		if got := b.who(); got != want {
			t.Errorf("%q is logged in, not %q", got, want)
		}
	}
	t.Run("without Fetch Metadata", func(t *testing.T) {
		h.set(func() { h.strip = true })
		again(t, bob)
	})
	// The check can fail: it notices late answers that delete the cookie.
	t.Run("late deletions are noticed", func(t *testing.T) {
		h.set(func() { h.spoil = true })
		again(t, "")
	})
}
