package auth

import "github.com/hardtack-go/hardtack/ssestore"

// Within returns the id of the session's user if GetUser has verified them within the
// last [ssestore.Config].RenewVerified, in this request or in an earlier one. It asks no
// user store, so it is for programs that have none: a gateway, a worker at the edge, a
// service that reads another one's sessions. If ok is false, id is "": let a program
// that can call GetUser decide.
//
// Within the window, nobody notices that the user has changed their password, has been
// locked or deleted, or has logged out elsewhere, but for what [ssestore.Config].Marks
// say. It's good enough for a name on a page or for public content with a personal
// touch. What matters should ask GetUser.
//
// While somebody is impersonated, id is the impersonated user's. Where a program calls
// GetUser too, that answer counts.
func Within(s *ssestore.Session) (id string, ok bool) { return s.Principal().Within() }
