package main_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/reactor"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// An application somewhere else that has the same secret, and publishes to a directory.
type elsewhere struct {
	dir   string
	store *ssestore.Store
	*marks.Snapshotter
}

func newElsewhere(t *testing.T) elsewhere {
	t.Helper()
	keys, err := keyring.FromSecrets(keyring.Secrets{Primary: strings.TrimPrefix(environment[0], "SESSION_SECRET=")})
	if err != nil {
		t.Fatal(err)
	}
	e := elsewhere{dir: t.TempDir()}
	e.Snapshotter, err = marks.NewSnapshotter(marks.SnapshotConfig{Keys: keys, Shards: 16, Store: func(_ context.Context, name string, object []byte) error {
		temp := filepath.Join(e.dir, "new")
		if err := os.WriteFile(temp, object, 0o600); err != nil {
			return err
		}
		return os.Rename(temp, filepath.Join(e.dir, name))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if e.store, err = ssestore.New(ssestore.Config{Keys: keys}); err != nil {
		t.Fatal(err)
	}
	return e
}

// end ends the session of a cookie, and publishes that.
func (e elsewhere) end(t *testing.T, value string, now time.Time) {
	t.Helper()
	m, ok := e.store.Load([]string{cookie.DefaultName + "=" + value}, now).Principal().Mark()
	if !ok {
		t.Fatal("no session")
	}
	e.Apply(now, m)
	e.publish(t, now)
}

func (e elsewhere) publish(t *testing.T, now time.Time) {
	t.Helper()
	if err := e.Publish(t.Context(), now); err != nil {
		t.Fatal(err)
	}
}

// TestN75_WorkerRefusesEnded: the Go worker refuses a session that was ended elsewhere, from a
// snapshot, on the real workerd. Without a snapshot it answers 503 and keeps the cookie.
func TestN75_WorkerRefusesEnded(t *testing.T) {
	workerd.Program(t) // or skip
	wasm, e := reactor.Build(t), newElsewhere(t)
	bucket := httptest.NewServer(http.FileServer(http.Dir(e.dir)))
	defer bucket.Close()
	worker := func() (url string) { // a new one has no objects yet
		return reactor.WorkerdWith(t, wasm, bucket.Listener.Addr().String(), append(environment, "MARKS_MAX_STALE=10m")...)
	}
	before := worker()
	ada, copied, other := visitor.New(t, before), visitor.New(t, before), visitor.New(t, before)
	ada.Get("/").Want(t, 200, "").Says(t, "<form")
	for _, v := range []*visitor.Visitor{ada, other} {
		v.Post("/login", "password", "open sesame").Want(t, 303, "/")
	}
	copied.SetCookie(ada.Cookie())
	if a := ada.Get("/").Want(t, 503, ""); len(a.Header["Set-Cookie"]) != 0 {
		t.Errorf("without a snapshot it sets %q", a.Header["Set-Cookie"])
	}
	e.publish(t, time.Now())
	after := worker()
	ada.At(after).Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	e.end(t, ada.Cookie(), time.Now())
	after = worker()
	copied.At(after).Get("/").Want(t, 200, "").Says(t, "<form")
	other.At(after).Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	again := visitor.New(t, after)
	again.Post("/login", "password", "open sesame").Want(t, 303, "/")
	again.Get("/").Want(t, 200, "").Says(t, "Hello, ada!")
	if a := ada.At(after).Get("/").Says(t, "<form"); !strings.HasPrefix(strings.Join(a.Header["Set-Cookie"], ""), cookie.DefaultName+"=;") {
		t.Errorf("an ended session sets %q", a.Header["Set-Cookie"])
	}
}

// TestN75_Reactor: the same in wazero, with the time in hand: within half a minute of the mark
// the session has ended, and objects that are no good change nothing.
func TestN75_Reactor(t *testing.T) {
	wasm, e, now := reactor.Build(t), newElsewhere(t), time.Now().Truncate(time.Second)
	r := reactor.Start(t, wasm, append(environment, "MARKS_MAX_STALE=10m")...)
	alter := func(object []byte) []byte { return object }
	ask := func(method, path, from, password, cookie string) (answer []string, fetched int) {
		t.Helper()
		for {
			a := r.Do(method, path, fmt.Sprint(now.UnixMilli()), from, password, cookie)
			if a[0] != "fetch" {
				return a, fetched
			}
			for _, name := range a[1:] {
				object, _ := os.ReadFile(filepath.Join(e.dir, name))
				r.Put(name, alter(object))
				fetched++
			}
		}
	}
	in, n := ask("POST", "/login", "same-origin", "open sesame", "")
	if len(in) != 5 || n != 0 {
		t.Fatalf("%q after %d objects", in, n)
	}
	mine, _, _ := strings.Cut(in[4], ";")
	expect := func(what, status, body string, wantFetched bool) {
		t.Helper()
		a, n := ask("GET", "/", "", "", mine)
		if a[0] != status || !strings.Contains(a[3], body) || (n > 0) != wantFetched {
			t.Errorf("%s: %q after %d objects", what, a, n)
		}
	}
	expect("no snapshot", "503", "Try again", true)
	expect("at once again", "503", "Try again", false)
	now = now.Add(5 * time.Second)
	e.publish(t, now)
	expect("a snapshot", "200", "Hello", true)
	e.end(t, strings.TrimPrefix(mine, cookie.DefaultName+"="), now.Add(time.Second))
	now = now.Add(29 * time.Second)
	expect("not looked yet", "200", "Hello", false)
	now = now.Add(time.Second)
	alter = func(object []byte) []byte { object[20] ^= 1; return object }
	expect("forged", "200", "Hello", true)
	now = now.Add(5 * time.Second)
	alter = func(object []byte) []byte { return object }
	expect("ended", "200", "<form", true)
	alter = func([]byte) []byte { return nil }
	now = now.Add(9 * time.Minute)
	expect("gone", "200", "<form", true)
}
