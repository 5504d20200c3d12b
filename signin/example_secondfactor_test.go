package signin_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ticket"
)

// A Member of the club may have an authenticator app.
type Member struct {
	ID, Email string
	Stamp     string // changes with the password
	Secret    string // shared with the app, or ""
	Step      int64  // the time step of the last code that was used
}

// A Club asks those who have an authenticator app for its code (TOTP, RFC 6238), whichever
// way they come.
type Club struct {
	mu      sync.Mutex
	members map[string]Member
	now     func() time.Time
	desk    *signin.Desk[*Member]
	waiting *ticket.Kind[waiting]
	handler http.Handler
}

// waiting is what the page that asks for the code carries: the login as it was about to
// happen.
type waiting struct {
	ID       string
	How      signin.How
	Remember bool
	Next     string
	Links    []string
}

// enter is the hook that all ways go through.
func (c *Club) enter(w http.ResponseWriter, r *http.Request, e signin.Entry[*Member]) error {
	if e.User.Secret == "" || e.How == "passkey" { // which is two factors already
		return c.desk.Login(r, e)
	}
	token, err := c.waiting.Seal(c.now(), waiting{e.User.ID, e.How, e.Remember, e.Next, e.Links}, c.bound(e.User, c.desk.Bind(w, r))...)
	if err != nil {
		return err
	}
	c.ask(w, r, token, "", http.StatusOK)
	return signin.ErrAnswered
}

// bound are the fields of a ticket. A new password changes Stamp, so whoever knew only
// the old one is out. A used code changes Step, so no ticket from before works any more.
func (c *Club) bound(m *Member, browser string) []string {
	return []string{browser, m.Stamp, m.Secret, strconv.FormatInt(m.Step, 10)}
}

var codeForm = template.Must(template.New("").Parse(`<form method="post" action="/code">
<input type="hidden" name="ticket" value="{{.}}">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required autofocus></label>
<button>Log in</button></form>`))

func (c *Club) ask(w http.ResponseWriter, r *http.Request, token, problem string, status int) {
	var body strings.Builder
	if err := codeForm.Execute(&body, token); err != nil {
		c.desk.Fail(w, r, err)
		return
	}
	c.desk.Show(w, r, signin.Page{Name: "code", Title: "The code of your app", Problem: problem, Status: status, Body: template.HTML(body.String())})
}

// code answers the form.
func (c *Club) code(w http.ResponseWriter, r *http.Request) {
	var member *Member
	token := r.PostFormValue("ticket")
	entry, err := c.waiting.Open(c.now(), token, func(v waiting) ([]string, error) {
		var err error
		if member, err = c.byID(r.Context(), v.ID); err != nil {
			return nil, err
		}
		return c.bound(member, c.desk.Browser(r)), nil
	})
	switch {
	case errors.Is(err, cookie.ErrInvalid), errors.Is(err, auth.ErrNoUser):
		c.desk.Show(w, r, signin.Page{Name: "late", Title: "Too late", Problem: "Please log in again.", Status: http.StatusBadRequest})
		return
	case err != nil:
		c.desk.Fail(w, r, err)
		return
	}
	if !c.desk.Allow(w, r, member.Email) {
		return
	}
	step, ok := match(member, r.PostFormValue("code"), c.now())
	if !ok {
		c.ask(w, r, token, "That isn’t the code.", http.StatusUnprocessableEntity)
		return
	}
	if err := c.use(member, step); err != nil { // a moment ago, in another request
		c.ask(w, r, token, "That code has been used. Wait for the next one.", http.StatusUnprocessableEntity)
		return
	}
	if err := c.desk.Login(r, signin.Entry[*Member]{User: member, How: entry.How + "+code", Remember: entry.Remember, Links: entry.Links}); err != nil {
		c.desk.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, entry.Next, http.StatusSeeOther)
}

// use notes that the code of a step was used, if no later one was.
func (c *Club) use(m *Member, step int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.members[m.ID]
	if row.Step != m.Step {
		return signin.ErrChanged
	}
	row.Step = step
	c.members[m.ID] = row
	return nil
}

// match returns the step of a code: the current one, or one before or after, for clocks
// that differ, but none that was used.
func match(m *Member, code string, now time.Time) (int64, bool) {
	for step := now.Unix()/30 - 1; step <= now.Unix()/30+1; step++ {
		if step > m.Step && hmac.Equal([]byte(code), []byte(codeAt(m.Secret, step))) {
			return step, true
		}
	}
	return 0, false
}

// codeAt is RFC 6238 with its defaults: HMAC-SHA-1, 30 seconds and six digits.
func codeAt(secret string, step int64) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

func (c *Club) byID(_ context.Context, id string) (*Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.members[id]
	if !ok {
		return nil, auth.ErrNoUser
	}
	return &m, nil
}

// NewClub puts it together. A real program has the four ways here; this one has a page
// that lets everybody in who names an id.
func NewClub(now func() time.Time, members ...Member) (*Club, error) {
	const origin = "https://example.com"
	c := &Club{now: now, members: map[string]Member{}}
	for _, m := range members {
		c.members[m.ID] = m
	}
	keys := keyring.Generate()
	store, err := ssestore.New(ssestore.Config{Keys: keys})
	if err != nil {
		return nil, err
	}
	accounts, err := auth.New(auth.Config[*Member]{
		UserByID: c.byID,
		ID:       func(m *Member) string { return m.ID },
		Stamp:    func(m *Member) string { return m.Stamp },
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/login", Now: now})
	if err != nil {
		return nil, err
	}
	c.waiting, err = ticket.New[waiting](ticket.Config{Keys: keys, Purpose: "club/code", Audience: origin, Life: 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	c.desk, err = signin.New(signin.Config[*Member]{Keys: keys, Origin: origin, Guard: guard, Enter: c.enter})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		m, err := c.byID(r.Context(), r.PostFormValue("id"))
		if err == nil {
			e := signin.Entry[*Member]{User: m, How: "password", Next: c.desk.Next(r)}
			if err = c.desk.Enter(w, r, e); err == nil {
				http.Redirect(w, r, e.Next, http.StatusSeeOther)
			}
		}
		if err != nil && !errors.Is(err, signin.ErrAnswered) {
			c.desk.Fail(w, r, err)
		}
	})
	mux.HandleFunc("POST /code", c.code)
	mux.HandleFunc("GET /{$}", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, m *Member, ok bool) {
		fmt.Fprintf(w, "%t %s", ok, c.desk.How(r))
	}))
	c.handler = guard.Handler(mux)
	return c, nil
}

// A second factor hooks into every way at once: the Enter hook answers with a page that
// asks for a code, and a ticket carries the login on to it.
func Example_secondFactor() {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	club, err := NewClub(func() time.Time { return now }, Member{ID: "1"}, Member{ID: "2", Secret: "12345678901234567890"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []string{"1", "2"} {
		jar := map[string]string{}
		page := post(club, jar, "/login", url.Values{"id": {id}})
		fmt.Println("member", id, "logs in:", page.Code)
		if page.Code == http.StatusOK {
			token := regexp.MustCompile(`value="([^"]+)"`).FindStringSubmatch(page.Body.String())[1]
			wrong := post(club, jar, "/code", url.Values{"ticket": {token}, "code": {"000000"}})
			fmt.Println("a wrong code:", wrong.Code)
			right := post(club, jar, "/code", url.Values{"ticket": {token}, "code": {codeAt("12345678901234567890", now.Unix()/30)}})
			fmt.Println("the right one:", right.Code)
			again := post(club, jar, "/code", url.Values{"ticket": {token}, "code": {codeAt("12345678901234567890", now.Unix()/30)}})
			fmt.Println("once more:", again.Code)
		}
		fmt.Println("logged in:", request(club, jar, httptest.NewRequest("GET", "https://example.com/", nil)).Body)
	}
	// Output:
	// member 1 logs in: 303
	// logged in: true password
	// member 2 logs in: 200
	// a wrong code: 422
	// the right one: 303
	// once more: 400
	// logged in: true password+code
}

// post submits a form of a browser with these cookies.
func post(c *Club, jar map[string]string, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "https://example.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request(c, jar, r)
}

func request(c *Club, jar map[string]string, r *http.Request) *httptest.ResponseRecorder {
	for name, value := range jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	for _, k := range w.Result().Cookies() {
		jar[k.Name] = k.Value
	}
	return w
}
