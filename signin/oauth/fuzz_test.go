package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
)

// signedBytes signs whatever stands in place of the claims.
func (p *provider) signedBytes(t testing.TB, claims []byte, typ string) string {
	t.Helper()
	options := new(jose.SignerOptions)
	if typ != "" {
		options = options.WithHeader(jose.HeaderType, typ)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// has reports whether a claim is a text or a list of texts with s in it.
func has(claim any, s string) bool {
	if list, ok := claim.([]any); ok {
		for _, c := range list {
			if c == s {
				return true
			}
		}
	}
	return claim == s
}

// FuzzLogoutToken: whatever the provider signs, a token ends something only if it says all that
// a logout token must, and ends no more than the one link that it names. What nobody signed ends
// nothing. NOW in the claims is the time, and SOON a minute later.
func FuzzLogoutToken(f *testing.F) {
	const iss, rest = `"iss":"https://harbour.example","aud":"client"`, `"iat":NOW,"exp":SOON,"jti":"x","events":{"http://schemas.openid.net/event/backchannel-logout":{}}`
	good := `{` + iss + `,"sub":"ada","sid":"s1",` + rest + `}`
	for _, claims := range []string{
		good, `{` + iss + `,"sub":"ada",` + rest + `}`, `{` + iss + `,"sid":"s1",` + rest + `}`, `{` + iss + `,` + rest + `}`,
		`{` + iss + `,"sub":"ada","nonce":"",` + rest + `}`, `{` + iss + `,"sub":7,` + rest + `}`, `{` + iss + `,"sub":"` + strings.Repeat("a", 256) + `",` + rest + `}`, `{` + iss + `,"sid":"größe",` + rest + `}`,
		`{"iss":"https://evil.example","aud":"client","sub":"ada",` + rest + `}`, `{"iss":"https://harbour.example","aud":["client","x"],"sub":"ada",` + rest + `}`, `{"iss":"https://harbour.example","aud":["client","x"],"azp":"client","sub":"ada",` + rest + `}`,
		strings.Replace(good, "NOW", "1e300", 1), strings.Replace(good, "NOW", "-1", 1), strings.Replace(good, "NOW", "9223372036854775807", 1), strings.Replace(good, `"iat":NOW,`, "", 1), strings.Replace(good, "SOON", "NOW", 1),
		strings.Replace(good, ":{}", ":[]", 1), strings.Replace(good, ":{}", ":null", 1), strings.Replace(good, `"jti":"x",`, "", 1), `{}`, `[]`, `null`, ``, good + good, good[:60],
	} {
		f.Add("", claims, "")
		f.Add("", claims, "logout+jwt")
	}
	for i, typ := range []string{"JWT", "application/logout+jwt", "at+jwt", "LOGOUT+JWT", "application/", "application/application/jwt"} {
		f.Add([]string{"", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat(".", 5000), "{}"}[i], good, typ)
	}
	f.Fuzz(func(t *testing.T, raw, claims, typ string) {
		s := newFederated(t, rig.Options{})
		now := s.Now().Unix()
		if w := s.notice(raw); w.Code != http.StatusBadRequest && w.Code != http.StatusServiceUnavailable || s.ends.take() != nil {
			t.Fatalf("nobody signed it: %d", w.Code)
		}
		s.Wait(time.Minute) // the provider may be asked for its keys again
		now += 60
		claims = strings.NewReplacer("NOW", strconv.FormatInt(now, 10), "SOON", strconv.FormatInt(now+60, 10)).Replace(claims)
		w := s.notice(s.harbour.signedBytes(t, []byte(claims), typ))
		ended := s.ends.take()
		switch {
		case w.Code == http.StatusServiceUnavailable && s.harbour.keyed > 0 && ended == nil && raw != "":
			return // the keys were asked for by the token before, by the clock of the machine
		case w.Code == http.StatusBadRequest && ended == nil:
			if claims == strings.NewReplacer("NOW", strconv.FormatInt(now, 10), "SOON", strconv.FormatInt(now+60, 10)).Replace(good) && (typ == "" || typ == "JWT" || typ == "logout+jwt") {
				t.Fatal("a good token is refused")
			}
			return
		case w.Code != http.StatusOK || len(ended) != 1:
			t.Fatalf("status %d, ended %+v", w.Code, ended)
		}
		var c map[string]any
		if err := json.Unmarshal([]byte(claims), &c); err != nil {
			t.Fatalf("accepted: %q", claims)
		}
		lower := map[string]any{} // encoding/json takes names in any letters
		for name, v := range c {
			lower[strings.ToLower(name)] = v
		}
		_, nonce := lower["nonce"]
		if lower["iss"] != harbourIssuer || !has(lower["aud"], "client") || lower["events"] == nil || nonce && lower["nonce"] != nil {
			t.Fatalf("accepted: %q", claims)
		}
		m := ended[0]
		name, ok := strings.CutPrefix(m.ID, "sid:"+harbourIssuer+"#")
		if !ok {
			name, ok = strings.CutPrefix(m.ID, "sub:"+harbourIssuer+"#")
		}
		if !ok || name == "" || len(name) > 255 || m.Kind != marks.Link || m.Before < 1 || m.Before > now+1 || m.Until != 0 {
			t.Fatalf("%q ends %+v", claims, m)
		}
	})
}

// FuzzCallback: whatever comes back in the query, and whatever the provider puts into its ID
// token, somebody is logged in only as who the token names, and only if it is for this login.
// Nothing is a fault of the server.
func FuzzCallback(f *testing.F) {
	for _, query := range []string{
		"", "&x=1", "&iss=https://harbour.example", "&iss=https://evil.example", "&code=x", "&state=x", "&error=access_denied", "&error=x&error_description=y", "&again", "&%zz", "&;", "?a=b",
		"=", "code=x", "state=&code=", "error=access_denied", "state=a.b.c&code=d", "&session_state=x&iss=", "#a",
	} {
		f.Add(query, ``)
	}
	for _, claims := range []string{
		`{}`, `{"nonce":"x"}`, `{"iss":"https://evil.example"}`, `{"aud":["client","other"]}`, `{"aud":["client","other"],"azp":"client"}`, `{"sub":""}`, `{"sub":"eve"}`, `{"sub":7}`, `{"exp":0}`, `{"exp":1e99}`, `{"nbf":1e12}`,
		`{"email":"a@b\r\nBcc: c","email_verified":"true"}`, `{"email_verified":"true"}`, `{"sid":["a"]}`, `{"sid":"s"}`, `{"at_hash":"x"}`, `{"name":"\u0000\u202e"}`, `{"name":{}}`, `null`,
	} {
		f.Add("", claims)
	}
	f.Fuzz(func(t *testing.T, query, claims string) {
		if strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c > '~' }) || len(query) > 8000 {
			return // no request line
		}
		s := newSite(t, rig.Options{})
		var told, honest map[string]any
		s.harbour.claims = func(c map[string]any) {
			honest = map[string]any{}
			for name, v := range c {
				honest[name] = v
			}
			var more map[string]any
			_ = json.Unmarshal([]byte(claims), &more)
			for name, v := range more {
				c[name] = v
			}
			told = c
		}
		b := s.Browser(t)
		back := s.harbour.accept(s.start(b, nil), ada)
		q := query
		if q == "" || strings.HasPrefix(q, "&") {
			q = back.RawQuery + q
		}
		path := back.Path + "?" + q
		if _, err := url.Parse(path); err != nil {
			return
		}
		there := *b
		there.Site = "cross-site"
		a := there.Get(path)
		switch a.StatusCode {
		case http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusForbidden, http.StatusBadGateway:
		default:
			t.Fatalf("status %d:\n%s", a.StatusCode, a.Body)
		}
		who, came := b.Who(), s.users.take()
		if who == "nobody" {
			if query == "" && claims == "" {
				t.Fatal("an honest login fails")
			}
			return
		}
		if len(came) != 1 || told == nil {
			t.Fatalf("%s is in, %+v came", who, came)
		}
		id := came[0]
		if id.Issuer != harbourIssuer || id.Subject != told["sub"] || told["nonce"] != honest["nonce"] || told["iss"] != honest["iss"] || !has(told["aud"], "client") ||
			id.EmailVerified && told["email_verified"] != true || strings.ContainsAny(id.Email+id.Name, "\r\n\x00") {
			t.Fatalf("%+v is in by %v", id, told)
		}
	})
}
