package e2e_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/internal/freeport"
	"github.com/hardtack-go/hardtack/keyring"
)

// news is what a process of a fleet says of itself.
type news struct {
	Ready bool
	Keys  []struct{ Kid, Phase string }
}

// key returns the kid of the first key with a phase, or "".
func (n news) key(phase string) string {
	for _, k := range n.Keys {
		if k.Phase == phase {
			return k.Kid
		}
	}
	return ""
}

// newsOf asks a process of the fleet. It reports false for one that doesn't answer.
func newsOf(url string) (n news, ok bool) {
	resp, err := http.Get(url + "/fleet.json")
	if err != nil {
		return n, false
	}
	defer resp.Body.Close()
	return n, json.NewDecoder(resp.Body).Decode(&n) == nil
}

// over waits until every process refuses a copy of the cookie that a browser holds.
func (p *process) over(t *testing.T, cookie string) {
	t.Helper()
	eventually(t, "all processes to hear that a session is over", func() bool {
		for _, url := range p.fleet {
			v := visitor.New(t, url)
			v.SetCookie(cookie)
			if v.Who() != "" {
				return false
			}
		}
		return true
	})
}

// eventually asks again and again until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !yes(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// find loads the page again until it has an element.
func (b *browserTab) find(css string) {
	b.t.Helper()
	eventually(b.t, css, func() bool {
		b.open("/")
		return eval[bool](b, `document.querySelector(`+quoteJS(css)+`) !== null`)
	})
}

// plainBrowser is a browser without script, at a process of the fleet.
func plainBrowser(t *testing.T, base string) *browserTab {
	b := openBrowser(t, base)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return b
}

// cookieOf returns the session cookie that a browser holds.
func cookieOf(b *browserTab) string {
	b.t.Helper()
	all, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range all.Cookies {
		if c.Name == "__Host-session" {
			return c.Value
		}
	}
	b.t.Fatal("the browser has no session cookie")
	return ""
}

// Three processes on one database, and three browsers at them, without script.
func TestY86_FleetEndsSessionsEverywhere(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0", "-fleet", "3", "-rotate", "0")
	if len(p.fleet) != 3 {
		t.Fatalf("the processes are at %q", p.fleet)
	}
	laptop, phone, boss := plainBrowser(t, p.fleet[0]), plainBrowser(t, p.fleet[1]), plainBrowser(t, p.fleet[2])
	at := func(b *browserTab, n int) *browserTab { c := *b; c.base = p.fleet[n]; return &c }

	laptop.login(bob, seedPassword)
	for n := range p.fleet {
		if who := at(laptop, n).who(); who != bob {
			t.Fatalf("%q is logged in at process %d", who, n+1)
		}
	}
	laptop.open("/members") // where the laptop is left
	phone.login(bob, seedPassword)

	// One session, from another browser at another port.
	phone.open("/sessions")
	phone.shoot("fleet-sessions")
	if n := eval[int](phone, `document.querySelectorAll("#sessions li").length`); n != 2 {
		t.Errorf("%d sessions are listed", n)
	}
	phone.click("form[action='/sessions/end'] button")
	phone.says("That session is over")
	p.over(t, cookieOf(laptop))
	laptop.click(".tab[href='/members']")
	laptop.says("This session was ended")
	for n := range p.fleet {
		if who := at(laptop, n).who(); who != "" {
			t.Errorf("%s is still logged in at process %d", who, n+1)
		}
	}

	// The others.
	laptop.login(bob, seedPassword)
	boss.login(ada, seedPassword)
	laptop.open("/sessions")
	laptop.click("#others")
	laptop.says("All your other sessions are over")
	p.over(t, cookieOf(phone))
	phone.click(".tab[href='/members']")
	phone.says("This session was ended")
	if laptop.who() != bob || at(laptop, 2).who() != bob || boss.who() != ada {
		t.Error("the wrong sessions are over")
	}

	// By the staff, and in again.
	boss.open("/staff")
	boss.click("form[action='/staff/kick']:has([value='2']) button")
	boss.says("Their sessions are over")
	p.over(t, cookieOf(laptop))
	laptop.click(".tab[href='/members']")
	laptop.says("This session was ended")
	phone.login(bob, seedPassword)
	for n := range p.fleet {
		if who := at(phone, n).who(); who != bob {
			t.Errorf("after a new login %q is in at process %d", who, n+1)
		}
	}

	// A logout reaches copies at every port.
	copied := cookieOf(phone)
	phone.open("/members")
	phone.click("#logout")
	p.over(t, copied)
	if log := p.stderr.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
		t.Errorf("the log:\n%s", log)
	}
}

// A process is killed while a key is on its way to be the primary.
func TestY87_KilledDuringARotation(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0", "-fleet", "3", "-rotate", "20s")
	b, page := plainBrowser(t, p.fleet[0]), plainBrowser(t, p.url)
	b.login(bob, seedPassword)
	boss, guest := visitor.New(t, p.fleet[1]), visitor.New(t, p.fleet[2])
	boss.Login(ada, seedPassword).Want(t, 303, "/")
	guest.Post("/cart", "item", "lime").Want(t, 303, "/")
	nobodyIsOut := func(when string, processes ...int) {
		t.Helper()
		for _, n := range processes {
			b.base = p.fleet[n]
			if who := b.who(); who != bob {
				t.Fatalf("%s: the browser is %q at process %d\n%s", when, who, n+1, p.stderr)
			}
			if who := boss.At(p.fleet[n]).Who(); who != ada {
				t.Fatalf("%s: ada is %q at process %d\n%s", when, who, n+1, p.stderr)
			}
			guest.At(p.fleet[n]).Get("/").Says(t, "<li>lime</li>")
		}
	}
	nobodyIsOut("at first", 0, 1, 2)

	var before news
	eventually(t, "a key on its way", func() bool {
		page.find("[data-phase=next]")
		before, _ = newsOf(p.fleet[0])
		return before.key("next") != "" // or it has arrived meanwhile
	})
	next := before.key("next")
	page.click("[data-number='2'] button")
	page.find("#happened")
	page.shoot("fleet-killed")
	page.says("Process 2 ended")
	eventually(t, "the new key to be the primary everywhere", func() bool {
		nobodyIsOut("while process 2 is away", 0, 2)
		for _, url := range p.fleet {
			// It may have had its time already.
			if n, ok := newsOf(url); !ok || !n.Ready || n.key("primary") == before.key("primary") || n.key("next") == next {
				return false
			}
		}
		return true
	})
	page.find("[data-number='2'][data-ready='true']")
	page.says("Process 2 is up again")
	nobodyIsOut("after the rotation", 0, 1, 2)
	if log := p.stderr.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
		t.Errorf("the log:\n%s", log)
	}
}

// The page works with the keyboard, and the processes end with their supervisor, even
// if that is killed.
func TestY88_FleetPage(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0", "-fleet", "2")
	b := openBrowser(t, p.url)
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.find("[data-number='1'][data-ready='true'] + [data-number='2'][data-ready='true']") // or one hasn't answered in time
	if got, want := strings.Join(strings.Fields(strings.Join(b.stops(), ", ")), " "), "Open process 1, Open process 2, Table of processes, 1 at "+p.fleet[0]+", Kill process 1, 2 at "+p.fleet[1]+", Kill process 2, Table of keys"; got != want {
		t.Errorf("the focus goes to %s\nwant %s", got, want)
	}
	n, ok := newsOf(p.fleet[0])
	if !ok || n.key("primary") == "" {
		t.Fatalf("%+v", n)
	}
	b.says(n.key("primary"))
	b.says("primary")
	eval[bool](b, `document.querySelector("[data-number='1'] button").focus() ?? true`)
	if status := b.navigate(chromedp.KeyEvent(kb.Enter)); status != 200 {
		t.Errorf("the key Enter is answered with %d", status)
	}
	b.find("#happened")
	b.find("[data-number='1'][data-ready='true']")
	if eval[string](b, `document.querySelector("[data-number='1'] a").href`) != p.fleet[0]+"/" {
		t.Error("the process came back at another address")
	}

	// Another site can't kill, and nobody can with a GET.
	for _, row := range []struct {
		method, site string
		want         int
	}{{"POST", "cross-site", 403}, {"GET", "same-origin", 405}} {
		r, err := http.NewRequest(row.method, p.url+"/kill?number=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", row.site)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.want {
			t.Errorf("%s from %s: %d", row.method, row.site, resp.StatusCode)
		}
	}

	// This waits for the processes, too: they hold the pipe to the log.
	p.end(t, syscall.SIGKILL)
	for _, url := range p.fleet {
		if _, ok := newsOf(url); ok {
			t.Errorf("%s outlives its supervisor", url)
		}
	}
}

// What -fleet refuses, and a port that is taken.
func TestY89_FleetFlags(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// A free port, and after it one that is taken.
	var before string
	for before == "" {
		free, err := freeport.Addr()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(free)
		number, _ := strconv.Atoi(port)
		if taken, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number+1))); err == nil {
			defer taken.Close()
			before = free
		}
	}
	ring := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.CreateFile(ring, keyring.Generate()); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ args, says string }{
		{"-fleet 1 -addr 127.0.0.1:0", "2 to 9"}, {"-fleet 10 -addr 127.0.0.1:0", "2 to 9"}, {"-fleet 2 -rotate 1s -addr 127.0.0.1:0", "-rotate must be"},
		{"-fleet 2 -origin https://demo.example -addr 127.0.0.1:0", "-origin"}, {"-fleet 2 -addr 0.0.0.0:0", "this machine only"},
		{"-member x", "-member"}, {"-fleet 2 -addr 127.0.0.1:0 -keys " + ring, "isn't the secret"}, {"-fleet 2 -addr " + before, "process 1"},
	} {
		cmd := exec.CommandContext(t.Context(), path, strings.Fields(row.args)...)
		cmd.Env = append(cmd.Environ(), "TMPDIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), row.says) || strings.Contains(string(out), "panic") {
			t.Errorf("%s: %v\n%s", row.args, err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), path, "-h").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "demo -fleet 3 ") {
		t.Errorf("-h: %v\n%s", err, out)
	}
}
