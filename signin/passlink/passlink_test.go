package passlink_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/ticket"
)

// freely is a throttle that stops nobody.
type freely struct{}

func (freely) Allow(*http.Request, string) (time.Duration, bool) { return 0, true }

func TestM1_AnyAddressGetsOneAnswer(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	a.Users.Add(rig.User{Email: "bob@example.com", Disabled: true, Proven: true})
	type seen struct {
		status, body int
		headers      map[string][]int
		seals        uint64
		setCookies   int
	}
	var first seen
	for i, row := range []struct {
		email string
		mails int
	}{{ada, 1}, {"eve@example.com", 0}, {"bob@example.com", 1}, {"ADA@example.com", 1}, {"zoe@example.com", 0}} {
		b, before := a.Browser(t), a.Seals()
		res := b.Post("/passlink/", url.Values{"email": {row.email}, "next": {"/members"}, "remember": {"1"}})
		got := seen{res.StatusCode, len(res.Body), res.HeaderLengths(), a.Seals() - before, len(res.Cookies())}
		if mails := a.Mails.Take(); len(mails) != row.mails {
			t.Errorf("%s: %d mails, want %d", row.email, len(mails), row.mails)
		}
		// The same page but for the address and the random ticket, neither of which has
		// another length.
		text := strings.NewReplacer(res.Field("pending"), "", strings.ToLower(row.email), "").Replace(res.Body)
		if strings.Contains(text, row.email) || res.Field("pending") == "" {
			t.Errorf("%s: the page is not as expected:\n%s", row.email, res.Body)
		}
		// A wrong code gets one answer as well.
		miss := enter(b, res.Field("pending"), "0000-0000")
		want(t, miss, http.StatusUnprocessableEntity, wrong)
		if miss.Field("pending") != res.Field("pending") {
			t.Error("a wrong code loses the ticket")
		}
		if i == 0 {
			first = got
			if got.seals != 2 {
				t.Errorf("%d seals, want 2", got.seals)
			}
		}
		// Addresses of three letters differ in no length; bob's and ada's neither.
		if len(row.email) == len(ada) && !reflect.DeepEqual(got, first) {
			t.Errorf("%s: %+v\n%s: %+v", ada, first, row.email, got)
		}
	}
}

func TestM2_ButtonInTheBrowserThatAsked(t *testing.T) {
	for _, row := range []struct {
		remember, next, to string
		persistent         bool
	}{{"", "", "/", false}, {"1", "/members?x=1", "/members?x=1", true}} {
		a := start(t, rig.Options{})
		b := a.Browser(t)
		res := a.ask(b, "remember", row.remember, "next", row.next)
		page := b.Get(res.link)
		want(t, page, http.StatusOK, "<strong>"+ada+"</strong>")
		if strings.Contains(page.Body, res.code) {
			t.Error("the page shows the code where nobody needs it")
		}
		if page.Header.Get("Referrer-Policy") != "strict-origin" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the page may be kept, or tells its address: %v", page.Header)
		}
		wantOut(t, b)
		in := b.Post("/passlink/enter", url.Values{"token": {page.Field("token")}})
		if persistent := strings.Contains(strings.Join(in.Header.Values("Set-Cookie"), ""), "Max-Age"); persistent != row.persistent {
			t.Errorf("remember %q: %v", row.remember, in.Header.Values("Set-Cookie"))
		}
		wantIn(t, b, in, row.to, "1 by link")
	}
}

func TestM3_CodeInAnotherBrowser(t *testing.T) {
	a := start(t, rig.Options{})
	b, phone := a.Browser(t), a.Browser(t)
	res := a.ask(b)
	for range 2 {
		page := phone.Get(res.link)
		want(t, page, http.StatusOK, elsewhere)
		want(t, page, http.StatusOK, "<strong>"+res.code+"</strong>")
		if strings.Contains(page.Body, "<form") || strings.Contains(page.Body, "<button") || strings.Contains(page.Body, ada) {
			t.Errorf("the page in another browser:\n%s", page.Body)
		}
		// The second time this browser has a binding of its own.
		phone.Post("/passlink/", url.Values{"email": {"eve@example.com"}})
	}
	want(t, phone.Post("/passlink/enter", url.Values{"token": {res.token}}), http.StatusForbidden, elsewhere)
	wantOut(t, phone)
	wantIn(t, b, enter(b, res.pending, res.code), "/", "1 by link")
}

func TestM4_CodeAsPeopleTypeIt(t *testing.T) {
	for name, spell := range map[string]func(string) string{
		"as shown":      func(s string) string { return s },
		"in lower case": strings.ToLower,
		"one piece":     func(s string) string { return strings.ReplaceAll(s, "-", "") },
		"spaces":        func(s string) string { return " " + strings.ReplaceAll(s, "-", " ") + "\u00a0" },
		"other dash":    func(s string) string { return strings.ReplaceAll(s, "-", "–") },
		"letter by letter": func(s string) string {
			return strings.Join(strings.Split(s, ""), " ")
		},
		"look-alikes": func(s string) string { return strings.NewReplacer("0", "o", "1", "l").Replace(s) },
		"capital i":   func(s string) string { return strings.NewReplacer("0", "O", "1", "I").Replace(s) },
	} {
		a := start(t, rig.Options{Desk: unlimited})
		b := a.Browser(t)
		res := a.ask(b, "next", "/members")
		for !strings.Contains(res.code, "0") || !strings.Contains(res.code, "1") {
			res = a.ask(b, "next", "/members") // one code in 20 has both
		}
		in := enter(b, res.pending, spell(res.code))
		if in.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %q for %q is refused", name, spell(res.code), res.code)
			continue
		}
		wantIn(t, b, in, "/members", "1 by link")
	}
}

func TestM5_CodeOfAnotherRequest(t *testing.T) {
	a := start(t, rig.Options{})
	b, eve := a.Browser(t), a.Browser(t)
	first, second := a.ask(b), a.ask(b)
	hers := a.ask(eve)
	for name, res := range map[string]*rig.Answer{
		"the code of another request": enter(b, first.pending, second.code),
		"a code of another browser":   enter(b, first.pending, hers.code),
		"no code":                     enter(b, first.pending, ""),
		"a longer code":               enter(b, first.pending, first.code+"0"),
		"a shorter code":              enter(b, first.pending, first.code[:8]),
	} {
		if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(res.Body, wrong) {
			t.Errorf("%s: %d\n%s", name, res.StatusCode, res.Body)
		}
	}
	// The right pair in another browser, or in one without a binding.
	want(t, enter(eve, first.pending, first.code), http.StatusBadRequest, invalid)
	want(t, enter(a.Browser(t), first.pending, first.code), http.StatusBadRequest, invalid)
	wantOut(t, b)
	wantOut(t, eve)
	wantIn(t, b, enter(b, second.pending, second.code), "/", "1 by link")
}

// The codes are bound to a request, so nobody has to count. A short run makes 2,000
// attempts.
func TestM6_NoWrongCodeOpens(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	res := a.ask(b)
	tries := 100_000
	if race.Enabled || testing.Short() {
		tries = 2_000
	}
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	right := strings.ReplaceAll(res.code, "-", "")
	try := func(code string) {
		if code == right {
			return
		}
		if in := enter(b, res.pending, code); in.StatusCode != http.StatusUnprocessableEntity {
			t.Fatalf("%s for %s: %d", code, right, in.StatusCode)
		}
		tries--
	}
	for i := range right { // the nearest first
		for _, d := range digits {
			try(right[:i] + string(d) + right[i+1:])
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for tries > 0 {
		var code [8]byte
		for i := range code {
			code[i] = digits[random.IntN(len(digits))]
		}
		try(string(code[:]))
	}
	wantOut(t, b)
	wantIn(t, b, enter(b, res.pending, right), "/", "1 by link")
}

// The throttle goes by the clock, which stands still here.
func TestM6_ThrottledByAddressAndAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, rig.Options{})
		b := a.Browser(t)
		res := a.ask(b)
		slow := 0
		for i := range 120 {
			b.Addr = fmt.Sprintf("192.0.2.%d:1", i)
			in := enter(b, res.pending, "0000-0000")
			if in.StatusCode == http.StatusTooManyRequests && in.Header.Get("Retry-After") != "" {
				slow++
			}
		}
		if slow < 15 {
			t.Errorf("%d of 120 attempts at one account from many addresses are slowed down", slow)
		}
		// Asking counts for the same account, and so do attempts with tickets that aren't
		// any, for the address.
		want(t, b.Post("/passlink/", url.Values{"email": {ada}}), http.StatusTooManyRequests, "Too many")
		b.Addr = "198.51.100.1:1"
		slow = 0
		for range 120 {
			if enter(b, "no ticket", "").StatusCode == http.StatusTooManyRequests {
				slow++
			}
		}
		for range 10 {
			if b.Post("/passlink/enter", url.Values{"token": {"no ticket"}}).StatusCode != http.StatusTooManyRequests {
				t.Error("a link from an address that is slowed down is not")
			}
		}
		if slow < 10 {
			t.Errorf("%d of 120 attempts of one address are slowed down", slow)
		}
	})
}

// never is a throttle that can stop everybody.
type never struct{ now bool }

func (n *never) Allow(*http.Request, string) (time.Duration, bool) { return time.Minute, !n.now }

// Whoever is slowed down is answered before anything is done.
func TestM6_ThrottledBeforeAnything(t *testing.T) {
	throttle := new(never)
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = throttle }})
	b := a.Browser(t)
	res := a.ask(b)
	seals := a.Seals()
	throttle.now = true
	for _, got := range []*rig.Answer{
		b.Post("/passlink/", url.Values{"email": {ada}}),
		b.Post("/passlink/enter", url.Values{"token": {res.token}}),
		enter(b, res.pending, res.code),
	} {
		if got.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%d", got.StatusCode)
		}
	}
	if len(a.Mails.Take()) != 0 || a.Seals() != seals || a.Users.Get("1").Logins != 0 {
		t.Error("something was done all the same")
	}
	wantOut(t, b)
	throttle.now = false
	wantIn(t, b, enter(b, res.pending, res.code), "/", "1 by link")
}

func TestM7_ScannersOpenLinks(t *testing.T) {
	a := start(t, rig.Options{})
	b, scanner := a.Browser(t), a.Browser(t)
	res := a.ask(b)
	for range 3 {
		want(t, scanner.Get(res.link), http.StatusOK, elsewhere)
	}
	if head := scanner.Do(http.MethodHead, res.link, "", nil); head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
	// One that follows the form of a page it must have seen elsewhere.
	want(t, scanner.Post("/passlink/enter", url.Values{"token": {res.token}}), http.StatusForbidden, elsewhere)
	if len(scanner.Jar.Cookies(mustURL(t, res.link))) != 0 {
		t.Error("opening a link sets a cookie")
	}
	if a.Users.Get("1").Logins != 0 {
		t.Error("a scanner spent the link")
	}
	// One inside the browser of the user, too.
	b.Get(res.link)
	wantOut(t, b)
	wantIn(t, b, click(b, res.link), "/", "1 by link")
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestM8_Once(t *testing.T) {
	use := map[string]func(*rig.Browser, asked) *rig.Answer{
		"link": func(b *rig.Browser, res asked) *rig.Answer {
			return b.Post("/passlink/enter", url.Values{"token": {res.token}})
		},
		"code": func(b *rig.Browser, res asked) *rig.Answer { return enter(b, res.pending, res.code) },
	}
	for first, one := range use {
		for second, two := range use {
			a := start(t, rig.Options{})
			b := a.Browser(t)
			older, res := a.ask(b), a.ask(b)
			wantIn(t, b, one(b, res), "/", "1 by link")
			b.Post("/logout", nil)
			// A browser can put its old cookies back.
			again := a.Browser(t)
			again.Jar = b.Jar
			for _, r := range []asked{res, older} {
				if got := two(again, r); got.StatusCode < 400 {
					t.Errorf("%s after %s: %d", second, first, got.StatusCode)
				}
			}
			wantOut(t, again)
			want(t, b.Get(res.link), http.StatusBadRequest, invalid)
			if n := a.Users.Get("1").Logins; n != 1 {
				t.Errorf("%s after %s: used %d times", second, first, n)
			}
		}
	}
}

func TestM8_OnceWithCookiesPutBack(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	res := a.ask(b)
	copied := b.Cookie("__Host-signin")
	wantIn(t, b, click(b, res.link), "/", "1 by link")
	thief := a.Browser(t)
	thief.Head = http.Header{"Cookie": {"__Host-signin=" + copied}}
	want(t, thief.Post("/passlink/enter", url.Values{"token": {res.token}}), http.StatusBadRequest, invalid)
	want(t, enter(thief, res.pending, res.code), http.StatusUnprocessableEntity, wrong)
	thief.Head = nil
	wantOut(t, thief)
}

func TestM9_OneOfFiftyAtOnce(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	res := a.ask(b)
	got := rig.AtOnce(50, func(i int) *rig.Answer {
		mine := *b
		form := url.Values{"token": {res.token}}
		if i%2 == 1 {
			form = url.Values{"pending": {res.pending}, "code": {res.code}}
		}
		return mine.Post("/passlink/enter", form)
	})
	refused := got[http.StatusBadRequest] + got[http.StatusUnprocessableEntity]
	if got[http.StatusSeeOther] != 1 || refused != 49 || a.Users.Get("1").Logins != 1 {
		t.Errorf("status codes: %v, used %d times", got, a.Users.Get("1").Logins)
	}
}

func TestM10_SpentByAChange(t *testing.T) {
	for name, change := range map[string]func(*app){
		"another password":   func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Hash = "another" }) },
		"another address":    func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Email = "ada@example.net" }) },
		"log out everywhere": func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Epoch++ }) },
		"a login":            func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Logins++ }) },
		"the user is gone":   func(a *app) { a.Users.Delete("1") },
		"address is another's": func(a *app) {
			a.Users.Edit("1", func(u *rig.User) { u.Email = "ada@example.net" })
			a.Users.Add(rig.User{Email: ada, Proven: true, PasswordFields: rig.PasswordFields{Hash: "hash"}})
		},
	} {
		a := start(t, rig.Options{})
		b, phone := a.Browser(t), a.Browser(t)
		res := a.ask(b)
		change(a)
		for _, got := range []*rig.Answer{b.Get(res.link), phone.Get(res.link), b.Post("/passlink/enter", url.Values{"token": {res.token}})} {
			if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.Body, invalid) || strings.Contains(got.Body, res.code) {
				t.Errorf("%s: %d\n%s", name, got.StatusCode, got.Body)
			}
		}
		if got := enter(b, res.pending, res.code); got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d for the code", name, got.StatusCode)
		}
		wantOut(t, b)
	}
}

// The address alone tells two users apart who are alike in all that Bound returns.
func TestM10_BoundToTheUser(t *testing.T) {
	a := start(t, rig.Options{}, func(c *passlink.Config[*rig.User]) {
		c.Email = func(*rig.User) string { return ada }
		c.Bound = func(u *rig.User) []string { return []string{fmt.Sprint(u.Logins)} }
	})
	b := a.Browser(t)
	res := a.ask(b)
	a.Users.Edit("1", func(u *rig.User) { u.Email = "elsewhere@example.com" })
	a.Users.Add(rig.User{Email: ada})
	want(t, enter(b, res.pending, res.code), http.StatusUnprocessableEntity, wrong)
	wantOut(t, b)
}

func TestM11_FifteenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, rig.Options{Guard: func(c *middleware.Config) { c.Now = time.Now }})
		b := a.Browser(t)
		res := a.ask(b)
		time.Sleep(15*time.Minute - time.Second)
		want(t, b.Get(res.link), http.StatusOK, "Continue?")
		want(t, enter(b, res.pending, "0000-0000"), http.StatusUnprocessableEntity, wrong)
		time.Sleep(time.Second)
		want(t, b.Get(res.link), http.StatusBadRequest, invalid)
		want(t, b.Post("/passlink/enter", url.Values{"token": {res.token}}), http.StatusBadRequest, invalid)
		want(t, enter(b, res.pending, res.code), http.StatusBadRequest, invalid)
		wantOut(t, b)
		// Asked again, it works in the last second. The throttle has forgotten by then.
		res = a.ask(b)
		time.Sleep(15*time.Minute - time.Second)
		wantIn(t, b, enter(b, res.pending, res.code), "/", "1 by link")
	})
}

func TestM12_BadLinkChangesNothing(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	wantIn(t, b, click(b, a.ask(b).link), "/", "1 by link")
	res := a.ask(b)
	before, binding, row := b.Cookie("__Host-session"), b.Cookie("__Host-signin"), a.Users.Get("1")
	// Characters of the header, of the contents and of the tag.
	for _, i := range []int{0, 10, len(res.token) / 2, len(res.token) - 1} {
		c := byte('A')
		if res.token[i] == c {
			c = 'B'
		}
		bad := res.token[:i] + string(c) + res.token[i+1:]
		want(t, b.Get("/passlink/?token="+bad), http.StatusBadRequest, invalid)
		want(t, b.Post("/passlink/enter", url.Values{"token": {bad}}), http.StatusBadRequest, invalid)
	}
	for _, bad := range []string{"", "x", "%00", strings.Repeat("x", 5000), res.pending, b.Cookie("__Host-session")} {
		want(t, b.Get("/passlink/?token="+url.QueryEscape(bad)), http.StatusBadRequest, invalid)
		want(t, b.Post("/passlink/enter", url.Values{"token": {bad}}), http.StatusBadRequest, invalid)
		if bad != res.pending {
			want(t, enter(b, bad, res.code), http.StatusBadRequest, invalid)
		}
	}
	want(t, enter(b, res.token, res.code), http.StatusBadRequest, invalid)
	if b.Cookie("__Host-session") != before || b.Cookie("__Host-signin") != binding {
		t.Error("a bad link changed a cookie")
	}
	if b.Who() != "1 by link" || !reflect.DeepEqual(a.Users.Get("1"), row) {
		t.Error("a bad link changed something")
	}
	// Who is logged in, and clicks a second time, is shown the way on.
	want(t, b.Get("/passlink/?token=x"), http.StatusBadRequest, `<a href="/">Continue</a>`)
	want(t, a.Browser(t).Get("/passlink/?token=x"), http.StatusBadRequest, `<a href="/login">Ask for another link</a>`)
}

func TestM13_OpenRedirect(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	for _, next := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "\t//evil.example", "https:evil.example",
		"/" + strings.Repeat("x", 1000), // safe, but the link would be too long
	} {
		b := a.Browser(t)
		wantIn(t, b, click(b, a.ask(b, "next", next).link), "/", "1 by link")
		b = a.Browser(t)
		res := a.ask(b, "next", next)
		wantIn(t, b, enter(b, res.pending, res.code), "/", "1 by link")
	}
	long := "/" + strings.Repeat("x", 999)
	b := a.Browser(t)
	res := a.ask(b, "next", long)
	if len(res.link) > 2000 {
		t.Errorf("a link of %d characters", len(res.link))
	}
	wantIn(t, b, click(b, res.link), long, "1 by link")
}

func TestM14_HostIsNotRead(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	plain := a.ask(b)
	for _, head := range []http.Header{
		{"X-Forwarded-Host": {"evil.example"}}, {"Forwarded": {"host=evil.example;proto=http"}}, {"X-Forwarded-Proto": {"http"}},
		{"X-Original-Host": {"evil.example"}}, {"X-Forwarded-Server": {"evil.example"}},
	} {
		b.Head = head
		if got := a.ask(b); !strings.HasPrefix(got.link, "https://example.com/passlink/?token=") || len(got.link) != len(plain.link) {
			t.Errorf("%v: %s", head, got.link)
		}
	}
	// The Host field itself, which the browser of these tests doesn't change.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://evil.example/passlink/", strings.NewReader("email="+ada+"&next=https://evil.example/"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range b.Jar.Cookies(mustURL(t, "https://example.com/")) {
		r.AddCookie(c)
	}
	a.ServeHTTP(httptest.NewRecorder(), r)
	mails := a.Mails.Take()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	if strings.Contains(mails[0].Text+mails[0].HTML+mails[0].Subject, "evil") || !strings.Contains(mails[0].Text, "https://example.com/passlink/?token=") {
		t.Errorf("%+v", mails)
	}
	// Its next was good for that host only, and the form that asks takes no such next.
	b.Head = http.Header{"Host": {"evil.example"}}
	if form := b.Get("/passlink/?next=https://evil.example/"); strings.Contains(form.Body, "evil") {
		t.Error(form.Body)
	}
	b.Head = nil
	wantIn(t, b, click(b, strings.Fields(mails[0].Text[strings.Index(mails[0].Text, "https://"):])[0]), "/", "1 by link")
}

// late is an instance's view of the keys: it learns of newer ones when it is asked to
// look.
type late struct {
	mu          sync.Mutex
	ring, fresh *keyring.Keyring
}

func (l *late) At(now time.Time) *keyring.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.At(now)
}

func (l *late) Refresh(now time.Time) *keyring.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = l.fresh
	return l.ring.At(now)
}

func TestM15_RotationBetweenMailAndClick(t *testing.T) {
	older := keyring.Generate()
	newer, err := older.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ sealed, opened, fresh *keyring.Keyring }{
		"the key is rotated meanwhile":            {older, newer, newer},
		"another instance has a key not seen yet": {newer, older, newer},
	} {
		for _, way := range []string{"link", "code"} {
			keys := &late{ring: row.sealed, fresh: row.sealed}
			a := start(t, rig.Options{Keys: keys})
			b := a.Browser(t)
			res := a.ask(b)
			keys.mu.Lock()
			keys.ring, keys.fresh = row.opened, row.fresh
			keys.mu.Unlock()
			in := click
			if way == "code" {
				in = func(b *rig.Browser, _ string) *rig.Answer { return enter(b, res.pending, res.code) }
			}
			t.Log(name, way)
			wantIn(t, b, in(b, res.link), "/", "1 by link")
		}
	}
}

// Eve opens an account with Ada's address and waits.
func TestM16_FirstProofPutsTheFirstComerOut(t *testing.T) {
	for _, proven := range []bool{false, true} {
		a := start(t, rig.Options{})
		a.Users.Edit("1", func(u *rig.User) { u.Proven = proven })
		a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
			if err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: a.Users.Get("1"), How: "password"}); err != nil {
				t.Error(err)
			}
		})
		eve, b := a.Browser(t), a.Browser(t)
		eve.Post("/enter", nil)
		if eve.Who() != "1 by password" {
			t.Fatal("not logged in")
		}
		wantIn(t, b, click(b, a.ask(b).link), "/", "1 by link")
		left, hash := "nobody", ""
		if proven {
			left, hash = "1 by password", "hash"
		}
		if got := eve.Who(); got != left {
			t.Errorf("proven %v: the session of the first comer is %q", proven, got)
		}
		if u := a.Users.Get("1"); u.Hash != hash || !u.Proven {
			t.Errorf("proven %v: %+v", proven, u)
		}
	}
}

func TestM17_OtherTickets(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	res := a.ask(b)
	type anything map[string]any
	for _, c := range []ticket.Config{
		{Purpose: "signin/passlink/link", Audience: "https://example.net"},
		{Purpose: "signin/password/reset", Audience: "https://example.com"},
		{Purpose: "signin/passlink/asked", Audience: "https://example.net"},
	} {
		c.Keys, c.Life = a.Keys, 15*time.Minute
		kind, err := ticket.New[anything](c)
		if err != nil {
			t.Fatal(err)
		}
		forged, err := kind.Seal(a.Now(), anything{"u": "1", "b": b.Cookie("__Host-signin"), "c": "00000000", "n": "/"},
			append([]string{"1", ada}, a.ada.LinkFields()...)...)
		if err != nil {
			t.Fatal(err)
		}
		want(t, click(b, "/passlink/?token="+forged), http.StatusBadRequest, invalid)
		want(t, enter(b, forged, "0000-0000"), http.StatusBadRequest, invalid)
	}
	// An application of the same keys on another origin takes none of these.
	other := start(t, rig.Options{Keys: a.Keys, Desk: func(c *signin.Config[*rig.User]) { c.Origin = "https://shop.example.com" }})
	stranger := other.Browser(t)
	stranger.Jar = b.Jar
	stranger.Head = http.Header{"Cookie": {"__Host-signin=" + b.Cookie("__Host-signin")}}
	want(t, stranger.Get("/passlink/?token="+res.token), http.StatusBadRequest, invalid)
	want(t, enter(stranger, res.pending, res.code), http.StatusBadRequest, invalid)
	wantIn(t, b, click(b, res.link), "/", "1 by link")
}

func TestM18_StoreDown(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	res := a.ask(b)
	a.Users.Fail(errors.New("down"))
	for _, got := range []*rig.Answer{
		b.Post("/passlink/", url.Values{"email": {ada}}),
		b.Post("/passlink/", url.Values{"email": {"eve@example.com"}}),
		b.Get(res.link),
		b.Post("/passlink/enter", url.Values{"token": {res.token}}),
		enter(b, res.pending, res.code),
		enter(b, res.pending, "0000-0000"),
	} {
		if got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d\n%s", got.StatusCode, got.Body)
		}
	}
	a.Users.Fail(nil)
	if len(a.Mails.Take()) != 0 {
		t.Error("a mail while the store was down")
	}
	wantIn(t, b, click(b, res.link), "/", "1 by link")
}

func TestM18_NoKeys(t *testing.T) {
	a := start(t, rig.Options{})
	a.Keys.Set(nil)
	want(t, a.Browser(t).Post("/passlink/", url.Values{"email": {ada}}), http.StatusServiceUnavailable, "")
	if len(a.Mails.Take()) != 0 {
		t.Error("a mail with a link that can't be one")
	}
}

func TestM18_StoreDownInUse(t *testing.T) {
	down := errors.New("down")
	users := new(flaky)
	a := start(t, rig.Options{}, func(c *passlink.Config[*rig.User]) {
		users.Users, c.Users = c.Users, users
	})
	b := a.Browser(t)
	res := a.ask(b)
	users.err = down
	want(t, click(b, res.link), http.StatusServiceUnavailable, "")
	// Deleted, or used by another request, between the reading and the change.
	for _, users.err = range []error{auth.ErrNoUser, signin.ErrChanged} {
		want(t, click(b, res.link), http.StatusBadRequest, invalid)
	}
	users.err, users.unread = nil, auth.ErrBadID
	want(t, click(b, res.link), http.StatusBadRequest, invalid)
	users.unread = nil
	wantOut(t, b)
	wantIn(t, b, click(b, res.link), "/", "1 by link")
}

// flaky is a user store whose Use can fail, or return another user.
type flaky struct {
	passlink.Users[*rig.User]
	err    error
	unread error // of ByID
	answer func(*rig.User) *rig.User
}

func (f *flaky) ByID(ctx context.Context, id string) (*rig.User, error) {
	if f.unread != nil {
		return nil, f.unread
	}
	return f.Users.ByID(ctx, id)
}

func (f *flaky) Use(ctx context.Context, u *rig.User) (*rig.User, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.answer != nil {
		return f.answer(u), nil
	}
	return f.Users.Use(ctx, u)
}

func TestM19_EnterHookDecides(t *testing.T) {
	var entries []signin.Entry[*rig.User]
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			entries = append(entries, e)
			if e.User.Disabled {
				return auth.Forbidden("This account is closed.")
			}
			w.WriteHeader(http.StatusTeapot)
			return signin.ErrAnswered
		}
	}})
	b := a.Browser(t)
	got := click(b, a.ask(b, "remember", "1", "next", "/members").link)
	if got.StatusCode != http.StatusTeapot || got.Location() != "" || got.Body != "" {
		t.Errorf("%d to %q", got.StatusCode, got.Location())
	}
	if len(entries) != 1 || entries[0].How != "link" || !entries[0].Remember || entries[0].Next != "/members" || entries[0].User.Logins != 1 {
		t.Errorf("%+v", entries)
	}
	a.Users.Edit("1", func(u *rig.User) { u.Disabled = true })
	want(t, click(b, a.ask(b).link), http.StatusForbidden, "This account is closed.")
	wantOut(t, b)
}

func TestM20_UseThatSpendsNothing(t *testing.T) {
	for name, answer := range map[string]func(*rig.User) *rig.User{
		"the same row":   func(u *rig.User) *rig.User { return u },
		"another user":   func(u *rig.User) *rig.User { c := *u; c.ID, c.Logins = "2", 7; return &c },
		"nobody":         func(*rig.User) *rig.User { return nil },
		"an equal clone": func(u *rig.User) *rig.User { c := *u; return &c },
	} {
		a := start(t, rig.Options{}, func(c *passlink.Config[*rig.User]) {
			c.Users = &flaky{Users: c.Users, answer: answer}
			c.Email = func(u *rig.User) string {
				if u == nil {
					t.Error("Email got a nil user")
					return ""
				}
				return u.Email
			}
			c.Bound = func(u *rig.User) []string {
				if u == nil {
					return nil
				}
				return u.LinkFields()
			}
		})
		a.Users.Add(rig.User{Email: "bob@example.com"})
		b := a.Browser(t)
		if got := click(b, a.ask(b).link); got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
		wantOut(t, b)
	}
}

func TestM21_NoAddress(t *testing.T) {
	a := start(t, rig.Options{Desk: unlimited})
	b := a.Browser(t)
	for _, email := range []string{
		"", "ada", "Ada <ada@example.com>", "ada@example.com, eve@example.com", "ada@example.com\r\nBcc: eve@example.com",
		"ada@example.com> ORCPT=rfc822;eve@example.com", strings.Repeat("x", 250) + "@example.com",
	} {
		res := b.Post("/passlink/", url.Values{"email": {email}, "next": {"/members"}})
		want(t, res, http.StatusUnprocessableEntity, "isn’t an email address")
		if res.Field("next") != "/members" || email != "" && strings.Contains(res.Body, "ada") {
			t.Errorf("%q:\n%s", email, res.Body)
		}
	}
	if mails := a.Mails.Take(); len(mails) != 0 || len(b.Jar.Cookies(mustURL(t, "https://example.com/"))) != 0 {
		t.Errorf("%d mails", len(mails))
	}
}

func TestM22_MailGoesToTheStoredAddress(t *testing.T) {
	a := start(t, rig.Options{}, func(c *passlink.Config[*rig.User]) {
		c.Mail = func(_ context.Context, u *rig.User, link, code string) signin.Mail {
			return signin.Mail{To: "eve@example.com", Subject: "Hello " + u.ID, Text: link + "\n    " + code + "\n"}
		}
	})
	// The table of the rig compares as some databases do, however letters are written.
	a.Users.Edit("1", func(u *rig.User) { u.Email = "Ada@Example.com" })
	b := a.Browser(t)
	b.Post("/passlink/", url.Values{"email": {" ADA@example.com "}})
	mails := a.Mails.Take()
	if len(mails) != 1 || mails[0].To != "Ada@Example.com" || mails[0].Subject != "Hello 1" {
		t.Errorf("%+v", mails)
	}
	// A queue that is full isn't seen from outside: there is no such thing for an
	// address without an account.
	a.Mails.Fail(errors.New("full"))
	want(t, b.Post("/passlink/", url.Values{"email": {ada}}), http.StatusOK, "Check your email")
}

func TestM22_TheMail(t *testing.T) {
	a := start(t, rig.Options{})
	a.Users.Edit("1", func(u *rig.User) { u.Email = "ada+<b>@example.com" })
	b := a.Browser(t)
	b.Post("/passlink/", url.Values{"email": {"ada+<b>@example.com"}})
	if mails := a.Mails.Take(); len(mails) != 0 {
		t.Error("a mail to an address that is none")
	}
	a.Users.Edit("1", func(u *rig.User) { u.Email = "a&b@example.com" })
	b.Post("/passlink/", url.Values{"email": {"a&b@example.com"}})
	m := a.Mails.Take()[0]
	if m.Subject != "Log in to example.com" || !strings.Contains(m.Text, "as a&b@example.com.") || !strings.Contains(m.HTML, "as a&amp;b@example.com.") ||
		!strings.Contains(m.HTML, `<a href="https://example.com/passlink/?token=`) {
		t.Errorf("%+v", m)
	}
}

func TestM23_Methods(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	res := a.ask(b)
	for _, row := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/passlink/", 200, ""}, {"HEAD", "/passlink/", 200, ""}, {"PUT", "/passlink/", 405, "GET, HEAD, POST"},
		{"GET", "/passlink/enter", 405, "POST"}, {"HEAD", "/passlink/enter?token=" + res.token, 405, "POST"},
		{"GET", "/passlink/enter?token=" + res.token, 405, "POST"}, {"DELETE", "/passlink/enter", 405, "POST"},
		{"GET", "/passlink/other", 404, ""}, {"POST", "/passlink/other", 404, ""}, {"GET", "/passlink/enter/", 404, ""},
	} {
		got := b.Do(row.method, row.path, "", nil)
		if got.StatusCode != row.status || got.Header.Get("Allow") != row.allow {
			t.Errorf("%s %s: %d, Allow %q", row.method, row.path, got.StatusCode, got.Header.Get("Allow"))
		}
	}
	want(t, b.Get("/passlink/?next=/members"), http.StatusOK, `name="next" value="/members"`)
	// A token in the form is one of the URL's query neither, and the other way round.
	want(t, b.Post("/passlink/enter?token="+res.token, nil), http.StatusBadRequest, invalid)
	b.Site = "cross-site"
	if got := b.Post("/passlink/enter", url.Values{"token": {res.token}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("a POST from another site: %d", got.StatusCode)
	}
	b.Site = ""
	wantOut(t, b)
	if got := b.Do("POST", "/passlink/", "application/x-www-form-urlencoded", []byte("email="+strings.Repeat("x", 17<<10))); got.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(got.Body, "What was sent is too long.") {
		t.Errorf("a long form: %d %s", got.StatusCode, got.Body)
	}
	if got := b.Do("POST", "/passlink/", "application/x-www-form-urlencoded", []byte("email=%zz")); got.StatusCode != http.StatusBadRequest || got.Field("email") != "" || !strings.Contains(got.Body, `name="email"`) {
		t.Errorf("a form that is none: %d", got.StatusCode)
	}
}

func TestM23_OutsideTheGuard(t *testing.T) {
	a := rig.New(t, rig.Options{})
	h, err := passlink.New(a.Desk, passlink.Config[*rig.User]{
		Users: a.Users, Email: func(u *rig.User) string { return u.Email }, Bound: (*rig.User).LinkFields,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/passlink/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("%d", w.Code)
	}
}

func TestM24_LinkReplacesAnotherUser(t *testing.T) {
	a := start(t, rig.Options{})
	bob := a.Users.Add(rig.User{Email: "bob@example.com", Proven: true})
	a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: bob, How: "password"}); err != nil {
			t.Error(err)
		}
	})
	b := a.Browser(t)
	res := a.ask(b)
	b.Post("/enter", nil)
	b.Get(res.link)
	if b.Who() != "2 by password" {
		t.Error("opening a link changed who is logged in")
	}
	wantIn(t, b, click(b, res.link), "/", "1 by link")
}

func TestM25_ConfigurationFaults(t *testing.T) {
	none := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Send = nil }})
	_, err := passlink.New(none.Desk, passlink.Config[*rig.User]{Path: "passlink"})
	if err == nil {
		t.Fatal("no error")
	}
	got := map[string]bool{}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if fault := new(middleware.ConfigError); errors.As(e, &fault) && fault.Package == "passlink" {
			got[fault.Field] = true
		}
	}
	if want := map[string]bool{"Send": true, "Users": true, "Email": true, "Bound": true, "Path": true}; !maps.Equal(got, want) {
		t.Errorf("%v: %v", got, err)
	}
	_, err = passlink.New(nil, passlink.Config[*rig.User]{})
	if fault := new(middleware.ConfigError); !errors.As(err, &fault) || fault.Field != "desk" {
		t.Errorf("no desk: %v", err)
	}
	for path, ok := range map[string]bool{"/": true, "/in/": true, "/in": false, "//in/": false, "in/": false, "/in?/": false, "/a b/": false} {
		a := rig.New(t, rig.Options{})
		_, err := passlink.New(a.Desk, passlink.Config[*rig.User]{
			Users: a.Users, Email: func(u *rig.User) string { return u.Email }, Bound: (*rig.User).LinkFields, Path: path,
		})
		if (err == nil) != ok {
			t.Errorf("Path %q: %v", path, err)
		}
	}
}

// A request for an unknown address has a code as well, which nobody is told. Even whoever
// could work it out gets nowhere.
func TestM5_CodeOfNobody(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	pending := b.Post("/passlink/", url.Values{"email": {"eve@example.com"}}).Field("pending")
	kind, err := ticket.New[map[string]any](ticket.Config{Keys: a.Keys, Purpose: "signin/passlink/asked", Audience: "https://example.com", Life: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	v, err := kind.Open(a.Now(), pending, func(map[string]any) ([]string, error) { return []string{b.Cookie("__Host-signin")}, nil })
	if err != nil {
		t.Fatal(err)
	}
	want(t, enter(b, pending, passlink.NewCode(v["s"].(string), []string{""})), http.StatusUnprocessableEntity, wrong)
	wantOut(t, b)
}
