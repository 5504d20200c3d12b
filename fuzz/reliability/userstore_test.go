package reliability_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// TestR6_UserStoreFaults: the user store errs, times out, is cancelled by a client
// that goes away, and panics, while renewals and reseals are due in every
// request. Nothing is sent that touches a session, and afterwards every session
// is as good as before.
func TestR6_UserStoreFaults(t *testing.T) {
	clients, rounds := size(64, 256), size(24, 200)
	db, clock, keys := new(people), newClock(), new(keyring.Holder)
	keys.Set(ring(t, 1))
	in := newInstance(t, options{keys: keys, people: db, now: clock.now})
	// The client says which fault it wants to meet.
	type faultKey struct{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, r.Header.Get("X-Fault"))))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the panics
	server.Start()
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()

	all := make([]*client, clients)
	for i := range all {
		c := newClient(t).at(transport)
		c.base = server.URL
		c.must(t, "POST", fmt.Sprint("/login?id=user", i))
		c.must(t, "POST", fmt.Sprint("/set?v=note", i))
		all[i] = c
	}
	keys.Set(ring(t, 2, 1))      // a reseal is due in every request,
	clock.advance(time.Hour / 4) // and a renewal
	lookups := map[string]func(ctx context.Context, id string) (*user, error){
		"error": func(context.Context, string) (*user, error) { return nil, errors.New("connection refused") },
		"timeout": func(ctx context.Context, _ string) (*user, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			<-ctx.Done()
			return nil, fmt.Errorf("query: %w", ctx.Err())
		},
		"cancel": func(ctx context.Context, _ string) (*user, error) {
			<-ctx.Done() // may outlive its client: the answer reaches nobody
			return nil, ctx.Err()
		},
		"panic":         func(context.Context, string) (*user, error) { panic("the driver has a bug") },
		"somebody else": func(context.Context, string) (*user, error) { return &user{"mallory", "x"}, nil },
	}
	names := []string{"error", "timeout", "cancel", "panic", "somebody else"}
	var counts sync.Map // name → *atomic.Int64: how often a fault was met
	var unavailable, cut, cookies, deletions, wrong atomic.Int64
	find := func(ctx context.Context, id string) (*user, error) {
		name := ctx.Value(faultKey{}).(string)
		n, _ := counts.LoadOrStore(name, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		return lookups[name](ctx, id)
	}
	db.find.Store(&find)
	share(clients, clients, func(i int) {
		random := rand.New(rand.NewPCG(uint64(i), 6))
		for n := range rounds {
			method, path, head := "GET", "/who", navigation
			switch random.IntN(4) {
			case 0:
				head = fetch
			case 1:
				method, path = "POST", fmt.Sprint("/set?v=lost", n)
			}
			name := names[random.IntN(len(names))]
			patience := time.Minute
			if name == "cancel" { // the client goes away
				patience = 10 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			r, err := all[i].doContext(ctx, method, path, slices.Concat(head, []string{"X-Fault", name})...)
			cancel()
			if err != nil {
				if cut.Add(1); name != "cancel" && name != "panic" {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			unavailable.Add(1)
			if r.status != http.StatusServiceUnavailable || r.body == fmt.Sprint("user", i) {
				wrong.Add(1)
			}
			set, deleted := r.setCookies()
			cookies.Add(int64(set))
			deletions.Add(int64(deleted))
		}
	})
	db.find.Store(nil)

	valid := 0
	for i, c := range all {
		who := c.must(t, "GET", "/who", navigation...)
		if set, _ := who.setCookies(); set != 1 { // renewed and resealed at last
			t.Errorf("user %d: %d cookies at the first good request, want 1", i, set)
		}
		if who.body == fmt.Sprint("user", i) && c.must(t, "GET", "/get").body == fmt.Sprint("note", i) {
			valid++
		}
	}
	met := ""
	for _, name := range names {
		if n, ok := counts.Load(name); ok {
			met += fmt.Sprintf(" %s %d", name, n.(*atomic.Int64).Load())
		} else {
			t.Errorf("the fault %q was never met", name)
		}
	}
	t.Logf("R6: %d requests (faults met:%s): %d answers of 503, %d others, %d cut off; %d Set-Cookie, %d deletions; afterwards %d of %d sessions valid",
		clients*rounds, met, unavailable.Load()-wrong.Load(), wrong.Load(), cut.Load(), cookies.Load(), deletions.Load(), valid, clients)
	if wrong.Load() != 0 || cookies.Load() != 0 || deletions.Load() != 0 || valid != clients || unavailable.Load() == 0 {
		t.Error("want 503 only, nothing sent, and all sessions valid")
	}

	// The row can fail: a store that gives a wrong answer instead of none does end
	// sessions, and this counts it.
	changed := func(_ context.Context, id string) (*user, error) { return &user{id, "another secret"}, nil }
	db.find.Store(&changed)
	clock.advance(2 * time.Minute) // a young session's cookie stays
	if _, deleted := all[0].must(t, "GET", "/who", navigation...).setCookies(); deleted != 1 {
		t.Error("a changed password deletes no cookie: the deletions above would not be counted")
	}
}
