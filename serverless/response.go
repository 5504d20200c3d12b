package serverless

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"unicode/utf8"
)

// writer collects a response.
type writer struct {
	head   bool        // the request was a HEAD
	live   http.Header // the handler's
	sent   http.Header // as it was when the status was set; nil before
	status int
	body   []byte
}

func (w *writer) Header() http.Header {
	if w.live == nil {
		w.live = http.Header{}
	}
	return w.live
}

// WriteHeader fixes status and headers. Informational responses can't be sent and are
// skipped.
func (w *writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("serverless: invalid status %d", status)) // as net/http does
	}
	if w.sent != nil || status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.status, w.sent = status, w.Header().Clone()
}

func (w *writer) Write(b []byte) (int, error) {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified || w.status < 200 {
		return 0, http.ErrBodyNotAllowed
	}
	if !w.head {
		w.body = append(w.body, b...)
	}
	return len(b), nil
}

// finish fixes the response of a handler that has returned.
func (w *writer) finish() {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	w.sent = clean(w.sent)
	for _, name := range []string{"Connection", "Transfer-Encoding", "Trailer"} {
		w.sent.Del(name) // they are about a connection that isn't there
	}
	if !w.head {
		w.sent.Del("Content-Length") // the gateway's business
	}
	if _, ok := w.sent["Content-Type"]; !ok && len(w.body) > 0 && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(w.body))
	}
	maps.DeleteFunc(w.sent, func(_ string, values []string) bool { return len(values) == 0 }) // null is no list
}

// clean returns a header as net/http would send it: a line break in a value is a space, so
// that it starts no other header, and what isn't a name is left out. Each name is in its
// one spelling.
func clean(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !isToken(name) {
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		values := out[canonical]
		for _, value := range h[name] {
			values = append(values, textproto.TrimString(lineBreaks.Replace(value)))
		}
		out[canonical] = values // none at all means that the handler wants none
	}
	return out
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ")

// response is the answer to all kinds of events; each uses some of the fields.
type response struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies           []string            `json:"cookies,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

func (w *writer) response(to source) ([]byte, error) {
	out := response{StatusCode: w.status, Body: string(w.body)}
	if !utf8.Valid(w.body) || w.sent.Get("Content-Encoding") != "" {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body), true
	}
	switch to {
	case httpAPI:
		out.Cookies = w.sent["Set-Cookie"]
		delete(w.sent, "Set-Cookie")
		out.Headers = joined(w.sent)
	case singleValue:
		if n := len(w.sent["Set-Cookie"]); n > 1 {
			return nil, &SingleValueError{SetCookies: n}
		}
		out.Headers = joined(w.sent)
	default:
		out.MultiValueHeaders = maps.Clone(map[string][]string(w.sent))
	}
	if to == loadBalancer || to == singleValue {
		out.StatusDescription = strings.TrimSpace(fmt.Sprint(w.status, " ", http.StatusText(w.status)))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // pages are full of <, and Lambda limits the size
	err := enc.Encode(out)
	return b.Bytes(), err
}

// joined returns one text for each header: a list in the sense of RFC 9110 section
// 5.3, which every header but Set-Cookie may become.
func joined(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[name] = strings.Join(values, ", ")
	}
	return out
}
