package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/doctor"
	"github.com/spf13/cobra"
)

type doctorResult struct {
	URL      string           `json:"url"`
	Status   int              `json:"status"`
	Healthy  bool             `json:"healthy"`
	Findings []doctor.Finding `json:"findings"`
}

func (a *app) doctor() *cobra.Command {
	var name string
	var post bool
	timeout := span(15 * time.Second)
	cmd := &cobra.Command{
		Use:   "doctor URL",
		Short: "Check the headers of a live login",
		Long: `Check the headers of a live login: the cookie's name, prefix and attributes, the
length of its line, Vary, Cache-Control, HSTS and the clock.

A page usually sets no session cookie before somebody logs in. With --post, the body
of the login form comes from standard input (email=…&password=…), and is posted as
the site's own page would. Use an account made for this. Redirects aren't followed.

No cookie is printed. The exit status is 1 if there is a fault, but not for advice.`,
		Example: `  hardtack doctor https://shop.example/login
  hardtack doctor https://shop.example/login --post < login-form`,
		Args: takes("URL"),
	}
	cmd.Flags().StringVar(&name, "cookie", "", "the cookie's `name` (default: the first cookie in our format)")
	cmd.Flags().BoolVar(&post, "post", false, "post the form on standard input")
	cmd.Flags().Var(&timeout, "timeout", "give up after this")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		target, err := webURL(args[0])
		if err != nil {
			return err
		}
		r, err := a.request(target, post)
		if err != nil {
			return err
		}
		resp, err := send(newClient(timeout), r.WithContext(cmd.Context()))
		if err != nil {
			return &ioError{err}
		}
		resp.Body.Close()
		result := doctorResult{URL: target.Scheme + "://" + target.Host + target.EscapedPath(), Status: resp.StatusCode, Findings: doctor.Examine(target, resp.Header, name, a.now())}
		result.Healthy = doctor.Healthy(result.Findings)
		if err := a.answer(result, func(w io.Writer) { a.writeFindings(w, result) }); err != nil {
			return err
		}
		if !result.Healthy {
			return errSaid
		}
		return nil
	}
	return cmd
}

// webURL parses the address of a page.
func webURL(arg string) (*url.URL, error) {
	target, err := url.Parse(arg)
	if err != nil || target.Host == "" || target.User != nil || target.Scheme != "http" && target.Scheme != "https" {
		return nil, usage("URL must begin with https:// or http://, and have no password in it")
	}
	return target, nil
}

// newClient follows no redirect: what is asked for is there, and a Referer would tell another
// host the URL, whose query may hold a secret.
func newClient(timeout span) *http.Client {
	return &http.Client{
		Timeout:       time.Duration(timeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send returns errors without the URL, whose query may hold a secret.
func send(client *http.Client, r *http.Request) (*http.Response, error) {
	resp, err := client.Do(r)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return resp, err
}

// request is what a browser would send from a page of the site.
func (a *app) request(target *url.URL, post bool) (*http.Request, error) {
	method, body := http.MethodGet, ""
	if post {
		method = http.MethodPost
		text, err := a.read("type the form, such as email=…&password=…, then press Enter and Ctrl-D")
		if err != nil {
			return nil, err
		}
		if body = strings.TrimSpace(text); body == "" {
			return nil, usage("--post needs a form on standard input")
		}
	}
	r, err := http.NewRequest(method, target.String(), strings.NewReader(body))
	if err != nil {
		return nil, usage("this URL can't be requested")
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("User-Agent", "hardtack-doctor")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if post {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", target.Scheme+"://"+target.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r, nil
}

func (a *app) writeFindings(w io.Writer, r doctorResult) {
	fmt.Fprintf(w, "%s: status %d\n", r.URL, r.Status)
	for _, f := range r.Findings {
		fmt.Fprintf(w, "  %s  %s: %s\n", a.coloured(fmt.Sprintf("%-6s", f.Level), f.Level != doctor.Fault), f.Check, f.Text)
	}
}
