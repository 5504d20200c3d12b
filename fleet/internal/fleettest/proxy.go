// Package fleettest has what the tests of engines share that no one else needs: a network
// that fails, and a fleet that is watched while it does.
package fleettest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Proxy is a TCP proxy whose connections can go silent or slow.
type Proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64 // of what comes from the target

	mu    sync.Mutex
	conns map[*conn]bool
}

type conn struct {
	client, server net.Conn
	silent         atomic.Bool
	done           chan struct{} // closed by close
	once           sync.Once
}

// NewProxy starts a proxy on the loopback interface, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, conns: map[*conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.each((*conn).close)
		running.Wait()
	})
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Silence swallows everything on the connections that are open now. They stay open. New
// ones work.
func (p *Proxy) Silence() { p.each(func(c *conn) { c.silent.Store(true) }) }

// Delay holds back everything that comes from the target.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Conns is how many connections are open.
func (p *Proxy) Conns() (n int) {
	p.each(func(*conn) { n++ })
	return n
}

func (p *Proxy) each(f func(*conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		f(c)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	c := &conn{client: client, server: server, done: make(chan struct{})}
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { c.pump(c.server, c.client, nil) })
	both.Go(func() { c.pump(c.client, c.server, &p.delay) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// pump copies until one end closes. If the target closes a connection that is silent, the
// client isn't told.
func (c *conn) pump(to, from net.Conn, delay *atomic.Int64) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if delay != nil {
			if d := time.Duration(delay.Load()); d > 0 {
				select {
				case <-time.After(d):
				case <-c.done:
				}
			}
		}
		silent := c.silent.Load()
		if n > 0 && !silent {
			to.Write(buffer[:n]) // if it fails, its own pump ends
		}
		if err != nil {
			if delay == nil || !silent {
				c.close()
			}
			return
		}
	}
}

func (c *conn) close() {
	c.once.Do(func() {
		close(c.done)
		c.client.Close()
		c.server.Close()
	})
}
