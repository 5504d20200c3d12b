package fuzz_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
)

// The grammar of RFC 6265bis section 4.1.1 with the attributes that we know, each
// at most once. That of Expires is RFC 9110's IMF-fixdate.
var setCookie = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#-+\\--:<-\\[\\]-~]*)" +
	`; Path=(/[!#-+\--:<-\[\]-~]*)` +
	`(?:; Domain=([a-z0-9-]+(?:\.[a-z0-9-]+)+))?` +
	`(?:; Expires=((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT); Max-Age=(0|[1-9][0-9]*))?` +
	`; HttpOnly(; Secure)?; SameSite=(Lax|Strict|None)(; Partitioned)?$`)

// legal checks a line against the grammar, the limits and the rules about
// prefixes, and against what net/http reads.
func legal(t *testing.T, line string) (m []string) {
	t.Helper()
	if m = setCookie.FindStringSubmatch(line); m == nil {
		t.Fatalf("not of the grammar: %q", line)
	}
	name, value, path, domain, secure, site, partitioned := m[1], m[2], m[3], m[4], m[7] != "", m[8], m[9] != ""
	if len(name)+len(value) > 4096 || len(path) > 1024 || len(domain) > 1024 || len(line) > 8190 {
		t.Fatalf("too long: %d", len(line))
	}
	if (site == "None" || partitioned) && !secure {
		t.Fatalf("SameSite=None or Partitioned without Secure: %q", line)
	}
	lower := strings.ToLower(name)
	for _, prefix := range []string{"__secure-", "__http-", "__host-"} { // __host-http- is a __host-
		if strings.HasPrefix(lower, prefix) && !secure {
			t.Fatalf("prefix without Secure: %q", line)
		}
	}
	if strings.HasPrefix(lower, "__host-") && (domain != "" || path != "/") {
		t.Fatalf("__Host- with a domain or path: %q", line)
	}
	c, err := http.ParseSetCookie(line)
	if err != nil || c.Valid() != nil {
		t.Fatalf("%q: %v, %v", line, err, c.Valid())
	}
	if c.Name != name || c.Value != value || c.Path != path || c.Domain != domain || c.Secure != secure ||
		c.Partitioned != partitioned || !c.HttpOnly || c.Quoted || len(c.Unparsed) > 0 {
		t.Fatalf("net/http reads %q as %+v", line, c)
	}
	return m
}

// FuzzSetCookie: for any configuration, value and life, the line follows the grammar,
// keeps all limits, and net/http reads it as it was meant. Its deletion names the same
// cookie. If New or Set refuses, there is no line at all.
func FuzzSetCookie(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, domain, path string, flags uint8, maxLine int, value string, unix, age int64) {
		c := cookie.Config{
			Name: name, Domain: domain, Path: path, SameSite: cookie.SameSite(flags & 3),
			Partitioned: flags&4 != 0, DangerouslyAllowHTTP: flags&8 != 0, MaxLine: maxLine,
		}
		k, err := cookie.New(c)
		if (k == nil) != (err != nil) {
			t.Fatalf("New: %v", err)
		}
		if err != nil {
			return
		}
		slot := func(m []string) string { return fmt.Sprint(m[1], m[3], m[4], m[7], m[8], m[9]) }
		deletion := legal(t, k.Delete())
		if deletion[2] != "" || deletion[6] != "0" || !strings.Contains(deletion[5], " 1970 ") || deletion[1] != k.Name() {
			t.Fatalf("deletion %q", k.Delete())
		}
		if maxLine > 0 && len(k.Delete()) > maxLine+128 {
			t.Fatalf("deletion of %d bytes", len(k.Delete()))
		}
		longest, err := k.Set(strings.Repeat("v", k.MaxValue()), fixed.Now, cookie.MaxAge)
		if err != nil || slot(legal(t, longest)) != slot(deletion) || maxLine > 0 && len(longest) > maxLine {
			t.Fatalf("the longest value: %v, %d bytes", err, len(longest))
		}
		if _, err := k.Set(strings.Repeat("v", k.MaxValue()+1), fixed.Now, 0); err == nil {
			t.Fatal("a longer value than the longest")
		}
		now := time.Unix(unix%(1<<40), 0)
		line, err := k.Set(value, now, time.Duration(age))
		if err != nil {
			if line != "" {
				t.Fatalf("a line beside an error: %q", line)
			}
			return
		}
		m := legal(t, line)
		if m[2] != value || value == "" || slot(m) != slot(deletion) || (m[6] == "") != (age == 0) {
			t.Fatalf("%q for value %q, age %d", line, value, age)
		}
		if age != 0 {
			seconds, err := strconv.ParseInt(m[6], 10, 64)
			expires, err2 := http.ParseTime(m[5])
			if err != nil || err2 != nil || seconds < 1 || seconds > 400*86400 || !expires.Equal(now.Add(time.Duration(seconds)*time.Second)) {
				t.Fatalf("Expires %q and Max-Age %q from %v", m[5], m[6], now)
			}
		}
		neighbour := k.Name() + "x=1"
		if found := k.Find(nil, []string{neighbour + "; " + k.Name() + "=" + value + "; " + neighbour}); len(found) != 1 || found[0] != value {
			t.Fatalf("set %q, found %q", value, found)
		}
		if second, err := k.Companion("-ended"); err == nil {
			if m := legal(t, second.Delete()); m[1] != k.Name()+"-ended" {
				t.Fatalf("companion %q", m[1])
			}
		}
	})
}
