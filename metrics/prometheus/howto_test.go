package prommetrics_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	prommetrics "github.com/hardtack-go/hardtack/metrics/prometheus"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

type User struct{}

// The lines between the blank ones are those of docs/HOWTO.md.
func ExampleNew() {
	var (
		keys  = keyring.Generate()
		users auth.Config[*User]
		cfg   middleware.Config
	)

	metrics := prommetrics.New(keys)
	prometheus.MustRegister(metrics)
	users.OnLogin = func(context.Context, *ssestore.Session, *User) { metrics.Login() }
	users.OnLogout = func(context.Context, *ssestore.Session, *User, bool) { metrics.Logout() }
	cfg.OnOutcome = func(_ *http.Request, out ssestore.Outcome, err error) { metrics.Observe(out, err) }

	defer prometheus.Unregister(metrics)
	users.OnLogin(context.Background(), nil, nil)
	users.OnLogout(context.Background(), nil, nil, true)
	cfg.OnOutcome(nil, ssestore.Outcome{}, nil)
	fmt.Println(testutil.CollectAndCount(metrics, "hardtack_logins_total", "hardtack_logouts_total"), "counters")
	// Output: 2 counters
}
