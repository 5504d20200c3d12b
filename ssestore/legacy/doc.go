// Package legacy takes over the sessions of other systems, so that nobody is logged out
// when an application moves to Go, at once or one route after the other.
//
// Each function describes the session cookie of one system. It takes that system's secrets
// as its configuration has them, newest first:
//
//	old := legacy.AuthJS(cookie.Config{}, os.Getenv("AUTH_SECRET"))
//	old.Until = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
//	old.Migrate = func(s *ssestore.Session, claims []byte) error {
//		var c struct{ Sub string }
//		if err := json.Unmarshal(claims, &c); err != nil {
//			return err
//		}
//		if c.Sub == "" {
//			return errors.New("no user")
//		}
//		return s.Adopt(c.Sub)
//	}
//	store, err := ssestore.New(ssestore.Config{Keys: keys, Legacy: []ssestore.Legacy{old}})
//
// An empty cookie.Config means the name that the system uses by default over https. Set
// Name if yours differs, and Domain and Path as they were, because that is where the
// cookie is deleted once the session has moved.
//
// Set Until and Migrate, and ReadOnly if the other application goes on to be the one that
// writes the session. Migrate gets JSON. It must check what a format can't know: that this
// is the session of somebody who is logged in. Systems seal other things with the same
// secret, such as the state of a login under way.
//
// # What is refused
//
// A secret that is empty is an error of ssestore.New. Values are judged before any work is
// done: by their length, by their shape, and by the size that they claim to unfold to. Those
// that hold code in another language's own form (Ruby's Marshal, Python's pickle, PHP's
// serialize) can't be read safely and are refused with [ErrNotJSON].
//
// Formats that derive a key for each value make a forged one cost as much as a genuine one;
// each function says how much. Keys that opened a value are kept, at most 1,024 of them, so
// that a visitor pays once.
//
// Dates come from the value where it has them. Systems that write none need
// ssestore.Legacy.Issued, and their functions say so. A session keeps its age when
// it moves, so one that is older than ssestore.Config.Absolute isn't taken over: set
// that, which is 12 hours otherwise, to the age that sessions reach in the other
// system.
package legacy
