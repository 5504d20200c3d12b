package serverless

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// source says who sent an event, and so which answer it understands.
type source uint8

const (
	unknown      source = iota
	httpAPI             // payload format 2.0: an HTTP API, or a function URL
	restAPI             // payload format 1.0: a REST API, or an HTTP API set to it
	loadBalancer        // an Application Load Balancer with multi-value headers
	singleValue         // one without
)

// event is what the three kinds of HTTP events hold, as far as it is used. AWS
// documents them:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
type event struct {
	// Of payload format 2.0 alone.
	RawPath        string   `json:"rawPath"`
	RawQueryString string   `json:"rawQueryString"`
	Cookies        []string `json:"cookies"`

	// Of the two others.
	HTTPMethod                      string              `json:"httpMethod"`
	Path                            string              `json:"path"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`

	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		DomainName string `json:"domainName"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		ELB json.RawMessage `json:"elb"`
	} `json:"requestContext"`
}

func (e *event) source() source {
	switch {
	case e.RequestContext.HTTP.Method != "":
		return httpAPI
	case e.HTTPMethod == "":
		return unknown
	case len(e.RequestContext.ELB) > 0:
		return loadBalancer
	}
	return restAPI
}

// request makes the request that a server would have got.
func (e *event) request(ctx context.Context, from source) (*http.Request, error) {
	method, path, query, client := e.HTTPMethod, e.Path, "", e.RequestContext.Identity.SourceIP
	switch from {
	case unknown:
		return nil, ErrEvent
	case httpAPI:
		method, client = e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP
		path, query = e.RawPath, e.RawQueryString
	case restAPI:
		query = e.query(url.QueryEscape) // it comes decoded
	default:
		query = e.query(func(s string) string { return s }) // it comes as it was sent
	}
	header, ok := e.header()
	if !ok {
		return nil, ErrEvent
	}
	if from >= loadBalancer {
		// The load balancer appends the address that it saw.
		chain := strings.Join(header["X-Forwarded-For"], ",")
		client = strings.TrimSpace(chain[strings.LastIndexByte(chain, ',')+1:])
		if withPort, err := netip.ParseAddrPort(client); err == nil { // routing.http.xff_client_port.enabled
			client = withPort.Addr().String()
		}
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, ErrEvent
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "/", bytes.NewReader(body))
	if err != nil { // the method
		return nil, ErrEvent
	}
	r.URL = target(path, query)
	r.RequestURI = r.URL.RequestURI()
	r.Header = header
	r.GetBody = nil // that is for clients
	r.Host = e.RequestContext.DomainName
	if hosts := header["Host"]; len(hosts) == 1 {
		r.Host = hosts[0]
	}
	delete(header, "Host") // as net/http does
	r.RemoteAddr = net.JoinHostPort(client, "0")
	return r, nil
}

// header returns the headers under their canonical names, and false if there is one
// that no server would pass on. No value is ever split.
func (e *event) header() (http.Header, bool) {
	h := http.Header{}
	add := func(name string, values ...string) {
		name = textproto.CanonicalMIMEHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	if len(e.MultiValueHeaders) > 0 {
		for _, name := range slices.Sorted(maps.Keys(e.MultiValueHeaders)) {
			add(name, e.MultiValueHeaders[name]...)
		}
	} else {
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			add(name, e.Headers[name])
		}
	}
	if len(e.Cookies) > 0 {
		h["Cookie"] = []string{strings.Join(e.Cookies, "; ")}
	}
	for name, values := range h {
		if !isToken(name) || slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) {
			return nil, false
		}
	}
	return h, true
}

// isToken reports whether s can be the name of a header (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	}) < 0
}

// query returns the parameters as a query string, sorted by name.
func (e *event) query(escape func(string) string) string {
	all := e.MultiValueQueryStringParameters
	if len(all) == 0 {
		all = make(map[string][]string, len(e.QueryStringParameters))
		for name, value := range e.QueryStringParameters {
			all[name] = []string{value}
		}
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&")
}

// target returns the URL of a request. A path that isn't well-formed percent-encoding
// was decoded on its way, and means itself.
func target(path, query string) *url.URL {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u := &url.URL{Path: path, RawQuery: query}
	if decoded, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = decoded, path // RawPath is ignored if it isn't an encoding of Path
	}
	return u
}
