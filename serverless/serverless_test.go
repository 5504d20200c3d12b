package serverless_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/serverless"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The events are written after AWS's documentation, cut to what matters.
const (
	httpAPI = `{"version":"2.0","rawPath":%q,"rawQueryString":"a=1&a=2&b=%%20c%%26%%2B","cookies":%s,
		"headers":{"host":"example.com","accept":"text/html, */*","if-none-match":"\"a\", \"b\""%s},
		"requestContext":{"domainName":"gateway.example","http":{"method":%q,"path":"/","sourceIp":"192.0.2.7"}},
		"body":%q,"isBase64Encoded":false}`
	restAPI = `{"httpMethod":%q,"path":%q,%s,"multiValueQueryStringParameters":{"b":[" c&+"],"a":["1","2"]},
		"requestContext":{"domainName":"gateway.example","identity":{"sourceIp":"192.0.2.7"}},"body":%q,"isBase64Encoded":false}`
	balancer = `{"httpMethod":%q,"path":%q,%s,"multiValueQueryStringParameters":{"b":["%%20c%%26%%2B"],"a":["1","2"]},
		"requestContext":{"elb":{"targetGroupArn":"arn"}},"body":%q,"isBase64Encoded":false}`
)

// answer is any of the answers.
type answer struct {
	StatusCode        int
	StatusDescription string
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Cookies           []string
	Body              string
	IsBase64Encoded   bool
}

// setCookies returns the Set-Cookie lines as the gateway would send them.
func (a answer) setCookies() []string {
	lines := append(a.Cookies, a.MultiValueHeaders["Set-Cookie"]...)
	if one, ok := a.Headers["Set-Cookie"]; ok {
		lines = append(lines, one)
	}
	return lines
}

func invoke(t *testing.T, h *serverless.Handler, event string) answer {
	t.Helper()
	if !json.Valid([]byte(event)) {
		t.Fatalf("this event isn't JSON: %s", event)
	}
	out, err := h.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return a
}

// shape makes the events of one kind.
type shape struct {
	name string
	// event makes one with these cookies, each as a header line or a list entry.
	event func(method, path, body string, cookies ...string) string
}

func quoted(list []string) string {
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// shapes is every kind of event that can carry any response.
var shapes = []shape{
	{"HTTP API", func(method, path, body string, cookies ...string) string {
		if cookies == nil {
			cookies = []string{}
		}
		return fmt.Sprintf(httpAPI, path, quoted(cookies), "", method, body)
	}},
	{"function URL", func(method, path, body string, cookies ...string) string {
		header := ""
		if len(cookies) > 0 {
			header = fmt.Sprintf(`,"cookie":%q`, strings.Join(cookies, "; "))
		}
		return fmt.Sprintf(httpAPI, path, quoted(cookies), header, method, body)
	}},
	{"REST API, multi", func(method, path, body string, cookies ...string) string {
		return fmt.Sprintf(restAPI, method, path, multi(cookies, "Host"), body)
	}},
	{"REST API, single", func(method, path, body string, cookies ...string) string {
		return fmt.Sprintf(restAPI, method, path, single(cookies), body)
	}},
	{"REST API, both maps", func(method, path, body string, cookies ...string) string {
		last := cookies[max(0, len(cookies)-1):] // the short map has the last line of each header
		return fmt.Sprintf(restAPI, method, path, single(last)+","+multi(cookies, "Host"), body)
	}},
	{"REST API, null map", func(method, path, body string, cookies ...string) string {
		return fmt.Sprintf(restAPI, method, path, single(cookies)+`,"multiValueHeaders":null`, body)
	}},
	{"REST API, empty map", func(method, path, body string, cookies ...string) string {
		return fmt.Sprintf(restAPI, method, path, single(cookies)+`,"multiValueHeaders":{}`, body)
	}},
	{"load balancer", func(method, path, body string, cookies ...string) string {
		return fmt.Sprintf(balancer, method, path, multi(cookies, "host"), body)
	}},
}

const lists = `"accept":"text/html, */*","if-none-match":"\"a\", \"b\"","x-forwarded-for":"203.0.113.9, 192.0.2.7"`

func single(cookies []string) string {
	if len(cookies) == 0 {
		return `"headers":{"Host":"example.com",` + lists + `}`
	}
	return fmt.Sprintf(`"headers":{"Host":"example.com","CooKie":%q,%s}`, strings.Join(cookies, "; "), lists)
}

func multi(cookies []string, host string) string {
	line := ""
	if len(cookies) > 0 {
		line = fmt.Sprintf(`,"COOKIE":%s`, quoted(cookies))
	}
	return fmt.Sprintf(`"multiValueHeaders":{%q:["example.com"],"accept":["text/html, */*"],"if-none-match":["\"a\", \"b\""],"x-forwarded-for":["203.0.113.9, 192.0.2.7"]%s}`, host, line)
}

// TestE1_Requests: whatever the event, the handler sees what a server would have seen.
func TestE1_Requests(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			var got *http.Request
			var body string
			h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got, body = r, string(b)
			}))
			event := s.event("POST", "/a%2Fb/%C3%BC", "x=1", "a=1", "b=2")
			invoke(t, h, event)
			for what, pair := range map[string][2]string{
				"method":        {got.Method, "POST"},
				"host":          {got.Host, "example.com"},
				"path":          {got.URL.Path, "/a/b/ü"},
				"raw path":      {got.URL.EscapedPath(), "/a%2Fb/%C3%BC"},
				"query":         {fmt.Sprint(got.URL.Query()), "map[a:[1 2] b:[ c&+]]"},
				"address":       {got.RemoteAddr, "192.0.2.7:0"},
				"body":          {body, "x=1"},
				"length":        {fmt.Sprint(got.ContentLength), "3"},
				"cookies":       {fmt.Sprint(got.Cookies()), "[a=1 b=2]"},
				"Accept":        {fmt.Sprintf("%q", got.Header["Accept"]), `["text/html, */*"]`},
				"If-None-Match": {fmt.Sprintf("%q", got.Header["If-None-Match"]), `["\"a\", \"b\""]`},
				"Host header":   {fmt.Sprint(got.Header["Host"]), "[]"},
				"event":         {string(serverless.Event(got.Context())), event},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
				}
			}
			if !strings.HasPrefix(got.RequestURI, "/a%2Fb/") || !strings.Contains(got.RequestURI, "?") {
				t.Errorf("RequestURI %q", got.RequestURI)
			}
		})
	}
	if serverless.Event(t.Context()) != nil {
		t.Error("an event where there is none")
	}
}

// TestE1_HeaderCase: a header is one however it is spelled, and its lines stay lines.
func TestE1_HeaderCase(t *testing.T) {
	var got http.Header
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	for _, row := range []struct{ maps, want string }{
		{`"headers":{"ACCEPT":"a","accept-language":"b"}`, `map["Accept":["a"] "Accept-Language":["b"]]`},
		{`"headers":{"Cookie":"a=1","cookie":"b=2"}`, `map["Cookie":["a=1" "b=2"]]`},
		{`"headers":null,"multiValueHeaders":{"cookie":["a=1","b=2"],"CoOkIe":["c=3"]}`, `map["Cookie":["c=3" "a=1" "b=2"]]`},
		{`"headers":{"x-a":"2"},"multiValueHeaders":{"X-A":["1","2"]}`, `map["X-A":["1" "2"]]`},
		{`"headers":{"x-a":"1"},"multiValueHeaders":{}`, `map["X-A":["1"]]`},
		{`"headers":{},"multiValueHeaders":{"x-a":null}`, `map["X-A":[]]`},
		{`"headers":null,"multiValueHeaders":null,"queryStringParameters":null,"multiValueQueryStringParameters":null,"body":null`, `map[]`}, // the console's test
	} {
		invoke(t, h, `{"httpMethod":"GET","path":"/",`+row.maps+`}`)
		if text := fmt.Sprintf("%q", got); text != row.want {
			t.Errorf("%s: %s, want %s", row.maps, text, row.want)
		}
	}
}

// TestE1_EncodedBody: a body that comes in base64, as forms do from some gateways, is
// decoded.
func TestE1_EncodedBody(t *testing.T) {
	var got []byte
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = io.ReadAll(r.Body) }))
	for _, s := range shapes {
		for _, body := range []string{"", "id=42", "\xff\x00"} {
			event := s.event("POST", "/", base64.StdEncoding.EncodeToString([]byte(body)))
			invoke(t, h, strings.Replace(event, `"isBase64Encoded":false`, `"isBase64Encoded":true`, 1))
			if string(got) != body {
				t.Errorf("%s: %q, want %q", s.name, got, body)
			}
		}
	}
}

// TestE1_OneMapOfParameters: the query of an event that has only the short map.
func TestE1_OneMapOfParameters(t *testing.T) {
	var got string
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RawQuery }))
	invoke(t, h, `{"httpMethod":"GET","queryStringParameters":{"b":"2","a":"1&"},"multiValueQueryStringParameters":null}`)
	if got != "a=1%26&b=2" {
		t.Errorf("the query is %q", got)
	}
}

// TestE2_Paths: an encoded path is decoded once, and a decoded one isn't decoded again.
func TestE2_Paths(t *testing.T) {
	for _, row := range []struct{ sent, path, escaped string }{
		{"/", "/", "/"},
		{"", "/", "/"},
		{"a", "/a", "/a"},
		{"/a b", "/a b", "/a%20b"},
		{"/50%", "/50%", "/50%25"},
		{"/50% off?", "/50% off?", "/50%25%20off%3F"},
		{"/a%20b", "/a b", "/a%20b"},
		{"/a%2Fb", "/a/b", "/a%2Fb"},
		{"//evil.example/", "//evil.example/", "//evil.example/"},
	} {
		for _, s := range shapes {
			var got *http.Request
			invoke(t, serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })), s.event("GET", row.sent, ""))
			if got.URL.Path != row.path || got.URL.EscapedPath() != row.escaped {
				t.Errorf("%s, %q: %q and %q, want %q and %q", s.name, row.sent, got.URL.Path, got.URL.EscapedPath(), row.path, row.escaped)
			}
		}
	}
}

// TestE3_Responses: the browser gets what the handler wrote.
func TestE3_Responses(t *testing.T) {
	for _, row := range []struct {
		name    string
		method  string
		handler http.HandlerFunc
		status  int
		header  string // Content-Type
		body    string
		base64  bool
		cookies int
	}{
		{"nothing", "GET", func(http.ResponseWriter, *http.Request) {}, 200, "", "", false, 0},
		{"text", "GET", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<p>ü") }, 200, "text/html; charset=utf-8", "<p>ü", false, 0},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<p>") }, 200, "", "", false, 0},
		{"binary", "GET", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff, 0}) }, 200, "application/octet-stream", "/wA=", true, 0},
		{"compressed", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "abc")
		}, 200, "", "YWJj", true, 0},
		{"own type", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/css")
			io.WriteString(w, "<p>")
		}, 200, "text/css", "<p>", false, 0},
		{"no type", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<p>")
		}, 200, "", "<p>", false, 0},
		{"103 first", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK) // too late
			w.Header().Set("Content-Type", "text/late")
		}, 418, "", "", false, 0},
		{"204 with a body", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("writing a body after 204: %v", err)
			}
		}, 204, "", "", false, 0},
		{"304", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
			io.WriteString(w, "x")
		}, 304, "", "", false, 0},
		{"101", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusSwitchingProtocols)
			io.WriteString(w, "x")
		}, 101, "", "", false, 0},
		{"cookies", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "a=1; Expires=Thu, 26 Nov 2026 12:00:00 GMT")
			w.Header().Add("Set-Cookie", "b=2")
		}, 200, "", "", false, 2},
	} {
		for _, s := range shapes {
			a := invoke(t, serverless.Lambda(row.handler), s.event(row.method, "/", ""))
			h := http.Header(a.MultiValueHeaders)
			if h == nil {
				h = http.Header{}
			}
			for name, value := range a.Headers {
				h.Set(name, value)
			}
			if a.StatusCode != row.status || h.Get("Content-Type") != row.header || a.Body != row.body || a.IsBase64Encoded != row.base64 || len(a.setCookies()) != row.cookies {
				t.Errorf("%s, %s: %+v", s.name, row.name, a)
			}
			balancer, list := s.name == "load balancer", s.name == "HTTP API" || s.name == "function URL"
			if (a.StatusDescription != "") != balancer || list && a.MultiValueHeaders != nil || !list && (a.Headers != nil || a.Cookies != nil) {
				t.Errorf("%s, %s: not the answer for this event: %+v", s.name, row.name, a)
			}
		}
	}
}

// TestE3_Lists: a header of several lines goes in several values where the answer can have
// them, and else as the list that it is.
func TestE3_Lists(t *testing.T) {
	h := serverless.Lambda(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("vary", "Cookie")
		w.Header().Add("VARY", "Accept")
	}))
	for _, s := range shapes {
		a := invoke(t, h, s.event("GET", "/", ""))
		if one, list := a.Headers["Vary"], fmt.Sprint(a.MultiValueHeaders["Vary"]); one != "Cookie, Accept" && list != "[Cookie Accept]" {
			t.Errorf("%s: %+v", s.name, a)
		}
	}
}

// TestE3_HopByHop: headers about a connection stay behind.
func TestE3_HopByHop(t *testing.T) {
	h := serverless.Lambda(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Connection", "Transfer-Encoding", "Trailer", "Content-Length", "X-Kept"} {
			w.Header().Set(name, "1")
		}
	}))
	for _, s := range shapes {
		for method, want := range map[string]int{"GET": 1, "HEAD": 2} { // a HEAD says how long the GET would be
			a := invoke(t, h, s.event(method, "/", ""))
			if n := len(a.Headers) + len(a.MultiValueHeaders); n != want {
				t.Errorf("%s, %s: %+v", s.name, method, a)
			}
		}
	}
}

// TestE3_Headers: what net/http does with odd headers of a handler happens here too. A
// gateway gets no line break, no name twice in two spellings, and no null.
func TestE3_Headers(t *testing.T) {
	h := serverless.Lambda(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		live := w.Header()
		live["X-Name"] = []string{" Ann\r\nSet-Cookie: a=b\n"}
		live["Date"] = nil // how net/http is told to leave one out
		live["Content-Type"] = nil
		live[http.TrailerPrefix+"X-Sum"] = []string{"1"}
		live["x-a\r\nx-b"] = []string{"1"}
		live["set-cookie"] = []string{"a=1", "b=2"}
		live["Set-Cookie"] = []string{"c=3"}
		io.WriteString(w, "<p>")
	}))
	for _, s := range shapes {
		a := invoke(t, h, s.event("GET", "/", ""))
		all := map[string][]string{}
		for name, value := range a.Headers {
			all[name] = []string{value}
		}
		for name, values := range a.MultiValueHeaders {
			all[name] = values
		}
		delete(all, "Set-Cookie")
		if got := fmt.Sprintf("%q", all); got != `map["X-Name":["Ann  Set-Cookie: a=b"]]` {
			t.Errorf("%s: the headers are %s", s.name, got)
		}
		if got := fmt.Sprint(a.setCookies()); got != "[c=3 a=1 b=2]" {
			t.Errorf("%s: the cookies are %s", s.name, got)
		}
	}
}

// app is an application with a login.
func app(t *testing.T, c ssestore.Config) *serverless.Handler {
	t.Helper()
	ring, err := keyring.New(keyring.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = ring
	store, err := ssestore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) { return id, nil },
		ID:       func(id string) string { return id },
		Stamp:    func(id string) string { return "hash of " + id },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{OnMistake: func(_ *http.Request, err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, r.FormValue("id")); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /who", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, id string, ok bool) {
		fmt.Fprintf(w, "user %q", id)
	}))
	mux.Handle("POST /logout", guard.LogoutHandler("/"))
	return serverless.Lambda(guard.Handler(mux))
}

func form(event string) string {
	return strings.NewReplacer(`"accept":"`, `"content-type":"application/x-www-form-urlencoded","accept":"`,
		`"accept":["`, `"content-type":["application/x-www-form-urlencoded"],"accept":["`).Replace(event)
}

func pairs(lines []string) (cookies []string) {
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		cookies = append(cookies, pair)
	}
	return cookies
}

// TestE4_LoginToLogout: a session lives and ends the same way whatever carries it.
func TestE4_LoginToLogout(t *testing.T) {
	for _, s := range shapes {
		h := app(t, ssestore.Config{})
		cookies := pairs(invoke(t, h, form(s.event("POST", "/login", "id=42"))).setCookies())
		if len(cookies) == 0 {
			t.Fatalf("%s: the login sets no cookie", s.name)
		}
		if a := invoke(t, h, s.event("GET", "/who", "", cookies...)); a.Body != `user "42"` {
			t.Errorf("%s: logged in: %+v", s.name, a)
		}
		out := invoke(t, h, s.event("POST", "/logout", "", cookies...)).setCookies()
		if len(out) != 2 {
			t.Errorf("%s: the logout sets %q", s.name, out)
		}
		// A late answer may bring the session back. The barrier, in the second line,
		// ends it all the same.
		back := append([]string{cookies[0]}, pairs(out[1:])...)
		if a := invoke(t, h, s.event("GET", "/who", "", back...)); a.Body != `user ""` {
			t.Errorf("%s: logged out: %+v", s.name, a)
		}
	}
}

// TestE5_CommaAttack: a cookie that any sibling domain can set, with a comma in its
// value, brings nobody's session in, whoever is logged in meanwhile.
func TestE5_CommaAttack(t *testing.T) {
	for _, s := range shapes {
		h := app(t, ssestore.Config{})
		login := func(id string) string {
			return pairs(invoke(t, h, form(s.event("POST", "/login", "id="+id))).setCookies())[0]
		}
		evil, own := login("666"), login("42")
		if !strings.HasPrefix(evil, "__Host-session=") {
			t.Fatalf("the cookie is %q", evil)
		}
		for _, row := range []struct {
			cookies []string
			want    string
		}{
			{[]string{evil}, `user "666"`}, // the power check
			{[]string{"x=1, " + evil}, `user ""`},
			{[]string{"x=1," + evil}, `user ""`},
			{[]string{own, own}, `user "42"`}, // twice the same is once
			{[]string{"x=1, " + evil, own}, `user "42"`},
			{[]string{own, "x=1, " + evil}, `user "42"`},
		} {
			if a := invoke(t, h, s.event("GET", "/who", "", row.cookies...)); a.Body != row.want {
				t.Errorf("%s, %q: %s, want %s", s.name, row.cookies, a.Body, row.want)
			}
		}
	}
}

// TestE5_ListAlone: where there is a list of cookies, the header isn't read as well.
func TestE5_ListAlone(t *testing.T) {
	var got []string
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header["Cookie"] }))
	for _, row := range []struct{ list, header, want string }{
		{`["a=1","b=2"]`, `,"cookie":"a=1; b=2"`, `["a=1; b=2"]`},
		{`["a=1"]`, `,"cookie":"evil=1"`, `["a=1"]`},
		{`["a=1"]`, `,"Cookie":"evil=1","COOKIE":"evil=2"`, `["a=1"]`},
		{`null`, `,"cookie":"a=1, b=2; c=3"`, `["a=1, b=2; c=3"]`},
		{`[]`, `,"cookie":"a=1"`, `["a=1"]`},
		{`[]`, ``, `[]`},
	} {
		invoke(t, h, fmt.Sprintf(httpAPI, "/", row.list, row.header, "GET", ""))
		if fmt.Sprintf("%q", got) != row.want {
			t.Errorf("list %s, header %s: %q, want %s", row.list, row.header, got, row.want)
		}
	}
}

// TestE6_SingleValue: a load balancer that carries one value of each header is refused
// at once, and not when somebody logs out.
func TestE6_SingleValue(t *testing.T) {
	event := func(path string, cookies ...string) string {
		return fmt.Sprintf(balancer, "POST", path, strings.Replace(single(cookies), `"accept":`, `"content-type":"application/x-www-form-urlencoded","accept":`, 1), "id=42")
	}
	h := app(t, ssestore.Config{})
	_, err := h.Invoke(t.Context(), []byte(event("/login")))
	var refused *serverless.SingleValueError
	if !errors.As(err, &refused) || refused.SetCookies != 0 || strings.Contains(err.Error(), "0") || !strings.Contains(err.Error(), "lambda.multi_value_headers.enabled") {
		t.Errorf("refused with %v", err)
	}

	h.AllowSingleValueALB = true
	a := invoke(t, h, event("/login"))
	if len(a.setCookies()) != 1 || a.MultiValueHeaders != nil || a.StatusDescription != "200 OK" {
		t.Errorf("allowed: %+v", a)
	}
	_, err = h.Invoke(t.Context(), []byte(event("/logout", pairs(a.setCookies())...)))
	if !errors.As(err, &refused) || refused.SetCookies != 2 || !strings.Contains(err.Error(), "2 Set-Cookie lines") || !strings.Contains(err.Error(), "lambda.multi_value_headers.enabled") {
		t.Errorf("the logout: %v", err)
	}

	h = app(t, ssestore.Config{DangerouslySkipBarrier: true})
	h.AllowSingleValueALB = true
	cookies := pairs(invoke(t, h, event("/login")).setCookies())
	if a := invoke(t, h, event("/logout", cookies...)); len(a.setCookies()) != 1 || a.StatusCode != 303 {
		t.Errorf("without a barrier: %+v", a)
	}
}

// TestE7_NoEvent: what isn't an HTTP event is an error that doesn't repeat it.
func TestE7_NoEvent(t *testing.T) {
	h := serverless.Lambda(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler runs") }))
	for _, event := range []string{
		``, `null`, `[]`, `{}`, `{"Records":[{"s3":{"key":"private"}}]}`, `{"httpMethod":7}`, `{"rawPath":"/"}`,
		`{"httpMethod":"GET","headers":{"cookie":["private"]}}`,
		`{"httpMethod":"private method","path":"/"}`,
		`{"httpMethod":"GET","path":"/","body":"*private*","isBase64Encoded":true}`,
		`{"httpMethod":"GET","path":"/","headers":{"a b":"private"}}`,
		`{"httpMethod":"GET","path":"/","headers":{"":"private"}}`,
		`{"httpMethod":"GET","path":"/","headers":{"é":"private"}}`,
		`{"httpMethod":"GET","path":"/","headers":{"x":"private\r\nY: 1"}}`,
		`{"httpMethod":"GET","path":"/","multiValueHeaders":{"x":["1","private\u0000"]}}`,
		`{"httpMethod":"GET","path":"/"} {}`,
	} {
		out, err := h.Invoke(t.Context(), []byte(event))
		if !errors.Is(err, serverless.ErrEvent) || out != nil || strings.Contains(err.Error(), "private") {
			t.Errorf("%s: %s, %v", event, out, err)
		}
	}
}

// TestE7_Odd: events that are odd but fine.
func TestE7_Odd(t *testing.T) {
	var got *http.Request
	h := serverless.Lambda(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	for _, row := range []struct{ event, host, addr string }{
		{`{"httpMethod":"GET"}`, "", ":0"},
		{`{"httpMethod":"GET","headers":null,"multiValueHeaders":{"host":["a.example","b.example"]},"requestContext":{"domainName":"gateway.example"}}`, "gateway.example", ":0"},
		{`{"httpMethod":"GET","requestContext":{"domainName":"gateway.example","identity":{"sourceIp":"2001:db8::1"}}}`, "gateway.example", "[2001:db8::1]:0"},
		{`{"httpMethod":"GET","multiValueHeaders":{"x-forwarded-for":["203.0.113.9","192.0.2.7"]},"requestContext":{"elb":{}}}`, "", "192.0.2.7:0"},
		{`{"httpMethod":"GET","multiValueHeaders":{"x-forwarded-for":["203.0.113.9, 192.0.2.7:4711"]},"requestContext":{"elb":{}}}`, "", "192.0.2.7:0"},
		{`{"httpMethod":"GET","multiValueHeaders":{"x-forwarded-for":["[2001:db8::1]:4711"]},"requestContext":{"elb":{}}}`, "", "[2001:db8::1]:0"},
		{`{"httpMethod":"GET","body":"eA==","isBase64Encoded":true}`, "", ":0"},
	} {
		invoke(t, h, row.event)
		if got.Host != row.host || got.RemoteAddr != row.addr {
			t.Errorf("%s: host %q, address %q", row.event, got.Host, got.RemoteAddr)
		}
	}
	if b, err := io.ReadAll(got.Body); err != nil || string(b) != "x" {
		t.Errorf("the body of base64: %q, %v", b, err)
	}
}

// TestE8_Panic: a panic is for the Lambda runtime.
func TestE8_Panic(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"of the handler":   func(http.ResponseWriter, *http.Request) { panic("boom") },
		"a status of 99":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(99) },
		"a status of 1000": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			serverless.Lambda(handler).Invoke(t.Context(), []byte(`{"httpMethod":"GET"}`))
		}()
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the zero Handler: no panic")
			}
		}()
		new(serverless.Handler).Invoke(t.Context(), []byte(`{"httpMethod":"GET"}`))
	}()
	defer func() {
		if recover() == nil {
			t.Error("a nil handler: no panic")
		}
	}()
	serverless.Lambda(nil)
}

// FuzzInvoke: no payload makes Invoke panic, and every answer is JSON.
func FuzzInvoke(f *testing.F) {
	for _, s := range shapes {
		f.Add(s.event("GET", "/a%2Fb", "x", "a=1"))
	}
	f.Add(`{"httpMethod":"GET","requestContext":{"elb":{}}}`)
	h := serverless.Lambda(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.EscapedPath())
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		io.Copy(w, r.Body)
	}))
	f.Fuzz(func(t *testing.T, event string) {
		out, err := h.Invoke(t.Context(), []byte(event))
		if err == nil && !json.Valid(out) {
			t.Errorf("%q gives %q", event, out)
		}
	})
}
