package fleet

import (
	"encoding/hex"
	"log/slog"
	"sync"
	"time"
)

// A Status is what an instance knows of itself and of its fleet. It marshals to JSON, for
// a page that only operators see. There are ids of keys in it, but no keys, and nothing
// of users or sessions.
type Status struct {
	// Application is Config.Application.
	Application string `json:"application"`
	// Instance is a random name that this instance has until it ends.
	Instance string `json:"instance"`
	// Now is the time of the Status, by the clock of the instance.
	Now time.Time `json:"now"`
	// Ready says that Ready is closed.
	Ready bool `json:"ready"`
	// ReadOnly is Rotation.ReadOnly.
	ReadOnly bool `json:"read_only"`
	// Engine is the state of the connection: EngineOff, EngineOpening, EngineLive or
	// EngineSilent.
	Engine EngineState `json:"engine"`
	// NewsAge is how old the news is, in seconds, or -1 if there was none yet.
	NewsAge float64 `json:"news_age"`
	// Stale says that NewsAge is above Policy.MaxStale, or that there was no news yet. It
	// is false if MaxStale isn't set.
	Stale bool `json:"stale"`
	// ClockOff says that the clock of this instance or of the one that writes the beat
	// is more than a minute off. It writes neither ring nor beat then.
	ClockOff bool `json:"clock_off"`
	// Sequence numbers the rings; 0 is none.
	Sequence uint64 `json:"sequence"`
	// Keys are the keys of the ring in order.
	Keys []KeyStatus `json:"keys"`
	// Marks is how many marks are held, and MarksBytes what they take.
	Marks      int `json:"marks"`
	MarksBytes int `json:"marks_bytes"`
	// Aside is how many marks wait for a ring with the key that they are sealed under.
	Aside int `json:"aside"`
	// What follows counts since the start.
	Counters Counters `json:"counters"`
	// Fault is the last thing that went wrong, and FaultAt when; "" is nothing.
	Fault   string    `json:"fault"`
	FaultAt time.Time `json:"fault_at,omitzero"`
}

// An EngineState is the state of an instance's connection to its engine.
type EngineState string

// The states of an engine.
const (
	// EngineOff means that Run isn't running.
	EngineOff EngineState = "off"
	// EngineOpening means that the watch is being opened, or hasn't told everything yet.
	EngineOpening EngineState = "opening"
	// EngineLive means that news gets through.
	EngineLive EngineState = "live"
	// EngineSilent means that nothing was heard for four beats.
	EngineSilent EngineState = "silent"
)

// A KeyStatus is what a Status says of a key.
type KeyStatus struct {
	ID      string    `json:"kid"`
	Phase   KeyPhase  `json:"phase"`
	Created time.Time `json:"created"`
	// Active is when the key began or will begin to seal; the zero time means at once.
	Active time.Time `json:"active,omitzero"`
}

// A KeyPhase is where in its life a key is.
type KeyPhase string

// The phases of a key.
const (
	PhaseNext     KeyPhase = "next"     // seals later
	PhasePrimary  KeyPhase = "primary"  // seals
	PhaseFallback KeyPhase = "fallback" // only opens
)

// Counters say how often something has happened in this instance since it started.
type Counters struct {
	// Ended are the marks that End published, and Heard those that came from the engine.
	Ended uint64 `json:"ended"`
	Heard uint64 `json:"heard"`
	// RefusedRings, RefusedMarks and RefusedBeats were not sealed by this fleet.
	RefusedRings uint64 `json:"refused_rings"`
	RefusedMarks uint64 `json:"refused_marks"`
	RefusedBeats uint64 `json:"refused_beats"`
	// Swaps are attempts to write a ring or a beat, and Conflicts those that came too
	// late.
	Swaps     uint64 `json:"swaps"`
	Conflicts uint64 `json:"conflicts"`
	// Reopened is how often the watch was opened again.
	Reopened uint64 `json:"reopened"`
}

// Status returns the state of the instance. It takes a lock, but waits for nothing else.
func (f *Fleet) Status() Status {
	if f == nil || f.marks == nil {
		return Status{Engine: EngineOff, NewsAge: -1}
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Status{
		Application: f.config.Application,
		Instance:    hex.EncodeToString(f.instance[:]),
		Now:         now.UTC(),
		Ready:       f.isReady,
		ReadOnly:    f.config.Rotation.ReadOnly,
		Engine:      f.engineState(now),
		NewsAge:     -1,
		ClockOff:    f.pulse.off,
		Sequence:    f.record.seq,
		Keys:        []KeyStatus{},
		Marks:       f.marks.Len(),
		MarksBytes:  f.marks.Bytes(),
		Aside:       len(f.aside),
		Counters:    f.counters,
	}
	age := f.marks.Age(now)
	if !f.pulse.fresh.IsZero() {
		s.NewsAge = age.Seconds()
	}
	s.Stale = f.config.Policy.MaxStale > 0 && age > f.config.Policy.MaxStale
	s.Fault, s.FaultAt = f.log.last()
	ring := f.ring.At(now)
	primary := ring.Primary().ID()
	for _, k := range ring.Keys() {
		phase := PhaseFallback
		switch {
		case k.ID() == primary:
			phase = PhasePrimary
		case k.Active().After(now):
			phase = PhaseNext
		}
		s.Keys = append(s.Keys, KeyStatus{k.ID(), phase, k.Created(), k.Active()})
	}
	return s
}

// engineState is called with f.mu held.
func (f *Fleet) engineState(now time.Time) EngineState {
	switch {
	case !f.running:
		return EngineOff
	case f.watch.synced && now.Sub(f.watch.heard) < silentBeats*f.config.Beat:
		return EngineLive
	case f.watch.synced:
		return EngineSilent
	}
	return EngineOpening
}

// faults logs what goes wrong, each kind at most once a minute.
type faults struct {
	logger *slog.Logger
	mu     sync.Mutex
	told   map[string]time.Time // by kind
	kind   string               // the last
	at     time.Time
}

func (l *faults) fault(kind string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.kind, l.at = kind, now.UTC()
	if last, ok := l.told[kind]; ok && now.Sub(last) < time.Minute && !now.Before(last) {
		return
	}
	if l.told == nil {
		l.told = map[string]time.Time{}
	}
	l.told[kind] = now
	if err != nil {
		l.logger.Warn("fleet: "+kind, "error", err.Error())
		return
	}
	l.logger.Warn("fleet: " + kind)
}

func (l *faults) last() (kind string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kind, l.at
}
