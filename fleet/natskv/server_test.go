package natskv_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
)

// nodeConfig names the environment variable that makes the test program a server: a node
// in JSON.
const nodeConfig = "HARDTACK_NATSKV_NODE"

func TestMain(m *testing.M) {
	if config := os.Getenv(nodeConfig); config != "" {
		if err := serveNode(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveNode is the server process. It ends when its input does, that is with its parent.
func serveNode(config string) error {
	var n node
	if err := json.Unmarshal([]byte(config), &n); err != nil {
		return err
	}
	s, err := n.serve()
	if err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	return nil
}

// A node is one NATS server, in this process or in one of its own.
type node struct {
	Name                   string
	Dir                    string
	Port, Cluster, Monitor int
	Routes                 []int // cluster ports of all nodes, empty for one that is alone
	Process                bool
	server                 *server.Server
	command                *exec.Cmd
	stdin                  io.Closer
}

// serve starts the server in this process.
func (n *node) serve() (*server.Server, error) {
	o := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port,
		HTTPHost: "127.0.0.1", HTTPPort: n.Monitor,
		JetStream: true, StoreDir: n.Dir, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
		NoSigs: true, NoLog: true,
	}
	if len(n.Routes) > 0 {
		o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: n.Cluster}
		for _, port := range n.Routes {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	return s, nil
}

func (n *node) start(t *testing.T) {
	t.Helper()
	if !n.Process {
		s, err := n.serve()
		if err != nil {
			t.Fatal(err)
		}
		n.server = s
		return
	}
	config, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	n.command = exec.Command(os.Args[0])
	n.command.Env = append(os.Environ(), nodeConfig+"="+string(config))
	n.command.Stderr = os.Stderr
	if n.stdin, err = n.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := n.command.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends the server without a warning: a process with kill -9.
func (n *node) kill() {
	switch {
	case n.command != nil:
		n.command.Process.Kill()
		n.command.Wait()
		n.stdin.Close()
		n.command = nil
	case n.server != nil:
		n.server.Shutdown()
		n.server.WaitForShutdown()
		n.server = nil
	}
}

// healthy waits until the server says that it is in step with the others.
func (n *node) healthy(t *testing.T) {
	t.Helper()
	fleettest.Eventually(t, n.Name+" is healthy", func() bool {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", n.Monitor))
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// A cluster is one node or three.
type cluster struct {
	nodes []*node
	next  int // whose turn it is to be killed
}

func newCluster(t *testing.T, size int, process bool) *cluster {
	t.Helper()
	c := &cluster{}
	dir := t.TempDir()
	for i := range size {
		n := &node{
			Name: fmt.Sprintf("n%d", i+1), Dir: filepath.Join(dir, fmt.Sprint(i)), Process: process,
			Port: fleettest.Port(t), Cluster: fleettest.Port(t), Monitor: fleettest.Port(t),
		}
		c.nodes = append(c.nodes, n)
	}
	if size > 1 {
		for _, n := range c.nodes {
			for _, other := range c.nodes {
				n.Routes = append(n.Routes, other.Cluster)
			}
		}
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.kill()
		}
	})
	for _, n := range c.nodes {
		n.start(t)
	}
	for _, n := range c.nodes {
		n.healthy(t)
	}
	return c
}

// crash kills the next node, starts it again, and waits until it is in step.
func (c *cluster) crash(t *testing.T) {
	t.Helper()
	n := c.nodes[c.next%len(c.nodes)]
	c.next++
	n.kill()
	n.start(t)
	n.healthy(t)
}

// crashAll kills all nodes before it starts one again.
func (c *cluster) crashAll(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		n.kill()
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	for _, n := range c.nodes {
		n.healthy(t)
	}
}

func (c *cluster) urls() string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, fmt.Sprintf("nats://127.0.0.1:%d", n.Port))
	}
	return strings.Join(all, ",")
}

// connect connects as the package's comment says.
func connect(t *testing.T, urls string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // or it prints
	conn, err := nats.Connect(urls, append(append([]nats.Option{quiet}, options...), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(100*time.Millisecond), nats.ReconnectBufSize(-1), nats.Timeout(5*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// bucketNames makes a name for each test that shares a cluster.
var bucketNames struct {
	sync.Mutex
	n int
}

func newBucket() string {
	bucketNames.Lock()
	defer bucketNames.Unlock()
	bucketNames.n++
	return fmt.Sprintf("test-%d", bucketNames.n)
}
