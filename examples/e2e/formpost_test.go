package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF311_FormPost: an identity provider on another site posts its answer
// (response_mode=form_post). The guard refuses that, and a Lax cookie doesn't come with
// it. The how-to's recipe makes a GET of it, which has the session.
func TestF311_FormPost(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	state := ssestore.NewKey[string]("state")

	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><form method=post action="%s"><input name=code value="a&b"><input name=state value=xyz><button id=submit>yes</button></form>`, r.FormValue("to"))
	}))
	t.Cleanup(provider.Close)

	for _, recipe := range []bool{false, true} {
		store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
		accounts, err2 := auth.New(auth.Config[*member]{
			UserByID: func(_ context.Context, id string) (*member, error) { return &member{id}, nil },
			ID:       func(m *member) string { return m.id },
			Stamp:    func(m *member) string { return "password" },
		})
		cfg := middleware.Config{}
		mux := http.NewServeMux()
		if recipe {
			cfg.CrossOrigin = http.NewCrossOriginProtection()
			cfg.CrossOrigin.AddInsecureBypassPattern("POST /callback")

			mux.HandleFunc("POST /callback", func(w http.ResponseWriter, r *http.Request) {
				// No session here: the browser keeps its cookie from other sites' posts.
				answer := url.Values{}
				for _, name := range []string{"code", "state", "iss", "error"} {
					if value := r.PostFormValue(name); value != "" {
						answer.Set(name, value)
					}
				}
				http.Redirect(w, r, "/callback?"+answer.Encode(), http.StatusSeeOther)
			})
		}
		guard, err3 := middleware.New(store, accounts, cfg)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "<!doctype html>state %t code %q", state.Get(guard.Session(r)) == r.FormValue("state"), r.FormValue("code"))
		})
		mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
			if err := state.Set(guard.Session(r), "xyz"); err != nil {
				t.Error(err)
			}
		})
		server := httptest.NewServer(guard.Handler(mux))
		t.Cleanup(server.Close)
		b := openBrowser(t, localhost(t, server.URL)) // another site than the provider's 127.0.0.1
		b.open("/start")
		there := &browserTab{t, b.ctx, provider.URL}
		there.open("/?to=" + url.QueryEscape(b.base+"/callback"))
		status := there.click("#submit")
		switch {
		case !recipe && status != 403:
			t.Errorf("the guard let another site's post pass: %d", status)
		case recipe && status != 200:
			t.Errorf("the recipe: %d", status)
		case recipe:
			b.says(`state true code "a&b"`)
		}
	}
}
