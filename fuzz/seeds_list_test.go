package fuzz_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
)

// seedLists are the seeds of all targets. Shapes come from hardtack's own vectors,
// from what the tests of go-jose and securecookie are about, and from the
// advisories that docs/ADVISORIES.md lists.
func seedLists(t testing.TB) map[string]corpus {
	return map[string]corpus{
		"FuzzCookieHeader":  cookieHeaderSeeds(t),
		"FuzzTokenOpen":     tokenOpenSeeds(t),
		"FuzzClaims":        claimsSeeds(),
		"FuzzJWKSet":        jwkSetSeeds(t),
		"FuzzGorilla":       gorillaSeeds(t),
		"FuzzJoseOpener":    joseOpenerSeeds(t),
		"FuzzSetCookie":     setCookieSeeds(),
		"FuzzNext":          nextSeeds(),
		"FuzzTicketOpen":    ticketOpenSeeds(t),
		"FuzzFleet":         fleetSeeds(t),
		"FuzzSnapshot":      snapshotSeeds(),
		"FuzzLegacyIron":    legacyIronSeeds(t),
		"FuzzLegacyKeygrip": legacyKeygripSeeds(),
		"FuzzLegacySigned":  legacySignedSeeds(),
		"FuzzLegacyRails":   legacyRailsSeeds(t),
		"FuzzForward":       forwardSeeds(),
	}
}

// numbered names seeds by their order.
func numbered[T any](kind string, list []T, args func(T) []any) corpus {
	c := corpus{}
	for i, v := range list {
		c[fmt.Sprintf("%s-%02d", kind, i)] = args(v)
	}
	return c
}

func one[T any](v T) []any { return []any{v} }

func merge(all ...corpus) corpus {
	c := corpus{}
	for _, a := range all {
		for name, args := range a {
			c[name] = args
		}
	}
	return c
}

func cookieHeaderSeeds(t testing.TB) corpus {
	const s = fixed.CookieName + "="
	m := makeTokens(t)
	c := numbered("header", []string{
		"", ";", "=", s, s + "{V}", "a=1; " + s + "{V}; b=2", "a=1;" + s + "{V};b=2", s + "{V};", s + "{V} ", " \t" + s + "{V}\t ",
		// duplicates and several sessions, on one line and on several (C9)
		s + "{V}; " + s + "{V}", s + "{V}\n" + s + "{V}", s + "{V}; " + s + "{W}", s + "{A}; " + s + "{V}", s + "{T}; " + s + "{V}", s + "{V}\n" + s + "{X}",
		s + "garbage; " + s + "{V}", s + "; " + s + "{V}", s + "{V}; " + s + "0; " + s + "1; " + s + "2; " + s + "3; " + s + "4; " + s + "5; " + s + "6; " + s + "7",
		// what is no session cookie
		s + "\"{V}\"", s + "{V},", "x=1, " + s + "{V}", "x=\"; " + s + "{V}\"", "__host-session={V}", "__Host-sessio={V}", "__Host-session2={V}", s + " {V}", s + "={V}", s + "{V}=",
		fixed.CookieName + " ={V}", fixed.CookieName, s + "{V}{V}", s + "{V}%20", s + "{V}\x00", s + "{V}\r", "other={V}",
		// the barrier
		s + "{V}; " + endedName + "={E}", endedName + "={E}; " + s + "{V}", s + "{W}; " + endedName + "={E}", s + "{V}; " + endedName + "={E}.{E}", s + "{V}; " + endedName + "=x",
		s + "{V}; " + endedName + "={E}x", s + "{V}; " + s + "{W}; " + endedName + "={E}.{E}", s + "{V}; " + s + "{W}; " + endedName + "={E}", s + "{V}\n" + endedName + "=\n" + endedName + "={E}",
		strings.Repeat("a=b; ", 200) + s + "{V}", s + strings.Repeat(".", 4096), s + strings.Repeat("x", 5000),
	}, one[string])
	for name := range m.values { // each kind of token alone
		c["token-"+name] = one(s + "{" + name + "}")
	}
	return merge(c, corpus{"literal-V": one(s + m.values["V"]), "literal-T": one(s + m.values["T"]), "literal-K": one(s + m.values["K"])})
}

func tokenOpenSeeds(t testing.TB) corpus {
	c, seen := corpus{}, map[string]int{}
	family := regexp.MustCompile(`-?[0-9]+$`)
	paths, err := filepath.Glob("../cookie/testdata/vectors/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Vectors []struct{ ID, Token string } }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, v := range file.Vectors {
			// Two of each family: tag-flip-tag-0 to -9 differ in nothing that matters.
			if k := family.ReplaceAllString(v.ID, ""); len(v.Token) < 1200 && seen[k] < 2 {
				seen[k]++
				c["vector-"+v.ID] = one(v.Token)
			}
		}
	}
	m := makeTokens(t)
	v := m.values["V"]
	return merge(c, numbered("token", []string{
		"{V}", "{W}", "{A}", "{J}", "{K}", "{T}", "{Y}", v, v[:60], v[:79], v[:len(v)-1], v + "A", v + ".", strings.ToUpper(v),
		// behind a right header: the target puts one in front
		".AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA", ".AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA", ".AAAAAAAAAAAAAAAA.AB.AAAAAAAAAAAAAAAAAAAAAA",
		".AAAAAAAAAAAAAAAA.AAA.AAAAAAAAAAAAAAAAAAAAAB", ".AAAAAAAAAAAAAAAA.eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAA", "AA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
		".AAAAAAAAAAAAAAAA.A.AAAAAAAAAAAAAAAAAAAAAA", ".AAAAAAAAAAAAAAA.AAA.AAAAAAAAAAAAAAAAAAAAAA", ".AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAA", ".AAAA\nAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
		strings.Repeat(".", 4000), "....", "",
	}, one[string]))
}

// ticketOpenSeeds are the vectors of package ticket, with the claims apart from the token.
func ticketOpenSeeds(t testing.TB) corpus {
	c := corpus{}
	paths, err := filepath.Glob("../ticket/testdata/vectors/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Vectors []struct {
				ID, Token string
				Now       int64
				Bound     []string
				Plaintext string `json:"plaintext_hex"`
			}
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, v := range file.Vectors {
			plaintext, err := hex.DecodeString(v.Plaintext)
			if err != nil {
				t.Fatal(err)
			}
			field := ""
			if len(v.Bound) > 0 {
				field = v.Bound[0]
			}
			if len(v.Token) < 1200 {
				c["vector-"+v.ID] = []any{v.Token, string(plaintext), v.Now, v.Bound != nil, field}
			}
		}
	}
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"bnd":"%s","d":7}`, fixed.Now.Unix(), fixed.Now.Unix()+3600, "AAAAAAAAAAAAAAAAAAAAAA")
	for i, token := range []string{"{V}", "{K}", "{T}", ""} {
		c[fmt.Sprintf("token-%02d", i)] = []any{token, claims, fixed.Now.Unix(), true, "hash"}
	}
	for i, now := range []int64{0, -1, 1, 253402297199, 253402297200, 1 << 37} {
		c[fmt.Sprintf("clock-%02d", i)] = []any{"", claims, now, false, ""}
	}
	return c
}

const seedClaims = `{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"per":true,"end":1700000300,"sub":"a\"\\é","stk":"ZXhhbXA","stp":"2VySNzeAaTbWIj-BEQSqYJ9B_zgwPdkJqhZSi66pVrc","d":{"a":[1,"x"],"b":null}}`

func claimsSeeds() corpus {
	edit := func(old, new string) string { return strings.Replace(seedClaims, old, new, 1) }
	cut := func(list ...string) string {
		s := seedClaims
		for _, x := range list {
			s = strings.Replace(s, x, "", 1)
		}
		return s
	}
	const stamp = `,"stk":"ZXhhbXA","stp":"2VySNzeAaTbWIj-BEQSqYJ9B_zgwPdkJqhZSi66pVrc"`
	return numbered("claims", []string{
		seedClaims, cut(`,"per":true`, `,"end":1700000300`), cut(`,"auth_time":1700000000`, `,"sub":"a\"\\é"`, stamp), cut(stamp), cut(`,"d":{"a":[1,"x"],"b":null}`),
		`{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1,"exp":253402300799,"rnw":1}`, `{}`, ``, `null`, `[]`, seedClaims + " ", " " + seedClaims, seedClaims + seedClaims,
		// one other spelling each
		edit(`"sub"`, `"SUB"`), edit(`"sub"`, `"s\u0075b"`), edit(`"sub":"a\"\\é"`, `"sub":"a\"\\é","sub":"b"`), edit(`é`, `\u00e9`), edit(`é`, "\xe9"), edit(`é`, `\/`), edit(`é`, "\n"), edit(`é`, "\u0085"),
		edit(`1700000000`, `1700000000.0`), edit(`1700000000`, `17e8`), edit(`1700000000`, `01700000000`), edit(`1700000000`, `-1`), edit(`1700000000`, `0`), edit(`1700000000`, `253402300800`), edit(`1700000000`, `"1700000000"`),
		edit(`true`, `false`), edit(`true`, `True`), edit(`"per":true`, `"per":null`), edit(`:`, `: `), edit(`,`, ` ,`), edit(`"iat"`, `"iat":1,"iat"`), edit(`"AAECAwQFBgcICQoLDA0ODw"`, `"AAECAwQFBgcICQoLDA0ODx"`),
		edit(`"AAECAwQFBgcICQoLDA0ODw"`, `"AAECAwQFBgcICQoLDA0ODw=="`), edit(`pVrc"`, `pVrd"`), edit(`ZXhhbXA`, `ZXhhbXB`), edit(`"d"`, `"x":1,"d"`), edit(`"auth_time":1700000000,`, ``), edit(`a\"\\é`, strings.Repeat("x", 128)), edit(`a\"\\é`, strings.Repeat("x", 129)),
		// data
		edit(`{"a":[1,"x"],"b":null}`, `{}`), edit(`{"a":[1,"x"],"b":null}`, `{"a":1}`), edit(`{"a":[1,"x"],"b":null}`, `{"b":1,"a":1}`), edit(`{"a":[1,"x"],"b":null}`, `{"a":1,"a":2}`), edit(`{"a":[1,"x"],"b":null}`, `{"a": 1}`),
		edit(`{"a":[1,"x"],"b":null}`, `{"a":1,}`), edit(`{"a":[1,"x"],"b":null}`, `{"a":]}`), edit(`{"a":[1,"x"],"b":null}`, `{"ü":1}`), edit(`{"a":[1,"x"],"b":null}`, `{"a":1}}`), edit(`{"a":[1,"x"],"b":null}`, `{"a":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`}`),
		edit(`{"a":[1,"x"],"b":null}`, `{"a":`+strings.Repeat("[", 65)+strings.Repeat("]", 65)+`}`), edit(`[1,"x"]`, `"\ud800"`), edit(`[1,"x"]`, `-0.5e+7`), edit(`[1,"x"]`, `{"A":{"A":1}, "A":[ ]}`), edit(`[1,"x"]`, "\"\xff\""), edit(`"d":{`, `"d":{{`),
	}, func(s string) []any { return []any{[]byte(s)} })
}

func jwkSetSeeds(t testing.TB) corpus {
	good := string(fixed.Ring(t, 0).JWKSet())
	two := string(fixed.Ring(t, 0, 1).JWKSet())
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	k := b64.EncodeToString(fixed.Bytes("root 0"))
	exported := string(fixed.Ring(t, 0).Primary().ExportJWK(keyring.Label{Purpose: "seal"}))
	var many []string
	for i := range 17 {
		many = append(many, fmt.Sprintf(`{"kty":"oct","kid":"AAAAA%cA","k":"%s","use":"enc","created":%d}`, 'A'+i, b64.EncodeToString(fixed.Bytes(fmt.Sprint(i))), i+1))
	}
	return numbered("set", []string{
		good, two, `{}`, ``, `null`, `[]`, `{"keys":[]}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[{}]}`, `{"keys":[null]}`, strings.ReplaceAll(two, ",", " ,\n\t"), "\ufeff" + good, good + "x", good + " ", good + good, good[:len(good)-1],
		edit(`"kid"`, `"KID"`), edit(`"keys"`, `"Keys"`), edit(`"kid"`, `"k\u0069d"`), edit(`"kid"`, `"kid":"AAAAAAA","kid"`), edit(k, k+k), edit(k, ""), edit(k, k[:42]), edit(k, k[:22]), edit(k, k+"="), edit(k, k[:42]+"B"), edit(k, strings.Repeat("A", 43)),
		edit(`"oct"`, `"RSA"`), edit(`"enc"`, `"sig"`), edit(`"use":"enc",`, ``), edit(`"use"`, `"alg":"A256GCM","use"`), edit(`"use"`, `"purpose":"seal","use"`), edit(`"use"`, `"d":"x","use"`), edit(`"use"`, `"key_ops":["sign"],"use"`),
		edit(`"fuzz0_A"`, `""`), edit(`"fuzz0_A"`, `"fuzz0_B"`), edit(`"fuzz0_A"`, `"../../x"`), edit(`"fuzz0_A"`, `7`), edit(`"created":1`, `"created":0`), edit(`"created":1`, `"created":-1`), edit(`"created":1`, `"created":1e3`), edit(`"created":1`, `"created":1.`),
		edit(`"created":1`, `"created":"1"`), edit(`"created":1`, `"active":1700000000000,"created":1`), edit(`"created":1`, `"active":null,"created":1`), edit(`"created":1`, `"created":9999999999999999`), edit(`"kty":"oct",`, ``),
		`{"keys":[` + exported + `]}`, `{"keys":[` + strings.Join(many[:16], ",") + `]}`, `{"keys":[` + strings.Join(many, ",") + `]}`, strings.Replace(two, fixed.Kid(1), fixed.Kid(0), 1), strings.Replace(two, b64.EncodeToString(fixed.Bytes("root 1")), k, 1),
		`{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b","kid":"AAAAAAA"}]}`, `{"keys":[` + good[9:len(good)-2] + `,]}`, `{"a":1,"keys":[` + good[9:len(good)-2] + `]}`, strings.Repeat("[", 1000), `{"keys":` + strings.Repeat("[", 1000),
	}, one[string])
}

func gorillaSeeds(t testing.TB) corpus {
	pairs := gorillaPairs(t, fixed.Ring(t, 0))
	sealed := func(p gorillaPair, date, payload string) string { return p.authentic(date, []byte(payload)) }
	const date = "1700000000"
	v := sealed(pairs[2], date, "aGVsbG8=") // signed only: opens as "hello"
	loose := strings.TrimRight(v, "=")      // the same bytes in another spelling: unused bits that are not zero
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose = loose[:len(loose)-1] + string(characters[strings.IndexByte(characters, loose[len(loose)-1])|1]) + strings.Repeat("=", len(v)-len(loose))
	type s struct {
		value, date        string
		payload, plaintext []byte
	}
	list := []s{
		{v, date, []byte("hello"), []byte("x")}, {"", "", nil, nil}, {"=", "0", []byte("="), []byte{0}}, {v + "=", "+1700000000", []byte(""), []byte("a|b|c")}, {v[:len(v)-1], "01700000000", []byte("|"), make([]byte, 100)},
		{v + "\n", "-1", []byte("a|b"), make([]byte, 2000)}, {v[:10] + "\r\n" + v[10:], "1e9", make([]byte, 15), make([]byte, 3000)}, {strings.TrimRight(v, "="), "", make([]byte, 16), []byte("\x00\xff")},
		{strings.ReplaceAll(v, "_", "/"), "253402300799", make([]byte, 17), []byte("gob")}, {v, "253402300800", []byte("aGVsbG8"), []byte("{}")}, {v, "9223372036854775808", []byte("aGVs\nbG8="), []byte("|")}, {v, " 1700000000", []byte("aGVsbG9="), nil},
		{v, "1700000000|", []byte("x"), []byte("x")}, {v, "１７", []byte("x"), []byte("x")}, {v, "1_000", []byte("x"), []byte("x")}, {v, "0x10", []byte("x"), []byte("x")}, {v, "9", make([]byte, 48), []byte("y")},
		{sealed(pairs[2], date, ""), date, nil, nil}, {sealed(pairs[2], "", "aGVsbG8="), date, nil, nil}, {sealed(pairs[2], date, "a|GVsbG8="), date, nil, nil}, {sealed(pairs[2], "+1", "aGVsbG8="), date, nil, nil},
		{sealed(pairs[1], date, "aGVsbG8="), date, nil, nil}, {sealed(pairs[0], date, "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), date, nil, nil}, {sealed(pairs[1], date, "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), date, nil, nil},
		{strings.Repeat("A", 4096), date, nil, nil}, {strings.Repeat("A", 4100), date, nil, nil}, {"MTcwMDAwMDAwMHx8", date, nil, nil}, {"fA==", date, nil, nil}, {"fHx8", date, nil, nil}, {loose, date, nil, nil},
	}
	return numbered("value", list, func(x s) []any { return []any{x.value, x.date, x.payload, x.plaintext} })
}

func joseOpenerSeeds(t testing.TB) corpus {
	const gcmHead, cbcHead = `{"alg":"dir","enc":"A256GCM"}`, `{"alg":"dir","enc":"A256CBC-HS512"}`
	type s struct{ token, header, plaintext string }
	list := []s{
		{foreignGCM(t, gcmHead, []byte(`{"iat":1700000000,"sub":"x"}`)), gcmHead, `{"sub":"x"}`}, {foreignCBC(t, cbcHead, []byte(`{"iat":1700000000}`)), cbcHead, `{}`},
		// headers: what go-jose, Auth.js, nextjs-auth0 and express-openid-connect write
		{"", `{"alg":"dir","enc":"A256CBC-HS512","kid":"9Rgqv3PG0nEZ9bQo"}`, `{"name":null,"iat":1700000000.5,"exp":4102444800,"jti":"x"}`}, {"", `{"enc":"A256GCM","alg":"dir","iat":1700000000,"uat":1700000000,"exp":4102444800}`, `{"access_token":"x"}`},
		{"", `{"typ":"JWT","alg":"dir","enc":"A256GCM","cty":"JWT"}`, `{"internal":{"sid":"x","createdAt":1700000000}}`}, {"", `{"alg":"dir","enc":"A256GCM","nbf":1}`, `{"nbf":253402300799}`},
		// headers: RFC 8725 and the advisories
		{"", `{"alg":"dir","enc":"A256GCM","zip":"DEF"}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1}`, `{}`}, {"", `{"alg":"none","enc":"A256GCM"}`, `{}`}, {"", `{"alg":"DIR","enc":"A256GCM"}`, `{}`},
		{"", `{"alg":"dir","enc":"A128GCM"}`, `{}`}, {"", `{"alg":"dir","enc":"A128CBC-HS256"}`, `{}`}, {"", `{"alg":"A256KW","enc":"A256GCM"}`, `{}`}, {"", `{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"AA"}`, `{}`},
		{"", `{"alg":"dir","enc":"A256GCM","jwk":{"kty":"oct","k":"AA"}}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","jku":"https://x"}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","b64":false}`, `{}`}, {"", `{"alg":"dir","alg":"dir","enc":"A256GCM"}`, `{}`},
		{"", `{"alg":"dir","Alg":"none","enc":"A256GCM"}`, `{}`}, {"", `{"alg":"dir","enc":["A256GCM"]}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","kid":""}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","kid":null}`, `{}`}, {"", ` {"alg":"dir" , "enc":"A256GCM"} `, `{}`},
		{"", gcmHead + "{}", `{}`}, {"", "", ``}, {"", "null", `null`}, {"", `{"a\u006cg":"dir","enc":"A256GCM"}`, `{}`}, {"", `{"alg":"dir","enc":"A256GCM","apu":"eA"}`, `{}`},
		// plaintexts
		{"", gcmHead, `[]`}, {"", gcmHead, `"x"`}, {"", gcmHead, `{"exp":1}`}, {"", gcmHead, `{"exp":1,"exp":4102444800}`}, {"", gcmHead, `{"iat":1e9}`}, {"", gcmHead, `{"iat":"1700000000"}`}, {"", gcmHead, `{"iat":-1}`}, {"", gcmHead, `{"iat":null}`}, {"", gcmHead, `{"IAT":5}`},
		{"", gcmHead, `{"internal":{"createdAt":"x"}}`}, {"", gcmHead, `{"internal":[]}`}, {"", gcmHead, "{\"a\":\"\xff\"}"}, {"", gcmHead, `{"a":1} `}, {"", gcmHead, `{}x`},
		{strings.Repeat(".", 4096), "", ""}, {"....", "", ""}, {"a.b.c.d.e", "", ""}, {foreignGCM(t, gcmHead, []byte(`{}`)) + "\n", "", ""}, {foreignGCM(t, gcmHead, []byte(`{}`)) + "=", "", ""},
	}
	return numbered("token", list, func(x s) []any { return []any{x.token, x.header, []byte(x.plaintext)} })
}

func setCookieSeeds() corpus {
	const now, hour = int64(1_700_000_000), int64(3_600_000_000_000)
	type s struct {
		name, domain, path string
		flags              uint8
		maxLine            int
		value              string
		unix, age          int64
	}
	list := []s{
		{"", "", "", 0, 0, "v", now, 0}, {"", "", "", 8, 0, "v", now, hour}, {"__Secure-s", "example.com", "/app", 6, 4000, "a.b-c_d", now, hour}, {"__Host-s", "example.com", "", 0, 0, "v", now, 0}, {"__Host-s", "", "/x", 0, 0, "v", now, 0},
		{"__host-s", "", "", 0, 0, "v", now, 0}, {"__HOST-s", "", "/", 0, 0, "v", now, 0}, {"__Http-s", "example.com", "/x", 1, 0, "v", now, 1}, {"__Host-Http-s", "", "", 5, 0, "v", now, hour}, {"__host-http-s", "", "", 0, 0, "v", now, 0}, {"__Secure-s", "", "", 8, 0, "v", now, 0},
		{"s", "", "", 10, 0, "v", now, 0}, {"s", "", "", 12, 0, "v", now, 0}, {"s", "", "", 3, 0, "v", now, 0}, {"s", ".example.com", "", 0, 0, "v", now, 0}, {"s", "EXAMPLE.com", "", 0, 0, "v", now, 0}, {"s", "localhost", "", 0, 0, "v", now, 0}, {"s", "127.0.0.1", "", 0, 0, "v", now, 0},
		{"s", "a.b; Secure", "", 0, 0, "v", now, 0}, {"s", "a-.b", "", 0, 0, "v", now, 0}, {"s", "xn--a.b", "", 0, 0, "v", now, 0}, {"s", "", "/a;b", 0, 0, "v", now, 0}, {"s", "", "/a,b", 0, 0, "v", now, 0}, {"s", "", `/a"b`, 0, 0, "v", now, 0}, {"s", "", `/a\b`, 0, 0, "v", now, 0}, {"x", "", "", 0, 0, "0", now, 0}, {"s", "", "x", 0, 0, "v", now, 0}, {"s", "", "/\r\nSet-Cookie: a=b", 0, 0, "v", now, 0}, {"s", "", "/" + strings.Repeat("p", 1023), 0, 0, "v", now, 0},
		{"s", "", "/" + strings.Repeat("p", 1024), 0, 0, "v", now, 0}, {"s=t", "", "", 0, 0, "v", now, 0}, {"s t", "", "", 0, 0, "v", now, 0}, {"s\n", "", "", 0, 0, "v", now, 0}, {"ß", "", "", 0, 0, "v", now, 0}, {strings.Repeat("n", 256), "", "", 0, 0, "v", now, 0}, {"s", "", "", 0, 300, "v", now, 0}, {"s", "", "", 0, -1, "v", now, 0},
		{"s", "", "", 0, 8190, strings.Repeat("v", 4095), now, 0}, {"s", "", "", 0, 8190, strings.Repeat("v", 4096), now, 0}, {"s", "", "", 0, 8191, "v", now, 0}, {"s", "", "", 0, 0, "", now, 0}, {"s", "", "", 0, 0, "a b", now, 0}, {"s", "", "", 0, 0, "a\r\nSet-Cookie: x=y", now, 0}, {"s", "", "", 0, 0, "a;b", now, 0},
		{"s", "", "", 0, 0, "\"q\"", now, 0}, {"s", "", "", 0, 0, "ü", now, 0}, {"s", "", "", 0, 0, "a,b", now, 0}, {"s", "", "", 0, 0, `a\b`, now, 0}, {"s", "", "", 0, 0, "!#$%&'()*+-./:<=>?@[]^_`{|}~", now, hour}, {"s", "", "", 0, 0, "v", now, -1}, {"s", "", "", 0, 0, "v", now, 1}, {"s", "", "", 0, 0, "v", now, 1 << 62}, {"s", "", "", 0, 0, "v", -1, hour},
		{"s", "", "", 0, 0, "v", 253402300799, hour}, {"s", "", "", 0, 0, "v", 0, hour}, {"s", "", "", 0, 0, "v", -62135596800, hour},
	}
	return numbered("line", list, func(x s) []any {
		return []any{x.name, x.domain, x.path, x.flags, x.maxLine, x.value, x.unix, x.age}
	})
}

func nextSeeds() corpus {
	list := []string{
		// Django's own list, refused and accepted (S6.1, S6.2)
		"http://example.com", "http:///example.com", "ftp://example.com", `\\example.com`, `\\\example.com`, `/\\/example.com`, `\\//example.com`, `/\/example.com`, `\/example.com`, `/\example.com`, `http:/\//example.com`, `http:\/example.com`, `http:/\example.com`,
		`javascript:alert("XSS")`, "\njavascript:alert(x)", "java\nscript:alert(x)", "\x08//example.com", `http://otherserver\@example.com`, `http:\\shop.example\@example.com`, `http://shop.example\me:pass@example.com`, "http:999999999", "\n",
		"http://[2001:cdba:0000:0000:0000:0000:3257:9652/", "http://2001:cdba::3257:9652]/", "///example.com", "//example.com", "",
		"/view/?param=http://example.com", "view/?param=//example.com", "https://shop.example/", "HTTPS://shop.example/", "//shop.example/", "http://shop.example/confirm?email=me@example.com", "/url%20with%20spaces/", "path/http:2222222222",
		// what browsers do to strings
		"/\t/example.com", "ht\ntp://example.com", "//shop.example\\@example.com", "//%73hop.example/", "//shop。example/", "//ſhop.example/", "https:shop.example", "https://shop.example:443/", "https://shop.example:0443/", "https://localhost:8080/", "https://localhost:08080/", "https://[::1]:8443/", "https://[0:0::1]:8443/", "//0x7f.1/",
		"https://u@shop.example/", "https://@shop.example/", "https://shop.example./", "https://shop.example#@example.com", "https://shop.example?@example.com", "//shop.example:/", "/..//example.com", "/.//example.com", ".//example.com", "..//..//example.com", "/%5cexample.com", "/%2f/example.com", "?//example.com", "#//example.com", "a:b", ":80", " /x", "/x ", "/\x00", "/\u0085", "/\u200b/example.com", "/\xff",
		"blob:https://shop.example/x", "data:text/html,x", "file:///etc/passwd", "view-source:https://shop.example/", "https:///shop.example", "https:/shop.example", "https://", "//", "/", ".", "..", "/" + strings.Repeat("a", 2047), "/" + strings.Repeat("a", 2048),
	}
	logins := []string{"/login", "/login/?pretty=1", "/login/?next=/default/", "/login/#frag", "https://www.remote.example.com/login", "/login?n%65xt=/x&next=/y", "", "/log in?é=1#ü", "login", "//evil.example/login"}
	paths := []string{"/protected", "/protected?x=1&y=2", "/a+b", "//evil.example/x", `/\evil.example`, "/a#b", "", "/\x00\r\n", "/é?ü", "/%zz", "/?next=//evil.example", "/a?b?c", "/" + strings.Repeat("é", 500)}
	c := corpus{}
	for i, next := range list {
		c[fmt.Sprintf("next-%02d", i)] = []any{next, logins[i%len(logins)], paths[i%len(paths)]}
	}
	c["login-trailing-space"] = []any{"0", "/ ", "/"} // this and the next: found by fuzzing
	c["login-two-nexts"] = []any{"0", "/login?n%65xt=/x&next=/y", "/" + strings.Repeat("\x9c", 700)}
	return c
}

// fleetSeeds are rings, marks, values in place of marks, and beats.
func fleetSeeds(t testing.TB) corpus {
	ring, other := fixed.Ring(t, 0, 1), fixed.Ring(t, 2)
	record := func(application string, seq uint64, r *keyring.Keyring, removed ...plainRemoved) string {
		text, err := json.Marshal(plainRecord{application, seq, r.JWKSet(), removed})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	mark := func(kind byte, before, until uint64, id string) string {
		b := binary.BigEndian.AppendUint64([]byte{kind}, before)
		return string(append(binary.BigEndian.AppendUint64(b, until), id...))
	}
	now := uint64(946684810) // where the clock of a bubble starts, and ten beats
	beat := func(ms uint64) string { return string(binary.BigEndian.AppendUint64([]byte("instance"), ms)) }
	gone := plainRemoved{fixed.Kid(1), int64(now) + 3600, make([]byte, 32)}
	first := record(fixed.Audience, 1, ring)
	rings := []string{
		first, record(fixed.Audience, 2, ring), record(fixed.Audience, 2, other), record(fixed.Audience, 1, other), record(fixed.Audience, 0, ring),
		record("other", 2, ring), record("", 2, ring), record(fixed.Audience, 3, other, gone), record(fixed.Audience, 1<<63, ring, gone, gone),
		record(fixed.Audience, 2, ring, plainRemoved{"short", 1, make([]byte, 32)}), record(fixed.Audience, 2, ring, plainRemoved{fixed.Kid(2), -1, nil}),
		" " + first, first + " ", first + first, strings.Replace(first, ":", ": ", 1), strings.Replace(first, `"sequence"`, `"Sequence"`, 1), strings.Replace(first, `1,`, `1.0,`, 1),
		strings.Replace(first, `"sequence":1`, `"sequence":18446744073709551616`, 1), strings.Replace(first, `"ring"`, `"x":1,"ring"`, 1), "{}", "null", "[]", "x", string(ring.JWKSet()),
	}
	plains := []string{
		mark(1, 0, now+60, "AAECAwQFBgcICQoLDA0ODw"), mark(2, now, now+60, "sid:https://id.example#1"), mark(3, now, now+60, "1"), mark(4, now, now+60, ""), mark(4, now, now+60, "x"),
		mark(0, now, now+60, "x"), mark(5, now, now+60, "x"), mark(1, 0, 253402300799, strings.Repeat("i", 512)), mark(1, 0, now, strings.Repeat("i", 513)), mark(1, 0, 253402300800, "x"),
		mark(3, 1<<63, now, "x"), mark(3, now, now+60, ""), "", "\x01", mark(4, now, now+60, "")[:16],
	}
	m := makeTokens(t)
	tokens := []string{"", "x", m.values["V"], m.values["K"], string(fixed.Sealed(t, ring.Keys()[0], "seal", []byte(plains[3]))), string(fixed.Sealed(t, other.Keys()[0], "mark", []byte(plains[3])))}
	beats := []string{beat(now * 1000), beat(0), beat(253402300799000), beat(253402300799001), beat(1 << 63), "", "instance", beat(now*1000) + "x"}
	c := corpus{}
	for i, r := range rings {
		c[fmt.Sprintf("fleet-%02d", i)] = []any{r, plains[i%len(plains)], tokens[i%len(tokens)], beats[i%len(beats)]}
	}
	return c
}
