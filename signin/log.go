package signin

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long a teller says nothing after a line. What is down now is down for
// everybody, and must not fill the disk.
const quiet = time.Minute

// A teller logs errors that visitors aren't told.
type teller struct {
	log  *slog.Logger // nil: slog.Default(), as it is then
	mu   sync.Mutex
	last time.Time // when it logged
}

func (t *teller) say(ctx context.Context, what string, err error) {
	t.mu.Lock()
	recent := time.Since(t.last) < quiet
	if !recent {
		t.last = time.Now()
	}
	t.mu.Unlock()
	if recent {
		return
	}
	log := t.log
	if log == nil {
		log = slog.Default()
	}
	log.LogAttrs(ctx, slog.LevelError, "hardtack: "+what, slog.Any("error", err))
}

// tellingSender logs that a mail was not taken. The ways don't tell the visitor: for an
// address without an account there is no such error.
type tellingSender struct {
	Sender
	*teller
}

func (s tellingSender) Send(ctx context.Context, m Mail) error {
	err := s.Sender.Send(ctx, m)
	if err != nil {
		s.say(ctx, "mail-not-taken", err)
	}
	return err
}
