package advisories_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/serverless"
)

// The events are written after AWS's documentation, cut to what matters.
const (
	httpEvent = `{"version":"2.0","rawPath":%q,"rawQueryString":%q,"cookies":[%s],"headers":{"host":"example.com","sec-fetch-site":"same-origin"},
		"requestContext":{"domainName":"example.com","http":{"method":%q,"path":"/","sourceIp":"192.0.2.7"}}}`
	restEvent = `{"httpMethod":"GET","path":"/who","multiValueHeaders":{"Host":["example.com"],%s},"requestContext":{"domainName":"example.com","identity":{"sourceIp":"192.0.2.7"}}}`
	albEvent  = `{"httpMethod":"POST","path":%q,%s,"multiValueQueryStringParameters":{"id":["ann"]},"requestContext":{"elb":{"targetGroupArn":"arn"}}}`
)

// lambdaAnswer is that of any gateway.
type lambdaAnswer struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Cookies           []string
	Body              string
}

func invoke(t *testing.T, h *serverless.Handler, event string) (a lambdaAnswer, err error) {
	t.Helper()
	out, err := h.Invoke(t.Context(), []byte(event))
	if err == nil {
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatal(err)
		}
	}
	return a, err
}

func TestAdvisory_CVE_2026_54287_CookiesJoinedByCommas(t *testing.T) {
	h := serverless.Lambda(newSite(t, nil).server.Config.Handler)
	logout := fmt.Sprintf(httpEvent, "/logout", "", `"x=1"`, "POST")
	two := func(where string, lines []string) {
		t.Helper()
		if len(lines) != 2 || !strings.HasPrefix(lines[0], sessionName+"=") && !strings.HasPrefix(lines[1], sessionName+"=") {
			t.Errorf("%s: %q", where, lines)
		}
	}
	login, err := invoke(t, h, fmt.Sprintf(httpEvent, "/login", "id=ann", "", "POST"))
	if err != nil || len(login.Cookies) != 1 {
		t.Fatalf("%v: %q", err, login.Cookies)
	}
	pair, _, _ := strings.Cut(login.Cookies[0], ";")
	logout = strings.Replace(logout, `"x=1"`, fmt.Sprintf("%q", pair), 1)
	a, err := invoke(t, h, logout)
	if err != nil {
		t.Fatal(err)
	}
	two("HTTP API", a.Cookies)

	// A load balancer with lists carries each line.
	a, err = invoke(t, h, fmt.Sprintf(albEvent, "/logout", fmt.Sprintf(`"multiValueHeaders":{"host":["example.com"],"sec-fetch-site":["same-origin"],"cookie":[%q]}`, pair)))
	if err != nil {
		t.Fatal(err)
	}
	two("load balancer", a.MultiValueHeaders["Set-Cookie"])

	// One without them can carry a single line. More are an error, and never one value.
	alone := fmt.Sprintf(albEvent, "/logout", fmt.Sprintf(`"headers":{"host":"example.com","sec-fetch-site":"same-origin","cookie":%q}`, pair))
	for _, allow := range []bool{false, true} {
		h.AllowSingleValueALB = allow
		var refused *serverless.SingleValueError
		if a, err := invoke(t, h, alone); !errors.As(err, &refused) {
			t.Errorf("allowed %t: %v, %+v", allow, err, a)
		}
	}
}

func TestAdvisory_CVE_2026_59897_RepeatedHeaderDropped(t *testing.T) {
	var got http.Header
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }))
	addresses := []string{"203.0.113.10", "203.0.113.1", "203.0.113.10", "3.0.113.1"}
	cookies := []string{"a=11; b=2", "a=1", "b=2"}
	list := func(s []string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if _, err := invoke(t, h, fmt.Sprintf(restEvent, `"X-Forwarded-For":`+list(addresses)+`,"cookie":`+list(cookies))); err != nil {
		t.Fatal(err)
	}
	same(t, "addresses", list(got["X-Forwarded-For"]), list(addresses))
	same(t, "cookies", strings.Join(got["Cookie"], "; "), strings.Join(cookies, "; "))
}

// An instance that serves one request after the other, as a worker does.
func TestAdvisory_CVE_2026_24894_SessionOfTheRequestBefore(t *testing.T) {
	s := newSite(t, nil)
	h := serverless.Lambda(s.server.Config.Handler)
	get := func(path, query string, cookies ...string) lambdaAnswer {
		t.Helper()
		list := ""
		if len(cookies) > 0 {
			list = fmt.Sprintf("%q", strings.Join(cookies, "; "))
		}
		a, err := invoke(t, h, fmt.Sprintf(httpEvent, path, query, list, "GET"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	session := map[string]string{}
	for _, id := range []string{"ann", "bob"} {
		b := s.browser()
		b.login(id)
		b.do("GET", "/set?v=note-of-"+id)
		session[id] = b.header()
	}
	for range 20 {
		for _, id := range []string{"ann", "bob"} {
			same(t, "user", get("/who", "", session[id]).Body, id)
			same(t, "note", get("/get", "", session[id]).Body, "note-of-"+id)
			get("/set", "v=changed", session[id]) // and its cookie is lost
			if a := get("/who", ""); a.Body != "nobody" || len(a.Cookies) != 0 {
				t.Fatalf("without a cookie after %s: %+v", id, a)
			}
			same(t, "nobody's note", get("/get", "").Body, "")
		}
	}
	// Nor does one server share anything between requests at once.
	done := make(chan error)
	session["nobody"] = "x=1"
	ids := []string{"ann", "bob", "nobody"}
	for i := range 30 {
		go func() {
			id := ids[i%3]
			for range 20 {
				req, _ := http.NewRequest("GET", s.server.URL+"/who", nil)
				req.Header.Set("Cookie", session[id])
				res, err := s.server.Client().Do(req)
				if err != nil {
					done <- err
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(body) != id {
					done <- fmt.Errorf("%s got %q, %v", id, body, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 30 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
