package reliability_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// discard is a response writer that keeps the status only, so that the memory
// that is measured is not the test's.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(s int) {
	if d.status == 0 {
		d.status = s
	}
}
func (d *discard) Write(p []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	return len(p), nil
}

// TestT6_BadCookies: cookies of every bad kind, by the hundred thousand. The heap
// stays flat, a request costs less than 16 KB, and none ends in a server error.
func TestT6_BadCookies(t *testing.T) {
	n := size(50_000, 1_000_000)
	clock := newClock()
	reasons := map[cookie.Reason]int{}
	in := newInstance(t, options{keys: ring(t, 2, 1), now: clock.now, outcome: func(_ *http.Request, o ssestore.Outcome, _ error) { reasons[o.Refused]++ }})
	foreignKeys := newInstance(t, options{keys: ring(t, 9), now: clock.now})
	ahead := newInstance(t, options{keys: ring(t, 1), now: clock.skewed(time.Hour)})
	behind := newInstance(t, options{keys: ring(t, 1), now: clock.skewed(-24 * time.Hour)})

	// One good cookie of each origin to start from, and a session that was logged
	// out, with its barrier.
	values := func(c *client) map[string]string {
		home := &url.URL{Scheme: "https", Host: "127.0.0.1", Path: "/"}
		m := map[string]string{}
		for _, k := range c.jar.Cookies(home) {
			m[k.Name] = k.Value
		}
		return m
	}
	take := func(in *instance) string {
		c := newClient(t).at(in)
		c.must(t, "POST", "/login?id=ann")
		return values(c)["__Host-session"]
	}
	good, second := take(in), take(in)
	unknown, future, expired := take(foreignKeys), take(ahead), take(behind)
	out := newClient(t).at(in)
	out.must(t, "POST", "/login?id=ann")
	ended := values(out)["__Host-session"]
	out.must(t, "POST", "/logout")
	barrier := values(out)["__Host-session-ended"]

	random := rand.New(rand.NewPCG(6, 6))
	junk := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."[random.IntN(65)]
		}
		return string(b)
	}
	flip := func(s string, from int) string {
		b := []byte(s)
		for i := from + random.IntN(len(b)-from); ; i = from + random.IntN(len(b)-from) {
			if b[i] == '.' {
				continue
			}
			b[i] = map[bool]byte{true: 'B', false: 'A'}[b[i] == 'A']
			return string(b)
		}
	}
	const name = "__Host-session="
	kinds := []func() string{
		func() string { return name + junk(random.IntN(600)) },              // foreign
		func() string { return name + flip(unknown, 62) },                   // unknown key
		func() string { return name + flip(good, 62) },                      // bad tag
		func() string { return name + good[:61+random.IntN(len(good)-62)] }, // truncated
		func() string { return name + future },
		func() string { return name + expired },
		func() string { return name + ended + "; " + name[:len(name)-1] + "-ended=" + barrier },
		func() string { return name + good + "; " + name + second },     // two that are good
		func() string { return name + strings.Repeat(".", 100_000) },    // dots
		func() string { return name + good[:61] + junk(8_000) },         // longer than any
		func() string { return strings.Repeat(name+junk(30)+"; ", 50) }, // many
		func() string { return strings.Repeat("a=b; ", 3_001) },         // many others
		func() string { return name + junk(40) + "; " + name[:len(name)-1] + "-ended=" + junk(3_000) },
	}
	paths := []string{"/who", "/get", "/set?v=x", "/logout"}
	statuses := map[int]int{}
	// The headers are made outside of the measurement: they are the client's.
	batch := make([]string, 1_000)
	request := func(path, header string) int {
		method := "GET"
		if path == "/set?v=x" || path == "/logout" {
			method = "POST"
		}
		r, err := http.NewRequest(method, "http://127.0.0.1"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Cookie"] = []string{header}
		w := &discard{header: http.Header{}}
		in.handler.ServeHTTP(w, r)
		return w.status
	}
	var perRequest, least, most uint64
	var before, after runtime.MemStats
	total := uint64(0)
	for done := 0; done < n; done += len(batch) {
		for i := range batch {
			batch[i] = kinds[(done+i)%len(kinds)]()
		}
		runtime.ReadMemStats(&before)
		for i, header := range batch {
			statuses[request(paths[(done+i)%3], header)]++
		}
		runtime.ReadMemStats(&after)
		total += after.TotalAlloc - before.TotalAlloc
		if done%(n/10) == 0 { // ten samples of what is left
			runtime.GC()
			runtime.GC() // what pools let go, and those of other tests
			runtime.ReadMemStats(&after)
			if least == 0 {
				least = after.HeapAlloc
			}
			least, most = min(least, after.HeapAlloc), max(most, after.HeapAlloc)
		}
	}
	perRequest = total / uint64(n)
	errors5xx := 0
	for status, count := range statuses {
		if status >= 500 {
			errors5xx += count
		}
	}
	text := ""
	for _, r := range []cookie.Reason{cookie.ReasonForeign, cookie.ReasonUnknownKey, cookie.ReasonBadTag, cookie.ReasonMalformed, cookie.ReasonFuture, cookie.ReasonExpired, cookie.ReasonEnded, cookie.ReasonAmbiguous} {
		text += fmt.Sprintf(" %s %d", r, reasons[r])
		if reasons[r] == 0 {
			t.Errorf("no cookie was refused as %s", r)
		}
	}
	t.Logf("T6: %d bad cookies (%s ): %d answers of 5xx, %d bytes allocated for each, heap between %d and %d KB", n, text, errors5xx, perRequest, least/1024, most/1024)
	if errors5xx != 0 || perRequest > 16<<10 || most > least+2<<20 {
		t.Errorf("want no 5xx, less than 16 KB each and a flat heap; statuses %v", statuses)
	}
}
