// Package gorilla reads and writes the cookies of github.com/gorilla/securecookie,
// the format under github.com/gorilla/sessions. It is the only package of
// hardtack that imports securecookie. It serves three needs:
//
//   - [SecureCookie] seals hardtack's own sessions in this format, with keys derived
//     from a keyring, for a service beside which another one reads securecookies.
//   - [WithKeys] opens the cookies that an application has already handed out
//     under its own key pairs, so that moving to hardtack logs nobody out.
//   - [Codecs] goes the other way: it puts a keyring under an application that
//     stays with sessions.CookieStore, in one assignment.
//
// # Format
//
// A value is base64url, padded, of "date|payload|mac". The date is a decimal
// Unix time, the payload padded base64url of a 16-byte IV and the AES-CTR
// ciphertext (or of the plaintext, when there is no block key), and the mac is
// HMAC-SHA256 over "name|date|payload". It is authenticated and encrypted, in
// the right order, but it names no key.
//
// # What differs from the library
//
// All cryptography is securecookie's, and what either side seals the other opens;
// the tests prove it against the real library. Around it, this package
//
//   - refuses every second spelling: securecookie skips CR and LF and ignores
//     the unused bits of the last character, so that one cookie has many valid
//     forms. Here a value that is not canonical is never looked at;
//   - finds the key by its MAC first and decrypts once, so that a bad cookie costs
//     one HMAC per key and no memory per key;
//   - seals a copy, because securecookie encrypts the bytes it is given in place;
//   - refuses to seal nothing: securecookie cannot open an empty payload again;
//   - reports the date as [cookie.Opened].Issued. securecookie accepts dates in
//     the future, however far; whoever has a clock must refuse them. ssestore and
//     [Codecs] do.
//
// # Verdicts
//
// What is not of this format at all is [cookie.ReasonForeign]. The format names
// no key, so a value that no key opens may have been altered, or belong to a key
// that another instance already has: it is [cookie.ReasonUnknownKey] and nobody
// deletes it. [cookie.ReasonMalformed] is left for a value whose MAC is right and
// whose payload is not.
//
// # Threat model and limits
//
// As for hardtack's own format: whoever can read can also mint, and a copied
// cookie opens until it expires. Besides: CTR mode draws its IV from crypto/rand
// alone, so two clones of one virtual machine may encrypt under the same IV,
// which reveals the XOR of the two payloads (the JWE codec of package cookie is
// hedged against that); the date shows in the clear; the payload is encoded in
// base64 twice, so a cookie is about a third longer. Values are at most 4,096
// characters.
package gorilla
