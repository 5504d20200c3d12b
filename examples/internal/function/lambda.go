// Package function runs the examples lambda and cloudrun as their platforms do, for
// tests.
package function

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A Lambda is a function under the real bootstrap of aws-lambda-go, which talks to a
// stand-in for Lambda's Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
type Lambda struct {
	t       *testing.T
	events  chan string
	answers chan Answer
}

// An Answer is what a function returned: JSON, or an error.
type Answer struct {
	Failed bool
	Body   string
}

// StartLambda runs a binary that Build has made, until the test ends.
func StartLambda(t *testing.T, binary string, environment ...string) *Lambda {
	t.Helper()
	f := &Lambda{t, make(chan string), make(chan Answer)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	start(t, binary, append(environment, "AWS_LAMBDA_RUNTIME_API="+server.Listener.Addr().String()))
	return f
}

func (f *Lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/invocation/"
	switch path, ok := strings.CutPrefix(r.URL.Path, prefix); {
	case ok && path == "next":
		select {
		case e := <-f.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			io.WriteString(w, e)
		case <-r.Context().Done():
		}
	case ok && (path == "1/response" || path == "1/error"):
		body, _ := io.ReadAll(r.Body)
		f.answers <- Answer{path == "1/error", string(body)}
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

// Invoke has the function answer an event.
func (f *Lambda) Invoke(event string) Answer {
	f.t.Helper()
	const patience = time.Minute
	select {
	case f.events <- event:
		return <-f.answers
	case <-time.After(patience):
		f.t.Fatal("the function asks for no event")
	}
	return Answer{}
}

// Event is an event of a function URL, which has each cookie twice: in a list and in a
// header.
func Event(t *testing.T, method, path, body string, cookies ...string) string {
	t.Helper()
	headers := map[string]string{"host": "example.com", "content-type": "application/x-www-form-urlencoded"}
	if len(cookies) > 0 {
		headers["cookie"] = strings.Join(cookies, "; ")
	}
	b, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "headers": headers, "cookies": cookies, "body": body,
		"requestContext": map[string]any{"http": map[string]string{"method": method, "sourceIp": "192.0.2.7"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
