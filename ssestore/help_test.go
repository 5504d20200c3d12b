package ssestore_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The tests of this package are requests: Cookie lines go in, an Outcome comes
// out, and a browser keeps what it says.

// t0 is the time of the first request of every test, from the example of S8.1.
var t0 = time.Unix(1_700_000_000, 0).UTC()

func after(d time.Duration) time.Time { return t0.Add(d) }

var (
	note  = ssestore.NewKey[string]("note")
	count = ssestore.NewKey[int]("count")
	flash = ssestore.NewKey[[]string]("flash")
)

const (
	sessionName = "__Host-session"
	barrierName = "__Host-session-ended"
	day         = 24 * time.Hour
)

func kid(n int) string { return fmt.Sprintf("test%02dA", n) }

// ring makes a keyring of numbered keys, the primary first. A higher number is a
// newer key.
func ring(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	var keys []string
	for _, n := range numbers {
		k := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(string(rune('a'+n)), 32)))
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":%d}`, kid(n), k, n*1000))
	}
	r, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// config changes the configuration that newStore starts from.
type config func(*ssestore.Config)

func newStore(t testing.TB, c codec, keys keyring.Source, changes ...config) *ssestore.Store {
	t.Helper()
	cfg := ssestore.Config{Keys: keys, Format: c.new}
	for _, f := range changes {
		f(&cfg)
	}
	s, err := ssestore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// browser keeps cookies by name. Value and name are all that it sends.
type browser map[string]string

func (b browser) lines() []string {
	var pairs []string
	for name, value := range b {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	if pairs == nil {
		return nil
	}
	return []string{strings.Join(pairs, "; ")}
}

func (b browser) copy() browser {
	c := browser{}
	for name, value := range b {
		c[name] = value
	}
	return c
}

// keep does what the Set-Cookie lines say.
func (b browser) keep(t testing.TB, out ssestore.Outcome) {
	t.Helper()
	seen := map[string]bool{}
	for _, line := range out.SetCookie {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Valid() != nil {
			t.Fatalf("net/http cannot read %q: %v", line, err)
		}
		if seen[c.Name] { // C4
			t.Errorf("two Set-Cookie lines for %s", c.Name)
		}
		seen[c.Name] = true
		if c.MaxAge < 0 {
			delete(b, c.Name)
		} else {
			b[c.Name] = c.Value
		}
	}
}

// visit is one request. do may be nil.
func (b browser) visit(t testing.TB, store *ssestore.Store, now time.Time, do func(s *ssestore.Session)) ssestore.Outcome {
	t.Helper()
	return b.visitStatus(t, store, now, 200, do)
}

func (b browser) visitStatus(t testing.TB, store *ssestore.Store, now time.Time, status int, do func(s *ssestore.Session)) ssestore.Outcome {
	t.Helper()
	s := store.Load(b.lines(), now)
	if do != nil {
		do(s)
	}
	out, err := s.Commit(status)
	if err != nil {
		t.Errorf("Commit: %v", err)
	}
	b.keep(t, out)
	return out
}

// The things that handlers do in these tests.

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func set(t testing.TB, v string) func(*ssestore.Session) {
	return func(s *ssestore.Session) { must(t, note.Set(s, v)) }
}

func read(s *ssestore.Session) { note.Get(s) }

const hash = "$argon2id$v=19$the hash"

func login(t testing.TB, s *ssestore.Session, id string) {
	t.Helper()
	st, err := s.Principal().Stamp(id, hash)
	must(t, err)
	must(t, s.Principal().Begin(id, st, nil))
}

// stampUnder returns the stamp of a user with hash, made under the n-th key.
func stampUnder(t testing.TB, n int, id string) ssestore.Stamp {
	t.Helper()
	st, err := newStore(t, codecs[0], ring(t, n)).Load(nil, t0).Principal().Stamp(id, hash)
	must(t, err)
	return st
}

// confirm and refuse are verdicts about whoever is logged in now.
func confirm(s *ssestore.Session, fresh ssestore.Stamp) error {
	return s.Principal().Confirm(s.Principal().Identity(), fresh)
}

func refuse(s *ssestore.Session, reason cookie.Reason) error {
	return s.Principal().Refuse(s.Principal().Identity(), reason)
}

// whoami does what auth.GetUser does, for users that all have the same field.
func whoami(t testing.TB, s *ssestore.Session, field string) string {
	t.Helper()
	id := s.Principal().Identity()
	switch {
	case id.ID == "":
		return ""
	case id.Adopted:
		fresh, err := s.Principal().Stamp(id.ID, field)
		must(t, err)
		confirm(s, fresh)
		return id.ID
	case id.Stamp.KeyID == "":
		refuse(s, cookie.ReasonStampMissing)
		return ""
	}
	age, ok, err := s.Principal().Check(id.Stamp, id.ID, field)
	if err != nil {
		s.Principal().Note(id, cookie.ReasonStampUnknownKey)
		return ""
	}
	if !ok {
		refuse(s, cookie.ReasonStampMismatch)
		return ""
	}
	fresh := ssestore.Stamp{}
	if age < 0 {
		fresh, err = s.Principal().Stamp(id.ID, field)
		must(t, err)
	}
	confirm(s, fresh)
	return id.ID
}

// Expectations.

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// lineOf returns the Set-Cookie line of a cookie, "" if there is none.
func lineOf(out ssestore.Outcome, name string) string {
	for _, l := range out.SetCookie {
		if strings.HasPrefix(l, name+"=") {
			return l
		}
	}
	return ""
}

// did says in one word what happened to the session cookie.
func did(out ssestore.Outcome) string {
	switch l := lineOf(out, sessionName); {
	case l == "":
		return "nothing"
	case strings.HasPrefix(l, sessionName+"=;"):
		return "deleted"
	default:
		return "written"
	}
}

func silent(t testing.TB, out ssestore.Outcome) {
	t.Helper()
	if len(out.SetCookie) != 0 {
		t.Errorf("Set-Cookie: %q, want none", out.SetCookie)
	}
}

// peek loads what the browser has, without a visit.
func (b browser) peek(store *ssestore.Store, now time.Time) *ssestore.Session {
	return store.Load(b.lines(), now)
}

// visited returns a browser that has the session which do makes at t0.
func visited(t testing.TB, store *ssestore.Store, do func(s *ssestore.Session)) browser {
	t.Helper()
	b := browser{}
	out := b.visit(t, store, t0, do)
	same(t, "the first visit", did(out), "written")
	return b
}

func decode64(t testing.TB, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// holder is a Source whose ring changes, and which can be told to find another
// when it is asked to refresh.
type holder struct {
	keyring.Holder
	next      *keyring.Keyring // for Refresh
	refreshes int
}

func (h *holder) set(r *keyring.Keyring) { h.Holder.Set(r) }

func (h *holder) Refresh(now time.Time) *keyring.Keyring {
	h.refreshes++
	if h.next != nil {
		h.Holder.Set(h.next)
	}
	return h.At(now)
}

func encode64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
