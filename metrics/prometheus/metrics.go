// Package prommetrics counts what happens to sessions, for Prometheus.
//
//	m := prommetrics.New(keys)
//	prometheus.MustRegister(m)
//	accounts, err := auth.New(auth.Config[*User]{
//		…
//		OnLogin:  func(context.Context, *ssestore.Session, *User) { m.Login() },
//		OnLogout: func(context.Context, *ssestore.Session, *User, bool) { m.Logout() },
//	})
//	guard, err := middleware.New(store, accounts, middleware.Config{
//		OnOutcome: func(_ *http.Request, out ssestore.Outcome, err error) { m.Observe(out, err) },
//	})
//
// # Metrics
//
//	hardtack_responses_total{verdict,user}         responses that used the session
//	hardtack_writes_total{cause}                   cookies written, by cause: a write may have several
//	hardtack_errors_total{error}                   answers in the handler's place, and changes not saved
//	hardtack_skipped_writes_total                  renewals and reseals that could not be made
//	hardtack_unpublished_total                     ended sessions of which other instances may not know
//	hardtack_older_primary_total                   writes under an older key than the session came with
//	hardtack_cookie_bytes                          histogram of the sizes that were written
//	hardtack_logins_total, hardtack_logouts_total  calls of Login and Logout, by the hooks above
//	hardtack_key_seals_total{kid}                  values sealed under a key by this process
//	hardtack_key_opens_total{kid}                  values opened under it
//	hardtack_key_last_open_timestamp_seconds{kid}  when the last was; missing if none was
//	hardtack_key_created_timestamp_seconds{kid}
//	hardtack_key_primary{kid}                      1 for the key that seals now
//	hardtack_key_worn{kid}                         1 if it is time to rotate; see keyring.Counters
//
// The values of verdict are those of cookie.Reason. Those of error are listed at
// [Metrics.Observe]. A kid isn't a secret. A ring has at most 16 keys, but their ids
// change with every rotation.
//
// # May a key go?
//
// A fallback may be retired when no instance has opened anything under it for longer
// than a session can live:
//
//	time() - max by (kid) (hardtack_key_last_open_timestamp_seconds) > 30 * 86400
//
// An instance that has opened nothing under a key since it started reports nothing for
// it, so the fleet must have been up for that long.
package prommetrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Metrics is a prometheus.Collector. Make one with [New], and register it once. Its
// methods are safe for concurrent use, and those that count don't allocate. A nil
// *Metrics counts nothing and collects nothing.
type Metrics struct {
	keys      keyring.Source
	all       []prometheus.Collector
	responses [cookie.ReasonUnverified + 1][2]prometheus.Counter // by verdict, and whether there was a user
	writes    [causes]prometheus.Counter
	errors    [kinds]prometheus.Counter
	skipped   prometheus.Counter
	older     prometheus.Counter
	unknown   prometheus.Counter // ends that weren't published
	bytes     prometheus.Histogram
	logins    prometheus.Counter
	logouts   prometheus.Counter
}

// The causes of a write.
const (
	renewed = iota
	resealed
	restamped
	migrated
	deleted
	changed // none of the others
	causes
)

var causeNames = [causes]string{"renewed", "resealed", "restamped", "migrated", "deleted", "changed"}

// The kinds of errors.
const (
	loginRequired = iota
	notStaff
	forbidden
	userStore
	crossOrigin
	tooEarly
	method
	noPrimary
	tooLarge
	identity
	mistake
	other
	kinds
)

var kindNames = [kinds]string{"login-required", "not-staff", "forbidden", "user-store", "cross-origin", "too-early",
	"method", "no-primary", "too-large", "bad-identity", "mistake", "other"}

// New returns metrics for one store, and for the keys that it uses. A nil source leaves
// out those of keys.
//
// A registry takes only one Metrics as it is. With two stores, register each under a
// label: prometheus.WrapRegistererWith(prometheus.Labels{"store": "staff"}, registry).
func New(keys keyring.Source) *Metrics {
	m := &Metrics{keys: keys}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.all = append(m.all, v)
		return v
	}
	responses := vector("hardtack_responses_total", "Responses that used the session, by the verdict on its cookie.", "verdict", "user")
	for reason := range m.responses {
		for user, word := range [...]string{"false", "true"} {
			m.responses[reason][user] = responses.WithLabelValues(cookie.Reason(reason).String(), word)
		}
	}
	writes := vector("hardtack_writes_total", "Session cookies written or deleted, by cause.", "cause")
	for i, name := range causeNames {
		m.writes[i] = writes.WithLabelValues(name)
	}
	failures := vector("hardtack_errors_total", "Answers in the handler's place, and sessions that could not be saved.", "error")
	for i, name := range kindNames {
		m.errors[i] = failures.WithLabelValues(name)
	}
	m.skipped = counter("hardtack_skipped_writes_total", "Unsolicited writes that were due and could not be made.")
	m.older = counter("hardtack_older_primary_total", "Writes under a primary older than the key that the session came with.")
	m.unknown = counter("hardtack_unpublished_total", "Sessions ended here of which other instances may not know.")
	m.logins = counter("hardtack_logins_total", "Logins.")
	m.logouts = counter("hardtack_logouts_total", "Logouts.")
	m.bytes = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "hardtack_cookie_bytes", Help: "Sizes of the names and values of the session cookies written.",
		Buckets: []float64{256, 512, 1024, 2048, 3072, 3584, 4096}, // browsers accept 4,096
	})
	m.all = append(m.all, m.bytes)
	return m
}

// Observe counts one outcome, with the error that goes with it. It is made for
// middleware.Config.OnOutcome; code without net/http calls it after Session.Commit.
//
// The error's label is one of login-required, not-staff, forbidden, user-store,
// cross-origin, too-early, method, no-primary, too-large, bad-identity; mistake, for one
// in how the program uses the guard, if OnMistake passes its errors on as well; and
// other.
func (m *Metrics) Observe(out ssestore.Outcome, err error) {
	if m == nil {
		return
	}
	if int(out.Refused) < len(m.responses) {
		user := 0
		if out.User {
			user = 1
		}
		m.responses[out.Refused][user].Inc()
	}
	if err != nil {
		m.errors[kindOf(err)].Inc()
	}
	if out.Skipped != nil {
		m.skipped.Inc()
	}
	if out.Unpublished != nil {
		m.unknown.Inc()
	}
	if out.OlderPrimary {
		m.older.Inc()
	}
	if out.Bytes > 0 {
		m.bytes.Observe(float64(out.Bytes))
	}
	any := false
	for cause, is := range [...]bool{renewed: out.Renewed, resealed: out.Resealed, restamped: out.Restamped, migrated: out.Migrated, deleted: out.Deleted} {
		if is {
			any = true
			m.writes[cause].Inc()
		}
	}
	if !any && out.Bytes > 0 {
		m.writes[changed].Inc()
	}
}

// Login counts a login. Call it from auth.Config.OnLogin.
func (m *Metrics) Login() {
	if m != nil {
		m.logins.Inc()
	}
}

// Logout counts a logout. Call it from auth.Config.OnLogout.
func (m *Metrics) Logout() {
	if m != nil {
		m.logouts.Inc()
	}
}

func kindOf(err error) int {
	switch {
	case errors.Is(err, auth.ErrUserStore): // first: it may come with another
		return userStore
	case errors.Is(err, auth.ErrNoUser):
		return loginRequired
	case errors.Is(err, auth.ErrNotStaff):
		return notStaff
	case errors.Is(err, middleware.ErrCrossOrigin):
		return crossOrigin
	case errors.Is(err, middleware.ErrTooEarly):
		return tooEarly
	case errors.Is(err, middleware.ErrMethod):
		return method
	case errors.Is(err, middleware.ErrIdentity):
		return identity
	case errors.Is(err, cookie.ErrNoPrimary):
		return noPrimary
	case errors.Is(err, middleware.ErrBypassed), errors.Is(err, middleware.ErrDropped), errors.Is(err, middleware.ErrNested),
		errors.Is(err, middleware.ErrNoMarks), errors.Is(err, middleware.ErrUncommitted), errors.Is(err, ssestore.ErrNoSession),
		errors.Is(err, ssestore.ErrCommitted), errors.Is(err, ssestore.ErrReadOnly):
		return mistake
	}
	if _, ok := errors.AsType[auth.Forbidden](err); ok {
		return forbidden
	}
	if _, ok := errors.AsType[*cookie.SizeError](err); ok {
		return tooLarge
	}
	return other
}

// The metrics of keys, read when they are collected, so that a request pays nothing.
var (
	keySeals   = keyDesc("hardtack_key_seals_total", "Values sealed under the key by this process.")
	keyOpens   = keyDesc("hardtack_key_opens_total", "Values opened under the key by this process.")
	keyLast    = keyDesc("hardtack_key_last_open_timestamp_seconds", "When this process last opened a value under the key.")
	keyCreated = keyDesc("hardtack_key_created_timestamp_seconds", "When the key was created.")
	keyPrimary = keyDesc("hardtack_key_primary", "Whether the key seals now.")
	keyWorn    = keyDesc("hardtack_key_worn", "Whether this process alone has sealed so much under the key that it is time to rotate.")
)

func keyDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"kid"}, nil)
}

// Describe is part of prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	if m == nil {
		return
	}
	for _, c := range m.all {
		c.Describe(ch)
	}
	for _, d := range [...]*prometheus.Desc{keySeals, keyOpens, keyLast, keyCreated, keyPrimary, keyWorn} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector. It asks the source for its keys as of now.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	if m == nil {
		return
	}
	for _, c := range m.all {
		c.Collect(ch)
	}
	if m.keys == nil {
		return
	}
	ring := m.keys.At(time.Now())
	primary := ring.Primary().ID()
	for _, key := range ring.Keys() {
		kid, n := key.ID(), key.Counters()
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64) {
			ch <- prometheus.MustNewConstMetric(d, kind, value, kid)
		}
		send(keySeals, prometheus.CounterValue, float64(n.Sealed))
		send(keyOpens, prometheus.CounterValue, float64(n.Opened))
		if !n.LastOpened.IsZero() {
			send(keyLast, prometheus.GaugeValue, float64(n.LastOpened.Unix()))
		}
		send(keyCreated, prometheus.GaugeValue, float64(key.Created().Unix()))
		send(keyPrimary, prometheus.GaugeValue, truth(kid == primary))
		send(keyWorn, prometheus.GaugeValue, truth(n.Worn))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
