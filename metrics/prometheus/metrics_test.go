package prommetrics_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	prommetrics "github.com/hardtack-go/hardtack/metrics/prometheus"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// series returns what is collected: every series that isn't 0, by its text form.
func series(t *testing.T, m *prommetrics.Metrics) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(m); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, x := range f.GetMetric() {
			name := f.GetName()
			for _, l := range x.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			value := x.GetCounter().GetValue() + x.GetGauge().GetValue()
			if h := x.GetHistogram(); h != nil {
				value = h.GetSampleSum()
			}
			if value != 0 {
				all[name] = value
			}
		}
	}
	return all
}

// TestE40_Observe: each part of an outcome, and each error, is counted under its name.
func TestE40_Observe(t *testing.T) {
	for _, row := range []struct {
		out  ssestore.Outcome
		err  error
		want string
	}{
		{ssestore.Outcome{}, nil, ""},
		{ssestore.Outcome{User: true}, nil, "responses verdict=none user=true"},
		{ssestore.Outcome{Refused: cookie.ReasonExpired}, nil, "responses verdict=expired"},
		{ssestore.Outcome{Refused: cookie.ReasonBadUserID}, nil, "responses verdict=bad-user-id"},
		{ssestore.Outcome{Refused: cookie.ReasonUnverified}, nil, "responses verdict=unverified"},
		{ssestore.Outcome{Refused: 200}, nil, "no response"}, // of a newer version
		{ssestore.Outcome{Bytes: 700}, nil, "writes changed, bytes"},
		{ssestore.Outcome{Bytes: 700, Renewed: true, Resealed: true, Restamped: true}, nil, "writes renewed, writes resealed, writes restamped, bytes"},
		{ssestore.Outcome{Bytes: 700, Migrated: true}, nil, "writes migrated, bytes"},
		{ssestore.Outcome{Deleted: true}, nil, "writes deleted"},
		{ssestore.Outcome{Skipped: errors.New("x")}, nil, "skipped"},
		{ssestore.Outcome{Deleted: true, Unpublished: errors.New("x")}, nil, "writes deleted, unpublished"},
		{ssestore.Outcome{Bytes: 700, OlderPrimary: true}, nil, "writes changed, bytes, older"},
		{ssestore.Outcome{}, auth.ErrNoUser, "errors login-required"},
		{ssestore.Outcome{}, auth.ErrNotStaff, "errors not-staff"},
		{ssestore.Outcome{}, fmt.Errorf("x: %w", auth.Forbidden("no")), "errors forbidden"},
		{ssestore.Outcome{}, errors.Join(auth.ErrUserStore, auth.ErrNoUser), "errors user-store"},
		{ssestore.Outcome{}, middleware.ErrCrossOrigin, "errors cross-origin"},
		{ssestore.Outcome{}, middleware.ErrTooEarly, "errors too-early"},
		{ssestore.Outcome{}, middleware.ErrMethod, "errors method"},
		{ssestore.Outcome{}, middleware.ErrIdentity, "errors bad-identity"},
		{ssestore.Outcome{}, cookie.ErrNoPrimary, "errors no-primary"},
		{ssestore.Outcome{}, &cookie.SizeError{}, "errors too-large"},
		{ssestore.Outcome{}, middleware.ErrBypassed, "errors mistake"},
		{ssestore.Outcome{}, middleware.ErrDropped, "errors mistake"},
		{ssestore.Outcome{}, middleware.ErrNested, "errors mistake"},
		{ssestore.Outcome{}, middleware.ErrUncommitted, "errors mistake"},
		{ssestore.Outcome{}, ssestore.ErrNoSession, "errors mistake"},
		{ssestore.Outcome{}, ssestore.ErrCommitted, "errors mistake"},
		{ssestore.Outcome{}, middleware.ErrNoMarks, "errors mistake"},
		{ssestore.Outcome{}, ssestore.ErrReadOnly, "errors mistake"},
		{ssestore.Outcome{}, errors.New("x"), "errors other"},
	} {
		m := prommetrics.New(nil)
		m.Observe(row.out, row.err)
		got := series(t, m)
		want := map[string]float64{"hardtack_responses_total user=false verdict=none": 1}
		if row.want != "" {
			for what := range strings.SplitSeq(row.want, ", ") {
				kind, label, _ := strings.Cut(what, " ")
				switch kind {
				case "responses":
					clear(want)
					verdict, user, _ := strings.Cut(label, " ")
					if user == "" {
						user = "user=false"
					}
					want["hardtack_responses_total "+user+" "+verdict] = 1
				case "no":
					clear(want)
				case "writes":
					want["hardtack_writes_total cause="+label] = 1
				case "bytes":
					want["hardtack_cookie_bytes"] = 700
				case "errors":
					want["hardtack_errors_total error="+label] = 1
				case "unpublished":
					want["hardtack_unpublished_total"] = 1
				case "skipped":
					want["hardtack_skipped_writes_total"] = 1
				case "older":
					want["hardtack_older_primary_total"] = 1
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v, %v:\n got %v\nwant %v", row.out, row.err, got, want)
		}
	}
	m := prommetrics.New(nil)
	m.Login()
	m.Login()
	m.Logout()
	if got := series(t, m); len(got) != 2 || got["hardtack_logins_total"] != 2 || got["hardtack_logouts_total"] != 1 {
		t.Errorf("two logins and a logout: %v", got)
	}
}

// TestE40_Lint: names, types and help texts are as Prometheus wants them.
func TestE40_Lint(t *testing.T) {
	m := prommetrics.New(keyring.Generate())
	problems, err := testutil.CollectAndLint(m)
	if err != nil || len(problems) != 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestE40_NoAllocations: counting costs a request no memory.
func TestE40_NoAllocations(t *testing.T) {
	m := prommetrics.New(keyring.Generate())
	refused := fmt.Errorf("x: %w", auth.Forbidden("no"))
	out := ssestore.Outcome{User: true, Renewed: true, Resealed: true, Bytes: 700}
	for name, f := range map[string]func(){
		"a read":       func() { m.Observe(ssestore.Outcome{}, nil) },
		"a write":      func() { m.Observe(out, nil) },
		"an error":     func() { m.Observe(out, auth.ErrUserStore) },
		"a refusal":    func() { m.Observe(out, refused) },
		"other errors": func() { m.Observe(out, http.ErrAbortHandler) },
		"a login":      m.Login,
		"a logout":     m.Logout,
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestE40_Nil: nil metrics can be used like others.
func TestE40_Nil(t *testing.T) {
	var m *prommetrics.Metrics
	m.Observe(ssestore.Outcome{}, nil)
	m.Login()
	m.Logout()
	if got := testutil.CollectAndCount(m); got != 0 {
		t.Errorf("%d series", got)
	}
	descriptions := make(chan *prometheus.Desc, 1)
	m.Describe(descriptions)
	if len(descriptions) != 0 {
		t.Error("descriptions of nothing")
	}
}

// instance is one process of a fleet.
type instance struct {
	keys  *keyring.Holder
	store *ssestore.Store
	m     *prommetrics.Metrics
}

// visit is a request: a login if there's no cookie yet.
func (i *instance) visit(t *testing.T, cookies []string) []string {
	t.Helper()
	s := i.store.Load(cookies, time.Now())
	p := s.Principal()
	if p.Identity().ID == "" {
		stamp, err := p.Stamp("42", "hash")
		if err := errors.Join(err, p.Begin("42", stamp, nil)); err != nil {
			t.Fatal(err)
		}
		i.m.Login()
	} else if err := p.Confirm(p.Identity(), ssestore.Stamp{}); err != nil {
		t.Fatal(err)
	}
	out, err := s.Commit(http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	i.m.Observe(out, err)
	if len(out.SetCookie) > 0 {
		value, _, _ := strings.Cut(out.SetCookie[0], ";")
		return []string{value}
	}
	return cookies
}

// TestE41_MayAKeyGo: over a rotation of three instances, the metrics say when nothing
// has been opened under the old key for longer than a session can live.
func TestE41_MayAKeyGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const life = 12 * time.Hour // ssestore.DefaultAbsolute
		old, next := keyring.NewKey(), keyring.NewKey()
		ring := func(keys ...keyring.Key) *keyring.Keyring {
			r, err := keyring.New(keys...)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		// Each process has its own counters, so each parses the keys anew.
		parsed := func(r *keyring.Keyring) *keyring.Keyring {
			own, err := keyring.Parse(string(r.JWKSet()))
			if err != nil {
				t.Fatal(err)
			}
			return own
		}
		var fleet []*instance
		for range 3 {
			i := &instance{keys: new(keyring.Holder)}
			i.keys.Set(parsed(ring(old)))
			store, err := ssestore.New(ssestore.Config{Keys: i.keys})
			if err != nil {
				t.Fatal(err)
			}
			i.store, i.m = store, prommetrics.New(i.keys)
			fleet = append(fleet, i)
		}
		// last is max by (kid) (hardtack_key_last_open_timestamp_seconds).
		last := func(k keyring.Key) (at float64) {
			for _, i := range fleet {
				at = max(at, series(t, i.m)["hardtack_key_last_open_timestamp_seconds kid="+k.ID()])
			}
			return at
		}
		mayGo := func(k keyring.Key) bool { return float64(time.Now().Unix())-last(k) > life.Seconds() }

		var users [][]string
		for n := range 6 {
			users = append(users, fleet[n%3].visit(t, nil))
		}
		round := func() {
			for n := range users {
				users[n] = fleet[(n+1)%3].visit(t, users[n])
			}
		}
		round()
		if mayGo(old) || last(old) == 0 {
			t.Error("the only key may go")
		}
		for _, step := range []*keyring.Keyring{ring(old, next), ring(next, old)} {
			for _, i := range fleet {
				i.keys.Set(parsed(step)) // at different times in a real fleet
				time.Sleep(time.Minute)
				round()
			}
		}
		primary := 0.0
		for _, i := range fleet {
			primary += series(t, i.m)["hardtack_key_primary kid="+next.ID()]
		}
		if primary != 3 {
			t.Errorf("%v instances seal with the new key", primary)
		}
		for range 3 * 6 { // three hours, in which everybody comes back
			time.Sleep(10 * time.Minute)
			round()
		}
		if mayGo(old) || mayGo(next) {
			t.Error("a key may go that has just been used")
		}
		seen := last(old)
		for n := range 14 * 6 {
			time.Sleep(10 * time.Minute)
			for u := range users {
				users[u] = fleet[(n+u)%3].visit(t, users[u]) // those that end log in again
			}
		}
		if last(old) != seen || !mayGo(old) || mayGo(next) {
			t.Errorf("after a session's life: the old key was last used at %v, then %v; may go: old %v, new %v", seen, last(old), mayGo(old), mayGo(next))
		}
	})
}

// TestE40_Dashboard: the dashboard asks for nothing that isn't collected.
func TestE40_Dashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || len(board.Panels) < 6 {
		t.Fatalf("%v, %d panels", err, len(board.Panels))
	}
	m := prommetrics.New(keyring.Generate())
	descriptions := make(chan *prometheus.Desc, 100)
	m.Describe(descriptions)
	close(descriptions)
	known := map[string]bool{}
	for d := range descriptions {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		known[name], known[name+"_bucket"] = true, true
	}
	asked := map[string]bool{}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 || p.Title == "" {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`hardtack_[a-z_]+`).FindAllString(target.Expr, -1) {
				asked[name] = true
				if !known[name] {
					t.Errorf("panel %q asks for %s", p.Title, name)
				}
			}
		}
	}
	if len(asked) < 8 {
		t.Errorf("the dashboard asks only for %v", asked)
	}
}

// TestE40_TwoStores: a registry takes one Metrics, or several under labels.
func TestE40_TwoStores(t *testing.T) {
	keys := keyring.Generate()
	one, two := prommetrics.New(keys), prommetrics.New(keys)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(one)
	for _, another := range []*prommetrics.Metrics{one, two} {
		if reg.Register(another) == nil {
			t.Error("registered twice")
		}
	}
	reg = prometheus.NewPedanticRegistry()
	prometheus.WrapRegistererWith(prometheus.Labels{"store": "customers"}, reg).MustRegister(one)
	prometheus.WrapRegistererWith(prometheus.Labels{"store": "staff"}, reg).MustRegister(two)
	if got, err := reg.Gather(); err != nil || len(got) == 0 {
		t.Errorf("%d metrics, %v", len(got), err)
	}
}
