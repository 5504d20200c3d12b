package legacy_test

import (
	"bytes"
	"compress/zlib"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// flask signs a payload as Flask does.
func flask(secret, payload string, stamp []byte) string {
	return flaskSigned(secret, payload+"."+b64.EncodeToString(stamp))
}

func flaskSigned(secret, signed string) string {
	derive := hmac.New(sha1.New, []byte(secret))
	derive.Write([]byte("cookie-session"))
	m := hmac.New(sha1.New, derive.Sum(nil))
	m.Write([]byte(signed))
	return signed + "." + b64.EncodeToString(m.Sum(nil))
}

// django signs a payload as Django does.
func django(secret, payload, date string) string {
	key := sha256.Sum256([]byte("django.contrib.sessions.backends.signed_cookiessigner" + secret))
	m := hmac.New(sha256.New, key[:])
	signed := payload + ":" + date
	m.Write([]byte(signed))
	return signed + ":" + b64.EncodeToString(m.Sum(nil))
}

// rails encrypts a plaintext as Rails does, before Rack writes it in percents.
func rails(t testing.TB, h func() hash.Hash, secret, plaintext string) string {
	t.Helper()
	key, err := pbkdf2.Key(h, secret, []byte("authenticated encrypted cookie"), 1000, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := []byte("twelve bytes")
	sealed := gcm.Seal(nil, iv, []byte(plaintext), nil)
	n := len(sealed) - 16
	enc := base64.StdEncoding.EncodeToString
	return enc(sealed[:n]) + "--" + enc(iv) + "--" + enc(sealed[n:])
}

// envelope is what Rails writes around a session.
func envelope(session, exp, pur string) string {
	return `{"_rails":{"message":"` + base64.StdEncoding.EncodeToString([]byte(session)) + `","exp":` + exp + `,"pur":` + pur + `}}`
}

func seconds(t time.Time) []byte { return binary.BigEndian.AppendUint32(nil, uint32(t.Unix())) }

// base62 writes a number as Django does.
func base62(n int64) (s string) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for ; n > 0; n /= 62 {
		s = digits[n%62:][:1] + s
	}
	return s
}

// deflate compresses a text, with the dot before it.
func deflate(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return "." + b64.EncodeToString(b.Bytes())
}

const webSession = `{"session_id":"00112233445566778899aabbccddeeff","user":"ann"}`

// A webSystem is a system of this page: its codec, and what seals a session now.
type webSystem struct {
	legacy func(secrets ...string) ssestore.Legacy
	seal   func(t testing.TB, secret, session string) string
}

var webSystems = map[string]webSystem{
	"flask": {func(s ...string) ssestore.Legacy { return legacy.Flask(cookie.Config{}, s...) }, func(_ testing.TB, secret, session string) string {
		return flask(secret, b64.EncodeToString([]byte(session)), seconds(time.Now()))
	}},
	"flask, compressed": {func(s ...string) ssestore.Legacy { return legacy.Flask(cookie.Config{}, s...) }, func(_ testing.TB, secret, session string) string {
		return flask(secret, deflate(session), seconds(time.Now()))
	}},
	"django": {func(s ...string) ssestore.Legacy { return legacy.Django(cookie.Config{}, s...) }, func(_ testing.TB, secret, session string) string {
		return django(secret, b64.EncodeToString([]byte(session)), base62(time.Now().Unix()))
	}},
	"django, compressed": {func(s ...string) ssestore.Legacy { return legacy.Django(cookie.Config{}, s...) }, func(_ testing.TB, secret, session string) string {
		return django(secret, deflate(session), base62(time.Now().Unix()))
	}},
	"rails, SHA-1": {railsLegacy, func(t testing.TB, secret, session string) string {
		return url.QueryEscape(rails(t, sha1.New, secret, envelope(session, "null", `"cookie._app_session"`)))
	}},
	"rails, SHA-256": {railsLegacy, func(t testing.TB, secret, session string) string {
		return url.QueryEscape(rails(t, sha256.New, secret, envelope(session, "null", `"cookie._app_session"`)))
	}},
	"rails 5.2": {railsLegacy, func(t testing.TB, secret, session string) string {
		return url.QueryEscape(rails(t, sha1.New, secret, session))
	}},
}

func railsLegacy(s ...string) ssestore.Legacy {
	return legacy.Rails(cookie.Config{Name: "_app_session"}, s...)
}

func TestH40_H41_H42_WebSecrets(t *testing.T) {
	for name, sys := range webSystems {
		value := sys.seal(t, former, webSession)
		for _, secrets := range [][]string{{former}, {secret, former}, {former, secret}} {
			opens(t, codec(t, sys.legacy(secrets...)), value, webSession)
		}
		refuses(t, codec(t, sys.legacy(secret, former+"x")), name, value, cookie.ReasonUnknownKey)
	}
	for name, l := range map[string]ssestore.Legacy{
		"session": legacy.Flask(cookie.Config{}, secret), "sessionid": legacy.Django(cookie.Config{}, secret), "": legacy.Rails(cookie.Config{}, secret),
	} {
		if l.Cookie.Name != name || l.Parts != "" || l.Companion != "" {
			t.Errorf("%+v, want the name %q", l, name)
		}
	}
}

// TestH43_WebDates: the dates of Flask and Django, and the end that Rails may write, to
// the second.
func TestH43_WebDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		payload := b64.EncodeToString([]byte(webSession))
		f, d := codec(t, legacy.Flask(cookie.Config{}, secret)), codec(t, legacy.Django(cookie.Config{}, secret))
		for ahead, want := range map[time.Duration]cookie.Reason{-1e6 * time.Second: 0, 0: 0, time.Minute: 0, 61 * time.Second: cookie.ReasonFuture} {
			date := now.Add(ahead)
			for what, at := range map[string]struct {
				codec cookie.Codec
				value string
			}{"flask": {f, flask(secret, payload, seconds(date))}, "django": {d, django(secret, payload, base62(date.Unix()))}} {
				o, err := at.codec.Open(nil, at.value)
				if cookie.ReasonOf(err) != want || want == 0 && !o.Issued.Equal(date) {
					t.Errorf("%s, %v ahead: %v, issued %v", what, ahead, cookie.ReasonOf(err), o.Issued)
				}
			}
		}
		refuses(t, f, "the year 10000", flask(secret, payload, []byte{0x3a, 0xff, 0xf4, 0x41, 0x80}), cookie.ReasonMalformed)
		refuses(t, d, "the year 10000", django(secret, payload, base62(253402300800)), cookie.ReasonMalformed)

		r := codec(t, railsLegacy(secret))
		for ahead, want := range map[time.Duration]cookie.Reason{time.Millisecond: 0, 0: cookie.ReasonExpired, -time.Hour: cookie.ReasonExpired} {
			end := now.Add(ahead)
			value := rails(t, sha1.New, secret, envelope(webSession, `"`+end.UTC().Format("2006-01-02T15:04:05.000Z")+`"`, `"cookie._app_session"`))
			o, err := r.Open(nil, url.QueryEscape(value))
			if cookie.ReasonOf(err) != want || want == 0 && (!o.Ends.Equal(end) || !o.Issued.IsZero()) {
				t.Errorf("rails, ends in %v: %v, %v", ahead, cookie.ReasonOf(err), o)
			}
		}
		for _, exp := range []string{`"soon"`, `1`, `""`} {
			refuses(t, r, exp, url.QueryEscape(rails(t, sha1.New, secret, envelope(webSession, exp, `"cookie._app_session"`))), cookie.ReasonMalformed)
		}
	})
}

// TestH44_WebSpellings: a value that opens has one spelling.
func TestH44_WebSpellings(t *testing.T) {
	payload, now := b64.EncodeToString([]byte(webSession)), time.Now()
	whole := map[string]string{
		"flask":  flask(secret, payload, seconds(now)),
		"django": django(secret, payload, base62(now.Unix())),
		"rails":  url.QueryEscape(rails(t, sha1.New, secret, webSession+"  ")), // with padding
	}
	raw, _ := url.QueryUnescape(whole["rails"])
	body, rest, _ := strings.Cut(raw, "--")
	iv, tag, _ := strings.Cut(rest, "--")
	if !strings.HasSuffix(body, "=") || !strings.HasSuffix(tag, "==") {
		t.Fatal(raw)
	}
	last := func(s string) string { return s[:len(s)-1] + otherBits(s[len(s)-1]) }
	rows := map[string][]string{
		"flask": {
			"", ".", "..", payload, payload + "." + b64.EncodeToString(seconds(now)), whole["flask"] + "=", whole["flask"] + "\n", last(whole["flask"]), whole["flask"] + "AAAA", whole["flask"][:len(whole["flask"])-4],
			flask(secret, payload, nil), flaskSigned(secret, payload+".awhz!"), flaskSigned(secret, payload+"."), flask(secret, payload, append([]byte{0}, seconds(now)...)), flask(secret, payload, bytes.Repeat([]byte{1}, 9)),
			strings.Repeat("x", 16385), whole["flask"][1:] + whole["flask"],
		},
		"django": {
			"", ":", "::", payload, payload + ":" + base62(now.Unix()), whole["django"] + "=", whole["django"] + "\n", last(whole["django"]), whole["django"] + "AAAA", whole["django"][:len(whole["django"])-4],
			django(secret, payload, ""), django(secret, payload, "0"+base62(now.Unix())), django(secret, payload, "1xWdm-"), django(secret, payload, "123456789"),
		},
		"rails": {
			"", "--", "----", raw, body, body + "--" + iv, url.QueryEscape(raw) + "--", url.QueryEscape(raw + "--AAAA"), "--" + url.QueryEscape(raw),
			strings.ReplaceAll(whole["rails"], "%3D", "%3d"), strings.Replace(whole["rails"], "A", "%41", 1), whole["rails"] + "%", whole["rails"] + "%0A",
			whole["rails"] + "\n", whole["rails"] + "+",
			url.QueryEscape(body[:len(body)-1] + "--" + iv + "--" + tag), url.QueryEscape(body + "--" + iv + "--" + strings.TrimRight(tag, "=")),
			url.QueryEscape("--" + iv + "--" + tag), url.QueryEscape(body + "--" + iv[:12] + "--" + tag), url.QueryEscape(body + "--" + iv + "--" + tag[:20]),
			url.QueryEscape(body + "--" + iv + "--" + tag[:21] + otherStd(tag[21]) + "=="), url.QueryEscape(body + "--" + iv + "--AAAAAAAAAAAAAAAAAAAAAAAA"),
			url.QueryEscape(body + "--" + "AAAAAAAAAAAAAA==" + "--" + tag),
		},
	}
	for name, values := range rows {
		c := codec(t, webSystems[map[string]string{"flask": "flask", "django": "django", "rails": "rails 5.2"}[name]].legacy(secret))
		if _, err := c.Open(nil, whole[name]); err != nil {
			t.Errorf("%s itself: %v", name, cookie.ReasonOf(err))
		}
		for i, value := range values {
			_, err := c.Open(nil, value)
			if got := cookie.ReasonOf(err); got != cookie.ReasonForeign && (got != cookie.ReasonUnknownKey || name != "flask" || i < len(values)-1) {
				t.Errorf("%s %d, %.60q: %v", name, i, value, got)
			}
		}
	}
}

// otherStd is otherBits for base64 with + and /.
func otherStd(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// TestH44_WebMutants: no altered value opens, none makes a panic, and none takes much memory.
func TestH44_WebMutants(t *testing.T) {
	count := 20_000
	if testing.Short() || race.Enabled {
		count = 1000
	}
	random := rand.New(rand.NewPCG(44, 13))
	for name, sys := range webSystems {
		c, value := codec(t, sys.legacy(secret, former)), sys.seal(t, secret, webSession)
		const letters = "ABCabcz059-_.:+/=%;~ \x00\x7f\xff"
		for range count {
			b := []byte(value)
			for range 1 + random.IntN(3) {
				at := random.IntN(len(b))
				switch random.IntN(6) {
				case 0:
					b[at] ^= 1 << random.IntN(8)
				case 1:
					b[at] = letters[random.IntN(len(letters))]
				case 2:
					b = append(b[:at:at], b[at+1:]...)
				case 3:
					b = append(b[:at:at], append([]byte{letters[random.IntN(len(letters))]}, b[at:]...)...)
				case 4:
					b = append(b[:at:at], b[at/2:]...)
				case 5:
					b[at], b[random.IntN(len(b))] = b[random.IntN(len(b))], b[at]
				}
				if len(b) == 0 {
					b = []byte{'.'}
				}
			}
			if o, err := c.Open(nil, string(b)); string(b) != value && (err == nil || o.Plaintext != nil) {
				t.Fatalf("%s opens: %q", name, b)
			}
		}
	}
}

// TestH44_WebMemory: no value of 16 KB, forged or not, takes more than 64 KB.
func TestH44_WebMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory of its own")
	}
	secrets := []string{"1", "2", "3", "4", "5", "6", "7", secret}
	long := func(s string, n int) string { return strings.Repeat(s, n/len(s)) }
	forged := map[string][]string{
		"flask":  {long("A", 16384), long(".", 16384), long("A", 16340) + ".AAAA." + long("A", 27), long("A.", 16384), "." + long("A", 16340) + ".aaaa." + long("A", 27)},
		"django": {long("A", 16384), long(":", 16384), long("A", 16330) + ":1xWdmF:" + long("A", 43), "A:1xWdmF:" + long("A", 16370)},
		"rails 5.2": {long("A", 16384), long("-", 16384), long("%2B", 16384), long("A", 16328) + "--AAAAAAAAAAAAAAAA--AAAAAAAAAAAAAAAAAAAAAA%3D%3D",
			long("%2B", 16320) + "--AAAAAAAAAAAAAAAA--AAAAAAAAAAAAAAAAAAAAAA%3D%3D"},
	}
	for name, values := range forged {
		c := codec(t, webSystems[name].legacy(secrets...))
		for _, value := range values {
			for _, authentic := range []bool{false, true} {
				if authentic {
					session := `{"session_id":"00112233445566778899aabbccddeeff","x":"` + long("x", 8900) + `"}`
					value = webSystems[name].seal(t, secret, session)
				}
				const n = 20
				var before, after runtime.MemStats
				began := time.Now()
				runtime.ReadMemStats(&before)
				for range n {
					c.Open(nil, value)
				}
				runtime.ReadMemStats(&after)
				each, took := (after.TotalAlloc-before.TotalAlloc)/n, time.Since(began)/n
				t.Logf("%s, %d characters, authentic %t, %d secrets: %d bytes, %v", name, len(value), authentic, len(secrets), each, took)
				if each > 64<<10 {
					t.Errorf("%s, %.20s…, authentic %t: %d bytes", name, value, authentic, each)
				}
			}
		}
	}
}

// TestH45_Inflated: what unfolds to more than 32 KB is refused, and isn't unfolded any further.
func TestH45_Inflated(t *testing.T) {
	object := func(n int) string { return `{"a":"` + strings.Repeat("a", n-8) + `"}` }
	for _, name := range []string{"flask, compressed", "django, compressed"} {
		sys := webSystems[name]
		c := codec(t, sys.legacy(secret))
		opens(t, c, sys.seal(t, secret, object(32768)), object(32768))
		refuses(t, c, name, sys.seal(t, secret, object(32769)), cookie.ReasonMalformed)
		bomb := sys.seal(t, secret, object(10_000_000))
		if len(bomb) > 16384 {
			t.Fatal(len(bomb))
		}
		refuses(t, c, name, bomb, cookie.ReasonMalformed)
		if race.Enabled {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			c.Open(nil, bomb)
		}
		runtime.ReadMemStats(&after)
		// The inflater itself takes 44 KB. All the rest is below 64 KB.
		if each := (after.TotalAlloc - before.TotalAlloc) / 20; each > 108<<10 {
			t.Errorf("%s: %d bytes", name, each)
		}
	}
	payload := deflate(webSession)
	for what, altered := range map[string]string{
		"no zlib": ".AAAA", "cut": payload[:len(payload)-12], "no base64": ".!", "padded": payload + "=", "only a dot": ".",
	} {
		refuses(t, codec(t, legacy.Flask(cookie.Config{}, secret)), what, flask(secret, altered, seconds(time.Now())), cookie.ReasonMalformed)
		refuses(t, codec(t, legacy.Django(cookie.Config{}, secret)), what, django(secret, altered, base62(time.Now().Unix())), cookie.ReasonMalformed)
	}
}

// TestH48_WebNotJSON: what is authentic and isn't a JSON object is refused by name.
func TestH48_WebNotJSON(t *testing.T) {
	for name, sys := range webSystems {
		c := codec(t, sys.legacy(secret))
		for _, text := range []string{"null", "[]", `"ann"`, "{", `{"a":1}{}`, " ", "\x04\x08{", "\x80\x04}", "\xcc\x80"} {
			_, err := c.Open(nil, sys.seal(t, secret, text))
			if !errors.Is(err, legacy.ErrNotJSON) || cookie.ReasonOf(err) != cookie.ReasonMalformed {
				t.Errorf("%s, %q: %v", name, text, err)
			}
		}
	}
}

// TestH49_RailsPurpose: a cookie that says which one it is can't stand in for the session,
// and one that doesn't say has to have what every session has.
func TestH49_RailsPurpose(t *testing.T) {
	c := codec(t, railsLegacy(secret))
	for plaintext, want := range map[string]cookie.Reason{
		envelope(`{"user":"ann"}`, "null", `"cookie._app_session"`): cookie.ReasonNone,
		envelope(`{"user":"ann"}`, "null", `"cookie._other"`):       cookie.ReasonMalformed,
		envelope(webSession, "null", `"cookie._other"`):             cookie.ReasonMalformed,
		envelope(webSession, "null", `""`):                          cookie.ReasonMalformed,
		envelope(webSession, "null", `"_app_session"`):              cookie.ReasonMalformed,
		envelope(webSession, "null", `1`):                           cookie.ReasonMalformed,
		envelope(webSession, "null", `null`):                        cookie.ReasonNone,
		envelope(`{"user":"ann"}`, "null", `null`):                  cookie.ReasonMalformed,
		webSession:               cookie.ReasonNone,
		`{"user":"ann"}`:         cookie.ReasonMalformed,
		`{"session_id":"short"}`: cookie.ReasonMalformed,
		`{"session_id":"00112233445566778899AABBCCDDEEFF"}`: cookie.ReasonMalformed,
		`{"session_id":1}`: cookie.ReasonMalformed,
		`{"session_id":"00112233445566778899aabbccddeeff","session_id":1}`:              cookie.ReasonMalformed,
		`{"_rails":{"message":"!","exp":null,"pur":"cookie._app_session"}}`:             cookie.ReasonMalformed,
		`{"_rails":{"message":"eyJhIjoxMjN9!","exp":null,"pur":"cookie._app_session"}}`: cookie.ReasonMalformed,
		`{"_rails":1}`: cookie.ReasonMalformed,
	} {
		_, err := c.Open(nil, url.QueryEscape(rails(t, sha256.New, secret, plaintext)))
		if got := cookie.ReasonOf(err); got != want {
			t.Errorf("%s: %v, want %v", plaintext, got, want)
		}
	}
}

// TestH50_WebFaults: what is wrong with the secrets is an error of ssestore.New.
func TestH50_WebFaults(t *testing.T) {
	for _, make := range []func(secrets ...string) ssestore.Legacy{
		webSystems["flask"].legacy, webSystems["django"].legacy, railsLegacy,
	} {
		for _, secrets := range [][]string{nil, {""}, {secret, ""}, strings.Split(strings.Repeat("x,", 8)+"x", ",")} {
			l := make(secrets...)
			l.Issued = time.Now().Add(-time.Hour)
			if _, err := newStore(l); err == nil || strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%s, %d secrets: %v", l.Cookie.Name, len(secrets), err)
			}
		}
	}
	if _, err := newStore(legacy.Rails(cookie.Config{}, secret)); err == nil {
		t.Error("Rails without a name")
	}
}
