package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// serveHello runs the hello server, in a separate process (this program again, with
// -serve), so that the load generator and the benchmark share only the machine with
// it. It answers with the same body on three paths: /plain without the middleware,
// /session behind it, and /user behind it with the user resolved. The first line it
// prints is "address cookie".
func serveHello(string) error {
	user := &contest.User{ID: contest.UserID, Password: contest.PasswordHash}
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		return err
	}
	users, err := auth.New(auth.Config[*contest.User]{
		UserByID: func(context.Context, string) (*contest.User, error) { return user, nil },
		ID:       func(u *contest.User) string { return u.ID },
		Stamp:    func(u *contest.User) string { return u.Password },
	})
	if err != nil {
		return err
	}
	guard, err := middleware.New(store, users, middleware.Config{})
	if err != nil {
		return err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") })
	mux := http.NewServeMux()
	mux.Handle("/plain", hello)
	mux.Handle("/session", guard.Handler(hello))
	mux.Handle("/user", guard.Handler(guard.ForUser(func(w http.ResponseWriter, _ *http.Request, _ *contest.User) { io.WriteString(w, "hello\n") })))

	s := store.Load(nil, time.Now())
	if err := users.Login(context.Background(), s, user); err != nil {
		return err
	}
	out, err := s.Commit(http.StatusOK)
	if err != nil {
		return err
	}
	c, err := http.ParseSetCookie(out.SetCookie[0])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr(), c.Name+"="+c.Value)
	return (&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}).Serve(l)
}

var errNoWrk = errors.New("wrk is not installed: the net/http table is left out")

// http measures what the middleware costs a real server.
func (b *bench) http() error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.note("%v", errNoWrk)
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.Command(self, "-serve", "hello")
	server.Stderr = os.Stderr
	pipe, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	var addr, cookie string
	if _, err := fmt.Fscanln(bufio.NewReader(pipe), &addr, &cookie); err != nil {
		return err
	}
	seconds, rounds := 2, 9
	if b.Quick {
		seconds, rounds = 1, 3
	}
	rate := func(path string) func(int) (time.Duration, error) {
		return func(int) (time.Duration, error) {
			perSecond, err := load(wrk, "http://"+addr+path, cookie, seconds)
			// measure wants a time for one operation. The rows are rates, so a
			// nanosecond stands for one request a second.
			return time.Duration(perSecond), err
		}
	}
	t := report.Table{ID: "http", Title: "net/http hello server under wrk, 1 thread, 16 connections: requests in a second (more is better)", Unit: "req/s"}
	saved := b.options
	defer func() { b.options = saved }()
	b.options = measure.Options{Rounds: rounds, Batch: 1}
	return b.measure(t, []measure.Case{
		{Name: "hello", Batch: rate("/plain")},
		{Name: "behind the middleware", Batch: rate("/session")},
		{Name: "behind it, user resolved", Batch: rate("/user")},
	})
}

var requestRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

func load(wrk, url, cookie string, seconds int) (float64, error) {
	out, err := exec.Command(wrk, "-t1", "-c16", "-d"+strconv.Itoa(seconds)+"s", "-H", "Cookie: "+cookie, url).Output()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w", err)
	}
	m := requestRate.FindSubmatch(out)
	if m == nil || regexp.MustCompile(`Non-2xx`).Match(out) {
		return 0, errors.New("wrk: not every answer was hello")
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
