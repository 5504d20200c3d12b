// Package ticket seals a short-lived value for a purpose: a link to set a new
// password, the state of an OAuth login, the confirmation of an address, a download
// that ends tomorrow. The ticket goes out into the world and comes back. The server
// keeps nothing in between.
//
// # What it does
//
// A program makes one [Kind] for each purpose. [Kind.Seal] turns a value into text
// that fits a URL, a form field or a JSON string. [Kind.Open] turns it back into the
// value, if the ticket is authentic, of this purpose and audience, and not over.
//
//	resets, err := ticket.New[string](ticket.Config{Keys: keys, Purpose: "reset", Life: time.Hour})
//	token, err := resets.Seal(now, user.ID, user.PasswordHash)
//	id, err := resets.Open(now, token, func(id string) ([]string, error) { … })
//
// # Once
//
// A server that remembers nothing can't know that a ticket was used before. What it
// can know is that something has changed since. So a ticket may be bound to fields,
// such as the user's password hash: Seal takes the fields as they are, Open asks for
// them as they are now, and the two must be equal. If using a ticket changes one of
// its fields, the ticket works once. Two requests at once may both open it, so make
// the change by compare-and-set: UPDATE … WHERE password_hash = the one that Open
// saw. One of the two wins. Only a digest of the fields is in the ticket.
//
// A ticket without such a field can be used as often as its holder likes until it
// expires.
//
// # Cost
//
// Opening a ticket with a small struct takes 12 allocations, most of them
// encoding/json's. What isn't a ticket, or names an unknown key, is refused without any.
//
// # Values
//
// A value is stored as JSON. Seal refuses one that wouldn't come back equal, by the
// rules of ssestore.Key.Set. Open refuses unknown members, so that a ticket isn't
// taken for one of another type. During a deployment, older instances therefore
// refuse tickets with a field that only newer ones know: add a field in one release,
// and fill it in the next.
//
// # Threat model
//
// Whoever has the ticket can use it, so it is a secret like a password until it
// expires. Bind it to a secret of the browser that asked if nobody else should use it.
// Nobody without a key can make, change or read one. Every purpose and audience has a
// subkey of its own, apart from those of all cookies, so neither a session nor
// another ticket can be passed off as this one. The length shows the length of the
// value.
//
// # Format
//
// A ticket is a JWE in the same strict form as a session, so it has one spelling, and
// altering it in any way makes it invalid. docs/FORMAT.md describes it.
//
// # Rotation
//
// The key that sealed a ticket must stay in the ring for the ticket's Life. A ticket
// under a key that this instance doesn't know yet makes it look for newer keys, as a
// session does.
package ticket
