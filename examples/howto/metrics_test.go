package howto

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF509_OpenTelemetry: outcomes are counted by verdict.
func TestF509_OpenTelemetry(t *testing.T) {
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
	var cfg middleware.Config

	responses, err := meter.Int64Counter("hardtack.responses")
	cfg.OnOutcome = func(r *http.Request, out ssestore.Outcome, err error) {
		responses.Add(r.Context(), 1, metric.WithAttributes(
			attribute.String("verdict", out.Refused.String()), attribute.Bool("user", out.User), attribute.Bool("error", err != nil)))
	}

	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, ssestore.Config{}, cfg)
	v := serve(t, s.guard.Handler(s.app()))
	v.Post("/login").Want(t, http.StatusSeeOther, "/")
	v.Get("/members").Want(t, http.StatusOK, "")
	s.hash.Store("another")
	v.Get("/members").Want(t, http.StatusFound, "/login?next=/members")

	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, p := range all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints {
		verdict, _ := p.Attributes.Value("verdict")
		user, _ := p.Attributes.Value("user")
		counts[verdict.AsString()+" "+user.String()] = p.Value
	}
	if counts["none true"] != 2 || counts["stamp-mismatch false"] != 1 {
		t.Errorf("counted %v", counts)
	}
}
