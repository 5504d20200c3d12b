package doctor_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/doctor"
)

const token = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiWlhoaGJYQSJ9..gGYdAW8po-JPPAtA.r8J5-HN4.mGRuTzVk2i6lmdpKu_mQ_g"

// good is the answer of a login as it should be.
func good() http.Header {
	return http.Header{
		"Set-Cookie":                {"__Host-session=" + token + "; Path=/; Secure; HttpOnly; SameSite=Lax"},
		"Cache-Control":             {"private, no-store"},
		"Vary":                      {"Accept-Encoding, Cookie"},
		"Strict-Transport-Security": {"max-age=31536000; includeSubDomains"},
		"Date":                      {"Fri, 15 Jan 2027 08:00:00 GMT"},
	}
}

func TestE59_Doctor(t *testing.T) {
	set := func(line string) func(http.Header) {
		return func(h http.Header) { h["Set-Cookie"] = []string{line} }
	}
	header := func(name, value string) func(http.Header) {
		return func(h http.Header) {
			h.Del(name)
			if value != "" {
				h.Set(name, value)
			}
		}
	}
	const rest = "; Path=/; Secure; HttpOnly; SameSite=Lax"
	for _, test := range []struct {
		what   string
		url    string
		name   string
		change func(http.Header)
		check  string
		level  string
		says   string
	}{
		{"all is well", "", "", func(http.Header) {}, "", "", ""},
		{"another name", "", "sid", set("sid=x" + rest), "cookie", doctor.Advice, "doesn't have our format"},
		{"no cookie", "", "", header("Set-Cookie", ""), "cookie", doctor.Fault, "no session cookie was set"},
		{"another cookie", "", "", set("theme=dark"), "cookie", doctor.Fault, "no session cookie was set"},
		{"set twice", "", "", func(h http.Header) { h.Add("Set-Cookie", h.Get("Set-Cookie")) }, "cookie", doctor.Fault, "2 Set-Cookie lines"},

		{"plain http", "http://shop.example/", "", func(http.Header) {}, "TLS", doctor.Fault, "browsers drop"},
		{"plain http here", "http://localhost:8080/", "", func(http.Header) {}, "TLS", doctor.Good, ""},
		{"plain http at 127.0.0.1", "http://127.0.0.1/", "", func(http.Header) {}, "TLS", doctor.Good, ""},
		{"plain http at ::1", "http://[::1]/", "", func(http.Header) {}, "TLS", doctor.Good, ""},
		{"plain http at a name of this machine", "http://shop.localhost/", "", func(http.Header) {}, "TLS", doctor.Good, ""},
		{"no HSTS", "", "", header("Strict-Transport-Security", ""), "HSTS", doctor.Advice, "there is no Strict-Transport-Security"},
		{"HSTS off", "", "", header("Strict-Transport-Security", "max-age=0"), "HSTS", doctor.Advice, "there is no Strict-Transport-Security"},
		{"short HSTS", "", "", header("Strict-Transport-Security", `max-age="86400"`), "HSTS", doctor.Advice, "max-age is 1 days"},

		{"no prefix", "", "", set("session=" + token + rest), "name", doctor.Advice, "no prefix"},
		{"__Secure-", "", "", set("__Secure-session=" + token + rest), "name", doctor.Advice, "Use __Host- unless"},
		{"__Secure- without Secure", "", "", set("__Secure-session=" + token + "; Path=/; HttpOnly; SameSite=Lax"), "name", doctor.Fault, "needs Secure"},
		{"__Host- with Domain", "", "", set("__Host-session=" + token + rest + "; Domain=shop.example"), "name", doctor.Fault, "no Domain"},
		{"__Host- with a path", "", "", set("__Host-session=" + token + "; Path=/shop; Secure; HttpOnly; SameSite=Lax"), "name", doctor.Fault, "Path=/"},
		{"__Host- without Secure", "", "", set("__Host-session=" + token + "; Path=/; HttpOnly; SameSite=Lax"), "name", doctor.Fault, "needs Secure"},

		{"no Secure", "", "", set("session=" + token + "; Path=/; HttpOnly; SameSite=Lax"), "Secure", doctor.Fault, "plain http"},
		{"no HttpOnly", "", "", set("__Host-session=" + token + "; Path=/; Secure; SameSite=Lax"), "HttpOnly", doctor.Fault, "any script"},
		{"no SameSite", "", "", set("__Host-session=" + token + "; Path=/; Secure; HttpOnly"), "SameSite", doctor.Fault, "missing"},
		{"SameSite=None", "", "", set("__Host-session=" + token + "; Path=/; Secure; HttpOnly; SameSite=None"), "SameSite", doctor.Advice, "every site"},
		{"SameSite=Strict", "", "", set("__Host-session=" + token + "; path=/; secure; httponly; samesite=Strict"), "SameSite", doctor.Good, "strict"},
		{"Domain", "", "", set("__Secure-session=" + token + rest + "; Domain=shop.example"), "Domain", doctor.Advice, "every host"},
		{"Path", "", "", set("__Secure-session=" + token + "; Path=/shop; Secure; HttpOnly; SameSite=Lax"), "Path", doctor.Advice, "isn't /"},

		{"a long line", "", "session", set("session=" + strings.Repeat("a", 3800) + rest), "size", doctor.Advice, "more than the 3800"},
		{"a cookie that browsers drop", "", "session", set("session=" + strings.Repeat("a", 4090) + rest), "size", doctor.Fault, "browsers drop"},
		{"lines joined by a comma", "", "", set("__Host-session=" + token + rest + ", __Host-session-ended=x; Path=/"), "size", doctor.Fault, "joined by a comma"},
		{"lines joined after SameSite", "", "", set("__Host-session=" + token + rest + ",theme=dark"), "size", doctor.Fault, "joined by a comma"},

		{"a date", "", "", set("__Host-session=" + token + rest + "; Expires=Wed, 21 Oct 2037 07:28:00 GMT"), "", "", ""},

		{"no Cache-Control", "", "", header("Cache-Control", ""), "Cache-Control", doctor.Fault, "neither private"},
		{"public", "", "", header("Cache-Control", "public, max-age=60"), "Cache-Control", doctor.Fault, "neither private"},
		{"no-store", "", "", header("Cache-Control", "No-Store"), "Cache-Control", doctor.Good, ""},
		{"from a cache", "", "", header("Age", "12"), "Cache-Control", doctor.Fault, "comes from a cache"},
		{"a hit", "", "", header("X-Cache", "HIT from edge"), "Cache-Control", doctor.Fault, "comes from a cache"},
		{"no Vary", "", "", header("Vary", "Accept"), "Vary", doctor.Advice, "lacks Cookie"},
		{"Vary: *", "", "", header("Vary", "*"), "Vary", doctor.Good, ""},
		{"another clock", "", "", header("Date", "Fri, 15 Jan 2027 08:02:00 GMT"), "clock", doctor.Advice, "2m0s apart"},
		{"no clock", "", "", header("Date", "today"), "", "", ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			if test.url == "" {
				test.url = "https://shop.example/login"
			}
			target, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			h := good()
			test.change(h)
			all := doctor.Examine(target, h, test.name, time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC))
			found, fault := test.check == "", false
			for _, f := range all {
				fault = fault || f.Level == doctor.Fault
				if test.check == "" && f.Level != doctor.Good {
					t.Errorf("%+v", f)
				}
				found = found || f.Check == test.check && f.Level == test.level && strings.Contains(f.Text, test.says)
				if strings.Contains(f.Text, token) {
					t.Errorf("%s repeats the cookie: %s", f.Check, f.Text)
				}
			}
			if !found || doctor.Healthy(all) == fault || test.level == doctor.Fault && !fault {
				t.Errorf("want %s at %s: %+v", test.level, test.check, all)
			}
		})
	}
}

// A page that sets no session may be stored: that is the only fault.
func TestE59_NoCookieNoCacheFault(t *testing.T) {
	target := &url.URL{Scheme: "https", Host: "shop.example"}
	all := doctor.Examine(target, http.Header{"Strict-Transport-Security": {"max-age=31536000"}, "Age": {"1"}}, "", time.Now())
	if len(all) != 2 || all[0].Check != "HSTS" || all[1].Check != "cookie" {
		t.Errorf("%+v", all)
	}
}
