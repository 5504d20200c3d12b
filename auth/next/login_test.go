package next_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth/next"
)

func TestS5_7_LoginRedirect(t *testing.T) {
	const site = "http://testserver"
	for _, row := range []struct{ login, request, want string }{
		// the examples of docs/BEHAVIOUR.md, S5.7
		{"/login", site + "/protected", "/login?next=/protected"},
		{"/login", site + "/protected?x=1&y=2", "/login?next=/protected%3Fx%3D1%26y%3D2"},
		{"/login/?pretty=1", site + "/rand", "/login/?pretty=1&next=/rand"},
		{"/login/?next=/default/", site + "/rand", "/login/?next=/rand"},
		{"/login/#frag", site + "/rand", "/login/?next=/rand#frag"},
		{"https://www.remote.example.com/login", site + "/rand", "https://www.remote.example.com/login?next=http%3A//testserver/rand"},
		{"/login", site + "/a+b", "/login?next=/a%2Bb"},
		{"/login", site + "//example.com/x", "/login?next=/%252Fexample.com/x"},
		// the same site spelled out, and other sites
		{"http://testserver/login", site + "/rand", "http://testserver/login?next=/rand"},
		{"HTTP://TestServer/login", site + "/rand", "HTTP://TestServer/login?next=/rand"},
		{"//testserver/login", site + "/rand", "//testserver/login?next=/rand"},
		{"//other/login", site + "/rand", "//other/login?next=http%3A//testserver/rand"},
		{"https://testserver/login", site + "/rand", "https://testserver/login?next=http%3A//testserver/rand"},
		{"http://testserver:8080/login", site + "/rand", "http://testserver:8080/login?next=http%3A//testserver/rand"},
		{"https:///login/", site + "/rand", "https:///login/?next=http%3A//testserver/rand"},
		{"http://remote.example.com/login/?next=/default/", site + "/rand", "http://remote.example.com/login/?next=http%3A//testserver/rand"},
		{"http://remote.example.com?a=1", site + "/rand", "http://remote.example.com?a=1&next=http%3A//testserver/rand"},
		// the query of the login page
		{"/login?a=1&next=/d&b=2&next=/e", site + "/rand", "/login?a=1&next=/rand&b=2"},
		{"/login?a=%2F+x&&b", site + "/rand", "/login?a=%2F+x&b&next=/rand"},
		{"/login?%6E%65xt=/d", site + "/rand", "/login?next=/rand"},
		{"/login?next", site + "/rand", "/login?next=/rand"},
		{"/login?", site + "/rand", "/login?next=/rand"},
		{"/login?nextpage=2&Next=1", site + "/rand", "/login?nextpage=2&Next=1&next=/rand"},
		{"/login#a?next=/b", site + "/rand", "/login?next=/rand#a?next=/b"},
		{"/login?q=%", site + "/rand", "/login?q=%&next=/rand"},
		// the page that was asked for
		{"/login", site, "/login?next=/"},
		{"/login", site + "?x=1", "/login?next=/%3Fx%3D1"},
		{"/login", site + "/rand?", "/login?next=/rand%3F"},
		{"/login", site + "/rand#frag", "/login?next=/rand"},
		{"/login", "/rand?x=1", "/login?next=/rand%3Fx%3D1"},
		{"/login", "//example.com", "/login?next=/%252Fexample.com"},
		{"/login", site + "///example.com", "/login?next=/%252F/example.com"},
		{"/login", site + `/\example.com?q=\`, "/login?next=/%255Cexample.com%3Fq%3D%5C"},
		{"/login", site + "/a-b_c.d~e", "/login?next=/a-b_c.d~e"},
		{"/login?a%2fb=c", site + "/rand", "/login?a%2fb=c&next=/rand"},
		{"/login", site + "/else/where/झ/", "/login?next=/else/where/%25E0%25A4%259D/"},
		{"/login", site + "/url%20with%20spaces/", "/login?next=/url%2520with%2520spaces/"},
		{"/login", site + "/a b\r\nX: y", "/login?next=/a%20b%250D%250AX%3A%20y"},
		{"/login", site + "/\xff", "/login?next=/%25FF"},
		{"/login", "javascript:alert(1)", "/login?next=/alert%281%29"},
		{"https://remote/login", "/rand", "https://remote/login?next=/rand"},
		// header safety of what was configured
		{"/login\r\nSet-Cookie: x=y", site + "/rand", "/login%0D%0ASet-Cookie:%20x=y?next=/rand"},
		{"/à?b=é#ö", site + "/rand", "/%C3%A0?b=%C3%A9&next=/rand#%C3%B6"},
		{"", site + "/rand", ""},
	} {
		if got := next.LoginURL(row.login, row.request, "next"); got != row.want {
			t.Errorf("LoginURL(%q, %q)\n got %q\nwant %q", row.login, row.request, got, row.want)
		}
	}
}

func TestS5_7_LoginRedirectField(t *testing.T) {
	for _, row := range []struct{ login, field, want string }{
		{"/login", "", "/login"},
		{"/login/?next=/default/#f", "", "/login/?next=/default/#f"},
		{"/login\n", "", "/login%0A"},
		{"/login?a%2fb=x&c=y", "a/b", "/login?a/b=/rand&c=y"},
		{"/login?a%2Fb=x&c=y", "a/b", "/login?a/b=/rand&c=y"},
		{"/login?next=/d", "goto", "/login?next=/d&goto=/rand"},
		{"/login?return+to=x", "return to", "/login?return%20to=/rand"},
		{"/login", "a&b=c", "/login?a%26b%3Dc=/rand"},
	} {
		if got := next.LoginURL(row.login, "http://testserver/rand", row.field); got != row.want {
			t.Errorf("LoginURL(%q, field %q) = %q, want %q", row.login, row.field, got, row.want)
		}
	}
}

func TestS5_7_LoginRedirectTooLong(t *testing.T) {
	page := "http://testserver/" + strings.Repeat("a", 2047)
	if got := next.LoginURL("/login?x=1", page, "next"); len(got) < 2048 {
		t.Errorf("a target of 2,048 bytes was left out: %q", got)
	}
	if got := next.LoginURL("/login?x=1", page+"a", "next"); got != "/login?x=1" {
		t.Errorf("a target of 2,049 bytes: %q", got)
	}
}

// FuzzLoginURL: whatever was asked for, the result is one header-safe URL of
// the login page, and the page comes back as a next that Safe accepts.
func FuzzLoginURL(f *testing.F) {
	for _, s := range []string{"/", "//e", `/\e`, "/a?b#c", "/\r\nX:y", "", "?x", "/é\xff", "/%2F", ":x", "@e/", `\\e`} {
		f.Add("/login?next=/d&x=y#f", s)
	}
	f.Add("https://remote/\n?n%65xt=1", "/x")
	f.Fuzz(func(t *testing.T, login, path string) {
		for _, login := range []string{login, "/login"} {
			got := next.LoginURL(login, "http://testserver/"+path, "next")
			for i := 0; i < len(got); i++ {
				if got[i] <= 0x20 || got[i] >= 0x7f {
					t.Fatalf("%q is not header-safe", got)
				}
			}
		}
		got := next.LoginURL("/login", "http://testserver/"+path, "next")
		u, err := url.Parse(got)
		if err != nil || u.Path != "/login" || u.Host != "" {
			t.Fatalf("%q: %v", got, err)
		}
		if to := u.Query().Get("next"); to == "" {
			if got != "/login" {
				t.Fatalf("%q lost its target", got)
			}
		} else if !next.Safe(to, nil, true) {
			t.Fatalf("%q was written and would be refused", to)
		}
	})
}

// The whole way round with net/http as the witness: redirect, form, redirect.
func TestS6_6_RoundTrip(t *testing.T) {
	for _, page := range []string{"/a+b?x=1&y=%20", "//example.com/x", `/\example.com`, "/%2F%2Fexample.com", "/ж"} {
		to := next.LoginURL("/login", "https://testserver"+page, "next")
		r, err := http.NewRequest("GET", "https://testserver"+to, nil)
		if err != nil {
			t.Fatal(err)
		}
		back := r.FormValue("next")
		if !next.Safe(back, []string{r.Host}, true) {
			t.Errorf("%q came back as %q and was refused", page, back)
		}
		if got, ok := resolve(place{Scheme: "https", Host: "testserver"}, back); !ok || got.Host != "testserver" {
			t.Errorf("%q leads to %+v", page, got)
		}
	}
}
