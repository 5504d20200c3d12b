package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/address"
)

// ErrRefused is returned for a mail that will never be sent, because its address isn't
// one, or the mail server refused it for good. A [Queue] tries again after every other
// error of its sender.
var ErrRefused = errors.New("mail: refused")

var (
	errFull    = errors.New("mail: the queue is full")
	errStopped = errors.New("mail: the queue has stopped")

	errPanicked = errors.New("mail: the sender panicked")
)

const (
	// defaultSize is the size of a queue that names none.
	defaultSize = 1000

	// attemptTime is how long one attempt may take. A mail server may think about a
	// message for ten minutes (RFC 5321 section 4.5.3.2.6), but nobody waits so long.
	attemptTime = time.Minute

	// drainTime is how long a queue goes on after its context is done. Platforms that
	// stop a program give it 30 seconds (Kubernetes) or 10 (Docker).
	drainTime = 9 * time.Second
)

// pauses are the times between two attempts. Servers that greylist accept the second
// attempt after a minute or more (RFC 6647 section 2.1). What the mails say is over after
// fifteen minutes.
var pauses = [...]time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute}

// A Queue is a [signin.Sender] that holds mails in memory until Run has sent them. It
// is safe for concurrent use. Make one with [NewQueue]; a nil or zero Queue takes no
// mail.
type Queue struct {
	// Log gets a line for each mail whose first attempt fails, and one for each that is
	// given up, without its address. It also gets one if mails wait and Run was never
	// called. nil means slog.Default(). Set it before Run.
	Log *slog.Logger

	sender  signin.Sender
	jobs    chan job
	mu      sync.Mutex // guards the rest, and jobs against stopped
	stopped bool
	running bool // whether Run was called, or the log has told that it wasn't
}

type job struct {
	mail  signin.Mail
	tries int
	due   time.Time // of the next attempt
	err   error     // of the last one
}

// NewQueue returns a queue for up to size mails, or 1,000 if size isn't positive. It
// sends nothing until Run is called.
func NewQueue(sender signin.Sender, size int) *Queue {
	if size <= 0 {
		size = defaultSize
	}
	return &Queue{sender: sender, jobs: make(chan job, size)}
}

// Send queues a mail, without waiting for anything. ctx is only for the log. It
// returns [ErrRefused] if the address isn't one, and another error if the queue is full
// or has stopped.
func (q *Queue) Send(ctx context.Context, m signin.Mail) error {
	if q == nil || q.sender == nil {
		return errors.New("mail: the queue was not made by NewQueue, or has no sender")
	}
	if err := check(m); err != nil {
		return err
	}
	idle, err := q.put(m)
	if idle {
		q.say(ctx, slog.LevelError, "mails-waiting", slog.String("cure", "nobody sends what is in the queue: go mails.Run(ctx)"))
	}
	return err
}

// put queues a mail. idle is true once, if mails wait and nobody has called Run. A log may
// be slow, or send mails itself, so nothing is logged under the lock.
func (q *Queue) put(m signin.Mail) (idle bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return false, errStopped
	}
	// One mail may come before the goroutine of Run begins.
	if !q.running && len(q.jobs) > 0 {
		idle, q.running = true, true // once is enough
	}
	select {
	case q.jobs <- job{mail: m}:
		return idle, nil
	default:
		return idle, errFull
	}
}

// check returns ErrRefused for a mail that no server can take, or that could make one do
// something else.
func check(m signin.Mail) error {
	if address.Normal(m.To) == "" {
		return fmt.Errorf("%w: the address is not a plain mail address", ErrRefused)
	}
	for _, c := range []byte(m.Subject) {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("%w: the subject has a control character", ErrRefused)
		}
	}
	return nil
}

// Run sends mails, one at a time, until ctx is done. Then it tries what is left once
// more each, for at most nine seconds, and returns. The error says how many mails were
// lost, and is nil if none was. Cancel ctx after the server has shut down, so that its
// last requests can still queue mails.
//
// To send several mails at a time, call Run in several goroutines. Once one of them has
// returned, Send takes no more mails.
func (q *Queue) Run(ctx context.Context) error {
	if q == nil {
		<-ctx.Done()
		return nil
	}
	q.mu.Lock()
	q.running = true
	q.mu.Unlock()
	// What is being sent when ctx ends may be finished.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		t := time.NewTimer(drainTime)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-work.Done():
		}
	})()

	var later []job // sorted by due
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		var due <-chan time.Time
		if len(later) > 0 {
			timer.Reset(time.Until(later[0].due))
			due = timer.C
		}
		var j job
		select {
		case <-ctx.Done():
			continue
		case j = <-q.jobs:
		case <-due:
			j, later = later[0], later[1:]
		}
		if q.attempt(work, &j) {
			continue
		}
		if j.tries > len(pauses) || len(later) == cap(q.jobs) {
			q.lost(work, j)
			continue
		}
		if j.tries == 1 { // or a wrong port would be a secret for eight minutes
			q.say(work, slog.LevelWarn, "mail-delayed", slog.Any("error", j.err))
		}
		j.due = time.Now().Add(pauses[j.tries-1])
		i, _ := slices.BinarySearchFunc(later, j, func(a, b job) int { return cmp.Or(a.due.Compare(b.due), -1) })
		later = slices.Insert(later, i, j)
	}
	return q.drain(work, later)
}

// drain tries each mail that is left once, until work is done.
func (q *Queue) drain(work context.Context, left []job) error {
	lost := 0
	for {
		j, ok := job{}, true
		if len(left) > 0 {
			j, left = left[0], left[1:]
		} else if j, ok = q.last(); !ok {
			break
		}
		if work.Err() != nil || !q.attempt(work, &j) {
			q.lost(work, j)
			lost++
		}
	}
	if lost > 0 {
		return fmt.Errorf("mail: %d mails were lost when the queue stopped", lost)
	}
	return nil
}

// last returns a mail that waits, or stops the queue if there is none.
func (q *Queue) last() (j job, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case j = <-q.jobs:
		return j, true
	default:
		q.stopped = true
		return j, false
	}
}

// attempt sends a mail. It returns false if another attempt may help.
func (q *Queue) attempt(ctx context.Context, j *job) (done bool) {
	j.tries++
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	defer func() {
		// The sender isn't this package's code, and a queue that stops sends nothing to
		// anybody. The mail may be in what it panics with.
		if recover() != nil {
			j.err, done = errPanicked, true
			q.lost(ctx, *j)
		}
	}()
	j.err = q.sender.Send(ctx, j.mail)
	if errors.Is(j.err, ErrRefused) {
		q.lost(ctx, *j)
		return true
	}
	return j.err == nil
}

// lost logs a mail that is given up.
func (q *Queue) lost(ctx context.Context, j job) {
	q.say(ctx, slog.LevelError, "mail-lost", slog.Int("attempts", j.tries), slog.Any("error", j.err))
}

// say logs a line, of which no part is a mail.
func (q *Queue) say(ctx context.Context, level slog.Level, what string, attrs ...slog.Attr) {
	log := q.Log
	if log == nil {
		log = slog.Default()
	}
	log.LogAttrs(ctx, level, "hardtack: "+what, attrs...)
}
