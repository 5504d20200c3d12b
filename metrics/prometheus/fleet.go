package prommetrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hardtack-go/hardtack/fleet"
)

// NewFleet returns metrics of this process's instance of a fleet. status is
// [fleet.Fleet.Status], which is called when they are collected:
//
//	prometheus.MustRegister(prommetrics.NewFleet(f.Status))
//
// The metrics are
//
//	hardtack_fleet_ready                    1 once the instance has its keys and all marks
//	hardtack_fleet_engine_live              1 while news gets through
//	hardtack_fleet_news_age_seconds         age of the news; missing before the first
//	hardtack_fleet_stale                    1 while that is above Policy.MaxStale
//	hardtack_fleet_clock_off                1 while a clock is more than a minute off
//	hardtack_fleet_ring_sequence            which ring it has: the same in all instances
//	hardtack_fleet_marks                    marks that are held
//	hardtack_fleet_marks_bytes              and the memory that they take
//	hardtack_fleet_marks_aside              marks that wait for their key
//	hardtack_fleet_marks_total{from}        marks published here ("here") and heard ("engine")
//	hardtack_fleet_refused_total{what}      values that this fleet didn't seal: ring, mark, beat
//	hardtack_fleet_swaps_total{result}      attempts to write a ring or beat: "tried", and "conflict" of them
//	hardtack_fleet_reopened_total           how often the watch was opened again
//	hardtack_fleet_fault_timestamp_seconds  when something last went wrong; missing if nothing has
//
// Those of keys come with [New], given the Fleet as its source. Alert on
// hardtack_fleet_engine_live == 0 for a minute, on any refusal, and on
// hardtack_fleet_ring_sequence differing between instances for longer than a minute.
func NewFleet(status func() fleet.Status) prometheus.Collector { return fleetMetrics{status} }

type fleetMetrics struct{ status func() fleet.Status }

var (
	fleetReady    = fleetDesc("ready", "Whether the instance has its keys and knows all marks.")
	fleetLive     = fleetDesc("engine_live", "Whether news from the engine gets through.")
	fleetAge      = fleetDesc("news_age_seconds", "How old the news is.")
	fleetStale    = fleetDesc("stale", "Whether the news is older than the policy allows.")
	fleetClock    = fleetDesc("clock_off", "Whether a clock is more than a minute off.")
	fleetSequence = fleetDesc("ring_sequence", "The number of the ring.")
	fleetMarks    = fleetDesc("marks", "Marks that are held.")
	fleetBytes    = fleetDesc("marks_bytes", "Memory that the marks take.")
	fleetAside    = fleetDesc("marks_aside", "Marks that wait for the key that they are sealed under.")
	fleetFrom     = fleetDesc("marks_total", "Marks published by this instance and heard from the engine.", "from")
	fleetRefused  = fleetDesc("refused_total", "Values that were not sealed by this fleet.", "what")
	fleetSwaps    = fleetDesc("swaps_total", "Attempts to write a ring or a beat, and those that came too late.", "result")
	fleetReopened = fleetDesc("reopened_total", "How often the watch was opened again.")
	fleetFault    = fleetDesc("fault_timestamp_seconds", "When something last went wrong.")
)

func fleetDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("hardtack_fleet_"+name, help, labels, nil)
}

// Describe is part of prometheus.Collector.
func (m fleetMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{fleetReady, fleetLive, fleetAge, fleetStale, fleetClock, fleetSequence, fleetMarks,
		fleetBytes, fleetAside, fleetFrom, fleetRefused, fleetSwaps, fleetReopened, fleetFault} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (m fleetMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.status()
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(fleetReady, truth(s.Ready))
	gauge(fleetLive, truth(s.Engine == fleet.EngineLive))
	if s.NewsAge >= 0 {
		gauge(fleetAge, s.NewsAge)
	}
	gauge(fleetStale, truth(s.Stale))
	gauge(fleetClock, truth(s.ClockOff))
	gauge(fleetSequence, float64(s.Sequence))
	gauge(fleetMarks, float64(s.Marks))
	gauge(fleetBytes, float64(s.MarksBytes))
	gauge(fleetAside, float64(s.Aside))
	count(fleetFrom, s.Counters.Ended, "here")
	count(fleetFrom, s.Counters.Heard, "engine")
	count(fleetRefused, s.Counters.RefusedRings, "ring")
	count(fleetRefused, s.Counters.RefusedMarks, "mark")
	count(fleetRefused, s.Counters.RefusedBeats, "beat")
	count(fleetSwaps, s.Counters.Swaps, "tried")
	count(fleetSwaps, s.Counters.Conflicts, "conflict")
	count(fleetReopened, s.Counters.Reopened)
	if !s.FaultAt.IsZero() {
		gauge(fleetFault, float64(s.FaultAt.UnixNano())/float64(time.Second))
	}
}
