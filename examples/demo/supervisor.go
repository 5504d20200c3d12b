package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/harbour"
)

// A supervisor runs the processes of -fleet and starts each again when it ends. It is
// no part of the fleet itself.
type supervisor struct {
	args  []string // what every process gets besides its number and its address
	every time.Duration
	log   *slog.Logger
	pages pages
	home  string // the address of its page
	all   []*process

	mu     sync.Mutex
	events []event // newest first
}

// A process is one of the fleet.
type process struct {
	Number int
	first  chan struct{} // closed when it is ready for the first time

	// What follows is under the supervisor's mu.
	addr    string // where it listens, in this life and the next
	URL     string // "" until it has listened once
	Up      bool
	Starts  int
	running *os.Process
}

// An event is what happened to a process.
type event struct {
	At     time.Time
	Number int
	Text   string
}

const (
	keptEvents = 8
	restartGap = time.Second // before a process that ended is started again
)

// newSupervisor prepares n processes on the ports after that of listener, or on any if
// the system chose that one.
func newSupervisor(c config, n int, every time.Duration, addr string, listener *net.TCPAddr, args []string) (*supervisor, error) {
	if _, err := openSecret(c.Keys); err != nil { // before the processes do, all at once
		return nil, fmt.Errorf("%w (-keys names another file)", err)
	}
	users, err := openUsers(context.Background(), c.DB)
	if err != nil {
		return nil, usersFault(err)
	}
	users.Close()
	pages, err := parsePages(docs{})
	if err != nil {
		return nil, err
	}
	s := &supervisor{args: args, every: every, log: c.Log, pages: pages, home: openAt(listener)}
	for i := range n {
		port := listener.Port + 1 + i
		if strings.HasSuffix(addr, ":0") {
			port = 0
		}
		s.all = append(s.all, &process{Number: i + 1, first: make(chan struct{}), addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	}
	return s, nil
}

// runFleet runs the supervisor until ctx ends.
func runFleet(ctx context.Context, c config, n int, every time.Duration, addr string, l net.Listener, stdout, stderr io.Writer) error {
	at := l.Addr().(*net.TCPAddr)
	switch {
	case n < 2 || n > 9:
		return errors.New("-fleet takes 2 to 9 processes")
	case every != 0 && every < 2*ahead:
		return fmt.Errorf("-rotate must be at least %s, or 0", 2*ahead)
	case c.Origin != "":
		return errors.New("-origin doesn't go with -fleet, whose processes have an origin each")
	case c.Member != nil:
		return errors.New("-member doesn't go with -fleet")
	case !at.IP.IsLoopback():
		return errors.New("-fleet listens on this machine only: leave -addr at 127.0.0.1")
	}
	args := []string{"-db", c.DB, "-keys", c.Keys, "-insecure-http=" + strconv.FormatBool(c.InsecureHTTP), "-no-throttle=" + strconv.FormatBool(c.NoThrottle)}
	s, err := newSupervisor(c, n, every, addr, at, args)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, stderr) }()
	for _, p := range s.all {
		select {
		case <-p.first:
		case err := <-ended:
			return err
		}
	}
	var back []string // where Harbour ID sends people back to
	for _, p := range s.all {
		back = append(back, p.URL+"/oauth/harbour/callback")
	}
	provider, err := harbour.New(s.home+harbourPath, people, back...)
	if err != nil {
		return errors.Join(err, s.end(stop, ended))
	}
	fmt.Fprintf(stdout, "Open      %s\n", s.home)
	for _, p := range s.all {
		fmt.Fprintf(stdout, "Process %d %s\n", p.Number, p.URL)
	}
	greetFiles(stdout, s.all[0].URL, c)
	return errors.Join(serve(ctx, l, s.Handler(provider), c.Log), s.end(stop, ended))
}

// end stops the processes and waits for them.
func (s *supervisor) end(stop func(), ended <-chan error) error {
	stop()
	return <-ended
}

// run keeps the processes running until ctx ends. It returns an error if one ends before
// it was ever ready.
func (s *supervisor) run(ctx context.Context, stderr io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, p := range s.all {
		group.Go(func() {
			for ctx.Err() == nil {
				err := s.live(ctx, p, stderr)
				if ctx.Err() != nil {
					return
				}
				if p.URL == "" {
					cancel(fmt.Errorf("process %d: %w", p.Number, err))
					return
				}
				s.note(p, fmt.Sprintf("ended (%v), and is started again", err))
				select {
				case <-ctx.Done():
				case <-time.After(restartGap):
				}
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// live starts a process and returns how it ended. When ctx ends, the process's standard
// input closes, at which it stops by itself. So it does when this program is killed.
func (s *supervisor) live(ctx context.Context, p *process, stderr io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, append(slices.Clone(s.args), "-addr", p.addr, "-rotate", s.every.String(),
		"-member", fmt.Sprintf("%d/%d@%s", p.Number, len(s.all), s.home))...)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { stdin.Close() })
	defer stop()
	s.mu.Lock()
	p.running = cmd.Process
	p.Starts++
	s.mu.Unlock()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			s.ready(p, strings.TrimSpace(url))
		}
	}
	err = cmd.Wait()
	s.mu.Lock()
	p.Up, p.running = false, nil
	s.mu.Unlock()
	if err == nil {
		err = errors.New("without an error")
	}
	return err
}

func (s *supervisor) ready(p *process, url string) {
	s.mu.Lock()
	p.URL, p.Up = url, true
	p.addr = "127.0.0.1" + url[strings.LastIndexByte(url, ':'):]
	again := p.Starts > 1 // the first time was a good one, or run would have given up
	s.mu.Unlock()
	if again {
		s.note(p, "is up again")
	} else {
		close(p.first)
	}
}

func (s *supervisor) note(p *process, text string) {
	s.log.Warn("process", "number", p.Number, "is", text)
	s.mu.Lock()
	s.events = slices.Insert(s.events, 0, event{time.Now().UTC(), p.Number, text})
	s.events = s.events[:min(len(s.events), keptEvents)]
	s.mu.Unlock()
}

// kill ends a process the hard way, as kill -9 does.
func (s *supervisor) kill(number string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all {
		if strconv.Itoa(p.Number) == number && p.running != nil {
			return p.running.Kill()
		}
	}
	return nil // it has ended by itself
}

// ask asks the processes for their news, all at once. An answer that doesn't come within
// a second is left out.
func (s *supervisor) ask(ctx context.Context) []processView {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	views := make([]processView, len(s.all))
	var group sync.WaitGroup
	for i, p := range s.all {
		s.mu.Lock()
		views[i].process = *p
		s.mu.Unlock()
		if views[i].running != nil {
			views[i].PID = views[i].running.Pid
		}
		if !views[i].Up {
			continue
		}
		group.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, views[i].URL+newsPath, nil)
			if err != nil {
				return
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			n := new(news)
			if resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(n) == nil {
				views[i].News = n
			}
		})
	}
	group.Wait()
	return views
}
