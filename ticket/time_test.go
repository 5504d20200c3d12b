package ticket_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ticket"
)

// TestK3_Times: good from a minute before it was sealed to the second before it
// expires.
func TestK3_Times(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	token := seal(t, k, "ada")
	for _, row := range []struct {
		at   time.Duration
		want cookie.Reason
	}{
		{-time.Hour, cookie.ReasonFuture},
		{-61 * time.Second, cookie.ReasonFuture},
		{-60*time.Second - 1, cookie.ReasonFuture},
		{-60 * time.Second, cookie.ReasonNone},
		{-30 * time.Second, cookie.ReasonNone},
		{0, cookie.ReasonNone},
		{time.Hour - time.Second, cookie.ReasonNone},
		{time.Hour - 1, cookie.ReasonNone},
		{time.Hour, cookie.ReasonExpired},
		{time.Hour + 60*time.Second, cookie.ReasonExpired}, // no leeway here
		{400 * 24 * time.Hour, cookie.ReasonExpired},
	} {
		if row.want == cookie.ReasonNone {
			opens(t, k, after(row.at), token, nil, "ada")
		} else {
			refused(t, k, after(row.at), token, nil, row.want)
		}
	}
}

// TestK4_LifeAsConfiguredNow: a shorter Life ends tickets that were sealed under a
// longer one, and a longer one lengthens nothing.
func TestK4_LifeAsConfiguredNow(t *testing.T) {
	long := newKind[string](t, ring(t, 1), life(time.Hour))
	short := newKind[string](t, ring(t, 1), life(10*time.Minute))
	sealedLong, sealedShort := seal(t, long, "ada"), seal(t, short, "ada")
	for _, k := range []*ticket.Kind[string]{long, short} {
		opens(t, k, after(10*time.Minute-1), sealedShort, nil, "ada")
		refused(t, k, after(10*time.Minute), sealedShort, nil, cookie.ReasonExpired)
	}
	opens(t, short, after(10*time.Minute-1), sealedLong, nil, "ada")
	refused(t, short, after(10*time.Minute), sealedLong, nil, cookie.ReasonExpired)
	opens(t, long, after(time.Hour-1), sealedLong, nil, "ada")
}

func life(d time.Duration) func(*ticket.Config) { return func(c *ticket.Config) { c.Life = d } }

// TestK5_ClockThatIsNotSet is an error of the program, and no verdict on the ticket.
func TestK5_ClockThatIsNotSet(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	last := time.Unix(253402300799, 0)
	for _, now := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0), time.Unix(1, 0).Add(-1), last.Add(-time.Hour + time.Second), last, last.Add(time.Hour)} {
		if token, err := k.Seal(now, "ada"); token != "" || !errors.Is(err, ticket.ErrNoTime) {
			t.Errorf("Seal at %v: %q, %v", now, token, err)
		}
		called := false
		v, err := k.Open(now, seal(t, k, "ada", "x"), func(string) ([]string, error) { called = true; return nil, nil })
		if v != "" || !errors.Is(err, ticket.ErrNoTime) || errors.Is(err, cookie.ErrInvalid) || called {
			t.Errorf("Open at %v: %q, %v", now, v, err)
		}
	}
	for _, now := range []time.Time{time.Unix(1, 0), time.Unix(1<<31, 0), last.Add(-time.Hour)} {
		token, err := k.Seal(now, "ada")
		if err != nil {
			t.Fatal(err)
		}
		opens(t, k, now, token, nil, "ada")
	}
}
