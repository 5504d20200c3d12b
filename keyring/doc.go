// Package keyring holds the root keys of an application and says which of them
// seals: one primary seals, any number of fallbacks only open, and a change from
// one primary to the next logs nobody out.
//
// # What it does
//
// A [Key] is 32 secret bytes with a public id. A [Keyring] is an immutable,
// ordered set of at most 16 of them. A [Source] gives the ring as it stands at a
// time: a fixed ring, a [Holder] that the program sets, a [File] that reloads
// itself, or a [Schedule] that derives a key per period from one master secret.
// Root bytes never touch a token: [Key.Derive] makes one subkey per purpose,
// audience and cookie name with HKDF-SHA256 (RFC 5869).
//
//	ring, err := keyring.FromSecrets(keyring.Secrets{Primary: os.Getenv("SESSION_SECRET")})
//	ring, err := keyring.Parse(os.Getenv("SESSION_KEYS"))      // a JWK Set
//	file, err := keyring.OpenFile("/run/secrets/keys.json", logFault)
//	err = file.Update((*keyring.Keyring).Rotate)               // at 3 a.m.
//
// # Rotation
//
// Reader before writer: a key must be everywhere before anybody seals with it.
// Add it as a fallback, or with an activation time ([NewKeyAt]); promote it once
// every instance has it; retire its predecessor when it has been primary
// everywhere for the longest life of a session. docs/ROTATION.md has the steps.
//
// Older and newer mean the generation of a key, (creation time, id), and nothing
// else. Every operation that makes a key primary refuses one that is not newer
// than all others, because instances never reseal a session towards an older
// generation: so a fleet in which some instances are ahead does not move
// sessions back and forth.
//
// # Format
//
// On disk and in an environment variable a ring is a JWK Set (RFC 7517) on one
// line, which any JOSE library reads; see [Parse] for its members and for what is
// refused. Three keys take less than 500 bytes.
//
// # Threat model
//
// Whoever has a root key can read and mint every session of every application
// that uses it: guard the key file like a password database. There is no way to
// check a cookie without being able to make one (see [Key.ExportJWK]). Keys do
// not print: not by fmt, encoding/json or log/slog, also from within other
// values. That stops accidents, not code that runs in the same process, and
// nothing here claims to wipe memory. Errors never repeat what was read.
//
// Everything fails closed: the zero Key, nil and zero rings, Sources without a
// ring, and the zero time open nothing and seal nothing, and no method panics on
// them.
//
// # Limits
//
// Sixteen keys in a ring, 64 KiB of JWK Set, 64 remembered labels per key,
// times from 1970 to the end of 9999 in milliseconds. A key is worn after 2^31
// seals ([Counters]). Key files need a system with inodes and rename; on Windows
// modes are not checked.
//
// # Compatibility
//
// Subkeys and the JWK Set are part of the wire format: within a major version a
// newer release reads what an older one wrote and derives the same subkeys.
// Members may be added to the set, which older releases then refuse; that will
// be announced one release ahead.
package keyring
