package matrix_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/function"
	"github.com/hardtack-go/hardtack/examples/internal/jsreader"
	"github.com/hardtack-go/hardtack/examples/internal/reactor"
	"github.com/hardtack-go/hardtack/examples/internal/site"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/examples/internal/workerd"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// platforms builds the examples.
func platforms(t *testing.T) []platform {
	t.Helper()
	lambda, cloudRun, wasm := function.Build(t, "lambda"), function.Build(t, "cloudrun/cmd"), reactor.Build(t)
	return []platform{
		{"net/http", func(t *testing.T, s stage) instance {
			for _, variable := range s.environment() {
				name, value, _ := strings.Cut(variable, "=")
				t.Setenv(name, value)
			}
			handler, err := site.New()
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			return at(server.URL)
		}},
		{"Lambda", func(t *testing.T, s stage) instance {
			return onLambda(function.StartLambda(t, lambda, s.environment()...))
		}},
		{"Cloud Run", func(t *testing.T, s stage) instance {
			return at(function.StartCloudRun(t, cloudRun, s.environment()...))
		}},
		{"wazero", func(t *testing.T, s stage) instance { return inWazero(reactor.Start(t, wasm, s.environment()...)) }},
		{"workerd", func(t *testing.T, s stage) instance { return at(reactor.Workerd(t, wasm, s.environment()...)) }},
		{"JavaScript in Node", inNode},
		{"JavaScript in workerd", atEdge},
	}
}

// instanceOf makes an instance that is asked who is logged in by its page.
func instanceOf(path string, do func(t *testing.T, method, path, form, cookie string) response) instance {
	return instance{do, func(t *testing.T, headers []string) (who []string) {
		t.Helper()
		for _, cookie := range headers {
			switch page := do(t, "GET", path, "", cookie).page; {
			case strings.Contains(page, "Hello, ada"):
				who = append(who, "ada")
			case strings.Contains(page, "<form"):
				who = append(who, "")
			default:
				t.Fatalf("neither a greeting nor a form: %s", page)
			}
		}
		return who
	}}
}

// pairs returns Set-Cookie lines up to the attributes.
func pairs(lines []string) (set []string) {
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		set = append(set, pair)
	}
	return set
}

// at is an instance with an address.
func at(url string) instance { return instanceOf("/", over(url)) }

var transport = visitor.Transport()

func over(url string) func(t *testing.T, method, path, form, cookie string) response {
	return func(t *testing.T, method, path, form, cookie string) response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		resp, err := transport.RoundTrip(r) // follows no redirect
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response{string(page), pairs(resp.Header["Set-Cookie"])}
	}
}

func onLambda(f *function.Lambda) instance {
	return instanceOf("/", func(t *testing.T, method, path, form, cookie string) response {
		t.Helper()
		var cookies []string
		if cookie != "" {
			cookies = strings.Split(cookie, "; ")
		}
		answer := f.Invoke(function.Event(t, method, path, form, cookies...))
		var a struct {
			Body    string
			Cookies []string
		}
		if err := json.Unmarshal([]byte(answer.Body), &a); err != nil || answer.Failed {
			t.Fatalf("%v: %+v", err, answer)
		}
		return response{a.Body, pairs(a.Cookies)}
	})
}

func inWazero(r *reactor.Reactor) instance {
	return instanceOf("/", func(t *testing.T, method, path, form, cookie string) response {
		t.Helper()
		_, password, _ := strings.Cut(strings.ReplaceAll(form, "+", " "), "password=")
		a := r.Do(method, path, fmt.Sprint(time.Now().UnixMilli()), "", password, cookie)
		if len(a) < 4 {
			t.Fatalf("the answer is %q", a)
		}
		return response{a[3], pairs(a[4:])}
	})
}

func ringOf(t *testing.T, s stage) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.FromSecrets(keyring.Secrets{Primary: s.primary, Next: s.next, Previous: strings.Fields(s.old)})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// readKeys returns what readers in JavaScript are told.
func readKeys(t *testing.T, s stage) string {
	t.Helper()
	var keys []string
	for _, key := range ringOf(t, s).Keys() {
		keys = append(keys, string(key.ExportJWK(cookie.SealLabel(cookie.DefaultName, ""))),
			string(key.ExportJWK(keyring.Label{Purpose: "barrier", Name: cookie.DefaultName})),
			string(key.ExportJWK(keyring.Label{Purpose: "marks"})))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

func inNode(t *testing.T, s stage) instance {
	keys := readKeys(t, s)
	return instance{who: func(t *testing.T, headers []string) (who []string) {
		t.Helper()
		var tasks []jsreader.Task
		for _, cookie := range headers {
			tasks = append(tasks, jsreader.Task{"do": "read", "keys": keys, "options": jsreader.Task{}, "cookie": cookie, "now": time.Now().Unix()})
		}
		for _, r := range jsreader.Node(t, tasks) {
			user := ""
			if r.Verdict == "ok" && r.Session.User != nil {
				user = *r.Session.User
			}
			who = append(who, user)
		}
		return who
	}}
}

// atEdge is the Worker of the example edge-reader. Whom it doesn't know, it asks the
// origin about, which shows a form to everybody. It also asks there which sessions were
// ended before their time: none.
func atEdge(t *testing.T, s stage) instance {
	var objects sync.Map // by name
	published, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ringOf(t, s), Store: func(_ context.Context, name string, object []byte) error {
		objects.Store(name, object)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<form>") })
	mux.HandleFunc("/snapshot/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := published.Publish(r.Context(), time.Now()); err != nil {
			t.Error(err)
		}
		object, _ := objects.Load(r.PathValue("name"))
		text, _ := object.([]byte)
		w.Write(text)
	})
	origin := httptest.NewServer(mux)
	t.Cleanup(origin.Close)
	url := workerd.Start(t, filepath.Join(workerd.Examples(t), "edge-reader", "config.capnp"), []string{"SESSION_READ_KEYS=" + readKeys(t, s)},
		"--external-addr", "origin="+origin.Listener.Addr().String())
	return instance{who: instanceOf("/hello", over(url)).who}
}
