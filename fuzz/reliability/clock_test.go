package reliability_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// expiry adds a page that says when the session ends whatever happens, in Unix
// seconds, or 0 for nobody.
func expiry(in *instance) {
	in.mux.HandleFunc("GET /expires", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		_, err := in.accounts.GetUser(r.Context(), s)
		if err != nil {
			fmt.Fprint(w, 0)
			return
		}
		fmt.Fprint(w, s.Info().Expires.Unix())
	})
}

// TestR7_Skew: the clocks of a fleet are up to 60 s apart, and nobody is logged
// out by that, from the login to the absolute end, on page loads that renew.
func TestR7_Skew(t *testing.T) {
	clock, keys := newClock(), ring(t, 1)
	var refused [100]int
	fleet := func(skews ...time.Duration) []*instance {
		var all []*instance
		for _, d := range skews {
			in := newInstance(t, options{keys: keys, now: clock.skewed(d), outcome: func(_ *http.Request, o ssestore.Outcome, _ error) { refused[o.Refused]++ }})
			expiry(in)
			all = append(all, in)
		}
		return all
	}
	random := rand.New(rand.NewPCG(7, 7))
	for name, skews := range map[string][]time.Duration{
		"60 s behind the one that issues": {0, -60 * time.Second},
		"60 s ahead of it":                {0, 60 * time.Second},
		"spread over 60 s":                {0, -30 * time.Second, -15 * time.Second, 10 * time.Second, 30 * time.Second},
	} {
		all := fleet(skews...)
		requests, logouts := 0, 0
		for i := range size(20, 200) {
			c := newClient(t)
			id := fmt.Sprint("user", i)
			c.at(all[0]).must(t, "POST", "/login?id="+id)
			began := clock.now()
			for clock.now().Sub(began) < 12*time.Hour-61*time.Second {
				r := c.at(all[random.IntN(len(all))]).must(t, "GET", "/who", navigation...)
				requests++
				if r.body != id {
					logouts++
				}
				// A session lives for 5/6 of the idle time after its last use at
				// least, and the skew comes off that: 25 minutes less one or two.
				clock.advance(time.Duration(random.IntN(23*60)) * time.Second * time.Duration(random.IntN(2)))
			}
		}
		t.Logf("R7: clocks %s: %d requests, %d unexpected logouts", name, requests, logouts)
		if logouts != 0 {
			t.Errorf("%s: %d logouts", name, logouts)
		}
	}
	if refused[cookie.ReasonFuture] != 0 || refused[cookie.ReasonExpired] != 0 {
		t.Errorf("verdicts: %d from the future, %d expired", refused[cookie.ReasonFuture], refused[cookie.ReasonExpired])
	}

	// Further apart it shows, so that the row can fail; but nothing is deleted,
	// and the session is good again when that clock has come so far.
	all := fleet(60*time.Second, -60*time.Second)
	c := newClient(t)
	c.at(all[0]).must(t, "POST", "/login?id=ann")
	early := c.at(all[1]).must(t, "GET", "/who", navigation...)
	set, _ := early.setCookies()
	clock.advance(time.Minute)
	late := c.at(all[1]).must(t, "GET", "/who", navigation...)
	t.Logf("R7: clocks 120 s apart: at once %q with %d Set-Cookie, a minute later %q; %d times from the future", early.body, set, late.body, refused[cookie.ReasonFuture])
	if early.body != "" || set != 0 || late.body != "ann" || refused[cookie.ReasonFuture] != 1 {
		t.Error("want nobody, no cookie, and ann a minute later")
	}
}

// TestR7_Jumps: clocks that jump by an hour and back never extend the absolute
// end of a session, whatever is renewed meanwhile.
func TestR7_Jumps(t *testing.T) {
	clock, keys := newClock(), ring(t, 2, 1)
	skew := new(jump)
	// An idle time longer than the jumps, or they would end each session at once.
	jumping := func(keys *keyring.Keyring) *instance {
		return newInstance(t, options{keys: keys, now: func() time.Time { return clock.now().Add(skew.d) }, store: ssestore.Config{Idle: 3 * time.Hour}})
	}
	in, old := jumping(keys), jumping(ring(t, 1, 2))
	expiry(in)
	expiry(old)
	random := rand.New(rand.NewPCG(7, 8))
	requests, writes, alive, refused, ends := 0, 0, 0, 0, 0
	for i := range size(100, 2_000) {
		c := newClient(t)
		skew.d = 0
		issuer := in
		if i%2 == 0 {
			issuer = old // what is resealed later
		}
		c.at(issuer).must(t, "POST", fmt.Sprint("/login?id=user", i))
		began := clock.now()
		want := fmt.Sprint(began.Add(12 * time.Hour).Unix())
		for clock.now().Sub(began) < 12*time.Hour {
			skew.d = []time.Duration{-time.Hour, 0, 0, 0, 0, time.Hour}[random.IntN(6)]
			r := c.at(in).must(t, "GET", "/expires", navigation...)
			requests++
			switch r.body {
			case want:
				alive++
			case "0":
				refused++ // by a clock that is wrong, idle or from the future
			default:
				t.Fatalf("the session ends at %s, not at %s", r.body, want)
			}
			set, _ := r.setCookies()
			writes += set
			if r.body == want && random.IntN(4) == 0 { // as nobody it would start a new session
				c.at(in).must(t, "POST", "/set?v=x", navigation...)
			}
			clock.advance(time.Duration(random.IntN(20*60)) * time.Second)
		}
		skew.d = 0
		clock.sec.Store(began.Add(12 * time.Hour).Unix())
		if got := c.at(in).must(t, "GET", "/expires", navigation...).body; got != "0" {
			t.Fatalf("at the end the session says %s", got)
		}
		ends++
	}
	t.Logf("R7: clocks that jump ±1 h: %d requests, %d sessions: alive %d times with the same end, refused %d times, %d unsolicited writes; %d of %d were over at their end",
		requests, ends, alive, refused, writes, ends, ends)
	if alive == 0 || writes == 0 || refused == 0 {
		t.Error("one of these never happened: this test proves less than it says")
	}
}

// jump is how far a clock is off.
type jump struct{ d time.Duration }
