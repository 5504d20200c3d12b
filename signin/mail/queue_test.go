package mail_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
)

// post is a sender that takes a time for each mail and answers as it is told.
type post struct {
	mu     sync.Mutex
	answer func(n int, m signin.Mail) error // n counts the attempts
	takes  time.Duration
	n      int
	sent   []string // "subject at seconds"
	began  time.Time
}

func (p *post) Send(ctx context.Context, m signin.Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-time.After(p.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	p.n++
	if p.answer != nil {
		if err := p.answer(p.n, m); err != nil {
			return err
		}
	}
	p.sent = append(p.sent, fmt.Sprintf("%s at %g", m.Subject, time.Since(p.began).Seconds()))
	return nil
}

func letter(subject string) signin.Mail {
	return signin.Mail{To: "ada@example.com", Subject: subject, Text: "secret"}
}

// office is a queue over a post, running in a bubble.
type office struct {
	*mail.Queue
	*post
	log  strings.Builder
	stop context.CancelFunc
	done chan error
}

func (o *office) Send(ctx context.Context, m signin.Mail) error { return o.Queue.Send(ctx, m) }

func open(p *post, size int) *office {
	p.began = time.Now()
	o := &office{post: p, Queue: mail.NewQueue(p, size), done: make(chan error, 1)}
	o.Queue.Log = slog.New(slog.NewTextHandler(&o.log, nil))
	var ctx context.Context
	ctx, o.stop = context.WithCancel(context.Background())
	go func() { o.done <- o.Run(ctx) }()
	return o
}

func (o *office) want(t *testing.T, sent ...string) {
	t.Helper()
	synctest.Wait()
	if got := strings.Join(o.sent, ", "); got != strings.Join(sent, ", ") {
		t.Errorf("sent %s, want %s", got, strings.Join(sent, ", "))
	}
}

func TestD17_SendNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(&post{takes: 10 * time.Second}, 2)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a request that is over doesn't matter
		for i, ok := range []bool{true, true, true, false, false} {
			if err := o.Send(ctx, letter(fmt.Sprint(i))); (err == nil) != ok || errors.Is(err, mail.ErrRefused) {
				t.Errorf("mail %d: %v", i, err)
			}
			synctest.Wait() // Run takes the first
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("five calls took %v", d)
		}
		time.Sleep(time.Minute)
		o.want(t, "0 at 10", "1 at 20", "2 at 30")
		o.stop()
		if err := <-o.done; err != nil {
			t.Error(err)
		}
		if err := o.Send(t.Context(), letter("late")); err == nil {
			t.Error("a stopped queue took a mail")
		}
	})
}

func TestD17_Retries(t *testing.T) {
	greylisted := errors.New("450")
	for _, row := range []struct {
		name   string
		answer func(n int, m signin.Mail) error
		sent   string
		log    string
	}{
		{"at once", nil, "x at 0", ""},
		{"the third time", func(n int, _ signin.Mail) error {
			if n < 3 {
				return greylisted
			}
			return nil
		}, "x at 35", `level=WARN msg="hardtack: mail-delayed" error=450`},
		{"the last time", func(n int, _ signin.Mail) error {
			if n < 5 {
				return greylisted
			}
			return nil
		}, "x at 455", `level=WARN msg="hardtack: mail-delayed" error=450`},
		{"never", func(int, signin.Mail) error { return greylisted }, "", "attempts=5 error=450"},
		{"refused", func(int, signin.Mail) error { return fmt.Errorf("%w: 550", mail.ErrRefused) }, "", `attempts=1 error="mail: refused: 550"`},
		{"panics", func(_ int, m signin.Mail) error { panic(m) }, "", `attempts=1 error="mail: the sender panicked"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(&post{answer: row.answer}, 10)
				if err := o.Send(t.Context(), letter("x")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := strings.Join(o.sent, ", "); got != row.sent {
					t.Errorf("sent %q, want %q", got, row.sent)
				}
				if got := o.log.String(); !strings.Contains(got, row.log) || (row.log == "") != (got == "") || strings.Count(got, "mail-delayed") > 1 || strings.Contains(got, "ada@") || strings.Contains(got, "secret") {
					t.Errorf("the log has %q, want %q", got, row.log)
				}
				o.stop()
				if err := <-o.done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A mail that has to wait doesn't hold up the others, nor does a panic.
func TestD17_OthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := map[string]bool{}
		o := open(&post{answer: func(_ int, m signin.Mail) error {
			if m.Subject == "panic" {
				panic("!")
			}
			if len(m.Subject) > 1 && !first[m.Subject] {
				first[m.Subject] = true
				return errors.New("later")
			}
			return nil
		}}, 10)
		for _, s := range []string{"aa", "panic", "b"} {
			_ = o.Send(t.Context(), letter(s))
		}
		time.Sleep(time.Second)
		_ = o.Send(t.Context(), letter("cc"))
		_ = o.Send(t.Context(), letter("d"))
		time.Sleep(time.Hour)
		o.want(t, "b at 0", "d at 1", "aa at 5", "cc at 6")
		o.stop()
		<-o.done
	})
}

// What waits for another attempt is bounded too.
func TestD17_BoundedRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(&post{answer: func(int, signin.Mail) error { return errors.New("down") }}, 2)
		for range 5 {
			_ = o.Send(t.Context(), letter("x"))
			synctest.Wait()
		}
		if n := strings.Count(o.log.String(), "mail-lost"); n != 3 {
			t.Errorf("%d mails were given up at once, want 3", n)
		}
		o.stop()
		if err := <-o.done; err == nil || !strings.Contains(err.Error(), "2 mails") {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestD17_Drains(t *testing.T) {
	for _, row := range []struct {
		name string
		p    *post
		sent string
		lost string
		took time.Duration
	}{
		{"quick", &post{}, "0 at 0, 1 at 0, 2 at 0", "", 0},
		{"in time", &post{takes: 2 * time.Second}, "0 at 2, 1 at 4, 2 at 6", "", 6 * time.Second},
		{"not in time", &post{takes: 4 * time.Second}, "0 at 4, 1 at 8", "1 mails", 9 * time.Second},
		{"stuck", &post{takes: 30 * time.Second}, "", "3 mails", 9 * time.Second},
		{"down", &post{answer: func(int, signin.Mail) error { return errors.New("down") }}, "", "3 mails", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(row.p, 10)
				for i := range 3 {
					_ = o.Send(t.Context(), letter(fmt.Sprint(i)))
				}
				synctest.Wait() // the first is on its way
				o.stop()
				err := <-o.done
				if (err == nil) != (row.lost == "") || err != nil && !strings.Contains(err.Error(), row.lost) {
					t.Errorf("Run returned %v, want %q", err, row.lost)
				}
				if got := strings.Join(o.sent, ", "); got != row.sent {
					t.Errorf("sent %s, want %s", got, row.sent)
				}
				if took := time.Since(row.p.began); took != row.took {
					t.Errorf("stopping took %v, want %v", took, row.took)
				}
			})
		})
	}
}

// A sender that doesn't stop when it is told to gets no more mails then.
func TestD17_DrainsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		q := mail.NewQueue(senderFunc(func(context.Context, signin.Mail) error {
			n++
			time.Sleep(20 * time.Second)
			return nil
		}), 10)
		q.Log = slog.New(slog.DiscardHandler)
		for range 3 {
			_ = q.Send(t.Context(), letter("x"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Run(ctx); err == nil || !strings.Contains(err.Error(), "2 mails") || n != 1 {
			t.Errorf("Run returned %v after %d attempts", err, n)
		}
	})
}

func TestD17_DefaultLog(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	q := mail.NewQueue(senderFunc(func(context.Context, signin.Mail) error { return mail.ErrRefused }), 1)
	_ = q.Send(t.Context(), letter("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = q.Run(ctx)
	if !strings.Contains(log.String(), "hardtack: mail-lost") {
		t.Errorf("the log has %q", log.String())
	}
}

// A program that forgets to run the queue is told by its second mail, once.
func TestD17_NobodyRuns(t *testing.T) {
	var log strings.Builder
	q := mail.NewQueue(&post{}, 10)
	q.Log = slog.New(slog.NewTextHandler(&log, nil))
	_ = q.Send(t.Context(), letter("a"))
	if log.Len() > 0 {
		t.Errorf("after one mail the log has %q", log.String())
	}
	_ = q.Send(t.Context(), letter("b"))
	_ = q.Send(t.Context(), letter("c"))
	if n := strings.Count(log.String(), "hardtack: mails-waiting"); n != 1 {
		t.Errorf("told %d times: %q", n, log.String())
	}
}

// A program that runs the queue isn't told.
func TestD17_SomebodyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		began, release := make(chan bool, 3), make(chan bool)
		q := mail.NewQueue(&post{answer: func(int, signin.Mail) error { began <- true; <-release; return nil }}, 10)
		q.Log = slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		_ = q.Send(t.Context(), letter("a"))
		go func() { done <- q.Run(ctx) }()
		<-began
		_ = q.Send(t.Context(), letter("b"))
		_ = q.Send(t.Context(), letter("c"))
		cancel()
		close(release)
		if err := <-done; err != nil || log.Len() > 0 {
			t.Errorf("Run returned %v, and the log has %q", err, log.String())
		}
	})
}

// mailing is a log that mails what it is told.
type mailing struct {
	slog.Handler
	send func(signin.Mail) error
}

func (m mailing) Handle(context.Context, slog.Record) error { return m.send(letter("from the log")) }

// A log may send its lines by the queue itself.
func TestD17_LogThatMails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{}
		q := mail.NewQueue(p, 10)
		sent := make(chan error, 1)
		q.Log = slog.New(mailing{slog.Default().Handler(), func(m signin.Mail) error {
			go func() { sent <- q.Send(t.Context(), m) }()
			select {
			case err := <-sent:
				return err
			case <-time.After(time.Hour):
				return errors.New("the queue waits for its log")
			}
		}})
		_, _ = q.Send(t.Context(), letter("a")), q.Send(t.Context(), letter("b"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Run(ctx); err != nil || p.n != 3 {
			t.Errorf("%v after %d mails", err, p.n)
		}
	})
}

// Several goroutines may run one queue.
func TestD17_SeveralRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		n := 0
		q := mail.NewQueue(senderFunc(func(context.Context, signin.Mail) error {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			n++
			return nil
		}), 100)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := q.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		for range 40 {
			if err := q.Send(t.Context(), letter("x")); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		mu.Lock()
		if n != 40 {
			t.Errorf("%d mails in ten seconds, want 40", n)
		}
		mu.Unlock()
		cancel()
		all.Wait()
	})
}

type senderFunc func(context.Context, signin.Mail) error

func (f senderFunc) Send(ctx context.Context, m signin.Mail) error { return f(ctx, m) }

func TestD17_ZeroQueue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, q := range map[string]*mail.Queue{"nil": nil, "zero": new(mail.Queue), "no sender": mail.NewQueue(nil, 0)} {
		if err := q.Send(t.Context(), letter("x")); err == nil {
			t.Errorf("%s: took a mail", name)
		}
		if err := q.Run(ctx); err != nil {
			t.Errorf("%s: Run returned %v", name, err)
		}
	}
	q := mail.NewQueue(senderFunc(nil), 0)
	for range 1000 {
		if err := q.Send(t.Context(), letter("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Send(t.Context(), letter("x")); err == nil {
		t.Error("the default size isn't 1,000")
	}
}
