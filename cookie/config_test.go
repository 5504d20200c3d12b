package cookie_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

// fields returns the fields that an error of New complains about.
func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is no joined error", err)
	}
	var names []string
	for _, e := range joined.Unwrap() {
		var c *cookie.ConfigError
		if !errors.As(e, &c) {
			t.Fatalf("%v is no ConfigError", e)
		}
		if c.Package != "cookie" {
			t.Errorf("%v comes from package %q", e, c.Package)
		}
		names = append(names, c.Field)
	}
	return names
}

func TestZeroConfig(t *testing.T) {
	k := newCookie(t, cookie.Config{})
	line, err := k.Set("v", time.Unix(1700000000, 0), 0)
	if want := "__Host-session=v; Path=/; HttpOnly; Secure; SameSite=Lax"; err != nil || line != want {
		t.Errorf("%q %v, want %q", line, err, want)
	}
	k = newCookie(t, cookie.Config{DangerouslyAllowHTTP: true})
	line, err = k.Set("v", time.Unix(1700000000, 0), 0)
	if want := "session=v; Path=/; HttpOnly; SameSite=Lax"; err != nil || line != want {
		t.Errorf("%q %v, want %q", line, err, want)
	}
}

// C3: prefix × Secure × Domain × Path × case.
func TestC3_Prefixes(t *testing.T) {
	for _, prefix := range []string{"", "__Secure-", "__Host-", "__Http-", "__Host-Http-"} {
		for _, spelled := range []string{prefix, strings.ToLower(prefix), strings.ToUpper(prefix)} {
			for _, insecure := range []bool{false, true} {
				for _, domain := range []string{"", "example.com"} {
					for _, path := range []string{"", "/", "/app"} {
						host := strings.HasPrefix(prefix, "__Host-")
						ok := spelled == prefix &&
							!(prefix != "" && insecure) &&
							!(host && domain != "") &&
							!(host && path == "/app")
						c := cookie.Config{Name: spelled + "sid", Domain: domain, Path: path, DangerouslyAllowHTTP: insecure}
						k, err := cookie.New(c)
						if (err == nil) != ok || (k != nil) != ok {
							t.Errorf("%+v: %v", c, err)
						}
						fields(t, err)
					}
				}
			}
		}
	}
	// The default name has the strictest prefix, so a Domain alone is refused,
	// and the error says which way out there is.
	if _, err := cookie.New(cookie.Config{Domain: "example.com"}); err == nil || !strings.Contains(err.Error(), "__Secure-") {
		t.Errorf("default name with a domain: %v", err)
	}
}

// C7: SameSite is always written; None and Partitioned need Secure.
func TestC7_SameSite(t *testing.T) {
	for _, c := range []struct {
		config cookie.Config
		want   string // in the line; empty: refused
	}{
		{cookie.Config{}, "; SameSite=Lax"},
		{cookie.Config{SameSite: cookie.SameSiteLax}, "; SameSite=Lax"},
		{cookie.Config{SameSite: cookie.SameSiteStrict}, "; SameSite=Strict"},
		{cookie.Config{SameSite: cookie.SameSiteNone}, "; Secure; SameSite=None"},
		{cookie.Config{SameSite: cookie.SameSiteStrict, DangerouslyAllowHTTP: true}, "; SameSite=Strict"},
		{cookie.Config{SameSite: cookie.SameSiteNone, Partitioned: true}, "; Secure; SameSite=None; Partitioned"},
		{cookie.Config{SameSite: cookie.SameSiteNone, DangerouslyAllowHTTP: true}, ""},
		{cookie.Config{Partitioned: true, DangerouslyAllowHTTP: true}, ""},
		{cookie.Config{SameSite: 3}, ""},
		{cookie.Config{SameSite: 255}, ""},
	} {
		k, err := cookie.New(c.config)
		if c.want == "" {
			if err == nil {
				t.Errorf("%+v accepted", c.config)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c.config, err)
			continue
		}
		set, _ := k.Set("v", time.Unix(1700000000, 0), time.Hour)
		for _, line := range []string{set, k.Delete()} {
			if !strings.HasSuffix(line, c.want) || strings.Count(line, "SameSite") != 1 {
				t.Errorf("%q, want %q at the end", line, c.want)
			}
		}
	}
}

// T5: CR, LF and whatever else ends an attribute are refused in names, domains,
// paths and values; T3: no error repeats what was refused.
func TestT5_T3_NoInjectionNoEcho(t *testing.T) {
	const canary = "CaNaRy"
	check := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s accepted", what)
		} else if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) {
			t.Errorf("%s echoed: %v", what, err)
		}
	}
	k := newCookie(t, cookie.Config{})
	for c := range 256 {
		s := string([]byte{byte(c)})
		octet := c > ' ' && c < 0x7f
		if !strings.ContainsAny(s, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") || !octet {
			_, err := cookie.New(cookie.Config{Name: canary + s + "x"})
			check("name with "+s, err)
			_, err = cookie.JWE(canary+s+"x", "")
			check("codec name with "+s, err)
			_, err = k.Companion(canary + s)
			check("suffix with "+s, err)
		}
		if !strings.ContainsAny(s, "-.0123456789abcdefghijklmnopqrstuvwxyz") || !octet {
			_, err := cookie.New(cookie.Config{Name: "s", Domain: "canary" + s + "x.example"})
			check("domain with "+s, err)
		}
		if !octet || s == ";" || s == "," {
			_, err := cookie.New(cookie.Config{Name: "s", Path: "/" + canary + s})
			check("path with "+s, err)
		}
		if !octet || strings.ContainsAny(s, "\";,\\") {
			_, err := k.Set(canary+s+"x", time.Unix(1700000000, 0), 0)
			check("value with "+s, err)
		}
	}
	_, err := k.Set("", time.Unix(1700000000, 0), 0)
	check("empty value", err)
}

// C2 and the forms of each field.
func TestC2_Attributes(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct {
		config cookie.Config
		bad    string // the field to blame
	}{
		{cookie.Config{Name: "s", Path: "/" + strings.Repeat("p", 1023)}, ""},
		{cookie.Config{Name: "s", Path: "/" + strings.Repeat("p", 1024)}, "Path"},
		{cookie.Config{Name: "s", Path: "app"}, "Path"},
		{cookie.Config{Name: "s", Path: "/a=b&c'd"}, ""},
		{cookie.Config{Name: "s", Path: `/a"b`}, "Path"}, // net/http would read the line without its Path
		{cookie.Config{Name: "s", Path: `/a\b`}, "Path"},
		{cookie.Config{Name: "s", Domain: "example.com"}, ""},
		{cookie.Config{Name: "s", Domain: "xn--bcher-kva.example"}, ""},
		{cookie.Config{Name: "s", Domain: label + "." + label + "." + label + ".example"}, ""},
		{cookie.Config{Name: "s", Domain: label + "a.example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: label + "." + label + "." + label + "." + label + ".example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: ".example.com"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "example.com."}, "Domain"},
		{cookie.Config{Name: "s", Domain: "Example.com"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "com"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "localhost"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "-a.example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "a-.example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "a..example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "127.0.0.1"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "::1.example"}, "Domain"},
		{cookie.Config{Name: "s", Domain: "a_b.example"}, "Domain"},
		{cookie.Config{Name: strings.Repeat("n", 256)}, ""},
		{cookie.Config{Name: strings.Repeat("n", 257)}, "Name"},
		{cookie.Config{Name: "$Version"}, ""},
		{cookie.Config{MaxLine: -1}, "MaxLine"},
		{cookie.Config{MaxLine: 8190}, ""},
		{cookie.Config{MaxLine: 8191}, "MaxLine"},
		{cookie.Config{MaxLine: 1}, "MaxLine"},
		{cookie.Config{MaxLine: 240}, ""},
		{cookie.Config{MaxLine: 239}, "MaxLine"},
		{cookie.Config{Name: "s", Path: "/" + strings.Repeat("p", 1023), MaxLine: 1200}, "MaxLine"},
	} {
		_, err := cookie.New(c.config)
		if got := strings.Join(fields(t, err), ","); got != c.bad {
			t.Errorf("%.60q: blames %q, want %q (%v)", c.config.Name+c.config.Domain+c.config.Path, got, c.bad, err)
		}
	}
}

// All that is wrong is said at once.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := cookie.New(cookie.Config{Name: "__HOST-a b", Domain: ".x", Path: "y", SameSite: 9, Partitioned: true, DangerouslyAllowHTTP: true, MaxLine: -1})
	got := strings.Join(fields(t, err), " ")
	if want := "Name Name Name Domain Path Domain Path SameSite Partitioned MaxLine"; got != want {
		t.Errorf("fields %q, want %q: %v", got, want, err)
	}
}

// A companion shares the attributes of its cookie, and is another cookie.
func TestCompanion(t *testing.T) {
	k := newCookie(t, cookie.Config{Name: "__Secure-s", Domain: "example.com", Path: "/app", SameSite: cookie.SameSiteStrict, Partitioned: true})
	ended, err := k.Companion("-ended")
	if err != nil {
		t.Fatal(err)
	}
	want := "__Secure-s-ended" + strings.TrimPrefix(k.Delete(), "__Secure-s")
	if ended.Name() != "__Secure-s-ended" || ended.Delete() != want {
		t.Errorf("%q %q", ended.Name(), ended.Delete())
	}
	lines := []string{"__Secure-s=1; __Secure-s-ended=2"}
	if a, b := k.Find(nil, lines), ended.Find(nil, lines); len(a) != 1 || a[0] != "1" || len(b) != 1 || b[0] != "2" {
		t.Errorf("found %q and %q", a, b)
	}
	if _, err := newCookie(t, cookie.Config{Name: strings.Repeat("n", 253)}).Companion("-ended"); err == nil {
		t.Error("name of 259 characters accepted")
	}
}

// The zero Cookie and nil do nothing, and say so where they can.
func TestZeroCookie(t *testing.T) {
	for _, k := range []*cookie.Cookie{nil, {}} {
		if k.Name() != "" || k.MaxValue() != 0 || k.Delete() != "" || k.Find(nil, []string{"=v", "session=v"}) != nil {
			t.Error("the zero Cookie does something")
		}
		if _, err := k.Set("v", time.Now(), 0); err == nil {
			t.Error("the zero Cookie sets")
		}
		if _, err := k.Companion("x"); err == nil {
			t.Error("the zero Cookie has a companion")
		}
	}
}

// net/http agrees that everything New accepts makes a valid cookie (C5).
func TestC5_EveryConfigParses(t *testing.T) {
	for _, c := range []cookie.Config{
		{}, {DangerouslyAllowHTTP: true}, {Name: "!#$%&'*+-.^_`|~09azAZ"},
		{Name: "__Secure-s", Domain: "a.example.com", Path: "/a/b"},
		{SameSite: cookie.SameSiteNone, Partitioned: true}, {Name: "__Http-s", SameSite: cookie.SameSiteStrict},
	} {
		k := newCookie(t, c)
		for _, age := range []time.Duration{0, 1, time.Second, time.Hour, cookie.MaxAge, 1 << 62} {
			line, err := k.Set(strings.Repeat("v", k.MaxValue()), time.Unix(1700000000, 0), age)
			if err != nil {
				t.Fatal(err)
			}
			reparse(t, k, line)
		}
		reparse(t, k, k.Delete())
	}
}

// reparse reads a Set-Cookie line as net/http does and checks what must hold for
// every line.
func reparse(t *testing.T, k *cookie.Cookie, line string) *http.Cookie {
	t.Helper()
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			t.Fatalf("octet %#x in %q", line[i], line)
		}
	}
	c, err := http.ParseSetCookie(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if err := c.Valid(); err != nil {
		t.Errorf("%q: %v", line, err)
	}
	if c.Name != k.Name() || !c.HttpOnly || c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode || c.Path == "" || len(c.Unparsed) > 0 {
		t.Errorf("%q: %+v", line, c)
	}
	return c
}

// Whatever New and Set accept, net/http reads back as it was meant (C5).
func FuzzConfig(f *testing.F) {
	f.Add("", "", "", uint8(0), false, false, 0, "v", int64(0))
	f.Add("__Secure-s", "example.com", "/app", uint8(1), true, false, 4000, "a.b-c_d", int64(time.Hour))
	f.Add("s", "", "/a;b", uint8(2), false, true, 300, "a\r\nSet-Cookie: x=y", int64(-1))
	f.Add("__host-s", ".example.com", "/\x7f", uint8(3), true, true, -1, "a b", int64(1<<62))
	f.Fuzz(func(t *testing.T, name, domain, path string, site uint8, partitioned, insecure bool, maxLine int, value string, age int64) {
		c := cookie.Config{Name: name, Domain: domain, Path: path, SameSite: cookie.SameSite(site), Partitioned: partitioned, DangerouslyAllowHTTP: insecure, MaxLine: maxLine}
		k, err := cookie.New(c)
		if err != nil {
			fields(t, err)
			return
		}
		check := func(line, value string) {
			t.Helper()
			got := reparse(t, k, line)
			if got.Value != value || got.Domain != domain || path != "" && got.Path != path || got.Partitioned != partitioned || got.Secure == insecure || got.Quoted {
				t.Errorf("%+v: %q reads as %+v", c, line, got)
			}
			if maxLine > 0 && len(line) > maxLine || len(line) > 8190 || len(got.Name)+len(got.Value) > 4096 {
				t.Errorf("%+v: line of %d", c, len(line))
			}
		}
		check(k.Delete(), "")
		line, err := k.Set(value, time.Unix(1700000000, 0), time.Duration(age))
		if err != nil {
			return
		}
		check(line, value)
		if found := k.Find(nil, []string{k.Name() + "=" + value}); len(found) != 1 || found[0] != value {
			t.Errorf("%q set and %q found", value, found)
		}
	})
}
