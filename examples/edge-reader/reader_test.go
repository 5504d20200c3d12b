package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/jsreader"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The tests of js/reader.js. They run it in Node and in workerd, which is what Cloudflare
// Workers run on, and compare it with the vectors and with the library itself.

const (
	name = cookie.DefaultName
	now  = 1_700_000_000
)

type (
	task   = jsreader.Task
	result = jsreader.Result
)

var parent = filepath.Join("..", "..")

// vectorFile is a file of test vectors, of either kind.
type vectorFile struct {
	Ring       []vectors.Key   `json:"ring"`
	ReaderKeys json.RawMessage `json:"reader_keys"`
	Vectors    []vector        `json:"vectors"`
}

type vector struct {
	ID string `json:"id"`

	// Of a token.
	Name      string `json:"name"`
	Audience  string `json:"audience"`
	Token     string `json:"token"`
	Result    string `json:"result"`
	Kid       string `json:"kid"`
	Plaintext string `json:"plaintext_hex"`

	// Of a session.
	Config  vectorConfig `json:"config"`
	Cookie  []string     `json:"cookie"`
	Now     int64        `json:"now"`
	Verdict string       `json:"verdict"`
	Claims  string       `json:"claims"`
	User    *string      `json:"user"`
	Actor   *string      `json:"actor"`
	Within  *bool        `json:"within"`
}

type vectorConfig struct {
	Name               string `json:"name"`
	Audience           string `json:"audience"`
	Idle               int64  `json:"idle"`
	Absolute           int64  `json:"absolute"`
	PersistentIdle     int64  `json:"persistent_idle"`
	PersistentAbsolute int64  `json:"persistent_absolute"`
	RenewVerified      int64  `json:"renew_verified"`
	Former             []struct {
		Name  string `json:"name"`
		Until int64  `json:"until"`
	} `json:"former"`
}

// options are what the reader is told.
func (c vectorConfig) options() map[string]any {
	former := []any{}
	for _, f := range c.Former {
		former = append(former, map[string]any{"name": f.Name, "until": f.Until})
	}
	return map[string]any{
		"name": c.Name, "audience": c.Audience, "idle": c.Idle, "absolute": c.Absolute,
		"persistentIdle": c.PersistentIdle, "persistentAbsolute": c.PersistentAbsolute, "former": former,
	}
}

func readVectors(t *testing.T, pkg string) []vectorFile {
	t.Helper()
	files := vectors.Read[vectorFile](t, filepath.Join(parent, pkg, "testdata", "vectors"))
	if len(files) < 7 {
		t.Fatalf("%d files of vectors", len(files))
	}
	return files
}

// TestV2_TokenVectors: every token gets the verdict of its vector, and opens to the same
// bytes under the same key.
func TestV2_TokenVectors(t *testing.T) {
	var tasks []task
	var all []vector
	for _, f := range readVectors(t, "cookie") {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			var keys []string
			for _, k := range ring.Keys() {
				keys = append(keys, string(k.ExportJWK(cookie.SealLabel(v.Name, v.Audience))))
			}
			tasks = append(tasks, task{"do": "open", "token": v.Token, "keys": json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)})
			all = append(all, v)
		}
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		for i, r := range run(t, tasks) {
			v := all[i]
			want := result{Verdict: v.Result}
			if v.Result == "accepted" {
				want = result{Verdict: "ok", Kid: v.Kid, Plaintext: v.Plaintext}
			}
			if r.Verdict != want.Verdict || r.Kid != want.Kid || r.Plaintext != want.Plaintext {
				t.Errorf("%s: %s %s %.40s, want %s %s %.40s", v.ID, r.Verdict, r.Kid, r.Plaintext, want.Verdict, want.Kid, want.Plaintext)
			}
		}
		t.Logf("%d vectors", len(all))
	})
}

// TestV2_SessionVectors: every request gets the verdict of its vector, and the session.
// V1 is the same for the library itself.
func TestV2_SessionVectors(t *testing.T) {
	var tasks []task
	var all []vector
	for _, f := range readVectors(t, "ssestore") {
		for _, v := range f.Vectors {
			tasks = append(tasks, task{
				"do": "read", "keys": f.ReaderKeys, "options": v.Config.options(),
				"cookie": v.Cookie, "now": v.Now, "within": v.Config.RenewVerified,
			})
			all = append(all, v)
		}
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		for i, r := range run(t, tasks) {
			v := all[i]
			if r.Verdict != v.Verdict || (r.Session != nil) != (v.Verdict == "ok") {
				t.Errorf("%s: %s, want %s", v.ID, r.Verdict, v.Verdict)
				continue
			}
			if v.Within != nil && r.Within != *v.Within {
				t.Errorf("%s: within %v, want %v", v.ID, r.Within, *v.Within)
			}
			if r.Session != nil {
				v.compare(t, *r.Session)
			}
		}
		t.Logf("%d vectors", len(all))
	})
}

// compare compares what the reader returned with the claims of the vector.
func (v vector) compare(t *testing.T, got jsreader.Session) {
	t.Helper()
	var c struct {
		Iat, Exp, Rnw, End int64
		AuthTime           *int64 `json:"auth_time"`
		Per                bool
		D                  map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(v.Claims), &c); err != nil {
		t.Fatal(err)
	}
	user := v.User
	if v.Actor != nil && *v.Actor == "" {
		user = nil // somebody is behind the user who can't be read
	}
	absolute := v.Config.Absolute
	if c.Per {
		absolute = v.Config.PersistentAbsolute
	}
	end := min(c.Exp, c.Iat+absolute)
	if c.AuthTime != nil {
		end = min(end, *c.AuthTime+absolute)
	}
	if c.End != 0 {
		end = min(end, c.End)
	}
	if show(got.User) != show(user) {
		t.Errorf("%s: user %s, want %s", v.ID, show(got.User), show(user))
	}
	if show(got.Actor) != show(v.Actor) {
		t.Errorf("%s: actor %s, want %s", v.ID, show(got.Actor), show(v.Actor))
	}
	if (got.AuthTime == nil) != (c.AuthTime == nil) || c.AuthTime != nil && *got.AuthTime != *c.AuthTime {
		t.Errorf("%s: another login time", v.ID)
	}
	if got.Created != c.Iat || got.Renewed != c.Rnw || got.Expires != end || got.Persistent != c.Per {
		t.Errorf("%s: %+v, want %+v until %d", v.ID, got, c, end)
	}
	maps.DeleteFunc(c.D, func(name string, _ json.RawMessage) bool { return name[0] == '-' })
	if a, b := plain(t, got.Data), plain(t, c.D); a != b {
		t.Errorf("%s: data %s, want %s", v.ID, a, b)
	}
}

// show tells nobody from an empty text.
func show(s *string) string {
	if s == nil {
		return "nobody"
	}
	return strconv.Quote(*s)
}

// plain spells data in one way, whatever its numbers and escapes look like.
func plain(t *testing.T, data map[string]json.RawMessage) string {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(any); err != nil || len(any) == 0 {
		return "{}"
	}
	return string(b)
}

// TestV3_Mutants: no altered token is a session, and none makes the reader throw.
func TestV3_Mutants(t *testing.T) {
	ring := keyring.Generate()
	v := login(t, newStore(t, ring, ssestore.Config{}), "42")
	count := 20_000
	if testing.Short() {
		count = 1000
	}
	tasks := []task{
		{"do": "mutants", "keys": readKeys(ring), "name": name, "token": v, "count": count, "now": now},
		{"do": "read", "keys": readKeys(ring), "options": task{}, "cookie": name + "=" + v, "now": now},
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		results := run(t, tasks)
		r, n := results[0], 0
		for _, of := range r.Verdicts {
			n += of
		}
		if len(r.Accepted) > 0 || len(r.Thrown) > 0 || n < count*9/10 || len(r.Verdicts) < 3 {
			t.Errorf("of %d mutants %d are accepted and %d throw: %v %.3q %.3q", n, len(r.Accepted), len(r.Thrown), r.Verdicts, r.Accepted, r.Thrown)
		}
		if results[1].Verdict != "ok" {
			t.Errorf("the token itself: %s", results[1].Verdict)
		}
		t.Logf("%d mutants: %v", n, r.Verdicts)
	})
}

// A question is a request that the library and the reader both judge.
type question struct {
	store   *ssestore.Store
	options map[string]any
	cookie  []string
	claims  string // what is sealed, if it is one value
}

// compareWithGo judges all questions with the library and with the reader.
func compareWithGo(t *testing.T, keys string, questions []question) {
	t.Helper()
	var tasks []task
	var verdicts, users []string
	for _, q := range questions {
		s := q.store.Load(q.cookie, time.Unix(now, 0))
		verdict, user := s.Principal().Refused().String(), s.Principal().Identity().ID
		if !s.Info().New {
			verdict = "ok"
		}
		// The library looks at the data when a value is read, the reader at once.
		var c claims.Claims
		if c.Parse([]byte(q.claims)) && c.D != nil && !(json.Valid(c.D) && utf8.Valid(c.D)) {
			verdict, user = "malformed", ""
		}
		verdicts, users = append(verdicts, verdict), append(users, user)
		tasks = append(tasks, task{"do": "read", "keys": keys, "options": q.options, "cookie": q.cookie, "now": now})
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		seen := map[string]int{}
		for i, r := range run(t, tasks) {
			user := ""
			if r.Session != nil && r.Session.User != nil {
				user = *r.Session.User
			}
			if r.Verdict != verdicts[i] || user != users[i] {
				t.Errorf("%q %q: the reader says %s %q, the library %s %q", questions[i].cookie, questions[i].claims, r.Verdict, user, verdicts[i], users[i])
			}
			seen[r.Verdict]++
		}
		t.Logf("%d requests: %v", len(questions), seen)
	})
}

// TestV3_Claims: claims that are nearly right are read, or refused, as by the library.
func TestV3_Claims(t *testing.T) {
	ring := keyring.Generate()
	store := newStore(t, ring, ssestore.Config{})
	codec, err := cookie.JWE(name, "")
	if err != nil {
		t.Fatal(err)
	}
	const sid, stamp = `{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000`, `,"stk":"AAAAAAA","stp":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	forms := []string{
		sid + `,"exp":1700043200,"rnw":1700000000}`,
		sid + `,"exp":1700043200,"rnw":1700000000,"d":{"a":1}}`,
		sid + `,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"sub":"42"}`,
		sid + `,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"per":true,"end":1700000300,"sub":"a\"b\\c"` + stamp + `,"d":{"a":[1,"x"],"b":null}}`,
	}
	pieces := []string{`"`, `\`, `\"`, `\\`, `,`, `{`, `}`, `:`, "0", "1", "9", "-", "_", ".", "A", "Q", "B", "\x00", "\x1f", "\x7f", "\u0085", "é", "\u2028", "\ufeff", "\xff",
		" ", "\n", "null", "true", `"sub":"`, `,"per":true`, `,"end":1`, `,"d":{"a":1}`, `\u0041`, "🍪", stamp}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(n int) int { return random.IntN(n) }
	count := 3000
	if testing.Short() {
		count = 300
	}
	var questions []question
	for range count {
		form := forms[pick(len(forms))]
		for range 1 + pick(2) {
			at := pick(len(form) + 1)
			to := min(len(form), at+pick(12))
			switch pick(4) {
			case 0:
				form = form[:at] + pieces[pick(len(pieces))] + form[at:]
			case 1:
				form = form[:at] + form[to:]
			case 2:
				form = form[:at] + pieces[pick(len(pieces))] + form[to:]
			case 3:
				form = form[:to] + form[at:]
			}
		}
		token, err := codec.Seal(ring, []byte(form))
		if err != nil {
			t.Fatal(err)
		}
		questions = append(questions, question{store, task{}, []string{name + "=" + token}, form})
	}
	compareWithGo(t, readKeys(ring), questions)
}

// TestV3_Headers: what can be in a Cookie header, in any order, is found as by the
// library.
func TestV3_Headers(t *testing.T) {
	ring, strange := keyring.Generate(), keyring.Generate()
	const former = "session"
	until := time.Unix(now+3600, 0)
	config := ssestore.Config{Former: []ssestore.Former{{Cookie: cookie.Config{Name: former}, Until: until}}}
	store := newStore(t, ring, config)
	options := task{"former": []any{task{"name": former, "until": until.Unix()}}}

	good, other := login(t, store, "42"), login(t, store, "43")
	ended, barrier := logout(t, store, login(t, store, "44"))
	values := []string{good, good, good, other, other, ended, ended, ended, good[:len(good)-1], good + "A", "theirs", "", `"` + good + `"`, good[:70], "1",
		login(t, newStore(t, strange, ssestore.Config{}), "45")}
	old := ssestore.Config{Cookie: cookie.Config{Name: former}}
	formerValues := []string{login(t, newStore(t, ring, old), "46"), good, "theirs", ""}
	names := []string{name, name, name, name, name, name, name, name, name, name + "2", "x" + name, strings.ToLower(name), "a"}
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	count := 3000
	if testing.Short() {
		count = 300
	}
	var questions []question
	for range count {
		lines := []string{""}
		for range random.IntN(5) {
			pair := pick(names) + pick([]string{"=", "=", "=", "=", "=", "=", "=", " =", ""}) + pick(values)
			switch random.IntN(8) {
			case 0, 1:
				pair = former + "=" + pick(formerValues)
			case 2:
				pair = name + "-ended=" + pick([]string{barrier, barrier, "x." + barrier, barrier + ".x", barrier[1:], ""})
			}
			last := &lines[len(lines)-1]
			*last += pair + pick([]string{"; ", "; ", "; ", "; ", ";", ";; ", " ;\t", ", ", ",", "\n"})
			if random.IntN(4) == 0 {
				lines = append(lines, pick([]string{"", " ", "; "}))
			}
		}
		questions = append(questions, question{store, options, lines, ""})
	}
	compareWithGo(t, exported(ring, name, former), questions)
}

// TestV4_Refuses: a reader that would be unsafe isn't made, and the error doesn't repeat
// a key.
func TestV4_Refuses(t *testing.T) {
	ring := keyring.Generate()
	all := readKeys(ring)
	seal := string(ring.Primary().ExportJWK(cookie.SealLabel(name, "")))
	var set struct {
		Keys []struct{ K string } `json:"keys"`
	}
	if err := json.Unmarshal([]byte(all), &set); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		what, keys string
		options    task
		refusal    string // "" if it is made
	}{
		{"good", all, task{}, ""},
		{"every option", all, task{"name": name, "audience": "", "idle": 1, "absolute": 1, "persistentIdle": 1, "persistentAbsolute": 1, "former": []any{}}, ""},
		{"nothing", "", task{}, "JWK Set"},
		{"no JSON", all[1:], task{}, "JWK Set"},
		{"cut", all[:len(all)-20], task{}, "JWK Set"},
		{"null", "null", task{}, "JWK Set"},
		{"a key and no set", seal, task{}, "JWK Set"},
		{"an array", "[" + seal + "]", task{}, "JWK Set"},
		{"an empty set", `{"keys":[]}`, task{}, "seal or barrier"},
		{"root keys", string(ring.JWKSet()), task{}, "seal or barrier"},
		{"no barrier key", `{"keys":[` + seal + `]}`, task{}, "seal or barrier"},
		{"no barrier key for one of two", strings.TrimSuffix(all, "]}") + "," + strings.Replace(seal, ring.Primary().ID(), "AAAAAAA", 1) + "]}", task{}, "seal or barrier"},
		{"another cookie's keys", all, task{"name": "session"}, "seal or barrier"},
		{"another audience's keys", all, task{"audience": "shop"}, "seal or barrier"},
		{"no keys for a former place", all, task{"former": []any{task{"name": "session", "until": now}}}, "seal or barrier"},
		{"a short key", strings.ReplaceAll(all, set.Keys[0].K, set.Keys[0].K[:22]), task{}, "TypeError"},
		{"an unknown option", all, task{"persitentIdle": 5}, "option persitentIdle"},
		{"a text as number", all, task{"idle": "1800"}, "option idle"},
		{"null", all, task{"absolute": nil}, "option absolute"},
		{"zero", all, task{"persistentAbsolute": 0}, "option persistentAbsolute"},
		{"negative", all, task{"persistentIdle": -1}, "option persistentIdle"},
		{"a number as name", all, task{"name": 5}, "option name"},
	}
	var tasks []task
	for _, row := range rows {
		tasks = append(tasks, task{"do": "make", "keys": row.keys, "options": row.options})
	}
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		for i, r := range run(t, tasks) {
			row := rows[i]
			if (row.refusal == "") != (r.Verdict == "made") || !strings.Contains(r.Verdict, row.refusal) {
				t.Errorf("%s: %s", row.what, r.Verdict)
			}
			for _, k := range set.Keys {
				if strings.Contains(r.Verdict, k.K[:8]) {
					t.Errorf("%s: the error quotes a key", row.what)
				}
			}
		}
	})
}

// TestF407_BarrierKeyInWebCrypto: the exported barrier key imports as what its JWK says it
// is, and makes the entry that docs/FORMAT.md shows.
func TestF407_BarrierKeyInWebCrypto(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(parent, "docs", "FORMAT.md"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		_, rest, ok := strings.Cut(string(page), "\n"+name+" = ")
		if !ok {
			t.Fatalf("docs/FORMAT.md has no %s", name)
		}
		text, _, _ := strings.Cut(rest, "\n")
		return text
	}
	root, err := hex.DecodeString(value("root key"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse(fmt.Sprintf(`{"keys":[{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":1}]}`, value("kid"), base64.RawURLEncoding.EncodeToString(root)))
	if err != nil {
		t.Fatal(err)
	}
	jwk := ring.Primary().ExportJWK(keyring.Label{Purpose: "barrier", Audience: value("audience"), Name: value("cookie name")})
	jsreader.Each(t, func(t *testing.T, run func(*testing.T, []task) []result) {
		r := run(t, []task{{"do": "mac", "jwk": json.RawMessage(jwk), "input": value("barrier input")}})[0]
		mac, err := base64.StdEncoding.DecodeString(r.Verdict)
		if got := value("kid") + value("until") + base64.RawURLEncoding.EncodeToString(mac); err != nil || got != value("entry") {
			t.Errorf("Web Crypto makes %s (%v), the page has %s", got, err, value("entry"))
		}
	})
}

// TestV5_Package: the reader stays small, depends on nothing, and its package has what it
// says.
func TestV5_Package(t *testing.T) {
	js := filepath.Join(parent, "js")
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(js, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	text := read("reader.js")
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	z.Write(text)
	z.Close()
	lines := bytes.Count(text, []byte("\n"))
	t.Logf("%d lines, %d bytes, %d with gzip", lines, len(text), packed.Len())
	if lines > 150 || packed.Len() > 3584 {
		t.Errorf("%d lines, want at most 150; %d bytes with gzip, want at most 3,584", lines, packed.Len())
	}
	for _, word := range []string{"import ", "require(", "import(", "eval(", "Function(", "fetch(", "document.", "Set-Cookie", "encrypt\""} {
		if bytes.Contains(text, []byte(word)) {
			t.Errorf("reader.js has %s", word)
		}
	}
	var p map[string]json.RawMessage
	if err := json.Unmarshal(read("package.json"), &p); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"dependencies", "peerDependencies", "optionalDependencies", "devDependencies", "scripts", "bin", "main"} {
		if p[field] != nil {
			t.Errorf("package.json has %s", field)
		}
	}
	var files []string
	if err := json.Unmarshal(p["files"], &files); err != nil || !slices.Contains(files, "reader.js") || !slices.Contains(files, "reader.d.ts") {
		t.Errorf("files: %q, %v", files, err)
	}
	license, err := os.ReadFile(filepath.Join(parent, "LICENSE"))
	if err != nil || !bytes.Equal(license, read("LICENSE")) {
		t.Errorf("js/LICENSE isn't the project's: %v", err)
	}
	// The defaults are those of the store.
	seconds := func(d time.Duration) string { return fmt.Sprint(int64(d / time.Second)) }
	for option, want := range map[string]string{
		"idle": seconds(ssestore.DefaultIdle), "absolute": seconds(ssestore.DefaultAbsolute), "name": `"` + cookie.DefaultName + `"`,
		"persistentIdle": seconds(ssestore.DefaultPersistentIdle), "persistentAbsolute": seconds(ssestore.DefaultPersistentAbsolute),
	} {
		if !bytes.Contains(text, []byte(option+": "+want+",")) {
			t.Errorf("the default of %s isn't %s", option, want)
		}
	}
}

// exported returns the reader's keys for several cookies.
func exported(ring *keyring.Keyring, names ...string) string {
	var keys []string
	for _, key := range ring.Keys() {
		for _, n := range names {
			keys = append(keys, string(key.ExportJWK(cookie.SealLabel(n, ""))), string(key.ExportJWK(keyring.Label{Purpose: "barrier", Name: n})))
		}
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// newStore makes a store with the keys and a fixed configuration.
func newStore(t *testing.T, ring *keyring.Keyring, c ssestore.Config) *ssestore.Store {
	t.Helper()
	c.Keys = ring
	s, err := ssestore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// login returns the value of a cookie in which somebody is logged in.
func login(t *testing.T, store *ssestore.Store, id string) string {
	t.Helper()
	s := store.Load(nil, time.Unix(now, 0))
	stamp, err := s.Principal().Stamp(id, "hash")
	if err == nil {
		err = s.Principal().Begin(id, stamp, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cookies(t, s)[store.CookieName()]
}

// logout ends a session, and returns it with the barrier.
func logout(t *testing.T, store *ssestore.Store, value string) (same, barrier string) {
	t.Helper()
	s := store.Load([]string{store.CookieName() + "=" + value}, time.Unix(now, 0))
	if err := s.Principal().End(); err != nil {
		t.Fatal(err)
	}
	return value, cookies(t, s)[store.CookieName()+"-ended"]
}

// cookies returns the values that the response sets.
func cookies(t *testing.T, s *ssestore.Session) map[string]string {
	t.Helper()
	out, err := s.Commit(200)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for _, line := range out.SetCookie {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		set[name] = value
	}
	return set
}
