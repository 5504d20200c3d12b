package cookie

import (
	"errors"
	"strconv"
)

// ErrInvalid is returned, in the sense of [errors.Is], for every cookie value that
// is refused. All refusals share its text: the sender of a forged cookie must not
// learn from the answer what was wrong with it (RFC 8725 section 3.2 and every
// padding oracle since). The verdict is for logs; see [ReasonOf].
var ErrInvalid = errors.New("cookie: invalid session cookie")

// A Reason is the verdict on a cookie. The zero value, ReasonNone, means that the
// cookie was accepted or that there was none.
//
// The verdict decides what may happen to the cookie in the browser. Foreign,
// UnknownKey, Ambiguous and Future never lead to a deletion: another program, an
// instance with a newer key, or one with a better clock may still accept it.
type Reason uint8

const (
	// ReasonNone means that the cookie was accepted, or that there was none.
	ReasonNone Reason = iota
	// ReasonForeign means that the value isn't in this codec's format.
	ReasonForeign
	// ReasonUnknownKey means that the value is in our format, but names a key
	// that isn't in the keyring.
	ReasonUnknownKey
	// ReasonAmbiguous means that there was more than one valid value under the
	// same name, or more candidates than [MaxCandidates].
	ReasonAmbiguous
	// ReasonFuture means that the session was made further ahead of now than
	// the leeway allows.
	ReasonFuture
	// ReasonMalformed means that the value has our format and names one of our
	// keys, but its shape is broken.
	ReasonMalformed
	// ReasonBadTag means that the value has our format, one of our keys and the
	// right shape, but isn't authentic.
	ReasonBadTag
	// ReasonExpired means that the session is authentic, but over.
	ReasonExpired
	// ReasonEnded means that the session is authentic, but a logout ended it.
	ReasonEnded
	// ReasonStampMissing means that the session has a user but no stamp.
	ReasonStampMissing
	// ReasonStampMismatch means that the user's stamped field has changed since
	// the login, or a field of a ticket since it was sealed.
	ReasonStampMismatch
	// ReasonStampUnknownKey means that the stamp was made under a key that
	// isn't in the ring.
	ReasonStampUnknownKey
	// ReasonBadUserID means that the application can't parse the user id.
	ReasonBadUserID
	// ReasonRevoked means that the session is authentic, but a mark ended it; see
	// package marks.
	ReasonRevoked
	// ReasonUnverified means that the session is authentic, but what is known of the
	// marks is too old to say whether one ended it, or that an earlier system's store,
	// which alone knows, didn't answer. The cookie is kept.
	ReasonUnverified
)

// reasonNames doesn't change: logs and alerts depend on these words.
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
	ReasonRevoked:         "revoked",
	ReasonUnverified:      "unverified",
}

// String returns one lower-case word for logs. The words do not change.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason-" + strconv.Itoa(int(r))
}

// Err returns the reason as an error. It matches [ErrInvalid] and has the text of
// ErrInvalid, and [ReasonOf] recovers the reason from it. For ReasonNone it returns
// nil. It doesn't allocate.
func (r Reason) Err() error {
	if r == ReasonNone {
		return nil
	}
	return invalid(r) // Go has a static copy of each one-byte value for interfaces
}

// ReasonOf returns the verdict that err carries. It returns ReasonNone for nil, and
// ReasonForeign, which permits nothing, for an error without a verdict.
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

// invalid is the error type of every refusal. It holds none of the input.
type invalid Reason

func (invalid) Error() string        { return ErrInvalid.Error() }
func (invalid) Is(target error) bool { return target == ErrInvalid }
