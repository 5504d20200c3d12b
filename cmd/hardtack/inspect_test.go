package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
)

var update = flag.Bool("update", false, "write testdata/inspect from what the program prints")

// What the tests seal, and what must not come out again.
const (
	keySet = `{"keys":[` +
		`{"kty":"oct","kid":"BBECAwQ","k":"kzDIGM5A0v2uyLJsyyXEx7-GDW2ENWHH-DMs3BAO3kA","use":"enc","created":1790000000000},` + fallback + `]}`
	fallback = `{"kty":"oct","kid":"AAECAwQ","k":"o0hQsHcBqTQ0bJ4kQ7iVCKPH5T0jfd0ZPt2BHMKh1Uc","use":"enc","created":1780000000000}`
	otherSet = `{"keys":[{"kty":"oct","kid":"CCECAwQ","k":"2aSBdvnY0pNaHkdnEJHmdH3T2SHkUWIEcP5cMM2ltcg","use":"enc","created":1790000000000}]}`

	sid   = "wL6cFz1cQ0uA9Rk0m3sVtg"
	stp   = "J3x0RrXbQm4cU1oD5yYt8mE0h2vKp9sLwZ6nBfGaTjU"
	user  = "ada-lovelace-1815"
	actor = "grace-hopper-1906"
	datum = "biscuit-and-rope-4711"

	created = 1_800_000_000 // 2027-01-15T08:00:00Z
	at      = "2027-01-15T09:00:00Z"
)

func ring(t testing.TB, set string) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Parse(set)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// session is the usual claims at 09:00: logged in at 08:00, renewed at 08:50.
func session() string {
	return fmt.Sprintf(`{"sid":"%s","iat":%d,"auth_time":%d,"exp":%d,"rnw":%d,"sub":"%s","stk":"BBECAwQ","stp":"%s","d":{"cart":["%s"],"step":2}}`,
		sid, created, created, created+12*3600, created+50*60, user, stp, datum)
}

// anonymous is claims with these times.
func anonymous(iat, exp, rnw int, more string) string {
	return fmt.Sprintf(`{"sid":"%s","iat":%d,"exp":%d,"rnw":%d%s,"d":{"cart":["%s"]}}`, sid, iat, exp, rnw, more, datum)
}

// sealed is a value under the primary of a set.
func sealed(t testing.TB, set, name, audience, plaintext string) string {
	t.Helper()
	codec, err := cookie.JWE(name, audience)
	if err != nil {
		t.Fatal(err)
	}
	value, err := codec.Seal(ring(t, set), []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// ticketed is a value that package ticket would make.
func ticketed(t testing.TB, purpose string) string {
	t.Helper()
	kind, err := ticket.New[int](ticket.Config{Keys: ring(t, keySet), Purpose: purpose, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	value, err := kind.Seal(time.Unix(created, 0), 1, "an address")
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// entry is one of the cookie of ended sessions, by docs/FORMAT.md.
func entry(t testing.TB, until string) string {
	t.Helper()
	key := ring(t, keySet).Primary()
	return key.ID() + until + barrierMAC(key, sid, until)
}

type look struct {
	name  string
	input string
	args  []string // behind inspect
	code  int
}

// looks are one input for each verdict and cause.
func looks(t testing.TB) []look {
	const name = cookie.DefaultName
	seal := func(plaintext string) string { return sealed(t, keySet, name, "", plaintext) }
	good := seal(session())
	part := strings.Split(good, ".")
	join := func(i int, text string) string {
		p := slices.Clone(part)
		p[i] = text
		return strings.Join(p, ".")
	}
	encode := base64.RawURLEncoding.EncodeToString
	other := func(header string) string { return join(0, encode([]byte(header))) }
	const hour = 3600
	quiet := anonymous(created, created+12*hour, created+50*60, "")
	nine := ""
	for i := range 9 {
		nine += name + "=" + fmt.Sprint(i) + "; "
	}
	last := func(s string, set byte) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		i := strings.IndexByte(alphabet, s[len(s)-1])
		return s[:len(s)-1] + alphabet[i|int(set):][:1]
	}
	return []look{
		{"ok", good, nil, 0},
		{"ok-show", good, []string{"--show"}, 0},
		{"ok-show-control", seal(strings.Replace(session(), `"step":2`, "\"title\":\"\u009b31m\"", 1)), []string{"--show"}, 0},
		{"ok-header", "Cookie: theme=dark; " + name + "=" + good, nil, 0},
		{"ok-set-cookie-value", good + "; Path=/; Secure; HttpOnly; SameSite=Lax", nil, 0},
		{"ok-set-cookie", "Set-Cookie: " + name + "=" + good + "; Path=/; Secure; HttpOnly; SameSite=Lax", nil, 0},
		{"ok-fallback", sealed(t, `{"keys":[`+fallback+`]}`, name, "", session()), nil, 0},
		{"ok-anonymous", seal(quiet), nil, 0},
		{"ok-persistent", seal(anonymous(created-20*24*hour, created+10*24*hour, created-24*hour, `,"per":true`)), nil, 0},
		{"ok-unstamped", seal(strings.Replace(session(), `,"stk":"BBECAwQ","stp":"`+stp+`"`, "", 1)), nil, 0},
		{"ok-impersonated", seal(strings.Replace(session(), `"d":{`, `"d":{"-act":{"sub":"`+actor+`"},`, 1)), nil, 0},
		{"ok-audience", sealed(t, keySet, "__Secure-shop", "shop", session()), []string{"--cookie", "__Secure-shop", "--audience", "shop"}, 0},
		{"ok-longer-idle", seal(anonymous(created, created+12*hour, created, "")), []string{"--idle", "1h"}, 0},
		{"ok-data-fault", seal(strings.Replace(session(), `"d":{`, `"d":{"zero":1,`, 1)), nil, 0},
		{"ok-one-of-two", name + "=" + good + "; " + name + "=x", nil, 0},
		{"unopened", good, []string{"--keys", ""}, 0},
		{"unopened-malformed", join(4, "short"), []string{"--keys", ""}, 1},
		{"unopened-two", name + "=" + good + "; " + name + "=x", []string{"--keys", ""}, 0},

		{"none-empty", "", nil, 1},
		{"none-other-name", "session=" + good + "; theme=dark", nil, 1},
		{"none-no-such-name", "theme=dark", nil, 1},
		{"none-comma", "x=1, " + name + "=" + good, nil, 1},
		{"none-comma-alone", "x=1," + name + "=" + good, nil, 1},
		{"ambiguous", name + "=" + good + "; " + name + "=" + seal(quiet), nil, 1},
		{"ambiguous-nine", nine, nil, 1},
		{"none-good-of-two", name + "=x; " + name + "=" + join(4, "short"), nil, 1},

		{"foreign-deleted", name + "=; Max-Age=0", nil, 1},
		{"foreign-long", strings.Repeat("a", 4097), nil, 1},
		{"foreign-cut-off", good[:50], nil, 1},
		{"foreign-kid", other(`{"alg":"dir","enc":"A256GCM","kid":"exampleX"}`), nil, 1},
		{"foreign-jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.AAAA", nil, 1},
		{"foreign-jwt-alg", encode([]byte(`{"alg":"`+datum+`"}`)) + ".e30.AAAA", nil, 1},
		{"foreign-jwe-alg", other(`{"alg":"RSA-OAEP","enc":"A256GCM"}`), nil, 1},
		{"foreign-jwe-enc", other(`{"alg":"dir","enc":"A128GCM"}`), nil, 1},
		{"foreign-three-segments", "a.b.c", nil, 1},
		{"foreign-four-segments", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.a.b.c", nil, 1},
		{"foreign-jwe-kid", other(`{"alg":"dir","enc":"A256GCM"}`), nil, 1},
		{"foreign-longer-header", other(`{"alg":"dir","enc":"A256GCM","kid":"BBECAwQ","typ":"JWT"}`), nil, 1},
		{"foreign-jwe-members", other(`{"typ":"JWT","alg":"dir","enc":"A256GCM","kid":"BBECAwQ"}`), nil, 1},
		{"foreign-jwe-order", other(`{"enc":"A256GCM","alg":"dir","kid":"BBECAwQ"}`), nil, 1},
		{"foreign-securecookie", base64.URLEncoding.EncodeToString([]byte("1800000000|" + datum + "|0123456789abcdef")), nil, 1},
		{"foreign-paseto", "v4.local.AAAA", nil, 1},
		{"foreign-iron", "Fe26.2*1*AAAA", nil, 1},
		{"foreign-fernet", "gAAAAABkAAAA", nil, 1},
		{"foreign-express", "s:AAAA.BBBB", nil, 1},
		{"foreign-quoted", `"` + good + `"`, nil, 1},
		{"foreign-percent", strings.Replace(good[:20], ".", "%2E", 1) + "%2E", nil, 1},
		{"foreign-wrapped", good[:40] + "\n" + good[40:], nil, 1},
		{"foreign-base64", encode([]byte(good)), nil, 1},
		{"foreign-else", datum, nil, 1},

		{"unknown-key", sealed(t, otherSet, name, "", session()), nil, 1},

		{"malformed-cut-off", good[:70], nil, 1},
		{"malformed-dots", good + ".", nil, 1},
		{"malformed-wrapped-short", good[:70] + "\n" + good[70:75], nil, 1},
		{"malformed-header", strings.Replace(good, ".", "A.", 1), nil, 1},
		{"malformed-encrypted-key", join(1, "AAAA"), nil, 1},
		{"malformed-iv", join(2, part[2][1:]), nil, 1},
		{"malformed-tag", join(4, part[4][1:]), nil, 1},
		{"malformed-wrapped", join(3, part[3][:9]+"\n"+part[3][9:]), nil, 1},
		{"malformed-space", join(3, part[3][:9]+" "+part[3][9:]), nil, 1},
		{"malformed-padding", join(3, part[3]+"="), nil, 1},
		{"malformed-slash", join(2, "/"+part[2][1:]), nil, 1},
		{"malformed-tab", join(3, part[3][:9]+"\t"+part[3][9:]), nil, 1},
		{"malformed-return", join(3, part[3][:9]+"\r"+part[3][9:]), nil, 1},
		{"malformed-base64", join(2, "+"+part[2][1:]), nil, 1},
		{"malformed-percent", join(3, "%"+part[3][1:]), nil, 1},
		{"malformed-quote", join(4, part[4][:21]+`"`), nil, 1},
		{"malformed-other", join(4, part[4][:21]+`!`), nil, 1},
		{"malformed-length", join(3, part[3]+strings.Repeat("A", (5-len(part[3])%4)%4)), nil, 1},
		{"malformed-last-bit", join(4, last(part[4], 1)), nil, 1},

		{"bad-tag-altered", join(2, "AAAAAAAAAAAAAAAA"), nil, 1},
		{"bad-tag-audience", good, []string{"--audience", "nobody-has-this"}, 1},
		{"bad-tag-usual-audience", sealed(t, keySet, name, "admin", session()), nil, 1},
		{"bad-tag-name", sealed(t, keySet, "session", "", session()), nil, 1},
		{"bad-tag-name-in-request", "shop=1; " + name + "=" + sealed(t, keySet, "shop", "", session()), nil, 1},
		{"bad-tag-next-to-a-bad-name", "a b=1; " + name + "=" + join(2, "AAAAAAAAAAAAAAAA"), nil, 1},
		{"bad-tag-ticket", ticketed(t, "reset"), nil, 1},

		{"claims-no-object", seal(datum), nil, 1},
		{"claims-array", seal("[" + session() + "]"), nil, 1},
		{"claims-cut-off", seal(session()[:90]), nil, 1},
		{"claims-trailing", seal(session() + "{}"), nil, 1},
		{"claims-missing", seal(strings.Replace(session(), fmt.Sprintf(`"exp":%d,`, created+12*hour), "", 1)), nil, 1},
		{"claims-unknown", seal(strings.Replace(session(), `"d":`, `"`+datum+`":1,"d":`, 1)), nil, 1},
		{"claims-twice", seal(strings.Replace(session(), `"rnw":`, `"iat":1,"rnw":`, 1)), nil, 1},
		{"claims-order", seal(strings.Replace(session(), fmt.Sprintf(`"iat":%d,"auth_time":%d`, created, created), fmt.Sprintf(`"auth_time":%d,"iat":%d`, created, created), 1)), nil, 1},
		{"claims-sub-alone", seal(strings.Replace(session(), fmt.Sprintf(`"auth_time":%d,`, created), "", 1)), nil, 1},
		{"claims-stk-alone", seal(strings.Replace(session(), `,"stp":"`+stp+`"`, "", 1)), nil, 1},
		{"claims-spelling", seal(strings.Replace(session(), `"iat":1`, `"iat": 1`, 1)), nil, 1},

		{"future-created", seal(anonymous(created+2*hour, created+12*hour, created+hour, "")), nil, 1},
		{"future-login", seal(strings.Replace(session(), fmt.Sprintf(`"auth_time":%d`, created), fmt.Sprintf(`"auth_time":%d`, created+2*hour), 1)), nil, 1},
		{"future-renewed", seal(anonymous(created, created+12*hour, created+3*hour, "")), nil, 1},

		{"expired-exp", seal(anonymous(created-6*hour, created+hour/2, created+50*60, "")), nil, 1},
		{"expired-absolute", seal(anonymous(created-13*hour, created+12*hour, created+50*60, "")), nil, 1},
		{"expired-issued-anew", seal(strings.Replace(session(), fmt.Sprintf(`"auth_time":%d`, created), fmt.Sprintf(`"auth_time":%d`, created-12*hour), 1)), nil, 1},
		{"expired-idle", seal(anonymous(created, created+12*hour, created+29*60, "")), nil, 1},
		{"expired-end", seal(anonymous(created, created+12*hour, created+50*60, fmt.Sprintf(`,"end":%d`, created+55*60))), nil, 1},
		{"expired-persistent", seal(anonymous(created-20*24*hour, created+10*24*hour, created-15*24*hour, `,"per":true`)), nil, 1},
		{"expired-persistent-absolute", seal(anonymous(created-31*24*hour, created+24*hour, created-24*hour, `,"per":true`)), nil, 1},

		{"ended", name + "=" + good + "; " + name + "-ended=" + entry(t, "1800043200"), nil, 1},
		{"ended-by-flag", good, []string{"--ended", "nonsense." + entry(t, "1800043200")}, 1},
		{"ended-no-more", good, []string{"--ended", entry(t, "1800003600")}, 0},
	}
}

// inspectAll runs every look, as text and as JSON.
func inspectAll(t testing.TB, extra ...string) (text, json map[string]called) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(keySet), 0o600); err != nil {
		t.Fatal(err)
	}
	text, json = map[string]called{}, map[string]called{}
	for _, l := range looks(t) {
		args := append([]string{"inspect", "--keys", keys, "--now", at}, l.args...)
		args = append(args, extra...)
		text[l.name] = call(l.input, args...)
		json[l.name] = call(l.input, append(args, "--json")...)
	}
	return text, json
}

// One output per verdict and cause.
func TestE54_InspectSaysWhy(t *testing.T) {
	text, json := inspectAll(t)
	seen := map[string]string{}
	for _, l := range looks(t) {
		t.Run(l.name, func(t *testing.T) {
			got := text[l.name]
			if got.code != l.code || json[l.name].code != l.code || got.diag != "" {
				t.Errorf("exit status %d and %d, want %d; %s", got.code, json[l.name].code, l.code, got.diag)
			}
			for part, text := range map[string]string{".txt": got.out, ".json": json[l.name].out} {
				file := filepath.Join("testdata", "inspect", l.name+part)
				if *update {
					if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if text != string(want) {
					t.Errorf("%s differs (-update writes it):\n%s", file, text)
				}
			}
		})
		seen[l.name+".txt"], seen[l.name+".json"] = "", ""
	}
	files, err := os.ReadDir(filepath.Join("testdata", "inspect"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := seen[f.Name()]; !ok {
			t.Errorf("testdata/inspect/%s belongs to no look", f.Name())
		}
	}
}
