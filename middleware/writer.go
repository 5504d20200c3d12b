package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"

	"github.com/hardtack-go/hardtack/ssestore"
)

// A responseWriter commits the session before the first byte of the response.
//
// It commits at the first of these: a final WriteHeader, Write, WriteString,
// ReadFrom, Flush, FlushError, Hijack, and the return of the handler. It must
// implement all of these methods itself. http.ResponseController looks for a method
// first, and unwraps only if there is none, so with Unwrap alone, Flush would bypass
// the commit (alexedwards/scs#141, express-openid-connect v3). Deadlines and full
// duplex have nothing to commit, and go through Unwrap.
type responseWriter struct{ x *exchange }

var (
	_ http.Flusher    = (*responseWriter)(nil)
	_ http.Hijacker   = (*responseWriter)(nil)
	_ io.ReaderFrom   = (*responseWriter)(nil)
	_ io.StringWriter = (*responseWriter)(nil)
)

func (w *responseWriter) Header() http.Header { return w.x.rw.Header() }

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.x.rw }

// WriteHeader commits at a final status. A status from 100 to 199 isn't final
// (net/http sends 103 Early Hints and keeps the headers open), except 101, which ends
// HTTP on this connection.
func (w *responseWriter) WriteHeader(status int) {
	if informational(status) {
		w.x.rw.WriteHeader(status)
		return
	}
	if (status < 100 || status > 999) && w.x.phase.Load() == phaseOpen {
		// net/http panics with this text. If the session were committed first, it
		// would be sent with the answer of the code that recovers.
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if w.x.begin(status) != nil {
		return // begin has answered
	}
	if status >= 500 && w.x.saved.Load() && w.x.over.Load() {
		// A router that writes an error after its handlers, and this Handler, have
		// returned: the session was saved as if the request had succeeded.
		w.x.core.mistake(&w.x.req, bypassed)
	}
	w.x.rw.WriteHeader(status)
}

func informational(status int) bool {
	return status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if err := w.x.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return w.x.rw.Write(p)
}

// WriteString saves io.WriteString a copy, as net/http's own writer does.
func (w *responseWriter) WriteString(s string) (int, error) {
	if err := w.x.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.x.rw, s)
}

// ReadFrom keeps sendfile working: io.Copy calls it, and net/http's writer passes the
// file to the kernel. A writer between us and the server that doesn't have it
// (because it compresses, say) isn't bypassed.
func (w *responseWriter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.x.phase.Load() == phaseOpen && !isFile(src) {
		// A reader can panic, and nothing must have been committed by then. A file
		// can't panic, and must be passed down as it is.
		if n, err = w.readFirst(src); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	if err := w.x.begin(http.StatusOK); err != nil {
		return n, err
	}
	var rest int64
	if rf, ok := w.x.rw.(io.ReaderFrom); ok {
		rest, err = rf.ReadFrom(src)
	} else {
		rest, err = io.Copy(writerOnly{w.x.rw}, src)
	}
	return n + rest, err
}

// readFirst copies the beginning of src: as much as net/http itself looks at before it
// passes src down.
func (w *responseWriter) readFirst(src io.Reader) (int64, error) {
	var buf [512]byte
	n, err := src.Read(buf[:])
	if n > 0 {
		if n, werr := w.Write(buf[:n]); werr != nil {
			return int64(n), werr
		}
	}
	return int64(n), err
}

// isFile reports whether src is something that net/http can pass to the kernel.
func isFile(src io.Reader) bool {
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	_, ok := src.(*os.File)
	return ok
}

// writerOnly hides every other method, so that io.Copy doesn't come back here.
type writerOnly struct{ io.Writer }

// Flush is FlushError for code that asserts http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError commits and flushes. If nothing below it can flush, it commits nothing and
// returns http.ErrNotSupported, because no byte has been sent.
func (w *responseWriter) FlushError() error {
	if !supports(w.x.rw, func(rw http.ResponseWriter) bool {
		switch rw.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		}
		return false
	}) {
		return http.ErrNotSupported
	}
	if err := w.x.begin(http.StatusOK); err != nil {
		return err
	}
	return http.NewResponseController(w.x.rw).Flush()
}

// Hijack takes the connection out of HTTP. If no response has carried a change of the
// session, it returns ErrUncommitted and the connection stays with the server. If
// nothing below it can hijack (as with HTTP/2), it returns http.ErrNotSupported.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !supports(w.x.rw, func(rw http.ResponseWriter) bool { _, ok := rw.(http.Hijacker); return ok }) {
		return nil, nil, http.ErrNotSupported
	}
	if err := w.x.hijack(); err != nil {
		return nil, nil, err
	}
	return http.NewResponseController(w.x.rw).Hijack()
}

// supports walks a chain of writers as http.ResponseController does, but past those of
// other guards: they have every method, whatever is below them.
func supports(rw http.ResponseWriter, has func(http.ResponseWriter) bool) bool {
	for {
		_, own := rw.(*responseWriter)
		if !own && has(rw) {
			return true
		}
		u, ok := rw.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		rw = u.Unwrap()
	}
}

// CloseNotify is for routers that ask for it without looking first, as gin does when
// it streams. The request's context tells the same. Where nothing below knows, the
// channel stays silent.
func (w *responseWriter) CloseNotify() <-chan bool {
	var gone <-chan bool
	supports(w.x.rw, func(rw http.ResponseWriter) bool {
		n, ok := rw.(interface{ CloseNotify() <-chan bool })
		if ok {
			gone = n.CloseNotify()
		}
		return ok
	})
	return gone
}

// begun reports whether a writer below has sent its headers, possibly behind our
// back. gin and negroni have a method for that, and echo has a field. Reading the
// field takes reflection, so begun does it only if the handler has returned without
// writing through us.
func begun(rw http.ResponseWriter, returned bool) bool {
	return supports(rw, func(rw http.ResponseWriter) bool {
		if w, ok := rw.(interface{ Written() bool }); ok {
			return w.Written()
		}
		return returned && committed(rw)
	})
}

// committed reads a bool field Committed, of the struct itself.
func committed(rw http.ResponseWriter) bool {
	v := reflect.Indirect(reflect.ValueOf(rw))
	if v.Kind() != reflect.Struct {
		return false
	}
	f, ok := v.Type().FieldByName("Committed")
	return ok && len(f.Index) == 1 && f.Type.Kind() == reflect.Bool && v.FieldByIndex(f.Index).Bool()
}

// Format prints only the name, under every verb.
func (w *responseWriter) Format(f fmt.State, _ rune) { fmt.Fprint(f, "hardtack.ResponseWriter") }

// MarshalText redacts the writer for encoding/json and log/slog.
func (w *responseWriter) MarshalText() ([]byte, error) {
	return []byte("hardtack.ResponseWriter"), nil
}

// Commit commits the session of a response before its first byte, and returns the
// headers that the session needs. It is for WebSocket upgraders that write their own
// 101 response and take extra headers as an argument:
//
//	extra, err := middleware.Commit(w)
//	if err != nil { … }
//	conn, err := upgrader.Upgrade(w, r, extra)
//
// Commit also sets these headers on w, so that an upgrade that fails and answers with
// an error carries them too. w may be wrapped by other middleware that has an Unwrap
// method. An upgrader that calls w.WriteHeader(101) itself doesn't need Commit. After
// Commit, every change of the session returns [ssestore.ErrCommitted].
//
// Errors: [ssestore.ErrNoSession] if there is no [Guard.Handler] around the handler;
// [ssestore.ErrCommitted] if headers have already been sent; or the reason why the
// session couldn't be written. Call Commit from the goroutine that owns w.
func Commit(w http.ResponseWriter) (http.Header, error) {
	extra := http.Header{}
	found := false
	for w != nil {
		if own, ok := w.(*responseWriter); ok { // one for each guard in the chain
			found = true
			if err := own.x.commitInto(extra); err != nil {
				return nil, err
			}
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = u.Unwrap()
	}
	if !found {
		return nil, ssestore.ErrNoSession
	}
	return extra, nil
}

// commitInto commits for status 101, and adds the headers to the response and to extra.
func (x *exchange) commitInto(extra http.Header) error {
	if x.phase.Load() != phaseOpen {
		if x.err != nil {
			return x.err
		}
		return ssestore.ErrCommitted
	}
	out, news, err := x.settle(http.StatusSwitchingProtocols)
	if !news {
		return err
	}
	out.Merge(x.rw.Header())
	out.Merge(extra)
	x.tell(&out, err, false)
	return err
}
