package prommetrics_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/keyring"
	prommetrics "github.com/hardtack-go/hardtack/metrics/prometheus"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

func Example() {
	keys := keyring.Generate()
	metrics := prommetrics.New(keys)
	prometheus.NewRegistry().MustRegister(metrics) // or prometheus.MustRegister

	store, _ := ssestore.New(ssestore.Config{Keys: keys})
	accounts, _ := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) { return id, nil },
		ID:       func(name string) string { return name },
		Stamp:    func(string) string { return "the hash" },
		OnLogin:  func(context.Context, *ssestore.Session, string) { metrics.Login() },
		OnLogout: func(context.Context, *ssestore.Session, string, bool) { metrics.Logout() },
	})
	guard, _ := middleware.New(store, accounts, middleware.Config{
		OnOutcome: func(_ *http.Request, out ssestore.Outcome, err error) { metrics.Observe(out, err) },
	})
	page := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Login(r, "ada")
	}))
	page.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil))

	fmt.Println(testutil.CollectAndCount(metrics, "hardtack_logins_total"), "series counts logins")
	// Output: 1 series counts logins
}

// What runs a fleet has metrics of its own.
func ExampleNewFleet() {
	wrapper, err := fleet.Secret(bytes.Repeat([]byte{7}, 32)) // a real one comes from a secret manager
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := fleet.New(fleet.Config{Engine: new(enginetest.Memory).Open(), Wrapper: wrapper, Application: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := prommetrics.NewFleet(f.Status)
	prometheus.NewRegistry().MustRegister(metrics) // or prometheus.MustRegister

	fmt.Println(testutil.CollectAndCount(metrics, "hardtack_fleet_ready"), "series says whether the instance is ready")
	// Output: 1 series says whether the instance is ready
}
