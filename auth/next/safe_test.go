package next_test

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth/next"
)

func TestS6_1_Refused(t *testing.T) {
	hosts := []string{"testserver", "testserver2"}
	for _, to := range []string{
		// Django's own list
		"http://example.com", "http:///example.com", "https://example.com", "ftp://example.com",
		`\\example.com`, `\\\example.com`, `/\\/example.com`, `\\//example.com`, `/\/example.com`, `\/example.com`, `/\example.com`,
		`http:/\//example.com`, `http:\/example.com`, `http:/\example.com`,
		`javascript:alert("XSS")`, "\njavascript:alert(x)", "java\nscript:alert(x)", "\x08//example.com",
		`http://otherserver\@example.com`, `http:\\testserver\@example.com`, `http://testserver\me:pass@example.com`,
		`http://testserver\@example.com`, `http:\\testserver\confirm\me@example.com`,
		"http:999999999", "ftp:9999999999", "\n",
		"http://[2001:cdba:0000:0000:0000:0000:3257:9652/", "http://2001:cdba:0000:0000:0000:0000:3257:9652]/",
		"///example.com", "//example.com", "",
		// stricter than Django
		"//", `/\`, `\`, "///", "http:", "http:/", "http://", "https:", "https:///", "https:testserver", "https:/testserver",
		"\x00", "/\x00", "/a\tb", "/a\rb", "/a\nb", "/\t/example.com", "/\x7f", "/\u0085x", "/\u0080", "\u009f", "/a\xffb", "/\xc0\xaf",
		" /x", " //testserver/", "\u0085//example.com",
		// user information, percent-encoding and ports in the host
		"http://testserver@example.com/", "http://u@testserver/", "http://u:p@testserver/", "//@testserver/", "http://test%73erver/", "//testserver%2f.example.com/",
		"http://testserver:080/", "https://testserver:0443/", "//testserver:80/", "//testserver:8080/", "//testserver:/", "//testserver./", "//testserver.example.com/", "//xtestserver/", "//testserver evil/",
		"//TESTSERVER/", "//testſerver/", "//testserver。example.com/",
		// other schemes, and colons that could end one
		"data:text/html,x", "vbscript:x", "blob:http://testserver/x", "file:///etc/passwd", "mailto:a@b", "view-source:http://testserver/", "ws://testserver/",
		"JAVASCRIPT:alert(1)", ":80/x", "a:b/c", "1http://testserver/", "httpſ://testserver/", "http\u212a://testserver/",
		// a backslash anywhere before the query
		`/a\b`, `a\b`, `//testserver\evil`, `https://testserver/a\..\b`,
		"/" + strings.Repeat("a", 2048),
	} {
		if next.Safe(to, hosts, false) {
			t.Errorf("%q was accepted", to)
		}
		if next.Safe(to, hosts, true) {
			t.Errorf("%q was accepted on https", to)
		}
	}
}

func TestS6_2_Accepted(t *testing.T) {
	hosts := []string{"otherserver", "testserver", "my-host_1.example:8080", "LOUD.example"}
	for _, to := range []string{
		"https://my-host_1.example:8080/", "https://LOUD.example/", // as listed
		// Django's own list
		"/view/?param=http://example.com", "/view/?param=https://example.com", "/view?param=ftp://example.com", "view/?param=//example.com",
		"https://testserver/", "HTTPS://testserver/", "//testserver/", "http://testserver/confirm?email=me@example.com",
		"/url%20with%20spaces/", "path/http:2222222222",
		// more of the same kind
		"/", "/x", "x", ".", "..", "../x", "/x#frag", "?x=1", "#frag", "/a b", "/a//b", "/?x=\\\\example.com", "/#\\\\example.com",
		"/x?a:b@c", "https://testserver", "https://testserver?x", "https://testserver#x", "http://otherserver/", "hTTp://testserver/",
		"/" + strings.Repeat("a", 2047),
	} {
		if !next.Safe(to, hosts, false) {
			t.Errorf("%q was refused", to)
		}
	}
}

func TestS6_3_HTTPS(t *testing.T) {
	hosts := []string{"testserver", "localhost:8080", "[::1]:8443"}
	for to, want := range map[string]bool{
		"http://testserver/": false, "HTTP://testserver/": false, "http://localhost:8080/": false,
		"https://testserver/": true, "//testserver/": true, "/x": true, "https://localhost:8080/": true, "https://[::1]:8443/x": true,
		"https://localhost/": false, "https://[::1]/": false,
	} {
		if got := next.Safe(to, hosts, true); got != want {
			t.Errorf("%q = %v, want %v", to, got, want)
		}
	}
	if !next.Safe("/x", nil, true) || next.Safe("https://testserver/", nil, true) {
		t.Error("without hosts only relative targets may pass")
	}
}

// TestF306_DefaultPort: the default port of the scheme makes no other place, on
// whichever side it stands. Without a scheme the port has one meaning only on https.
func TestF306_DefaultPort(t *testing.T) {
	for _, row := range []struct {
		to, host string
		http     bool // whether it is safe on http
		https    bool // and on https
	}{
		{"https://good.test:443/x", "good.test", true, true},
		{"https://good.test/x", "good.test:443", true, true},
		{"https://[::1]:443/x", "[::1]", true, true},
		{"http://good.test:80/x", "good.test", true, false},
		{"HTTP://good.test/x", "good.test:80", true, false},
		{"//good.test:443/x", "good.test", false, true},
		{"//good.test:80/x", "good.test", false, false},
		{"https://good.test:80/x", "good.test", false, false},
		{"http://good.test:443/x", "good.test", false, false},
		{"https://good.test:8443/x", "good.test", false, false},
		{"https://good.test/x", "good.test:8443", false, false},
		{"https://good.test:443:443/x", "good.test", false, false},
		{"https://:443/x", "", false, false},
	} {
		for https, want := range map[bool]bool{false: row.http, true: row.https} {
			if got := next.Safe(row.to, []string{row.host}, https); got != want {
				t.Errorf("%q for %q, https %v: %v, want %v", row.to, row.host, https, got, want)
			}
		}
	}
	for _, row := range []struct{ login, request, want string }{
		{"https://good.test:443/login", "https://good.test/x", "https://good.test:443/login?next=/x"},
		{"https://good.test/login", "HTTPS://good.test:443/x", "https://good.test/login?next=/x"},
		{"//good.test:80/login", "http://good.test/x", "//good.test:80/login?next=/x"},
		{"https://good.test:80/login", "https://good.test/x", "https://good.test:80/login?next=https%3A//good.test/x"},
	} {
		if got := next.LoginURL(row.login, row.request, "next"); got != row.want {
			t.Errorf("LoginURL(%q, %q) = %q, want %q", row.login, row.request, got, row.want)
		}
	}
}

// TestF310_OutsideASCII: nothing outside ASCII before the query, since what trims,
// folds or normalizes a target before it follows it could make two slashes the start.
func TestF310_OutsideASCII(t *testing.T) {
	hosts := []string{"testserver", "tеstserver"} // the second with a Cyrillic letter
	for to, want := range map[string]bool{
		"\u00a0//evil.example/": false, "\ufeff//evil.example/": false, "\u3000//evil.example/": false, "\u2028//evil.example/": false,
		"/\uff0fevil.example/": false, "\uff0f\uff0fevil.example/": false, "//tеstserver/": false, "https://tеstserver/": false,
		"https://testserver/é": false, "/ж/é": false, "é": false, "/\ufffd": false, "/x\u00a0": false, "httpſ://testserver/": false,
		"/search?q=ж": true, "/x#é": true, "?\u00a0": true, "https://testserver/?q=\u3000": true, "/%D0%B6": true, "/search?q=\u0085": false,
	} {
		for _, https := range []bool{false, true} {
			if got := next.Safe(to, hosts, https); got != want {
				t.Errorf("%q, https %v: %v, want %v", to, https, got, want)
			}
		}
	}
	if got := next.LoginURL("/login", "http://testserver/ж?q=ж", "next"); got != "/login?next=/%25D0%25B6%3Fq%3D%D0%B6" {
		t.Errorf("LoginURL wrote %q", got)
	}
}

// A list of hosts may hold what its author did not mean. Only spellings of a
// host and port can match.
func TestS6_4_OddHostList(t *testing.T) {
	for _, host := range []string{"", " ", "u@h", "a%2eb", "a b", "é", "a\\b", "a/b", "*", "ab?"} {
		for _, to := range []string{"//" + host, "//" + host + "/", "https://" + host + "/x"} {
			if next.Safe(to, []string{host}, false) {
				t.Errorf("%q was accepted by the list entry %q", to, host)
			}
		}
	}
}

func TestSafe_NoAllocation(t *testing.T) {
	hosts := []string{"testserver"}
	if n := testing.AllocsPerRun(100, func() {
		next.Safe("https://testserver/view/?param=1", hosts, true)
		next.Safe("//example.com", hosts, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSafe: what a browser would resolve to another origin never passes.
func FuzzSafe(f *testing.F) {
	for _, s := range []string{
		"/", "//testserver/", `/\example.com`, "http:/x", "https://testserver/x?y#z", "\t//e", "https://testserver:443/", "view/?x=//e", "http://a@testserver/",
		"/\t/e", "ht\ntp://e", "//testserver\\@e", "//%74estserver/", "?//", "#//", "https:testserver", "//1.2.3.4/",
	} {
		f.Add(s)
	}
	hosts := []string{"testserver", "localhost:8080"}
	f.Fuzz(func(t *testing.T, to string) {
		for _, https := range []bool{false, true} {
			checkNext(t, to, hosts, https)
		}
	})
}

func checkNext(t *testing.T, to string, hosts []string, https bool) {
	t.Helper()
	if !next.Safe(to, hosts, https) {
		return
	}
	for _, base := range []place{{Scheme: "http", Host: "testserver"}, {Scheme: "http", Host: "elsewhere:8080"}} {
		if https {
			base.Scheme = "https"
		}
		got, ok := resolve(base, to)
		if !ok || got.Creds {
			t.Errorf("%q (https %v) was accepted; a browser refuses it or sends user information", to, https)
			continue
		}
		if got == base {
			continue
		}
		named := got.Scheme == "https" || got.Scheme == "http" && !https
		if !named || !strings.Contains(" testserver localhost:8080 ", " "+got.Host+" ") {
			t.Errorf("%q on %s (https %v) was accepted and leads to %s", to, base.origin(), https, got.origin())
		}
	}
}

// TestS6_5_Pieces runs every combination of up to five awkward pieces through the
// same comparison: the fuzz target's ground, covered in every run.
func TestS6_5_Pieces(t *testing.T) {
	pieces := []string{"/", `\`, ":", "@", "http", "https:", "testserver", "evil", ".", "\t", " ", "?", "#", "%2f", "é"}
	hosts := []string{"testserver", "localhost:8080"}
	accepted := 0
	var walk func(prefix string, depth int)
	walk = func(prefix string, depth int) {
		if next.Safe(prefix, hosts, false) {
			accepted++
		}
		checkNext(t, prefix, hosts, false)
		checkNext(t, prefix, hosts, true)
		if depth == 0 {
			return
		}
		for _, p := range pieces {
			walk(prefix+p, depth-1)
		}
	}
	walk("", 4)
	if accepted < 1000 {
		t.Errorf("only %d targets accepted: the comparison has nothing to do", accepted)
	}
}
