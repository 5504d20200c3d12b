package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/bench/contest"
	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// edge measures how soon the examples for Lambda and Workers answer after they start, and
// how long a Worker takes to read a session. Workers run on workerd, which npm ci installs
// in the folder examples.
func (b *bench) edge() error {
	tmp, err := os.MkdirTemp("", "hardtack-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	e, err := b.newEdge(tmp)
	if err != nil {
		return err
	}
	defer e.api.Close()
	cases := []measure.Case{
		{Name: "empty Go program, to its end", Batch: each(func() (time.Duration, error) {
			start := time.Now()
			err := exec.Command(filepath.Join(tmp, "empty")).Run()
			return time.Since(start), err
		})},
		{Name: "Lambda, start to the first verified cookie", Batch: each(e.lambda)},
	}
	if e.workerd == "" {
		b.note("workerd is not installed: run npm ci in examples")
	} else {
		for _, w := range []struct{ name, config string }{{"reads nothing", "empty"}, {"JavaScript reader", "javascript"}, {"Go reactor", "reactor"}} {
			cases = append(cases, measure.Case{Name: "workerd, first request, " + w.name, Batch: each(func() (time.Duration, error) {
				server, err := e.serve(w.config)
				if err != nil {
					return 0, err
				}
				defer server.stop()
				return server.read(1)
			})})
		}
	}
	// A start is longer than any batch, so each round has one of each.
	options := b.options
	defer func() { b.options = options }()
	b.options.Batch = time.Nanosecond
	if err := b.measure(report.Table{ID: "cold", Title: "Cold start"}, cases); err != nil || e.workerd == "" {
		return err
	}
	// Whether V8 finds the time to compile a function well decides for the whole life of
	// a process, so each round has processes of its own here too.
	cases = nil
	for _, w := range []struct{ name, config string }{{"JavaScript reader", "javascript"}, {"Go reactor", "reactor"}} {
		cases = append(cases, measure.Case{Name: w.name, Batch: each(func() (time.Duration, error) {
			const warm, count = 10_000, 2000
			server, err := e.serve(w.config)
			if err != nil {
				return 0, err
			}
			defer server.stop()
			if _, err := server.read(warm); err != nil {
				return 0, err
			}
			took, err := server.read(count)
			return took / count, err
		})})
	}
	b.note("the Go reactor also finds the user, commits the session and makes a page")
	return b.measure(report.Table{ID: "read", Title: "One read on workerd, warm"}, cases)
}

// each is a batch of operations that say how long they took.
func each(do func() (time.Duration, error)) func(int) (time.Duration, error) {
	return func(n int) (sum time.Duration, err error) {
		for range n {
			d, err := do()
			if err != nil {
				return 0, err
			}
			sum += d
		}
		return sum, nil
	}
}

// edge is what the programs share: their environment, and a session of the user ada.
type edge struct {
	dir, tmp    string
	workerd     string // "" if it is not installed
	environment []string
	cookie      string

	// A stand-in for Lambda's Runtime API hands out one event to every process, and
	// takes the answer.
	api     *httptest.Server
	events  chan struct{}
	answers chan string
}

// newEdge builds the programs into tmp.
func (b *bench) newEdge(tmp string) (*edge, error) {
	const examples = "github.com/hardtack-go/hardtack/examples"
	if err := errors.Join(
		b.build(filepath.Join(tmp, "empty"), "", "", "./start/empty"),
		b.build(filepath.Join(tmp, "bootstrap"), "", "", path.Join(examples, "lambda"), "-tags=lambda.norpc"),
		b.build(filepath.Join(tmp, "app.wasm"), "wasip1", "wasm", path.Join(examples, "worker"), "-buildmode=c-shared"),
	); err != nil {
		return nil, err
	}
	const secret, password = "Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "open sesame"
	ring, err := keyring.FromSecrets(keyring.Secrets{Primary: secret})
	if err != nil {
		return nil, err
	}
	store, err1 := ssestore.New(ssestore.Config{Keys: ring})
	users, err2 := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) { return id, nil },
		ID:       func(id string) string { return id },
		Stamp:    func(string) string { return password },
	})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	s := store.Load(nil, time.Now())
	if err := users.Login(context.Background(), s, "ada"); err != nil {
		return nil, err
	}
	out, err := s.Commit(http.StatusOK)
	if err != nil {
		return nil, err
	}
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	_, value, _ := strings.Cut(pair, "=")
	barrier := keyring.Label{Purpose: "barrier", Name: cookie.DefaultName}
	e := &edge{
		dir: b.dir, tmp: tmp, events: make(chan struct{}, 1), answers: make(chan string, 1),
		cookie: contest.Header(cookie.DefaultName, value)[0],
		environment: append(os.Environ(), "SESSION_SECRET="+secret, "PASSWORD="+password,
			fmt.Sprintf(`SESSION_READ_KEYS={"keys":[%s,%s]}`, ring.Primary().ExportJWK(cookie.SealLabel(cookie.DefaultName, "")), ring.Primary().ExportJWK(barrier))),
	}
	if found, _ := filepath.Glob(filepath.Join(b.dir, "..", "examples", "node_modules", "@cloudflare", "workerd-*", "bin", "workerd")); len(found) > 0 {
		e.workerd = found[0]
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": "/", "headers": map[string]string{"host": "example.com"}, "cookies": strings.Split(e.cookie, "; "),
		"requestContext": map[string]any{"http": map[string]string{"method": "GET", "sourceIp": "192.0.2.7"}},
	})
	if err != nil {
		return nil, err
	}
	e.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			e.answers <- string(body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		select {
		case <-e.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Write(event)
		case <-r.Context().Done(): // the process was killed
		}
	}))
	return e, nil
}

// lambda runs the function and returns how long it took to its first answer.
func (e *edge) lambda() (time.Duration, error) {
	cmd := exec.Command(filepath.Join(e.tmp, "bootstrap"))
	cmd.Env = append(e.environment, "AWS_LAMBDA_RUNTIME_API="+e.api.Listener.Addr().String())
	e.events <- struct{}{}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	answer := "nothing"
	select {
	case answer = <-e.answers:
	case <-time.After(time.Minute):
	}
	took := time.Since(start)
	if !strings.Contains(answer, "Hello, ada!") {
		return 0, fmt.Errorf("the function answers %s", answer)
	}
	return took, nil
}

// A worker is a running workerd.
type worker struct {
	cmd         *exec.Cmd
	url, cookie string
}

// serve starts workerd with a configuration of edge/config.capnp.
func (e *edge) serve(config string) (*worker, error) {
	events, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer events.Close()
	cmd := exec.Command(e.workerd, "serve", filepath.Join(e.dir, "edge", "config.capnp"), config, "-I", e.tmp, "--control-fd", "3")
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = e.environment, []*os.File{theirs}, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	theirs.Close()
	w := &worker{cmd: cmd, cookie: e.cookie}
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var event struct {
			Event string
			Port  int
		}
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Event == "listen" {
			w.url = fmt.Sprintf("http://127.0.0.1:%d", event.Port)
			return w, nil
		}
	}
	w.stop()
	return nil, errors.New("workerd doesn't start")
}

func (w *worker) stop() {
	w.cmd.Process.Kill()
	w.cmd.Wait()
}

// read has the worker read the session n times and returns how long that took. The clock
// of a Worker stands still during a request, so it is timed here.
func (w *worker) read(n int) (sum time.Duration, err error) {
	const most = 500 // in one request; among thousands of promises each takes longer
	for ; n > 0; n -= most {
		took, err := w.request(min(n, most))
		if err != nil {
			return 0, err
		}
		sum += took
	}
	return sum, nil
}

// request sends one request.
func (w *worker) request(n int) (time.Duration, error) {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/?n=%d", w.url, n), nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Cookie", w.cookie)
	start := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	took := time.Since(start)
	if err != nil || !strings.Contains(string(page), "ada") {
		return 0, fmt.Errorf("the Worker answers %q: %w", page, err)
	}
	return took, nil
}
