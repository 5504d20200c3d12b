package signin

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// quiet is how long a teller says nothing after a line. What is down now is down for
// everybody, and must not fill the disk.
const quiet = time.Minute

// A teller logs errors that visitors aren't told.
type teller struct {
	log  *slog.Logger // nil: slog.Default(), as it is then
	last atomic.Int64 // when it logged, in Unix nanoseconds
}

func (t *teller) say(ctx context.Context, what string, err error) {
	now, last := time.Now().UnixNano(), t.last.Load()
	if since := time.Duration(now - last); since >= 0 && since < quiet || !t.last.CompareAndSwap(last, now) {
		return // or another goroutine is logging it
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
