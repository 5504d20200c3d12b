package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/hardtack-go/hardtack/examples/internal/function"
	"github.com/hardtack-go/hardtack/examples/internal/site"
	"github.com/hardtack-go/hardtack/serverless"
)

// TestE4_RealBootstrap logs in, looks, and logs out through the real bootstrap.
func TestE4_RealBootstrap(t *testing.T) {
	api := function.StartLambda(t, function.Build(t, "lambda"),
		"SESSION_SECRET=Zx3vQm8Lk2Wn5Rt7Yp1Hs4Jd6Fg9Bc0VaKiUe", "PASSWORD=open sesame")
	do := func(event string) (a events.APIGatewayV2HTTPResponse) {
		t.Helper()
		got := api.Invoke(event)
		if err := json.Unmarshal([]byte(got.Body), &a); err != nil || got.Failed {
			t.Fatalf("%v: %+v", err, got)
		}
		return a
	}
	in := do(function.Event(t, "POST", "/login", "password=open+sesame"))
	if in.StatusCode != 303 || len(in.Cookies) == 0 {
		t.Fatalf("the login: %+v", in)
	}
	cookie, _, _ := strings.Cut(in.Cookies[0], ";")
	if a := do(function.Event(t, "GET", "/", "", cookie)); !strings.Contains(a.Body, "Hello, ada!") {
		t.Errorf("logged in: %+v", a)
	}
	out := do(function.Event(t, "POST", "/logout", "", cookie))
	if out.StatusCode != 303 || len(out.Cookies) != 2 {
		t.Fatalf("the logout: %+v", out)
	}
	barrier, _, _ := strings.Cut(out.Cookies[1], ";")
	if a := do(function.Event(t, "GET", "/", "", cookie, barrier)); strings.Contains(a.Body, "Hello") {
		t.Errorf("logged out: %+v", a)
	}
	// What isn't HTTP is an error of the function, and it stays alive.
	if got := api.Invoke(`{"Records":[]}`); !got.Failed || !strings.Contains(got.Body, "not an HTTP request") {
		t.Errorf("an event of a queue: %+v", got)
	}
	balancer := `{"httpMethod":"GET","path":"/","headers":{"host":"example.com"},"requestContext":{"elb":{}}}`
	if got := api.Invoke(balancer); !got.Failed || !strings.Contains(got.Body, "lambda.multi_value_headers.enabled") {
		t.Errorf("a load balancer without lists: %+v", got)
	}
	if a := do(function.Event(t, "GET", "/", "", cookie)); a.StatusCode != 200 {
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
	out, err := own.Invoke(t.Context(), []byte(function.Event(t, "POST", "/login", "password=open+sesame")))
	if err != nil {
		t.Fatal(err)
	}
	var in events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &in); err != nil || len(in.Cookies) == 0 {
		t.Fatalf("%v, %s", err, out)
	}
	session, _, _ := strings.Cut(in.Cookies[0], ";")

	// A function URL's event has the cookies in the list and in a header.
	attack := function.Event(t, "GET", "/", "", "x=1, "+session)
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
