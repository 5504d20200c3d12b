package prommetrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hardtack-go/hardtack/fleet"
	prommetrics "github.com/hardtack-go/hardtack/metrics/prometheus"
)

// TestY93_FleetMetrics: each part of a status is collected under its name, with its
// value, and promlint has nothing to say.
func TestY93_FleetMetrics(t *testing.T) {
	s := fleet.Status{
		Ready: true, Engine: fleet.EngineLive, NewsAge: 1.5, Stale: true, ClockOff: true, Sequence: 7, Marks: 8, MarksBytes: 9, Aside: 10,
		Counters: fleet.Counters{Ended: 11, Heard: 12, RefusedRings: 13, RefusedMarks: 14, RefusedBeats: 15, Swaps: 16, Conflicts: 17, Reopened: 18},
		FaultAt:  time.Unix(19, 0),
	}
	m := prommetrics.NewFleet(func() fleet.Status { return s })
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(m)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, x := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "hardtack_fleet_")
			for _, l := range x.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = x.GetCounter().GetValue() + x.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"ready": 1, "engine_live": 1, "news_age_seconds": 1.5, "stale": 1, "clock_off": 1, "ring_sequence": 7, "marks": 8, "marks_bytes": 9,
		"marks_aside": 10, "marks_total here": 11, "marks_total engine": 12, "refused_total ring": 13, "refused_total mark": 14,
		"refused_total beat": 15, "swaps_total tried": 16, "swaps_total conflict": 17, "reopened_total": 18, "fault_timestamp_seconds": 19,
	}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %v, want %v", name, got[name], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d series, want %d", len(got), len(want))
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}

	s = fleet.Status{Engine: fleet.EngineSilent, NewsAge: -1}
	if n := testutil.CollectAndCount(m, "hardtack_fleet_news_age_seconds", "hardtack_fleet_fault_timestamp_seconds"); n != 0 {
		t.Errorf("%d series of what hasn't happened", n)
	}
	if v := testutil.ToFloat64(single{m, "engine_live"}); v != 0 {
		t.Error("a silent engine is live")
	}
}

// single passes on one metric of a collector.
type single struct {
	prometheus.Collector
	name string
}

func (s single) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric, 100)
	s.Collector.Collect(all)
	close(all)
	for m := range all {
		if strings.Contains(m.Desc().String(), "hardtack_fleet_"+s.name+`"`) {
			ch <- m
		}
	}
}
