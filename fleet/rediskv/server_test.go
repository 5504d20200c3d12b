package rediskv_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet/internal/fleettest"
)

// A redis is a redis-server in a process of its own.
type redis struct {
	program string
	dir     string
	port    int
	options []string
	command *exec.Cmd
}

// newRedis starts a server that syncs its log before it acknowledges a write.
func newRedis(t *testing.T, options ...string) *redis {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("redis-server is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("redis-server is not installed")
	}
	s := &redis{program: program, dir: t.TempDir(), port: fleettest.Port(t), options: options}
	t.Cleanup(s.kill)
	s.start(t)
	return s
}

func (s *redis) start(t *testing.T) {
	t.Helper()
	s.command = exec.Command(s.program, append(s.options, "--bind", "127.0.0.1", "--port", fmt.Sprint(s.port), "--dir", s.dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning")...)
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	fleettest.Eventually(t, "redis-server answers", func() bool {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr()}, ForceSingleClient: true})
		if err != nil {
			return false
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// It's pinned because it may be given up: see KV.eval.
		return client.Do(ctx, client.B().Ping().Build().Pin()).Error() == nil
	})
}

// kill ends the server as kill -9 does.
func (s *redis) kill() {
	if s.command != nil {
		s.command.Process.Kill()
		s.command.Wait()
		s.command = nil
	}
}

func (s *redis) crash(t *testing.T) {
	t.Helper()
	s.kill()
	s.start(t)
}

func (s *redis) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// connect connects to an address.
func connect(t *testing.T, option rueidis.ClientOption) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
