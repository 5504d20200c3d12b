package fuzz_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// The formats of Flask, Django and Rails.

var strictBase64 = base64.RawURLEncoding.Strict()

// unfolded is what Flask and Django mean by a payload, or nil.
func unfolded(payload string) []byte {
	packed, compressed := strings.CutPrefix(payload, ".")
	text, err := strictBase64.DecodeString(packed)
	if err != nil || strings.ContainsAny(packed, "\r\n") {
		return nil
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil
		}
		if text, err = io.ReadAll(io.LimitReader(r, 32769)); err != nil || len(text) > 32768 {
			return nil
		}
	}
	if !isObject(text) {
		return nil
	}
	return text
}

// flaskDate and djangoDate read a date in its one spelling.
func flaskDate(date string) (sec uint64, ok bool) {
	if date == "" || len(date) > 8 || date[0] == 0 {
		return 0, false
	}
	return binary.BigEndian.Uint64(append(make([]byte, 8-len(date)), date...)), true
}

func djangoDate(date string) (sec uint64, ok bool) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if !regexp.MustCompile(`^[1-9A-Za-z][0-9A-Za-z]{0,7}$`).MatchString(date) {
		return 0, false
	}
	for i := range len(date) {
		sec = sec*62 + uint64(strings.IndexByte(digits, date[i]))
	}
	return sec, true
}

// FuzzLegacySigned: of what Flask and Django sign, that opens which has a date up to now and
// unfolds to an object. Nothing else opens that isn't spelled as they spell it.
func FuzzLegacySigned(f *testing.F) {
	flask := legacyCodec(f, legacy.Flask(cookie.Config{}, fixed.LegacySecret))
	django := legacyCodec(f, legacy.Django(cookie.Config{}, fixed.LegacySecret))
	flaskShape := regexp.MustCompile(`^\.?[\w-]+\.[\w-]{2,11}\.[\w-]{27}$`)
	djangoShape := regexp.MustCompile(`^\.?[\w-]+:[0-9A-Za-z]{1,8}:[\w-]{43}$`)
	f.Fuzz(func(t *testing.T, value, payload, date string) {
		if _, ok := legacyOpen(t, flask, value); ok && !flaskShape.MatchString(value) {
			t.Fatalf("another spelling: %q", value)
		}
		if _, ok := legacyOpen(t, django, value); ok && !djangoShape.MatchString(value) {
			t.Fatalf("another spelling: %q", value)
		}
		if len(payload) > 8000 || len(date) > 20 {
			return
		}
		text, now := unfolded(payload), time.Now().Unix()
		compare := func(c cookie.Codec, sealed string, sec uint64, dated bool) {
			if gap := int64(sec) - now - 60; gap >= -2 && gap <= 2 {
				return // it depends on the moment
			}
			want := text != nil && dated && sec <= uint64(now+60)
			o, ok := legacyOpen(t, c, sealed)
			if ok != want || ok && (!bytes.Equal(o.Plaintext, text) || o.Issued.Unix() != int64(sec)) {
				t.Fatalf("%q opens: %v, %q of %v", sealed, ok, o.Plaintext, o.Issued)
			}
			if _, ok := legacyOpen(t, c, sealed+"A"); ok {
				t.Fatalf("longer: %q", sealed)
			}
		}
		sec, dated := flaskDate(date)
		compare(flask, fixed.FlaskSigned(payload, date), sec, dated)
		if !strings.Contains(date, ":") { // it would be a part of the payload
			sec, dated = djangoDate(date)
			compare(django, fixed.DjangoSigned(payload, date), sec, dated)
		}
	})
}

// FuzzLegacyRails: of what Rails encrypts, that opens which is the session of this cookie, or
// has the id that every session has, and isn't over.
func FuzzLegacyRails(f *testing.F) {
	c := legacyCodec(f, legacy.Rails(cookie.Config{Name: "_app"}, fixed.LegacySecret))
	other := legacyCodec(f, legacy.Rails(cookie.Config{Name: "_other"}, fixed.LegacySecret))
	shape := regexp.MustCompile(`^([0-9A-Za-z]|%2B|%2F|%3D)+--([0-9A-Za-z]|%2B|%2F){16,}--([0-9A-Za-z]|%2B|%2F){22,}%3D%3D$`)
	hexID := regexp.MustCompile(`^[0-9a-f]{32}$`)
	f.Fuzz(func(t *testing.T, value string, envelope, message []byte, purpose, expires string, withPurpose bool) {
		if _, ok := legacyOpen(t, c, value); ok && !shape.MatchString(value) {
			t.Fatalf("another spelling: %q", value)
		}
		if len(envelope)+len(message)+len(purpose)+len(expires) > 8000 {
			return
		}
		legacyOpen(t, c, fixed.RailsSealed(t, envelope)) // an object, or refused without more

		rails := map[string]any{"message": base64.StdEncoding.EncodeToString(message)}
		if withPurpose {
			rails["pur"] = purpose
		}
		var ends time.Time
		dated := expires == ""
		if !dated {
			rails["exp"] = expires
			text, _ := json.Marshal(expires)
			dated = json.Unmarshal(text, &ends) == nil
		}
		if gap := time.Until(ends); gap.Abs() < 2*time.Second {
			return // it depends on the moment
		}
		text, err := json.Marshal(map[string]any{"_rails": rails})
		if err != nil {
			t.Fatal(err)
		}
		var session struct {
			ID string `json:"session_id"`
		}
		// What JSON changes in a purpose isn't the purpose of a cookie.
		want := isObject(message) && dated && (expires == "" || time.Now().Before(ends)) &&
			(withPurpose && purpose == "cookie._app" || !withPurpose && json.Unmarshal(message, &session) == nil && hexID.MatchString(session.ID))
		sealed := fixed.RailsSealed(t, text)
		o, ok := legacyOpen(t, c, sealed)
		if ok != want || ok && (!bytes.Equal(o.Plaintext, message) || !o.Ends.Equal(ends)) {
			t.Fatalf("%s opens: %v, %q until %v", text, ok, o.Plaintext, o.Ends)
		}
		if _, ok := legacyOpen(t, other, sealed); ok && withPurpose && purpose != "cookie._other" {
			t.Fatalf("%s opens in another place", text)
		}
		if plain, err := url.QueryUnescape(sealed); err == nil && plain != sealed {
			if _, ok := legacyOpen(t, c, plain); ok {
				t.Fatalf("without its percent-encoding: %q", plain)
			}
		}
	})
}

func zipped(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return "." + strictBase64.EncodeToString(b.Bytes())
}

func legacySignedSeeds() corpus {
	const user, django = `{"_user_id":"ann"}`, "1qZTMU" // a date of 2023
	date := string(binary.BigEndian.AppendUint32(nil, 1_700_000_000))
	payload := strictBase64.EncodeToString([]byte(user))
	c := corpus{}
	for i, value := range []string{
		"", ".", "..", ":", "::", payload, fixed.FlaskSigned(payload, date), fixed.DjangoSigned(payload, django), fixed.FlaskSigned(payload, date)[:40],
		fixed.DjangoSigned(payload, django) + "=", strings.Replace(fixed.FlaskSigned(payload, date), "e", "%65", 1),
	} {
		c[fmt.Sprintf("value-%02d", i)] = []any{value, payload, date}
	}
	for i, p := range []string{
		payload, payload + "=", payload + "\n", "." + payload, zipped(user), zipped(user)[:20], zipped(`{"a":"` + strings.Repeat("a", 40_000) + `"}`),
		zipped(`{"a":"` + strings.Repeat("a", 32_760) + `"}`), zipped("[]"), "..", "", ".", "eyJ9", strictBase64.EncodeToString([]byte("\x80\x04}.")), "a:b", "a.b",
	} {
		c[fmt.Sprintf("payload-%02d", i)] = []any{"", p, date}
		c[fmt.Sprintf("payload-%02d-django", i)] = []any{"", p, django}
	}
	for i, d := range []string{"", "\x00", "0", "00", "z", "zzzzzzzz", "zzzzzzzzz", "\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", strings.Repeat("\x01", 9), "1:2", "+1"} {
		c[fmt.Sprintf("date-%02d", i)] = []any{"", payload, d}
	}
	return c
}

func legacyRailsSeeds(t testing.TB) corpus {
	const session = `{"session_id":"0123456789abcdef0123456789abcdef","user":1}`
	good := fixed.Rails(t, "_app", session)
	c := corpus{}
	for i, value := range []string{good, "", "--", "----", good[:50], strings.ReplaceAll(good, "%3D", "="), strings.ReplaceAll(good, "%3D", "%3d"), good + "--", fixed.Rails(t, "_other", session)} {
		c[fmt.Sprintf("value-%02d", i)] = []any{value, []byte(session), []byte(session), "cookie._app", "", true}
	}
	for i, envelope := range []string{
		`{"_rails":null}`, `{"_rails":{}}`, `{"_rails":[]}`, `{"_rails":{"message":"e30=","pur":null}}`, `{"_RAILS":{"message":"e30="}}`, `{"_rails":{"message":7}}`, `[]`, `null`, "",
		`{"_rails":{"message":"e30=","exp":"soon","pur":"cookie._app"}}`, `{"session_id":["x"]}`, "\x04\x08{",
	} {
		c[fmt.Sprintf("envelope-%02d", i)] = []any{"", []byte(envelope), []byte(session), "cookie._app", "2999-01-01T00:00:00.000Z", true}
	}
	for i, s := range []struct {
		message, purpose, expires string
		with                      bool
	}{
		{session, "", "", false}, {`{}`, "", "", false}, {`{}`, "cookie._app", "", true}, {session, "cookie._other", "", true}, {session, "", "", true}, {session, "cookie._app", "2001-01-01T00:00:00Z", true},
		{session, "cookie._app", "2999-01-01T00:00:00+01:00", true}, {session, "cookie._app", "x", true}, {"[]", "cookie._app", "", true}, {`{"session_id":"0123456789ABCDEF0123456789ABCDEF"}`, "", "", false},
		{`{"SESSION_ID":"0123456789abcdef0123456789abcdef"}`, "", "", false}, {"", "cookie._app", "", true},
	} {
		c[fmt.Sprintf("session-%02d", i)] = []any{"", []byte(nil), []byte(s.message), s.purpose, s.expires, s.with}
	}
	return c
}
