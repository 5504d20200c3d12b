package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/hardtack-go/hardtack/examples/internal/site"
	"github.com/hardtack-go/hardtack/serverless"
)

// runtimeAPI stands in for Lambda's Runtime API: it hands out events and takes the
// answers (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type runtimeAPI struct {
	events  chan string
	answers chan result
}

type result struct {
	failed bool
	body   string
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/invocation/"
	switch path, ok := strings.CutPrefix(r.URL.Path, prefix); {
	case ok && path == "next":
		select {
		case e := <-a.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			io.WriteString(w, e)
		case <-r.Context().Done():
		}
	case ok && (path == "1/response" || path == "1/error"):
		body, _ := io.ReadAll(r.Body)
		a.answers <- result{path == "1/error", string(body)}
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

func (a *runtimeAPI) invoke(event string) result {
	a.events <- event
	return <-a.answers
}

// start runs the built function under the real bootstrap of aws-lambda-go.
func start(t *testing.T) *runtimeAPI {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	api := &runtimeAPI{make(chan string), make(chan result)}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, binary)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+server.Listener.Addr().String(),
		"SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the function wrote:\n%s", &output)
		}
	})
	return api
}

func event(t *testing.T, method, path, body string, cookies ...string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "cookies": cookies, "body": body,
		"headers":        map[string]string{"host": "example.com", "content-type": "application/x-www-form-urlencoded"},
		"requestContext": map[string]any{"http": map[string]string{"method": method, "sourceIp": "192.0.2.7"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestE4_RealBootstrap logs in, looks, and logs out through the real bootstrap.
func TestE4_RealBootstrap(t *testing.T) {
	api := start(t)
	do := func(event string) (a events.APIGatewayV2HTTPResponse) {
		t.Helper()
		got := api.invoke(event)
		if err := json.Unmarshal([]byte(got.body), &a); err != nil || got.failed {
			t.Fatalf("%v: %+v", err, got)
		}
		return a
	}
	in := do(event(t, "POST", "/login", "password=open+sesame"))
	if in.StatusCode != 303 || len(in.Cookies) == 0 {
		t.Fatalf("the login: %+v", in)
	}
	cookie, _, _ := strings.Cut(in.Cookies[0], ";")
	if a := do(event(t, "GET", "/", "", cookie)); !strings.Contains(a.Body, "Hello, ada!") {
		t.Errorf("logged in: %+v", a)
	}
	out := do(event(t, "POST", "/logout", "", cookie))
	if out.StatusCode != 303 || len(out.Cookies) != 2 {
		t.Fatalf("the logout: %+v", out)
	}
	barrier, _, _ := strings.Cut(out.Cookies[1], ";")
	if a := do(event(t, "GET", "/", "", cookie, barrier)); strings.Contains(a.Body, "Hello") {
		t.Errorf("logged out: %+v", a)
	}
	// What isn't HTTP is an error of the function, and it stays alive.
	if got := api.invoke(`{"Records":[]}`); !got.failed || !strings.Contains(got.body, "not an HTTP request") {
		t.Errorf("an event of a queue: %+v", got)
	}
	balancer := `{"httpMethod":"GET","path":"/","headers":{"host":"example.com"},"requestContext":{"elb":{}}}`
	if got := api.invoke(balancer); !got.failed || !strings.Contains(got.body, "lambda.multi_value_headers.enabled") {
		t.Errorf("a load balancer without lists: %+v", got)
	}
	if a := do(event(t, "GET", "/", "", cookie)); a.StatusCode != 200 {
		t.Errorf("after errors: %+v", a)
	}
}

// TestE5_OtherAdapter keeps the warning in the documentation of package serverless
// true: the usual adapter takes a cookie that a sibling domain can set for two.
func TestE5_OtherAdapter(t *testing.T) {
	t.Setenv("SESSION_SECRET", "Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe")
	t.Setenv("PASSWORD", "open sesame")
	handler, err := site.New()
	if err != nil {
		t.Fatal(err)
	}
	own := serverless.Lambda(handler)
	out, err := own.Invoke(t.Context(), []byte(event(t, "POST", "/login", "password=open+sesame")))
	if err != nil {
		t.Fatal(err)
	}
	var in events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &in); err != nil || len(in.Cookies) == 0 {
		t.Fatalf("%v, %s", err, out)
	}
	session, _, _ := strings.Cut(in.Cookies[0], ";")

	// A function URL's event has the cookies in the list and in a header.
	attack := strings.Replace(event(t, "GET", "/", "", "x=1, "+session), `"host":`, fmt.Sprintf(`"cookie":%q,"host":`, "x=1, "+session), 1)
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(attack), &e); err != nil {
		t.Fatal(err)
	}
	theirs, err := httpadapter.NewV2(handler).ProxyWithContext(t.Context(), e)
	if err != nil || !strings.Contains(theirs.Body, "Hello, ada!") {
		t.Errorf("aws-lambda-go-api-proxy is not fooled any more: %v, %q; take the warning back", err, theirs.Body)
	}
	if out, err := own.Invoke(t.Context(), []byte(attack)); err != nil || strings.Contains(string(out), "Hello") {
		t.Errorf("and ours: %v, %s", err, out)
	}
}
