// Command demo is a small web application that keeps each session in one encrypted
// cookie. You can sign up, log in with a full cart, see pages for members and for
// staff, change the password or log out everywhere, which ends all other sessions,
// and rotate the keys while everybody stays logged in.
//
//	go run ./examples/demo
//
// It needs no script in the browser, no session table and no configuration. Two
// processes with the same -keys and -db accept each other's cookies.
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
	insecure := flags.Bool("insecure-http", false, "send cookies without Secure, for browsers that refuse Secure cookies on http://localhost")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument after the flags")
	}

	cfg := config{DB: *db, Keys: *keys, InsecureHTTP: *insecure, Log: slog.New(slog.NewTextHandler(stderr, nil))}
	if err := cfg.useTemporaryFolder(); err != nil {
		return err
	}
	app, err := newApp(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Close()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	greet(stdout, listener.Addr().(*net.TCPAddr), cfg)
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

// greet prints what a person needs to know. Browsers keep Secure cookies over plain
// http on localhost and nowhere else, so that is the address to open.
func greet(w io.Writer, at *net.TCPAddr, c config) {
	host, other := at.IP.String(), !at.IP.IsLoopback()
	if at.IP.IsLoopback() || at.IP.IsUnspecified() {
		host = "localhost"
	}
	fmt.Fprintf(w, "Open      http://%s\n", net.JoinHostPort(host, fmt.Sprint(at.Port)))
	if other && !c.InsecureHTTP {
		fmt.Fprintf(w, "          On other machines nobody can log in over plain http: browsers drop the cookie.\n"+
			"          There, %s.\n", httpCure)
	}
	for _, s := range seeds {
		role := ""
		if s.Staff {
			role = "   (staff)"
		}
		fmt.Fprintf(w, "Log in    %s%s\n", s.Email, role)
	}
	fmt.Fprintf(w, "Password  %s\n", seedPassword)
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
