// Package keyring holds the root keys of an application and decides which of them
// seals. One primary seals, and any number of fallbacks only open, so moving from one
// primary to the next logs nobody out.
//
// # What it does
//
// A [Key] is 32 secret bytes with a public id. A [Keyring] is an immutable, ordered
// set of at most 16 keys. A [Source] returns the ring for a given time. It is a fixed
// ring, a [Holder] that the program sets, a [File] that reloads itself, or a
// [Schedule] that derives a key for each period from one master secret. Root keys are
// never used on a token directly. [Key.Derive] makes a subkey for each purpose,
// audience and cookie name with HKDF-SHA256 (RFC 5869).
//
//	ring, err := keyring.FromSecrets(keyring.Secrets{Primary: os.Getenv("SESSION_SECRET")})
//	ring, err := keyring.Parse(os.Getenv("SESSION_KEYS"))      // a JWK Set
//	file, err := keyring.OpenFile("/run/secrets/keys.json", logFault)
//	err = file.Update((*keyring.Keyring).Rotate)               // at 3 a.m.
//
// # Rotation
//
// Readers come before writers: every instance must have a key before any instance
// seals with it. Add the key as a fallback, or with an activation time ([NewKeyAt]).
// Promote it once every instance has it. Retire its predecessor when the new key has
// been primary everywhere for as long as a session can live. docs/ROTATION.md has the
// steps.
//
// Older and newer always refer to a key's generation, which is its creation time and
// then its id. Every operation that makes a key primary refuses one that isn't newer
// than all others, because instances never reseal a session under an older
// generation. This keeps a fleet in which some instances are ahead from moving
// sessions back and forth.
//
// # Format
//
// On disk and in an environment variable, a ring is a JWK Set (RFC 7517) on one line,
// which any JOSE library can read. [Parse] describes its members and what is refused.
// Three keys take less than 500 bytes.
//
// # Threat model
//
// Anyone with a root key can read and mint every session of every application that
// uses it, so guard the key file like a password database. Nobody can check a cookie
// without being able to make one (see [Key.ExportJWK]). Keys don't print through fmt,
// encoding/json or log/slog, even from within other values. That prevents accidents.
// It doesn't stop code that runs in the same process, and this package doesn't claim
// to wipe memory. Errors never repeat what was read.
//
// Everything fails closed. The zero Key, nil and zero rings, Sources without a ring,
// and the zero time open nothing and seal nothing, and no method panics on them.
//
// # Limits
//
// A ring has at most 16 keys, and a JWK Set at most 64 KiB. A key caches values for 64
// labels. Times are in milliseconds, from 1970 to the end of 9999. A key is worn after
// 2^31 seals ([Counters]). Key files need a system with inodes and rename. On Windows,
// file modes aren't checked.
//
// # Compatibility
//
// Subkeys and the JWK Set are part of the wire format. Within a major version, a newer
// release can read what an older one wrote, and derives the same subkeys. A release may
// add members to the set, which older releases then refuse. That will be announced one
// release ahead.
package keyring
