package takeover

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// A task is a session for mint.mjs to make.
type task struct {
	System  string   `json:"system"`
	Version string   `json:"version"` // new, old or oldest
	Secrets []string `json:"secrets"`
	User    string   `json:"user"`
	Size    int      `json:"size"`  // characters of filler
	Shift   int      `json:"shift"` // by how many seconds the clock is off
	Chunk   bool     `json:"chunk"` // iron-session 9 splits only when told to
	Other   bool     `json:"other"` // something else that is sealed with the same secret
}

const (
	secret  = "a secret of forty characters, or of more than that"
	former  = "the secret before it, which has as many characters"
	strange = "somebody else's secret, of about the same length.."
)

// A minter is a process that makes sessions with the libraries of one language.
type minter struct {
	in  io.Writer
	out *bufio.Reader
}

// minters are those that all tests share, by their script. They end when their input does.
var minters = struct {
	sync.Mutex
	by map[string]*minter
}{by: map[string]*minter{}}

// ask has a script make a session for each task. Each is a list of "name=value". program
// finds what runs the script.
func ask[T any](t *testing.T, program func(*testing.T) string, script string, tasks []T) [][]string {
	t.Helper()
	minters.Lock()
	defer minters.Unlock()
	m := minters.by[script]
	if m == nil {
		cmd := exec.Command(program(t), script)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		m = &minter{in, bufio.NewReader(out)}
		minters.by[script] = m
	}
	all := make([][]string, len(tasks))
	for i, task := range tasks {
		line, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.in.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
		answer, err := m.out.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var result struct {
			Cookies []string
			Error   string
		}
		if err := json.Unmarshal(answer, &result); err != nil || result.Error != "" || len(result.Cookies) == 0 {
			t.Fatalf("%+v: %v %s", task, err, result.Error)
		}
		all[i] = result.Cookies
	}
	return all
}

// mint has the libraries in JavaScript make sessions.
func mint(t *testing.T, tasks ...task) [][]string {
	t.Helper()
	return ask(t, node, "mint.mjs", tasks)
}

// node finds Node with the libraries, or skips the test, or fails it where they have been
// installed on purpose.
func node(t *testing.T) string {
	t.Helper()
	program := browser.Program(t, "node", "nodejs")
	if _, err := os.Stat("node_modules"); err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node_modules is missing, and HARDTACK_CI=1 says that it should be there")
		}
		t.Skip("node_modules is missing: run npm ci --ignore-scripts in examples/takeover")
	}
	return program
}

// A system is one whose sessions are taken over.
type system struct {
	name     string
	versions []string
	split    string // the versions that split sessions
	dated    bool   // the value has a date or an end
	future   bool   // a clock ahead shows in the value
	lists    bool   // the library itself takes several secrets
	describe func(secrets ...string) ssestore.Legacy
	user     func(claims []byte) (user, colour string)
}

// switchOver is when sessions without a date count as created.
var switchOver = time.Now().Add(-time.Hour)

func systems() []system {
	flat := func(claims []byte) (string, string) {
		var c struct{ Sub, Colour string }
		json.Unmarshal(claims, &c)
		return c.Sub, c.Colour
	}
	data := func(claims []byte) (string, string) {
		var c struct{ UserID, Colour string }
		json.Unmarshal(claims, &c)
		return c.UserID, c.Colour
	}
	both := []string{"new", "old"}
	return []system{
		{"authjs", []string{"new", "old", "oldest"}, "new old oldest", true, true, true, func(s ...string) ssestore.Legacy {
			return legacy.AuthJS(cookie.Config{}, s...)
		}, flat},
		{"nextauth", both, "new old", true, true, false, func(s ...string) ssestore.Legacy {
			return legacy.NextAuth(cookie.Config{}, s...)
		}, flat},
		{"nextjsauth0", both, "new old", true, true, false, func(s ...string) ssestore.Legacy {
			return legacy.NextJSAuth0(cookie.Config{}, s...)
		}, func(claims []byte) (string, string) {
			var c struct{ User struct{ Sub, Colour string } }
			json.Unmarshal(claims, &c)
			return c.User.Sub, c.User.Colour
		}},
		{"expressopenidconnect", both, "new old", true, true, true, func(s ...string) ssestore.Legacy {
			return legacy.ExpressOpenIDConnect(cookie.Config{}, s...)
		}, func(claims []byte) (string, string) {
			var c struct {
				IDToken string `json:"id_token"`
			}
			json.Unmarshal(claims, &c)
			parts := strings.Split(c.IDToken+"..", ".")
			inner, _ := base64.RawURLEncoding.DecodeString(parts[1])
			return flat(inner)
		}},
		{"betterauth", both, "new old", true, true, false, func(s ...string) ssestore.Legacy {
			return legacy.BetterAuth(cookie.Config{}, s...)
		}, func(claims []byte) (string, string) {
			var c struct{ User struct{ Name, Colour string } }
			json.Unmarshal(claims, &c)
			return c.User.Name, c.User.Colour
		}},
		{"ironsession", both, "new", true, true, true, func(s ...string) ssestore.Legacy {
			return legacy.IronSession(cookie.Config{Name: "app-session"}, legacy.DefaultIronTTL, s...)
		}, func(claims []byte) (string, string) {
			var c struct {
				User   struct{ ID string }
				Colour string
			}
			json.Unmarshal(claims, &c)
			return c.User.ID, c.Colour
		}},
		{"h3", both, "new", true, true, false, func(s ...string) ssestore.Legacy {
			return legacy.H3(cookie.Config{}, s...)
		}, func(claims []byte) (string, string) {
			var c struct{ Data json.RawMessage }
			json.Unmarshal(claims, &c)
			return data(c.Data)
		}},
		{"cookiesession", both, "", false, false, true, func(s ...string) ssestore.Legacy {
			l := legacy.CookieSession(cookie.Config{}, s...)
			l.Issued = switchOver
			return l
		}, data},
	}
}

// each runs a test for every system.
func each(t *testing.T, test func(t *testing.T, sys system)) {
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) { test(t, sys) })
	}
}

type user struct{ id, hash string }

var colour = ssestore.NewKey[string]("colour")

// A site is the new application.
type site struct {
	t        *testing.T
	store    *ssestore.Store
	handler  http.Handler
	guard    *middleware.Guard[*user]
	changed  time.Time // when every password changed
	outcomes []ssestore.Outcome
}

var ring = keyring.Generate()

// newSite is a site that takes over the sessions of a system. change may be nil.
func newSite(t *testing.T, sys system, change func(*ssestore.Legacy), secrets ...string) *site {
	t.Helper()
	l := sys.describe(secrets...)
	l.Until = time.Now().Add(time.Hour)
	l.Migrate = func(s *ssestore.Session, claims []byte) error {
		id, c := sys.user(claims)
		if id == "" {
			return errors.New("no user")
		}
		return errors.Join(colour.Set(s, c), s.Adopt(id))
	}
	if change != nil {
		change(&l)
	}
	x := &site{t: t}
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring, Legacy: []ssestore.Legacy{l}})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*user]{
		UserByID:        func(_ context.Context, id string) (*user, error) { return &user{id, "hash"}, nil },
		ID:              func(u *user) string { return u.id },
		Stamp:           func(u *user) string { return u.hash },
		PasswordChanged: func(*user) time.Time { return x.changed },
	})
	if err != nil {
		t.Fatal(err)
	}
	x.guard, err = middleware.New(x.store, accounts, middleware.Config{
		Log:       slog.New(slog.DiscardHandler),
		OnOutcome: func(_ *http.Request, o ssestore.Outcome, _ error) { x.outcomes = append(x.outcomes, o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	x.handler = x.guard.Handler(x.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
		if !ok {
			fmt.Fprint(w, "nobody")
			return
		}
		fmt.Fprintf(w, "%s %s", u.id, colour.Get(x.guard.Session(r)))
	}))
	return x
}

// visit sends a request with these cookies. It returns the page, the verdict and the
// Set-Cookie lines.
func (x *site) visit(cookies ...string) (page string, out ssestore.Outcome, lines []string) {
	x.t.Helper()
	r := httptest.NewRequest("GET", "https://app.example/", nil)
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	w := httptest.NewRecorder()
	x.outcomes = nil
	x.handler.ServeHTTP(w, r)
	if len(x.outcomes) != 1 {
		x.t.Fatalf("%d outcomes", len(x.outcomes))
	}
	return w.Body.String(), x.outcomes[0], w.Header().Values("Set-Cookie")
}

// refused fails the test unless these cookies log nobody in, the verdict is one of those
// wanted, and nothing is set or deleted.
func (x *site) refused(what string, cookies []string, want ...cookie.Reason) {
	x.t.Helper()
	page, out, lines := x.visit(cookies...)
	good := false
	for _, reason := range want {
		good = good || out.Refused == reason
	}
	if page != "nobody" || !good || len(lines) != 0 {
		x.t.Errorf("%s: %q, %v (%v), %q; want %v", what, page, out.Refused, out.NotMigrated, lines, want)
	}
}

// moved fails the test unless these cookies log ann in, are all deleted, and the new
// cookie alone logs her in from then on. It returns that cookie.
func (x *site) moved(what string, cookies []string) string {
	x.t.Helper()
	page, out, lines := x.visit(cookies...)
	if page != "ann teal" || !out.Migrated || out.Refused != cookie.ReasonNone {
		x.t.Fatalf("%s: %q, %v, %v, migrated %v", what, page, out.Refused, out.NotMigrated, out.Migrated)
	}
	own, gone := "", map[string]bool{}
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
			x.t.Fatalf("%s: %v", what, err)
		case c.Name == x.store.CookieName():
			own = c.Name + "=" + c.Value
		case c.MaxAge < 0:
			gone[c.Name] = true
		default:
			x.t.Errorf("%s: %s", what, line)
		}
	}
	for _, c := range cookies {
		if name, _, _ := strings.Cut(c, "="); !gone[name] {
			x.t.Errorf("%s: %s isn't deleted", what, name)
		}
	}
	if len(gone) != len(cookies) {
		x.t.Errorf("%s: %v deleted", what, gone)
	}
	if page, out, _ := x.visit(own); page != "ann teal" || out.Migrated {
		x.t.Errorf("%s: the new cookie: %q, %v", what, page, out.Refused)
	}
	return own
}
