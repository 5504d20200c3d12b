package e2e_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// slowSite is a small application of its own, whose /slow answers when the test
// says so: what it read or wrote in the session was decided before.
type slowSite struct {
	*httptest.Server
	ahead    atomic.Int64 // how far its clock is ahead, in seconds
	secret   atomic.Int64 // the number of everybody's password
	requests atomic.Int64

	arrived, landed chan string // the ids of slow requests: worked out; and in the browser
	mu              sync.Mutex
	gates           map[string]chan struct{}
	outcomes        map[string]ssestore.Outcome // the last one for each path
}

// The values in its sessions. Two, for two writers.
var (
	slowNote  = ssestore.NewKey[string]("note")
	otherNote = ssestore.NewKey[string]("other")
)

type member struct{ id string }

func startSlow(t *testing.T, skipBarrier bool) *slowSite {
	t.Helper()
	s := &slowSite{arrived: make(chan string, 10), landed: make(chan string, 10),
		gates: map[string]chan struct{}{}, outcomes: map[string]ssestore.Outcome{}}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), DangerouslySkipBarrier: skipBarrier})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*member]{
		UserByID: func(_ context.Context, id string) (*member, error) { return &member{id}, nil },
		ID:       func(m *member) string { return m.id },
		Stamp:    func(m *member) string { return fmt.Sprint("password ", s.secret.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load()) * time.Second) },
		OnOutcome: func(r *http.Request, out ssestore.Outcome, err error) {
			if err != nil {
				t.Errorf("%s: %v", r.URL.Path, err)
			}
			s.mu.Lock()
			s.outcomes[r.URL.Path] = out
			s.mu.Unlock()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	inner := http.NewServeMux()
	page := func(w io.Writer, text string) {
		fmt.Fprintf(w, `<!doctype html><link rel=icon href="data:,"><p id=text>%s</p>`, html.EscapeString(text))
		for id, action := range map[string]string{"ann": "login?id=ann", "bob": "login?id=bob", "logout": "logout", "password": "password", "set": "set"} {
			fmt.Fprintf(w, `<form method=post action="/%s"><button id=%s>%[2]s</button></form>`, action, id)
		}
	}
	do := func(f func(r *http.Request, session *ssestore.Session) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := f(r, middleware.Session(r)); err != nil {
				t.Errorf("%s: %v", r.URL.Path, err)
			}
			http.Redirect(w, r, "/plain", http.StatusSeeOther) // a page without a session
		}
	}
	inner.Handle("GET /who", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, m *member, ok bool) {
		if ok {
			page(w, m.id)
		} else {
			page(w, "")
		}
	}))
	inner.HandleFunc("GET /note", func(w http.ResponseWriter, r *http.Request) {
		session := middleware.Session(r)
		page(w, slowNote.Get(session)+otherNote.Get(session))
	})
	inner.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { page(w, "plain") })
	inner.HandleFunc("POST /login", do(func(r *http.Request, session *ssestore.Session) error {
		err := accounts.Login(r.Context(), session, &member{r.URL.Query().Get("id")})
		if err == nil && r.URL.Query().Get("id") == "ann" {
			err = slowNote.Set(session, "before")
		}
		return err
	}))
	inner.Handle("POST /logout", guard.LogoutHandler("/plain"))
	inner.HandleFunc("POST /password", do(func(r *http.Request, session *ssestore.Session) error {
		m, err := accounts.GetUser(r.Context(), session)
		if err != nil {
			return err
		}
		s.secret.Add(1)
		return accounts.RefreshStamp(r.Context(), session, m)
	}))
	inner.HandleFunc("POST /set", do(func(_ *http.Request, session *ssestore.Session) error { return slowNote.Set(session, "set") }))
	inner.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		session, id := middleware.Session(r), r.URL.Query().Get("id")
		if _, err := accounts.GetUser(r.Context(), session); err != nil && r.URL.Query().Get("do") != "new" {
			t.Errorf("slow: %v", err)
		}
		var err error
		switch r.URL.Query().Get("do") {
		case "write", "new":
			err = slowNote.Set(session, "late")
		case "other":
			err = otherNote.Set(session, "other")
		}
		if err != nil {
			t.Errorf("slow: %v", err)
		}
		s.arrived <- id
		select {
		case <-s.gate(id):
		case <-t.Context().Done():
		}
		// The page says when it is there, and with it its cookies.
		fmt.Fprintf(w, `<!doctype html><link rel=icon href="data:,"><script>fetch("/landed?id=%s")</script>`, id)
	})
	outer := http.NewServeMux()
	outer.Handle("/", guard.Handler(inner))
	outer.HandleFunc("GET /landed", func(w http.ResponseWriter, r *http.Request) { s.landed <- r.URL.Query().Get("id") })
	outer.HandleFunc("GET /forget", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"__Host-session", "__Host-session-ended"} {
			w.Header().Add("Set-Cookie", name+"=; Path=/; Secure; HttpOnly; Max-Age=0")
		}
		page(w, "")
	})
	s.Server = httptest.NewServer(outer)
	t.Cleanup(s.Close)
	return s
}

// gate is what a slow request waits at.
func (s *slowSite) gate(id string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[id] == nil {
		s.gates[id] = make(chan struct{})
	}
	return s.gates[id]
}

func (s *slowSite) outcome(path string) ssestore.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outcomes[path]
}

func (s *slowSite) wait(t *testing.T, from chan string, id string) {
	t.Helper()
	select {
	case got := <-from:
		if got != id {
			t.Fatalf("request %s came instead of %s", got, id)
		}
	case <-time.After(patience):
		t.Fatalf("request %s does not come", id)
	}
}

// flight starts a slow request in a tab and returns when it has been worked
// out. land lets its answer go and returns when the browser has it.
func (s *slowSite) flight(t *testing.T, tab *browserTab, do string, navigate bool) (land func()) {
	t.Helper()
	id := fmt.Sprint(s.requests.Add(1))
	url := quoteJS("/slow?do=" + do + "&id=" + id)
	if navigate {
		// Later, so that the evaluation has ended before its page goes away.
		eval[bool](tab, `setTimeout(() => location.href = `+url+`, 50) > 0`)
	} else {
		eval[bool](tab, `(window["flying`+id+`"] = fetch(`+url+`).then(r => r.text())) != null`)
	}
	s.wait(t, s.arrived, id)
	return func() {
		t.Helper()
		close(s.gate(id))
		if navigate {
			s.wait(t, s.landed, id)
		} else {
			eval[string](tab, `window["flying`+id+`"]`)
		}
	}
}

// reads is the text of a page.
func (b *browserTab) reads(path string) string {
	b.t.Helper()
	b.open(path)
	return eval[string](b, `document.querySelector("#text").textContent`)
}

// A late response, a page or a fetch, renews a session or writes to it, and
// arrives after a logout, another login or a new password. With the barrier
// nothing comes back; without it the old session does, which shows that the
// test would notice.
func TestBarrierLateResponse(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	for _, skip := range []bool{false, true} {
		s := startSlow(t, skip)
		b := openBrowser(t, localhost(t, s.URL))
		other := b.newTab()
		for _, action := range []string{"logout", "bob", "password"} {
			for _, late := range []struct {
				name, do string
				navigate bool
			}{{"renewal by a fetch", "read", false}, {"write by a fetch", "write", false},
				{"renewal by a page", "read", true}, {"write by a page", "write", true}} {
				if skip && late.navigate {
					continue // that the test can fail needs no more showing
				}
				t.Run(fmt.Sprintf("barrier %v/%s/%s", !skip, action, late.name), func(t *testing.T) {
					b.open("/forget")
					b.click("#ann")
					other.open("/plain")
					s.ahead.Add(600) // a renewal is due
					land := s.flight(t, other, late.do, late.navigate)
					b.click("#" + action)
					land()
					if out := s.outcome("/slow"); len(out.SetCookie) != 1 || !out.Renewed {
						t.Errorf("the late response wrote %d cookies, renewed %v: this proves nothing", len(out.SetCookie), out.Renewed)
					}

					note := b.reads("/note")
					verdict := s.outcome("/note").Refused
					who := b.reads("/who")
					switch {
					case action == "password": // the stamp's work, with and without the barrier
						if refused := s.outcome("/who").Refused; who != "" || refused != cookie.ReasonStampMismatch {
							t.Errorf("after a new password: user %q, verdict %v", who, refused)
						}
					case !skip && (note != "" || who != "" || verdict != cookie.ReasonEnded):
						t.Errorf("revived: note %q, user %q, verdict %v", note, who, verdict)
					case skip && note != map[string]string{"read": "before", "write": "late"}[late.do]:
						t.Errorf("without the barrier the note is %q", note)
					case skip && who != "ann":
						t.Errorf("without the barrier the user is %q", who)
					}
				})
			}
		}
	}
}

// A request that writes on top of an ended session is reported, and what it
// writes is a new session, without a user.
func TestBarrierReportsAWriteOnAnEndedSession(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	s := startSlow(t, false)
	b := openBrowser(t, localhost(t, s.URL))
	b.open("/plain")
	b.click("#ann")
	other := b.newTab()
	other.open("/plain")
	land := s.flight(t, other, "write", false)
	b.click("#logout")
	land()
	b.click("#set")
	if out := s.outcome("/set"); out.Refused != cookie.ReasonEnded || len(out.SetCookie) != 1 {
		t.Errorf("the write is reported as %v with %d cookies", out.Refused, len(out.SetCookie))
	}
	if note, who := b.reads("/note"), b.reads("/who"); note != "set" || who != "" {
		t.Errorf("then the note is %q, the user %q", note, who)
	}
	if out := s.outcome("/who"); out.Refused != cookie.ReasonNone {
		t.Errorf("the new session is refused: %v", out.Refused)
	}
}

// What docs/THREATS.md says about two requests at once.
func TestTwoWriters(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	s := startSlow(t, false)
	b := openBrowser(t, localhost(t, s.URL))
	other := b.newTab()
	begin := func() {
		b.open("/forget")
		b.click("#ann")
		other.open("/plain")
	}
	t.Run("the last one wins", func(t *testing.T) {
		begin()
		first := s.flight(t, other, "write", false)
		second := s.flight(t, other, "other", false)
		first()
		second()
		if note := b.reads("/note"); note != "beforeother" {
			t.Errorf("the note is %q", note)
		}
	})
	t.Run("in whatever order they arrive", func(t *testing.T) {
		begin()
		first := s.flight(t, other, "write", false)
		second := s.flight(t, other, "other", false)
		second()
		first()
		if note := b.reads("/note"); note != "late" {
			t.Errorf("the note is %q", note)
		}
	})
	for _, navigate := range []bool{false, true} {
		t.Run(fmt.Sprintf("a reader overwrites nothing/page %v", navigate), func(t *testing.T) {
			begin()
			reader := s.flight(t, other, "read", navigate)
			b.click("#set")
			reader()
			if note := b.reads("/note"); note != "set" || len(s.outcome("/slow").SetCookie) != 0 {
				t.Errorf("the note is %q", note)
			}
		})
	}
	t.Run("but one with a due renewal does", func(t *testing.T) {
		begin()
		s.ahead.Add(600)
		reader := s.flight(t, other, "read", false)
		b.click("#set")
		reader()
		if note := b.reads("/note"); note != "before" {
			t.Errorf("the note is %q", note)
		}
	})
	t.Run("a first write without a session ends a login, and gives nobody's", func(t *testing.T) {
		b.open("/forget")
		other.open("/plain")
		late := s.flight(t, other, "new", false)
		b.click("#ann")
		late()
		if note, who := b.reads("/note"), b.reads("/who"); note != "late" || who != "" {
			t.Errorf("the note is %q, the user %q", note, who)
		}
	})
}
