package cookie

import (
	"errors"
	"strconv"
)

// ErrInvalid is returned, in the sense of [errors.Is], for every cookie value that
// is refused. Its text is the text of every refusal: who sends a forged cookie
// must not learn from the answer what was wrong with it (RFC 8725 section 3.2
// and every padding oracle since). The verdict is for logs; see [ReasonOf].
var ErrInvalid = errors.New("cookie: invalid session cookie")

// Reason is the verdict on a cookie. The zero value, ReasonNone, means accepted,
// or that there was no cookie.
//
// It decides what may happen to the cookie in the browser. Foreign, UnknownKey,
// Ambiguous and Future never lead to a deletion: another program, another
// instance with a newer key, or a better clock may still read it.
type Reason uint8

const (
	// ReasonNone: accepted, or no cookie at all.
	ReasonNone Reason = iota
	// ReasonForeign: not in the format of this codec.
	ReasonForeign
	// ReasonUnknownKey: our format, and a key id that the keyring does not hold.
	ReasonUnknownKey
	// ReasonAmbiguous: more than one valid value under the same name, or more
	// candidates than [MaxCandidates].
	ReasonAmbiguous
	// ReasonFuture: made more than the leeway after now.
	ReasonFuture
	// ReasonMalformed: our format and our key, with a broken shape.
	ReasonMalformed
	// ReasonBadTag: our format, our key, right shape, and not authentic.
	ReasonBadTag
	// ReasonExpired: authentic, and over.
	ReasonExpired
	// ReasonEnded: authentic, and named by a logout.
	ReasonEnded
	// ReasonStampMissing: the session has a user and no stamp.
	ReasonStampMissing
	// ReasonStampMismatch: the user's stamp field has changed since the login.
	ReasonStampMismatch
	// ReasonStampUnknownKey: the stamp was made under a key the ring lacks.
	ReasonStampUnknownKey
	// ReasonBadUserID: the user id is not one the application can parse.
	ReasonBadUserID
)

// reasonNames are stable: logs and alerts depend on them.
var reasonNames = [...]string{
	ReasonNone:            "none",
	ReasonForeign:         "foreign",
	ReasonUnknownKey:      "unknown-key",
	ReasonAmbiguous:       "ambiguous",
	ReasonFuture:          "future",
	ReasonMalformed:       "malformed",
	ReasonBadTag:          "bad-tag",
	ReasonExpired:         "expired",
	ReasonEnded:           "ended",
	ReasonStampMissing:    "stamp-missing",
	ReasonStampMismatch:   "stamp-mismatch",
	ReasonStampUnknownKey: "stamp-unknown-key",
	ReasonBadUserID:       "bad-user-id",
}

// String returns one lower-case word for logs. The words do not change.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason-" + strconv.Itoa(int(r))
}

// Err returns the reason as an error: it matches [ErrInvalid], its text is that
// of ErrInvalid, and [ReasonOf] finds the reason again. ReasonNone gives nil.
// It does not allocate.
func (r Reason) Err() error {
	if r == ReasonNone {
		return nil
	}
	return invalid(r) // one byte in an interface: Go keeps those ready
}

// ReasonOf returns the verdict that an error carries: ReasonNone for nil, and
// ReasonForeign, which permits nothing, for an error that carries none.
func ReasonOf(err error) Reason {
	switch e := err.(type) {
	case nil:
		return ReasonNone
	case invalid:
		return Reason(e)
	}
	var e invalid
	if errors.As(err, &e) {
		return Reason(e)
	}
	return ReasonForeign
}

// invalid is the only error type of refusals. It holds nothing of the input.
type invalid Reason

func (invalid) Error() string        { return ErrInvalid.Error() }
func (invalid) Is(target error) bool { return target == ErrInvalid }
