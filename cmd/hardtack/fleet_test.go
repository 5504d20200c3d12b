package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// wellInstance is the status of an instance with nothing wrong.
func wellInstance(instance string) fleet.Status {
	return fleet.Status{
		Application: "shop", Instance: instance, Now: time.Now(), Ready: true,
		Engine: fleet.EngineLive, NewsAge: 0.4, Sequence: 12, Marks: 118,
		Keys: []fleet.KeyStatus{{ID: "AAAAAAA", Phase: fleet.PhaseNext}, {ID: "BBBBBBB", Phase: fleet.PhasePrimary}},
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestY90_FleetStatus: a fleet that is well exits with 0, and each thing that is wrong
// with one of three instances is said and exits with 1.
func TestY90_FleetStatus(t *testing.T) {
	for _, row := range []struct {
		name  string
		wrong func(s *fleet.Status)
		says  string
	}{
		{"well", func(*fleet.Status) {}, ""},
		{"not ready", func(s *fleet.Status) { s.Ready = false }, "isn't ready"},
		{"off", func(s *fleet.Status) { s.Engine = fleet.EngineOff }, "doesn't take part"},
		{"opening", func(s *fleet.Status) { s.Engine = fleet.EngineOpening }, "hears nothing"},
		{"silent", func(s *fleet.Status) { s.Engine = fleet.EngineSilent }, "hears nothing"},
		{"stale", func(s *fleet.Status) { s.Stale = true }, "older than its policy"},
		{"clock", func(s *fleet.Status) { s.ClockOff = true }, "another time"},
		{"behind", func(s *fleet.Status) { s.Sequence = 11 }, "has ring 11, and the newest is 12"},
		{"forged ring", func(s *fleet.Status) { s.Counters.RefusedRings = 1 }, "has refused 1 value not sealed"},
		{"forged mark", func(s *fleet.Status) { s.Counters.RefusedMarks = 2 }, "has refused 2 values not sealed"},
		{"forged beat", func(s *fleet.Status) { s.Counters.RefusedBeats = 2 }, "has refused 2 values not sealed"},
		{"foreign", func(s *fleet.Status) { s.Application = "blog" }, "another application"},
		{"twice", func(s *fleet.Status) { s.Instance = "one" }, "came twice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			second := wellInstance("two")
			row.wrong(&second)
			all := []fleet.Status{wellInstance("one"), second, wellInstance("three")}
			for form, text := range map[string]string{
				"a list":      asJSON(t, all),
				"a list each": asJSON(t, all[:1]) + "\n" + asJSON(t, all[1:]),
				"one by one":  asJSON(t, all[0]) + asJSON(t, all[1]) + "\n" + asJSON(t, all[2]),
			} {
				got := call(text, "fleet", "status")
				if want := 0; row.says != "" {
					want = 1
					if !strings.Contains(got.out, second.Instance+" ") || !strings.Contains(got.out, row.says) {
						t.Errorf("%s: no %q in\n%s", form, row.says, got.out)
					}
					if got.code != want {
						t.Errorf("%s: exit status %d", form, got.code)
					}
				} else if got.code != want || !strings.Contains(got.out, "shop: well") || !strings.Contains(got.out, "BBBBBBB") || !strings.Contains(got.out, "118") {
					t.Errorf("%s: exit status %d\n%s", form, got.code, got.out)
				}
			}
		})
	}
}

// TestY91_FleetStatusByURL: each URL is asked, and one that doesn't answer hides none of
// the others.
func TestY91_FleetStatusByURL(t *testing.T) {
	show := func(s fleet.Status) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(s)
		}))
		t.Cleanup(srv.Close)
		return srv.URL + "/ops/fleet?token=hunter2"
	}
	one, two := show(wellInstance("one")), show(wellInstance("two"))
	if got := call("", "fleet", "status", one, two); got.code != 0 || !strings.Contains(got.out, "two") {
		t.Errorf("exit status %d\n%s%s", got.code, got.out, got.diag)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host is asked, with the Referer %q", r.Referer())
	}))
	defer elsewhere.Close()
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer moved.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for space := bytes.Repeat([]byte(" "), 4096); r.Context().Err() == nil; {
			w.Write(space)
		}
	}))
	defer endless.Close()
	// A busy machine may take seconds to answer, and the silent server never does. So that
	// one alone is asked in a hurry.
	for _, bad := range []struct{ url, alone, beside, says string }{
		{gone.URL, "1m", "1m", "status 404"},
		{moved.URL + "/?token=hunter2", "1m", "1m", "status 302"},
		{closed.URL + "/?token=hunter2", "1m", "1m", "refused"},
		{silent.URL + "/?token=hunter2", "10ms", "5s", "exceeded"},
		{endless.URL, "1m", "1m", "isn't the JSON"},
	} {
		_, host, _ := strings.Cut(strings.TrimSuffix(bad.url, "/?token=hunter2"), "://")
		for shows, urls := range map[string][]string{"  one ": {one, bad.url}, "no instance answered\n": {bad.url}} {
			timeout := bad.alone
			if len(urls) > 1 {
				timeout = bad.beside
			}
			got := call("", append([]string{"fleet", "status", "--timeout", timeout}, urls...)...)
			if got.code != 1 || !strings.Contains(got.out, shows) || !strings.Contains(got.out, "\n"+host+" ") || !strings.Contains(got.out, bad.says) {
				t.Errorf("exit status %d\n%s%s", got.code, got.out, got.diag)
			}
			if strings.Contains(got.out+got.diag, "hunter2") {
				t.Errorf("the query of the URL was printed:\n%s%s", got.out, got.diag)
			}
		}
	}
}

// TestY92_FleetStatusInput: what isn't a status is refused without being repeated, and
// what a terminal obeys isn't printed.
func TestY92_FleetStatusInput(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", "null", "7", "hunter2", `{"application":"hunter2"}`, `[{"application":7}]`, asJSON(t, wellInstance("one")) + "hunter2"} {
		got := call(text, "fleet", "status")
		if got.code != 1 || !strings.Contains(got.diag, "isn't the JSON") || strings.Contains(got.out+got.diag, "hunter2") {
			t.Errorf("%.20q: exit status %d, %s%s", text, got.code, got.out, got.diag)
		}
	}
	s := wellInstance("one")
	s.Fault, s.FaultAt = "\x1b[2J", time.Now()
	s.Application = "shop\x1b[2J"
	if got := call(asJSON(t, s), "fleet", "status"); got.code != 0 || strings.Contains(got.out, "\x1b") {
		t.Errorf("exit status %d, %q", got.code, got.out)
	}
	for _, bad := range []string{"ftp://x", "://", "http://", "http://u:hunter2@x"} {
		if got := call("", "fleet", "status", bad); got.code != 2 || strings.Contains(got.diag, "hunter2") {
			t.Errorf("exit status %d, %s", got.code, got.diag)
		}
	}
}
