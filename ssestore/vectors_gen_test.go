package ssestore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// The generator of testdata/vectors. It uses the second writer in
// vectors_writer_test.go, so that the vectors are no echo of the code they test.
// Everything in it is deterministic.
//
//	go test ./ssestore -run Vectors -update
//
// writes the files; without -update the test compares them.

// vectorFile is one file. Files stand alone: each has the keys it needs.
type vectorFile struct {
	Format  string          `json:"format"`
	About   string          `json:"about"`
	Ring    []vectors.Key   `json:"ring"`
	Reader  vectorSet       `json:"reader_keys"`
	Vectors []sessionVector `json:"vectors"`
}

// vectorSet is a JWK Set of subkeys, as keyring.Key.ExportJWK writes them: what a
// reader in another language gets.
type vectorSet struct {
	Keys []vectorJWK `json:"keys"`
}

type vectorJWK struct {
	Kty      string `json:"kty"`
	Kid      string `json:"kid"`
	K        string `json:"k"`
	Alg      string `json:"alg"`
	Use      string `json:"use"`
	Purpose  string `json:"purpose"`
	Audience string `json:"audience"`
	Name     string `json:"name"`
}

// sessionVector is one request and the verdict on it.
type sessionVector struct {
	ID      string       `json:"id"`
	Comment string       `json:"comment"`
	Config  vectorConfig `json:"config"`
	Cookie  []string     `json:"cookie"` // the values of the Cookie header fields
	Now     int64        `json:"now"`
	Verdict string       `json:"verdict"` // "ok", "none" or a cookie.Reason

	// Only with "ok": the claims as they are sealed, and what reading them gives.
	Claims string  `json:"claims,omitempty"`
	User   *string `json:"user,omitempty"`  // absent: nobody is logged in
	Actor  *string `json:"actor,omitempty"` // absent: nobody is behind the user; "": somebody who can't be read

	// Only with renew_verified: whether the user was verified within it.
	Within *bool `json:"within,omitempty"`
}

// vectorConfig has what decides about a session. Times are in seconds.
type vectorConfig struct {
	Name               string         `json:"name"`
	Audience           string         `json:"audience"`
	Idle               int64          `json:"idle"`
	Absolute           int64          `json:"absolute"`
	PersistentIdle     int64          `json:"persistent_idle"`
	PersistentAbsolute int64          `json:"persistent_absolute"`
	RenewVerified      int64          `json:"renew_verified,omitempty"`
	Former             []vectorFormer `json:"former,omitempty"`
}

// vectorFormer is a place where the cookie was. Only its name and its deadline
// matter to a reader.
type vectorFormer struct {
	Name   string `json:"name"`
	Domain string `json:"domain,omitempty"`
	Until  int64  `json:"until"`
}

// makeSessionVectors returns the files by name.
func makeSessionVectors(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	seen := map[string]bool{}
	for _, f := range []struct {
		name, about string
		fill        func(*vectorMaker)
	}{
		{"accepted", "Sessions of every form. A reader finds the claims as they are written here.", acceptedSessions},
		{"clocks", "Each of the clocks at its edge: the last second at which a session is good, and the first at which it isn't.", clockSessions},
		{"envelope", "Authentic, and not the one spelling of the claims. Never delete such a cookie: a newer version may have written it.", envelopeSessions},
		{"header", "Cookie header fields: where values begin and end, and which of several counts.", headerSessions},
		{"keys", "Keys, names and audiences. cookie/testdata/vectors has more about the token.", keySessions},
		{"ended", "The second cookie, which names the sessions that ended in this browser.", endedSessions},
		{"within", "Whether the user was verified within the window, if the application renews only verified sessions (ssestore.Config.RenewVerified).", withinSessions},
		{"reissued", "Sessions that got a new time of creation without a login, and sessions with links. A reader without marks passes over the links.", reissuedSessions},
		{"former", "Places where the cookie was before its configuration changed.", formerSessions},
	} {
		m := &vectorMaker{name: f.name, seen: seen, slots: map[string]bool{}, t: t}
		m.file = vectorFile{Format: "hardtack session, vectors version 1", About: f.about, Ring: []vectors.Key{vecKey(0), vecKey(1)}}
		f.fill(m)
		files[f.name+".json"] = vectors.Encode(t, m.file)
	}
	return files
}

func acceptedSessions(m *vectorMaker) {
	m.one("anonymous", "nobody is logged in; there is a cart", form{d: `{"cart":["biscuit"]}`}.String())
	m.one("empty", "nobody is logged in and there is no data", form{}.String())
	m.one("user", "somebody is logged in", form{sub: "42"}.String())
	m.one("user-data", "somebody with data", form{sub: "42", d: `{"cart":["biscuit"],"lang":"de"}`}.String())
	m.one("user-unstamped", "an application without stamps", form{sub: "42", unstamped: true}.String())
	m.one("user-unknown-stamp", "the key of the stamp isn't in the ring: a reader doesn't judge stamps", form{sub: "42", stampKey: 2}.String())
	m.one("persistent", "\"remember me\"", form{sub: "42", per: true}.String())
	m.one("persistent-anonymous", "persistent, and nobody is logged in", form{per: true, d: `{"lang":"de"}`}.String())
	m.one("end", "an earlier end", form{sub: "42", end: vecNow + 300}.String())
	m.one("every-claim", "every claim there is", form{sub: "42", per: true, end: vecNow + 300, rnw: vecNow - 60, iat: vecNow - 120, d: `{"a":1}`}.String())
	m.one("young-now", "logged in this very second", form{sub: "42", iat: vecNow}.String())
	m.one("young-60", "logged in a minute ago", form{sub: "42", iat: vecNow - 60}.String())
	m.one("young-61", "logged in more than a minute ago", form{sub: "42", iat: vecNow - 61}.String())
	m.one("young-renewed", "logged in an hour ago and renewed this very second", form{sub: "42", iat: vecNow - vecHour, rnw: vecNow}.String())
	m.one("auth-time-alone", "created before the login: possible, though Login makes both anew", form{sub: "42", iat: vecNow - 600, auth: vecNow - 60, rnw: vecNow}.String())
	m.one("user-escapes", "the two escapes of a user id", form{sub: `a\"b\\c`, user: `a"b\c`}.String())
	m.one("user-utf8", "a user id that isn't ASCII", form{sub: "zoë 石 🍪"}.String())
	m.one("user-slash", "characters that some writers escape", form{sub: "</a>&\u2028+/"}.String())
	m.one("user-bom", "a user id that begins with a byte order mark", form{sub: "\ufeff42"}.String())
	m.one("user-space", "a user id of one space", form{sub: " "}.String())
	m.one("user-255", "the longest user id", form{sub: strings.Repeat("u", 255)}.String())
	m.one("user-255-utf8", "the longest user id, counted in bytes", form{sub: strings.Repeat("ë", 127) + "u"}.String())
	m.one("user-255-escapes", "the longest user id, as it is written", form{sub: strings.Repeat(`\\`, 127) + "u", user: strings.Repeat(`\`, 127) + "u"}.String())
	m.one("data-values", "each kind of value", form{d: `{"a":null,"b":true,"c":-1.5e3,"d":"\u00e9\n","e":[1,[2]],"f":{"g":{}}}`}.String())
	m.one("data-space", "space inside a value is the application's", form{d: `{"a":[ 1 , 2 ]}`}.String())
	m.one("data-name", "the longest name, and each character that a name can have", form{d: `{"-./09:AZ_az":1,"` + strings.Repeat("n", 64) + `":2}`}.String())
	m.one("data-prototype", "names that mean something in some languages", form{d: `{"__proto__":{"admin":true},"constructor":1,"toString":2}`}.String())
	m.one("data-utf8", "values that aren't ASCII", form{d: `{"a":"größe 🍪"}`}.String())
	m.one("data-claims", "names of claims inside the data are data", form{d: `{"exp":1,"sub":"666"}`}.String())
	m.one("data-large", "the longest token", form{d: `{"a":"` + strings.Repeat("x", 2995-len(form{d: `{"a":""}`}.String())) + `"}`}.String())
	m.one("data-reserved", "a reserved name that this version doesn't know", form{sub: "42", d: `{"-new":1,"a":2}`}.String())
	m.one("impersonated", "an administrator looks at the site as user 42", form{sub: "42", d: "{" + actorData("admin", true) + "}"}.String())
	m.one("impersonated-unstamped", "the same without stamps", form{sub: "42", unstamped: true, d: "{" + actorData("admin", false) + "}"}.String())
	m.one("impersonated-data", "the same, and a value", form{sub: "42", d: "{" + actorData("admin", true) + `,"lang":"de"}`}.String())
	m.one("impersonated-escapes", "an administrator whose id has escapes", form{sub: "42", d: "{" + actorData(`a\"b`, false) + "}"}.String())
	m.one("impersonated-unreadable", "an administrator without an id: somebody is behind the user, and a reader must not take the session for the user's", form{sub: "42", d: `{"-act":{"sub":""}}`}.String())
	claims := form{sub: "42"}.String()
	m.ok(sessionVector{ID: "fallback", Comment: "sealed under the fallback key", Cookie: pair(sealing{key: 1}.seal(claims))}, claims)
	claims = form{sub: "42", exp: 253402300799}.String()
	m.one("exp-last", "the last time there is", claims)
}

func clockSessions(m *vectorMaker) {
	at := func(id, comment string, cfg func(*vectorConfig), claims form, now int64, verdict string) {
		v := sessionVector{ID: id, Comment: comment, Config: usualConfig(), Cookie: pair(sealing{}.seal(claims.String())), Now: now, Verdict: verdict}
		if cfg != nil {
			cfg(&v.Config)
		}
		if verdict == "ok" {
			m.ok(v, claims.String())
			return
		}
		m.add(v)
	}
	// edge adds the last second at which a session is good and the first at which it's over.
	edge := func(id, comment string, cfg func(*vectorConfig), claims form, last int64) {
		at(id+"-last", comment+": the last second", cfg, claims, last, "ok")
		at(id+"-over", comment+": over", cfg, claims, last+1, "expired")
	}
	user := form{sub: "42"}
	edge("idle", "unused for the idle time", nil, user, vecNow+1800)
	edge("idle-anonymous", "unused for the idle time, nobody logged in", nil, form{d: `{"a":1}`}, vecNow+1800)
	edge("idle-renewed", "the idle time counts from the renewal", nil, form{sub: "42", rnw: vecNow + 600}, vecNow+2400)
	edge("idle-short", "a shorter idle time", func(c *vectorConfig) { c.Idle = 1 }, user, vecNow+1)
	edge("idle-persistent", "persistent: unused for its idle time", nil, form{sub: "42", per: true}, vecNow+14*vecDay)
	edge("idle-browser", "a browser session doesn't have the persistent idle time", func(c *vectorConfig) { c.PersistentIdle = 30 * vecDay }, user, vecNow+1800)
	edge("idle-own", "a persistent session doesn't have the browser session's idle time", func(c *vectorConfig) { c.Idle, c.PersistentIdle = vecHour, 60 }, form{sub: "42", per: true}, vecNow+60)
	edge("idle-off", "an idle time as long as the absolute one never ends a session", func(c *vectorConfig) { c.Idle = c.Absolute }, user, vecNow+12*vecHour-1)
	edge("exp", "the end fixed at login", nil, form{sub: "42", rnw: vecNow + 12*vecHour - 60}, vecNow+12*vecHour-1)
	edge("exp-short", "the end fixed at login, when the absolute time was shorter than now", nil, form{sub: "42", exp: vecNow + 600}, vecNow+599)
	edge("absolute", "the absolute time has become shorter since the login", func(c *vectorConfig) { c.Absolute, c.Idle = vecHour, vecHour }, form{sub: "42", rnw: vecNow + 3000}, vecNow+vecHour-1)
	edge("absolute-login", "the absolute time counts from the creation, not from the login", func(c *vectorConfig) { c.Absolute, c.Idle = vecHour, vecHour }, form{sub: "42", auth: vecNow + 600, rnw: vecNow + 3000}, vecNow+vecHour-1)
	edge("absolute-persistent", "the same for a persistent session", func(c *vectorConfig) { c.PersistentAbsolute, c.PersistentIdle = vecDay, vecDay }, form{sub: "42", per: true, rnw: vecNow + 3000}, vecNow+vecDay-1)
	edge("absolute-longer", "a longer absolute time doesn't lengthen a session", func(c *vectorConfig) { c.Absolute = vecDay }, form{sub: "42", rnw: vecNow + 12*vecHour - 60}, vecNow+12*vecHour-1)
	edge("end", "an earlier end", nil, form{sub: "42", end: vecNow + 300}, vecNow+299)
	edge("end-persistent", "an earlier end of a persistent session", nil, form{sub: "42", per: true, end: vecNow + 300}, vecNow+299)
	edge("end-later", "a later \"earlier end\" lengthens nothing", nil, form{sub: "42", exp: vecNow + 600, end: vecNow + 700}, vecNow+599)

	// ahead adds the largest lead of a clock that is forgiven, and the next.
	ahead := func(id, comment string, f func(lead int64) form) {
		at(id+"-60", comment+", by no more than the clocks of a fleet may differ", nil, f(60), vecNow, "ok")
		at(id+"-61", comment, nil, f(61), vecNow, "future")
	}
	ahead("future-iat", "created in the future", func(n int64) form { return form{d: `{"a":1}`, iat: vecNow + n} })
	ahead("future-auth", "logged in in the future", func(n int64) form { return form{sub: "42", auth: vecNow + n} })
	ahead("future-rnw", "renewed in the future", func(n int64) form { return form{sub: "42", rnw: vecNow + n} })
	at("future-expired", "both in the future and over: future, which forbids a deletion", nil, form{sub: "42", rnw: vecNow + 61, end: vecNow - 1}, vecNow, "future")
	at("long-over", "over for years", nil, user, vecNow+10*365*vecDay, "expired")
	at("clock-unset", "a clock that isn't set decides nothing", nil, user, -1, "none")
	at("clock-zero", "a clock at its beginning decides nothing", nil, form{d: `{"a":1}`, iat: 1}, vecEpoch, "none")
	at("clock-last", "the last time there is: every session is over", nil, form{sub: "42", exp: 253402300799, rnw: 253402300799, iat: 253402300799}, 253402300799, "expired")
	at("clock-late", "a clock after the last time there is decides nothing", nil, form{sub: "42", exp: 253402300799, rnw: 253402300799, iat: 253402300799}, 253402300800, "none")
}

func envelopeSessions(m *vectorMaker) {
	usual := form{sub: "42", d: `{"a":1}`}.String()
	// edit replaces a part of the usual claims, which must be there once.
	edit := func(old, new string) string {
		if strings.Count(usual, old) != 1 {
			m.t.Fatalf("%q isn't once in %s", old, usual)
		}
		return strings.Replace(usual, old, new, 1)
	}
	sid, stk, stp := vecSID("usual"), vecKey(0).Kid, vecStamp(0, "42")
	stamp := `,"stk":"` + stk + `","stp":"` + stp + `"`
	for _, row := range [][3]string{
		{"nothing", "no plaintext at all", ""},
		{"object", "an empty object", "{}"},
		{"array", "an array", "[]"},
		{"text", "no JSON", "hello"},
		{"member-new", "a claim of a newer version", edit(`,"sub"`, `,"vat":1700000000,"sub"`)},
		{"member-last", "a claim after the data", edit(`{"a":1}}`, `{"a":1},"v":2}`)},
		{"member-twice", "a claim twice", edit(`,"sub":"42"`, `,"sub":"42","sub":"43"`)},
		{"order", "another order", edit(`"iat":1700000000,"auth_time":1700000000`, `"auth_time":1700000000,"iat":1700000000`)},
		{"order-sub", "the user id first", `{"sub":"42",` + edit(`,"sub":"42"`, "")[1:]},
		{"case", "the name of a claim in capitals", edit(`"sub"`, `"SUB"`)},
		{"escaped-name", "the name of a claim with an escape", edit(`"sub"`, `"\u0073ub"`)},
		{"space-front", "space in front", " " + usual},
		{"space-inside", "space inside", edit(`,"exp":`, `, "exp":`)},
		{"space-colon", "space after a colon", edit(`,"exp":`, `,"exp": `)},
		{"space-behind", "a line break behind", usual + "\n"},
		{"bom", "a byte order mark in front", "\ufeff" + usual},
		{"trailing", "something behind", usual + "{}"},
		{"unclosed", "the last brace is missing", usual[:len(usual)-1]},
		{"no-sid", "no session id", edit(`"sid":"`+sid+`",`, "")},
		{"no-iat", "no creation time", edit(`"iat":1700000000,`, "")},
		{"no-exp", "no end", edit(`,"exp":1700043200`, "")},
		{"no-rnw", "no renewal time", edit(`,"rnw":1700000000`, "")},
		{"sub-alone", "a user without a login time", edit(`,"auth_time":1700000000`, "")},
		{"auth-alone", "a login time without a user", edit(`,"sub":"42"`+stamp, "")},
		{"stamp-alone", "a stamp without a user", strings.Replace(edit(`,"sub":"42"`, ""), `,"auth_time":1700000000`, "", 1)},
		{"stk-alone", "the key of a stamp without the stamp", edit(`,"stp":"`+stp+`"`, "")},
		{"stp-alone", "a stamp without its key", edit(`,"stk":"`+stk+`"`, "")},
		{"sid-short", "a session id of 21 characters", edit(sid, sid[:21])},
		{"sid-long", "a session id of 23 characters", edit(sid, sid+"A")},
		{"sid-bits", "a session id with unused bits", edit(sid, sid[:21]+"B")},
		{"sid-alphabet", "a session id in the other alphabet of base64", edit(sid, "+"+sid[1:])},
		{"stk-bits", "the key of a stamp with unused bits", edit(stk, stk[:6]+"5")},
		{"stp-short", "a stamp of 42 characters", edit(stp, stp[:42])},
		{"stp-bits", "a stamp with unused bits", edit(stp, stp[:42]+"B")},
		{"per-false", "false instead of nothing", edit(`,"sub"`, `,"per":false,"sub"`)},
		{"per-number", "1 instead of true", edit(`,"sub"`, `,"per":1,"sub"`)},
		{"end-null", "null instead of nothing", edit(`,"sub"`, `,"end":null,"sub"`)},
		{"time-zero", "zero isn't a time", edit(`,"sub"`, `,"end":0,"sub"`)},
		{"time-leading-zero", "a leading zero", edit(`"iat":1`, `"iat":01`)},
		{"time-plus", "a sign", edit(`"iat":1`, `"iat":+1`)},
		{"time-minus", "a negative time", edit(`"iat":1`, `"iat":-1`)},
		{"time-fraction", "a fraction", edit(`,"exp":1700043200`, `,"exp":1700043200.0`)},
		{"time-exponent", "an exponent", edit(`,"exp":1700043200`, `,"exp":17000432e2`)},
		{"time-text", "a time in quotes", edit(`,"exp":1700043200`, `,"exp":"1700043200"`)},
		{"time-late", "one second after the last time there is", edit(`,"exp":1700043200`, `,"exp":253402300800`)},
		{"time-long", "a time of 13 digits", edit(`,"exp":1700043200`, `,"exp":1000000000000`)},
		{"time-very-long", "a time of 20 digits", edit(`,"exp":1700043200`, `,"exp":10000000000000000000`)},
		{"sub-empty", "an empty user id", edit(`"42"`, `""`)},
		{"sub-number", "a number as user id", edit(`"sub":"42"`, `"sub":42`)},
		{"sub-256", "a user id of 256 bytes", edit(`"42"`, `"`+strings.Repeat("u", 256)+`"`)},
		{"sub-256-utf8", "a user id of 128 characters and 256 bytes", edit(`"42"`, `"`+strings.Repeat("ë", 128)+`"`)},
		{"sub-256-escapes", "a user id of 256 bytes as written", edit(`"42"`, `"`+strings.Repeat(`\"`, 128)+`"`)},
		{"sub-escape", "an escape that no user id needs", edit(`"42"`, `"\u0034\u0032"`)},
		{"sub-slash", "an escaped slash", edit(`"42"`, `"4\/2"`)},
		{"sub-newline", "an escaped line break", edit(`"42"`, `"4\n2"`)},
		{"sub-control", "a control character", edit(`"42"`, "\"4\x012\"")},
		{"sub-delete", "DEL", edit(`"42"`, "\"4\x7f2\"")},
		{"sub-c1", "a control character outside ASCII", edit(`"42"`, "\"4\u00852\"")},
		{"sub-utf8", "no UTF-8", edit(`"42"`, "\"4\xff2\"")},
		{"sub-surrogate", "half of a character outside the basic plane", edit(`"42"`, "\"4\xed\xa0\x802\"")},
		{"d-empty", "no data, written down", edit(`{"a":1}`, `{}`)},
		{"d-null", "null as data", edit(`{"a":1}`, `null`)},
		{"d-array", "an array as data", edit(`{"a":1}`, `[1,2,3,4]`)},
		{"d-text", "text as data", edit(`{"a":1}`, `"abcdefg"`)},
	} {
		m.refuse("malformed", row[0], row[1], pair(sealing{}.seal(row[2]))[0])
	}
}

func headerSessions(m *vectorMaker) {
	mine, evil := form{sub: "42", sid: "mine"}.String(), form{sub: "666", sid: "evil"}.String()
	const name = sessionName + "="
	me, ev := sealing{}.seal(mine), sealing{}.seal(evil)
	old := sealing{}.seal(form{sub: "42", sid: "old", iat: vecNow - vecDay}.String())
	ahead := sealing{}.seal(form{sub: "42", sid: "ahead", iat: vecNow + vecDay}.String())
	newer := sealing{}.seal(`{"v":2}`)
	unknown := sealing{key: 2}.seal(mine)
	forged := flip(me, len(me)-10)
	cut := me[:len(me)-1]
	gone := barrierEntry{sid: "gone", until: vecNow + vecHour}.String()
	ended := sealing{}.seal(form{sub: "42", sid: "gone"}.String())
	good := func(id, comment string, lines ...string) {
		m.ok(sessionVector{ID: "" + id, Comment: comment, Cookie: lines}, mine)
	}
	bad := func(verdict, id, comment string, lines ...string) { m.refuse(verdict, id, comment, lines...) }

	bad("none", "no-header", "no Cookie header")
	bad("none", "empty", "an empty one", "")
	bad("none", "others", "other cookies only", "theme=dark; session="+me)
	good("one", "one cookie", name+me)
	good("among-others", "among others", "a=1; "+name+me+"; b=2")
	good("no-space", "no space between pairs", "a=1;"+name+me+";b=2")
	good("space", "space and tabs around a pair", "a=1; \t "+name+me+" \t; b=2")
	good("second-line", "in the second of two lines, as HTTP/2 may split them", "a=1", name+me)
	good("semicolons", "empty pairs", ";; ;"+name+me+";;")
	good("broken-others", "other pairs that aren't well formed", "=x; y; \"; z=\"a;b\"; "+name+me)
	bad("none", "comma", "a comma separates nothing: a sibling domain can set a cookie x with this value", "x=1, "+name+ev)
	bad("none", "comma-close", "the same without a space", "x=1,"+name+ev)
	good("comma-and-mine", "the same beside the visitor's own session", "x=1, "+name+ev+"; "+name+me)
	good("comma-second-line", "the same in two lines", "x=1, "+name+ev, name+me)
	bad("malformed", "comma-behind", "a comma behind the value belongs to it", name+me+", x=1")
	good("twice", "one value twice, as Lambda function URLs deliver it", name+me+"; "+name+me)
	good("twice-lines", "one value twice, in two lines", name+me, name+me)
	bad("ambiguous", "two", "two sessions", name+me+"; "+name+ev)
	bad("ambiguous", "two-lines", "two sessions in two lines", name+ev, name+me)
	good("expired-first", "a session that is over, and a good one", name+old+"; "+name+me)
	good("expired-last", "a good one, and one that is over", name+me+"; "+name+old)
	good("foreign-first", "another program's value, and a good one", name+"theirs; "+name+me)
	good("foreign-last", "a good one, and another program's value", name+me+"; "+name+"theirs")
	good("forged-first", "a forged one, and a good one", name+forged+"; "+name+me)
	good("newer-first", "one of a newer version, and a good one", name+newer+"; "+name+me)
	good("unknown-first", "one under a key that isn't in the ring, and a good one", name+unknown+"; "+name+me)
	good("ended-first", "one that was logged out, and a good one", name+ended+"; "+name+me+"; "+barrierName+"="+gone)
	good("eight", "a good one among eight different values", name+"1; "+name+"2; "+name+"3; "+name+"4; "+name+"5; "+name+"6; "+name+"7; "+name+me)
	bad("ambiguous", "nine", "a good one among nine different values", name+me+"; "+name+"1; "+name+"2; "+name+"3; "+name+"4; "+name+"5; "+name+"6; "+name+"7; "+name+"8")
	good("eight-repeated", "eight different values, some of them often", strings.Repeat(name+"1; "+name+"2; ", 20)+name+"3; "+name+"4; "+name+"5; "+name+"6; "+name+"7; "+name+me)
	bad("foreign", "empty-value", "an empty value", name)
	bad("foreign", "quotes", "a value in quotes", name+`"`+me+`"`)
	bad("foreign", "encoded", "a value with percent encoding", name+"%65"+me[1:])
	bad("foreign", "space-inside", "space inside the value", name+" "+me)
	bad("none", "space-name", "space between name and equals sign", sessionName+" ="+me)
	bad("none", "no-equals", "the name without an equals sign", sessionName)
	bad("none", "case", "the name in another case", "__host-session="+me)
	bad("none", "longer-name", "a longer name", "__Host-session2="+me+"; x__Host-session="+me)
	bad("none", "in-a-value", "the name inside another value", "a="+name+me)

	// Of several verdicts, the one that forbids a deletion most is that of the request.
	values := []struct{ verdict, value string }{
		{"malformed", cut}, {"bad-tag", forged}, {"expired", old}, {"ended", ended}, {"foreign", "theirs"},
		{"malformed", newer}, {"future", ahead}, {"unknown-key", unknown},
	}
	for i := 1; i < len(values); i++ {
		lower, higher := values[i-1], values[i]
		id := fmt.Sprintf("rank-%d", i)
		comment := fmt.Sprintf("%s, and %s, which counts", lower.verdict, higher.verdict)
		if i == 5 || i == 6 {
			comment += " (this malformed is authentic, with claims of a newer version)"
		}
		bad(higher.verdict, id, comment, name+lower.value+"; "+name+higher.value+"; "+barrierName+"="+gone)
		bad(higher.verdict, id+"-reversed", comment+", in the other order", name+higher.value+"; "+name+lower.value+"; "+barrierName+"="+gone)
	}
}

// flip returns a token with another character at i.
func flip(token string, i int) string {
	c := byte('A')
	if token[i] == c {
		c = 'B'
	}
	return token[:i] + string(c) + token[i+1:]
}

func keySessions(m *vectorMaker) {
	claims := form{sub: "42"}.String()
	full := sealing{}.seal(claims)
	bad := func(verdict, id, comment, token string) {
		m.refuse(verdict, id, comment, pair(token)[0])
	}
	with := func(id, comment string, c vectorConfig, cookie string, ok bool) {
		v := sessionVector{ID: "" + id, Comment: comment, Config: c, Cookie: []string{cookie}, Verdict: "bad-tag"}
		if ok {
			m.ok(v, claims)
			return
		}
		m.add(v)
	}
	bad("unknown-key", "unknown", "under a key that isn't in the ring", sealing{key: 2}.seal(claims))
	bad("bad-tag", "swapped", "under one key, and the kid of the other", sealing{key: 1, kid: vecKey(0).Kid}.seal(claims))
	bad("bad-tag", "borrowed", "under a key that isn't in the ring, and the kid of one that is", sealing{key: 2, kid: vecKey(0).Kid}.seal(claims))
	bad("bad-tag", "audience", "another audience", sealing{audience: "shop"}.seal(claims))
	bad("bad-tag", "name", "another cookie name", sealing{name: "session"}.seal(claims))
	bad("bad-tag", "purpose-stamp", "the subkey of another purpose", sealing{purpose: "stamp"}.seal(claims))
	bad("bad-tag", "purpose-barrier", "the subkey of the barrier, which a reader has too", sealing{purpose: "barrier"}.seal(claims))
	bad("bad-tag", "flipped", "one character of the ciphertext is another", flip(full, 90))
	bad("bad-tag", "flipped-iv", "one character of the IV is another", flip(full, 65))
	bad("malformed", "cut-1", "the last character is missing", full[:len(full)-1])
	bad("malformed", "cut-half", "the second half is missing", full[:len(full)/2])
	bad("malformed", "cut-header", "only the header", full[:60])
	bad("foreign", "cut-in-header", "less than the header", full[:59])
	bad("foreign", "jwt", "a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl")
	bad("foreign", "long", "4,097 characters", sealing{}.seal(form{d: `{"a":"` + strings.Repeat("x", 2996-len(form{d: `{"a":""}`}.String())) + `"}`}.String()))

	shop := usualConfig()
	shop.Audience = "shop"
	with("audience-own", "the store's own audience", shop, sessionName+"="+sealing{audience: "shop"}.seal(claims), true)
	with("audience-none", "no audience, where the store has one", shop, sessionName+"="+full, false)
	utf8 := usualConfig()
	utf8.Audience, utf8.Name = "größe \"x\"", "sessionid"
	with("audience-utf8", "an audience that isn't ASCII, and another cookie name", utf8, "sessionid="+sealing{audience: utf8.Audience, name: "sessionid"}.seal(claims), true)
	plain := usualConfig()
	plain.Name = "session"
	with("name-own", "the store's own cookie name", plain, "session="+sealing{name: "session"}.seal(claims), true)
	with("name-moved", "a value of another cookie under this one's name", plain, "session="+full, false)
}

func endedSessions(m *vectorMaker) {
	const until = vecNow + 12*vecHour
	claims := form{sub: "42", sid: "mine"}.String()
	me := sessionName + "=" + sealing{}.seal(claims)
	entry := func(sid string) barrierEntry { return barrierEntry{sid: sid, until: until} }
	mine := entry("mine").String()
	others := func(n int) string {
		s := ""
		for i := range n {
			s += entry(fmt.Sprint("other ", i)).String() + "."
		}
		return s
	}
	ended := func(id, comment string, barriers ...string) {
		m.refuse("ended", id, comment, me+"; "+barrierName+"="+strings.Join(barriers, "; "+barrierName+"="))
	}
	good := func(id, comment, barrier string) {
		m.ok(sessionVector{ID: "" + id, Comment: comment, Cookie: []string{me + "; " + barrierName + "=" + barrier}}, claims)
	}
	ended("one", "the barrier names the session", mine)
	ended("fallback", "an entry under the fallback key", barrierEntry{sid: "mine", until: until, key: 1}.String())
	ended("second", "the second entry names it", others(1)+mine)
	ended("sixth", "the sixth entry names it", others(5)+mine)
	ended("broken-before", "an entry that isn't well formed in front", "x."+mine)
	ended("behind", "something behind", mine+".x")
	ended("second-value", "the second of two barriers names it", others(1)[:entryLength], mine)
	ended("last-second", "until the next second", barrierEntry{sid: "mine", until: vecNow + 1}.String())
	ended("far", "until the last time that ten digits can write", barrierEntry{sid: "mine", until: 9999999999}.String())
	m.refuse("ended", "first-line", "the barrier in front, in a line of its own", barrierName+"="+mine, me)
	m.refuse("ended", "renewed", "the session was renewed by a late response", sessionName+"="+sealing{}.seal(form{sub: "42", sid: "mine", iat: vecNow - 60, rnw: vecNow}.String())+"; "+barrierName+"="+mine)
	m.refuse("expired", "and-expired", "ended, and over anyway", sessionName+"="+sealing{}.seal(form{sub: "42", sid: "mine", iat: vecNow - vecDay}.String())+"; "+barrierName+"="+mine)
	m.refuse("none", "alone", "a barrier and no session", barrierName+"="+mine)

	good("other", "it names another session", others(3)+entry("last").String())
	good("seventh", "a seventh entry isn't read", others(6)+mine)
	good("passed", "its time has come", barrierEntry{sid: "mine", until: vecNow}.String())
	good("unknown-key", "an entry under a key that isn't in the ring", barrierEntry{sid: "mine", until: until, key: 2}.String())
	good("audience", "an entry of another audience", barrierEntry{sid: "mine", until: until, audience: "shop"}.String())
	good("name", "an entry of another cookie name", barrierEntry{sid: "mine", until: until, name: "session"}.String())
	good("forged", "an entry whose MAC is another", flip(mine, len(mine)-1))
	good("moved", "the time of an entry is another than the MAC's", strings.Replace(mine, fmt.Sprint(until), fmt.Sprint(until+1), 1))
	good("short", "an entry without its last character", mine[:len(mine)-1])
	good("long", "an entry with one character more", mine+"A")
	good("time", "an entry whose time isn't a number", strings.Replace(mine, fmt.Sprint(until), "17000a3200", 1))
	good("kid", "an entry whose kid has unused bits", flip(mine, 6))
	good("comma", "commas separate no entries", "x,"+mine)
	good("quotes", "an entry in quotes", `"`+mine+`"`)
	good("empty", "an empty barrier", "")
	v := sessionVector{ID: "other-cookie", Comment: "the name of the barrier is the session cookie's and \"-ended\"", Cookie: []string{me + "; session-ended=" + mine + "; __Host-session_ended=" + mine}}
	m.ok(v, claims)
	two := form{sub: "43", sid: "two"}.String()
	v = sessionVector{ID: "one-of-two", Comment: "two sessions, one of which has ended", Cookie: []string{me + "; " + sessionName + "=" + sealing{}.seal(two) + "; " + barrierName + "=" + mine}}
	m.ok(v, two)
}

const entryLength = 7 + 10 + 22

func withinSessions(m *vectorMaker) {
	add := func(id, comment string, f form, now int64, within bool) {
		v := sessionVector{ID: id, Comment: comment, Config: usualConfig(), Now: now, Cookie: pair(sealing{}.seal(f.String())), Within: &within}
		v.Config.RenewVerified = 600
		m.ok(v, f.String())
	}
	for _, f := range []form{{sub: "42"}, {sub: "42", per: true}} {
		id := "browser"
		if f.per {
			id = "persistent"
		}
		for _, n := range []int64{0, 1, 599, 600} {
			add(fmt.Sprint(id, "-", n), "renewed that many seconds ago", f, vecNow+n, true)
		}
		for _, n := range []int64{601, 602, 1800} {
			add(fmt.Sprint(id, "-", n), "renewed that many seconds ago, which is too long", f, vecNow+n, false)
		}
	}
	add("renewed", "logged in long ago", form{sub: "42", iat: vecNow - vecHour, rnw: vecNow - 600}, vecNow, true)
	add("renewed-late", "logged in and renewed long ago", form{sub: "42", iat: vecNow - vecHour, rnw: vecNow - 601}, vecNow, false)
	add("login", "only the renewal counts", form{sub: "42", iat: vecNow - vecHour, rnw: vecNow - 601, auth: vecNow}, vecNow, false)
	add("ahead", "renewed by a clock that is ahead", form{sub: "42", rnw: vecNow + 60}, vecNow, true)
	add("anonymous", "nobody is logged in", form{d: `{"a":1}`}, vecNow, false)
	add("impersonated", "somebody is behind the user", form{sub: "42", d: "{" + actorData("admin", true) + "}"}, vecNow, true)
	add("actor-unreadable", "somebody is behind the user who can't be read", form{sub: "42", d: `{"-act":{"sub":""}}`}, vecNow, false)
}

func reissuedSessions(m *vectorMaker) {
	login, again := int64(vecNow-3000), int64(vecNow-60)
	end := login + 12*vecHour
	hour := func(c *vectorConfig) {
		c.Idle, c.Absolute, c.PersistentIdle, c.PersistentAbsolute = vecHour, vecHour, vecHour, vecHour
	}
	add := func(id, comment string, cfg func(*vectorConfig), f form, now int64, verdict string) {
		v := sessionVector{ID: id, Comment: comment, Config: usualConfig(), Cookie: pair(sealing{}.seal(f.String())), Now: now, Verdict: verdict}
		if cfg != nil {
			cfg(&v.Config)
		}
		if verdict == "ok" {
			m.ok(v, f.String())
			return
		}
		m.add(v)
	}
	late := form{sub: "42", iat: again, auth: login, rnw: vecNow, exp: end}
	add("usual", "it keeps the time of the login and the absolute end", nil, late, vecNow, "ok")
	for _, per := range []bool{false, true} {
		f, id := late, "absolute"
		if f.per = per; per {
			id = "absolute-persistent"
		}
		add(id+"-last", "the absolute time has become shorter, and counts from the login: the last second", hour, f, login+vecHour-1, "ok")
		add(id+"-over", "the absolute time has become shorter, and counts from the login: over", hour, f, login+vecHour, "expired")
	}
	last := form{sub: "42", iat: again, auth: login, rnw: end - 60, exp: end}
	add("exp-last", "the end fixed at login: the last second", nil, last, end-1, "ok")
	add("exp-over", "the end fixed at login: over", nil, last, end, "expired")
	add("ahead-60", "issued ahead of now, after the user's other sessions were ended in this very second", nil, form{sub: "42", iat: vecNow + 60, auth: login, rnw: vecNow, exp: end}, vecNow, "ok")
	add("ahead-61", "issued too far ahead", nil, form{sub: "42", iat: vecNow + 61, auth: login, rnw: vecNow, exp: end}, vecNow, "future")

	one, two := encode64(string(vecHash("sid:https://id.example#08a5")[:16])), encode64(string(vecHash("tenant:7")[:16]))
	m.one("link", "linked to an outside name", form{sub: "42", d: `{"-lnk":["` + one + `"]}`}.String())
	m.one("links", "linked to two, and a value", form{sub: "42", d: `{"-lnk":["` + one + `","` + two + `"],"lang":"de"}`}.String())
	m.one("link-impersonated", "linked, and an administrator is behind the user", form{sub: "42", d: "{" + actorData("admin", true) + `,"-lnk":["` + one + `"]}`}.String())
	m.one("link-unreadable", "links that this version can't read", form{sub: "42", d: `{"-lnk":{"a":1}}`}.String())
}

func formerSessions(m *vectorMaker) {
	const before, until = "__Host-before", vecNow + vecDay
	renamed := usualConfig()
	renamed.Former = []vectorFormer{{Name: before, Until: until}}
	mine := form{sub: "42", sid: "mine"}.String()
	old := form{sub: "42", sid: "old"}.String()
	late := form{sub: "42", sid: "old", rnw: vecNow + vecDay, exp: vecNow + 30*vecDay, iat: vecNow + vecDay - 60}.String()
	here := func(claims string) string { return sessionName + "=" + sealing{}.seal(claims) }
	there := func(claims string) string { return before + "=" + sealing{name: before}.seal(claims) }
	add := func(c vectorConfig, verdict, claims, id, comment string, lines ...string) {
		v := sessionVector{ID: "" + id, Comment: comment, Config: c, Cookie: lines, Verdict: verdict}
		if verdict == "ok" {
			m.ok(v, claims)
			return
		}
		m.add(v)
	}
	var eightForeign []string
	for i := range 8 {
		eightForeign = append(eightForeign, fmt.Sprint(sessionName, "=", i+1))
	}
	add(renamed, "ok", old, "renamed", "a session that is still under the former name", there(old))
	add(renamed, "ok", mine, "both", "one under each name: the current name's counts", there(old)+"; "+here(mine))
	add(renamed, "expired", "", "current-expired", "the current name's is over: the former isn't looked at", there(old)+"; "+here(form{sub: "42", iat: vecNow - vecDay}.String()))
	add(renamed, "bad-tag", "", "current-forged", "the current name's is forged: the former isn't looked at", there(old)+"; "+here(mine)[:80]+flip(here(mine), 80)[80:])
	add(renamed, "ok", old, "current-foreign", "the current name has another program's value", sessionName+"=theirs; "+there(old))
	add(renamed, "foreign", "", "current-foreign-only", "nothing but another program's value", sessionName+"=theirs")
	add(renamed, "ok", old, "current-eight", "the current name has eight values of another program", strings.Join(eightForeign, "; ")+"; "+there(old))
	add(renamed, "ambiguous", "", "current-nine", "the current name has nine", strings.Join(eightForeign, "; ")+"; "+sessionName+"=9; "+there(old))
	add(renamed, "none", "", "foreign", "another program uses the former name now", before+"=theirs")
	add(renamed, "foreign", "", "foreign-both", "other programs use both names", sessionName+"=theirs; "+before+"=theirs")
	add(renamed, "ok", old, "foreign-beside", "another program's value beside ours", before+"=theirs; "+there(old))
	add(renamed, "bad-tag", "", "moved", "a value of the current place under the former name", before+"="+sealing{}.seal(old))
	add(renamed, "expired", "", "expired", "over", there(form{sub: "42", iat: vecNow - vecDay}.String()))
	add(renamed, "ambiguous", "", "two", "two sessions under the former name", there(old)+"; "+there(mine))
	add(renamed, "ambiguous", "", "nine", "nine values under the former name, one of them ours", before+"=1; "+before+"=2; "+before+"=3; "+before+"=4; "+before+"=5; "+before+"=6; "+before+"=7; "+before+"=8; "+there(old))
	add(renamed, "ended", "", "ended", "the former place's barrier names it", there(old)+"; "+before+"-ended="+barrierEntry{sid: "old", until: until, name: before}.String())
	add(renamed, "ended", "", "ended-carried", "the current place's barrier carries the former place's entry on", there(old)+"; "+barrierName+"="+barrierEntry{sid: "old", until: until, name: before}.String())
	add(renamed, "ended", "", "ended-current", "the current place's barrier names a session that a late response has put under the former name", there(old)+"; "+barrierName+"="+barrierEntry{sid: "old", until: until}.String())
	add(renamed, "ended", "", "ended-before", "the former place's barrier names a session under the current name", here(mine)+"; "+before+"-ended="+barrierEntry{sid: "mine", until: until, name: before}.String())
	add(renamed, "ok", mine, "ended-other", "an entry of a place that isn't configured", here(mine)+"; "+barrierName+"="+barrierEntry{sid: "mine", until: until, name: "session"}.String())
	m.ok(sessionVector{ID: "until-last", Comment: "the last second before the deadline", Config: renamed, Now: until - 1, Cookie: []string{there(late)}}, late)
	m.add(sessionVector{ID: "until", Comment: "the deadline", Config: renamed, Now: until, Cookie: []string{there(late)}, Verdict: "none"})
	m.ok(sessionVector{ID: "until-barrier", Comment: "after the deadline, its barrier isn't read either", Config: renamed, Now: until,
		Cookie: []string{here(late) + "; " + before + "-ended=" + barrierEntry{sid: "old", until: until + vecDay, name: before}.String()}}, late)

	third := usualConfig()
	third.Former = []vectorFormer{{Name: before, Until: until}, {Name: "session", Until: until}}
	inThird := "session=" + sealing{name: "session"}.seal(mine)
	add(third, "ok", mine, "second", "the second of two former places", inThird)
	add(third, "ok", old, "first-of-two", "the first of two former places that has a value of ours", inThird+"; "+there(old))
	add(third, "ok", mine, "second-foreign", "the first has another program's value", before+"=theirs; "+inThird)
	add(third, "expired", "", "second-expired", "the first has a session that is over", inThird+"; "+there(form{sub: "42", iat: vecNow - vecDay}.String()))

	const name = "__Secure-session"
	moved := usualConfig()
	moved.Name, moved.Former = name, []vectorFormer{{Name: name, Domain: "app.example", Until: until}}
	value := func(claims string) string { return name + "=" + sealing{name: name}.seal(claims) }
	one, two := form{sub: "42", sid: "old", rnw: vecNow - 60, iat: vecNow - 600}.String(), form{sub: "42", sid: "old", rnw: vecNow - 30, iat: vecNow - 600}.String()
	tie := form{sub: "42", sid: "old", rnw: vecNow - 30, iat: vecNow - 600, d: `{"a":1}`}.String()
	add(moved, "ok", one, "domain", "another Domain: nobody can tell which value is where", value(one))
	add(moved, "ok", two, "domain-later", "one session in two places: that of the last renewal", value(one)+"; "+value(two))
	add(moved, "ok", two, "domain-later-first", "the same in the other order", value(two)+"; "+value(one))
	add(moved, "ok", tie, "domain-tie", "renewed in the same second: the last one", value(two)+"; "+value(tie))
	add(moved, "ok", two, "domain-tie-reversed", "the same in the other order", value(tie)+"; "+value(two))
	add(moved, "ambiguous", "", "domain-two", "two sessions", value(one)+"; "+value(mine))
	add(moved, "ambiguous", "", "domain-three", "two sessions, one of them twice", value(one)+"; "+value(two)+"; "+value(mine))
	a, b := form{sub: "42", sid: "old", iat: until - 600, rnw: until - 60}.String(), form{sub: "42", sid: "old", iat: until - 600, rnw: until - 30}.String()
	m.add(sessionVector{ID: "domain-until", Comment: "one session in two places, after the deadline", Config: moved, Now: until, Cookie: []string{value(a) + "; " + value(b)}, Verdict: "ambiguous"})
	m.ok(sessionVector{ID: "domain-until-last", Comment: "one session in two places, just before the deadline", Config: moved, Now: until - 1, Cookie: []string{value(a) + "; " + value(b)}}, b)
	add(usualConfig(), "ambiguous", "", "none-two", "one session in two states, and no former place", here(one)+"; "+here(two))
}
