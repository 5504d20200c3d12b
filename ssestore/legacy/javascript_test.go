package legacy_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// A js is a system whose sessions are made in JavaScript, with a value of its that holds
// these claims under this secret.
type js struct {
	name, parts, companion string
	legacy                 func(c cookie.Config, secrets ...string) ssestore.Legacy
	seal                   func(secret, claims string) string
}

func systems() map[string]js {
	now := func() string { return fmt.Sprintf(`,"iat":%d}`, time.Now().Unix()) }
	dated := func(claims string) string { return strings.TrimSuffix(claims, "}") + now() }
	sealJWE := func(salt, info string, n int) func(string, string) string {
		return func(secret, claims string) string {
			return jwe(expand(secret, salt, info, n), dated(claims))
		}
	}
	authjs := "__Secure-authjs.session-token"
	return map[string]js{
		"AuthJS": {authjs, ".", "", legacy.AuthJS,
			sealJWE(authjs, "Auth.js Generated Encryption Key ("+authjs+")", 64)},
		"AuthJS of 2023": {authjs, ".", "", legacy.AuthJS,
			sealJWE(authjs, "Auth.js Generated Encryption Key ("+authjs+")", 32)},
		"NextAuth": {"__Secure-next-auth.session-token", ".", "", legacy.NextAuth,
			sealJWE("", "NextAuth.js Generated Encryption Key", 32)},
		"NextJSAuth0":          {"__session", "__", "", legacy.NextJSAuth0, sealJWE("", "JWE CEK", 32)},
		"ExpressOpenIDConnect": {"appSession", ".", "", legacy.ExpressOpenIDConnect, sealJWE("", "JWE CEK", 32)},
		"BetterAuth": {"__Secure-better-auth.session_data", ".", "", legacy.BetterAuth,
			sealJWE("better-auth-session", "BetterAuth.js Generated Encryption Key", 64)},
		"IronSession": {"app", ".", "", func(c cookie.Config, secrets ...string) ssestore.Legacy {
			c.Name = "app"
			return legacy.IronSession(c, time.Hour, secrets...)
		}, func(secret, claims string) string {
			v := newIron(claims)
			v.secret = secret
			return v.String() + "~2"
		}},
		"H3": {"h3", ".1", "", legacy.H3, func(secret, claims string) string {
			v := newIron(claims)
			v.secret, v.rounds, v.id = secret, 8192, ""
			return v.String()
		}},
		"H3 before 2": {"h3", ".1", "", legacy.H3, func(secret, claims string) string {
			v := newIron(claims)
			v.secret, v.expiration = secret, ""
			return v.String()
		}},
		"CookieSession": {"session", "", ".sig", legacy.CookieSession, func(secret, claims string) string {
			return keygrip(secret, "session", base64.StdEncoding.EncodeToString([]byte(claims)))
		}},
	}
}

// each runs a test for every system.
func each(t *testing.T, test func(t *testing.T, sys js)) {
	for name, sys := range systems() {
		t.Run(name, func(t *testing.T) { test(t, sys) })
	}
}

func TestH20_JavaScriptDefaults(t *testing.T) {
	each(t, func(t *testing.T, sys js) {
		l := sys.legacy(cookie.Config{Path: "/app"}, secret)
		if l.Cookie.Name != sys.name || l.Cookie.Path != "/app" || l.Parts != sys.parts || l.Companion != sys.companion {
			t.Errorf("%+v", l)
		}
		c := codec(t, l)
		o, err := c.Open(nil, sys.seal(secret, `{"sub":"ann"}`))
		if err != nil || !strings.Contains(string(o.Plaintext), `"sub":"ann"`) {
			t.Fatalf("%q, %v", o.Plaintext, err)
		}
		// It never seals.
		if v, err := c.Seal(nil, []byte("{}")); err == nil || v != "" || c.Size(0) != math.MaxInt {
			t.Errorf("%q, %v, %d", v, err, c.Size(0))
		}
		if l = sys.legacy(cookie.Config{Name: "mine"}, secret); l.Cookie.Name != "mine" && sys.name != "app" {
			t.Errorf("the name is %q", l.Cookie.Name)
		}
	})
}

func TestH22_JavaScriptSecrets(t *testing.T) {
	each(t, func(t *testing.T, sys js) {
		value := sys.seal(former, `{"sub":"ann"}`)
		for _, secrets := range [][]string{{former}, {secret, former}, {former, secret}} {
			if _, err := codec(t, sys.legacy(cookie.Config{}, secrets...)).Open(nil, value); err != nil {
				t.Errorf("%d secrets: %v", len(secrets), cookie.ReasonOf(err))
			}
		}
		refuses(t, codec(t, sys.legacy(cookie.Config{}, secret, secret+"x")), "another secret", value, cookie.ReasonUnknownKey)
	})
}

// Auth.js and Keygrip bind a session to the name of its cookie.
func TestH29_AnotherName(t *testing.T) {
	for _, name := range []string{"AuthJS", "CookieSession"} {
		sys := systems()[name]
		c := codec(t, sys.legacy(cookie.Config{Name: "other"}, secret))
		refuses(t, c, name, sys.seal(secret, `{"sub":"ann"}`), cookie.ReasonUnknownKey)
	}
}

// TestH30_OneSpelling: a value that opens has one spelling. What no library writes isn't
// opened, even where the library itself would.
func TestH30_OneSpelling(t *testing.T) {
	good := newIron(`{"id":"ann"}`)
	c := codec(t, systems()["IronSession"].legacy(cookie.Config{}, secret))
	opens(t, c, good.String()+"~2", `{"id":"ann"}`)
	changed := func(change func(*iron)) string {
		v := good
		change(&v)
		return v.String() + "~2"
	}
	parts := func(i int, to string) string {
		p := strings.Split(good.String(), "*")
		p[i] = to
		return strings.Join(p, "*") + "~2"
	}
	p := strings.Split(good.String(), "*")
	for what, value := range map[string]string{
		"empty": "", "stars": "*******", "no version": good.String(), "another version": good.String() + "~1",
		"two versions":                good.String() + "~2~2",
		"version 1 of the seal":       changed(func(v *iron) { v.prefix = "Fe26.1" }),
		"an id of another form":       changed(func(v *iron) { v.id = "a-b" }),
		"an id that is too long":      changed(func(v *iron) { v.id = strings.Repeat("1", 33) }),
		"a salt in capitals":          changed(func(v *iron) { v.salt = strings.Repeat("5A", 32) }),
		"an empty salt":               changed(func(v *iron) { v.salt = "" }),
		"a salt that is too long":     changed(func(v *iron) { v.salt = strings.Repeat("5a", 65) }),
		"a salt of the MAC, capitals": changed(func(v *iron) { v.mac = strings.Repeat("3C", 32) }),
		"an empty ciphertext":         good.sign("Fe26.2*1*"+p[2]+"*"+p[3]+"**"+p[5]) + "~2",
		"half a block":                good.sign("Fe26.2*1*"+p[2]+"*"+p[3]+"*"+b64.EncodeToString(make([]byte, 24))+"*"+p[5]) + "~2",
		"an IV that is too short":     good.sign("Fe26.2*1*"+p[2]+"*"+p[3][:20]+"*"+p[4]+"*"+p[5]) + "~2",
		"a padded IV":                 parts(3, p[3]+"=="),
		"a padded ciphertext":         parts(4, p[4]+"="),
		"a padded MAC":                parts(7, p[7]+"="),
		"a MAC that is too short":     parts(7, p[7][:40]),
		"another MAC's last bits":     parts(7, p[7][:42]+otherBits(p[7][42])),
		"an expiration of zero":       changed(func(v *iron) { v.expiration = "0" }),
		"a zero before the date":      changed(func(v *iron) { v.expiration = "0" + v.expiration }),
		"a sign before the date":      changed(func(v *iron) { v.expiration = "+" + v.expiration }),
		"a negative date":             changed(func(v *iron) { v.expiration = "-1" }),
		"a date after the year 9999":  changed(func(v *iron) { v.expiration = "253402300800000" }),
		"no number":                   changed(func(v *iron) { v.expiration = "1e13" }),
		"seven parts":                 strings.Join(p[:7], "*") + "~2",
		"nine parts":                  good.String() + "*~2",
		"percent-encoded":             strings.ReplaceAll(good.String(), "*", "%2A") + "~2",
		"too long":                    changed(func(v *iron) { v.plaintext = `{"a":"` + strings.Repeat("x", 16384) + `"}` }),
	} {
		refuses(t, c, what, value, cookie.ReasonForeign)
	}
	refuses(t, c, "another id", parts(1, "2"), cookie.ReasonUnknownKey)
	refuses(t, c, "another date", parts(5, p[5][:len(p[5])-1]+"x"), cookie.ReasonForeign)

	c = codec(t, legacy.CookieSession(cookie.Config{}, secret))
	payload := base64.StdEncoding.EncodeToString([]byte(`{"userId":"ann"}`))
	whole := keygrip(secret, "session", payload)
	opens(t, c, whole, `{"userId":"ann"}`)
	_, sum, _ := strings.Cut(whole, ";")
	for what, value := range map[string]string{
		"no signature": payload, "an empty one": payload + ";", "a padded one": whole + "=", "half of one": whole[:len(whole)-14],
		"a line break": whole + "\n", "its last bits": whole[:len(whole)-1] + otherBits(whole[len(whole)-1]),
	} {
		refuses(t, c, what, value, cookie.ReasonForeign)
	}
	refuses(t, c, "the payload's padding", strings.TrimRight(payload, "=")+";"+sum, cookie.ReasonUnknownKey)
	refuses(t, c, "signed, but no base64", keygrip(secret, "session", "e30"), cookie.ReasonMalformed)
	refuses(t, c, "signed, but with more behind it", keygrip(secret, "session", "eyJhIjoxfSAg!"), cookie.ReasonMalformed)
	refuses(t, c, "signed, but with unused bits", keygrip(secret, "session", "e31="), cookie.ReasonMalformed)
}

// otherBits returns the base64url character that differs in the lowest bit, which has no
// data at the end of 32 or 20 bytes.
func otherBits(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// TestH31_NotAnObject: what is authentic and isn't a JSON object is refused by name.
func TestH31_NotAnObject(t *testing.T) {
	for _, text := range []string{"null", "[]", `"ann"`, "1", "{", `{"a":1}{}`, `{"a":1}x`, "", " ", "\x04\x08{", "\x80\x04}"} {
		for _, name := range []string{"IronSession", "CookieSession", "H3 before 2"} {
			sys := systems()[name]
			_, err := codec(t, sys.legacy(cookie.Config{}, secret)).Open(nil, sys.seal(secret, text))
			if !errors.Is(err, legacy.ErrNotJSON) || cookie.ReasonOf(err) != cookie.ReasonMalformed {
				t.Errorf("%s, %q: %v", name, text, err)
			}
		}
	}
	for name, text := range map[string]string{"blanks around it": " \n{\"a\":1}\t", "nothing in it": "{}"} {
		sys := systems()["IronSession"]
		if _, err := codec(t, sys.legacy(cookie.Config{}, secret)).Open(nil, sys.seal(secret, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	sys := systems()["H3 before 2"]
	refuses(t, codec(t, sys.legacy(cookie.Config{}, secret)), "a date that is none", sys.seal(secret, `{"createdAt":"x"}`), cookie.ReasonMalformed)
}

// What is authentic but padded in a way that no library pads is refused, without a panic.
func TestH31_Padding(t *testing.T) {
	c := codec(t, systems()["IronSession"].legacy(cookie.Config{}, secret))
	for what, padding := range map[string]string{
		"none": "12345678", "zero": "\x01\x01\x01\x01\x01\x01\x01\x00", "too much": "\x11\x11\x11\x11\x11\x11\x11\x11",
		"uneven": "\x08\x08\x08\x08\x07\x08\x08\x08",
	} {
		v := newIron(`{"a":1} `)
		v.padding = []byte(padding)
		refuses(t, c, what, v.String()+"~2", cookie.ReasonMalformed)
		if _, err := c.Open(nil, v.String()+"~2"); errors.Is(err, legacy.ErrNotJSON) {
			t.Errorf("%s: only the JSON was refused", what)
		}
	}
	v := newIron("")
	v.padding = []byte(strings.Repeat("\x10", 16))
	refuses(t, c, "nothing but padding", v.String()+"~2", cookie.ReasonMalformed)
}

func TestH24_IronDates(t *testing.T) {
	now := time.Now()
	ends := func(d time.Duration) iron {
		v := newIron(`{"createdAt":` + fmt.Sprint(now.Add(-time.Minute).UnixMilli()) + `.5}`)
		v.expiration = fmt.Sprint(now.Add(d).UnixMilli())
		return v
	}
	c := codec(t, legacy.IronSession(cookie.Config{Name: "app"}, time.Hour, secret))
	h := codec(t, legacy.H3(cookie.Config{}, secret))
	for _, d := range []time.Duration{0, -time.Millisecond, -time.Hour} {
		refuses(t, c, d.String(), ends(d).String()+"~2", cookie.ReasonExpired)
		refuses(t, h, d.String(), ends(d).String(), cookie.ReasonExpired)
		forged := ends(d)
		forged.secret = former
		refuses(t, c, "forged", forged.String()+"~2", cookie.ReasonUnknownKey)
	}
	v := ends(30 * time.Minute)
	end := now.Add(30 * time.Minute).Truncate(time.Millisecond)
	if o := opens(t, c, v.String()+"~2", v.plaintext); !o.Ends.Equal(end) || !o.Issued.Equal(end.Add(-time.Hour)) {
		t.Errorf("iron-session: %v, %v", o.Issued, o.Ends)
	}
	if o := opens(t, h, v.String(), v.plaintext); !o.Ends.Equal(end) || !o.Issued.Equal(now.Add(-time.Minute).Truncate(time.Millisecond)) {
		t.Errorf("h3: %v, %v", o.Issued, o.Ends)
	}

	// Without an end or a ttl there is no date.
	v.expiration = ""
	if o := opens(t, c, v.String()+"~2", v.plaintext); !o.Issued.IsZero() || !o.Ends.IsZero() {
		t.Errorf("%v, %v", o.Issued, o.Ends)
	}
	v.expiration = fmt.Sprint(end.UnixMilli())
	none := codec(t, legacy.IronSession(cookie.Config{Name: "app"}, 0, secret))
	if o := opens(t, none, v.String()+"~2", v.plaintext); !o.Issued.IsZero() || o.Ends.IsZero() {
		t.Errorf("%v, %v", o.Issued, o.Ends)
	}
	for _, date := range []string{"0", "-5", "1e300", "null"} {
		v.plaintext = `{"createdAt":` + date + `}`
		if o := opens(t, h, v.String(), v.plaintext); !o.Issued.IsZero() {
			t.Errorf("createdAt %s: %v", date, o.Issued)
		}
	}
}

// TestH32_KeysOfWhatOpened: keys are kept for values that opened and for no others, and
// at most 1,024.
func TestH32_KeysOfWhatOpened(t *testing.T) {
	b := legacy.NewBox(1, secret)
	for i := range 2000 {
		v := newIron("{}")
		v.mac = fmt.Sprintf("%064x", i)
		forged := strings.Split(v.String(), "*")
		forged[7] = b64.EncodeToString(make([]byte, 32))
		if b.Open(strings.Join(forged, "*")) == nil {
			t.Fatal("a forged value opens")
		}
	}
	late, broken := newIron("{}"), newIron("null")
	late.expiration = "1"
	if b.Open(late.String()) == nil || b.Open(broken.String()) == nil || b.Kept() != 0 {
		t.Fatalf("%d keys are kept of values that don't open", b.Kept())
	}
	v := newIron("{}")
	for range 2 {
		if err := b.Open(v.String()); err != nil || b.Kept() != 2 || !b.Keeps(1, v.salt) || !b.Keeps(1, v.mac) {
			t.Fatalf("%v, %d keys", err, b.Kept())
		}
	}
	first := v.mac
	for i := range 2000 {
		v.mac = fmt.Sprintf("%064x", i)
		if err := b.Open(v.String()); err != nil || b.Kept() > 1024 {
			t.Fatalf("%v, %d keys", err, b.Kept())
		}
	}
	if b.Kept() != 1024 || b.Keeps(1, first) || !b.Keeps(1, v.mac) || b.Keeps(2, v.mac) {
		t.Errorf("%d keys; the first kept: %v; the last: %v", b.Kept(), b.Keeps(1, first), b.Keeps(1, v.mac))
	}
	b = legacy.NewBox(1, secret)
	for i := range 5000 {
		b.Keep(1, "of two requests at once")
		b.Keep(1, fmt.Sprint(i))
		if b.Kept() > 1024 {
			t.Fatalf("%d keys", b.Kept())
		}
	}
	if b.Keeps(1, "0") || !b.Keeps(1, "4999") {
		t.Error("the oldest stays, or the newest doesn't")
	}
}

// TestH33_Faults: what is wrong with the secrets is an error of ssestore.New.
func TestH33_Faults(t *testing.T) {
	each(t, func(t *testing.T, sys js) {
		for what, secrets := range map[string][]string{
			"none": nil, "an empty one": {""}, "an empty one of two": {secret, ""}, "nine": strings.Split(strings.Repeat("x", 9), ""),
		} {
			if _, err := newStore(sys.legacy(cookie.Config{}, secrets...)); err == nil {
				t.Errorf("%s: no error", what)
			} else if len(secrets) == 2 && strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats a secret: %v", err)
			}
		}
		for _, secrets := range [][]string{{secret}, strings.Split(strings.Repeat("x", 8), "")} {
			if _, err := newStore(sys.legacy(cookie.Config{}, secrets...)); err != nil {
				t.Error(err)
			}
		}
	})
	if _, err := newStore(legacy.IronSession(cookie.Config{}, time.Hour, secret)); err == nil {
		t.Error("iron-session has no default name")
	}
}

// TestH33_FIPS: where SHA-1 is forbidden, the store isn't made, and nothing panics later.
func TestH33_FIPS(t *testing.T) {
	if os.Getenv("HARDTACK_TEST_FIPS") == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestH33_FIPS$", "-test.v")
		again.Env = append(os.Environ(), "HARDTACK_TEST_FIPS=1", "GODEBUG=fips140=only")
		out, err := again.CombinedOutput()
		if strings.Contains(string(out), "incompatible with the purego build tag") {
			t.Skip("the standard library has no FIPS mode with -tags purego")
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for name, l := range map[string]ssestore.Legacy{
		"IronSession":   legacy.IronSession(cookie.Config{Name: "app"}, time.Hour, secret),
		"H3":            legacy.H3(cookie.Config{}, secret),
		"CookieSession": legacy.CookieSession(cookie.Config{}, secret),
		"NextAuth":      legacy.NextAuth(cookie.Config{}, secret),
		"Flask":         legacy.Flask(cookie.Config{}, secret),
		"Rails":         legacy.Rails(cookie.Config{Name: "app"}, secret),
	} {
		if _, err := l.Format(l.Cookie.Name, ""); !errors.Is(err, cookie.ErrFIPS) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var colour = ssestore.NewKey[string]("colour")

// TestH21_PartsOfH3: h3 counts its parts from 1, and the named cookie says how many there are.
func TestH21_PartsOfH3(t *testing.T) {
	l := legacy.H3(cookie.Config{}, secret)
	l.Until = time.Now().Add(time.Hour)
	l.Migrate = func(s *ssestore.Session, _ []byte) error { return colour.Set(s, "teal") }
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{l}})
	if err != nil {
		t.Fatal(err)
	}
	v := newIron(fmt.Sprintf(`{"createdAt":%d}`, time.Now().UnixMilli()))
	v.id = ""
	value := v.String()
	one, two, three := value[:100], value[100:200], value[200:]
	for what, row := range map[string]struct {
		cookies string
		gone    []string // nil: nobody is taken over
	}{
		"three parts":          {"h3=__chunked__3; h3.1=" + one + "; h3.2=" + two + "; h3.3=" + three, []string{"h3", "h3.1", "h3.2", "h3.3"}},
		"four parts":           {"h3=__chunked__4; h3.1=" + one + "; h3.2=" + two + "; h3.3=" + three[:9] + "; h3.4=" + three[9:], []string{"h3", "h3.1", "h3.2", "h3.3", "h3.4"}},
		"counted from 0":       {"h3=__chunked__3; h3.0=" + one + "; h3.1=" + two + "; h3.2=" + three, nil},
		"a gap":                {"h3=__chunked__3; h3.1=" + one + "; h3.3=" + two + three, nil},
		"a fifth":              {"h3=__chunked__5; h3.1=" + one + "; h3.2=" + two + "; h3.3=" + three + "; h3.4=x; h3.5=x", nil},
		"the count alone":      {"h3=__chunked__3", nil},
		"more parts than said": {"h3=__chunked__1; h3.1=" + one + "; h3.2=" + two, nil},
	} {
		s := store.Load([]string{row.cookies}, time.Now())
		got := colour.Get(s)
		out, err := s.Commit(200)
		if err != nil {
			t.Fatal(err)
		}
		if row.gone == nil {
			if got != "" || out.Migrated || len(out.SetCookie) != 0 || out.Refused == cookie.ReasonNone {
				t.Errorf("%s: %q, %v, %q", what, got, out.Refused, out.SetCookie)
			}
			continue
		}
		var gone []string
		for _, line := range out.SetCookie {
			if name, _, _ := strings.Cut(line, "="); name != store.CookieName() {
				gone = append(gone, name)
			}
		}
		if got != "teal" || !out.Migrated || fmt.Sprint(gone) != fmt.Sprint(row.gone) {
			t.Errorf("%s: %q, %v, %q", what, got, out.Refused, gone)
		}
	}
}
