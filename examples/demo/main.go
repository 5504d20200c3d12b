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
// identity from elsewhere, is in the same process. Two processes with the same -keys
// and -db accept each other's cookies.
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
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets the requests under way finish.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	db := flags.String("db", "", "SQLite `file` of users, created if missing (default: one in a temporary folder)")
	keys := flags.String("keys", "", "JWK Set `file` of the keyring, created if missing, hot reloaded (default: one in a temporary folder)")
	origin := flags.String("origin", "", "`origin` of the demo as browsers see it, such as https://demo.example (default: http://localhost and the port)")
	insecure := flags.Bool("insecure-http", false, "send cookies without Secure, for browsers that refuse Secure cookies on http://localhost")
	unthrottled := flags.Bool("no-throttle", false, "let everybody try passwords as often as they like, for programs that test the demo")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument after the flags")
	}

	cfg := config{DB: *db, Keys: *keys, Origin: *origin, NoThrottle: *unthrottled, InsecureHTTP: *insecure, Log: slog.New(slog.NewTextHandler(stderr, nil))}
	if err := cfg.useTemporaryFolder(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr) // first: its port is part of the origin
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address, such as localhost:8081)", err)
	}
	defer listener.Close()
	at := listener.Addr().(*net.TCPAddr)
	open := cfg.Origin
	if open == "" {
		open, cfg.Origin = openAt(at), originOf(at, cfg.InsecureHTTP)
	}
	app, err := newApp(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Close()
	greet(stdout, open, at, cfg)
	return serve(ctx, listener, app)
}

// useTemporaryFolder gives files that weren't named a folder of their own. The
// folder stays when the program ends, so that the next run can name them.
func (c *config) useTemporaryFolder() error {
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
		c.Keys = filepath.Join(dir, "keys.json")
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
	fmt.Fprintf(w, "Mails     %s/mailbox\n", open)
	fmt.Fprintf(w, "Users     %s\nKeys      %s\n", c.DB, c.Keys)
}

// serve answers until ctx ends, and then waits up to ten seconds for the requests
// under way. The timeouts are those of a server on the open network: without them, a
// client that sends a byte a minute holds a connection for ever.
func serve(ctx context.Context, l net.Listener, app *app) error {
	server := &http.Server{
		Handler:           app.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // the session cookie, and seven times as much of others
		ErrorLog:          slog.NewLogLogger(app.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	app.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}
