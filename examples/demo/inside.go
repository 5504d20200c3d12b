package main

import (
	"bytes"
	"io"
	"net/http"
)

// inside is a transport to a handler of this process. Whatever is in front of the demo,
// and whatever its address is, the demo reaches its own provider.
type inside struct{ http.Handler }

func (in inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answer{header: http.Header{}, status: http.StatusOK}
	own := r.Clone(r.Context())
	own.RequestURI = r.URL.RequestURI()
	if own.Body == nil {
		own.Body = http.NoBody
	}
	in.ServeHTTP(w, own)
	own.Body.Close()
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(w.body.Len()), Body: io.NopCloser(&w.body),
	}, nil
}

// answer collects a response.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p)
}
