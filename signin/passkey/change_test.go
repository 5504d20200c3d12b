package passkey_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

func TestA2_RecentLogin(t *testing.T) {
	for name, row := range map[string]struct{ recent, wait time.Duration }{
		"default": {0, 15 * time.Minute},
		"own":     {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) { c.Recent = row.recent })
			x.Users.Add(rig.User{Email: "ada@example.com"})
			d := x.added(t, "1")
			stranger := x.Browser(t)
			refused(t, stranger.PostJSON("/passkey/add", []byte("{}")), 401, "login")
			refused(t, stranger.PostJSON("/passkey/added", []byte("{}")), 401, "login")
			if res := stranger.PostJSON("/passkey/add", []byte("{}")); res.Header.Get("WWW-Authenticate") != "Cookie" {
				t.Errorf("WWW-Authenticate: %q", res.Header.Get("WWW-Authenticate"))
			}
			form := url.Values{"id": {d.ID()}, "name": {"Key"}}
			for _, use := range []string{"rename", "remove"} {
				res := stranger.Post("/passkey/"+use, form)
				if res.StatusCode != 401 || !strings.Contains(res.Body, `href="/login"`) {
					t.Errorf("%s by a stranger: %d %s", use, res.StatusCode, res.Body)
				}
			}

			b := x.enter(t, "1")
			x.Wait(row.wait)
			q := rig.Ask(t, b, "add")
			x.Wait(time.Second)
			refused(t, b.PostJSON("/passkey/add", []byte("{}")), 403, "recent")
			if res := b.Post("/passkey/remove", form); res.StatusCode != 403 || !strings.Contains(res.Body, "Log in again") || !strings.Contains(res.Body, `href="/login"`) {
				t.Errorf("remove: %d %s", res.StatusCode, res.Body)
			}
			if len(x.stored("1")) != 1 {
				t.Fatal("removed")
			}
			// What was begun in time may end: the device has made the passkey by then.
			granted(t, b.PostJSON("/passkey/added", body(q.Ticket, newDevice().Attest(t, q))))
			if res := b.Post("/passkey/rename", form); res.StatusCode != 303 || x.stored("1")[0].Name != "Key" {
				t.Errorf("rename: %d", res.StatusCode)
			}
			// Using a passkey is a login.
			granted(t, d.login(t, b))
			rig.Ask(t, b, "add")
		})
	}
}

// TestA2_Impersonation: an administrator who looks at the site as a user changes none of
// their passkeys.
func TestA2_Impersonation(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "root@example.com"})
	d := x.added(t, "1")
	x.Mux.HandleFunc("POST /as", func(_ http.ResponseWriter, r *http.Request) {
		if err := x.Guard.Accounts().Impersonate(r.Context(), x.Guard.Session(r), x.Users.Get("1")); err != nil {
			t.Error(err)
		}
	})
	before := x.stored("1")
	b := x.enter(t, "1")
	q := rig.Ask(t, b, "add")
	b.Post("/enter?id=2", nil)
	b.Post("/as", nil)
	refused(t, b.PostJSON("/passkey/add", []byte("{}")), 403, "recent")
	refused(t, b.PostJSON("/passkey/added", body(q.Ticket, newDevice().Attest(t, q))), 403, "recent")
	for _, use := range []string{"rename", "remove"} {
		if res := b.Post("/passkey/"+use, url.Values{"id": {d.ID()}, "name": {"Mine"}}); res.StatusCode != 403 {
			t.Errorf("%s: %d", use, res.StatusCode)
		}
	}
	if !reflect.DeepEqual(x.stored("1"), before) {
		t.Error("something has changed")
	}
}

func TestA6_OtherUserOfTheBrowser(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "bob@example.com"})
	b := x.enter(t, "1")
	q := rig.Ask(t, b, "add")
	answer := body(q.Ticket, newDevice().Attest(t, q))
	b.Post("/enter?id=2", nil)
	refused(t, b.PostJSON("/passkey/added", answer), 400, "ticket")
	b.Post("/logout", nil)
	refused(t, b.PostJSON("/passkey/added", answer), 401, "login")
	b.Post("/enter?id=1", nil)
	refused(t, b.PostJSON("/passkey/added", answer), 400, "ticket") // the binding cookie went with the logout
	if len(x.stored("1"))+len(x.stored("2")) != 0 {
		t.Error("a passkey was added")
	}
}

func TestA10_IDOfAnother(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "eve@example.com"})
	ada := x.added(t, "1")
	eve := newDevice()
	eve.Cred.ID = ada.Cred.ID
	refused(t, eve.add(t, x.enter(t, "2")), 409, "changed")
	again := *ada
	refused(t, again.add(t, x.enter(t, "1")), 409, "changed")
	if len(x.stored("1")) != 1 || len(x.stored("2")) != 0 {
		t.Errorf("stored: %+v, %+v", x.stored("1"), x.stored("2"))
	}
	granted(t, ada.login(t, x.Browser(t)))
	refused(t, eve.login(t, x.Browser(t)), 400, "proof")
}

func TestA11_AtMostTwenty(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	b := x.enter(t, "1")
	for range passkey.Max - 1 {
		granted(t, newDevice().add(t, b))
	}
	first, second := rig.Ask(t, b, "add"), rig.Ask(t, b, "add")
	granted(t, b.PostJSON("/passkey/added", body(first.Ticket, newDevice().Attest(t, first))))
	refused(t, b.PostJSON("/passkey/added", body(second.Ticket, newDevice().Attest(t, second))), 409, "full")
	refused(t, b.PostJSON("/passkey/add", []byte("{}")), 409, "full")
	if n := len(x.stored("1")); n != 20 {
		t.Errorf("%d passkeys", n)
	}
	b.Post("/passkey/remove", url.Values{"id": {x.stored("1")[3].ID}})
	granted(t, newDevice().add(t, b))
}

func TestA12_Bodies(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	b := x.enter(t, "1")
	login, add := rig.Ask(t, b, "ask"), rig.Ask(t, b, "add")
	asserted, attested := d.Assert(t, login), newDevice().Attest(t, add)
	const marker = "Zwieback"
	for _, use := range []string{"ask", "asked", "add", "added"} {
		token, credential := login.Ticket, asserted
		if use == "added" {
			token, credential = add.Ticket, attested
		}
		good := string(body(token, credential))
		for name, row := range map[string]struct {
			kind, body string
			status     int
			code       string
		}{
			"33 KB":             {"application/json", strings.Repeat(" ", 33<<10-2) + "{}", 413, "size"},
			"33 KB in a string": {"application/json", `{"ticket":"` + strings.Repeat("A", 33<<10) + `"}`, 413, "size"},
			"33 KB behind":      {"application/json", "{}" + strings.Repeat(" ", 33<<10), 413, "size"},
			"a form":            {"application/x-www-form-urlencoded", "ticket=" + marker, 415, "type"},
			"text":              {"text/plain", good, 415, "type"},
			"no type":           {"", good, 415, "type"},
			"a broken type":     {"application/json; =", good, 415, "type"},
			"like JSON":         {"application/json-seq", good, 415, "type"},
			"nothing":           {"application/json", "", 400, "json"},
			"no JSON":           {"application/json", marker, 400, "json"},
			"a list":            {"application/json", "[]", 400, "json"},
			"cut off":           {"application/json", good[:len(good)-1], 400, "json"},
			"two":               {"application/json", "{}{}", 400, "json"},
			"something behind":  {"application/json", "{} " + marker, 400, "json"},
			"unknown member":    {"application/json", `{"` + marker + `":1}`, 400, "json"},
			"ticket a number":   {"application/json", `{"ticket":1}`, 400, "json"},
		} {
			t.Run(use+"/"+name, func(t *testing.T) {
				res := b.Do("POST", "/passkey/"+use, row.kind, []byte(row.body))
				refused(t, res, row.status, row.code)
				if strings.Contains(res.Body, marker) {
					t.Errorf("repeated: %s", res.Body)
				}
			})
		}
	}
	for name, credential := range map[string]string{
		"null": "null", "number": "1", "empty": "{}", "list": "[]", "text": `"` + marker + `"`,
		"no response":  `{"id":"AAAA","rawId":"AAAA","type":"public-key"}`,
		"bad base64":   strings.Replace(asserted, `"rawId":"`, `"rawId":"!`, 1),
		"bad data":     strings.Replace(asserted, `"authenticatorData":"`, `"authenticatorData":"AA`, 1),
		"no data":      `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30"}}`,
		"bad client":   strings.Replace(asserted, `"clientDataJSON":"`, `"clientDataJSON":"AAAA`, 1),
		"no id":        strings.Replace(asserted, `"id":"`, `"ID_":"`, 1),
		"other type":   strings.Replace(asserted, `"public-key"`, `"password"`, 1),
		"bad object":   strings.Replace(attested, `"attestationObject":"`, `"attestationObject":"AAAA`, 1),
		"empty object": `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":""}}`,
		"deep":         strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
	} {
		t.Run("credential/"+name, func(t *testing.T) {
			for use, token := range map[string]string{"asked": login.Ticket, "added": add.Ticket} {
				res := b.PostJSON("/passkey/"+use, body(token, credential))
				refused(t, res, 400, "proof")
				if strings.Contains(res.Body, marker) {
					t.Errorf("repeated: %s", res.Body)
				}
			}
		})
	}
	for name, typed := range map[string]string{
		"65 letters": strings.Repeat("ü", 65), "a line break": "a\\nb", "a NUL": "\\u0000",
	} {
		t.Run("name/"+name, func(t *testing.T) {
			refused(t, b.PostJSON("/passkey/added", body(add.Ticket, attested, `,"name":"`+typed+`"`)), 400, "name")
		})
	}
	if res := b.Post("/passkey/rename", url.Values{"id": {d.ID()}, "name": {"\xff"}}); res.StatusCode != 400 {
		t.Errorf("a name that isn't text: %d", res.StatusCode)
	}
	if res := b.Post("/passkey/rename", url.Values{"id": {d.ID()}, "name": {strings.Repeat("x", 33<<10)}}); res.StatusCode != 413 {
		t.Errorf("a form of 33 KB: %d", res.StatusCode)
	}
	if res := b.Post("/passkey/rename", url.Values{"id": {marker}, "name": {"x"}}); res.StatusCode != 409 || strings.Contains(res.Body, marker) {
		t.Errorf("a passkey that isn't there: %d %s", res.StatusCode, res.Body)
	}
	// None of this has spent anything.
	granted(t, b.PostJSON("/passkey/added", body(add.Ticket, attested, `,"name":"  Käpt’n’s key "`)))
	granted(t, b.PostJSON("/passkey/asked", body(login.Ticket, asserted)))
	if names := namesOf(x.stored("1")); names != "Passkey, Käpt’n’s key" {
		t.Error(names)
	}
}

func namesOf(list []passkey.Passkey) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func TestA12_MethodsAndPaths(t *testing.T) {
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) { c.Path = "/passkey/" })
	x.Users.Add(rig.User{Email: "ada@example.com"})
	b := x.enter(t, "1")
	for _, use := range []string{"ask", "asked", "add", "added", "rename", "remove", "passkey.js"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			script := use == "passkey.js" && (method == "GET" || method == "HEAD")
			if script || use != "passkey.js" && method == "POST" {
				continue
			}
			res := b.Do(method, "/passkey/"+use, "application/json", []byte("{}"))
			want := "POST"
			if use == "passkey.js" {
				want = "GET, HEAD"
			}
			if res.Header.Get("Allow") != want || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("%s %s: Allow %q, Set-Cookie %q", method, use, res.Header.Get("Allow"), res.Header["Set-Cookie"])
			}
			refused(t, res, 405, "method")
		}
	}
	for _, path := range []string{"/passkey/", "/passkey/asks", "/passkey/ask/", "/passkey/passkey.js/x", "/passkey/Ask"} {
		refused(t, b.PostJSON(path, []byte("{}")), 404, "missing")
	}
	// From another site, the guard's protection refuses before.
	b.Site = "cross-site"
	for _, use := range []string{"ask", "add", "remove"} {
		if res := b.PostJSON("/passkey/"+use, []byte("{}")); res.StatusCode != 403 {
			t.Errorf("%s from another site: %d", use, res.StatusCode)
		}
	}
}

// The handler isn't inside the guard, or New refused to make one: an answer, no panic.
func TestA12_AnotherPlace(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Mux.Handle("/elsewhere/", x.passkeys)
	refused(t, x.Browser(t).PostJSON("/elsewhere/ask", []byte("{}")), 404, "missing")
}

func TestA12_WithoutTheGuard(t *testing.T) {
	x := newSite(t, rig.Options{})
	for _, use := range []string{"ask", "asked", "add", "added", "rename", "remove"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/passkey/"+use, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		x.passkeys.ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%s: %d %s", use, w.Code, w.Body)
		}
	}
}

func TestA17_Handles(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "bob@example.com"})
	b := x.enter(t, "1")
	granted(t, newDevice().add(t, b))
	q := rig.Ask(t, b, "add")
	var options struct {
		RP                 struct{ ID, Name string }
		User               struct{ ID, Name, DisplayName string }
		ExcludeCredentials []struct{ Type, ID string }
		Selection          struct {
			ResidentKey, UserVerification string
			RequireResidentKey            bool
		} `json:"authenticatorSelection"`
		Attestation string
	}
	if err := json.Unmarshal(q.PublicKey, &options); err != nil {
		t.Fatal(err)
	}
	first := x.stored("1")[0]
	if len(options.ExcludeCredentials) != 1 || options.ExcludeCredentials[0].ID != first.ID || options.ExcludeCredentials[0].Type != "public-key" {
		t.Errorf("excluded: %+v", options.ExcludeCredentials)
	}
	if s := options.Selection; s.ResidentKey != "required" || !s.RequireResidentKey || s.UserVerification != "required" {
		t.Errorf("selection: %+v", s)
	}
	if options.RP.ID != "example.com" || options.RP.Name != "example.com" || options.User.Name != "ada@example.com" || options.User.DisplayName != "ada@example.com" {
		t.Errorf("names: %+v %+v", options.RP, options.User)
	}
	if options.User.ID != first.Handle {
		t.Error("a second passkey has another handle")
	}
	granted(t, b.PostJSON("/passkey/added", body(q.Ticket, newDevice().Attest(t, q))))
	x.added(t, "2")
	handles := map[string]bool{}
	for _, p := range slices.Concat(x.stored("1"), x.stored("2")) {
		handles[p.Handle] = true
		if raw, err := base64.RawURLEncoding.DecodeString(p.Handle); err != nil || len(raw) != 64 {
			t.Errorf("a handle of %d bytes (%v)", len(raw), err)
		}
	}
	if len(handles) != 2 {
		t.Errorf("%d handles", len(handles))
	}
	// A user without passkeys gets a new one each time.
	b = x.enter(t, "2")
	b.Post("/passkey/remove", url.Values{"id": {x.stored("2")[0].ID}})
	granted(t, newDevice().add(t, b))
	if handles[x.stored("2")[0].Handle] {
		t.Error("the handle came back")
	}
}

func TestA18_RenameAndRemove(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "eve@example.com"})
	d := x.added(t, "1")
	eve := x.enter(t, "2")
	id := url.Values{"id": {d.ID()}, "name": {"Mine now"}}
	if res := eve.Post("/passkey/rename", id); res.StatusCode != 409 {
		t.Errorf("rename by another user: %d", res.StatusCode)
	}
	if res := eve.Post("/passkey/remove", id); res.StatusCode != 303 {
		t.Errorf("remove by another user: %d", res.StatusCode) // of none of Eve's
	}
	granted(t, d.login(t, x.Browser(t)))

	ada := x.enter(t, "1")
	if res := ada.Post("/passkey/rename?next=/account", url.Values{"id": {d.ID()}, "name": {" The blue key "}}); res.StatusCode != 303 || res.Location() != "/account" {
		t.Errorf("rename: %d to %s", res.StatusCode, res.Location())
	}
	if p := x.stored("1")[0]; p.Name != "The blue key" || p.Version != 3 {
		t.Errorf("renamed: %+v", p)
	}
	if res := ada.Post("/passkey/rename?next=//evil.example", url.Values{"id": {d.ID()}, "name": {""}}); res.Location() != "/" || x.stored("1")[0].Name != "Passkey" {
		t.Errorf("renamed to nothing: %q, to %s", x.stored("1")[0].Name, res.Location())
	}
	for range 2 { // once more is no error
		if res := ada.Post("/passkey/remove", id); res.StatusCode != 303 || len(x.stored("1")) != 0 {
			t.Errorf("remove: %d, %+v", res.StatusCode, x.stored("1"))
		}
	}
}

// A database takes less than a form: PostgreSQL no zero in a text, and no text that isn't
// UTF-8.
func TestA18_IDsThatCantBeOne(t *testing.T) {
	var asked []string
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		c.Users = removing{c.Users.(rig.PasskeyStore), &asked}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	b := x.enter(t, "1")
	for _, id := range []string{"", "\x00", "\xff", d.ID() + "\x00", d.ID() + "\n", d.ID() + "=", "ü", "AB"} {
		if res := b.Post("/passkey/remove", url.Values{"id": {id}}); res.StatusCode != 303 {
			t.Errorf("%q: %d", id, res.StatusCode)
		}
	}
	if res := b.Post("/passkey/remove", url.Values{"id": {d.ID()}}); res.StatusCode != 303 || !slices.Equal(asked, []string{d.ID()}) {
		t.Errorf("%d, and asked about %q", res.StatusCode, asked)
	}
}

// removing notes what it is to remove.
type removing struct {
	rig.PasskeyStore
	asked *[]string
}

func (r removing) Remove(ctx context.Context, u *rig.User, id string) error {
	*r.asked = append(*r.asked, id)
	return r.PasskeyStore.Remove(ctx, u, id)
}

// The application's own rules, such as about the last way in.
func TestA18_Forbidden(t *testing.T) {
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		c.Users = strict{c.Users.(rig.PasskeyStore)}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	b := x.enter(t, "1")
	res := b.Post("/passkey/remove", url.Values{"id": {d.ID()}})
	if res.StatusCode != 403 || !strings.Contains(res.Body, "your only way in") {
		t.Errorf("%d %s", res.StatusCode, res.Body)
	}
	res = newDevice().add(t, b)
	refused(t, res, 403, "forbidden")
	if !strings.Contains(res.Body, "One is enough.") {
		t.Error(res.Body)
	}
	granted(t, d.login(t, x.Browser(t)))
}

// strict allows one passkey, for good.
type strict struct{ rig.PasskeyStore }

func (s strict) Save(ctx context.Context, u *rig.User, p passkey.Passkey) error {
	if len(s.Get(u.ID).Passkeys) == 1 && p.Version == 0 {
		return auth.Forbidden("One is enough.")
	}
	return s.PasskeyStore.Save(ctx, u, p)
}

func (s strict) Remove(context.Context, *rig.User, string) error {
	return auth.Forbidden("That is your only way in.")
}

func TestA19_Script(t *testing.T) {
	x := newSite(t, rig.Options{})
	b := x.Browser(t)
	res := b.Get("/passkey/passkey.js")
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", res.Header)
	}
	for _, word := range []string{"eval", "innerHTML", "import ", "import(", ".style", "http://", "https://"} {
		if strings.Contains(res.Body, word) {
			t.Errorf("the script has %q", word)
		}
	}
	tag := res.Header.Get("ETag")
	if head := b.Do("HEAD", "/passkey/passkey.js", "", nil); head.StatusCode != 200 || head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	b.Head = http.Header{"If-None-Match": {tag}}
	if same := b.Get("/passkey/passkey.js"); same.StatusCode != 304 || same.Body != "" || tag == "" {
		t.Errorf("If-None-Match: %d", same.StatusCode)
	}
}

func TestA20_Configuration(t *testing.T) {
	x := newSite(t, rig.Options{})
	good := passkey.Config[*rig.User]{Users: rig.PasskeyStore{Table: x.Users}, Account: func(u *rig.User) string { return u.Email }}
	fields := func(desk *signin.Desk[*rig.User], c passkey.Config[*rig.User]) (names string) {
		_, err := passkey.New(desk, c)
		if err == nil {
			return ""
		}
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Fatalf("%v", err)
		}
		for _, e := range joined.Unwrap() {
			var fault *middleware.ConfigError
			if !errors.As(e, &fault) {
				t.Fatalf("%v", e)
			}
			names += fault.Package + "." + fault.Field + " "
		}
		return strings.TrimSpace(names)
	}
	for want, change := range map[string]func(*passkey.Config[*rig.User]){
		"":                func(c *passkey.Config[*rig.User]) { c.Path, c.Name, c.Recent = "/keys/", "Shop", time.Second },
		"passkey.Users":   func(c *passkey.Config[*rig.User]) { c.Users = nil },
		"passkey.Account": func(c *passkey.Config[*rig.User]) { c.Account = nil },
		"passkey.Path":    func(c *passkey.Config[*rig.User]) { c.Path = "//passkey/" },
		"passkey.Recent":  func(c *passkey.Config[*rig.User]) { c.Recent = -1 },
		"passkey.Users passkey.Account passkey.Path": func(c *passkey.Config[*rig.User]) { *c = passkey.Config[*rig.User]{Path: "x/"} },
	} {
		c := good
		change(&c)
		if got := fields(x.Desk, c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := fields(nil, good); got != "passkey.desk" {
		t.Errorf("without a desk: %q", got)
	}
	for _, origin := range []string{"http://127.0.0.1:8080", "https://192.0.2.1", "http://[::1]:8080"} {
		desk, err := signin.New(signin.Config[*rig.User]{Keys: x.Keys, Origin: origin, Guard: x.Guard})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := passkey.New(desk, good); err == nil || !strings.Contains(err.Error(), "http://localhost") {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// Eve makes an account with Ada's address. When Ada proves the address, nothing of
// Eve's is left, whatever she had begun.
func TestA21_UnprovenAddress(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	early, login := x.added(t, "1"), x.Browser(t)
	q := rig.Ask(t, login, "ask")
	eve := x.enter(t, "1")
	add := rig.Ask(t, eve, "add")
	late := newDevice()
	answer := body(add.Ticket, late.Attest(t, add))

	x.Users.Edit("1", (*rig.User).Prove)
	refused(t, login.PostJSON("/passkey/asked", body(q.Ticket, early.Assert(t, q))), 404, "unknown")
	refused(t, eve.PostJSON("/passkey/added", answer), 401, "login")
	refused(t, early.login(t, x.Browser(t)), 404, "unknown")
	refused(t, late.login(t, x.Browser(t)), 404, "unknown")
	if len(x.stored("1")) != 0 {
		t.Errorf("stored: %+v", x.stored("1"))
	}
}

// The proof comes between the look at Eve's session and the user store.
func TestA21_InTheMiddle(t *testing.T) {
	var x *site
	prove := false
	x = newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		c.Users = proving{c.Users.(rig.PasskeyStore), func() {
			if prove {
				x.Users.Edit("1", (*rig.User).Prove)
			}
		}}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	eve, b := x.enter(t, "1"), x.Browser(t)
	q, add := rig.Ask(t, b, "ask"), rig.Ask(t, eve, "add")
	prove = true
	refused(t, eve.PostJSON("/passkey/added", body(add.Ticket, newDevice().Attest(t, add))), 409, "changed")
	prove = false

	x.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	granted(t, d.add(t, x.enter(t, "1")))
	prove = true
	refused(t, b.PostJSON("/passkey/asked", body(q.Ticket, d.Assert(t, q))), 404, "unknown")
	nobody(t, b)
	if len(x.stored("1")) != 0 {
		t.Errorf("stored: %+v", x.stored("1"))
	}
}

// proving runs something before it stores.
type proving struct {
	rig.PasskeyStore
	before func()
}

func (p proving) Save(ctx context.Context, u *rig.User, k passkey.Passkey) error {
	p.before()
	return p.PasskeyStore.Save(ctx, u, k)
}
