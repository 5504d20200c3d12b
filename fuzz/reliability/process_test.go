package reliability_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// serverKeys names the environment variable that makes the test program a
// server: the path of its key file.
const serverKeys = "HARDTACK_RELIABILITY_KEYS"

// state is what a server process says of itself.
type state struct {
	Heap, Stacks uint64 // bytes in use, after a collection
	Goroutines   int
	Primary      string
	Keys         int
}

// serve is the server process: it prints its address, serves on a port of the
// loopback interface, and ends when its input does, that is with its parent.
func serve(keys string, in io.Reader, out io.Writer) error {
	file, err := keyring.OpenFile(keys, func(err error) { fmt.Fprintln(os.Stderr, err) })
	if err != nil {
		return err
	}
	// Lifetimes so short that renewals are due all the time.
	server, err := build(options{keys: file, store: ssestore.Config{Idle: time.Minute, Absolute: time.Hour}})
	if err != nil {
		return err
	}
	outer := http.NewServeMux()
	outer.Handle("/", server.handler)
	outer.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		if err := file.Update((*keyring.Keyring).Rotate); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	outer.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what finalizers and pools let go
		runtime.ReadMemStats(&m)
		ring := file.At(time.Now())
		json.NewEncoder(w).Encode(state{m.HeapAlloc, m.StackInuse, runtime.NumGoroutine(), ring.Primary().ID(), len(ring.Keys())})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	s := &http.Server{Handler: outer, ErrorLog: log.New(os.Stderr, "", 0)}
	go func() {
		io.Copy(io.Discard, in)
		s.Close()
	}()
	if err := s.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// launch starts a server process and returns the address of its front page.
func launch(t *testing.T, keys string) (base string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serverKeys+"="+keys)
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := firstError(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("the server: %v\n%s", err, stderr)
		}
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	return "http://" + strings.TrimSpace(address)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func stateOf(t *testing.T, c *client) (s state) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.must(t, "GET", "/state").body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestR5_ManyClients: a real server in its own process, and clients that load
// pages, fetch and write over their own connections, while the keys rotate.
// Nobody is logged out, and the server's heap and goroutines stay flat.
func TestR5_ManyClients(t *testing.T) {
	clients, rounds, perRound := size(200, 2_000), size(5, 10), size(6, 10)
	think := time.Duration(size(40, 1_000)) * time.Millisecond // between two requests, on average
	path := filepath.Join(t.TempDir(), "keys.json")
	put(t, path, jwkSet(1), 0o600)
	base := launch(t, path)
	// Each client has a connection of its own and keeps it, as browsers do.
	connect := func() *client {
		transport := &http.Transport{MaxIdleConnsPerHost: 1}
		t.Cleanup(transport.CloseIdleConnections)
		c := newClient(t).at(transport)
		c.base = base
		return c
	}
	admin := connect()
	all := make([]*client, clients)
	share(clients, 32, func(i int) {
		c := connect()
		c.must(t, "POST", fmt.Sprint("/login?id=user", i))
		all[i] = c
	})
	var logouts, failed, writes atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	round := func(record bool) {
		share(clients, clients, func(i int) {
			c, id := all[i], fmt.Sprint("user", i)
			random := rand.New(rand.NewPCG(uint64(i), rand.Uint64()))
			for range perRound {
				<-time.After(time.Duration(random.Int64N(int64(2 * think))))
				method, path, want, head := "GET", "/who", id, navigation
				switch random.IntN(5) {
				case 0:
					head = fetch
				case 1:
					method, path, want = "POST", "/set?v="+id, ""
				}
				begin := time.Now()
				r, err := c.do(method, path, head...)
				d := time.Since(begin)
				if err != nil || r.status != http.StatusOK {
					failed.Add(1)
					continue
				}
				if r.body != want {
					logouts.Add(1)
				}
				set, _ := r.setCookies()
				writes.Add(int64(set))
				if record {
					mu.Lock()
					took = append(took, d)
					mu.Unlock()
				}
			}
		})
	}
	round(false) // connections, buffers and pools come to their size
	first := stateOf(t, admin)
	last := first
	heap, goroutines := []string{kilobytes(first.Heap)}, []int{first.Goroutines}
	begin := time.Now()
	for range rounds {
		admin.must(t, "POST", "/rotate")
		round(true)
		last = stateOf(t, admin)
		heap, goroutines = append(heap, kilobytes(last.Heap)), append(goroutines, last.Goroutines)
	}
	elapsed := time.Since(begin)
	slices.Sort(took)
	p := func(q float64) time.Duration {
		return took[min(len(took)-1, int(q*float64(len(took))))].Round(10 * time.Microsecond)
	}
	t.Logf("R5: %d clients, %d requests in %v (%.0f/s), %d rotations: %d unexpected logouts, %d failures, %d cookies written; p50 %v, p99 %v, longest %v; heap of the server %v KB, goroutines %v",
		clients, len(took), elapsed.Round(time.Millisecond), float64(len(took))/elapsed.Seconds(), rounds, logouts.Load(), failed.Load(), writes.Load(),
		p(0.5), p(0.99), took[len(took)-1].Round(10*time.Microsecond), heap, goroutines)
	if logouts.Load() != 0 || failed.Load() != 0 {
		t.Error("want no logout and no failure")
	}
	if last.Keys != rounds+1 {
		t.Errorf("%d keys after %d rotations", last.Keys, rounds)
	}
	// A leak of one kilobyte or one goroutine for each request would be far more.
	if last.Heap > first.Heap+first.Heap/4+1<<20 || last.Goroutines > first.Goroutines+clients/10+10 {
		t.Errorf("not flat: heap %v KB, goroutines %v", heap, goroutines)
	}
}

func kilobytes(n uint64) string { return fmt.Sprint(n / 1024) }

// TestR1_Processes: the rolling rotation between ten real processes, each with
// a key file of its own that is replaced under it, as a deployment does. A
// process looks at its file once a second, so each phase waits until all have
// seen it; meanwhile the clients go on.
func TestR1_Processes(t *testing.T) {
	const instances = 10
	clients, generations := size(20, 200), size(1, 5)
	dir := t.TempDir()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("keys%d.json", i)) }
	bases := make([]string, instances)
	for i := range bases {
		put(t, path(i), jwkSet(1), 0o600)
		bases[i] = launch(t, path(i))
	}
	to := func(c *client, i int) *client {
		at := c.at(transport)
		at.base = bases[i]
		return at
	}
	all := make([]*client, clients)
	for i := range all {
		all[i] = newClient(t)
		to(all[i], i%instances).must(t, "POST", fmt.Sprint("/login?id=user", i))
	}
	var requests, lost atomic.Int64
	visit := func(n int) {
		share(clients, 8, func(i int) {
			for range n {
				r, err := to(all[i], rand.IntN(instances)).do("GET", "/who", navigation...)
				requests.Add(1)
				if err != nil || r.body != fmt.Sprint("user", i) {
					lost.Add(1)
				}
			}
		})
	}
	admin := newClient(t)
	phase := func(numbers ...int) {
		for _, i := range rand.Perm(instances) {
			put(t, path(i), jwkSet(numbers...), 0o600)
			visit(1)
		}
		for i := range instances {
			for n := 0; ; n++ {
				s := stateOf(t, to(admin, i))
				if s.Primary == fmt.Sprintf("tst%03dA", numbers[0]) && s.Keys == len(numbers) {
					break
				}
				if n == 1_000 {
					t.Fatalf("process %d does not see its new keys", i)
				}
				<-time.After(20 * time.Millisecond)
				visit(1)
			}
		}
	}
	for g := 1; g <= generations; g++ {
		phase(g, g+1)
		phase(g+1, g)
		visit(2) // every session has been used since: the old key can go
		phase(g + 1)
	}
	t.Logf("R1: %d processes, %d clients, %d rotations, %d requests: %d sessions lost", instances, clients, generations, requests.Load(), lost.Load())
	if lost.Load() != 0 {
		t.Errorf("%d sessions lost", lost.Load())
	}
}
