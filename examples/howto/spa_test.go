package howto

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/cors"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// from sends a request as a page of another origin does.
func from(v *visitor.Visitor, origin, method, path string) *visitor.Answer {
	r := v.Request(method, path, nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	return v.Do(r)
}

// trusting lets pages of other origins send what changes something.
func trusting(origins ...string) (*http.CrossOriginProtection, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return protection, nil
}

// TestF509_DevServer: a page of the development server's, on another port.
func TestF509_DevServer(t *testing.T) {
	const vite = "http://localhost:5173"
	for _, trust := range []bool{false, true} {
		cfg := middleware.Config{LoginURL: "/login"}
		if trust {
			var err error
			if cfg.CrossOrigin, err = trusting("http://localhost:5173"); err != nil {
				t.Fatal(err)
			}
		}
		s := newSite(t, ssestore.Config{}, cfg)
		v := serve(t, s.guard.Handler(s.app()))
		v.Post("/login")
		want := http.StatusForbidden
		if trust {
			want = http.StatusOK
		}
		from(v, vite, "POST", "/save").Want(t, want, "")
	}
}

// TestF509_CORS: a page on app.example.com and its API on api.example.com.
func TestF509_CORS(t *testing.T) {
	const app = "https://app.example.com" // the page's
	protection, err := trusting("https://app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, ssestore.Config{}, middleware.Config{CrossOrigin: protection})
	guard, api := s.guard, s.app()
	api.Handle("/items", guard.LoginRequired(http.NotFoundHandler()))

	api.HandleFunc("DELETE /session", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Logout(r); err != nil {
			http.Error(w, "cannot log out", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})

	shared := cors.New(cors.Options{
		AllowedOrigins:   []string{"https://app.example.com"},
		AllowedMethods:   []string{"GET", "POST", "PUT", "DELETE"},
		AllowCredentials: true,
		ExposedHeaders:   []string{"Retry-After"}, // of a 503
	})
	handler := shared.Handler(guard.Handler(api)) // CORS outside, the guard inside

	v := serve(t, handler)
	preflight := func(v *visitor.Visitor) *visitor.Answer {
		r := v.Request("OPTIONS", "/items", nil)
		r.Header.Set("Origin", app)
		r.Header.Set("Access-Control-Request-Method", "PUT")
		r.Header.Set("Sec-Fetch-Mode", "cors")
		return v.Do(r)
	}
	if a := preflight(v).Want(t, 204, ""); a.Header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("the preflight's answer: %v", a.Header)
	}
	v.Post("/login")
	a := from(v, app, "POST", "/save").Want(t, 200, "")
	if a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the answer's headers: %v", a.Header)
	}
	from(v, "https://evil.example", "POST", "/save").Want(t, 403, "")

	// A session that is used through fetch alone stays alive.
	for range 12 {
		s.ahead.Add(int64(10 * time.Minute))
		from(v, app, "GET", "/members").Want(t, 200, "")
	}

	from(v, app, "DELETE", "/session").Want(t, 204, "")
	if in(v) {
		t.Error("the logout left the session")
	}

	// What the page says about the other order.
	inside := guard.Handler(guard.LoginRequired(shared.Handler(api)))
	preflight(serve(t, inside)).Want(t, 401, "")
}

// TestF509_Host: a proxy that does not pass the Host on.
func TestF509_Host(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	backend := httptest.NewServer(s.guard.Handler(s.app()))
	t.Cleanup(backend.Close)
	backendURL, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}

	proxy := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(backendURL)
		pr.Out.Host = pr.In.Host // SetURL alone sends the backend's
	}}

	lost := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(backendURL) }}
	for _, tt := range []struct {
		through http.Handler
		next    string
		status  int
	}{{proxy, "https://shop.test/members", 303}, {lost, "/", 403}} {
		v := serve(t, tt.through)
		post := func(path string, headers ...string) *visitor.Answer {
			r := v.Request("POST", path, url.Values{"next": {"https://shop.test/members"}})
			r.Host = "shop.test"
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			return v.Do(r)
		}
		post("/login", "Sec-Fetch-Site", "same-origin").Want(t, 303, tt.next)
		// An old browser sends Origin and no Sec-Fetch-Site.
		if a := post("/login", "Origin", "https://shop.test"); a.StatusCode != tt.status {
			t.Errorf("without Sec-Fetch-Site: %d, want %d", a.StatusCode, tt.status)
		}
	}
}

// TestF509_FormsOfLibraries: a login form that htmx or Turbo submits.
func TestF509_FormsOfLibraries(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()
	check := func(r *http.Request) (*User, bool) {
		u, _ := s.userByID(r.Context(), "7")
		return u, r.FormValue("password") == "open sesame"
	}

	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		u, ok := check(r)
		if !ok {
			w.WriteHeader(http.StatusUnprocessableEntity) // Turbo shows a 422, and drops a 200
			io.WriteString(w, "That's not the password.")
			return
		}
		if err := guard.Login(r, u); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		to := guard.Next(r, "/")
		if r.Header.Get("HX-Request") == "true" {
			w.Header().Set("HX-Redirect", to) // htmx would put what a 303 leads to into the page
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})

	v := serve(t, guard.Handler(mux))
	v.Post("/signin", "password", "guess").Want(t, 422, "")
	v.Post("/signin", "password", "open sesame", "next", "/members").Want(t, 303, "/members")
	r := v.Request("POST", "/signin", url.Values{"password": {"open sesame"}, "next": {"/members"}})
	r.Header.Set("HX-Request", "true")
	if to := v.Do(r).Want(t, 200, "").Header.Get("HX-Redirect"); to != "/members" {
		t.Errorf("HX-Redirect %q", to)
	}
	v.Post("/logout")
	// Who comes too late.
	r = v.Request("GET", "/members", nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Current-URL", strings.TrimSuffix(r.URL.String(), "/members")+"/page")
	if to := v.Do(r).Want(t, 401, "").Header.Get("HX-Redirect"); to != "/login?next=/page" {
		t.Errorf("HX-Redirect %q", to)
	}
}
