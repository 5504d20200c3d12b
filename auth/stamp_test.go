package auth_test

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// RefreshStamp: this session goes on, all others of the user end.
func TestS3_6_RefreshStampKeepsThisSession(t *testing.T) {
	x, b, other := newSite(t, ring(t, 1)), browser{}, browser{}
	x.login(b, "1")
	x.login(other, "1")
	x.add(b, "biscuits")
	before, stolen := claims(t, b), browser{sessionName: b[sessionName]}
	x.now = t0.Add(time.Minute)
	out := x.visit(b, func(s *ssestore.Session) {
		if u, err := x.users.GetUser(bg, s); err != nil || u.Hash != "hash of one" {
			t.Fatal(u, err)
		}
		changed := &user{ID: "1", Hash: "new hash"}
		x.rows["1"] = changed
		if err := x.users.RefreshStamp(bg, s, changed); err != nil {
			t.Fatal(err)
		}
		again, err := x.users.GetUser(bg, s)
		if err != nil || again != changed {
			t.Errorf("GetUser afterwards: %+v, %v", again, err)
		}
	})
	if len(out.SetCookie) == 0 {
		t.Fatal("the cookie was not reissued")
	}
	after := claims(t, b)
	for _, name := range []string{"sid", "iat", "auth_time", "exp", "sub", "d"} {
		same(t, name, after[name], before[name])
	}
	if before["stp"] == after["stp"] {
		t.Error("the stamp is the old one")
	}
	for name, row := range map[string]struct {
		b    browser
		want string
	}{"this session": {b, "1"}, "another session": {other, ""}, "a copy of the old cookie": {stolen, ""}} {
		id, _ := x.whoami(row.b)
		same(t, name, id, row.want)
	}
	same(t, "cart", x.cartOf(b), "biscuits")
}

func TestS3_6_RefreshStampMovesToThePrimary(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	y := x.on(ring(t, 2, 1))
	y.visit(b, func(s *ssestore.Session) {
		u, err := y.users.GetUser(bg, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := y.users.RefreshStamp(bg, s, u); err != nil {
			t.Fatal(err)
		}
	})
	c := claims(t, b)
	same(t, "seal and stamp", []any{c["kid"], c["stk"]}, []any{kid(2), kid(2)})
}

func TestS3_7_RefreshStampAfterLogin(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.visit(b, func(s *ssestore.Session) {
		if err := x.users.Login(bg, s, x.rows["1"]); err != nil {
			t.Fatal(err)
		}
		x.rows["1"].Hash = "rehashed with better parameters"
		if err := x.users.RefreshStamp(bg, s, x.rows["1"]); err != nil {
			t.Fatal(err)
		}
	})
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}

// Whoever was not found to be this user in this request keeps nothing.
func TestS3_7_RefreshStampNeedsGetUserBefore(t *testing.T) {
	for name, before := range map[string]func(x *site, s *ssestore.Session){
		"not asked": func(x *site, s *ssestore.Session) {},
		"asked after the change": func(x *site, s *ssestore.Session) {
			x.rows["1"].Hash = "new hash"
			x.users.GetUser(bg, s)
		},
		"store down": func(x *site, s *ssestore.Session) {
			x.fail = func(context.Context, string) (*user, error) { return nil, errDown }
			x.users.GetUser(bg, s)
		},
		"user not found": func(x *site, s *ssestore.Session) {
			x.fail = func(context.Context, string) (*user, error) { return nil, auth.ErrNoUser }
			x.users.GetUser(bg, s)
		},
		"somebody else": func(x *site, s *ssestore.Session) {
			if err := x.users.Login(bg, s, x.rows["2"]); err != nil {
				t.Fatal(err)
			}
		},
		"logged out": func(x *site, s *ssestore.Session) {
			x.users.GetUser(bg, s)
			x.users.Logout(bg, s)
		},
		"cleared": func(x *site, s *ssestore.Session) {
			x.users.GetUser(bg, s)
			s.Clear()
		},
	} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			x.login(b, "1")
			s := x.store.Load(b.lines(), x.now)
			before(x, s)
			was := s.Principal().Identity()
			if err := x.users.RefreshStamp(bg, s, &user{ID: "1", Hash: "new hash"}); !errors.Is(err, auth.ErrNotLoggedIn) {
				t.Errorf("RefreshStamp: %v", err)
			}
			if s.Principal().Identity() != was {
				t.Error("the session was touched")
			}
		})
	}
	x, b := newSite(t, ring(t, 1)), browser{}
	x.visit(b, func(s *ssestore.Session) {
		for _, u := range []*user{x.rows["1"], {Hash: "of a user without an id"}} {
			if err := x.users.RefreshStamp(bg, s, u); !errors.Is(err, auth.ErrNotLoggedIn) {
				t.Errorf("anonymous: %v", err)
			}
		}
		if err := x.users.RefreshStamp(bg, s, nil); !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("nil user: %v", err)
		}
	})
}

func TestS3_8_RefreshStampWithStampingOff(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")
	out := x.visit(b, func(s *ssestore.Session) {
		if err := x.users.RefreshStamp(bg, s, x.rows["1"]); !errors.Is(err, auth.ErrNotLoggedIn) {
			t.Errorf("without GetUser: %v", err)
		}
		same(t, "user", x.who(s), "1")
		if err := x.users.RefreshStamp(bg, s, x.rows["1"]); err != nil {
			t.Error(err)
		}
	})
	silent(t, out) // nothing to refresh
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
}

// docs/STAMP.md: every row is computed from the description with crypto/hkdf
// and crypto/hmac, and made by the library.
func TestS9_1_KnownAnswers(t *testing.T) {
	raw, err := os.ReadFile("../docs/STAMP.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	keys := map[string][]byte{}
	for _, m := range regexp.MustCompile("(?m)^\\| (K\\d) \\| `([^`]+)` \\|$").FindAllStringSubmatch(page, -1) {
		if keys[m[1]], err = base64.RawURLEncoding.Strict().DecodeString(m[2]); err != nil {
			t.Fatal(err)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| ([^|]+) \\| (K\\d) \\| `(\".*?\")` \\| `(\".*?\")` \\| `(\".*?\")` \\| `([^`]+)` \\|$").FindAllStringSubmatch(page, -1)
	if len(keys) != 2 || len(rows) < 13 {
		t.Fatalf("found %d keys and %d rows in the page", len(keys), len(rows))
	}
	seen := map[string]string{}
	for _, row := range rows {
		var text [3]string // audience, id, field
		for i := range text {
			if err := json.Unmarshal([]byte(row[3+i]), &text[i]); err != nil {
				t.Fatalf("%s: %v", row[1], err)
			}
		}
		_, _, _, want := derivation(t, keys[row[2]], text[0], text[1], text[2])
		got := libraryStamp(t, keys[row[2]], text[0], text[1], text[2])
		if row[6] != base64.RawURLEncoding.EncodeToString(want) || row[6] != got {
			t.Errorf("%s: the page says %s, the description gives %x, the library %s", row[1], row[6], want, got)
		}
		if before, ok := seen[row[6]]; ok {
			t.Errorf("%s and %s have the same stamp", before, row[1])
		}
		seen[row[6]] = row[1]
	}

	// The intermediate values.
	info, subkey, input, stamp := derivation(t, keys["K1"], "", "42", "0")
	for name, want := range map[string][]byte{"root key": keys["K1"], "info": info, "subkey": subkey, "input": input, "stamp": stamp} {
		if !strings.Contains(page, fmt.Sprintf("| %s | `%x` |\n", name, want)) {
			t.Errorf("the page does not say that the %s is %x", name, want)
		}
	}
}

// derivation follows the page.
func derivation(t *testing.T, root []byte, audience, id, field string) (info, subkey, input, stamp []byte) {
	t.Helper()
	lp := func(parts ...string) (b []byte) {
		for _, p := range parts {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
		}
		return b
	}
	info = lp("hardtack/v1", "stamp", audience, "")
	subkey, err := hkdf.Key(sha256.New, root, nil, string(info), 32)
	if err != nil {
		t.Fatal(err)
	}
	input = lp(id, field)
	h := hmac.New(sha256.New, subkey)
	h.Write(input)
	return info, subkey, input, h.Sum(nil)
}

// libraryStamp logs a user in and reads the stamp out of the cookie.
func libraryStamp(t *testing.T, root []byte, audience, id, field string) string {
	t.Helper()
	keys, err := keyring.Parse(fmt.Sprintf(`{"keys":[{"kty":"oct","kid":"testkAA","k":%q,"use":"enc","created":1}]}`,
		base64.RawURLEncoding.EncodeToString(root)))
	if err != nil {
		t.Fatal(err)
	}
	store, err := ssestore.New(ssestore.Config{Keys: keys, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Load(nil, t0)
	x := newSite(t, keys)
	if err := x.users.Login(bg, s, &user{ID: id, Hash: field}); err != nil {
		t.Fatal(err)
	}
	out, err := s.Commit(200)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := cookie.JWE(store.CookieName(), audience)
	if err != nil {
		t.Fatal(err)
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(out.SetCookie[0], store.CookieName()+"="), ";")
	opened, err := codec.Open(keys.At(t0), value)
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Stp string }
	if err := json.Unmarshal(opened.Plaintext, &c); err != nil {
		t.Fatal(err)
	}
	return c.Stp
}

// An empty field is stamped like any other: turning stamps off is a switch, not
// a value.
// TestF108_RuleChangesPerUser: a Stamp function that changes its rule row by row
// logs nobody out, in a rolling release in either direction; one that changes it for
// all rows logs everybody out, back and forth; and a row that changes before every
// instance knows the rule costs that user alone.
func TestF108_RuleChangesPerUser(t *testing.T) {
	x := newSite(t, ring(t, 1))
	former := func(u *user) string { return u.Hash }
	perUser := func(u *user) string { // Staff stands for any field of a row that is new
		if !u.Staff {
			return former(u)
		}
		return u.Hash + "\x00staff"
	}
	forAll := func(u *user) string { return u.Hash + "\x00" + strconv.FormatBool(u.Staff) }
	with := func(stamp func(*user) string) *site {
		other := x.on(ring(t, 1))
		other.users = x.manager(func(c *auth.Config[*user]) { c.Stamp = stamp })
		return other
	}
	old, gradual, abrupt := with(former), with(perUser), with(forAll)
	in := func(x *site, b browser) bool {
		x.now = t0.Add(5 * time.Minute)
		id, _ := x.whoami(b.copy())
		return id == "1"
	}
	a, b, c := browser{}, browser{}, browser{}
	old.login(a, "1")
	gradual.login(b, "1")
	abrupt.login(c, "1")
	x.rows["3"] = &user{ID: "3", Hash: "hash of three"}
	other := browser{}
	old.login(other, "3")
	for _, tt := range []struct {
		name string
		got  bool
		want bool
	}{
		{"old session, new instance", in(gradual, a), true},
		{"new session, old instance", in(old, b), true},
		{"abrupt: old session, new instance", in(abrupt, a), false},
		{"abrupt: new session, old instance", in(old, c), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v", tt.name, tt.got)
		}
	}
	x.rows["1"].Staff = true
	moved := browser{}
	gradual.now = t0
	gradual.login(moved, "1")
	if in(gradual, a) || in(gradual, b) {
		t.Error("the row changed, and a session from before goes on")
	}
	if !in(gradual, moved) || in(old, moved) {
		t.Error("the row changed: the new instance must take the session, and the old one can't")
	}
	gradual.now = t0.Add(5 * time.Minute)
	if id, _ := gradual.whoami(other); id != "3" {
		t.Errorf("somebody else: %q", id)
	}
}

func TestS9_2_EmptyFieldIsStamped(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.rows["1"].Hash = ""
	x.login(b, "1")
	if stp, _ := claims(t, b)["stp"].(string); len(stp) != 43 {
		t.Errorf("stp = %q", stp)
	}
	id, _ := x.whoami(b)
	same(t, "user", id, "1")
	x.rows["1"].Hash = "a first password"
	id, _ = x.whoami(b)
	same(t, "user after the first password was set", id, "")
}

// One bit of the stamp decides, whichever it is; so does the id that it is for.
func TestS9_3_EveryByteCounts(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	_, _, _, stamp := derivation(t, secret(1), "", "1", "hash of one")
	session := func(id string, stp []byte) browser {
		return forge(t, 1, fmt.Sprintf(`{"sid":"AAAAAAAAAAAAAAAAAAAAAA","iat":%d,"auth_time":%[1]d,"exp":%d,"rnw":%[1]d,"sub":%[3]q,"stk":%[4]q,"stp":%[5]q}`,
			t0.Unix(), t0.Add(time.Hour).Unix(), id, kid(1), base64.RawURLEncoding.EncodeToString(stp)))
	}
	id, _ := x.whoami(session("1", stamp))
	same(t, "the true stamp", id, "1")
	x.rows["2"].Hash = "hash of one"
	id, _ = x.whoami(session("2", stamp))
	same(t, "the stamp of another user with the same hash", id, "")
	for i := range stamp {
		forged := append([]byte(nil), stamp...)
		forged[i] ^= 1
		if id, _ := x.whoami(session("1", forged)); id != "" {
			t.Errorf("byte %d does not count", i)
		}
	}
}

// The audience separates applications that share a ring.
func TestS9_4_Audience(t *testing.T) {
	_, _, _, a := derivation(t, secret(1), "a", "1", "h")
	_, _, _, b := derivation(t, secret(1), "b", "1", "h")
	if hex.EncodeToString(a) == hex.EncodeToString(b) {
		t.Error("two audiences have one stamp")
	}
	same(t, "library", libraryStamp(t, secret(1), "a", "1", "h"), base64.RawURLEncoding.EncodeToString(a))
}
