package cookie_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
)

// The words are an interface: logs and alerts depend on them.
func TestReasonWords(t *testing.T) {
	words := []string{"none", "foreign", "unknown-key", "ambiguous", "future", "malformed", "bad-tag", "expired", "ended",
		"stamp-missing", "stamp-mismatch", "stamp-unknown-key", "bad-user-id"}
	for i, w := range words {
		if got := cookie.Reason(i).String(); got != w {
			t.Errorf("%d: %q, want %q", i, got, w)
		}
	}
	if cookie.ReasonBadUserID != cookie.Reason(len(words)-1) {
		t.Error("a reason has no word in this test")
	}
	if got := cookie.Reason(200).String(); got != "reason-200" {
		t.Errorf("%q", got)
	}
}

// J12: one text, the reason in it all the same, also when wrapped; an error that
// carries none permits nothing.
func TestReasonErrors(t *testing.T) {
	if cookie.ReasonNone.Err() != nil || cookie.ReasonOf(nil) != cookie.ReasonNone {
		t.Error("ReasonNone is no error")
	}
	for r := cookie.ReasonForeign; r <= cookie.ReasonBadUserID; r++ {
		err := r.Err()
		wrapped := fmt.Errorf("more: %w", err)
		if !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() || cookie.ReasonOf(err) != r {
			t.Errorf("%v: %v", r, err)
		}
		if !errors.Is(wrapped, cookie.ErrInvalid) || cookie.ReasonOf(wrapped) != r {
			t.Errorf("%v wrapped: %v", r, wrapped)
		}
		if errors.Is(err, cookie.ErrNoPrimary) {
			t.Errorf("%v matches another error", r)
		}
	}
	for _, err := range []error{errors.New("other"), cookie.ErrInvalid, fmt.Errorf("%w", cookie.ErrInvalid)} {
		if got := cookie.ReasonOf(err); got != cookie.ReasonForeign {
			t.Errorf("%v: %v", err, got)
		}
	}
}
