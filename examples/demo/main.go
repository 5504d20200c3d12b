// Command demo is a small web application that keeps each session in one encrypted
// cookie. You can log in with a full cart, by password, passkey, a link in a mail, or
// an identity from elsewhere, see pages for members and for staff, change the password,
// which ends all other sessions, list your sessions and end one of them, and rotate the
// keys while everybody stays logged in.
//
//	go run ./examples/demo
//
// It looks no session up, and needs no configuration and, but for passkeys, no script in the
// browser. Its mails go nowhere but to its own page /mailbox, and Harbour ID, the
// identity from elsewhere, is in the same process.
//
//	go run ./examples/demo -fleet 3
//
// starts three processes on one database. They share keys and the ends of sessions
// through package fleet, and a page shows which seals what. Without -fleet, two
// processes with the same -keys and -db accept each other's cookies, but one hears only
// when it starts of sessions that the other has ended.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C doesn't wait for the requests under way
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// errUsage marks a mistake in the command line.
var errUsage = errors.New("-h lists the flags")

const usage = `usage: demo [flags]

  demo                                one process, at http://localhost:8080
  demo -addr localhost:8081           at another port
  demo -db shop.db -keys keys.json    keep users and keys for the next start
  demo -fleet 3                       three processes on one database, and a page
                                      that shows them at http://localhost:8080
  demo -fleet 3 -rotate 10s           with new keys every ten seconds
  demo -origin https://demo.example   behind a server that has TLS
  demo -addr 192.0.2.7:8080 -insecure-http
                                      for the phone on a network that you trust

`

// run serves until ctx ends, and then lets the requests under way finish.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake is printed once, by main
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	db := flags.String("db", "", "SQLite `file` of users, created if missing (default: one in a temporary folder)")
	keys := flags.String("keys", "", "`file` of the keyring, a JWK Set, created if missing, hot reloaded; with -fleet, of the secret that the keyring is wrapped with (default: one in a temporary folder)")
	origin := flags.String("origin", "", "`origin` of the demo as browsers see it, such as https://demo.example (default: http://localhost and the port)")
	insecure := flags.Bool("insecure-http", false, "send cookies without Secure, for browsers that refuse Secure cookies on http://localhost")
	unthrottled := flags.Bool("no-throttle", false, "let everybody try passwords as often as they like, for programs that test the demo")
	fleet := flags.Int("fleet", 0, "start `N` processes, 2 to 9, on the ports after that of -addr, where a page shows them")
	rotate := flags.Duration("rotate", time.Minute, "with -fleet, the time between two rotations of the keys, at least 6s; 0 for none")
	of := flags.String("member", "", "which one of a fleet this is: for the processes that -fleet starts")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return err
	} else if err != nil {
		return fmt.Errorf("%w (%w)", err, errUsage)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument after the flags (%w)", errUsage)
	}

	cfg := config{DB: *db, Keys: *keys, Origin: *origin, NoThrottle: *unthrottled, InsecureHTTP: *insecure, Log: slog.New(slog.NewTextHandler(stderr, nil))}
	var err error
	if cfg.Member, err = parseMember(*of, *rotate); err != nil {
		return err
	}
	if cfg.Member != nil {
		cfg.Log = cfg.Log.With("process", cfg.Member.Number)
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() { // the supervisor is gone, or wants this process to stop
			io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	listener, err := net.Listen("tcp", *addr) // first: its port is part of the origin
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address, such as localhost:8081)", err)
	}
	defer listener.Close()
	keyFile := "keys.json"
	if *fleet != 0 {
		keyFile = "fleet.secret"
	}
	if err := cfg.useTemporaryFolder(keyFile); err != nil {
		return fmt.Errorf("%w (TMPDIR names another folder, or -db and -keys the files)", err)
	}
	at := listener.Addr().(*net.TCPAddr)
	if *fleet != 0 {
		return runFleet(ctx, cfg, *fleet, *rotate, *addr, listener, stdout, stderr)
	}
	open := cfg.Origin
	if open == "" {
		open, cfg.Origin = openAt(at), originOf(at, cfg.InsecureHTTP)
	}
	app, err := newApp(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Close()
	if cfg.Member != nil {
		fmt.Fprintln(stdout, "Open", open)
	} else {
		greet(stdout, open, at, cfg)
	}
	return serve(ctx, listener, app.Handler(), app.log)
}

// useTemporaryFolder gives files that weren't named a folder of their own, and the file
// of keys that name. The folder stays when the program ends, so that the next run can name them.
func (c *config) useTemporaryFolder(keys string) error {
	if c.DB != "" && c.Keys != "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "hardtack-demo-")
	if err != nil {
		return err
	}
	if c.DB == "" {
		c.DB = filepath.Join(dir, "users.db")
	}
	if c.Keys == "" {
		c.Keys = filepath.Join(dir, keys)
	}
	return nil
}

// openAt is the address to open.
func openAt(at *net.TCPAddr) string {
	host := at.IP.String()
	if at.IP.IsLoopback() || at.IP.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(at.Port))
}

// originOf is the demo's origin. Browsers keep Secure cookies over plain http on
// localhost and nowhere else, so without -insecure-http that is where people are.
func originOf(at *net.TCPAddr, insecureHTTP bool) string {
	if !insecureHTTP {
		at = &net.TCPAddr{IP: net.IPv4zero, Port: at.Port}
	}
	return strings.TrimSuffix(openAt(at), ":80")
}

// greet prints what a person needs to know.
func greet(w io.Writer, open string, at *net.TCPAddr, c config) {
	fmt.Fprintf(w, "Open      %s\n", open)
	if !at.IP.IsLoopback() && !c.InsecureHTTP {
		fmt.Fprintf(w, "          On other machines nobody can log in over plain http: browsers drop the cookie.\n"+
			"          There, %s.\n", httpCure)
	}
	greetFiles(w, open, c)
}

// greetFiles prints who can log in, and where things are kept.
func greetFiles(w io.Writer, mails string, c config) {
	for _, s := range seeds {
		if s.Old {
			continue
		}
		role := ""
		if s.Staff {
			role = "   (staff)"
		}
		fmt.Fprintf(w, "Log in    %s%s\n", s.Email, role)
	}
	fmt.Fprintf(w, "Password  %s\n", seedPassword)
	fmt.Fprintf(w, "Mails     %s/mailbox\n", mails)
	fmt.Fprintf(w, "Users     %s\nKeys      %s\n", c.DB, c.Keys)
}

// serve answers until ctx ends, and then waits up to ten seconds for the requests
// under way. The timeouts are those of a server on the open network: without them, a
// client that sends a byte a minute holds a connection for ever.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	var unused unused
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // the session cookie, and seven times as much of others
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnState:         unused.note,
	}
	server.RegisterOnShutdown(unused.close)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}
