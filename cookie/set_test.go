package cookie_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

var t0 = time.Unix(1700000000, 0)

// C1: name and value together take at most 4,096 characters; beyond, a typed
// error and no line.
func TestC1_PairSize(t *testing.T) {
	for _, name := range []string{"__Host-session", "s"} {
		k := newCookie(t, cookie.Config{Name: name, MaxLine: 8190})
		for pair := 4094; pair <= 4098; pair++ {
			for _, age := range []time.Duration{0, time.Hour} {
				line, err := k.Set(strings.Repeat("v", pair-len(name)), t0, age)
				var size *cookie.SizeError
				switch {
				case pair <= 4096 && err != nil:
					t.Errorf("%d: %v", pair, err)
				case pair > 4096 && (line != "" || !errors.As(err, &size) || size.Size != pair-len(name) || size.Limit != 4096-len(name)):
					t.Errorf("%d: %q %v", pair, line, err)
				}
			}
		}
	}
}

// The whole line stays within MaxLine, and MaxValue is exact: one more is refused.
func TestMaxLine(t *testing.T) {
	for _, c := range []cookie.Config{
		{}, {MaxLine: 1000}, {DangerouslyAllowHTTP: true, MaxLine: 300},
		{Name: "__Secure-s", Domain: "app.example.com", Path: "/some/path", SameSite: cookie.SameSiteStrict, Partitioned: true},
	} {
		k := newCookie(t, c)
		limit := c.MaxLine
		if limit == 0 {
			limit = 3800
		}
		line, err := k.Set(strings.Repeat("v", k.MaxValue()), t0, cookie.MaxAge)
		if err != nil || len(line) != limit {
			t.Errorf("%+v: line of %d, want %d: %v", c, len(line), limit, err)
		}
		for _, age := range []time.Duration{0, cookie.MaxAge} {
			var size *cookie.SizeError
			if _, err := k.Set(strings.Repeat("v", k.MaxValue()+1), t0, age); !errors.As(err, &size) || size.Limit != k.MaxValue() {
				t.Errorf("%+v: one over: %v", c, err)
			}
		}
		if len(k.Delete()) > limit {
			t.Errorf("%+v: deletion of %d", c, len(k.Delete()))
		}
	}
}

// C6, and S8.6: attributes of browser sessions
// and of persistent ones.
func TestC6_MaxAge(t *testing.T) {
	k := newCookie(t, cookie.Config{Name: "sessionid", DangerouslyAllowHTTP: true})
	const end = "; HttpOnly; SameSite=Lax"
	for _, c := range []struct {
		age  time.Duration
		want string
	}{
		{0, ""},
		{1, "; Expires=Tue, 14 Nov 2023 22:13:21 GMT; Max-Age=1"},
		{time.Second, "; Expires=Tue, 14 Nov 2023 22:13:21 GMT; Max-Age=1"},
		{1999 * time.Millisecond, "; Expires=Tue, 14 Nov 2023 22:13:21 GMT; Max-Age=1"},
		{300 * time.Second, "; Expires=Tue, 14 Nov 2023 22:18:20 GMT; Max-Age=300"},
		{14 * 24 * time.Hour, "; Expires=Tue, 28 Nov 2023 22:13:20 GMT; Max-Age=1209600"},
		{400 * 24 * time.Hour, "; Expires=Wed, 18 Dec 2024 22:13:20 GMT; Max-Age=34560000"},
		{401 * 24 * time.Hour, "; Expires=Wed, 18 Dec 2024 22:13:20 GMT; Max-Age=34560000"},
		{1<<63 - 1, "; Expires=Wed, 18 Dec 2024 22:13:20 GMT; Max-Age=34560000"},
	} {
		line, err := k.Set("T", t0, c.age)
		if want := "sessionid=T; Path=/" + c.want + end; err != nil || line != want {
			t.Errorf("%v: %q %v, want %q", c.age, line, err, want)
		}
	}
	// A time zone of the caller's changes nothing.
	line, err := k.Set("T", t0.In(time.FixedZone("x", 5*3600+1800)), time.Second)
	if err != nil || !strings.Contains(line, "22:13:21 GMT") {
		t.Errorf("%q %v", line, err)
	}
	for _, c := range []struct {
		now time.Time
		age time.Duration
	}{
		{t0, -1}, {t0, -time.Hour}, {time.Time{}, time.Hour}, {time.Unix(-7200, 0), time.Hour},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Hour}, {time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour},
	} {
		if line, err := k.Set("T", c.now, c.age); err == nil {
			t.Errorf("%v %v: %q", c.now, c.age, line)
		}
	}
	// Without an expiry the time does not matter.
	if _, err := k.Set("T", time.Time{}, 0); err != nil {
		t.Error(err)
	}
}

// C8: a deletion deletes, in a jar that keeps cookies apart by domain and path as
// browsers do; with Domain, Path and Partitioned.
func TestC8_DeletionInJar(t *testing.T) {
	for _, c := range []cookie.Config{
		{}, {Partitioned: true}, {SameSite: cookie.SameSiteNone, Partitioned: true},
		{Name: "__Secure-s", Domain: "example.com"},
		{Name: "__Secure-s", Domain: "example.com", Path: "/app", Partitioned: true},
		{Name: "s", Path: "/app/x"},
		{DangerouslyAllowHTTP: true}, {Name: "s", Domain: "example.com", DangerouslyAllowHTTP: true},
	} {
		k := newCookie(t, c)
		for _, age := range []time.Duration{0, time.Hour} {
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			at := &url.URL{Scheme: "https", Host: "www.example.com", Path: "/app/x/y"}
			set, err := k.Set("v", time.Now(), age)
			if err != nil {
				t.Fatal(err)
			}
			jar.SetCookies(at, []*http.Cookie{reparse(t, k, set)})
			if got := jar.Cookies(at); len(got) != 1 || got[0].Value != "v" {
				t.Fatalf("%+v: the jar did not take %q: %v", c, set, got)
			}
			gone := reparse(t, k, k.Delete())
			jar.SetCookies(at, []*http.Cookie{gone})
			if got := jar.Cookies(at); len(got) != 0 {
				t.Errorf("%+v: %q left %v", c, k.Delete(), got)
			}
			have := reparse(t, k, set)
			if gone.Domain != have.Domain || gone.Path != have.Path || gone.Partitioned != have.Partitioned ||
				gone.SameSite != have.SameSite || gone.Secure != have.Secure || gone.Secure == c.DangerouslyAllowHTTP ||
				gone.Value != "" || gone.MaxAge != -1 || gone.Expires.Unix() != 0 {
				t.Errorf("%+v: set %q, delete %q", c, set, k.Delete())
			}
		}
	}
}

// C11: the longest session cookie and 2 KB of other headers fit 8,190 bytes for
// each field and 10,240 in all, both ways.
func TestC11_HeaderBudget(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	line, err := k.Set(strings.Repeat("v", k.MaxValue()), t0, cookie.MaxAge)
	if err != nil {
		t.Fatal(err)
	}
	const others = 2048
	response := len("Set-Cookie: \r\n") + len(line)
	request := len("Cookie: \r\n") + len(k.Name()) + 1 + k.MaxValue()
	for what, n := range map[string]int{"response": response, "request": request} {
		if n > 8190 || n+others > 10240 {
			t.Errorf("%s: %d bytes and %d of others", what, n, others)
		}
	}
	// Other cookies share the field in the request.
	if request+others > 8190 {
		t.Errorf("Cookie field of %d bytes with other cookies", request+others)
	}
}

// TestC2_Dates: the dates are those of package time, for every day of 80 years and every
// second of a day.
func TestC2_Dates(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	check := func(now time.Time) {
		t.Helper()
		line, err := k.Set("v", now, time.Second)
		if want := "; Expires=" + now.UTC().Add(time.Second).Format(http.TimeFormat) + "; "; err != nil || !strings.Contains(line, want) {
			t.Fatalf("%v: %q %v, want %q", now, line, err, want)
		}
	}
	start := time.Date(2020, 1, 1, 23, 59, 58, 999, time.FixedZone("", -3600))
	for day := range 80 * 366 {
		check(start.AddDate(0, 0, day))
	}
	for second := range 24 * 60 * 60 {
		check(start.Add(time.Duration(second) * time.Second))
	}
	for _, sec := range []int64{0, 1<<31 - 1, 1 << 32, 253402300797} {
		check(time.Unix(sec, 0))
	}
}

// The values that Set takes are those of cookie-octets, RFC 6265 section 4.1.1.
func TestC2_ValueOctets(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	for c := range 256 {
		octet := c == 0x21 || 0x23 <= c && c <= 0x2b || 0x2d <= c && c <= 0x3a || 0x3c <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e
		for i := range 20 {
			value := strings.Repeat("v", i) + string([]byte{byte(c)}) + strings.Repeat("v", 19-i)
			if i == 19 {
				value = value[i:]
			}
			if _, err := k.Set(value, time.Unix(1700000000, 0), 0); (err == nil) != octet {
				t.Errorf("%q: %v", value, err)
			}
		}
	}
}
