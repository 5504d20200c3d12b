package reliability_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
)

// The kinds of clients in a rolling rotation.
const (
	reader  = iota // logged in, loads pages: the one that may be resealed once
	shopper        // nobody, with something in the session
	script         // logged in, fetches only
	writer         // logged in, writes and reads what it wrote
	kinds
)

// rotating is a client with what it must find in its session.
type rotating struct {
	*client
	kind     int
	id, want string
	random   *rand.Rand
	writes   int
	resealed int // Set-Cookie lines since the keys last moved
}

// figures of one rolling rotation.
type figures struct {
	requests, lost, deleted, reseals atomic.Int64
	most                             atomic.Int64 // reseals of one reader's session in one generation
}

// visit makes one request to a random instance and counts what went wrong.
func (c *rotating) visit(t *testing.T, fleet []*instance, f *figures) {
	in := fleet[c.random.IntN(len(fleet))]
	count := func(r reply, want string) {
		f.requests.Add(1)
		if r.body != want {
			f.lost.Add(1)
		}
		set, deletions := r.setCookies()
		f.deleted.Add(int64(deletions))
		if c.kind == reader || c.kind == shopper {
			c.resealed += set
			f.reseals.Add(int64(set))
		}
	}
	at := c.at(in)
	switch c.kind {
	case reader:
		count(at.must(t, "GET", "/who", navigation...), c.id)
	case shopper:
		count(at.must(t, "GET", "/get", navigation...), c.want)
	case script:
		count(at.must(t, "GET", "/who", fetch...), c.id)
	case writer:
		if c.random.IntN(2) == 0 {
			count(at.must(t, "GET", "/get", navigation...), c.want)
			return
		}
		c.writes++
		c.want = fmt.Sprint(c.id, "-", c.writes)
		count(at.must(t, "POST", "/set?v="+c.want, fetch...), "")
	}
}

// roll rotates a fleet of ten so many times, instance by instance in random
// order, while clients make requests to random instances.
func roll(t *testing.T, clients, perTick, generations int, readerPhase bool) *figures {
	const instances = 10
	var fleet []*instance
	var holders []*keyring.Holder
	for range instances {
		h := new(keyring.Holder)
		h.Set(ring(t, 1))
		holders = append(holders, h)
		fleet = append(fleet, newInstance(t, options{keys: h, now: newClock().now}))
	}
	f := new(figures)
	var all []*rotating
	for i := range clients {
		c := &rotating{client: newClient(t), kind: i % kinds, id: fmt.Sprint("user", i), want: fmt.Sprint("note", i),
			random: rand.New(rand.NewPCG(uint64(i), 1))}
		at := c.at(fleet[i%instances])
		if c.kind != shopper {
			at.must(t, "POST", "/login?id="+c.id)
		}
		at.must(t, "POST", "/set?v="+c.want)
		all = append(all, c)
	}
	order := rand.New(rand.NewPCG(7, 7))
	// step gives every instance, one after the other, the ring of these keys, and
	// lets all clients visit while it does.
	step := func(numbers ...int) {
		next := ring(t, numbers...)
		for _, i := range order.Perm(instances) {
			changed := make(chan struct{})
			go func() {
				holders[i].Set(next) // while requests are under way
				close(changed)
			}()
			share(len(all), 4, func(i int) {
				for range perTick {
					all[i].visit(t, fleet, f)
				}
			})
			<-changed
		}
	}
	for g := 1; g <= generations; g++ {
		for _, c := range all {
			c.resealed = 0
		}
		if readerPhase {
			step(g, g+1)
		}
		step(g+1, g)
		// The retirement rule: promoted everywhere, and every live session has
		// had the time to move. Here that is one page load each.
		for _, c := range all {
			c.at(fleet[order.IntN(instances)]).must(t, "GET", "/who", navigation...)
		}
		for _, c := range all {
			if c.kind == reader {
				f.most.Store(max(f.most.Load(), int64(c.resealed)))
			}
		}
		for _, i := range order.Perm(instances) {
			holders[i].Set(ring(t, g+1))
		}
	}
	for _, c := range all { // and everybody is still there
		got := c.at(fleet[0]).must(t, "GET", "/get").body
		if got != c.want {
			f.lost.Add(1)
		}
	}
	return f
}

// TestR1_RollingRotation: ten instances at random key generations {g, g+1}.
// Nobody is logged out, and a client that only reads is resealed at most once
// for each new key.
func TestR1_RollingRotation(t *testing.T) {
	const generations, ticks = 5, 5 * 2 * 10
	clients, perTick := size(100, 200), size(1, 5)
	f := roll(t, clients, perTick, generations, true)
	t.Logf("R1: %d requests, %d clients, 10 instances, %d rotations: %d lost, %d deletions, %d reseals, at most %d for one reader in one generation",
		f.requests.Load(), clients, generations, f.lost.Load(), f.deleted.Load(), f.reseals.Load(), f.most.Load())
	if f.requests.Load() != int64(clients*perTick*ticks) || f.lost.Load() != 0 || f.deleted.Load() != 0 || f.most.Load() != 1 {
		t.Errorf("want 0 lost, 0 deleted and exactly 1 reseal at most")
	}
}

// TestR1_WithoutReaderPhase: the row can fail. When an instance seals with a key
// that others do not have yet, sessions are lost there.
func TestR1_WithoutReaderPhase(t *testing.T) {
	f := roll(t, 100, 1, 2, false)
	t.Logf("R1 without the reader phase: %d of %d requests lost their session", f.lost.Load(), f.requests.Load())
	if f.lost.Load() == 0 {
		t.Error("nothing was lost: the row above would not notice a lost session")
	}
	if f.deleted.Load() != 0 {
		t.Errorf("%d cookies under an unknown key were deleted", f.deleted.Load())
	}
}
