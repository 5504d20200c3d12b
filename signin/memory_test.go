package signin_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
)

// from is a request from an address.
func from(address string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil)
	r.RemoteAddr = address
	return r
}

// allowed returns how many attempts of n pass.
func allowed(th signin.Throttle, n int, address, account string) (passed int) {
	for range n {
		if _, ok := th.Allow(from(address), account); ok {
			passed++
		}
	}
	return passed
}

func TestD14_Limits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := signin.NewMemory(nil)
		check := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d passed, want %d", what, got, want)
			}
		}
		check("one client at one account", allowed(th, 50, "192.0.2.1:1", "ada@example.com"), 10)
		check("at it in another spelling", allowed(th, 50, "192.0.2.1:2", " ADA@example.com\n"), 0)
		check("behind many spaces", allowed(th, 50, "192.0.2.1:2", strings.Repeat(" ", 300)+"ada@example.com"), 0)
		check("at other accounts", allowed(th, 50, "192.0.2.1:3", "bob@example.com"), 10)
		wait, ok := th.Allow(from("192.0.2.1:1"), "ada@example.com")
		if ok || wait <= 59*time.Second || wait > time.Minute {
			t.Errorf("to wait: %v, %t", wait, ok)
		}
		check("another client at the account", allowed(th, 50, "192.0.2.2:1", "ada@example.com"), 10)

		time.Sleep(wait)
		check("a minute later", allowed(th, 50, "192.0.2.1:1", "ada@example.com"), 1)

		check("one client at no account", allowed(th, 200, "192.0.2.3:1", ""), 100)
		check("then at an account", allowed(th, 200, "192.0.2.3:1", "ada@example.com"), 0)
		wait, ok = th.Allow(from("192.0.2.3:1"), "")
		if ok || wait <= 1900*time.Millisecond || wait > 2*time.Second {
			t.Errorf("to wait: %v, %t", wait, ok)
		}

		total := 0
		for i := range 50 {
			total += allowed(th, 50, fmt.Sprintf("198.51.100.%d:1", i), "carl@example.com")
		}
		check("many clients at one account", total, 100)
		wait, ok = th.Allow(from("203.0.113.1:1"), "carl@example.com")
		if ok || wait <= 19*time.Second || wait > 20*time.Second {
			t.Errorf("to wait: %v, %t", wait, ok)
		}
		check("one of them at no account", allowed(th, 1, "203.0.113.1:1", ""), 1)
	})
}

// One stranger who never stops can't lock the owner of an account out.
func TestD14_OwnerGetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := signin.NewMemory(nil)
		for range 600 { // ten hours
			allowed(th, 20, "192.0.2.1:1", "ada@example.com")
			time.Sleep(time.Minute)
		}
		if allowed(th, 1, "198.51.100.1:1", "ada@example.com") != 1 {
			t.Error("the owner is locked out")
		}
	})
}

// Refused attempts aren't counted: who waits as long as they are told gets in.
func TestD14_RefusedAttemptsDontCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := signin.NewMemory(nil)
		allowed(th, 10, "192.0.2.1:1", "ada@example.com")
		wait, _ := th.Allow(from("192.0.2.1:1"), "ada@example.com")
		for range 10 {
			time.Sleep(wait / 10)
			if _, ok := th.Allow(from("192.0.2.1:1"), "ada@example.com"); ok {
				return
			}
		}
		t.Errorf("refused after %v", wait)
	})
}

func TestD14_Networks(t *testing.T) {
	th := signin.NewMemory(nil)
	for _, group := range [][]string{
		{"192.0.2.1:1", "192.0.2.1", "[::ffff:192.0.2.1]:5", "::ffff:192.0.2.1", " 192.0.2.1 "},
		{"192.0.2.2:1"},
		{"[2001:db8:0:1::1]:1", "2001:db8:0:1:ffff::9", "[2001:db8:0:1::1%eth0]:1", "[2001:db8:0:1::1]"},
		{"[2001:db8:0:2::1]:1"},
		{"[fe80::1%eth0]:1", "fe80::1%eth1"},
		{"", "@", "unix", "192.0.2.999", "192.0.2.1.evil.example", "1.2.3", "192.0.2.1, 192.0.2.7", strings.Repeat("9", 10_000)},
	} {
		allowed(th, 10, group[0], "ada@example.com")
		for _, address := range group {
			if allowed(th, 1, address, "ada@example.com") > 0 {
				t.Errorf("%.40q isn't the network of %q", address, group[0])
			}
		}
	}
}

func TestD14_AddressFunction(t *testing.T) {
	th := signin.NewMemory(func(r *http.Request) string { return r.Header.Get("X-Real-Ip") })
	r := from("192.0.2.1:1")
	for i := range 20 {
		r.Header.Set("X-Real-Ip", fmt.Sprintf("198.51.100.%d", i))
		if _, ok := th.Allow(r, ""); !ok {
			t.Errorf("client %d is refused", i)
		}
	}
}

// A flood of names, from a network for each, doesn't reset a count that is used up, and
// the memory stays bounded.
func TestD15_FloodResetsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 300
		th := signin.NewSmallMemory(nil, most)
		allowed(th, 10, "192.0.2.1:1", "ada@example.com")
		for i := range 20 * most {
			th.Allow(from(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)), fmt.Sprintf("%d@example.com", i))
		}
		if n := signin.Counts(th); n > most {
			t.Errorf("%d counts, more than %d", n, most)
		}
		if allowed(th, 1, "192.0.2.1:1", "ada@example.com") > 0 {
			t.Error("the flood reset the count")
		}
		// What nobody has used for a while makes room by itself.
		time.Sleep(time.Hour)
		allowed(th, 10, "192.0.2.1:1", "ada@example.com")
		if allowed(th, 1, "192.0.2.1:1", "ada@example.com") > 0 {
			t.Error("an hour later, the limit is another")
		}
	})
}

// Whatever the length of a name, what is kept of it is short, and two long ones that
// begin alike may share a count.
func TestD15_LongNames(t *testing.T) {
	th := signin.NewMemory(nil)
	long := strings.Repeat("a", 1<<20)
	if n := allowed(th, 20, "192.0.2.1:1", long); n != 10 {
		t.Errorf("%d passed", n)
	}
}

func TestD14_Parallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := signin.NewMemory(nil)
		var passed atomic.Int32
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				passed.Add(int32(allowed(th, 20, "192.0.2.1:1", "ada@example.com")))
				allowed(th, 20, fmt.Sprintf("198.51.100.%d:1", i), fmt.Sprintf("%d@example.com", i))
			})
		}
		all.Wait()
		if n := passed.Load(); n != 10 {
			t.Errorf("%d passed, want 10", n)
		}
	})
}

// never is a throttle that allows nothing.
type never time.Duration

func (n never) Allow(*http.Request, string) (time.Duration, bool) { return time.Duration(n), false }

func TestD16_TooManyAttempts(t *testing.T) {
	for wait, want := range map[time.Duration][2]string{
		0:                       {"1", "in a minute."},
		time.Millisecond:        {"1", "in a minute."},
		time.Second:             {"1", "in a minute."},
		1500 * time.Millisecond: {"2", "in a minute."},
		time.Minute:             {"60", "in a minute."},
		2 * time.Minute:         {"120", "in 2 minutes."},
		61 * time.Minute:        {"3660", "in 61 minutes."},
		-time.Second:            {"1", "in a minute."},
	} {
		a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = never(wait) }})
		a.Mux.HandleFunc("/try", func(w http.ResponseWriter, r *http.Request) {
			if a.Desk.Allow(w, r, "ada@example.com") {
				t.Error("allowed")
			}
		})
		res := a.Browser(t).Get("/try")
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != want[0] || !strings.Contains(res.Body, want[1]) {
			t.Errorf("%v: %d, Retry-After %s, %s", wait, res.StatusCode, res.Header.Get("Retry-After"), res.Body)
		}
	}
}

// Behind a proxy, the default throttle counts everybody as one client. The log says so
// when it matters.
func TestD16_ProxyIsOneClient(t *testing.T) {
	for _, row := range []struct {
		name, field, value string
		throttle           signin.Throttle
		told               bool
		from               string
	}{
		{"no proxy", "X-Real-Ip", "192.0.2.7", nil, false, "192.0.2.1:0"},
		{"X-Forwarded-For", "X-Forwarded-For", "192.0.2.7", nil, true, "192.0.2.1:0"},
		{"Forwarded", "Forwarded", "for=192.0.2.7", nil, true, "192.0.2.1:0"},
		{"a throttle of its own", "X-Forwarded-For", "192.0.2.7", never(0), false, "192.0.2.1:0"},
		{"a function behind its gateway", "X-Forwarded-For", "192.0.2.1", nil, false, "192.0.2.1:0"},
		{"a function whose gateway names no port", "X-Forwarded-For", "192.0.2.1", nil, false, "192.0.2.1"},
		{"a gateway behind a proxy", "X-Forwarded-For", "192.0.2.7, 192.0.2.1", nil, true, "192.0.2.1:0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log strings.Builder
			a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
				c.Throttle, c.Log = row.throttle, slog.New(slog.NewTextHandler(&log, nil))
			}})
			attempt := func() bool {
				r := httptest.NewRequest("POST", "/", nil)
				r.RemoteAddr = row.from
				r.Header.Set(row.field, row.value)
				return a.Desk.Allow(httptest.NewRecorder(), r, "")
			}
			for attempt() {
				if log.Len() > 0 {
					t.Fatalf("it was allowed, and logged %q", log.String())
				}
			}
			attempt()
			if n := strings.Count(log.String(), "hardtack: one-client"); n != map[bool]int{true: 1}[row.told] || strings.Contains(log.String(), "192.0.2.") {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}
