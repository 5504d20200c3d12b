package signin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// RFC 6238 appendix B, cut to six digits.
func TestD24_CodesOfRFC6238(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := codeAt("12345678901234567890", at/30); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestD24_SecondFactor(t *testing.T) {
	const secret = "12345678901234567890"
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	club, err := NewClub(func() time.Time { return now }, Member{ID: "1", Email: "ada@example.com", Secret: secret}, Member{ID: "2", Email: "eve@example.com", Secret: "09876543210987654321"})
	if err != nil {
		t.Fatal(err)
	}
	type jar = map[string]string
	begin := func(j jar, id string) string {
		t.Helper()
		page := post(club, j, "/login", url.Values{"id": {id}, "next": {"/members"}})
		m := regexp.MustCompile(`value="([^"]+)"`).FindStringSubmatch(page.Body.String())
		if m == nil {
			t.Fatalf("%d: %s", page.Code, page.Body)
		}
		return m[1]
	}
	enter := func(j jar, token, code string) *httptest.ResponseRecorder {
		return post(club, j, "/code", url.Values{"ticket": {token}, "code": {code}})
	}
	out := func(what string, j jar, res *httptest.ResponseRecorder, status int) {
		t.Helper()
		who := request(club, j, httptest.NewRequest("GET", "https://example.com/", nil)).Body.String()
		if res.Code != status || who != "false " {
			t.Errorf("%s: %d, want %d, and logged in: %s", what, res.Code, status, who)
		}
	}
	code := func() string { return codeAt(secret, now.Unix()/30) }

	ada, stranger := jar{}, jar{}
	token := begin(ada, "1")
	begin(stranger, "2")
	out("another browser", stranger, enter(stranger, token, code()), http.StatusBadRequest)
	out("no browser", jar{}, enter(jar{}, token, code()), http.StatusBadRequest)
	out("an altered ticket", ada, enter(ada, token+"A", code()), http.StatusBadRequest)
	out("a code of five minutes ago", ada, enter(ada, token, codeAt(secret, now.Unix()/30-10)), http.StatusUnprocessableEntity)
	other := begin(stranger, "2")
	out("a code of somebody else", stranger, enter(stranger, other, code()), http.StatusUnprocessableEntity)
	now = now.Add(5 * time.Minute)
	out("five minutes later", ada, enter(ada, token, code()), http.StatusBadRequest)

	token = begin(ada, "1")
	row := club.members["1"]
	row.Stamp = "another"
	club.members["1"] = row
	out("after a new password", ada, enter(ada, token, code()), http.StatusBadRequest)

	// Of twenty requests with one code, each from a network of its own, so that the
	// throttle lets all of them try, one gets in.
	token = begin(ada, "1")
	form := url.Values{"ticket": {token}, "code": {code()}}.Encode()
	var in atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		mine := jar{"__Host-signin": ada["__Host-signin"]}
		all.Go(func() {
			r := httptest.NewRequest("POST", "https://example.com/code", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = fmt.Sprintf("198.51.100.%d:1", i)
			res := request(club, mine, r)
			if res.Code == http.StatusSeeOther && strings.HasPrefix(res.Header().Get("Location"), "/members") {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d of 20 got in", in.Load())
	}
	again := begin(ada, "1")
	out("the code again, with a new ticket", ada, enter(ada, again, code()), http.StatusUnprocessableEntity)

	slow := 0
	for range 20 {
		if enter(ada, again, "000000").Code == http.StatusTooManyRequests {
			slow++
		}
	}
	if slow < 10 {
		t.Errorf("%d of 20 guesses are slowed down", slow)
	}
}
