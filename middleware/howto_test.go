package middleware_test

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The snippets of docs/HOWTO.md are here. A test in internal/policy looks for them.

// visit makes a guard and asks for a page that needs a user.
func visit(cfg middleware.Config, headers ...string) *http.Response {
	store, err1 := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	accounts, err2 := auth.New(auth.Config[*user]{
		UserByID: new(users).find,
		ID:       func(u *user) string { return u.ID },
		Stamp:    func(u *user) string { return u.Password },
	})
	guard, err3 := middleware.New(store, accounts, cfg)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/members?page=2", nil)
	r.Header = head(headers...)
	rec := httptest.NewRecorder()
	guard.Handler(guard.LoginRequired(http.NotFoundHandler())).ServeHTTP(rec, r)
	return rec.Result()
}

// A proxy takes /app away from the path.
func ExampleConfig_basePath() {
	cfg := middleware.Config{
		LoginURL: "/app/login",
		BasePath: "/app",
	}
	fmt.Println(visit(cfg).Header.Get("Location"))
	// Output: /app/login?next=/app/members%3Fpage%3D2
}

// An application has pages of its own for refusals. Programs get the guard's answer.
func ExampleConfig_refuse() {
	pages := template.Must(template.New("refused").Parse(`<h1>{{.Status}}</h1><p>{{.Text}}`))

	cfg := middleware.Config{}
	cfg.Refuse = func(w http.ResponseWriter, r *http.Request, status int, err error) {
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			return // a program: the guard writes problem+json
		}
		text := http.StatusText(status)
		if public := auth.Forbidden(""); errors.As(err, &public) {
			text = public.Error()
		}
		pages.ExecuteTemplate(w, "refused", map[string]any{"Status": status, "Text": text})
	}

	for _, accept := range []string{"text/html", "application/json"} {
		res := visit(cfg, "Accept", accept)
		body := make([]byte, 100)
		n, _ := res.Body.Read(body)
		fmt.Println(res.Status, string(body[:n]))
	}
	// Output:
	// 403 Forbidden <h1>403</h1><p>Forbidden
	// 401 Unauthorized {"title":"Unauthorized","status":401,"detail":"Login required."}
}
